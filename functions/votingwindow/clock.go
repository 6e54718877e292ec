package votingwindow

import "time"

// Clock is where handlers take the time from, so that tests need not wait for it.
type Clock interface {
	Now() time.Time
	// After delivers the time once, d from now.
	After(d time.Duration) <-chan time.Time
}

// SystemClock is the machine's clock.
type SystemClock struct{}

// Now is the current time.
func (SystemClock) Now() time.Time { return time.Now() }

// After delivers the time once, d from now.
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
