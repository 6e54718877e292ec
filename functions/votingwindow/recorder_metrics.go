package votingwindow

import (
	"context"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

// TellEvery is how often, at most, a recorder in a flood writes counters and metrics.
const TellEvery = time.Second

// report is what the metrics say of batches.
type report struct {
	counts              Counts
	failed, redelivered int
	delay               time.Duration // The longest from sending to recording.
}

// plus is the report of both.
func (r report) plus(other report) report {
	return report{r.counts.Plus(other.counts), r.failed + other.failed, r.redelivered + other.redelivered, max(r.delay, other.delay)}
}

// tell adds a batch to this worker's counters and its report, and writes both, in a flood at most every TellEvery: after a full batch there is
// more to come, and that tells of this one too. Where nothing comes, or this worker ends, the scan of each minute finds the ballots all
// the same, so that what it could not find waits for nothing.
func (r *Recorder) tell(ctx context.Context, window Window, batch Tally, said report, messages int) {
	r.mu.Lock() // Also across the writes: an older figure must not land after a newer one.
	defer r.mu.Unlock()
	if window.replaces() { // Those of a rehearsal only tell that there is one.
		batch.Real.Answers = nil
	}
	r.counts, r.untold = r.counts.Plus(batch), r.untold.plus(said)
	now := r.Clock.Now()
	onlyBallots := said.failed == 0 && batch.Rehearsal.Accepted() == 0 && said.counts.Accepted() == said.counts.ballots()
	if messages >= BatchSize && onlyBallots && now.Sub(r.told) < TellEvery {
		return
	}
	r.keepCounters(ctx, batch)
	r.emit(ctx, window, r.untold)
	r.untold, r.told = report{}, now
}

// keepCounters writes this worker's counters. They are cumulative: a write that failed is healed by the next, and one that is
// repeated changes nothing. They are lower bounds of the truth, which the tables hold: a worker
// that dies between a ballot and its counters never counts it. Where ballots are replaced they say nothing of the answers: another
// worker's ballot that is displaced would have to be taken off, so that they would be no bound at all. Those of a rehearsal that was reset begin anew with
// the present batch.
func (r *Recorder) keepCounters(ctx context.Context, batch Tally) {
	for _, rehearsal := range []bool{false, true} {
		all := r.counts.of(rehearsal)
		if all.Accepted() == r.kept.of(rehearsal).Accepted() {
			continue
		}
		written, err := r.Store.PutCounters(ctx, r.Worker, rehearsal, *all, rehearsal && r.kept.Rehearsal.Accepted() > 0)
		if err == nil && !written {
			*all = batch.Rehearsal.clone()
			_, err = r.Store.PutCounters(ctx, r.Worker, rehearsal, *all, false)
		}
		if err != nil {
			r.Log.WarnContext(ctx, "write worker counters", "error", err)
			continue
		}
		*r.kept.of(rehearsal) = *all
	}
}

// emit writes one line of metrics. Each metric costs by itself, so those that a window cannot have are left out, and faults where there are none.
func (r *Recorder) emit(ctx context.Context, window Window, said report) {
	count := func(name string, value int64) telemetry.Metric {
		return telemetry.Metric{Name: name, Unit: telemetry.Count, Value: float64(value)}
	}
	metrics := []telemetry.Metric{
		count("Counted", said.counts.Counted()), count("Duplicate", said.counts.Duplicate), count("Late", said.counts.Late),
		count("Rejected", said.counts.Rejected), {Name: "RecordingDelay", Unit: telemetry.Milliseconds, Value: float64(said.delay.Milliseconds())},
	}
	if said.failed > 0 {
		metrics = append(metrics, count("Failed", int64(said.failed)))
	}
	if said.redelivered > 0 {
		metrics = append(metrics, count("Redelivered", int64(said.redelivered)))
	}
	if window.replaces() {
		metrics = append(metrics, count("Replaced", said.counts.Replaced))
	}
	if r.Judge.Quarantine != nil {
		metrics = append(metrics, count("Quarantined", said.counts.Quarantined))
	}
	if err := r.Metrics.Emit(r.Clock.Now(), metrics...); err != nil {
		r.Log.WarnContext(ctx, "emit metrics", "error", err)
	}
}
