package votingwindow_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

func TestNext(t *testing.T) {
	type state = votingwindow.State
	graceEnds := closes.Add(2 * time.Minute)
	empty, busy, delayed, inFlight := &votingwindow.Depth{}, &votingwindow.Depth{Visible: 1}, &votingwindow.Depth{Delayed: 1}, &votingwindow.Depth{InFlight: 1}
	count := &votingwindow.Counts{Answers: map[string]int64{"vote/yes": 3}, Late: 1}
	at := func(phase votingwindow.Phase, change func(*state)) state {
		s := state{Version: 4, Phase: phase, ClosesAt: closes}
		if change != nil {
			change(&s)
		}
		return s
	}
	off := func(s *state) { s.MappingOff = true }
	emptyFrom := func(since, seen time.Duration) func(*state) {
		return func(s *state) { s.EmptySince, s.EmptySeen = graceEnds.Add(since), graceEnds.Add(seen) }
	}
	settling := func(s *state) { s.MappingOff, s.MappingOffAt = true, graceEnds.Add(time.Minute) }

	for name, test := range map[string]struct {
		from    state
		now     time.Time
		queue   *votingwindow.Depth
		mapping string
		count   *votingwindow.Counts
		rate    int
		marked  bool
		to      state
		actions []votingwindow.Action
	}{
		"nothing written yet": {from: state{}, now: opens, to: state{Phase: votingwindow.PhaseOpen, ClosesAt: closes}},
		"open":                {from: at("open", nil), now: closes.Add(-time.Millisecond), to: at("open", nil)},
		"closes":              {from: at("open", nil), now: closes, to: at("closing", nil)},
		"grace":               {from: at("closing", nil), now: graceEnds.Add(-time.Millisecond), to: at("closing", nil)},
		"grace ends":          {from: at("closing", nil), now: graceEnds, to: at("draining", nil)},

		"first seen empty": {from: at("draining", nil), now: graceEnds, queue: empty, to: at("draining", emptyFrom(0, 0))},
		"still empty": {from: at("draining", emptyFrom(0, 30*time.Second)), now: graceEnds.Add(59 * time.Second), queue: empty,
			to: at("draining", emptyFrom(0, 59*time.Second))},
		"empty for a minute": {from: at("draining", emptyFrom(0, 55*time.Second)), now: graceEnds.Add(time.Minute), queue: empty,
			to: at("disabling", func(s *state) { emptyFrom(0, time.Minute)(s); off(s) })},
		"not looked at for long": {from: at("draining", emptyFrom(0, 29*time.Second)), now: graceEnds.Add(time.Minute), queue: empty,
			to: at("draining", emptyFrom(time.Minute, time.Minute))},
		"not empty any more": {from: at("draining", emptyFrom(0, 55*time.Second)), now: graceEnds.Add(time.Minute), queue: busy, to: at("draining", nil)},
		"in flight":          {from: at("draining", emptyFrom(0, 55*time.Second)), now: graceEnds.Add(time.Minute), queue: inFlight, to: at("draining", nil)},
		"delayed":            {from: at("draining", emptyFrom(0, 55*time.Second)), now: graceEnds.Add(time.Minute), queue: delayed, to: at("draining", nil)},
		"unknown is not empty": {from: at("draining", emptyFrom(0, 55*time.Second)), now: graceEnds.Add(time.Minute),
			to: at("draining", nil)},
		"busy for 16 minutes less one": {from: at("draining", nil), now: graceEnds.Add(16*time.Minute - time.Millisecond), queue: busy, to: at("draining", nil)},
		"busy for 16 minutes":          {from: at("draining", nil), now: graceEnds.Add(16 * time.Minute), queue: busy, to: at("disabling", off)},

		"switch off":     {from: at("disabling", off), now: graceEnds, mapping: "Enabled", to: at("disabling", off), actions: []votingwindow.Action{votingwindow.DisableMapping}},
		"going off":      {from: at("disabling", off), now: graceEnds, mapping: "Disabling", to: at("disabling", off)},
		"unknown":        {from: at("disabling", off), now: graceEnds, to: at("disabling", off)},
		"is off":         {from: at("disabling", off), now: graceEnds.Add(time.Minute), mapping: "Disabled", to: at("settling", settling)},
		"settling":       {from: at("settling", settling), now: graceEnds.Add(time.Minute + 35*time.Second - time.Millisecond), mapping: "Disabled", to: at("settling", settling)},
		"settled, blind": {from: at("settling", settling), now: graceEnds.Add(time.Hour), to: at("settling", settling)},
		"on again behind our back": {from: at("settling", settling), now: graceEnds.Add(time.Minute + 35*time.Second), mapping: "Enabling",
			to: at("disabling", off)},
		"settled": {from: at("settling", settling), now: graceEnds.Add(time.Minute + 35*time.Second), mapping: "Disabled",
			to: at("sealed", func(s *state) { settling(s); s.SealedAt, s.LiveTotal = graceEnds.Add(time.Minute+35*time.Second), 2 })},

		"sealed":       {from: at("sealed", off), now: graceEnds, to: at("counting", off)},
		"sealed, rate": {from: at("sealed", off), now: graceEnds, rate: 5, to: at("sealed", off), actions: []votingwindow.Action{votingwindow.QuarantineRates}},
		"marked":       {from: at("sealed", off), now: graceEnds, rate: 5, marked: true, to: at("counting", off)},
		"count":        {from: at("counting", off), now: graceEnds, rate: 5, to: at("counting", off), actions: []votingwindow.Action{votingwindow.CountForGood}},
		"count again": {from: at("counting", func(s *state) { s.FinalAt, s.LiveTotal = closes, 7 }), now: graceEnds, count: count,
			to:      at("final", func(s *state) { s.FinalAt, s.Final, s.LiveTotal = graceEnds, *count, 7 }),
			actions: []votingwindow.Action{votingwindow.PublishFinal}},
		"counted": {from: at("counting", off), now: graceEnds, count: count,
			to:      at("final", func(s *state) { off(s); s.FinalAt, s.Final = graceEnds, *count }),
			actions: []votingwindow.Action{votingwindow.PublishFinal}},
		"switch on": {from: at("final", off), now: graceEnds, mapping: "Disabled", to: at("final", off), actions: []votingwindow.Action{votingwindow.EnableMapping}},
		"going on":  {from: at("final", off), now: graceEnds, mapping: "Enabling", to: at("final", off)},
		"is on":     {from: at("final", off), now: graceEnds, mapping: "Enabled", to: at("final", nil)},
		"over":      {from: at("final", nil), now: graceEnds.Add(time.Hour), mapping: "Disabled", to: at("final", nil)},

		"moved while open":        {from: at("closing", func(s *state) { s.ClosesAt = opens }), now: closes.Add(-time.Minute), to: at("open", nil)},
		"moved while off":         {from: at("settling", func(s *state) { settling(s); s.ClosesAt = opens }), now: opens, to: at("open", off)},
		"moved when final":        {from: at("final", func(s *state) { s.ClosesAt, s.Final, s.LiveTotal = opens, *count, 2 }), now: opens, to: at("open", nil)},
		"moved, switch on":        {from: at("open", off), now: opens, mapping: "Disabled", to: at("open", off), actions: []votingwindow.Action{votingwindow.EnableMapping}},
		"moved, is on":            {from: at("open", off), now: opens, mapping: "Enabled", to: at("open", nil)},
		"another program's phase": {from: at("exported", nil), now: closes.Add(time.Hour), to: at("exported", nil)},
	} {
		t.Run(name, func(t *testing.T) {
			to, actions := votingwindow.Next(test.from, votingwindow.Observation{
				Now: test.now, Window: window(), RecorderTimeout: 30 * time.Second,
				Queue: test.queue, Mapping: test.mapping, Count: test.count, LiveTotal: 2, PerAddress: test.rate, Marked: test.marked,
			})
			if !reflect.DeepEqual(to, test.to) || !slices.Equal(actions, test.actions) {
				t.Fatalf("got %+v %v\nwant %+v %v", to, actions, test.to, test.actions)
			}
		})
	}
}

func TestSealedFor(t *testing.T) {
	for phase, want := range map[votingwindow.Phase]bool{
		"": false, "open": false, "closing": false, "draining": false, "disabling": false, "settling": false, "sealed": true, "counting": true, "final": true,
	} {
		state := votingwindow.State{Phase: phase, ClosesAt: closes}
		if got := state.SealedFor(closes); got != want {
			t.Errorf("%s: %v", phase, got)
		}
		if state.SealedFor(closes.Add(time.Second)) {
			t.Errorf("%s: sealed for another closing time", phase)
		}
	}
}

// What is written is what is read, phase by phase.
func TestStateSurvivesTheTable(t *testing.T) {
	m := newMemory()
	ms := func(n int64) time.Time { return time.UnixMilli(1_900_000_000_000 + n).UTC() }
	full := votingwindow.State{
		Version: 2, Phase: votingwindow.PhaseFinal, ClosesAt: ms(1), EmptySince: ms(2), EmptySeen: ms(3), MappingOff: true,
		MappingOffAt: ms(4), SealedAt: ms(5), FinalAt: ms(6), LiveTotal: 7,
		Final: votingwindow.Counts{Answers: map[string]int64{"vote/yes": 8, "vote/no": 0}, Duplicate: 9, Late: 10, Rejected: 11},
	}
	for _, state := range []votingwindow.State{{Version: 1, Phase: votingwindow.PhaseOpen, ClosesAt: ms(0)}, full} {
		written, err := m.store().PutWindowState(t.Context(), state)
		if err != nil || !written {
			t.Fatal(written, err)
		}
		got, err := m.store().WindowState(t.Context())
		if err != nil || !reflect.DeepEqual(got, state) {
			t.Fatalf("got %+v, %v, want %+v", got, err, state)
		}
		if written, err = m.store().PutWindowState(t.Context(), state); err != nil || written {
			t.Fatalf("a version was written twice: %v, %v", written, err)
		}
	}
}

func TestLease(t *testing.T) {
	const second = time.Second
	m := newMemory()
	take := func(holder string, version int64, began, after time.Duration) bool {
		held, err := m.store().TakeLease(t.Context(), votingwindow.Candidate{Holder: holder, Version: version, Began: opens.Add(began)},
			opens.Add(after), opens.Add(after+15*second))
		if err != nil {
			t.Fatal(err)
		}
		return held
	}
	claim := func(version int64) bool {
		older, err := m.store().ClaimLease(t.Context(), version)
		if err != nil {
			t.Fatal(err)
		}
		return older
	}
	release := func(holder string, after time.Duration) bool {
		if err := m.store().ReleaseLease(t.Context(), holder, opens.Add(after)); err != nil {
			t.Fatal(err)
		}
		return true
	}
	for i, step := range []struct {
		did, want bool
	}{
		{claim(2), false}, // There is none.
		{take("a", 2, 0, 0), true},
		{take("b", 2, 0, 0), false},
		{take("a", 2, 0, 5*second), true},
		{take("b", 2, 0, 19999*time.Millisecond), false},
		{take("b", 2, 0, 20*second), true},
		{take("a", 2, 0, 20*second), false},
		{release("a", 21*second), true}, // Not its own: no effect.
		{take("a", 2, 0, 21*second), false},
		{release("b", 21*second), true},
		{take("a", 2, 0, 21*second), true},
		{claim(1), false},
		{claim(2), false},
		{take("a", 2, 0, 22*second), true}, // Until 37 s.
		{claim(3), true},
		{claim(3), false},
		{take("a", 2, 0, 23*second), false},
		{take("c", 3, 23*second, 23*second), false}, // It is still a's.
		{release("a", 24*second), true},
		{take("b", 2, 0, 24*second), false},        // It is claimed.
		{take("c", 3, 23*second, 24*second), true}, // Until 39 s.
		{take("b", 2, 38*second, 60*second), false},
		{take("b", 2, 39*second, 60*second), true}, // Gone back to.
	} {
		if step.did != step.want {
			t.Fatalf("step %d: %t", i, step.did)
		}
	}
}
