package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"pgregory.net/rapid"
)

// tenth tries a tenth of the calls for five minutes.
func tenth() *Canary { return &Canary{Percent: 10, Minutes: 5, Alarms: []string{"errors", "late"}} }

// tick is a minute of the schedule.
func (w *world) tick(t *testing.T) {
	t.Helper()
	if _, err := w.steer().Handle(t.Context(), Request{}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) minutes(t *testing.T, n int) {
	t.Helper()
	for range n {
		w.now = w.now.Add(time.Minute)
		w.tick(t)
	}
}

// stands checks where the aliases are, and what became of a release.
func (w *world) stands(t *testing.T, when string, joins, turns Alias, number int, outcome Outcome, why string) {
	t.Helper()
	if !w.aliases[join].at(joins) || !w.aliases[turn].at(turns) {
		t.Errorf("%s: the aliases are at %+v and %+v, want %+v and %+v", when, w.aliases[join], w.aliases[turn], joins, turns)
	}
	if r := w.records[number]; r.Outcome != outcome || !strings.Contains(r.Why, why) || (r.Outcome == Running) != r.Ended.IsZero() {
		t.Errorf("%s: release %d is %s, ended %s, since %q; want %s, %q", when, number, r.Outcome, r.Ended, r.Why, outcome, why)
	}
}

func at(version string) Alias { return Alias{Version: version} }

func trying(stable, canary string, share float64) Alias { return Alias{stable, canary, share, ""} }

// TestRelease goes through the life of an environment.
func TestRelease(t *testing.T) {
	w := newWorld()
	w.tick(t)
	if w.saves+w.moves != 0 {
		t.Fatalf("with nothing wanted there are %d writes and %d moves", w.saves, w.moves)
	}
	w.want(1, "100", tenth())
	w.tick(t)
	w.stands(t, "first, whose versions are live already", at("1"), at("1"), 1, Live, "")

	w.want(2, "101", tenth())
	w.tick(t)
	w.stands(t, "canary", trying("1", "2", 0.1), trying("1", "2", 0.1), 2, Running, "")
	w.wanted.Canary.Percent = 30
	w.minutes(t, 4)
	w.stands(t, "wider canary", trying("1", "2", 0.3), trying("1", "2", 0.3), 2, Running, "")
	w.minutes(t, 1)
	w.stands(t, "after the canary", at("2"), at("2"), 2, Live, "")

	w.want(3, "102", tenth())
	w.minutes(t, 2)
	w.alarms["late"] = Ringing
	w.minutes(t, 1)
	w.stands(t, "alarm", at("2"), at("2"), 3, RolledBack, "the alarm late rings")
	w.alarms["late"] = Quiet
	w.minutes(t, 20)
	w.stands(t, "the alarm is over", at("2"), at("2"), 3, RolledBack, "the alarm late rings")
	if n := strings.Count(strings.Join(w.metrics, " "), MetricRolledBack); n != 1 {
		t.Errorf("there are %d metrics of a roll back, want 1", n)
	}

	w.alarms["late"] = Ringing
	w.want(3, "103", tenth())
	w.tick(t)
	w.stands(t, "an alarm rings before it begins", at("2"), at("2"), 4, RolledBack, "late rings; it was not begun")
	w.want(3, "104", nil)
	w.tick(t)
	w.stands(t, "without a canary", at("3"), at("3"), 5, Live, "")

	w.alarms["late"] = Quiet
	w.want(4, "105", tenth())
	w.minutes(t, 2)
	w.want(5, "106", tenth())
	w.minutes(t, 1)
	w.stands(t, "superseded", trying("3", "5", 0.1), trying("3", "5", 0.1), 6, Superseded, "release 7 began")
	w.wanted.Canary = nil
	w.tick(t)
	w.stands(t, "the canary is taken away", at("5"), at("5"), 7, Live, "")

	w.minutes(t, 10)
	calls := 0
	w.fail = func(string) error { calls++; return nil }
	w.minutes(t, 1)
	// Two reads, each counted before and after.
	if calls != 4 {
		t.Errorf("an idle minute makes %d calls, want 2", calls/2)
	}
}

// TestRefusals: what can not go live moves nothing.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world)
		why    string
	}{
		"no such version":   {func(w *world) { delete(w.versions[turn], "2") }, "queue/turn has no version 2"},
		"other code":        {func(w *world) { w.versions[join]["2"] = digestOf(7) }, "version 2 of queue/join has the code 7777"},
		"function is gone":  {func(w *world) { delete(w.aliases, turn) }, "no alias of it, for queue/turn"},
		"no such alarm":     {func(w *world) { delete(w.alarms, "errors") }, "there is no alarm errors"},
		"the alarm rings":   {func(w *world) { w.alarms["errors"] = Ringing }, "the alarm errors rings"},
		"gone during trial": {func(w *world) { w.fail = after("move+", 2, func() { delete(w.aliases, turn) }) }, "no alias of it, for queue/turn"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.want(1, "1", tenth())
			w.tick(t)
			w.minutes(t, 6)
			w.want(2, "2", tenth())
			c.change(w)
			w.minutes(t, 2)
			r := w.records[2]
			if r.Outcome != RolledBack || !strings.Contains(r.Why, c.why) || !w.aliases[join].at(at("1")) {
				t.Errorf("release 2 is %s since %q, and join at %+v", r.Outcome, r.Why, w.aliases[join])
			}
		})
	}
}

// after does something at the n-th call of that name.
func after(name string, n int, do func()) func(string) error {
	return func(call string) error {
		if call == name {
			if n--; n == 0 {
				do()
			}
		}
		return nil
	}
}

// TestRefusedMove: where AWS takes no canary of two versions, the release goes back and says why.
func TestRefusedMove(t *testing.T) {
	w := newWorld()
	w.want(2, "1", tenth())
	n := 0
	w.fail = func(call string) error {
		if call == "move" {
			if n++; n == 2 {
				return &smithy.GenericAPIError{Code: "InvalidParameterValueException", Message: "the execution roles differ"}
			}
		}
		return nil
	}
	w.tick(t)
	w.stands(t, "refused", at("1"), at("1"), 1, RolledBack, "the execution roles differ")
}

// TestRollback goes back by hand, and back again.
func TestRollback(t *testing.T) {
	w := newWorld()
	for v := 1; v <= 3; v++ {
		w.want(v, fmt.Sprint(v), nil)
		w.minutes(t, 1)
	}
	rollback := func() (Answer, error) {
		return w.steer().Handle(t.Context(), Request{Action: ActionRollback, By: "arn:aws:iam::123456789012:user/anna"})
	}
	a, err := rollback()
	if err != nil {
		t.Fatal(err)
	}
	w.stands(t, "back", at("2"), at("2"), 3, RolledBack, "by arn:aws:iam::123456789012:user/anna, by release 4")
	w.stands(t, "back", at("2"), at("2"), 4, Live, "rolled back to release 2")
	if s := a.Status; s.Live != 4 || s.Pending || s.Current.Pipeline != "2" || len(s.Elsewhere) > 0 {
		t.Errorf("the status is %+v", s)
	}
	w.minutes(t, 3)
	w.stands(t, "no minute takes it back", at("2"), at("2"), 4, Live, "")
	if _, err := rollback(); err != nil {
		t.Fatal(err)
	}
	w.stands(t, "further back", at("1"), at("1"), 5, Live, "rolled back to release 1")
	if _, err := rollback(); !errors.Is(err, errNothingBefore) {
		t.Errorf("before the first: %v", err)
	}
	w.want(4, "4", tenth())
	w.minutes(t, 1)
	if _, err := rollback(); err != nil {
		t.Fatal(err)
	}
	w.stands(t, "during the canary", at("1"), at("1"), 6, RolledBack, "rolled back by arn")
	history, err := w.steer().Handle(t.Context(), Request{Action: ActionHistory, Last: 2})
	if err != nil || len(history.Releases) != 2 || history.Releases[0].Number != 6 {
		t.Errorf("the history is %+v, %v", history, err)
	}
	w.aliases[turn] = at("9")
	if s, err := w.steer().Handle(t.Context(), Request{Action: ActionStatus}); err != nil || !slices.Equal(s.Status.Elsewhere, []string{"queue/turn"}) {
		t.Errorf("an alias that others moved gives %+v, %v", s.Status, err)
	}
}

// TestRollbackPastTheSame: runs of a pipeline that changed no function are nothing to go back to.
func TestRollbackPastTheSame(t *testing.T) {
	w := newWorld()
	for i, v := range []int{1, 2, 2, 2} {
		w.want(v, fmt.Sprint(i+1), nil)
		w.minutes(t, 1)
	}
	if _, err := w.steer().Handle(t.Context(), Request{Action: ActionRollback, By: "anna"}); err != nil {
		t.Fatal(err)
	}
	w.stands(t, "back", at("1"), at("1"), 5, Live, "rolled back to release 1")
	w.stands(t, "back", at("1"), at("1"), 4, RolledBack, "by release 5")
	if _, err := w.steer().Handle(t.Context(), Request{Action: ActionRollback, By: "anna"}); !errors.Is(err, errNothingBefore) {
		t.Errorf("before the first: %v", err)
	}
	w.want(1, "6", nil)
	w.minutes(t, 1)
	if _, err := w.steer().Handle(t.Context(), Request{Action: ActionRollback, By: "anna"}); !errors.Is(err, errNothingBefore) {
		t.Errorf("before it are the same and what was gone back from: %v", err)
	}
	w.stands(t, "what was gone back from does not come back", at("1"), at("1"), 6, Live, "")
}

// TestProperties: whatever is wanted, rings, dies and runs at the same time, no version serves that was not wanted with its digest, a canary takes
// its share at most, a release that was rolled back never comes back, and when all is quiet, the environment is where its history says.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		ctx := context.Background()
		pipeline, dying := 0, 0
		var interloper func()
		w.fail = func(call string) error {
			if call == "save" || call == "move" {
				if f := interloper; f != nil {
					interloper = nil
					f() // Another steer, between what this one has read and what it writes.
				}
			}
			if dying > 0 {
				if dying--; dying == 0 {
					return errDead
				}
			}
			return nil
		}
		released := map[string]bool{"1": true}
		run := func() {
			_, err := w.steer().Handle(ctx, Request{})
			if err != nil && !errors.Is(err, errDead) {
				t.Fatal(err)
			}
		}
		rolledBack := map[int]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"apply": func(t *rapid.T) {
				pipeline++
				version := rapid.IntRange(1, 9).Draw(t, "version")
				var c *Canary
				if rapid.Bool().Draw(t, "canary") {
					c = tenth()
				}
				w.want(version, fmt.Sprint(pipeline), c)
				released[fmt.Sprint(version)] = true
			},
			"alarm":    func(t *rapid.T) { w.alarms["late"] = rapid.SampledFrom([]Ring{Quiet, Ringing, NoData}).Draw(t, "late") },
			"minute":   func(*rapid.T) { w.now = w.now.Add(time.Minute); run() },
			"twice":    func(*rapid.T) { run(); run() },
			"overlap":  func(*rapid.T) { interloper = run; run(); interloper = nil },
			"death":    func(t *rapid.T) { dying = rapid.IntRange(1, 40).Draw(t, "call"); run(); dying = 0 },
			"rollback": func(*rapid.T) { _, _ = w.steer().Handle(ctx, Request{Action: ActionRollback, By: "anna"}) },
			"": func(t *rapid.T) {
				for arn, a := range w.aliases {
					if !released[a.Version] || a.Canary != "" && (!released[a.Canary] || !a.at(trying(a.Version, a.Canary, 0.1))) {
						t.Fatalf("%s is at %+v", arn, a)
					}
				}
				for n := range w.records {
					if r := w.records[n]; r.Outcome == RolledBack {
						rolledBack[n] = true
					} else if rolledBack[n] {
						t.Fatalf("release %d was rolled back, and is %s", n, r.Outcome)
					}
				}
			},
		})
		w.alarms["late"] = Quiet
		for range 10 {
			w.now = w.now.Add(time.Minute)
			run()
		}
		if w.wanted == nil {
			return
		}
		if w.state.Phase != Done || w.state.Wanted != w.wanted.ID() {
			t.Fatalf("after ten quiet minutes the state is %+v", w.state)
		}
		running := 0
		for _, r := range w.records {
			if r.Outcome == Running {
				running++
			}
		}
		last := w.records[len(w.records)]
		for _, target := range last.Targets {
			if a := w.aliases[target.Alias]; a.Canary != "" || a.Version != w.state.Stable[target.Alias] || last.Outcome == Live && a.Version != target.Version {
				t.Fatalf("after ten quiet minutes %s is at %+v, and the last release %+v", target.Alias, a, last)
			}
		}
		if running > 0 || last.Outcome != Live && last.Outcome != RolledBack {
			t.Fatalf("%d releases are running, and the last is %s", running, last.Outcome)
		}
	})
}
