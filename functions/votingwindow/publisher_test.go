package votingwindow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

func TestPublisherBeforeTheOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := newWorld(mustRules(around(began.Add(time.Hour))), clock.System{})
		for range 3 {
			w.mustTick(t, "a")
		}
		if len(w.history) != 1 || time.Since(began) != 0 {
			t.Fatalf("published %d times in %s", len(w.history), time.Since(began))
		}
		if writes := w.count("put", "tallies") + w.count("update", "tallies"); writes != 2 { // The lease, taken and released, for the one publication.
			t.Errorf("%d writes", writes)
		}
		want := votingwindow.Results{
			Status: "waiting", AsOf: "2000-01-01T00:00:00Z", OpensAt: "2000-01-01T00:59:00Z", ClosesAt: "2000-01-01T01:09:00Z",
			Version: 1,
		}
		if got := w.results(); !maps.Equal(got.Answers(), map[string]int64{"vote/yes": 0, "vote/no": 0, "vote/maybe": 0}) || got.AsOf != want.AsOf || got.OpensAt != want.OpensAt ||
			got.ClosesAt != want.ClosesAt || got.Status != want.Status || got.Version != want.Version || got.Total != 0 {
			t.Fatalf("got %+v", got)
		}
		delete(w.objects, votingwindow.ResultsObject) // Missing: comes back.
		w.mustTick(t, "a")
		later := around(began.Add(2 * time.Hour)) // Moved: says so.
		w.rules = mustRules(later)
		w.mustTick(t, "a")
		if len(w.history) != 3 || w.results().OpensAt != "2000-01-01T01:59:00Z" || w.results().Version <= 1 {
			t.Fatalf("published %d times, %+v", len(w.history), w.results())
		}
	})
}

func TestPublisherLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := newWorld(mustRules(around(began)), clock.System{})
		w.depth, w.dead = votingwindow.Depth{Visible: 7, InFlight: 3, Delayed: 1}, votingwindow.Depth{Visible: 2}
		w.vote(t, "w1", "yes", "m1", "m2")
		w.vote(t, "w2", "no", "m3")
		var metrics bytes.Buffer
		publisher := w.publisher("a")
		publisher.Metrics = telemetry.NewMetrics(&metrics, telemetry.Source{})
		ctx, cancel := context.WithTimeout(t.Context(), 125*time.Second)
		defer cancel()
		if err := publisher.Handle(ctx, event[json.RawMessage](t, "publisher")); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 105*time.Second || took > 115*time.Second {
			t.Errorf("held for %s", took)
		}
		for i, at := range w.times {
			if at.Sub(began) != time.Duration(i)*5*time.Second || w.history[i].Version != int64(i+1) {
				t.Errorf("publication %d, version %d, after %s", i, w.history[i].Version, at.Sub(began))
			}
		}
		if len(w.history) != 22 && len(w.history) != 23 {
			t.Errorf("published %d times", len(w.history))
		}
		got := w.results()
		if got.Status != "open" || got.Total != 3 || got.Answers()["vote/yes"] != 2 || got.Answers()["vote/no"] != 1 || w.caches["results.json"] != "max-age=4" {
			t.Errorf("got %+v, cached %s", got, w.caches["results.json"])
		}
		ledger := w.ledger()
		if ledger.DeadLetters != 2 || ledger.Accepted != 3 || ledger.Exact || ledger.LiveTotal != 3 || ledger.Difference != 0 || w.caches["ledger.json"] != "no-store" {
			t.Errorf("got %+v", ledger)
		}
		// The ballots were scanned at the start and after a minute, eight segments each.
		if scans := w.count("scan", "ballots"); scans != 16 {
			t.Errorf("%d scans", scans)
		}
		var line map[string]any
		lines := bytes.Split(bytes.TrimSpace(metrics.Bytes()), []byte("\n"))
		if err := json.Unmarshal(lines[len(lines)-1], &line); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]float64{"QueueDepth": 11, "DeadLetters": 2, "Counted": 3, "ResultsLag": 0, "Published": 1} {
			if line[name] != want {
				t.Errorf("%s is %v, want %v", name, line[name], want)
			}
		}
	})
}

// A worker that died before its counters leaves ballots that no counter knows.
func TestPublisherHealsWhatWorkersLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(mustRules(around(time.Now())), clock.System{})
		lost := func(operation, table, key string, _ int) fault {
			if operation == "put" && table == "tallies" && key == "worker#w1" {
				return before
			}
			return fine
		}
		w.faultOf = lost
		go w.mustTick(t, "a")
		pass(7 * time.Second)
		w.vote(t, "w1", "yes", "m1", "m2", "m3")
		pass(5 * time.Second)
		if got := w.results().Total; got != 0 {
			t.Errorf("%d known without a counter or a scan", got)
		}
		pass(time.Minute)
		if got := w.results().Answers()["vote/yes"]; got != 3 {
			t.Errorf("%d after a minute", got)
		}
		pass(time.Minute)
	})
}

// Ticks each minute; the holder dies; the figures go on within a lease, never back, and never two write at once.
func TestPublisherTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := newWorld(mustRules(around(began)), clock.System{})
		w.lag = func(table, key string) bool { return table == "ballots" || hash(key, time.Now().Unix()/5)%2 == 0 }
		var running sync.WaitGroup
		start := func(holder string, lives time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), 125*time.Second)
			dying, kill := context.WithCancel(ctx)
			running.Go(func() {
				defer cancel()
				publisher := w.publisher(holder)
				publisher.Store = mortal{publisher.Store, dying}
				_ = publisher.Handle(dying, nil)
			})
			go func() {
				defer kill()
				select {
				case <-time.After(lives):
				case <-ctx.Done():
				}
			}()
		}
		start("a", time.Hour)
		pass(time.Minute)
		start("b", time.Hour)
		w.vote(t, "w1", "yes", "m1", "m2")
		w.vote(t, "w2", "no", "m3")
		pass(time.Minute)
		start("c", time.Hour)
		w.vote(t, "w3", "no", "m4", "m5")
		pass(52 * time.Second)
		running.Wait()

		var gap time.Duration
		for i := 1; i < len(w.times); i++ {
			gap = max(gap, w.times[i].Sub(w.times[i-1]))
		}
		if gap > 7*time.Second {
			t.Errorf("frozen for %s without a death", gap)
		}

		w.times = nil
		start("d", 33*time.Second)
		pass(20 * time.Second)
		start("e", time.Hour)
		pass(100 * time.Second)
		running.Wait()
		gap = 0
		for i := 1; i < len(w.times); i++ {
			gap = max(gap, w.times[i].Sub(w.times[i-1]))
		}
		if gap <= 7*time.Second || gap > 22*time.Second {
			t.Errorf("frozen for %s after a death", gap)
		}
		checkHistory(t, w)
	})
}

// mortal fails every call once its process is dead, also the release of the lease.
type mortal struct {
	votingwindow.PublisherStore
	life context.Context
}

func (m mortal) ReleaseLease(ctx context.Context, holder string, now time.Time) error {
	if err := m.life.Err(); err != nil && errors.Is(context.Cause(m.life), context.Canceled) { //nolint:contextcheck // the life of the process, not of the call
		return err
	}
	return m.PublisherStore.ReleaseLease(ctx, holder, now)
}

func TestPublisherToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(mustRules(around(time.Now())), clock.System{})
		w.vote(t, "w1", "yes", "m1", "m2", "m3")
		w.vote(t, "w2", "no", "m4")
		if recounted := w.recount(t); !recounted.Agrees || recounted.Status != "open" || recounted.Counted != 4 || recounted.Published.Counted != 4 {
			t.Errorf("live recount %+v", recounted)
		}
		recorder := recorderOf(w.memory, w.rules, w.clock, "w1")
		handle(t, recorder, batch(sqsMessage("m5", body("vm1", "no"), time.Now(), 1), sqsMessage("m6", "{", time.Now(), 1),
			sqsMessage("m7", body("bob", "no"), w.rules.ClosesAt, 1)))
		w.ticks(t, 18)

		state, err := w.store().WindowState(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		graceEnds := w.rules.ClosesAt.Add(2 * time.Minute)
		// A minute of emptiness, some seconds for the mapping, 35 s of settling.
		if final := state.FinalAt.Sub(graceEnds); state.Phase != votingwindow.PhaseFinal || final < 95*time.Second || final > 135*time.Second {
			t.Errorf("phase %s, final %s after grace", state.Phase, final)
		}
		if off := state.SealedAt.Sub(state.MappingOffAt); off < 35*time.Second {
			t.Errorf("settled for %s", off)
		}
		if state.MappingOff || w.mapping != "Enabled" {
			t.Errorf("mapping off: %v, is %s", state.MappingOff, w.mapping)
		}
		var statuses []votingwindow.Status
		for _, published := range w.history {
			statuses = append(statuses, published.Status)
		}
		if got := fmt.Sprint(slices.Compact(statuses)); got != "[open closing provisional final]" {
			t.Errorf("statuses %s", got)
		}
		checkHistory(t, w)
		report := w.check(t, []string{"m1", "m2", "m3", "m4", "m5", "m6", "m7"})
		if report.Counts.Counted() != 4 || w.ledger().Accepted != 7 || w.ledger().Difference != 0 {
			t.Errorf("got %+v, ledger %+v", report, w.ledger())
		}

		// What surfaces later is late, changes no figure, and the recount still agrees.
		published := len(w.history)
		handle(t, recorder, batch(sqsMessage("m8", body("zoe", "no"), w.rules.OpensAt, 1)))
		w.ticks(t, 2)
		if len(w.history) != published {
			t.Errorf("published %d times after the end", len(w.history)-published)
		}
		w.check(t, []string{"m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8"})
		delete(w.objects, votingwindow.ResultsObject)
		w.ticks(t, 1)
		if got := w.results(); got.Status != "final" || got.Total != 4 || w.caches["results.json"] != "max-age=60" {
			t.Errorf("restored %+v", got)
		}
	})
}

func TestPublisherWaitsForTheQueue(t *testing.T) {
	for name, test := range map[string]struct {
		drained time.Duration // After grace; zero for never.
		atLeast time.Duration
		atMost  time.Duration
	}{
		"drained late": {5 * time.Minute, 6*time.Minute + 35*time.Second, 7*time.Minute + 10*time.Second},
		"never":        {0, 16*time.Minute + 35*time.Second, 17*time.Minute + 10*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rules := mustRules(around(time.Now().Add(-8 * time.Minute)))
				w := newWorld(rules, clock.System{})
				w.depth = votingwindow.Depth{Delayed: 1}
				if test.drained > 0 {
					time.AfterFunc(time.Until(rules.ClosesAt)+2*time.Minute+test.drained, func() {
						w.mu.Lock()
						defer w.mu.Unlock()
						w.depth = votingwindow.Depth{}
					})
				}
				w.ticks(t, 22)
				state, err := w.store().WindowState(t.Context())
				final := state.FinalAt.Sub(rules.ClosesAt.Add(2 * time.Minute))
				if err != nil || state.Phase != votingwindow.PhaseFinal || final < test.atLeast || final > test.atMost {
					t.Errorf("phase %s, final %s after grace, %v", state.Phase, final, err)
				}
			})
		})
	}
}

// The window is extended while the mapping is off: it comes on, votes count again, and the end comes at the new time.
func TestPublisherAfterTheWindowWasMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := around(time.Now().Add(-8 * time.Minute))
		w := newWorld(mustRules(first), clock.System{})
		w.vote(t, "w1", "yes", "m1")
		for {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			_ = w.publisher("p").Handle(ctx, nil)
			cancel()
			if state, _ := w.store().WindowState(t.Context()); state.Phase == votingwindow.PhaseSettling {
				break
			}
			pass(3 * time.Second)
		}
		if w.mapping != "Disabled" {
			t.Fatalf("mapping is %s", w.mapping)
		}
		second := first
		second.ClosesAt = time.Now().Add(4 * time.Minute)
		w.rules = mustRules(second)
		w.ticks(t, 1)
		if w.mapping != "Enabled" || w.results().Status != "open" {
			t.Errorf("mapping is %s, results %s", w.mapping, w.results().Status)
		}
		w.vote(t, "w1", "no", "m2")
		w.ticks(t, 9)
		w.check(t, []string{"m1", "m2"})
		checkHistory(t, w)
	})
}

func TestPublisherFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(mustRules(around(time.Now())), clock.System{})
		w.failOf = func(string) fault { return before }
		if err := w.tick(t, "a"); err == nil {
			t.Error("no error though nothing was published")
		}
	})
}

// slowDepth takes its time for each look, each time another.
type slowDepth struct {
	votingwindow.DepthReader
	looks *int
}

func (d slowDepth) Depth(ctx context.Context) (votingwindow.Depth, error) {
	*d.looks++
	pass(time.Duration(10+(*d.looks*5)%7*20) * time.Millisecond)
	return d.DepthReader.Depth(ctx)
}

// Calls take time, and results are published as often as was asked for all the same.
func TestPublisherKeepsTime(t *testing.T) {
	for every, most := range map[time.Duration]time.Duration{
		time.Second: 1200 * time.Millisecond, 5 * time.Second: 5200 * time.Millisecond, 7 * time.Second: 7200 * time.Millisecond, 20 * time.Second: 20200 * time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(mustRules(around(time.Now())), clock.System{})
			publisher := w.publisher("a")
			publisher.PublishEvery, publisher.Votes = every, slowDepth{publisher.Votes, new(int)}
			ctx, cancel := context.WithTimeout(t.Context(), 125*time.Second)
			defer cancel()
			if err := publisher.Handle(ctx, event[json.RawMessage](t, "publisher")); err != nil {
				t.Fatal(err)
			}
			if least := int(100 * time.Second / every); len(w.times) < least {
				t.Errorf("every %s: published %d times, should be at least %d", every, len(w.times), least)
			}
			for i := 1; i < len(w.times); i++ {
				if gap := w.times[i].Sub(w.times[i-1]); gap > most {
					t.Errorf("every %s: publication %d came after %s", every, i, gap)
				}
			}
		})
	}
}
