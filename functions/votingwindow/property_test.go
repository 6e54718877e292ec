package votingwindow_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/votecheck"
)

// trial is one run of a window under hardship: messages, workers, publishers and what befalls them, all drawn.
type trial struct {
	*rapid.T
	*world
	clock    *manualClock
	messages []events.SQSMessage // All that was accepted. A message stays here when it is deleted: SQS may deliver it again.
	received []int
	pending  map[int]bool
	workers  int
	rate     uint64 // Faults in a hundred calls.
	seed     uint64
	calls    atomic.Uint64 // Of the process at work now.
	dies     uint64        // At this call of its; zero for never.
	dead     atomic.Bool
}

// befall decides about one call: after its death a process calls nobody.
func (r *trial) befall(id string) fault {
	n := r.calls.Add(1)
	if r.dead.Load() {
		return before
	}
	if n == r.dies {
		r.dead.Store(true)
		return fault(1 + hash(r.seed, id)%2)
	}
	if hash(r.seed, id, n)%100 < r.rate {
		return fault(1 + hash(r.seed, id, n, "when")%2)
	}
	return fine
}

// process begins the life of a process, and draws at which call it ends.
func (r *trial) process() {
	r.calls.Store(0)
	r.dead.Store(false)
	r.dies = 0
	if r.rate > 0 && rapid.IntRange(0, 3).Draw(r.T, "dies") == 0 {
		r.dies = rapid.Uint64Range(1, 40).Draw(r.T, "at call")
	}
}

// peace ends all hardship.
func (r *trial) peace() {
	r.rate, r.dies = 0, 0
	r.dead.Store(false)
}

func draw(t *rapid.T) *trial {
	clock := &manualClock{now: opens}
	r := &trial{
		T: t, world: newWorld(mustRules(window()), clock), clock: clock, pending: map[int]bool{},
		rate: rapid.SampledFrom([]uint64{0, 5, 25}).Draw(t, "faults in a hundred"), seed: rapid.Uint64().Draw(t, "seed"),
	}
	r.faultOf = func(operation, table, key string, _ int) fault { return r.befall(operation + table + key) }
	r.failOf = r.befall
	r.lag = func(_, key string) bool { return hash(r.seed, key, clock.Now().Unix()/7)%3 == 0 }
	sent := []time.Time{
		opens.Add(-time.Millisecond), opens, opens.Add(time.Minute), opens.Add(time.Minute + 1), closes.Add(-time.Millisecond), closes,
		closes.Add(time.Minute),
	}
	for i := range rapid.IntRange(1, 24).Draw(t, "messages") {
		text := body(
			rapid.SampledFrom([]string{"ann", "bob", "eve", "joe", "BAD"}).Draw(t, "voter"),
			rapid.SampledFrom([]string{"yes", "no", "maybe", "never"}).Draw(t, "answer"))
		if rapid.IntRange(0, 7).Draw(t, "poison") == 0 {
			text = rapid.SampledFrom([]string{"", "{", "\xff", `{"voter":"ann"}`, `{"voter":"ann","answer":"yes","x":1}`}).Draw(t, "body")
		}
		message := sqsMessage(fmt.Sprintf(rapid.SampledFrom([]string{"m%02d", "0a1b2c3d-4e5f-4000-8000-%012x"}).Draw(t, "id"), i), text, rapid.SampledFrom(sent).Draw(t, "sent"), 0)
		if rapid.IntRange(0, 15).Draw(t, "unsent") == 0 {
			delete(message.Attributes, "SentTimestamp")
		}
		r.messages = append(r.messages, message)
		r.pending[i] = true
	}
	r.received = make([]int, len(r.messages))
	return r
}

// deliver gives messages to a recorder, new or the same as before, which may die of it.
func (r *trial) deliver(rules *votingwindow.Rules, recorder *votingwindow.Recorder, which []int) *votingwindow.Recorder {
	if recorder == nil {
		r.workers++
		recorder = recorderOf(r.memory, rules, r.clock, fmt.Sprint("w", r.workers))
	}
	r.process()
	var given []events.SQSMessage
	for _, i := range which {
		r.received[i]++
		message := sqsMessage(r.messages[i].MessageId, r.messages[i].Body, time.Time{}, r.received[i])
		delete(message.Attributes, "SentTimestamp")
		if sent, ok := r.messages[i].Attributes["SentTimestamp"]; ok {
			message.Attributes["SentTimestamp"] = sent
		}
		given = append(given, message)
	}
	failed := handle(r.T, recorder, batch(given...))
	if r.dead.Load() {
		return nil // Without an answer, nothing is deleted.
	}
	if r.rate > 0 && rapid.IntRange(0, 5).Draw(r.T, "answer lost") == 0 {
		return recorder
	}
	for _, i := range which {
		if !slices.Contains(failed, r.messages[i].MessageId) {
			delete(r.pending, i)
		}
	}
	return recorder
}

func (r *trial) some(label string) []int {
	all := make([]int, len(r.messages))
	for i := range all {
		all[i] = i
	}
	return rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, min(10, len(all)), rapid.ID[int]).Draw(r.T, label)
}

func (r *trial) accepted() []string {
	var ids []string
	for _, message := range r.messages {
		ids = append(ids, message.MessageId)
	}
	return ids
}

func (r *trial) state() votingwindow.State {
	r.dead.Store(false)
	rate, dies := r.rate, r.dies
	r.rate, r.dies = 0, 0
	defer func() { r.rate, r.dies = rate, dies }()
	state, err := r.store().WindowState(context.Background())
	if err != nil {
		r.Fatal(err)
	}
	return state
}

// TestEveryMessageEndsOnce drives a whole window under duplicates, redelivery in any order and under changed configuration, deaths at any
// call, throttling, lost answers, poison, and what surfaces after the end.
func TestEveryMessageEndsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := draw(t)
		extended, fewer := window(), window()
		extended.ClosesAt = closes.Add(5 * time.Minute)
		fewer.Questions = []string{"vote/yes/no"}
		configurations := []*votingwindow.Rules{r.rules, r.rules, mustRules(extended), mustRules(fewer)}

		for range rapid.IntRange(0, 12).Draw(t, "deliveries") {
			r.clock.set(rapid.SampledFrom([]time.Time{opens, closes.Add(-time.Second), closes.Add(time.Minute)}).Draw(t, "now"))
			rules := rapid.SampledFrom(configurations).Draw(t, "configuration")
			recorder := r.deliver(rules, nil, r.some("first batch"))
			r.deliver(rules, recorder, r.some("second batch"))
		}
		// All but what will surface late is delivered in the end.
		late := r.some("late")
		hardship := r.rate
		r.peace()
		for i := range r.messages {
			if r.pending[i] && !slices.Contains(late, i) {
				r.deliver(r.rules, nil, []int{i})
			}
		}
		r.rate = hardship

		r.clock.set(closes.Add(-30 * time.Second))
		for tick := 0; r.state().Phase != votingwindow.PhaseFinal || r.state().MappingOff; tick++ {
			if tick > 60 {
				t.Fatalf("not final: %+v", r.state())
			}
			if tick > 20 {
				r.peace()
			}
			r.process()
			_ = r.publisher(fmt.Sprint("p", tick)).Handle(context.Background(), nil)
			if r.mapping == "Enabled" && rapid.Bool().Draw(t, "deliver meanwhile") {
				r.deliver(r.rules, nil, r.some("meanwhile"))
			}
		}
		atEnd := r.results()

		for range rapid.IntRange(0, 4).Draw(t, "deliveries after the end") {
			r.deliver(r.rules, nil, r.some("after the end"))
		}
		r.peace()
		for i := range r.messages {
			if r.pending[i] {
				r.deliver(r.rules, nil, []int{i})
			}
		}
		if err := r.publisher("last").Handle(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		if len(r.pending) > 0 {
			t.Fatalf("still on the queue: %v", r.pending)
		}
		report := r.check(t, r.accepted())
		if report.Unacknowledged != 0 {
			t.Errorf("%d strangers", report.Unacknowledged)
		}
		if now := r.results(); now.Total != atEnd.Total {
			t.Errorf("final total went from %d to %d", atEnd.Total, now.Total)
		}
		checkHistory(t, r.world)
		for _, published := range r.history {
			if err := votecheck.CheckLive(report.Counts, published); err != nil {
				t.Errorf("%s: %v", published.Status, err)
			}
		}
	})
}

// forgetful breaks one rule of the recorder at a time, to show that the property would notice.
type forgetful struct {
	votingwindow.RecorderStore
	ballot, entry, condition bool
}

func (f forgetful) Ballot(ctx context.Context, key string) (*votingwindow.Ballot, error) {
	if f.ballot {
		return nil, nil
	}
	return f.RecorderStore.Ballot(ctx, key)
}

func (f forgetful) HasEntry(ctx context.Context, message string) (bool, error) {
	if f.entry {
		return false, nil
	}
	return f.RecorderStore.HasEntry(ctx, message)
}

func (f forgetful) PutBallot(ctx context.Context, ballot votingwindow.Ballot) (*votingwindow.Ballot, error) {
	standing, err := f.RecorderStore.PutBallot(ctx, ballot)
	if f.condition && standing != nil {
		standing.Message = "another"
	}
	return standing, err
}

func TestCheckerNoticesEachBrokenRule(t *testing.T) {
	extended, shortened := window(), window()
	extended.ClosesAt = closes.Add(time.Hour)
	shortened.ClosesAt = opens.Add(time.Second)
	for name, test := range map[string]struct {
		broken        forgetful
		first, second votingwindow.Window
		sent          time.Time
	}{
		"late becomes a ballot":            {forgetful{entry: true}, window(), extended, closes},
		"a ballot becomes late":            {forgetful{ballot: true}, window(), shortened, opens.Add(time.Minute)},
		"a redelivery becomes a duplicate": {forgetful{condition: true, ballot: true}, window(), window(), opens.Add(time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			for _, broken := range []bool{false, true} {
				m := newMemory()
				for i, w := range []votingwindow.Window{test.first, test.second} {
					recorder := recorderOf(m, mustRules(w), &manualClock{now: opens.Add(time.Minute)}, fmt.Sprint(i))
					if broken {
						test.broken.RecorderStore = recorder.Store
						recorder.Store = test.broken
					}
					handle(t, recorder, batch(sqsMessage("m1", body("ann", "yes"), test.sent, i+1)))
				}
				ballots, ledger, err := votecheck.Read(t.Context(), m, "ballots", "ledger")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := votecheck.Check([]string{"m1"}, ballots, ledger); (err != nil) != broken {
					t.Errorf("broken %v: %v", broken, err)
				}
			}
		})
	}
}

// BenchmarkRecorder measures the recorder's own work on batches of a hundred first votes, DynamoDB's time apart.
func BenchmarkRecorder(b *testing.B) {
	rules := mustRules(window())
	clock := &manualClock{now: opens.Add(time.Minute)}
	const size = 100
	b.ReportAllocs()
	b.StopTimer()
	n := 0
	var m *memory
	var recorder *votingwindow.Recorder
	for range b.N {
		if n%100_000 == 0 { // The table must not grow for ever.
			m = newMemory()
			recorder = recorderOf(m, rules, clock, "w")
		}
		messages := make([]events.SQSMessage, size)
		for i := range messages {
			n++
			messages[i] = sqsMessage(fmt.Sprintf("00000000-0000-0000-0000-%012d", n), body(fmt.Sprint("voter", n), "yes"), opens, 1)
		}
		event := batch(messages...)
		b.StartTimer()
		response, err := recorder.Handle(context.Background(), event)
		b.StopTimer()
		if err != nil || len(response.BatchItemFailures) > 0 {
			b.Fatal(response, err)
		}
	}
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "votes/s")
}
