package votingwindow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/votecheck"
)

// world is everything around a publisher.
type world struct {
	*memory
	mu    sync.Mutex
	rules *votingwindow.Rules
	clock clock.Clock
	depth votingwindow.Depth
	dead  votingwindow.Depth
	// depthNow is the depth of the queue where there is one; nil for depth.
	depthNow func() votingwindow.Depth
	mapping  string
	objects  map[string][]byte
	caches   map[string]string
	// history is every results.json that was written, and when.
	history []votingwindow.Results
	times   []time.Time
	// failOf decides about each call outside the tables; nil is fine.
	failOf func(call string) fault
}

func newWorld(rules *votingwindow.Rules, clock clock.Clock) *world {
	return &world{
		memory: newMemory(), rules: rules, clock: clock, mapping: "Enabled", objects: map[string][]byte{}, caches: map[string]string{},
	}
}

// do runs one call outside the tables.
func (w *world) do(ctx context.Context, call string, effect func()) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	happens := fine
	if process, ok := ctx.Value(processKey{}).(*process); ok {
		happens = process.befall(textHash(call)%2 == 0)
	}
	if happens == fine && w.failOf != nil {
		happens = w.failOf(call)
	}
	if happens != before {
		effect()
	}
	if happens != fine {
		return fmt.Errorf("%s: %w", call, errInfrastructure)
	}
	return nil
}

type depthOf struct {
	*world
	dead bool
}

func (d depthOf) Depth(ctx context.Context) (depth votingwindow.Depth, err error) {
	err = d.do(ctx, "depth", func() {
		switch {
		case d.dead:
			depth = d.world.dead
		case d.depthNow != nil:
			depth = d.depthNow()
		default:
			depth = d.depth
		}
	})
	return depth, err
}

func (w *world) MappingState(ctx context.Context) (state string, err error) {
	err = w.do(ctx, "mapping", func() {
		state = w.mapping
		switch w.mapping { // As Lambda does: on its way once, then there.
		case "Disabling":
			w.mapping = "Disabled"
		case "Enabling":
			w.mapping = "Enabled"
		}
	})
	return state, err
}

func (w *world) SetMapping(ctx context.Context, enabled bool) error {
	return w.do(ctx, "set mapping", func() {
		if w.mapping = "Disabling"; enabled {
			w.mapping = "Enabling"
		}
	})
}

func (w *world) GetObject(ctx context.Context, key string) (body []byte, err error) {
	err = w.do(ctx, "get object", func() { body = w.objects[key] })
	return body, err
}

func (w *world) PutObject(ctx context.Context, key string, body []byte, contentType, cacheControl string) error {
	if contentType != "application/json" {
		panic(contentType)
	}
	return w.do(ctx, "put object", func() {
		w.objects[key], w.caches[key] = body, cacheControl
		if key == votingwindow.ResultsObject {
			w.history, w.times = append(w.history, decode[votingwindow.Results](body)), append(w.times, w.clock.Now())
		}
	})
}

func decode[T any](body []byte) (read T) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); err != nil {
		panic(fmt.Sprintf("%s: %v", body, err))
	}
	return read
}

func (w *world) results() votingwindow.Results {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.objects[votingwindow.ResultsObject] == nil {
		return votingwindow.Results{}
	}
	return decode[votingwindow.Results](w.objects[votingwindow.ResultsObject])
}

func (w *world) ledger() votingwindow.LedgerSummary {
	w.mu.Lock()
	defer w.mu.Unlock()
	return decode[votingwindow.LedgerSummary](w.objects[votingwindow.LedgerObject])
}

func (w *world) publisher(holder string) *votingwindow.Publisher {
	return &votingwindow.Publisher{
		Rules: w.rules, InForce: &votingwindow.Clocked{Window: w.rules.Window, Store: w.store(), Clock: w.clock}, Store: w.store(), Votes: depthOf{w, false}, DeadLetters: depthOf{w, true}, Mapping: w, Bucket: w, Clock: w.clock,
		Holder: holder, RecorderTimeout: 30 * time.Second, PublishEvery: 5 * time.Second, Log: discard, Metrics: quiet,
	}
}

// tick is one invocation under a function time-out of 125 s.
func (w *world) tick(t tester, holder string) error {
	ctx, cancel := context.WithTimeout(t.Context(), 125*time.Second)
	defer cancel()
	return w.publisher(holder).Handle(ctx, nil)
}

// mustTick is a tick that has no reason to fail.
func (w *world) mustTick(t tester, holder string) {
	t.Helper()
	if err := w.tick(t, holder); err != nil {
		t.Error(err)
	}
}

// vote records one batch of valid votes, each of another voter.
func (w *world) vote(t tester, worker, answer string, ids ...string) {
	t.Helper()
	var messages []events.SQSMessage
	for _, id := range ids {
		messages = append(messages, sqsMessage(id, body("v"+id, answer), w.rules.OpensAt, 1))
	}
	expectFailed(t, handle(t, recorderOf(w.memory, w.rules, w.clock, worker), batch(messages...)))
}

// around gives a window that opened a minute ago, in a bubble's time.
func around(now time.Time) votingwindow.Window {
	w := window()
	w.OpensAt, w.ClosesAt = now.Add(-time.Minute), now.Add(9*time.Minute)
	return w
}

func pass(d time.Duration) { <-time.After(d) }

// checkHistory proves of everything that was published that versions only rise, and figures too while the opening stands.
func checkHistory(t tester, w *world) {
	t.Helper()
	for i := 1; i < len(w.history); i++ {
		former, next := w.history[i-1], w.history[i]
		if next.Version <= former.Version {
			t.Errorf("version %d after %d", next.Version, former.Version)
		}
		if former.Status == votingwindow.StatusFinal && next.Status != former.Status && next.ClosesAt == former.ClosesAt {
			t.Errorf("%s after final", next.Status)
		}
		figures := next.Answers()
		for answer, n := range former.Answers() {
			if figures[answer] < n && next.OpensAt == former.OpensAt && former.Status != votingwindow.StatusRehearsal {
				t.Errorf("%s went from %d back to %d", answer, n, figures[answer])
			}
		}
	}
}

// ticks starts a publisher each minute, for so many minutes, as the scheduler does.
func (w *world) ticks(t tester, minutes int) {
	t.Helper()
	var running sync.WaitGroup
	for i := range minutes {
		running.Go(func() { w.mustTick(t, fmt.Sprint("p", i)) })
		pass(time.Minute)
	}
	running.Wait()
}

func (w *world) recount(t tester) votingwindow.Recounted {
	t.Helper()
	recounted, err := (&votingwindow.Recount{Rules: w.rules, Store: w.store(), Clock: w.clock}).Handle(context.Background(), json.RawMessage("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return recounted
}

// check proves the invariant on the tables and on the final figures.
func (w *world) check(t tester, accepted []string) votecheck.Report {
	t.Helper()
	ballots, ledger, err := votecheck.Read(context.Background(), w.memory, "ballots", "ledger")
	if err != nil {
		t.Fatal(err)
	}
	report, err := votecheck.Check(accepted, ballots, ledger)
	if err != nil {
		t.Error(err)
	}
	if err := votecheck.CheckFinal(report.Counts, w.results(), w.ledger(), w.recount(t)); err != nil {
		t.Error(err)
	}
	return report
}
