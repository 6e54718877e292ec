// Package clock is where functions take the time from.
package clock

import (
	"context"
	"time"
)

// Clock is a source of time, so that tests need not wait for it.
type Clock interface {
	Now() time.Time
	// After delivers the time once, d from now.
	After(d time.Duration) <-chan time.Time
}

// System is the machine's clock.
type System struct{}

// Now is the current time.
func (System) Now() time.Time { return time.Now() }

// After delivers the time once, d from now.
func (System) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Wait waits for d, not at all where that is not above zero, and returns the context's error as soon as it is done.
func Wait(ctx context.Context, with Clock, d time.Duration) error {
	if d > 0 {
		select {
		case <-with.After(d):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// answerMargin is kept back from an invocation's deadline, for the answer that says what of a batch failed: without an answer all of it would come again.
const answerMargin = time.Second

// ToAnswer is a context that ends while there is still time to answer.
func ToAnswer(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-answerMargin))
}
