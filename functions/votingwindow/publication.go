package votingwindow

import (
	"context"
	"fmt"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

// figures are the exact ones of a final window, before the opening a rehearsal's, else the live ones.
func (t *tenure) figures(state State, status Status) Counts {
	switch status {
	case StatusFinal:
		return state.Final
	case StatusRehearsal:
		return *t.rehearsal
	default:
		return t.live
	}
}

// status is what viewers are told.
func (t *tenure) status(now time.Time, state State) Status {
	status := statusOf(now, t.window, state)
	if status == StatusWaiting && t.rehearsal != nil {
		return StatusRehearsal
	}
	return status
}

// results are the public results of a moment.
func (t *tenure) results(now time.Time, state State) Results {
	status := t.status(now, state)
	return results(now, t.window, status, t.figures(state, status), t.version, t.AfterClose && status != StatusFinal)
}

// publish writes both objects, the public one first.
func (t *tenure) publish(ctx context.Context, state State) error {
	now := t.Clock.Now()
	status := t.status(now, state)
	if status != StatusFinal {
		sum, err := t.Store.Counters(ctx, false)
		if err != nil { // What was published before, and the scan, still hold.
			t.Log.WarnContext(ctx, "read worker counters", "error", err)
		}
		sum.Quarantined = 0 // The scan knows.
		t.live = t.live.AtLeast(sum)
	}
	counts := t.figures(state, status)
	liveTotal, cache := counts.ballots(), cacheLive
	if status == StatusFinal {
		liveTotal, cache = state.LiveTotal, cacheFinal
	}
	t.version++ // Also where the write fails: it may have taken effect.
	public := t.results(now, state)
	if status == StatusFinal { // Seen or not, nothing may follow that is less: the write may have taken effect, and the state's may fail.
		t.live, t.last = counts.clone(), public
	}
	if err := t.put(ctx, ResultsObject, public, cache); err != nil {
		return err
	}
	t.last, t.lastAsOf, t.published = public, now, true
	t.show(ctx, now, public)
	deadLetters := int64(-1)
	if t.dead != nil {
		deadLetters = t.dead.total()
	}
	return t.put(ctx, LedgerObject, ledgerSummary(now, status, counts, liveTotal, deadLetters), cachePrivate)
}

// show writes results for those who read the status board, at once where they say something new. A fault there must not keep the window from
// its end: pages see how old a line is, and read the object then.
func (t *tenure) show(ctx context.Context, now time.Time, public Results) {
	if t.Status == nil || t.shown.says(public) && now.Sub(t.shownAt) < statusEvery {
		return
	}
	t.shown = Results{}
	line, err := public.Compact(t.window)
	if err == nil {
		err = t.leased(ctx, func(ctx context.Context) error { return t.Status.Write(ctx, line) })
	}
	if err != nil {
		t.Log.ErrorContext(ctx, "show results on the status board", "error", err)
		return
	}
	t.shown, t.shownAt = public, now
}

// emit writes one line of metrics a round: some hundred bytes every five seconds while the window is live, and no line all year. Alarms on
// them see what SQS's own metrics show only minutes later.
func (t *tenure) emit(ctx context.Context, published bool) {
	now := t.Clock.Now()
	metrics := []telemetry.Metric{{Name: "Counted", Unit: telemetry.Count, Value: float64(t.live.Counted())}}
	if published {
		metrics = append(metrics, telemetry.Metric{Name: "Published", Unit: telemetry.Count, Value: 1})
	}
	if !t.lastAsOf.IsZero() {
		metrics = append(metrics, telemetry.Metric{Name: "ResultsLag", Unit: telemetry.Seconds, Value: now.Sub(t.lastAsOf).Seconds()})
	}
	if t.votes != nil {
		metrics = append(metrics, telemetry.Metric{Name: "QueueDepth", Unit: telemetry.Count, Value: float64(t.votes.total())})
	}
	if t.dead != nil {
		metrics = append(metrics, telemetry.Metric{Name: "DeadLetters", Unit: telemetry.Count, Value: float64(t.dead.total())})
	}
	if err := t.Metrics.Emit(now, metrics...); err != nil {
		t.Log.WarnContext(ctx, "emit metrics", "error", err)
	}
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
