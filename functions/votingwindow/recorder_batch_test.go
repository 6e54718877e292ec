package votingwindow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/votecheck"
)

// Each row: ann has a ballot of m0, or none, and ann and bob vote in one batch. The calls are those of the batch.
func TestRecorderInsertsFirstVotes(t *testing.T) {
	ann, bob := ballotOf("ann"), ballotOf("bob")
	for name, test := range map[string]struct {
		change   func(*votingwindow.Window)
		first    string // Ann's vote before, by its id.
		received int
		faults   map[string]fault // By operation and key.
		ends     map[string]string
		calls    map[string]int // By operation and table.
		unlogged bool
	}{
		"first votes": {
			ends: map[string]string{"m1": "counted vote/yes", "m2": "counted vote/no"}, unlogged: true,
			calls: map[string]int{"batch ballots": 1, "insert ballots": 2},
		},
		"a second vote is read, not refused twice": {
			first: "m0", ends: map[string]string{"m0": "counted vote/maybe", "m1": "duplicate second_vote", "m2": "counted vote/no"}, unlogged: true,
			calls: map[string]int{"batch ballots": 1, "insert ballots": 2, "get ballots": 1, "put ledger": 1},
		},
		"a copy of a message": {
			first: "m1", ends: map[string]string{"m1": "counted vote/maybe", "m2": "counted vote/no"}, unlogged: true,
			calls: map[string]int{"batch ballots": 1, "insert ballots": 2, "get ballots": 1},
		},
		"what was received before asks the ledger": {
			received: 1, ends: map[string]string{"m1": "counted vote/yes", "m2": "counted vote/no"}, unlogged: true,
			calls: map[string]int{"get ledger": 2, "put ballots": 2},
		},
		"a statement is throttled": {
			faults: map[string]fault{"insert " + ann: before},
			ends:   map[string]string{"m1": "counted vote/yes", "m2": "counted vote/no"}, unlogged: true,
			calls: map[string]int{"batch ballots": 2, "insert ballots": 3},
		},
		"a statement's answer is lost": {
			faults: map[string]fault{"insert " + ann: after},
			ends:   map[string]string{"m1": "counted vote/yes", "m2": "counted vote/no"}, unlogged: true,
			calls: map[string]int{"batch ballots": 2, "insert ballots": 3, "get ballots": 1},
		},
		"the call fails": {
			faults: map[string]fault{"batch " + ann: before, "batch " + bob: before},
			ends:   map[string]string{"m1": "counted vote/yes", "m2": "counted vote/no"},
			calls:  map[string]int{"batch ballots": 1, "put ballots": 2},
		},
		"a second slot": {
			first: "m0", change: func(w *votingwindow.Window) { w.VotesPerVoter = 2 }, unlogged: true,
			ends:  map[string]string{"m0": "counted vote/maybe", "m1": "counted vote/yes", "m2": "counted vote/no"},
			calls: map[string]int{"batch ballots": 1, "insert ballots": 2, "get ballots": 1, "put ballots": 1},
		},
		"a later vote replaces": {
			first: "m0", change: func(w *votingwindow.Window) { w.Revote = votingwindow.RevoteReplace }, unlogged: true,
			ends:  map[string]string{"m0": "replaced later_vote", "m1": "counted vote/yes", "m2": "counted vote/no"},
			calls: map[string]int{"batch ballots": 1, "insert ballots": 2, "get ballots": 1, "transact ballots": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := window()
			if test.change != nil {
				test.change(&w)
			}
			m := newMemory()
			clock := &manualClock{now: opens.Add(time.Minute)}
			if test.first != "" {
				expectFailed(t, handle(t, recorderOf(m, mustRules(w), clock, "earlier"), batch(sqsMessage(test.first, body("ann", "maybe"), opens, 1))))
			}
			m.faultOf = func(operation, _, key string, n int) fault {
				if n > 1 {
					return fine
				}
				return test.faults[operation+" "+key]
			}
			m.calls = map[[2]string]int{}
			var log bytes.Buffer
			recorder := recorderOf(m, mustRules(w), clock, "w")
			recorder.Log = slog.New(slog.NewTextHandler(&log, nil))
			expectFailed(t, handle(t, recorder, batch(
				sqsMessage("m1", body("ann", "yes"), opens.Add(time.Second), 1+test.received), sqsMessage("m2", body("bob", "no"), opens.Add(time.Second), 1+test.received))))
			calls := map[string]int{}
			for call, n := range m.calls {
				if call[1] != "tallies" {
					calls[call[0]+" "+call[1]] = n
				}
			}
			if !reflect.DeepEqual(calls, test.calls) {
				t.Errorf("calls %v, want %v", calls, test.calls)
			}
			expectEnds(t, m, test.ends)
			if logged := strings.Contains(log.String(), "insert ballots"); logged == test.unlogged {
				t.Errorf("logged %v: %s", logged, log.String())
			}
			if strings.Contains(log.String(), ann) {
				t.Errorf("a voter in the log: %s", log.String())
			}
		})
	}
}

// A table that is too busy for some of a batch takes them in a moment. What is sent back comes again after two minutes, together with all the others', and
// goes to the dead-letter queue after five times.
func TestRecorderWaitsForATableThatIsTooBusy(t *testing.T) {
	var messages []events.SQSMessage
	for n := range votingwindow.BatchSize {
		messages = append(messages, sqsMessage(fmt.Sprintf("m%02d", n), body(fmt.Sprintf("v%d", n), "yes"), opens, 1))
	}
	for name, test := range map[string]struct {
		busy   time.Duration // For so long the table takes five writes a second.
		ends   time.Duration // So long is left of the invocation; zero for any time.
		failed bool
		waited time.Duration // At most.
	}{
		"for some seconds":                     {busy: 10 * time.Second, waited: 13 * time.Second},
		"for longer":                           {busy: time.Hour, failed: true, waited: 13 * time.Second},
		"for longer than the invocation takes": {busy: time.Hour, ends: 9 * time.Second, failed: true, waited: 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			began := opens.Add(time.Minute)
			clock := &manualClock{now: began}
			taken := 0
			m.faultOf = func(operation, table, _ string, _ int) fault {
				since := clock.Now().Sub(began)
				switch {
				case table != "ballots" || operation != "insert" && operation != "put" || since >= test.busy:
					return fine
				case taken >= int(5*since.Seconds()):
					return before
				}
				taken++
				return fine
			}
			ctx := t.Context()
			if test.ends > 0 {
				ctx = deadlined{ctx, began.Add(test.ends)}
			}
			response, err := recorderOf(m, mustRules(window()), clock, "w").Handle(ctx, batch(messages...))
			if failed := len(response.BatchItemFailures) > 0; err != nil || failed != test.failed {
				t.Errorf("%d failed, %v", len(response.BatchItemFailures), err)
			}
			if waited := clock.Now().Sub(began); waited > test.waited {
				t.Errorf("it waited %s", waited)
			}
			stand := len(tables(t, m))
			if stand+len(response.BatchItemFailures) != len(messages) {
				t.Errorf("%d ballots, %d failed", stand, len(response.BatchItemFailures))
			}
			counters, err := m.store().Counters(t.Context(), false)
			if err != nil || counters.Counted() != int64(stand) {
				t.Errorf("%d counted of %d ballots, %v", counters.Counted(), stand, err)
			}
		})
	}
}

// conflicting is a table whose transactions meet others, or that is too busy for them, so many times.
type conflicting struct {
	*memory
	times  int
	reason string
}

func (c *conflicting) TransactPut(ctx context.Context, puts []dynamodb.PutItem) error {
	if c.times--; c.times < 0 {
		return c.memory.TransactPut(ctx, puts)
	}
	return &dynamodb.TransactionCanceledException{
		Refusal: refusalOf("TransactionCanceledException"), CancellationReasons: []dynamodb.CancellationReason{{Code: c.reason}, {Code: "None"}},
	}
}

// A later vote whose transaction meets another one changes nothing, and neither does one for which the table is too busy. No client tries these again.
func TestRecorderReplacesAfterAConflict(t *testing.T) {
	w := window()
	w.Revote = votingwindow.RevoteReplace
	for name, test := range map[string]struct {
		times  int
		reason string
		failed []string
		ends   map[string]string
	}{
		"once":            {1, "TransactionConflict", nil, map[string]string{"m0": "replaced later_vote", "m1": "counted vote/yes"}},
		"some times":      {5, "ThrottlingError", nil, map[string]string{"m0": "replaced later_vote", "m1": "counted vote/yes"}},
		"again and again": {1000, "TransactionConflict", []string{"m1"}, map[string]string{"m0": "counted vote/no"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			clock := &manualClock{now: opens.Add(time.Minute)}
			expectFailed(t, handle(t, recorderOf(m, mustRules(w), clock, "earlier"), batch(sqsMessage("m0", body("ann", "no"), opens, 1))))
			began := clock.Now()
			recorder := recorderOf(m, mustRules(w), clock, "w")
			recorder.Store = &votingwindow.Store{Client: &conflicting{m, test.times, test.reason}, Ballots: "ballots", Ledger: "ledger", Tallies: "tallies"}
			expectFailed(t, handle(t, recorder, batch(sqsMessage("m1", body("ann", "yes"), opens.Add(time.Second), 1))), test.failed...)
			expectEnds(t, m, test.ends)
			if waited := clock.Now().Sub(began); waited > 13*time.Second {
				t.Errorf("it waited %s", waited)
			}
		})
	}
}

// deadlined is a context of an invocation that ends at a time of a manual clock.
type deadlined struct {
	context.Context
	ends time.Time
}

func (d deadlined) Deadline() (time.Time, bool) { return d.ends, true }

// lost is a store whose calls of many all come to nothing.
type lost struct{ votingwindow.RecorderStore }

func (l lost) InsertBallots(_ context.Context, ballots []votingwindow.Ballot) ([]dynamodb.Insertion, error) {
	return make([]dynamodb.Insertion, len(ballots)), errInfrastructure
}

// TestInsertingIsOnlyFaster holds a recorder that inserts many at once against one that never does: the tables are the same in the end,
// whatever is delivered in whatever batches, as often as may be.
func TestInsertingIsOnlyFaster(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := window()
		w.Questions = []string{"vote/yes/no", "other/yes/no"}
		w.Revote = rapid.SampledFrom([]string{votingwindow.RevoteReject, votingwindow.RevoteReplace}).Draw(t, "revote")
		if w.Revote == votingwindow.RevoteReject {
			w.VotesPerVoter = rapid.IntRange(1, 3).Draw(t, "votes per voter")
		}
		sent := []time.Time{opens.Add(-time.Second), opens, opens.Add(time.Second), closes}
		var messages []events.SQSMessage
		for i := range rapid.IntRange(1, 60).Draw(t, "messages") {
			rehearsal := ""
			at := rapid.SampledFrom(sent).Draw(t, "sent")
			if at.Before(opens) {
				rehearsal = `,"rehearsal":true`
			}
			messages = append(messages, sqsMessage(fmt.Sprintf("m%02d", i), fmt.Sprintf(`{"voter":"v%d","question":"%s","answer":"%s"%s}`,
				rapid.IntRange(0, 40).Draw(t, "voter"), rapid.SampledFrom([]string{"vote", "other"}).Draw(t, "question"),
				rapid.SampledFrom([]string{"yes", "no", "none"}).Draw(t, "answer"), rehearsal), at, 0))
		}
		clock := &manualClock{now: opens.Add(time.Minute)}
		fast, slow := newMemory(), newMemory()
		received := make([]int, len(messages))
		deliver := func(which []int) {
			var given []events.SQSMessage
			for _, i := range which {
				received[i]++
				message := messages[i]
				message.Attributes = map[string]string{"SentTimestamp": message.Attributes["SentTimestamp"], "ApproximateReceiveCount": fmt.Sprint(received[i])}
				given = append(given, message)
			}
			alone := recorderOf(slow, mustRules(w), clock, "w")
			alone.Store = lost{alone.Store}
			expectFailed(t, handle(t, recorderOf(fast, mustRules(w), clock, "w"), batch(given...)))
			expectFailed(t, handle(t, alone, batch(given...)))
		}
		all := make([]int, len(messages))
		for i := range all {
			all[i] = i
		}
		for range rapid.IntRange(0, 4).Draw(t, "deliveries") {
			deliver(rapid.SliceOfN(rapid.SampledFrom(all), 1, 40).Draw(t, "batch"))
		}
		deliver(all)
		if got, want := tables(t, fast), tables(t, slow); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v\nwant %+v", got, want)
		}
	})
}

// tables are all ballots by key and all entries by message.
func tables(t tester, m *memory) map[string]any {
	t.Helper()
	ballots, ledger, err := votecheck.Read(context.Background(), m, "ballots", "ledger")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	for _, ballot := range ballots {
		all[ballot.Key] = ballot
	}
	for _, entry := range ledger {
		all[entry.Message] = entry
	}
	return all
}

// taken is a store whose keys were all taken a moment ago.
type taken struct{ votingwindow.RecorderStore }

func (s taken) InsertBallots(_ context.Context, ballots []votingwindow.Ballot) ([]dynamodb.Insertion, error) {
	done := make([]dynamodb.Insertion, len(ballots))
	for i := range done {
		done[i] = dynamodb.Taken
	}
	return done, nil
}

// A rehearsal's ballots are deleted when it is reset: a key that was taken may be free again.
func TestRecorderPutsABallotWhereAnotherIsGone(t *testing.T) {
	m := newMemory()
	recorder := recorderOf(m, mustRules(window()), &manualClock{now: opens.Add(time.Minute)}, "w")
	recorder.Store = taken{recorder.Store}
	expectFailed(t, handle(t, recorder, batch(sqsMessage("m1", body("ann", "yes"), opens, 1))))
	expectEnds(t, m, map[string]string{"m1": "counted vote/yes"})
}

// TestRecorderInAFlood: of full batches of nothing but ballots the counters and the metrics wait for a second, and then tell of all.
func TestRecorderInAFlood(t *testing.T) {
	m := newMemory()
	var lines bytes.Buffer
	clock := &manualClock{now: opens.Add(time.Minute)}
	recorder := recorderOf(m, mustRules(window()), clock, "w")
	recorder.Metrics = telemetry.NewMetrics(&lines, telemetry.Source{System: "voting_window", Name: "final", Function: "recorder"})
	voter := 0
	for i, step := range []struct {
		messages int
		again    bool // The first is a second vote.
		after    time.Duration
		told     int   // How often the counters were written by then.
		counted  int64 // By the counters in the table.
	}{
		{messages: votingwindow.BatchSize, told: 1, counted: 100},
		{messages: votingwindow.BatchSize, after: 300 * time.Millisecond, told: 1, counted: 100},
		{messages: votingwindow.BatchSize, after: 699 * time.Millisecond, told: 1, counted: 100},
		{messages: votingwindow.BatchSize, after: time.Millisecond, told: 2, counted: 400},
		{messages: votingwindow.BatchSize, told: 2, counted: 400},
		{messages: votingwindow.BatchSize - 1, told: 3, counted: 599},
		{messages: votingwindow.BatchSize, told: 3, counted: 599},
		{messages: votingwindow.BatchSize, again: true, told: 4, counted: 798},
	} {
		clock.now = clock.now.Add(step.after)
		messages := make([]events.SQSMessage, step.messages)
		for at := range messages {
			who := voter
			if voter++; step.again && at == 0 {
				who = 0
			}
			messages[at] = sqsMessage(fmt.Sprintf("m%d", voter), body(fmt.Sprintf("v%d", who), "yes"), opens, 1)
		}
		expectFailed(t, handle(t, recorder, batch(messages...)))
		counters, err := m.store().Counters(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		told := m.count("put", "tallies")
		if written := bytes.Count(lines.Bytes(), []byte("\n")); told != step.told || written != step.told || counters.Counted() != step.counted {
			t.Fatalf("step %d: counters written %d times and metrics %d times, want %d, and %d counted, want %d", i, told, written, step.told, counters.Counted(), step.counted)
		}
	}
	var sum float64
	for line := range bytes.Lines(lines.Bytes()) {
		var metrics struct{ Counted float64 }
		if err := json.Unmarshal(line, &metrics); err != nil {
			t.Fatal(err)
		}
		sum += metrics.Counted
	}
	if sum != 798 {
		t.Errorf("the metrics say %g counted, want 798", sum)
	}
}

// Who rehearses again after a reset is told of the second rehearsal alone, though the recorder is the same.
func TestRecorderForgetsARehearsalThatWasReset(t *testing.T) {
	m := newMemory()
	recorder := recorderOf(m, mustRules(window()), &manualClock{now: opens.Add(-time.Hour)}, "w")
	rehearse := func(id, voter, answer string) {
		t.Helper()
		expectFailed(t, handle(t, recorder, batch(sqsMessage(id, `{"voter":"`+voter+`","answer":"`+answer+`","rehearsal":true}`, opens.Add(-time.Hour), 1))))
	}
	expect := func(counted, rejected int64) {
		t.Helper()
		counts, err := m.store().Counters(t.Context(), true)
		if err != nil || counts.Counted() != counted || counts.Rejected != rejected {
			t.Errorf("%d counted, %d rejected, %v; want %d and %d", counts.Counted(), counts.Rejected, err, counted, rejected)
		}
	}
	rehearse("m1", "ann", "none")
	rehearse("m2", "ann", "yes")
	expect(1, 1)
	for round := range 2 {
		if _, err := m.store().RemoveRehearsal(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(0, 0)
		rehearse(fmt.Sprint("m3", round), "bob", "yes")
		expect(1, 0)
		rehearse(fmt.Sprint("m4", round), "cid", "no")
		expect(2, 0)
	}
}
