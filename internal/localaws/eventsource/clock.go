package eventsource

import (
	"context"
	"time"
)

// Clock is where pollers and sources in memory take the time from.
type Clock interface {
	Now() time.Time
	// After delivers the time once, d from now.
	After(d time.Duration) <-chan time.Time
}

// SystemClock is the machine's clock, and a bubble's inside testing/synctest.
type SystemClock struct{}

// Now is the current time.
func (SystemClock) Now() time.Time { return time.Now() }

// After delivers the time once, d from now.
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// pause lasts as long as d, and reports false where the context ended first.
func pause(ctx context.Context, clock Clock, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-clock.After(d):
		return true
	}
}

const (
	// firstPause and longestPause bound the back-off after failures; the figures are ours, AWS documents none.
	firstPause   = 100 * time.Millisecond
	longestPause = 10 * time.Second
)

// backoff doubles from firstPause to longestPause.
type backoff struct{ last time.Duration }

func (b *backoff) next() time.Duration {
	b.last = min(max(2*b.last, firstPause), longestPause)
	return b.last
}

func (b *backoff) reset() { b.last = 0 }
