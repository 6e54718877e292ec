package votingwindow

import (
	"errors"
	"fmt"
	"time"
)

const (
	// prescaleLead before the opening the opening capacity is asked for: DynamoDB adds the partitions that a great raise needs in
	// minutes, and says no figure (DynamoDB Developer Guide, "Provisioned capacity mode").
	prescaleLead = 15 * time.Minute
	// lowFor is how long the queue must have asked for less than half of what there is before capacity sinks in an open window.
	lowFor = 15 * time.Minute
	// restAfter the grace everything sinks even where the window never became final.
	restAfter = time.Hour
	// freeDecreases may be made at any time of a day in UTC, further ones only where there was none for decreaseEvery
	// (DynamoDB Developer Guide, "Quotas in Amazon DynamoDB", decreasing provisioned throughput).
	freeDecreases = 4
	decreaseEvery = time.Hour
	// MinWorkers and MaxWorkers bound an SQS mapping's maximum concurrency (Lambda API Reference, ScalingConfig).
	MinWorkers = 2
	MaxWorkers = 1000
)

// Capacity is what records votes: write units of the ballots table and workers, which are concurrent invocations of the
// recorder. A ballot is under 1 KB, so a vote is one write unit (DynamoDB Developer Guide, "Provisioned capacity mode").
type Capacity struct {
	Units   int64
	Workers int
}

// Limits are the rules of Scale.
type Limits struct {
	Min, Max, Opening Capacity
	DrainWithin       time.Duration // In this time a backlog is to be recorded.
	UnitsPerWorker    int           // Write units a second that one worker can use.
}

// Check says what is wrong with the limits.
func (l Limits) Check() error {
	var faults []error
	fault := func(wrong bool, format string, values ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, values...))
		}
	}
	fault(l.DrainWithin < time.Second, "DRAIN_WITHIN is %s: it must be a second or more", l.DrainWithin)
	fault(l.UnitsPerWorker < 1, "UNITS_PER_WORKER is %d: it must be more than zero", l.UnitsPerWorker)
	fault(l.Min.Units < 1, "MIN_UNITS is %d: it must be more than zero", l.Min.Units)
	fault(l.Max.Units < l.Min.Units, "MAX_UNITS is %d, less than MIN_UNITS, %d", l.Max.Units, l.Min.Units)
	fault(l.Min.Workers < MinWorkers, "MIN_WORKERS is %d: Lambda takes %d or more", l.Min.Workers, MinWorkers)
	fault(l.Max.Workers > MaxWorkers, "MAX_WORKERS is %d: Lambda takes %d or less", l.Max.Workers, MaxWorkers)
	fault(l.Max.Workers < l.Min.Workers, "MAX_WORKERS is %d, less than MIN_WORKERS, %d", l.Max.Workers, l.Min.Workers)
	fault(l.Opening.Units > l.Max.Units, "OPENING_UNITS is %d, more than MAX_UNITS, %d", l.Opening.Units, l.Max.Units)
	fault(l.Opening.Workers > l.Max.Workers, "OPENING_WORKERS is %d, more than MAX_WORKERS, %d", l.Opening.Workers, l.Max.Workers)
	return errors.Join(faults...)
}

// Load is what Scale goes by.
type Load struct {
	Now       time.Time
	Window    Window // With the closing time in force.
	Final     bool   // The window is counted for good, and the mapping is as it was.
	Depth     Depth
	Have      Capacity
	Raising   bool      // The table is being changed: its capacity stands until that is done.
	Unsteady  bool      // The mapping is being changed, or is switched off: the publisher is at it.
	Decreases int       // Of the table's capacity, on this day in UTC.
	Decreased time.Time // The last one.
	LowSince  time.Time // Since when the queue has asked for less than half of the table's capacity; zero where it does not.
}

// Decision is what to do until the next tick.
type Decision struct {
	Set      Capacity  // Zero leaves a figure as it is.
	LowSince time.Time // To be remembered as Load.LowSince.
	AtRest   bool      // Nothing will be to do before the next window.
	Reason   string
}

// live says whether the window is about to open, open, or not yet done with.
func (l Load) live() bool {
	return !l.Now.Before(l.Window.OpensAt.Add(-prescaleLead)) && !l.Final && l.Now.Before(l.Window.graceEnds().Add(restAfter))
}

// Scale decides. It wants capacity in proportion to the queue's depth, so that this is recorded within DrainWithin. The table comes
// first: workers rise only as far as the table's capacity in force carries them, so that they are never raised to be throttled.
// Capacity sinks after the window, or where little was asked for long enough, since DynamoDB allows few decreases a day.
func Scale(load Load, limits Limits) Decision {
	decision := Decision{Reason: "the queue's depth"}
	base, live := limits.Min, load.live()
	switch {
	case !live:
		decision.Reason = "outside the window"
	case load.Now.Before(load.Window.OpensAt):
		base.Units, base.Workers = max(base.Units, limits.Opening.Units), max(base.Workers, limits.Opening.Workers)
		decision.Reason = "the opening"
	}
	seconds := int64(limits.DrainWithin / time.Second)
	rate := (load.Depth.Visible + load.Depth.InFlight + seconds - 1) / seconds
	per := int64(limits.UnitsPerWorker)
	want := Capacity{
		Units:   min(max(base.Units, rate), limits.Max.Units),
		Workers: int(min(max(int64(base.Workers), (rate+per-1)/per), int64(limits.Max.Workers))),
	}

	sink := !live
	if live && !load.Now.Before(load.Window.OpensAt) && want.Units*2 < load.Have.Units {
		if decision.LowSince = load.LowSince; decision.LowSince.IsZero() {
			decision.LowSince = load.Now
		}
		if sink = load.Now.Sub(decision.LowSince) >= lowFor; sink {
			decision.Reason = fmt.Sprintf("the queue was low for %s", lowFor)
		}
	}

	// What is in force carries so many; the least number of workers stands even where it carries less, since Lambda takes no fewer.
	carried := int(max(load.Have.Units/per, int64(limits.Min.Workers)))
	if sink && want.Units < load.Have.Units {
		carried = int(max(want.Units/per, int64(limits.Min.Workers)))
	}
	want.Workers = min(want.Workers, carried)
	rested := want.Workers == load.Have.Workers && want.Units == load.Have.Units
	decision.AtRest = !live && rested && !load.Raising

	raise, lower := want.Units > load.Have.Units, want.Units < load.Have.Units && sink
	switch {
	case load.Raising:
	case raise, lower && load.mayDecrease():
		decision.Set.Units = want.Units
	case lower:
		decision.Reason += "; DynamoDB allows no decrease before " + clockText(load.Decreased.Add(decreaseEvery))
	}
	if !load.Unsteady && (want.Workers > load.Have.Workers || want.Workers < load.Have.Workers && sink) {
		decision.Set.Workers = want.Workers
	}
	return decision
}

func (l Load) mayDecrease() bool {
	return l.Decreases < freeDecreases || l.Now.Sub(l.Decreased) >= decreaseEvery
}
