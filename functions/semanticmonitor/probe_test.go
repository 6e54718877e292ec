package semanticmonitor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/semanticmonitor"
)

// Each probe becomes what it must, and metrics say the same as the totals.
func TestOutcomes(t *testing.T) {
	after := func(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }
	firstOf := func(d time.Duration) func(n int) time.Duration {
		return func(n int) time.Duration {
			if n == 1 {
				return d
			}
			return time.Second
		}
	}
	yes := func(int) bool { return true }
	for name, c := range map[string]struct {
		change   func(w *world)
		limits   semanticmonitor.Limits
		ticks    int
		want     semanticmonitor.Totals
		inFlight int
		last     semanticmonitor.Result // Of the first probe, where it is among the last.
	}{
		"in time":              {func(w *world) {}, minutely, 3, semanticmonitor.Totals{Sent: 3, Arrived: 3}, 0, semanticmonitor.Arrived},
		"just in time":         {func(w *world) { w.takes = after(30 * time.Second) }, minutely, 1, semanticmonitor.Totals{Sent: 1, Arrived: 1}, 0, semanticmonitor.Arrived},
		"late at once":         {func(w *world) { w.takes = after(-1) }, minutely, 1, semanticmonitor.Totals{Sent: 1, Late: 1}, 1, semanticmonitor.Late},
		"late, then there":     {func(w *world) { w.takes = firstOf(40 * time.Second) }, minutely, 2, semanticmonitor.Totals{Sent: 2, Arrived: 1, Late: 1}, 0, semanticmonitor.Came},
		"never":                {func(w *world) { w.takes = firstOf(-1) }, minutely, 7, semanticmonitor.Totals{Sent: 7, Arrived: 6, Late: 1, Lost: 1}, 0, semanticmonitor.Lost},
		"none ever":            {func(w *world) { w.takes = after(-1) }, minutely, 12, semanticmonitor.Totals{Sent: 12, Late: 12, Lost: 7}, 5, ""},
		"refused":              {func(w *world) { w.refuses = yes }, minutely, 1, semanticmonitor.Totals{Sent: 1, Late: 1, Lost: 1}, 0, semanticmonitor.Lost},
		"sent without answer":  {func(w *world) { w.fails = yes }, minutely, 1, semanticmonitor.Totals{Sent: 1, Arrived: 1}, 0, semanticmonitor.Arrived},
		"longer than a minute": {func(w *world) { w.takes = after(100 * time.Second) }, semanticmonitor.Limits{Interval: time.Minute, Within: 2 * time.Minute, LostAfter: 10 * time.Minute}, 1, semanticmonitor.Totals{Sent: 1, Arrived: 1}, 0, semanticmonitor.Arrived},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			c.change(w)
			got := w.tick(t, c.limits, c.ticks)
			if got.Totals != c.want || got.InFlight != c.inFlight {
				t.Errorf("the totals are %+v with %d on the way, want %+v with %d", got.Totals, got.InFlight, c.want, c.inFlight)
			}
			want := map[string]float64{"Sent": float64(c.want.Sent), "Arrived": float64(c.want.Arrived), "Late": float64(c.want.Late), "Lost": float64(c.want.Lost)}
			if diff := cmp.Diff(want, w.metrics(t)); diff != "" {
				t.Errorf("the metrics: want -, have +:\n%s", diff)
			}
			for _, o := range got.Last {
				if o.ID == w.order[0] && o.Result != c.last {
					t.Errorf("the first probe is %s, want %s", o.Result, c.last)
				}
			}
		})
	}
}

// A schedule that fires twice sends one probe; an operator sends one whenever it is asked for, and a report sends none.
func TestOncePerInterval(t *testing.T) {
	w := newWorld()
	call := func(action string, after time.Duration, want int64) {
		t.Helper()
		w.now = w.now.Add(after)
		got, err := w.monitor(minutely).Handle(t.Context(), semanticmonitor.Request{Action: action})
		if err != nil || got.Sent != want {
			t.Errorf("%q after %s: %d were sent, want %d (%v)", action, after, got.Sent, want, err)
		}
	}
	call("", 0, 1)
	call("", time.Second, 1)
	call(semanticmonitor.ActionProbe, time.Second, 2)
	call(semanticmonitor.ActionReport, time.Minute, 2)
	call("", 0, 3)
	call("", 27*time.Second, 3) // Two seconds went by while the third was watched.
	call("", time.Second, 4)
}

// Reasons are kept short, whatever they say.
func TestLongReason(t *testing.T) {
	var s semanticmonitor.State
	s.Begin(minutely, "probe-1", 1000, false)
	s.Note("probe-1", semanticmonitor.Seen{Reason: strings.Repeat("ü", 200)})
	s.Due(minutely, 32_000)
	if got := s.Last[0].Reason; got != strings.Repeat("ü", 150) {
		t.Errorf("the reason has %d bytes: %s", len(got), got)
	}
	s.Give("probe-1", strings.Repeat("x", 301))
	if got := s.Last[0].Reason; got != strings.Repeat("x", 300) {
		t.Errorf("the reason has %d bytes: %s", len(got), got)
	}
}

// The events of testdata are requests.
func TestEvents(t *testing.T) {
	for file, want := range map[string]string{"probe.json": "", "probe-now.json": semanticmonitor.ActionProbe, "probe-report.json": semanticmonitor.ActionReport} {
		text, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var r semanticmonitor.Request
		if err := json.Unmarshal(text, &r); err != nil || r.Action != want {
			t.Errorf("%s is %+v: %v", file, r, err)
		}
	}
}

// A probe that came while nobody looked is not late for that, where the look is in time.
func TestCarried(t *testing.T) {
	w := newWorld()
	limits := semanticmonitor.Limits{Interval: time.Minute, Within: 90 * time.Second, LostAfter: 5 * time.Minute}
	w.takes = func(int) time.Duration { return 45 * time.Second }
	// The invocation has 40 seconds.
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Hour))
	defer cancel()
	w.step = func(what string) error {
		if what == "look" && w.Now().Sub(time.UnixMilli(1_900_000_000_000)) > 40*time.Second && len(w.order) == 1 && w.looks < 100 {
			w.looks = 100
			cancel()
		}
		return nil
	}
	got, err := w.monitor(limits).Handle(ctx, semanticmonitor.Request{})
	if err != nil || got.InFlight != 1 || got.Late != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	w.now = time.UnixMilli(1_900_000_000_000).Add(time.Minute)
	if got := w.tick(t, limits, 1); got.Totals != (semanticmonitor.Totals{Sent: 2, Arrived: 2}) {
		t.Errorf("%+v", got)
	}
}

// A target that gives no answer, with many late probes on the way, leaves time to judge them and to send the next: its being down is what there is to tell.
func TestLooksWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.takes = func(int) time.Duration { return -1 }
		limits := semanticmonitor.Limits{Interval: time.Minute, Within: 30 * time.Second, LostAfter: 50 * time.Minute}
		for n := range 50 {
			w.state.InFlight = append(w.state.InFlight, semanticmonitor.Probe{ID: fmt.Sprint("probe-", n), Sent: time.Now().Add(-time.Duration(50-n) * time.Minute).UnixMilli(), Late: n < 49})
			w.state.Totals.Sent++
		}
		monitor := w.monitor(limits)
		monitor.Path, monitor.Clock = hanging{w}, clock.System{}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		got, err := monitor.Handle(ctx, semanticmonitor.Request{})
		if err != nil || ctx.Err() != nil {
			t.Fatalf("%+v, %v, after %v", got, err, ctx.Err())
		}
		if len(w.order) != 1 || got.Lost == 0 {
			t.Errorf("%d were sent, and the totals are %+v", len(w.order), got.Totals)
		}
	})
}

// hanging is a path on which no look gets an answer.
type hanging struct{ *world }

func (h hanging) Look(ctx context.Context, p semanticmonitor.Probe) (semanticmonitor.Seen, error) {
	<-ctx.Done()
	return semanticmonitor.Seen{Stage: p.Stage}, ctx.Err()
}

// errCrash ends an invocation at once.
var errCrash = errors.New("crash")

// TestEachOnce runs monitors over paths that are slow, lose and refuse, with calls that fail, answers that are lost, functions that die at any step and
// invocations that overlap. Whatever happens, each probe that was sent is counted once as arrived or as late, and once as lost or as come where it was late;
// no metric tells more, and what the totals say is true of the path.
func TestEachOnce(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			w := newWorld()
			takes := map[int]time.Duration{}
			w.takes = func(n int) time.Duration {
				if _, known := takes[n]; !known {
					takes[n] = []time.Duration{time.Second, 29 * time.Second, 50 * time.Second, 3 * time.Minute, -1}[random.IntN(5)]
				}
				return takes[n]
			}
			refused := map[string]bool{}
			w.refuses = func(n int) bool {
				no := random.IntN(10) == 0
				if no {
					refused[w.order[n-1]] = true
				}
				return no
			}
			w.fails = func(int) bool { return random.IntN(10) == 0 }
			crashes, nested := 0, false
			invoke := func() (err error) {
				defer func() {
					if r := recover(); r != nil {
						err = errCrash
					}
				}()
				_, err = w.monitor(minutely).Handle(t.Context(), semanticmonitor.Request{})
				return err
			}
			w.step = func(what string) error {
				if what == "look" { // Looks are made at the same time, so that all of a moment fail, and none draws from the sequence.
					if (uint64(w.Now().UnixMilli())/500+seed)%40 == 0 {
						return errors.New("throttled")
					}
					return nil
				}
				switch n := random.IntN(200); {
				case n == 0 && seed%2 == 0: // Where nobody dies, metrics must tell all.
					crashes++
					panic(errCrash)
				case n == 1:
					return errors.New("throttled")
				case n == 2 && what == "write":
					return errLost
				case n == 3 && !nested:
					nested = true
					_ = invoke() // Another invocation at the same time, whatever becomes of it.
					nested = false
				}
				return nil
			}
			for range 30 {
				began := w.now
				_ = invoke() // It may die; the next goes on.
				w.rest(began, minutely)
			}
			w.step = func(string) error { return nil } // All is well from here on, so that all is decided.
			w.takes = func(int) time.Duration { return time.Second }
			w.refuses = func(int) bool { return false }
			got := w.tick(t, minutely, 8)

			if got.InFlight != 0 || got.Sent != got.Arrived+got.Late || got.Lost > got.Late || got.Sent < int64(len(w.order)) {
				t.Errorf("%+v after %d were sent", got, len(w.order))
			}
			metrics := w.metrics(t)
			for name, total := range map[string]int64{"Sent": got.Sent, "Arrived": got.Arrived, "Late": got.Late, "Lost": got.Lost} {
				if told := int64(metrics[name]); told > total || crashes == 0 && told != total {
					t.Errorf("%s: metrics say %d, the totals %d, after %d crashes", name, told, total, crashes)
				}
			}
			never, soon := int64(0), int64(0)
			for _, id := range w.order {
				switch took, comes := w.took[id]; {
				case refused[id] || !comes:
					never++
				case took <= minutely.Within:
					soon++
				}
			}
			if got.Arrived > soon || got.Lost < never {
				t.Errorf("%d arrived of %d that came out in time, %d are lost of %d that never came", got.Arrived, soon, got.Lost, never)
			}
		})
	}
}
