package votingwindow

import (
	"context"
	"fmt"
	"reflect"
	"time"
)

// advance takes the steps that Next gives, one after another, until one has to wait. It returns the state that stands, with Phase
// empty where that is unknown.
func (t *tenure) advance(ctx context.Context) (State, error) {
	state, err := t.Store.WindowState(ctx)
	if err != nil {
		return State{}, fmt.Errorf("read the window's state: %w", err)
	}
	var count *Counts
	marked := false
	for range stepsPerRound {
		seen := t.observe(ctx, state)
		seen.Marked, seen.Count, seen.LiveTotal = marked, count, t.live.ballots()
		next, actions := Next(state, seen)
		for _, action := range actions {
			counted, err := t.act(ctx, action, next)
			if err != nil {
				return state, fmt.Errorf("%s: %w", action, err)
			}
			if counted != nil {
				count = counted
			}
			marked = marked || action == QuarantineRates
		}
		if reflect.DeepEqual(next, state) {
			if count != nil && seen.Count == nil || marked && !seen.Marked {
				continue // What was done is to be observed.
			}
			return state, nil
		}
		next.Version = state.Version + 1
		written, err := t.Store.PutWindowState(ctx, next)
		if err != nil {
			return state, fmt.Errorf("write the window's state, phase %s: %w", next.Phase, err)
		}
		if !written { // By another publisher, or by a write of ours whose answer was lost: go on from what stands.
			if state, err = t.Store.WindowState(ctx); err != nil {
				return State{}, fmt.Errorf("read the window's state: %w", err)
			}
			count, marked = nil, false
			continue
		}
		if next.Phase != state.Phase {
			t.Log.InfoContext(ctx, "window", "phase", next.Phase, "closes_at", clockText(next.ClosesAt))
		}
		state = next
	}
	return state, nil
}

// observe reads what Next needs in a state. What cannot be read is left unknown, which Next takes for no proof of anything.
func (t *tenure) observe(ctx context.Context, state State) Observation {
	seen := Observation{
		Now: t.Clock.Now().UTC().Truncate(time.Millisecond), Window: t.window, RecorderTimeout: t.RecorderTimeout, PerAddress: t.PerAddress,
	}
	queue, mapping := state.wants()
	if queue {
		seen.Queue = t.votes // Read at the beginning of this round.
	}
	if mapping {
		var err error
		if seen.Mapping, err = t.Mapping.MappingState(ctx); err != nil {
			seen.Mapping = ""
			t.Log.WarnContext(ctx, "read mapping", "error", err)
		}
	}
	return seen
}

// act does one action. Of CountForGood it returns the count.
func (t *tenure) act(ctx context.Context, action Action, next State) (*Counts, error) {
	switch action {
	case DisableMapping, EnableMapping:
		return nil, t.leased(ctx, func(ctx context.Context) error {
			return t.Mapping.SetMapping(ctx, action == EnableMapping)
		})
	case QuarantineRates:
		return nil, t.whileLeased(ctx, func(ctx context.Context) error {
			marked, err := quarantineRates(ctx, t.Store, t.PerAddress)
			if marked > 0 {
				t.Log.InfoContext(ctx, "quarantine", "rule", RuleRate, "marked", marked)
			}
			return err
		})
	case CountForGood:
		var count Counts
		err := t.whileLeased(ctx, func(ctx context.Context) (err error) {
			count, err = countTables(ctx, t.Store)
			return err
		})
		return &count, err
	case PublishFinal:
		return nil, t.publish(ctx, next)
	default:
		return nil, fmt.Errorf("unknown action")
	}
}

// whileLeased does what may take longer than a lease, and renews it all along.
func (t *tenure) whileLeased(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	for {
		select {
		case err := <-done:
			return err
		case <-t.Clock.After(roundEvery):
			if !t.take(ctx) {
				cancel()
				<-done //nolint:errcheck // Whatever it says, it is not to be gone by.
				return errLeaseLost
			}
		}
	}
}
