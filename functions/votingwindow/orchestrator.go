package votingwindow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/smithy-go"
	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
)

// OrchestratorConfig is the configuration of orchestrator.
type OrchestratorConfig struct {
	Base
	Window
	QueueURL       string        `env:"QUEUE_URL,required,notEmpty"`
	BallotsTable   string        `env:"BALLOTS_TABLE,required,notEmpty"`
	TalliesTable   string        `env:"TALLIES_TABLE,required,notEmpty"`
	MappingID      string        `env:"MAPPING_ID,required,notEmpty"` // The event source mapping from queue to recorder: its UUID.
	MinUnits       int           `env:"MIN_UNITS,required"`           // Write units a second of the ballots table, outside the window.
	MaxUnits       int           `env:"MAX_UNITS,required"`
	OpeningUnits   int           `env:"OPENING_UNITS"` // From some minutes before the opening; 0 for no more than the least.
	MinWorkers     int           `env:"MIN_WORKERS,required"`
	MaxWorkers     int           `env:"MAX_WORKERS,required"`
	OpeningWorkers int           `env:"OPENING_WORKERS"`
	DrainWithin    time.Duration `env:"DRAIN_WITHIN,required"`     // In this time a backlog is to be recorded.
	UnitsPerWorker int           `env:"UNITS_PER_WORKER,required"` // Write units a second that one worker can use.
}

// Limits are the rules that the configuration gives.
func (c OrchestratorConfig) Limits() Limits {
	return Limits{
		Min: Capacity{int64(c.MinUnits), c.MinWorkers}, Max: Capacity{int64(c.MaxUnits), c.MaxWorkers},
		Opening: Capacity{int64(c.OpeningUnits), c.OpeningWorkers}, DrainWithin: c.DrainWithin, UnitsPerWorker: c.UnitsPerWorker,
	}
}

// TableCapacity is the ballots table's provisioned write capacity.
type TableCapacity interface {
	Throughput(ctx context.Context) (Throughput, error)
	// SetUnits asks for so many write units a second. They are in force when the table is no longer being changed.
	SetUnits(ctx context.Context, units int64) error
}

// Throughput is a table's provisioned write capacity.
type Throughput struct {
	Units     int64 // Write units a second, in force.
	Updating  bool  // The table is being changed.
	Decreases int   // On this day in UTC.
	Decreased time.Time
}

// WorkerLimit is the maximum concurrency of the mapping from the queue to the recorder.
type WorkerLimit interface {
	// Workers returns the limit and the mapping's state, in Lambda's own word.
	Workers(ctx context.Context) (int, string, error)
	SetWorkers(ctx context.Context, workers int) error
}

// OrchestratorStore is what an orchestrator reads and writes in the tallies table.
type OrchestratorStore interface {
	WindowState(ctx context.Context) (State, error)
	// LowSince returns what PutLowSince wrote; the zero time where there is none.
	LowSince(ctx context.Context) (time.Time, error)
	PutLowSince(ctx context.Context, since time.Time) error
}

// Orchestrator sets the table's capacity and the number of workers by the queue's depth, once a minute.
//
// It remembers of a window that is over that everything is at rest: from then on a tick makes one call, which is for the
// closing time in force, and before a window none at all. A new execution environment looks again.
type Orchestrator struct {
	InForce *Clocked
	Limits  Limits
	Votes   DepthReader
	Table   TableCapacity
	Mapping WorkerLimit
	Store   OrchestratorStore
	Clock   clock.Clock
	Log     *slog.Logger

	restsFor Window    // The window for which everything was seen at rest.
	restedAt time.Time // When.
}

// Handle is one tick. The event is not looked at. What the next tick can mend by itself, a throttled call or a table that is still
// being changed, is logged and no error.
func (o *Orchestrator) Handle(ctx context.Context, _ json.RawMessage) error {
	err := o.tick(ctx)
	if err != nil && passing(err) {
		o.Log.WarnContext(ctx, "scale: left to the next tick", "error", err)
		return nil
	}
	return err
}

func (o *Orchestrator) tick(ctx context.Context) error {
	now := o.Clock.Now()
	if planned := o.InForce.Window; now.Before(planned.OpensAt.Add(-prescaleLead)) && o.restsFor.OpensAt.Equal(planned.OpensAt) {
		return nil // No operator moves the opening.
	}
	window, err := o.InForce.InForce(ctx)
	if err != nil {
		return err
	}
	if !o.restedAt.Before(window.graceEnds()) && o.restsFor.OpensAt.Equal(window.OpensAt) && o.restsFor.ClosesAt.Equal(window.ClosesAt) {
		return nil
	}
	load, err := o.observe(ctx, now, window)
	if err != nil {
		return err
	}
	decision := Scale(load, o.Limits)
	if decision.AtRest {
		o.restsFor, o.restedAt = window, now
	}
	o.Log.InfoContext(ctx, "scale", "reason", decision.Reason,
		"visible", load.Depth.Visible, "in_flight", load.Depth.InFlight, "units", load.Have.Units, "workers", load.Have.Workers,
		"table_updating", load.Raising, "mapping_unsteady", load.Unsteady, "decreases_today", load.Decreases,
		"set_units", decision.Set.Units, "set_workers", decision.Set.Workers)
	return o.set(ctx, load, decision)
}

// observe reads what Scale needs.
func (o *Orchestrator) observe(ctx context.Context, now time.Time, window Window) (Load, error) {
	load := Load{Now: now, Window: window}
	if !now.Before(window.graceEnds()) {
		state, err := o.Store.WindowState(ctx)
		if err != nil {
			return Load{}, fmt.Errorf("read the window's state: %w", err)
		}
		load.Final = state.Phase == PhaseFinal && state.ClosesAt.Equal(window.ClosesAt) && !state.MappingOff
	}
	var err error
	if load.live() {
		if load.Depth, err = o.Votes.Depth(ctx); err != nil {
			return Load{}, err
		}
		if load.LowSince, err = o.Store.LowSince(ctx); err != nil {
			return Load{}, fmt.Errorf("read since when the queue is low: %w", err)
		}
	}
	table, err := o.Table.Throughput(ctx)
	if err != nil {
		return Load{}, err
	}
	workers, state, err := o.Mapping.Workers(ctx)
	if err != nil {
		return Load{}, err
	}
	load.Have = Capacity{Units: table.Units, Workers: workers}
	load.Raising, load.Decreases, load.Decreased = table.Updating, table.Decreases, table.Decreased
	load.Unsteady = state != mappingEnabled
	return load, nil
}

// set does what was decided. A figure that cannot be set does not hold the others back: each is safe by itself, since workers
// rise only to what the table carries already.
func (o *Orchestrator) set(ctx context.Context, load Load, decision Decision) error {
	var faults []error
	if !decision.LowSince.Equal(load.LowSince) {
		if err := o.Store.PutLowSince(ctx, decision.LowSince); err != nil {
			faults = append(faults, fmt.Errorf("write since when the queue is low: %w", err))
		}
	}
	steps := []func() error{
		func() error {
			if decision.Set.Units == 0 {
				return nil
			}
			return o.Table.SetUnits(ctx, decision.Set.Units)
		},
		func() error {
			if decision.Set.Workers == 0 {
				return nil
			}
			return o.Mapping.SetWorkers(ctx, decision.Set.Workers)
		},
	}
	if decision.Set.Units < load.Have.Units { // On the way down the workers go first.
		steps[0], steps[1] = steps[1], steps[0]
	}
	for _, step := range steps {
		if err := step(); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// passing says whether nothing but faults that pass by themselves are in an error: throttling, a quota of changes, and a table or
// mapping that is being changed (DynamoDB and Lambda API Reference, UpdateTable and UpdateEventSourceMapping, "Errors").
func passing(err error) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			if !passing(one) {
				return false
			}
		}
		return true
	}
	if throttled(err) {
		return true
	}
	var fault smithy.APIError
	if !errors.As(err, &fault) {
		return false
	}
	switch fault.ErrorCode() {
	case "ResourceInUseException", "ResourceConflictException":
		return true
	default:
		return false
	}
}
