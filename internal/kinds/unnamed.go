package kinds

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// ours reports whether tags mark an object as belonging to the target's system.
// With the name that the system gave it, that tells which part it is.
func (t *Target) ours(tags map[string]string) bool {
	return tags[blueprint.TagSystem] != "" && tags[blueprint.TagSystem] == t.Tags[blueprint.TagSystem] && tags[blueprint.TagName] == t.Tags[blueprint.TagName]
}

const (
	// creations bounds how often createOnce calls AWS.
	creations = 3
	// listed is how long after a lost answer a list is trusted to have what was
	// made. No service says how long its lists lag; the longest that one gives a
	// figure for is a second (SQS API Reference, CreateQueue).
	listed = 2 * time.Second
)

// createOnce makes an object that AWS names by itself, where AWS takes no token by
// which to know a repeated request: after an answer that may have been lost, it
// looks for the object before it asks again. create must be one attempt, without
// the SDK's own retries. find returns ErrAbsent where there is no object.
func (e Env) createOnce(ctx context.Context, create, find func(context.Context) error) error {
	for n := 1; ; n++ {
		err := create(ctx)
		if err == nil || refused(err) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-e.Clock.After(listed):
		}
		switch found := find(ctx); {
		case found == nil:
			return ErrPresent
		case !errors.Is(found, ErrAbsent):
			return fmt.Errorf("%w; whether it took effect is not known: %w", err, found)
		case n == creations:
			return err
		}
	}
}

// refused reports whether AWS has answered that it did nothing.
func refused(err error) bool {
	var status interface{ HTTPStatusCode() int }
	return errors.As(err, &status) && status.HTTPStatusCode() >= 400 && status.HTTPStatusCode() < 500
}
