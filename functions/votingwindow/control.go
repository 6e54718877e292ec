package votingwindow

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// ControlLead is how long before it takes effect an operator must set a closing time: all that go by it know it by then.
	ControlLead = 15 * time.Second
	// controlFor is how long a reading of the control is gone by, and controlAtMost how long where it cannot be read again. The
	// second, with the second or so by which an eventually consistent read may lag, is less than ControlLead.
	controlFor    = 5 * time.Second
	controlAtMost = 10 * time.Second
)

// Control is what an operator changed while the window runs: an item of the tallies table, which no apply reverts.
type Control struct {
	ClosesAt time.Time // The closing time in force, to the millisecond.
	Of       time.Time // The configured one that it replaces. An apply that changes the argument ends the control.
	By       string    // Who set it: an ARN.
	At       time.Time // When.
}

// Effective is the window with the closing time in force.
func (w Window) Effective(control Control) Window {
	if control.Of.Equal(w.ClosesAt) && control.ClosesAt.After(w.OpensAt) {
		w.ClosesAt = control.ClosesAt
	}
	return w
}

// Move returns the control that lets the window close at another time than it would by the present control. It refuses what could not
// be exact: both times must be ControlLead ahead. The times are taken to the millisecond.
func (w Window) Move(present Control, to, now time.Time, by string) (Control, error) {
	to = to.UTC().Truncate(time.Millisecond)
	inForce := w.Effective(present)
	switch {
	case inForce.ClosesAt.Before(now.Add(ControlLead)):
		return Control{}, fmt.Errorf("the window closes at %s: it is too late to move that; it must be %s ahead", clockText(inForce.ClosesAt), ControlLead)
	case to.Before(now.Add(ControlLead)):
		return Control{}, fmt.Errorf("%s is too soon: every recorder must know of a closing time before it comes; take one that is %s ahead", clockText(to), ControlLead)
	case !to.After(w.OpensAt):
		return Control{}, fmt.Errorf("%s is not after the window opens, at %s", clockText(to), clockText(w.OpensAt))
	}
	return Control{ClosesAt: to, Of: w.ClosesAt, By: by, At: now.UTC().Truncate(time.Millisecond)}, nil
}

// ControlStore is where an operator's control is read.
type ControlStore interface {
	// ReadControl returns the control; the zero Control where there is none.
	ReadControl(ctx context.Context) (Control, error)
}

// Clocked is the window with the closing time in force, which it reads at most every five seconds. It may be used from several
// goroutines.
type Clocked struct {
	Window Window
	Store  ControlStore // nil where nobody can move the closing time.
	Clock  Clock

	mu      sync.Mutex
	present Control
	tried   time.Time // When it was last tried to read the control.
	read    time.Time // When it was last read.
}

// InForce returns the window as it is now. Where the control has not been read for ten seconds, nobody knows: that is an error. A message that
// is judged after its sent time is thereby judged by every closing time that was set ControlLead before.
func (c *Clocked) InForce(ctx context.Context) (Window, error) {
	if c.Store == nil {
		return c.Window, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Clock.Now()
	if !c.tried.IsZero() && now.Sub(c.tried) < controlFor && c.tried.Equal(c.read) {
		return c.Window.Effective(c.present), nil
	}
	c.tried = now
	present, err := c.Store.ReadControl(ctx)
	if err == nil {
		c.present, c.read = present, now
	} else if c.read.IsZero() || now.Sub(c.read) > controlAtMost {
		return Window{}, fmt.Errorf("read the closing time in force: %w", err)
	}
	return c.Window.Effective(c.present), nil
}
