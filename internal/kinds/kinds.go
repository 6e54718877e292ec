// Package kinds holds the code that knows one sort of AWS object each:
// observe, create, update, delete, the actions that these need, and the errors
// that are known to pass. A kind knows AWS and nothing about systems.
package kinds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// ErrAbsent is what Observe returns when AWS has no such object. "Access
// denied" is never absence.
var ErrAbsent = errors.New("does not exist")

// ErrPresent is what Create returns when there is an object of that name
// already, ours or not. Create never changes what is there.
var ErrPresent = errors.New("exists already")

// Clock is the time that waits go by.
type Clock interface {
	Now() time.Time
	After(time.Duration) <-chan time.Time
}

// Env is what kinds work with.
type Env struct {
	AWS   *awsclient.Client
	Clock Clock
	// Content returns the content with that hex SHA-256: a bundle of functions.
	Content func(ctx context.Context, sha256 string) ([]byte, error)
	// Random is where the values of secrets come from.
	Random io.Reader
}

// Attributes are what AWS alone knows of a part and others refer to: "url",
// "id". Names and what is made of them are no attributes.
type Attributes map[string]string

// Target is the object that a kind works on.
type Target struct {
	// Key of the part, and its physical name.
	Key, Name string
	// Attributes as last recorded; empty when a part is adopted.
	Attributes Attributes
	// Tags that the object should carry; Retired are keys of tags that we set
	// earlier and no longer want.
	Tags    map[string]string
	Retired []string
	// Force allows a bucket to be emptied before it is deleted, and deletion
	// protection to be lifted.
	Force bool
}

// Live is what AWS has.
type Live[S blueprint.Spec] struct {
	Spec       S
	Attributes Attributes
	Tags       map[string]string
}

// Changes are the names of the fields that differ, by their JSON names.
type Changes map[string]bool

// Any reports whether one of the fields differs.
func (c Changes) Any(fields ...string) bool {
	for _, f := range fields {
		if c[f] {
			return true
		}
	}
	return false
}

// Kind manages one sort of AWS object. Every verb is idempotent and returns
// only when its effect can be relied on by dependants, or the context ends.
// want is always resolved: it holds no tokens.
type Kind[S blueprint.Spec] interface {
	Facts() Facts
	// Observe reads all that S covers, or returns ErrAbsent.
	Observe(ctx context.Context, t *Target) (*Live[S], error)
	// Create makes the object with its tags, or returns ErrPresent. A Create
	// that failed half-way leaves an object that Observe finds and Update mends.
	Create(ctx context.Context, t *Target, want S) (Attributes, error)
	// Update changes only what differs. Tags are not its business.
	Update(ctx context.Context, t *Target, want S, live *Live[S], changed Changes) (Attributes, error)
	// Delete removes the object and returns when it is gone. Absent is success.
	Delete(ctx context.Context, t *Target) error
}

// Tagger is a kind whose objects carry tags.
type Tagger interface {
	// Tag sets and removes tags of an existing object.
	Tag(ctx context.Context, t *Target, set map[string]string, remove []string) error
}

// BatchObserver is a kind that reads many objects with few calls. The result
// has one entry a target, nil where AWS has no such object.
type BatchObserver[S blueprint.Spec] interface {
	ObserveAll(ctx context.Context, targets []*Target) ([]*Live[S], error)
}

// Ownership says how a kind's objects show whose they are.
type Ownership int

const (
	// OwnedByTags: the object carries all tags.
	OwnedByTags Ownership = iota
	// OwnedByMark: the object takes no tags; its Live.Tags hold the marks of
	// ownership, read from another field.
	OwnedByMark
	// OwnedByParent: the object lives inside another part.
	OwnedByParent
)

// Facts are what the engine needs to know of a kind beforehand.
type Facts struct {
	Ownership Ownership
	// ObserveCalls is the number of API calls that observing one object costs;
	// BatchCalls those that a whole batch shares.
	ObserveCalls, BatchCalls int
	// Lost says what it means that somebody has deleted an object, where an apply
	// cannot bring back what it was.
	Lost string
	// Lingers says what a destroy leaves behind for a while, since AWS deletes it
	// no sooner; empty where nothing stays.
	Lingers string
	// Permissions are the IAM permissions that the verbs need.
	Permissions []Permission
	// Transient are the errors that pass by themselves.
	Transient []Transient
}

// Verb is one of the four things a kind does.
type Verb string

// The verbs.
const (
	Observing Verb = "observe"
	Creating  Verb = "create"
	Updating  Verb = "update"
	Deleting  Verb = "delete"
)

// Permission is a set of IAM actions on resources. In resources and conditions
// {partition}, {region}, {account} and {name} stand for the part's own, and
// {kms_key} or the JSON name of another field for that field of its spec; see
// Permission.Of.
type Permission struct {
	Verbs     []Verb
	Actions   []string
	Resources []string
	// Condition is as in a policy: operator, key, values.
	Condition blueprint.Condition
	// If and Unless name a field of the spec that must, or must not, be set.
	If, Unless string
	// Rare explains a permission that no everyday apply uses.
	Rare string
}

// Transient is an error that is known to pass, by its code and, where the code
// alone says too little, a part of its message.
type Transient struct {
	Code, Message string
	// Why it passes, with the source.
	Why string
}

// matches reports whether err is this transient error.
func (t Transient) matches(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != t.Code {
		return false
	}
	return t.Message == "" || containsFold(api.ErrorMessage(), t.Message)
}

// code returns the AWS error code of err, or "".
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// wait polls check until it is done, fails, or the context ends. It polls
// quickly at first, since most things are ready at once, and at least every
// three seconds.
func (e Env) wait(ctx context.Context, what string, check func(context.Context) (done bool, err error)) error {
	const first, most = 100 * time.Millisecond, 3 * time.Second
	for pause := first; ; pause = min(pause*5/4, most) {
		done, err := check(ctx)
		if err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w", what, context.Cause(ctx))
		case <-e.Clock.After(pause):
		}
	}
}
