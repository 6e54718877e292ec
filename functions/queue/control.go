package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// The values of ControlRequest.Action.
const (
	ControlPause  = "pause"
	ControlResume = "resume"
	ControlSet    = "set"   // Changes the values that the request has.
	ControlClear  = "clear" // Goes back to what is configured, but for the opening of a sale that has opened.
	ControlShow   = "show"  // Changes nothing.
)

const (
	// maxByBytes bounds who did something: IAM's ARNs have at most 2,048 characters (IAM API Reference, arnType).
	maxByBytes = 2048
	// controlTries bounds how often a control is written anew since somebody else wrote one at the same moment.
	controlTries = 3
)

// ControlRequest is the event: `{"action":"set","sale":"gig","windows":80,"by":"arn…"}`. Absent values stay as they are.
type ControlRequest struct {
	Action    string   `json:"action"`
	Sale      string   `json:"sale"`
	Rate      *float64 `json:"rate,omitempty"` // Admissions a second; 0 for as many as there are windows free.
	Windows   *int     `json:"windows,omitempty"`
	WindowTTL *int64   `json:"window_ttl,omitempty"` // Seconds.
	ClaimTTL  *int64   `json:"claim_ttl,omitempty"`  // Seconds.
	OpensAt   string   `json:"opens_at,omitempty"`   // RFC 3339.
	ClosesAt  string   `json:"closes_at,omitempty"`  // RFC 3339.
	By        string   `json:"by,omitempty"`         // Who asks for it: an ARN.
}

// Controlling is the answer: the sale in force and as configured. Their times are milliseconds since 1970.
type Controlling struct {
	Sale       string   `json:"sale"`
	State      State    `json:"state"`
	InForce    Sale     `json:"in_force"`
	Configured Sale     `json:"configured"`
	Overridden []string `json:"overridden"`   // The arguments that an operator changed.
	By         string   `json:"by,omitempty"` // Who changed one last.
	At         string   `json:"at,omitempty"` // When, as RFC 3339.
	Changed    bool     `json:"changed"`      // By this call.
}

// set makes the override of a configured value by another; nil where it is the same.
func set[T comparable](configured T, to *T, present *Override[T]) *Override[T] {
	switch {
	case to == nil:
		return present
	case *to == configured:
		return nil
	default:
		return &Override[T]{To: *to, Of: configured}
	}
}

// Decide returns the control that an operator's request leads to, or says why it must be refused.
func (s Sale) Decide(present Control, request ControlRequest, now int64) (Control, error) {
	next := present
	if request.Action != ControlShow && (request.By == "" || len(request.By) > maxByBytes) {
		return Control{}, fmt.Errorf("by must be the ARN of who asks for it, of at most %d bytes", maxByBytes)
	}
	yes, no := true, false
	switch request.Action {
	case ControlShow:
		return present, nil
	case ControlPause:
		next.Paused = set(s.Paused, &yes, nil)
	case ControlResume:
		next.Paused = set(s.Paused, &no, nil)
	case ControlClear:
		next = Control{}
		if now >= s.Effective(present).OpensAt && now < s.OpensAt { // As below: what is open stays so.
			next.OpensAt = present.OpensAt
		}
	case ControlSet:
		opens, err := moment("opens_at", request.OpensAt)
		closes, closesErr := moment("closes_at", request.ClosesAt)
		if err := errors.Join(err, closesErr); err != nil {
			return Control{}, err
		}
		next.Rate, next.Windows = set(s.Rate, request.Rate, present.Rate), set(s.Windows, request.Windows, present.Windows)
		next.WindowTTL, next.ClaimTTL = set(s.WindowTTL, request.WindowTTL, present.WindowTTL), set(s.ClaimTTL, request.ClaimTTL, present.ClaimTTL)
		next.OpensAt, next.ClosesAt = set(s.OpensAt, opens, present.OpensAt), set(s.ClosesAt, closes, present.ClosesAt)
		// A sale that opened is open: who was called cannot be sent back to before the opening.
		if inForce := s.Effective(present); opens != nil && now >= inForce.OpensAt && *opens > now {
			return Control{}, fmt.Errorf("the sale opened at %s: pause it instead", clockText(inForce.OpensAt))
		}
	default:
		return Control{}, fmt.Errorf("there is no such action; it is one of %s, %s, %s, %s, %s", ControlPause, ControlResume, ControlSet, ControlClear, ControlShow)
	}
	checked := s
	next.apply(&checked)
	if err := checked.Check(); err != nil {
		return Control{}, err
	}
	next.By, next.At = request.By, now
	return next, nil
}

func moment(name, text string) (*int64, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // None is no fault.
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return nil, fmt.Errorf("%s %q is no RFC 3339 time such as 2027-05-22T18:30:00Z", name, text)
	}
	milliseconds := at.UnixMilli()
	return &milliseconds, nil
}

// overridden are the arguments that an operator changed and no apply since.
func (c Control) overridden(s Sale) []string {
	names := []string{}
	note := func(name string, holds bool) {
		if holds {
			names = append(names, name)
		}
	}
	note("claim_ttl", c.ClaimTTL.holds(s.ClaimTTL))
	note("closes_at", c.ClosesAt.holds(s.ClosesAt))
	note("opens_at", c.OpensAt.holds(s.OpensAt))
	note("paused", c.Paused.holds(s.Paused))
	note("rate", c.Rate.holds(s.Rate))
	note("window_ttl", c.WindowTTL.holds(s.WindowTTL))
	note("windows", c.Windows.holds(s.Windows))
	return names
}

// ended is what stays of a control where an apply has changed arguments since operators did, and whether any has been.
func (c Control) ended(s Sale) (left Control, some bool) {
	left = c
	left.Paused, some = standing(c.Paused, s.Paused, some)
	left.Rate, some = standing(c.Rate, s.Rate, some)
	left.Windows, some = standing(c.Windows, s.Windows, some)
	left.WindowTTL, some = standing(c.WindowTTL, s.WindowTTL, some)
	left.ClaimTTL, some = standing(c.ClaimTTL, s.ClaimTTL, some)
	left.OpensAt, some = standing(c.OpensAt, s.OpensAt, some)
	left.ClosesAt, some = standing(c.ClosesAt, s.ClosesAt, some)
	return left, some
}

// standing is an override that no apply has ended; some is whether this one has been, or one before.
func standing[T comparable](o *Override[T], configured T, some bool) (*Override[T], bool) {
	if o == nil || o.holds(configured) {
		return o, some
	}
	return nil, true
}

// ControllerStore is where an operator's control is read and written.
type ControllerStore interface {
	// ReadControl returns a sale as it is configured, with what operators changed, strongly consistent, and that as it is written; or ErrNoSale.
	ReadControl(ctx context.Context, sale string) (Sale, Control, string, error)
	// ReplaceControl puts a control in the place of the one that was read. It says whether it did: not where another stands there by now.
	ReplaceControl(ctx context.Context, sale, former string, next Control) (bool, error)
	ReadDraw(ctx context.Context, sale string) (Draw, error)
}

// Controller changes sales while they run. It alone writes the control, which functions read at most two seconds later.
type Controller struct {
	Store ControllerStore
	Clock clock.Clock
	Log   *slog.Logger
}

// Handle does what an operator asks for, and answers with what is in force.
func (c *Controller) Handle(ctx context.Context, request ControlRequest) (Controlling, error) {
	for range controlTries {
		sale, present, former, err := c.Store.ReadControl(ctx, request.Sale)
		if err != nil {
			return Controlling{}, fmt.Errorf("read sale %q: %w", request.Sale, err)
		}
		next, err := sale.Decide(present, request, ms(c.Clock.Now()))
		if err != nil {
			return Controlling{}, fmt.Errorf("%q: %w", request.Action, err)
		}
		changed := request.Action != ControlShow
		if changed {
			written, err := c.Store.ReplaceControl(ctx, sale.ID, former, next)
			if err != nil {
				return Controlling{}, fmt.Errorf("%q: write the control: %w", request.Action, err)
			}
			if !written {
				continue
			}
			c.Log.InfoContext(ctx, "control", "action", request.Action, "sale", sale.ID, "by", request.By)
		}
		draw, err := c.Store.ReadDraw(ctx, sale.ID)
		if err != nil {
			return Controlling{}, fmt.Errorf("read the draw of sale %q: %w", sale.ID, err)
		}
		inForce := sale.Effective(next)
		answer := Controlling{
			Sale: sale.ID, State: inForce.StateAt(draw, ms(c.Clock.Now())), InForce: inForce, Configured: sale, Overridden: next.overridden(sale), By: next.By, Changed: changed,
		}
		if next.At != 0 {
			answer.At = clockText(next.At)
		}
		return answer, nil
	}
	return Controlling{}, fmt.Errorf("%q: others change sale %s at the same moment: look at it and try again", request.Action, request.Sale)
}

// ReadControl returns a sale as it is configured, with what operators changed, strongly consistent, and that as it is written; or ErrNoSale.
func (s *Store) ReadControl(ctx context.Context, id string) (Sale, Control, string, error) {
	item, err := s.get(ctx, s.Tables.Sales, SalesKey, id, true)
	if err != nil {
		return Sale{}, Control{}, "", err
	}
	if len(item) == 0 {
		return Sale{}, Control{}, "", ErrNoSale
	}
	former := item[ControlAttribute].Text()
	sale, control, err := ReadSale(id, item[ConfigAttribute].Text(), former)
	return sale, control, former, err
}

// EndOverrides takes away what operators changed of arguments that an apply has changed since. It would be in force again where another apply sets them back.
func (s *Store) EndOverrides(ctx context.Context, id string) error {
	sale, control, former, err := s.ReadControl(ctx, id)
	if err != nil {
		return err
	}
	left, some := control.ended(sale)
	if !some {
		return nil
	}
	_, err = s.ReplaceControl(ctx, id, former, left) // Where another stands there by now, that is looked at next.
	return err
}

// ReplaceControl puts a control in the place of the one that was read. It says whether it did: not where another stands there by now.
func (s *Store) ReplaceControl(ctx context.Context, sale, former string, next Control) (bool, error) {
	text, err := json.Marshal(next)
	if err != nil {
		return false, fmt.Errorf("encode control: %w", err)
	}
	values := dynamodb.Item{":control": dynamodb.String(string(text))}
	where := "attribute_exists(#config) AND attribute_not_exists(#control)"
	if former != "" {
		where, values[":former"] = "attribute_exists(#config) AND #control = :former", dynamodb.String(former)
	}
	return s.update(ctx, s.Tables.Sales, SalesKey, sale, "SET #control = :control", condition{where, values})
}
