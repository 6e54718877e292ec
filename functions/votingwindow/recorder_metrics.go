package votingwindow

import (
	"context"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

// keepCounters adds a batch to this worker's counters and writes them. They are cumulative: a write that failed is healed by the next, and one that is
// repeated changes nothing. They are lower bounds of the truth, which the tables hold: a worker
// that dies between a ballot and its counters never counts it. Where ballots are replaced they say nothing of the answers: another
// worker's ballot that is displaced would have to be taken off, so that they would be no bound at all.
func (r *Recorder) keepCounters(ctx context.Context, window Window, batch Tally) {
	r.mu.Lock() // Also across the writes: an older figure must not land after a newer one.
	defer r.mu.Unlock()
	for _, rehearsal := range []bool{false, true} {
		now, all := batch.of(rehearsal), r.counts.of(rehearsal)
		if now.Accepted() == 0 {
			continue
		}
		if window.replaces() && !rehearsal { // Those of a rehearsal only tell that there is one.
			now.Answers = nil
		}
		*all = all.Plus(*now)
		if err := r.Store.PutCounters(ctx, r.Worker, rehearsal, *all); err != nil {
			r.Log.WarnContext(ctx, "write worker counters", "error", err)
		}
	}
}

// emit writes the batch's one line of metrics. Each metric costs by itself, so those that a window cannot have are left out.
func (r *Recorder) emit(ctx context.Context, window Window, batch Counts, failed, redelivered int, delay time.Duration) {
	count := func(name string, value int64) telemetry.Metric {
		return telemetry.Metric{Name: name, Unit: telemetry.Count, Value: float64(value)}
	}
	metrics := []telemetry.Metric{
		count("Counted", batch.Counted()), count("Duplicate", batch.Duplicate), count("Late", batch.Late),
		count("Rejected", batch.Rejected), count("Failed", int64(failed)), count("Redelivered", int64(redelivered)),
		{Name: "RecordingDelay", Unit: telemetry.Milliseconds, Value: float64(delay.Milliseconds())},
	}
	if window.replaces() {
		metrics = append(metrics, count("Replaced", batch.Replaced))
	}
	if r.Judge.Quarantine != nil {
		metrics = append(metrics, count("Quarantined", batch.Quarantined))
	}
	if err := r.Metrics.Emit(r.Clock.Now(), metrics...); err != nil {
		r.Log.WarnContext(ctx, "emit metrics", "error", err)
	}
}
