package semanticmonitor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/semanticmonitor"
)

// world is a clock, a store and a path in memory, on which any step may fail.
type world struct {
	mu    sync.Mutex
	now   time.Time
	state semanticmonitor.State
	// takes is how long the path takes with the n-th probe that it is sent, from 1: negative for never. refuses and fails say what sending it returns.
	takes   func(n int) time.Duration
	refuses func(n int) bool
	fails   func(n int) bool
	out     map[string]time.Time // When each probe comes out.
	took    map[string]time.Duration
	order   []string
	looks   int
	// step is called before each step of the monitor: what it returns is the step's error.
	step func(what string) error
	told bytes.Buffer
}

func newWorld() *world {
	return &world{
		now: time.UnixMilli(1_900_000_000_000), out: map[string]time.Time{}, took: map[string]time.Duration{},
		takes: func(int) time.Duration { return 2 * time.Second }, step: func(string) error { return nil },
		refuses: func(int) bool { return false }, fails: func(int) bool { return false },
	}
}

// Now and After are a clock that is always on time.
func (w *world) Now() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }

func (w *world) After(d time.Duration) <-chan time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
	c := make(chan time.Time, 1)
	c <- w.now
	return c
}

func (w *world) Read(context.Context) (semanticmonitor.State, error) {
	if err := w.step("read"); err != nil {
		return semanticmonitor.State{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return clone(w.state), nil
}

// errLost is an answer that was lost: the write took effect.
var errLost = errors.New("the answer was lost")

func (w *world) Write(_ context.Context, s semanticmonitor.State) error {
	err := w.step("write")
	if err != nil && !errors.Is(err, errLost) {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.Version != w.state.Version {
		return semanticmonitor.ErrOvertaken
	}
	w.state = clone(s)
	w.state.Version++
	if err != nil { // The client tries again, and finds its own write.
		return semanticmonitor.ErrOvertaken
	}
	return nil
}

// clone is a state that shares nothing.
func clone(s semanticmonitor.State) semanticmonitor.State {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	var out semanticmonitor.State
	if err := json.Unmarshal(text, &out); err != nil {
		panic(err)
	}
	out.Version = s.Version
	return out
}

func (w *world) Send(_ context.Context, p semanticmonitor.Probe) (semanticmonitor.Seen, error) {
	if err := w.step("send"); err != nil {
		return semanticmonitor.Seen{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.order = append(w.order, p.ID)
	n := len(w.order)
	if w.refuses(n) {
		return semanticmonitor.Seen{}, fmt.Errorf("%w: no", semanticmonitor.ErrRefused)
	}
	if takes := w.takes(n); takes >= 0 {
		w.out[p.ID], w.took[p.ID] = w.now.Add(takes), takes
	}
	if w.fails(n) {
		return semanticmonitor.Seen{}, errors.New("no answer")
	}
	return semanticmonitor.Seen{Stage: "queued"}, nil
}

func (w *world) Look(_ context.Context, p semanticmonitor.Probe) (semanticmonitor.Seen, error) {
	if err := w.step("look"); err != nil {
		return semanticmonitor.Seen{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	out, known := w.out[p.ID]
	return semanticmonitor.Seen{Out: known && !w.now.Before(out), Stage: p.Stage, Reason: "not yet"}, nil
}

// minutely are the limits of most tests.
var minutely = semanticmonitor.Limits{Interval: time.Minute, Within: 30 * time.Second, LostAfter: 5 * time.Minute}

func (w *world) monitor(l semanticmonitor.Limits) *semanticmonitor.Monitor {
	source := telemetry.Source{System: "semantic_monitor", Name: "shop", Function: "probe"}
	return &semanticmonitor.Monitor{
		Limits: l, Path: w, Store: w, Clock: w, Log: slog.New(slog.DiscardHandler), Metrics: telemetry.NewMetrics(&w.told, source),
	}
}

// tick calls the monitor as its schedule does, a minute after the last time, or at once where that took longer.
func (w *world) tick(t *testing.T, l semanticmonitor.Limits, n int) semanticmonitor.Report {
	t.Helper()
	began := w.now
	report, err := w.monitor(l).Handle(t.Context(), semanticmonitor.Request{})
	if err != nil {
		t.Fatal(err)
	}
	for range n - 1 {
		w.rest(began, l)
		began = w.now
		if report, err = w.monitor(l).Handle(t.Context(), semanticmonitor.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	w.rest(began, l)
	return report
}

func (w *world) rest(began time.Time, l semanticmonitor.Limits) {
	if next := began.Add(l.Interval); next.After(w.now) {
		w.now = next
	}
}

// metrics are the sums of what was told.
func (w *world) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	sums := map[string]float64{}
	for line := range bytes.Lines(w.told.Bytes()) {
		var figures map[string]any
		if err := json.Unmarshal(line, &figures); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"Sent", "Arrived", "Late", "Lost"} {
			n, _ := figures[name].(float64)
			sums[name] += n
		}
	}
	return sums
}
