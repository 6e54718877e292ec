package votingwindow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
)

const (
	// ControlLead is how long before it takes effect an operator must set a closing time: all that go by it know it by then.
	ControlLead = 15 * time.Second
	// controlFor is how long a reading of the control is gone by, and controlAtMost how long where it cannot be read again. The
	// second, with the second or so by which an eventually consistent read may lag, is less than ControlLead.
	controlFor    = 5 * time.Second
	controlAtMost = 10 * time.Second
	// controlWrite bounds the write of a control that was decided on: what comes later than ControlLead allows for must not come at all. With
	// controlAtMost and the lag of a read it stays below ControlLead.
	controlWrite = 3 * time.Second
	// MaxExtension is how much later than configured an operator may let a window close. More is a slip of the pen, or a change of the argument.
	MaxExtension = 7 * 24 * time.Hour
	// CountedWithin bounds how long after the grace figures are final, with their export: a queue that is slow to empty takes 16 minutes of it.
	CountedWithin = time.Hour
	// maxByBytes bounds who did something: IAM's ARNs have at most 2,048 characters (IAM API Reference, arnType).
	maxByBytes = 2048
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
	if err := w.Effective(present).movable(now); err != nil {
		return Control{}, err
	}
	switch {
	case to.Before(now.Add(ControlLead)):
		return Control{}, fmt.Errorf("%s is too soon: every recorder must know of a closing time before it comes; take one that is %s ahead", clockText(to), ControlLead)
	case !to.After(w.OpensAt):
		return Control{}, fmt.Errorf("%s is not after the window opens, at %s", clockText(to), clockText(w.OpensAt))
	}
	return Control{ClosesAt: to, Of: w.ClosesAt, By: by, At: now.UTC().Truncate(time.Millisecond)}, nil
}

// movable says why it is too late to move the closing time of a window in force; nil where it is not.
func (w Window) movable(now time.Time) error {
	switch {
	case !now.Before(w.graceEnds()):
		return fmt.Errorf("the window is over, it is too late to move its closing time: it closed at %s and its grace ended at %s, so its figures are final or about to be", clockText(w.ClosesAt), clockText(w.graceEnds()))
	case w.ClosesAt.Before(now.Add(ControlLead)):
		return fmt.Errorf("the window closes at %s: it is too late to move that; it must be %s ahead", clockText(w.ClosesAt), ControlLead)
	}
	return nil
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
	Clock  clock.Clock

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

// overSince is the age at which a control that holds against another closing time than the configured one is over for good. Publishers of the former
// configuration, for which a new control is one of another, are gone by then.
const overSince = 10 * time.Minute

// over is the control that was read last where the argument has changed since it was set; false where it has not.
func (c *Clocked) over() (Control, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	is := !c.present.Of.IsZero() && !c.present.Of.Equal(c.Window.ClosesAt) && c.Clock.Now().Sub(c.present.At) >= overSince
	return c.present, is
}

// The values of ControlRequest.Action.
const (
	ControlClose  = "close"  // Closes InSeconds from now.
	ControlExtend = "extend" // Closes later: at To, or BySeconds after the closing time in force.
	ControlClear  = "clear"  // Goes back to the configured closing time.
	ControlShow   = "show"   // Changes nothing.
)

// ControlRequest is the event: `{"action":"close","in_seconds":30,"by":"arn…"}`, `{"action":"extend","to":"2027-05-22T18:30:00Z","by":"arn…"}`,
// `{"action":"extend","by_seconds":300,"by":"arn…"}`, `{"action":"clear","by":"arn…"}` or `{"action":"show"}`.
type ControlRequest struct {
	Action    string `json:"action"`
	InSeconds int64  `json:"in_seconds,omitempty"`
	To        string `json:"to,omitempty"` // RFC 3339.
	BySeconds int64  `json:"by_seconds,omitempty"`
	By        string `json:"by,omitempty"` // Who asks for it: an ARN.
}

// Controlling is the answer: what is in force. Times are RFC 3339 in UTC.
type Controlling struct {
	OpensAt    string `json:"opens_at"`
	ClosesAt   string `json:"closes_at"`            // In force.
	Configured string `json:"configured_closes_at"` // What the argument says.
	Overridden bool   `json:"overridden"`           // An operator's closing time is in force.
	By         string `json:"by,omitempty"`         // Who set it.
	At         string `json:"at,omitempty"`         // When.
	Changed    bool   `json:"changed"`              // By this call.
}

// Decide returns the control that an operator's request leads to, without a closing time for none, or says why it must be refused.
func (w Window) Decide(present Control, request ControlRequest, now time.Time) (Control, error) {
	inForce := w.Effective(present)
	switch request.Action {
	case ControlShow:
		return present, nil
	case ControlClear:
		if inForce.ClosesAt.Equal(w.ClosesAt) {
			return present, nil // What is there, if anything, is not in force.
		}
		back, err := w.Move(present, w.ClosesAt, now, request.By)
		return Control{By: back.By, At: back.At}, err
	case ControlClose, ControlExtend:
		if request.By == "" || len(request.By) > maxByBytes {
			return Control{}, fmt.Errorf("by must be the ARN of who asks for it, of at most %d bytes", maxByBytes)
		}
		if err := inForce.movable(now); err != nil {
			return Control{}, err
		}
		to, err := w.asked(inForce, request, now)
		if err != nil {
			return Control{}, err
		}
		return w.Move(present, to, now, request.By)
	default:
		return Control{}, fmt.Errorf("there is no such action; it is one of %s, %s, %s, %s", ControlClose, ControlExtend, ControlClear, ControlShow)
	}
}

// asked is the closing time that a request to close or extend asks for.
func (w Window) asked(inForce Window, request ControlRequest, now time.Time) (time.Time, error) {
	if request.Action == ControlClose {
		// Compared as seconds: a duration of too many would overflow.
		if request.InSeconds < 0 || request.InSeconds > int64(inForce.ClosesAt.Sub(now)/time.Second) {
			return time.Time{}, fmt.Errorf("the window closes at %s: in_seconds %d is not sooner; extend is what lets it close later", clockText(inForce.ClosesAt), request.InSeconds)
		}
		return now.Add(time.Duration(request.InSeconds) * time.Second), nil
	}
	to, err := extended(inForce, request)
	switch {
	case err != nil:
		return time.Time{}, err
	case !to.After(inForce.ClosesAt):
		return time.Time{}, fmt.Errorf("%s is not later than the closing time in force, %s; close is what lets the window close sooner", clockText(to), clockText(inForce.ClosesAt))
	case to.After(w.ClosesAt.Add(MaxExtension)):
		return time.Time{}, fmt.Errorf("%s is more than %d days after the configured closing time, %s; change the argument instead", clockText(to), MaxExtension/(24*time.Hour), clockText(w.ClosesAt))
	}
	return to, nil
}

func extended(inForce Window, request ControlRequest) (time.Time, error) {
	if (request.To == "") == (request.BySeconds == 0) {
		return time.Time{}, errors.New("extend needs either to, an RFC 3339 time, or by_seconds, a number")
	}
	if request.To != "" {
		to, err := time.Parse(time.RFC3339Nano, request.To)
		if err != nil {
			return time.Time{}, fmt.Errorf("to %q is no RFC 3339 time such as 2027-05-22T18:30:00Z", request.To)
		}
		return to, nil
	}
	if request.BySeconds < 0 || request.BySeconds > int64(MaxExtension/time.Second) {
		return time.Time{}, fmt.Errorf("by_seconds is %d; it is 1 to %d", request.BySeconds, MaxExtension/time.Second)
	}
	return inForce.ClosesAt.Add(time.Duration(request.BySeconds) * time.Second), nil
}

// ControllerStore is where an operator's control is read and written.
type ControllerStore interface {
	ControlStore
	// ReplaceControl puts a control in the place of the one that was read. It says whether it did: not where another stands there by now.
	ReplaceControl(ctx context.Context, former, next Control) (bool, error)
}

// Controller moves the closing time. It alone writes the control.
type Controller struct {
	Rules *Rules
	Store ControllerStore
	// RetentionDays after the configured closing ballots expire, whatever an operator does; 0 for never.
	RetentionDays int
	Clock         clock.Clock
	Log           *slog.Logger
}

// Handle does what an operator asks for, and answers with what is in force. Where it fails with its write on the way, `show` tells what became of it.
func (c *Controller) Handle(ctx context.Context, request ControlRequest) (Controlling, error) {
	present, err := c.Store.ReadControl(ctx)
	if err != nil {
		return Controlling{}, fmt.Errorf("read the closing time in force: %w", err)
	}
	next, err := c.Rules.Decide(present, request, c.Clock.Now())
	if err != nil {
		return Controlling{}, fmt.Errorf("%q: %w", request.Action, err)
	}
	changed := next != present
	if changed {
		if err := c.keeps(request, next); err != nil {
			return Controlling{}, fmt.Errorf("%q: %w", request.Action, err)
		}
		if err := c.replace(ctx, present, next); err != nil {
			return Controlling{}, fmt.Errorf("%q: %w", request.Action, err)
		}
		c.Log.InfoContext(ctx, "control", "action", request.Action, "closes_at", clockText(c.Rules.Effective(next).ClosesAt), "by", request.By)
	}
	return c.Rules.controlling(next, changed), nil
}

// keeps says why a window may not close so late: ballots would be deleted before they are counted, and their voters could vote again.
func (c *Controller) keeps(request ControlRequest, next Control) error {
	if request.Action != ControlExtend || c.RetentionDays == 0 {
		return nil
	}
	expire := c.Rules.ClosesAt.AddDate(0, 0, c.RetentionDays)
	if latest := expire.Add(-c.Rules.Grace - CountedWithin); next.ClosesAt.After(latest) {
		return fmt.Errorf("%s is too late: ballots expire at %s, by retention_days, and must be counted before; %s is the latest", clockText(next.ClosesAt), clockText(expire), clockText(latest))
	}
	return nil
}

// replace writes a control in time for all that go by it.
func (c *Controller) replace(ctx context.Context, present, next Control) error {
	ctx, cancel := context.WithTimeout(ctx, controlWrite)
	defer cancel()
	written, err := c.Store.ReplaceControl(ctx, present, next)
	if err != nil {
		return fmt.Errorf("write the closing time: %w", err)
	}
	if written {
		return nil
	}
	// Refused by somebody else's control, or by one's own where the answer to a first attempt was lost.
	stands, err := c.Store.ReadControl(ctx)
	if err != nil {
		return fmt.Errorf("read the closing time in force: %w", err)
	}
	if stands != next {
		return fmt.Errorf("somebody else moved the closing time at the same moment, to %s: look at it and try again", clockText(c.Rules.Effective(stands).ClosesAt))
	}
	return nil
}

func (w Window) controlling(control Control, changed bool) Controlling {
	inForce := w.Effective(control)
	answer := Controlling{
		OpensAt: clockText(w.OpensAt), ClosesAt: clockText(inForce.ClosesAt), Configured: clockText(w.ClosesAt),
		Overridden: !inForce.ClosesAt.Equal(w.ClosesAt), Changed: changed,
	}
	if answer.Overridden {
		answer.By, answer.At = control.By, clockText(control.At)
	}
	return answer
}

// ReplaceControl puts a control in the place of the one that was read. It says whether it did: not where another stands there by now.
func (s *Store) ReplaceControl(ctx context.Context, former, next Control) (bool, error) {
	var terms []string
	names, values := map[string]string{}, item{}
	for attribute, at := range map[string]time.Time{attrClosesAt: former.ClosesAt, attrOf: former.Of, attrAt: former.At} {
		names["#"+attribute] = attribute
		if at.IsZero() {
			terms = append(terms, "attribute_not_exists(#"+attribute+")")
			continue
		}
		terms = append(terms, "#"+attribute+" = :"+attribute)
		values[":"+attribute] = millis(at)
	}
	slices.Sort(terms)
	if len(values) == 0 {
		values = nil // DynamoDB takes no empty map.
	}
	return s.putIf(ctx, s.Tallies, ControlItem(next), strings.Join(terms, " AND "), names, values)
}
