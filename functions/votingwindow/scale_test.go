package votingwindow_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

var (
	scaleOpens  = time.Date(2030, 5, 4, 20, 0, 0, 0, time.UTC)
	scaleWindow = votingwindow.Window{OpensAt: scaleOpens, ClosesAt: scaleOpens.Add(time.Hour), Grace: 2 * time.Minute}
	scaleLimits = votingwindow.Limits{
		Min: votingwindow.Capacity{Units: 100, Workers: 2}, Max: votingwindow.Capacity{Units: 4000, Workers: 80},
		Opening: votingwindow.Capacity{Units: 2000, Workers: 40}, DrainWithin: time.Minute, UnitsPerWorker: 50,
	}
)

func TestScale(t *testing.T) {
	type capacity = votingwindow.Capacity
	least, opening := capacity{Units: 100, Workers: 2}, capacity{Units: 2000, Workers: 40}
	visible := func(n int64) votingwindow.Depth { return votingwindow.Depth{Visible: n} }
	after := scaleOpens.Add
	for name, c := range map[string]struct {
		at   time.Duration // After the opening.
		load votingwindow.Load
		want votingwindow.Decision // Without its reason.
		says string                // In its reason.
	}{
		"hours before":              {-3 * time.Hour, votingwindow.Load{Have: least}, votingwindow.Decision{AtRest: true}, "outside"},
		"hours before, left high":   {-3 * time.Hour, votingwindow.Load{Have: opening}, votingwindow.Decision{Set: least}, "outside"},
		"still being lowered":       {-3 * time.Hour, votingwindow.Load{Have: least, Raising: true}, votingwindow.Decision{}, "outside"},
		"just before the lead":      {-15*time.Minute - 1, votingwindow.Load{Have: least}, votingwindow.Decision{AtRest: true}, "outside"},
		"opening: the table first":  {-15 * time.Minute, votingwindow.Load{Have: least}, votingwindow.Decision{Set: capacity{Units: 2000}}, "opening"},
		"opening: then workers":     {-14 * time.Minute, votingwindow.Load{Have: capacity{Units: 2000, Workers: 2}}, votingwindow.Decision{Set: capacity{Workers: 40}}, "opening"},
		"opening: not yet in force": {-14 * time.Minute, votingwindow.Load{Have: least, Raising: true}, votingwindow.Decision{}, "opening"},
		"opening lowers nothing":    {-time.Minute, votingwindow.Load{Have: capacity{Units: 3000, Workers: 60}}, votingwindow.Decision{}, "opening"},
		"depth raises the table":    {time.Minute, votingwindow.Load{Have: least, Depth: visible(60_000)}, votingwindow.Decision{Set: capacity{Units: 1000}}, "depth"},
		"a second begun is a whole": {time.Minute, votingwindow.Load{Have: least, Depth: visible(60_001)}, votingwindow.Decision{Set: capacity{Units: 1001}}, "depth"},
		"in flight is to be done":   {time.Minute, votingwindow.Load{Have: least, Depth: votingwindow.Depth{Visible: 6_000, InFlight: 54_000, Delayed: 99_999}}, votingwindow.Decision{Set: capacity{Units: 1000}}, "depth"},
		"no more than the most":     {time.Minute, votingwindow.Load{Have: least, Depth: visible(6_000_000)}, votingwindow.Decision{Set: capacity{Units: 4000}}, "depth"},
		"workers as carried": {time.Minute, votingwindow.Load{Have: capacity{Units: 1000, Workers: 2}, Depth: visible(600_000)},
			votingwindow.Decision{Set: capacity{Units: 4000, Workers: 20}}, "depth"},
		"workers while raising": {time.Minute, votingwindow.Load{Have: capacity{Units: 1000, Workers: 2}, Depth: visible(600_000), Raising: true},
			votingwindow.Decision{Set: capacity{Workers: 20}}, "depth"},
		"workers at their most": {time.Minute, votingwindow.Load{Have: capacity{Units: 4000, Workers: 20}, Depth: visible(600_000)},
			votingwindow.Decision{Set: capacity{Workers: 80}}, "depth"},
		"mapping in change": {time.Minute, votingwindow.Load{Have: capacity{Units: 4000, Workers: 20}, Depth: visible(600_000), Unsteady: true},
			votingwindow.Decision{}, "depth"},
		"low for the first time": {time.Minute, votingwindow.Load{Have: opening}, votingwindow.Decision{LowSince: after(time.Minute)}, "depth"},
		"low, not for long":      {16*time.Minute - 1, votingwindow.Load{Have: opening, LowSince: after(time.Minute)}, votingwindow.Decision{LowSince: after(time.Minute)}, "depth"},
		"low for long": {16 * time.Minute, votingwindow.Load{Have: opening, LowSince: after(time.Minute), Depth: visible(12_000)},
			votingwindow.Decision{Set: capacity{Units: 200, Workers: 4}, LowSince: after(time.Minute)}, "low for 15m"},
		"half is not low":      {20 * time.Minute, votingwindow.Load{Have: opening, LowSince: after(time.Minute), Depth: visible(60_000)}, votingwindow.Decision{}, "depth"},
		"before the end":       {time.Hour + 2*time.Minute, votingwindow.Load{Have: opening, LowSince: after(time.Hour)}, votingwindow.Decision{LowSince: after(time.Hour)}, "depth"},
		"final":                {time.Hour + 5*time.Minute, votingwindow.Load{Have: opening, Final: true}, votingwindow.Decision{Set: least}, "outside"},
		"final and at rest":    {time.Hour + 6*time.Minute, votingwindow.Load{Have: least, Final: true}, votingwindow.Decision{AtRest: true}, "outside"},
		"never final":          {2*time.Hour + 2*time.Minute, votingwindow.Load{Have: opening}, votingwindow.Decision{Set: least}, "outside"},
		"three decreases":      {time.Hour + 5*time.Minute, votingwindow.Load{Have: opening, Final: true, Decreases: 3, Decreased: after(time.Hour)}, votingwindow.Decision{Set: least}, "outside"},
		"four decreases":       {time.Hour + 5*time.Minute, votingwindow.Load{Have: opening, Final: true, Decreases: 4, Decreased: after(time.Hour)}, votingwindow.Decision{Set: capacity{Workers: 2}}, "no decrease before 2030-05-04T22:00:00Z"},
		"four, an hour ago":    {2 * time.Hour, votingwindow.Load{Have: opening, Final: true, Decreases: 4, Decreased: after(time.Hour)}, votingwindow.Decision{Set: least}, "outside"},
		"mapping without any":  {time.Minute, votingwindow.Load{Have: capacity{Units: 100}}, votingwindow.Decision{Set: capacity{Workers: 2}}, "depth"},
		"extended by operator": {time.Hour + 5*time.Minute, votingwindow.Load{Have: opening, LowSince: after(time.Hour), Depth: visible(120_000)}, votingwindow.Decision{}, "depth"},
	} {
		t.Run(name, func(t *testing.T) {
			c.load.Now, c.load.Window = after(c.at), scaleWindow
			if strings.HasPrefix(name, "extended") {
				c.load.Window.ClosesAt = after(2 * time.Hour)
			}
			got := votingwindow.Scale(c.load, scaleLimits)
			if !strings.Contains(got.Reason, c.says) {
				t.Errorf("reason is %q, should say %q", got.Reason, c.says)
			}
			got.Reason = ""
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestScaleHolds proves of any load that what is set is within the limits, that workers rise only to what the table carries, and that
// an open window lowers nothing unless little was asked for long enough.
func TestScaleHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Int64Range(-7200, 14400).Draw(t, "seconds after the opening")
		load := votingwindow.Load{
			Now: scaleOpens.Add(time.Duration(at) * time.Second), Window: scaleWindow,
			Final:   at > 3720 && rapid.Bool().Draw(t, "final"),
			Depth:   votingwindow.Depth{Visible: rapid.Int64Range(0, 1_000_000).Draw(t, "visible"), InFlight: rapid.Int64Range(0, 120_000).Draw(t, "in flight")},
			Have:    votingwindow.Capacity{Units: rapid.Int64Range(1, 5000).Draw(t, "units"), Workers: rapid.IntRange(0, 100).Draw(t, "workers")},
			Raising: rapid.Bool().Draw(t, "raising"), Unsteady: rapid.Bool().Draw(t, "unsteady"),
		}
		if rapid.Bool().Draw(t, "low") {
			load.LowSince = load.Now.Add(-time.Duration(rapid.IntRange(0, 1800).Draw(t, "low for")) * time.Second)
		}
		decision := votingwindow.Scale(load, scaleLimits)
		set, have := decision.Set, load.Have
		if set.Units != 0 && (load.Raising || set.Units < 100 || set.Units > 4000 || set.Units == have.Units) {
			t.Fatalf("units %d of %d", set.Units, have.Units)
		}
		if set.Workers != 0 && (load.Unsteady || set.Workers < 2 || set.Workers > 80 || set.Workers == have.Workers) {
			t.Fatalf("workers %d of %d", set.Workers, have.Workers)
		}
		if set.Workers > have.Workers && set.Workers > 2 && int64(set.Workers)*50 > have.Units {
			t.Fatalf("%d workers on %d units", set.Workers, have.Units)
		}
		live := at >= -900 && at < 3720+3600 && !load.Final
		lowered := set.Units != 0 && set.Units < have.Units || set.Workers != 0 && set.Workers < have.Workers
		if live && lowered && (at < 0 || load.LowSince.IsZero() || load.Now.Sub(load.LowSince) < 15*time.Minute) {
			t.Fatalf("lowered to %+v from %+v", set, have)
		}
		if decision.AtRest && (live || set != votingwindow.Capacity{}) {
			t.Fatalf("at rest: %+v", decision)
		}
	})
}

func TestLimitsCheck(t *testing.T) {
	if err := scaleLimits.Check(); err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string]func(*votingwindow.Limits){
		"DRAIN_WITHIN is 1ms":                  func(l *votingwindow.Limits) { l.DrainWithin = time.Millisecond },
		"UNITS_PER_WORKER is 0":                func(l *votingwindow.Limits) { l.UnitsPerWorker = 0 },
		"MIN_UNITS is 0":                       func(l *votingwindow.Limits) { l.Min.Units = 0 },
		"MAX_UNITS is 99, less than MIN_UNITS": func(l *votingwindow.Limits) { l.Max.Units = 99 },
		"MIN_WORKERS is 1: Lambda takes 2":     func(l *votingwindow.Limits) { l.Min.Workers = 1 },
		"MAX_WORKERS is 1001: Lambda":          func(l *votingwindow.Limits) { l.Max.Workers = 1001 },
		"MAX_WORKERS is 1, less":               func(l *votingwindow.Limits) { l.Max.Workers = 1 },
		"OPENING_UNITS is 4001, more":          func(l *votingwindow.Limits) { l.Opening.Units = 4001 },
		"OPENING_WORKERS is 81, more":          func(l *votingwindow.Limits) { l.Opening.Workers = 81 },
	} {
		limits := scaleLimits
		change(&limits)
		if err := limits.Check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}
