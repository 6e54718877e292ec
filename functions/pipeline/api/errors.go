package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	graphqlerrors "github.com/graph-gophers/graphql-go/errors"
)

// Code is what a program makes of an error: extensions.code.
type Code string

// The codes.
const (
	NotFound    Code = "NOT_FOUND"   // There is no such thing, or no more.
	BadInput    Code = "BAD_INPUT"   // The request is not one that can be answered; the same again fails again.
	Conflict    Code = "CONFLICT"    // It cannot be done as things are.
	Limit       Code = "LIMIT"       // It asks for too much at once.
	Forbidden   Code = "FORBIDDEN"   // The caller may not.
	Unavailable Code = "UNAVAILABLE" // That did not work; the same again may.
)

// Error is what a caller is told as it is.
type Error struct {
	Code    Code
	Message string
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

func fail(code Code, format string, values ...any) error {
	return &Error{code, fmt.Sprintf(format, values...)}
}

const unavailableMessage = "That did not work. Try again in a moment."

var errPanic = errors.New("a resolver panicked")

// panics makes an error of a resolver's panic.
type panics struct{ log *slog.Logger }

func (p panics) MakePanicError(context.Context, any) *graphqlerrors.QueryError {
	return &graphqlerrors.QueryError{Message: unavailableMessage, ResolverError: errPanic}
}

// LogPanic logs it.
func (p panics) LogPanic(ctx context.Context, value any) {
	p.log.ErrorContext(ctx, "a resolver panicked", "panic", fmt.Sprint(value))
}

// goTypes are how the library's messages begin that name Go's types.
var goTypes = []string{"could not unmarshal", "has invalid type", "wrong type for"}

// told gives each error its code, and keeps the cause of those that are not the caller's out of the answer. It says whether one is such.
func told(ctx context.Context, log *slog.Logger, errs []*graphqlerrors.QueryError) (failed bool) {
	for _, one := range errs {
		var known *Error
		code := BadInput
		switch {
		case errors.As(one.ResolverError, &known):
			code, one.Message = known.Code, known.Message
		case one.ResolverError != nil || ctx.Err() != nil || one.Path != nil && one.Rule == "":
			failed = true
			log.ErrorContext(ctx, "answer a field", "path", one.Path, "error", errors.Join(one.ResolverError, ctx.Err()), "message", one.Message)
			code, one.Message = Unavailable, unavailableMessage
			if ctx.Err() != nil {
				one.Message = "That took too long. Ask for less at once, or try again in a moment."
			}
		case strings.HasSuffix(one.Rule, "LimitExceeded"):
			code = Limit
		case slices.ContainsFunc(goTypes, func(said string) bool { return strings.Contains(one.Message, said) }):
			one.Message = "A value of an argument or a variable is not of its type."
		}
		one.Extensions = map[string]any{"code": code}
	}
	return failed
}
