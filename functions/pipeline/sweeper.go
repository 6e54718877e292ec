package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

const (
	// listingIdle is after how long without a page a lister is taken for dead. One that is alive after all loses its next checkpoint, or wins it from the other.
	listingIdle = 2 * time.Minute
	// maxBackOff bounds how much longer each time the sweeper waits before it begins the same step again: 64 times, half a day and more.
	maxBackOff = 6
)

// Sweeper is started by a schedule, each minute, and is the second net under all runs: where a message was lost, a function died or a chain of messages ended, it
// begins the step again; a run on which nothing happens it names stuck. Where runs have ended, it deletes what is left of old ones.
type Sweeper struct {
	Store      *Store
	Start      Publisher
	Completer  *Completer
	Expiry     *Expiry
	StepTime   time.Duration // After which a silent step of a later stage is taken for dead.
	StuckAfter time.Duration
	Idle       bool // Whether a run that is stuck while it ingests goes on with what is there, instead of waiting for the rest.
	MaxSteps   int
	Clock      clock.Clock
	Log        *slog.Logger
	Metrics    *telemetry.Metrics
}

// Handle looks at all runs that are not over. What fails of one does not keep it from the others.
func (s *Sweeper) Handle(ctx context.Context) error {
	active, err := s.Store.Notes(ctx, activeID)
	if err != nil {
		return err
	}
	if len(active) == 0 { // Metrics cost where nothing happens.
		return nil
	}
	var errs []error
	var over []string
	var underWay []Run
	stuck := 0
	for _, id := range slices.Sorted(maps.Keys(active)) {
		run, found, err := s.Store.ReadRun(ctx, id)
		switch {
		case err != nil:
			errs = append(errs, err)
			continue
		case !found || run.State.Over():
			over = append(over, id)
			continue
		}
		underWay = append(underWay, run)
		named, err := s.sweep(ctx, run)
		if err != nil {
			errs = append(errs, fmt.Errorf("run %s: %w", id, err))
		}
		if named {
			stuck++
		}
	}
	if len(over) > 0 { // What fails here is done the next minute, since they are not forgotten then.
		if err := s.Expiry.Handle(ctx, underWay); err != nil {
			errs = append(errs, err)
		} else {
			errs = append(errs, s.Store.forget(ctx, activeID, over))
		}
	}
	errs = append(errs, s.Metrics.Emit(s.Clock.Now(), telemetry.Metric{Name: "ActiveRuns", Unit: telemetry.Count, Value: float64(len(active) - len(over))},
		telemetry.Metric{Name: "StuckRuns", Unit: telemetry.Count, Value: float64(stuck)}))
	return errors.Join(errs...)
}

// sweep looks at one run, and says whether it is stuck.
func (s *Sweeper) sweep(ctx context.Context, run Run) (stuck bool, err error) {
	touched := run.Touched
	if run.State == Listing { // Ingest goes on where listing stands still.
		touched = run.PagedAt
	}
	idle := time.Duration(ms(s.Clock.Now())-touched) * time.Millisecond >> min(run.Pokes, maxBackOff)
	switch {
	case run.ingested():
		return false, s.Completer.Complete(ctx, run)
	case run.State == Listing:
		return s.listing(ctx, run, idle)
	case run.State == Ingesting && idle > s.StuckAfter && s.Idle && run.Ingested > 0:
		return false, s.Completer.settle(ctx, run)
	case run.State == Ingesting && idle > s.StuckAfter: // Its chunks are in the stream, or they went where it sends what fails for ever.
		return true, s.name(ctx, run, fmt.Sprintf("%d of %d chunks are not ingested", run.Chunks-run.ChunksDone, run.Chunks))
	case run.State == Segmenting && idle > s.StepTime:
		return s.again(ctx, run, StageSegments, "the segments are not known")
	case run.described() && idle > s.StepTime:
		return s.again(ctx, run, StageManifest, "the manifest is not written")
	case run.State == Describing && !run.described() && idle > max(s.StepTime, s.StuckAfter):
		return s.again(ctx, run, StageSegments, fmt.Sprintf("%d of %d segments have no metadata", run.Segments-run.Described, run.Segments))
	}
	return run.Stuck != "", nil
}

// listing begins a listing again that stands still. It names the run stuck where that does not help.
func (s *Sweeper) listing(ctx context.Context, run Run, idle time.Duration) (stuck bool, err error) {
	if stuck = s.Clock.Now().Sub(time.UnixMilli(run.Touched)) > s.StuckAfter; stuck {
		if err := s.name(ctx, run, "listing does not go on"); err != nil {
			return true, err
		}
	}
	if idle <= listingIdle {
		return stuck, nil
	}
	if run.Step >= int64(s.MaxSteps) {
		return false, s.Store.Fail(ctx, run.ID, Listing, fmt.Sprintf("listing took more than %d invocations", s.MaxSteps))
	}
	message, err := encode(startOf(run, 0))
	if err != nil {
		return stuck, err
	}
	if err := s.Start.Publish(ctx, message); err != nil {
		return stuck, err
	}
	return stuck, s.poked(ctx, run, "paged_at", run.PagedAt)
}

// again begins a stage again, and names the run stuck until something happens. It never gives up: that is for an operator to do, who cancels the run.
func (s *Sweeper) again(ctx context.Context, run Run, stage, waits string) (bool, error) {
	if err := s.name(ctx, run, waits); err != nil {
		return true, err
	}
	if err := s.Completer.publish(ctx, run.ID, stage, 0); err != nil {
		return true, err
	}
	return true, s.poked(ctx, run, "touched", run.Touched)
}

// poked notes that a run's step was begun again: the next time is a while later.
func (s *Sweeper) poked(ctx context.Context, run Run, attribute string, touched int64) error {
	s.Log.WarnContext(ctx, "a run stood still: its step was begun again", "run", run.ID, "state", run.State, "marker", run.Marker)
	change, where := "SET #"+attribute+" = :now ADD #pokes :one", "#state = :in AND #"+attribute+" = :touched"
	_, err := s.Store.update(ctx, s.Store.change(run.ID, change, where, dynamodb.Item{
		":now": dynamodb.Number(ms(s.Clock.Now())), ":one": dynamodb.Number(1), ":in": dynamodb.String(string(run.State)), ":touched": dynamodb.Number(touched),
	}))
	return err
}

// name names a run stuck, until something happens to it.
func (s *Sweeper) name(ctx context.Context, run Run, waits string) error {
	if run.Stuck == waits {
		return nil
	}
	s.Log.ErrorContext(ctx, "a run is stuck", "run", run.ID, "state", run.State, "waits", waits)
	_, err := s.Store.update(ctx, s.Store.change(run.ID, "SET #stuck = :stuck", "#state = :in AND #touched = :touched", dynamodb.Item{
		":stuck": dynamodb.String(waits), ":in": dynamodb.String(string(run.State)), ":touched": dynamodb.Number(run.Touched),
	}))
	return err
}
