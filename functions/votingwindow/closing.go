package votingwindow

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

// advance takes the steps that Next gives, one after another, until one has to wait. It returns the state that stands, with Phase
// empty where that is unknown.
func (t *tenure) advance(ctx context.Context) (State, error) {
	state, err := t.Store.WindowState(ctx)
	if err != nil {
		return State{}, fmt.Errorf("read the window's state: %w", err)
	}
	var count *Counts
	for range stepsPerRound {
		seen := t.observe(ctx, state)
		seen.Count, seen.LiveTotal = count, t.live.Counted()
		next, actions := Next(state, seen)
		for _, action := range actions {
			counted, err := t.act(ctx, action, next)
			if err != nil {
				return state, fmt.Errorf("%s: %w", action, err)
			}
			if counted != nil {
				count = counted
			}
		}
		if reflect.DeepEqual(next, state) {
			if count != nil && seen.Count == nil {
				continue // The count is to be observed.
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
			count = nil
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
		Now: t.Clock.Now().UTC().Truncate(time.Millisecond), Window: t.Rules.Window, RecorderTimeout: t.RecorderTimeout,
	}
	queue, mapping := state.wants()
	if queue {
		if depth, err := t.Votes.Depth(ctx); err == nil {
			seen.Queue = &depth
		} else {
			t.Log.WarnContext(ctx, "read queue depth", "error", err)
		}
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
	case CountForGood:
		count, err := t.countForGood(ctx)
		return &count, err
	case PublishFinal:
		return nil, t.publish(ctx, next)
	default:
		return nil, fmt.Errorf("unknown action")
	}
}

// countForGood counts both tables, which may take longer than a lease, and renews it all along.
func (t *tenure) countForGood(ctx context.Context) (Counts, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var count Counts
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		count, err = countTables(ctx, t.Store)
	}()
	for {
		select {
		case <-done:
			return count, err
		case <-t.Clock.After(roundEvery):
			if !t.take(ctx) {
				cancel()
				<-done
				return Counts{}, errLeaseLost
			}
		}
	}
}

// figures are the exact ones of a final window, else the live ones.
func (t *tenure) figures(state State) Counts {
	if state.Phase == PhaseFinal {
		return state.Final
	}
	return t.live
}

// publish writes both objects, the public one first, and emits metrics.
func (t *tenure) publish(ctx context.Context, state State) error {
	if state.Phase != PhaseFinal {
		sum, err := t.Store.Counters(ctx)
		if err != nil { // What was published before, and the scan, still hold.
			t.Log.WarnContext(ctx, "read worker counters", "error", err)
		}
		t.live = t.live.AtLeast(sum)
	}
	votes, votesErr := t.Votes.Depth(ctx)
	dead, deadErr := t.DeadLetters.Depth(ctx)
	if err := errors.Join(votesErr, deadErr); err != nil {
		t.Log.WarnContext(ctx, "read queue depths", "error", err)
	}
	deadLetters := dead.total()
	if deadErr != nil {
		deadLetters = -1
	}

	now := t.Clock.Now()
	counts, status := t.figures(state), statusOf(now, t.Rules.Window, state)
	liveTotal := counts.Counted()
	cache := cacheLive
	if status == StatusFinal {
		liveTotal, cache = state.LiveTotal, cacheFinal
	}
	t.version++ // Also where the write fails: it may have taken effect.
	public := results(now, t.Rules.Window, status, counts, t.version)
	if status == StatusFinal { // Seen or not, nothing may follow that is less: the write may have taken effect, and the state's may fail.
		t.live, t.last = t.live.AtLeast(counts), public
	}
	if err := t.put(ctx, ResultsObject, public, cache); err != nil {
		return err
	}
	age := 0.0
	if !t.lastAsOf.IsZero() {
		age = now.Sub(t.lastAsOf).Seconds()
	}
	t.last, t.lastAsOf, t.published = public, now, true
	if err := t.put(ctx, LedgerObject, ledgerSummary(now, status, counts, liveTotal, deadLetters), cachePrivate); err != nil {
		return err
	}

	metrics := []telemetry.Metric{
		{Name: "Counted", Unit: telemetry.Count, Value: float64(counts.Counted())},
		{Name: "ResultsAge", Unit: telemetry.Seconds, Value: age},
	}
	if votesErr == nil {
		metrics = append(metrics,
			telemetry.Metric{Name: "QueueDepth", Unit: telemetry.Count, Value: float64(votes.Visible + votes.Delayed)},
			telemetry.Metric{Name: "InFlight", Unit: telemetry.Count, Value: float64(votes.InFlight)})
	}
	if err := t.Metrics.Emit(now, metrics...); err != nil {
		t.Log.WarnContext(ctx, "emit metrics", "error", err)
	}
	return nil
}

func (t *tenure) put(ctx context.Context, key string, object any, cacheControl string) error {
	body, err := encodeObject(object)
	if err != nil {
		return err
	}
	err = t.leased(ctx, func(ctx context.Context) error {
		return t.Bucket.PutObject(ctx, key, body, contentJSON, cacheControl)
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}
