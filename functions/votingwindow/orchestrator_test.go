package votingwindow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// fleet is what an orchestrator reads and sets. It notes each call.
type fleet struct {
	control    votingwindow.Control
	state      votingwindow.State
	low        time.Time
	depth      votingwindow.Depth
	throughput votingwindow.Throughput
	workers    int
	mapping    string
	calls      []string
	fails      map[string]error // By call, arguments left out.
}

func (f *fleet) call(name string, arguments ...any) error {
	f.calls = append(f.calls, strings.TrimSpace(fmt.Sprintln(append([]any{name}, arguments...)...)))
	return f.fails[name]
}

func (f *fleet) ReadControl(context.Context) (votingwindow.Control, error) {
	return f.control, f.call("control")
}

func (f *fleet) WindowState(context.Context) (votingwindow.State, error) {
	return f.state, f.call("state")
}

func (f *fleet) LowSince(context.Context) (time.Time, error) { return f.low, f.call("low") }

func (f *fleet) PutLowSince(_ context.Context, since time.Time) error {
	f.low = since
	return f.call("put low")
}

func (f *fleet) Depth(context.Context) (votingwindow.Depth, error) { return f.depth, f.call("depth") }

func (f *fleet) Throughput(context.Context) (votingwindow.Throughput, error) {
	return f.throughput, f.call("table")
}

func (f *fleet) SetUnits(_ context.Context, units int64) error { return f.call("set units", units) }

func (f *fleet) Workers(context.Context) (int, string, error) {
	return f.workers, f.mapping, f.call("mapping")
}

func (f *fleet) SetWorkers(_ context.Context, workers int) error {
	return f.call("set workers", workers)
}

func orchestratorOf(f *fleet, clock clock.Clock, log *slog.Logger) *votingwindow.Orchestrator {
	return &votingwindow.Orchestrator{
		InForce: &votingwindow.Clocked{Window: scaleWindow, Store: f, Clock: clock}, Limits: scaleLimits, Votes: f, Table: f, Mapping: f, Store: f,
		Clock: clock, Log: log,
	}
}

func TestOrchestratorThroughAWindow(t *testing.T) {
	f := &fleet{throughput: votingwindow.Throughput{Units: 100}, workers: 2, mapping: "Enabled"}
	clock := &manualClock{}
	o := orchestratorOf(f, clock, discard)
	for _, step := range []struct {
		name  string
		at    time.Duration // After the opening.
		given func()
		want  []string
	}{
		{"first look", -2 * time.Hour, nil, []string{"control", "table", "mapping"}},
		{"known to rest", -time.Hour, nil, nil},
		{"before the opening", -15 * time.Minute, nil, []string{"control", "depth", "low", "table", "mapping", "set units 2000"}},
		{"being raised", -14 * time.Minute, func() { f.throughput.Updating = true }, []string{"control", "depth", "low", "table", "mapping"}},
		{"raised", -13 * time.Minute, func() { f.throughput = votingwindow.Throughput{Units: 2000} },
			[]string{"control", "depth", "low", "table", "mapping", "set workers 40"}},
		{"a burst", time.Minute, func() { f.workers, f.depth.Visible = 40, 180_000 },
			[]string{"control", "depth", "low", "table", "mapping", "set units 3000"}},
		{"calm", 20 * time.Minute, func() { f.depth.Visible = 0 }, []string{"control", "depth", "low", "table", "mapping", "put low"}},
		{"calm still", 21 * time.Minute, nil, []string{"control", "depth", "low", "table", "mapping"}},
		{"calm for long", 35 * time.Minute, nil, []string{"control", "depth", "low", "table", "mapping", "set workers 2", "set units 100"}},
		{"extended", time.Hour + 10*time.Minute, func() {
			f.throughput.Units, f.workers, f.low = 100, 2, time.Time{}
			f.control = votingwindow.Control{ClosesAt: scaleOpens.Add(2 * time.Hour), Of: scaleWindow.ClosesAt}
		}, []string{"control", "depth", "low", "table", "mapping"}},
		{"grace is over", 2*time.Hour + 2*time.Minute, func() { f.throughput.Units, f.workers = 2000, 40 },
			[]string{"control", "state", "depth", "low", "table", "mapping", "put low"}},
		{"final, mapping off", 2*time.Hour + 4*time.Minute, func() {
			f.state = votingwindow.State{Phase: votingwindow.PhaseFinal, ClosesAt: scaleOpens.Add(2 * time.Hour), MappingOff: true}
			f.mapping = "Disabled"
		}, []string{"control", "state", "depth", "low", "table", "mapping"}},
		{"final", 2*time.Hour + 5*time.Minute, func() { f.state.MappingOff, f.mapping = false, "Enabled" },
			[]string{"control", "state", "table", "mapping", "set workers 2", "set units 100"}},
		{"lowered", 2*time.Hour + 6*time.Minute, func() { f.throughput.Units, f.workers = 100, 2 }, []string{"control", "state", "table", "mapping"}},
	} {
		f.calls = nil
		clock.set(scaleOpens.Add(step.at))
		if step.given != nil {
			step.given()
		}
		if err := o.Handle(t.Context(), json.RawMessage("{}")); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if step.name == "final" || step.name == "lowered" {
			f.low = time.Time{}
		}
		if !slices.Equal(f.calls, step.want) {
			t.Errorf("%s: calls were %q, should be %q", step.name, f.calls, step.want)
		}
	}
}

func TestOrchestratorAtRestMakesOneCall(t *testing.T) {
	f := &fleet{
		throughput: votingwindow.Throughput{Units: 100}, workers: 2, mapping: "Enabled",
		state: votingwindow.State{Phase: votingwindow.PhaseFinal, ClosesAt: scaleWindow.ClosesAt},
	}
	clock := &manualClock{now: scaleWindow.ClosesAt.Add(time.Hour)}
	o := orchestratorOf(f, clock, discard)
	for i := range 3 {
		f.calls = nil
		if err := o.Handle(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if want := []string{"control"}; i > 0 && !slices.Equal(f.calls, want) {
			t.Errorf("tick %d: calls were %q, should be %q", i+1, f.calls, want)
		}
		clock.set(clock.Now().Add(time.Minute))
	}
}

func TestOrchestratorFaults(t *testing.T) {
	throttled := &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"}
	denied := &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "not authorized"}
	for name, c := range map[string]struct {
		fails map[string]error
		want  string // In the error; empty for none.
		last  string // The last call.
	}{
		"table throttled":               {map[string]error{"set units": throttled}, "", "set workers 20"},
		"table in use":                  {map[string]error{"set units": &smithy.GenericAPIError{Code: "ResourceInUseException"}}, "", "set workers 20"},
		"decreases used up":             {map[string]error{"set units": &smithy.GenericAPIError{Code: "LimitExceededException"}}, "", "set workers 20"},
		"mapping in change":             {map[string]error{"set workers": &smithy.GenericAPIError{Code: "ResourceConflictException"}}, "", "set workers 20"},
		"both":                          {map[string]error{"set units": throttled, "set workers": fmt.Errorf("update: %w", throttled)}, "", "set workers 20"},
		"reading throttled":             {map[string]error{"table": fmt.Errorf("describe: %w", throttled)}, "", "table"},
		"denied":                        {map[string]error{"set units": denied}, "not authorized", "set workers 20"},
		"throttled and denied":          {map[string]error{"set units": throttled, "set workers": denied}, "not authorized", "set workers 20"},
		"depth unreadable":              {map[string]error{"depth": errors.New("no figure")}, "no figure", "depth"},
		"closing time is not known":     {map[string]error{"control": errors.New("no answer")}, "no answer", "control"},
		"low is not known":              {map[string]error{"low": denied}, "since when", "low"},
		"mapping unreadable":            {map[string]error{"mapping": denied}, "not authorized", "mapping"},
		"nothing fails, as a yardstick": {nil, "", "set workers 20"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fleet{
				throughput: votingwindow.Throughput{Units: 1000}, workers: 2, mapping: "Enabled", depth: votingwindow.Depth{Visible: 600_000}, fails: c.fails,
			}
			err := orchestratorOf(f, &manualClock{now: scaleOpens.Add(time.Minute)}, discard).Handle(t.Context(), nil)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if last := f.calls[len(f.calls)-1]; last != c.last {
				t.Errorf("the last call was %s, should be %s", last, c.last)
			}
		})
	}
}

func TestOrchestratorLogsItsDecision(t *testing.T) {
	var out bytes.Buffer
	f := &fleet{throughput: votingwindow.Throughput{Units: 1000}, workers: 2, mapping: "Enabled", depth: votingwindow.Depth{Visible: 60_000, InFlight: 60_000}}
	o := orchestratorOf(f, &manualClock{now: scaleOpens.Add(time.Minute)}, slog.New(slog.NewJSONHandler(&out, nil)))
	if err := o.Handle(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("not one line: %s", out.Bytes())
	}
	for key, want := range map[string]any{
		"msg": "scale", "reason": "the queue's depth", "visible": 60_000.0, "in_flight": 60_000.0, "units": 1000.0, "workers": 2.0,
		"table_updating": false, "mapping_unsteady": false, "decreases_today": 0.0, "set_units": 2000.0, "set_workers": 20.0,
	} {
		if line[key] != want {
			t.Errorf("%s is %v, should be %v", key, line[key], want)
		}
	}
}
