// Package command is what a system offers its operators, as data: the operator's
// tool makes one command of each, SYSTEM and NAME behind its name, with the
// same flags, forms of output and exit codes everywhere.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Command is one command of a system.
type Command struct {
	// Name is its word on the command line: "recount". Several systems may have a
	// command of one name.
	Name string
	// Short is one line, Long what a person must know before, Example some command
	// lines.
	Short, Long, Example string
	// Argument names one optional argument behind the system's name; empty for
	// none.
	Argument string
	Flags    []Flag
	// Run does the work.
	Run func(ctx context.Context, call *Call) (Answer, error)
}

// Flag is one flag of a command.
type Flag struct {
	Name, Usage string
	// Default is the value where the flag is not given. Its type is the flag's:
	// string, bool, int or time.Duration.
	Default any
}

// Clock is where a command takes the time from.
type Clock interface {
	Now() time.Time
	// After delivers the time once, d from now.
	After(d time.Duration) <-chan time.Time
}

// Call is one command line.
type Call struct {
	// Name is the system's.
	Name string
	// Argument is the one behind it; empty where it was not given.
	Argument string
	// Values has a value for each flag; Given those that were on the command line.
	Values map[string]any
	Given  map[string]bool
	// Open finds the system in AWS. A command that works offline never calls it.
	Open func(ctx context.Context) (Deployed, error)
	// In is standard input; Progress shows a line that the next overwrites, and
	// ends it where the line is empty.
	In       io.Reader
	Progress func(line string)
	Clock    Clock
}

// Value is the value of a flag, whose type must be that of its default.
func Value[T string | bool | int | time.Duration](c *Call, flag string) T {
	value, ok := c.Values[flag].(T)
	if !ok {
		panic(fmt.Sprintf("command: --%s is no %T", flag, value))
	}
	return value
}

// Answer is what a command has to say.
type Answer struct {
	// JSON is written with --output json: its form is for scripts, so fields may
	// be added and none changes its meaning. Text is for people; its last line is
	// ended where it does not end by itself. An answer without JSON is not written.
	JSON any
	Text string
	// Unwell is true where the command did its work and something is wrong with
	// the system.
	Unwell bool
}

// Part is one AWS object of a system.
type Part struct {
	Kind, Name string
	Attributes map[string]string
}

// Deployed is a system that is there. Functions, buckets, queues and keys are
// named by their part's key in the blueprint; an error says which part is
// missing.
type Deployed interface {
	Name() string
	Account() string
	Region() string
	// Caller is the ARN of who runs the command.
	Caller(ctx context.Context) (string, error)
	// Part returns a part, and whether there is one.
	Part(key string) (Part, bool)
	// Invoke calls the live version of a function and decodes its answer. The error
	// is a FunctionError where the function itself returned one.
	Invoke(ctx context.Context, function string, event, answer any) error
	// Object reads a small object; ErrNoObject where there is none.
	Object(ctx context.Context, bucket, key string) ([]byte, error)
	// Objects lists the keys that begin with a prefix, in their order.
	Objects(ctx context.Context, bucket, prefix string) ([]string, error)
	// Download writes an object of any length; ErrNoObject where there is none.
	Download(ctx context.Context, bucket, key string, to io.Writer) error
	// Send puts a message on a queue and returns its id.
	Send(ctx context.Context, queue, body string) (string, error)
	// PublicKey returns the public half of an asymmetric key: PKIX, DER.
	PublicKey(ctx context.Context, key string) ([]byte, error)
}

// ErrNoObject says that a bucket has no such object.
var ErrNoObject = errors.New("there is no such object")

// FunctionError is what a function returned instead of an answer.
type FunctionError struct{ Function, Message string }

// Error implements error.
func (e *FunctionError) Error() string {
	return fmt.Sprintf("the function %s says: %s", e.Function, e.Message)
}

// UsageError is a mistake in the command line.
type UsageError struct{ Message string }

// Error implements error.
func (e *UsageError) Error() string { return e.Message }

// Usage is a mistake in the command line, which nothing was done for.
func Usage(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// Fact is one line that a system adds to its status.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
