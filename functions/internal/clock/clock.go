// Package clock is where functions take the time from.
package clock

import "time"

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
