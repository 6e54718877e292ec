package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/release"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

// environment is a deployed release that goes from status to status, one at each look. Its other methods are never called.
type environment struct {
	command.Deployed
	statuses []release.Status
	history  []release.Record
	asked    []release.Request
	fails    func(call int) bool // Whether the n-th call, from 1, gets no answer; nil for none.
}

func (e *environment) Caller(context.Context) (string, error) {
	return "arn:aws:iam::123456789012:user/anna", nil
}

func (e *environment) Invoke(_ context.Context, function string, event, answer any) error {
	r, ok := event.(release.Request)
	out, isAnswer := answer.(*release.Answer)
	if function != "steer" || !ok || !isAnswer {
		return fmt.Errorf("%s was asked %v for %T", function, event, answer)
	}
	if e.asked = append(e.asked, r); e.fails != nil && e.fails(len(e.asked)) {
		return errors.New("no answer")
	}
	if r.Action == release.ActionHistory {
		out.Releases = e.history
		return nil
	}
	s := e.statuses[0]
	if len(e.statuses) > 1 {
		e.statuses = e.statuses[1:]
	}
	out.Status = &s
	return nil
}

// hurried is a clock on which every wait is over at once.
type hurried struct{ now time.Time }

func (h *hurried) Now() time.Time { return h.now }

func (h *hurried) After(d time.Duration) <-chan time.Time {
	h.now = h.now.Add(d)
	out := make(chan time.Time, 1)
	out <- h.now
	return out
}

// run runs a command, and returns the steps that it showed.
func run(t *testing.T, e *environment, name string, values map[string]any) (command.Answer, []string, error) {
	t.Helper()
	i := slices.IndexFunc(Commands(), func(c command.Command) bool { return c.Name == name })
	c, shown := Commands()[i], []string{}
	call := &command.Call{
		Name: "arena-prod", Values: map[string]any{}, Clock: &hurried{time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC)},
		Open: func(context.Context) (command.Deployed, error) { return e, nil },
		Progress: func(line string) {
			if line != "" {
				shown = append(shown, line)
			}
		},
	}
	for _, f := range c.Flags {
		call.Values[f.Name] = f.Default
	}
	for flag, v := range values {
		call.Values[flag] = v
	}
	answer, err := c.Run(t.Context(), call)
	return answer, shown, err
}

func recorded(number int, outcome release.Outcome, why string) release.Record {
	return release.Record{Number: number, Pipeline: fmt.Sprint(100 + number), Commit: "5f2c1d7", Outcome: outcome, Why: why}
}

func TestWait(t *testing.T) {
	before := release.Status{Current: recorded(6, release.Live, "")}
	pending := release.Status{Current: recorded(6, release.Live, ""), Pending: true}
	trial := release.Status{Current: recorded(7, release.Running, ""), Phase: release.OnTrial}
	live := release.Status{Current: recorded(7, release.Live, "")}
	back := release.Status{Current: recorded(7, release.RolledBack, "the alarm late rings")}
	next := release.Status{Current: recorded(8, release.Running, ""), Phase: release.OnTrial}
	history := []release.Record{recorded(8, release.Running, ""), recorded(7, release.Superseded, "release 8 began"), recorded(6, release.Live, "")}
	for name, c := range map[string]struct {
		statuses []release.Status
		values   map[string]any
		text     string
		unwell   bool
		steps    int
	}{
		"live":                         {[]release.Status{pending, trial, trial, live}, nil, "release 7 (pipeline 107, commit 5f2c1d7) is live", false, 3},
		"rolled back":                  {[]release.Status{pending, trial, back}, nil, "was rolled back: the alarm late rings", true, 3},
		"nothing new":                  {[]release.Status{before}, nil, "release 6 (pipeline 106, commit 5f2c1d7) is live", false, 1},
		"superseded":                   {[]release.Status{trial, next}, nil, "was superseded: release 8 began", true, 2},
		"superseded before it is seen": {[]release.Status{next}, map[string]any{"pipeline": "107"}, "was superseded: release 8 began", true, 1},
		"of a run":                     {[]release.Status{pending, trial, live}, map[string]any{"pipeline": "107"}, "release 7", false, 3},
		"never ends":                   {[]release.Status{trial}, map[string]any{"timeout": time.Minute}, "it has not ended in time: release 7", true, 1},
		"another run":                  {[]release.Status{before}, map[string]any{"pipeline": "999", "timeout": time.Minute}, "it has not ended in time", true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			answer, steps, err := run(t, &environment{statuses: c.statuses, history: history}, "wait", c.values)
			if err != nil || answer.Unwell != c.unwell || !strings.Contains(answer.Text, c.text) || len(steps) != c.steps {
				t.Errorf("it says %q, unwell %t, after %q, %v", answer.Text, answer.Unwell, steps, err)
			}
		})
	}
}

// A look without an answer does not end the waiting: the release goes on. Where there is none for a minute, or never was one, it does.
func TestWaitWithoutAnswer(t *testing.T) {
	trial := release.Status{Current: recorded(7, release.Running, ""), Phase: release.OnTrial}
	live := release.Status{Current: recorded(7, release.Live, "")}
	for name, c := range map[string]struct {
		fails func(int) bool
		looks int // At which it gives up; 0 for never.
	}{
		"now and then": {func(n int) bool { return n%3 != 1 }, 0},
		"at first":     {func(n int) bool { return n == 1 }, 1},
		"from then on": {func(n int) bool { return n > 2 }, 2 + 12},
	} {
		t.Run(name, func(t *testing.T) {
			e := &environment{statuses: []release.Status{trial, trial, live}, fails: c.fails}
			answer, _, err := run(t, e, "wait", nil)
			if c.looks == 0 && (err != nil || answer.Unwell) || c.looks > 0 && (err == nil || len(e.asked) != c.looks) {
				t.Errorf("after %d looks it says %q, unwell %t, %v", len(e.asked), answer.Text, answer.Unwell, err)
			}
		})
	}
}

func TestRollbackAndHistory(t *testing.T) {
	e := &environment{statuses: []release.Status{{Current: recorded(8, release.Live, "rolled back to release 6")}}, history: []release.Record{recorded(7, release.RolledBack, "rolled back by anna")}}
	answer, _, err := run(t, e, "rollback", nil)
	if err != nil || answer.Unwell || !strings.Contains(answer.Text, "is live: rolled back to release 6") || e.asked[0].By != "arn:aws:iam::123456789012:user/anna" {
		t.Errorf("rollback says %+v, %v, and asks %+v", answer, err, e.asked)
	}
	answer, _, err = run(t, e, "history", nil)
	if err != nil || !strings.Contains(answer.Text, "107") || !strings.Contains(answer.Text, "rolled back by anna") || e.asked[1].Last != 20 {
		t.Errorf("history says %+v, %v, and asks %+v", answer, err, e.asked)
	}
	if _, _, err := run(t, e, "history", map[string]any{"last": 0}); err == nil {
		t.Error("the last 0 releases are no mistake")
	}
	facts, err := Facts(t.Context(), &environment{statuses: []release.Status{{Current: recorded(8, release.RolledBack, "x"), Live: 7, Elsewhere: []string{"queue/join"}, Trouble: "y"}}}, time.Time{})
	if err != nil || len(facts) != 4 || facts[1].Value != "7" || facts[3].Value != "queue/join" {
		t.Errorf("the facts are %+v, %v", facts, err)
	}
}

// What an operator has gone back past is not proven, however many runs of the pipeline had it live.
func TestProven(t *testing.T) {
	with := func(r release.Record, digest string, restores int) release.Record {
		r.Digests, r.Restores = map[string]string{"queue": digest}, restores
		return r
	}
	var m historyModel
	m.fill([]release.Record{
		with(recorded(6, release.RolledBack, "the alarm late rings"), "d", 0), with(recorded(5, release.Live, "rolled back to release 2"), "b", 2),
		with(recorded(4, release.RolledBack, "rolled back by anna"), "c", 0), with(recorded(3, release.Live, ""), "c", 0),
		with(recorded(2, release.Live, ""), "b", 0), with(recorded(1, release.Live, ""), "a", 0),
	})
	var proven []string
	for _, d := range m.ProvenDigests {
		proven = append(proven, d.ValueString())
	}
	if !slices.Equal(proven, []string{"a", "b"}) || m.Live.Number != 5 || len(m.Releases) != 6 {
		t.Errorf("proven are %q, live is %+v of %d releases", proven, m.Live, len(m.Releases))
	}
}
