package votingwindow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/votecheck"
)

func sqsMessage(id, body string, sent time.Time, received int) events.SQSMessage {
	return events.SQSMessage{MessageId: id, Body: body, Attributes: map[string]string{
		"SentTimestamp": fmt.Sprint(sent.UnixMilli()), "ApproximateReceiveCount": fmt.Sprint(received),
	}}
}

func batch(messages ...events.SQSMessage) events.SQSEvent { return events.SQSEvent{Records: messages} }

// handle gives a batch to a recorder and returns the ids that must come again.
func handle(t tester, recorder *votingwindow.Recorder, event events.SQSEvent) []string {
	t.Helper()
	response, err := recorder.Handle(context.Background(), event)
	if err != nil {
		t.Fatal(err)
	}
	failed := []string{}
	for _, failure := range response.BatchItemFailures {
		failed = append(failed, failure.ItemIdentifier)
	}
	slices.Sort(failed)
	return failed
}

// ends is what became of each message: "counted vote/yes", "late after_close", ...
func ends(t tester, m *memory) map[string]string {
	t.Helper()
	ballots, ledger, err := votecheck.Read(context.Background(), m, "ballots", "ledger")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, ballot := range ballots {
		found[ballot.Message] += "counted " + ballot.Answer
	}
	for _, entry := range ledger {
		found[entry.Message] += string(entry.Outcome) + " " + string(entry.Reason)
	}
	return found
}

func expectEnds(t tester, m *memory, want map[string]string) {
	t.Helper()
	if got := ends(t, m); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func expectFailed(t tester, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("failed %v, want %v", got, want)
	}
}

func TestRecorderOnARealEvent(t *testing.T) {
	m := newMemory()
	var metrics bytes.Buffer
	recorder := recorderOf(m, mustRules(window()), &manualClock{now: opens.Add(4 * time.Minute)}, "w")
	recorder.Metrics = telemetry.NewMetrics(&metrics, telemetry.Source{System: "voting_window", Name: "final", Function: "recorder"})
	expectFailed(t, handle(t, recorder, event[events.SQSEvent](t, "recorder")))
	expectEnds(t, m, map[string]string{
		"059f36b4-87a3-44ab-83d2-661975830a7d": "counted vote/yes",
		"2e1424d4-f796-459a-8184-9c92662be6da": "duplicate second_vote",
		"b5353c1b-3a4c-4e0e-9b07-6f1f6a6f0c11": "rejected malformed",
		"f1d2d2f9-24e9-4c86-a3d5-1f0f1f3f2d10": "late after_close",
	})
	ballots, ledger, err := votecheck.Read(t.Context(), m, "ballots", "ledger")
	if err != nil {
		t.Fatal(err)
	}
	// A scan has no order.
	slices.SortFunc(ledger, func(a, b votingwindow.Entry) int { return strings.Compare(a.Message, b.Message) })
	sent := opens.Add(3 * time.Minute)
	if want := (votingwindow.Ballot{Key: ballotOf("ann1"), Answer: "vote/yes", Message: "059f36b4-87a3-44ab-83d2-661975830a7d", Sent: sent}); ballots[0] != want {
		t.Errorf("got %+v", ballots[0])
	}
	if ledger[0].Voter != hasher.Voter("ann1") || ledger[0].Answer != "vote/no" || !ledger[0].Sent.Equal(sent.Add(250*time.Millisecond)) {
		t.Errorf("got %+v", ledger[0])
	}
	if ledger[1].Voter != "" || ledger[1].Answer != "" {
		t.Errorf("junk was kept: %+v", ledger[1])
	}
	counters, err := m.store().Counters(t.Context(), false)
	if err != nil || counters.Answers["vote/yes"] != 1 || counters.Accepted() != 4 {
		t.Errorf("counters %+v, %v", counters, err)
	}
	var line map[string]any
	if err := json.Unmarshal(metrics.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"Counted": 1.0, "Duplicate": 1.0, "Late": 1.0, "Rejected": 1.0, "Failed": nil, "Redelivered": nil} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
}

func TestRecorderCostsOneWriteAVote(t *testing.T) {
	m := newMemory()
	recorder := recorderOf(m, mustRules(window()), &manualClock{now: opens.Add(time.Minute)}, "w")
	var messages []events.SQSMessage
	for i := range 100 {
		messages = append(messages, sqsMessage(fmt.Sprint("m", i), body(fmt.Sprint("v", i), "yes"), opens, 1))
	}
	expectFailed(t, handle(t, recorder, batch(messages...)))
	for call, want := range map[[2]string]int{
		{"batch", "ballots"}: 4, {"insert", "ballots"}: 100, {"put", "ballots"}: 0, {"put", "ledger"}: 0, {"put", "tallies"}: 1, {"get", "ballots"}: 0, {"get", "ledger"}: 0, {"get", "tallies"}: 1, // The control, once in five seconds.
	} {
		if got := m.count(call[0], call[1]); got != want {
			t.Errorf("%s %s: %d calls, want %d", call[0], call[1], got, want)
		}
	}
	// A batch that changes nothing writes no counters.
	handle(t, recorder, batch(messages...))
	if got := m.count("put", "tallies"); got != 1 {
		t.Errorf("%d writes of counters", got)
	}
}

func TestRecorderOrdersOneVotersMessages(t *testing.T) {
	m := newMemory()
	recorder := recorderOf(m, mustRules(window()), &manualClock{now: opens.Add(time.Minute)}, "w")
	expectFailed(t, handle(t, recorder, batch(
		sqsMessage("m4", body("ann", "maybe"), opens.Add(2*time.Second), 1),
		sqsMessage("m3", body("ann", "no"), opens.Add(time.Second), 1),
		sqsMessage("m2", body("ann", "yes"), opens.Add(time.Second), 1),
		sqsMessage("m1", body("bob", "yes"), opens.Add(3*time.Second), 1),
	)))
	expectEnds(t, m, map[string]string{
		"m1": "counted vote/yes", "m2": "counted vote/yes", "m3": "duplicate second_vote", "m4": "duplicate second_vote",
	})
}

func TestRecorderRejectsWithoutSentTime(t *testing.T) {
	m := newMemory()
	recorder := recorderOf(m, mustRules(window()), &manualClock{now: opens.Add(time.Minute)}, "w")
	for i, attributes := range []map[string]string{nil, {}, {"SentTimestamp": "soon"}, {"SentTimestamp": "0"}, {"SentTimestamp": "-5"}} {
		message := events.SQSMessage{MessageId: fmt.Sprint("m", i), Body: body("ann", "yes"), Attributes: attributes}
		expectFailed(t, handle(t, recorder, batch(message)))
		if got := ends(t, m)[message.MessageId]; got != "rejected no_sent_time" {
			t.Errorf("%v: %s", attributes, got)
		}
	}
}

func TestRecorderFailsOnlyTheMessageAtFault(t *testing.T) {
	m := newMemory()
	m.faultOf = func(operation, table, key string, _ int) fault {
		if (operation == "put" || operation == "insert") && (key == ballotOf("bob") || key == "m4") {
			return before
		}
		return fine
	}
	var log bytes.Buffer
	recorder := recorderOf(m, mustRules(window()), &manualClock{now: opens.Add(time.Minute)}, "w")
	recorder.Log = slog.New(slog.NewTextHandler(&log, nil))
	messages := batch(
		sqsMessage("m1", body("ann", "yes"), opens, 1), sqsMessage("m2", body("bob", "yes"), opens, 1),
		sqsMessage("m3", body("eve", "yes"), opens, 1), sqsMessage("m4", "poison", opens, 1), sqsMessage("m5", "poison", opens, 1),
	)
	expectFailed(t, handle(t, recorder, messages), "m2", "m4")
	expectEnds(t, m, map[string]string{"m1": "counted vote/yes", "m3": "counted vote/yes", "m5": "rejected malformed"})
	if strings.Contains(log.String(), "bob") {
		t.Errorf("a voter in the log: %s", log.String())
	}
	m.faultOf = nil
	expectFailed(t, handle(t, recorder, messages))
	expectEnds(t, m, map[string]string{
		"m1": "counted vote/yes", "m2": "counted vote/yes", "m3": "counted vote/yes", "m4": "rejected malformed", "m5": "rejected malformed",
	})
}

type panicking struct{ votingwindow.RecorderStore }

func (p panicking) PutBallot(ctx context.Context, ballot votingwindow.Ballot) (*votingwindow.Ballot, error) {
	if ballot.Key == ballotOf("bob") {
		panic("a fault of the program")
	}
	return p.RecorderStore.PutBallot(ctx, ballot)
}

func (p panicking) InsertBallots(ctx context.Context, ballots []votingwindow.Ballot) ([]dynamodb.Insertion, error) {
	for _, ballot := range ballots {
		if ballot.Key == ballotOf("bob") {
			panic("a fault of the program")
		}
	}
	return p.RecorderStore.InsertBallots(ctx, ballots)
}

func TestRecorderSurvivesAPanic(t *testing.T) {
	m := newMemory()
	recorder := recorderOf(m, mustRules(window()), &manualClock{now: opens.Add(time.Minute)}, "w")
	recorder.Store = panicking{m.store()}
	var metrics bytes.Buffer
	recorder.Metrics = telemetry.NewMetrics(&metrics, telemetry.Source{System: "voting_window", Name: "final", Function: "recorder"})
	expectFailed(t, handle(t, recorder, batch(
		sqsMessage("m1", body("ann", "yes"), opens, 1), sqsMessage("m2", body("bob", "yes"), opens, 1))), "m2")
	var line struct{ Counted, Failed float64 }
	if err := json.Unmarshal(metrics.Bytes(), &line); err != nil || line.Counted != 1 || line.Failed != 1 {
		t.Errorf("the metrics are %+v, %v", line, err)
	}
	expectEnds(t, m, map[string]string{"m1": "counted vote/yes"})
}

func TestRecorderHealsCounters(t *testing.T) {
	m := newMemory()
	failing := true
	m.faultOf = func(operation, table, _ string, _ int) fault {
		if failing && operation == "put" && table == "tallies" {
			return before
		}
		return fine
	}
	recorder := recorderOf(m, mustRules(window()), &manualClock{now: opens.Add(time.Minute)}, "w")
	expectFailed(t, handle(t, recorder, batch(sqsMessage("m1", body("ann", "yes"), opens, 1))))
	failing = false
	expectFailed(t, handle(t, recorder, batch(sqsMessage("m2", body("bob", "no"), opens, 1))))
	counters, err := m.store().Counters(t.Context(), false)
	if err != nil || counters.Answers["vote/yes"] != 1 || counters.Answers["vote/no"] != 1 {
		t.Fatalf("got %+v, %v", counters, err)
	}
}

// Each row: a message is delivered under one configuration and again under another; it stays what it was.
func TestRecorderKeepsTheFirstOutcome(t *testing.T) {
	moved := func(change func(*votingwindow.Window)) *votingwindow.Rules {
		w := window()
		change(&w)
		return mustRules(w)
	}
	normal := mustRules(window())
	extended := moved(func(w *votingwindow.Window) { w.ClosesAt = w.ClosesAt.Add(time.Hour) })
	shortened := moved(func(w *votingwindow.Window) { w.ClosesAt = w.OpensAt.Add(time.Second) })
	delayed := moved(func(w *votingwindow.Window) { w.OpensAt = w.OpensAt.Add(9 * time.Minute) })
	fewer := moved(func(w *votingwindow.Window) { w.Questions = []string{"vote/no"} })
	numbers := mustAdmit(window(), votingwindow.Admission{VoterPattern: "[0-9]+"})
	during := opens.Add(time.Minute)
	for name, test := range map[string]struct {
		first, second *votingwindow.Rules
		sent          time.Time
		want          string
	}{
		"late, then extended":          {normal, extended, closes, "late after_close"},
		"counted, then shortened":      {normal, shortened, during, "counted vote/yes"},
		"late, shortened taken back":   {shortened, normal, during, "late after_close"},
		"early, then opened earlier":   {delayed, normal, during, "rejected early"},
		"counted, then opened later":   {normal, delayed, during, "counted vote/yes"},
		"counted, then answer removed": {normal, fewer, during, "counted vote/yes"},
		"rejected, then answer added":  {fewer, normal, during, "rejected answer"},
		"counted, then other pattern":  {normal, numbers, during, "counted vote/yes"},
		"rejected, then other pattern": {numbers, normal, during, "rejected voter"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			clock := &manualClock{now: during}
			expectFailed(t, handle(t, recorderOf(m, test.first, clock, "a"), batch(sqsMessage("m1", body("ann", "yes"), test.sent, 1))))
			for range 2 {
				expectFailed(t, handle(t, recorderOf(m, test.second, clock, "b"), batch(sqsMessage("m1", body("ann", "yes"), test.sent, 2))))
				expectFailed(t, handle(t, recorderOf(m, test.first, clock, "c"), batch(sqsMessage("m1", body("ann", "yes"), test.sent, 3))))
			}
			expectEnds(t, m, map[string]string{"m1": test.want})
		})
	}
}

func TestRecorderAfterSealing(t *testing.T) {
	m := newMemory()
	clock := &manualClock{now: opens.Add(time.Minute)}
	recorder := recorderOf(m, mustRules(window()), clock, "w")
	counted := sqsMessage("m1", body("ann", "yes"), opens, 1)
	second := sqsMessage("m2", body("ann", "no"), opens.Add(time.Second), 1)
	expectFailed(t, handle(t, recorder, batch(counted, second)))

	clock.set(closes.Add(time.Hour))
	write := func(state votingwindow.State) {
		t.Helper()
		if written, err := m.store().PutWindowState(t.Context(), state); err != nil || !written {
			t.Fatal(written, err)
		}
	}
	// Not sealed yet, however late it is: what was sent in time counts.
	expectFailed(t, handle(t, recorder, batch(sqsMessage("m3", body("bob", "yes"), opens, 1))))
	write(votingwindow.State{Version: 1, Phase: votingwindow.PhaseSealed, ClosesAt: closes.Add(-time.Minute)})
	expectFailed(t, handle(t, recorder, batch(sqsMessage("m4", body("eve", "yes"), opens, 1)))) // Sealed for another closing time.
	write(votingwindow.State{Version: 2, Phase: votingwindow.PhaseSealed, ClosesAt: closes})

	again := []events.SQSMessage{counted, second, sqsMessage("m3", body("bob", "yes"), opens, 2)}
	surfaced := []events.SQSMessage{
		sqsMessage("m5", body("zoe", "yes"), opens, 1), sqsMessage("m6", body("ann", "maybe"), opens, 1), sqsMessage("m7", "{", opens, 1),
	}
	for range 2 {
		expectFailed(t, handle(t, recorder, batch(slices.Concat(again, surfaced)...)))
	}
	expectEnds(t, m, map[string]string{
		"m1": "counted vote/yes", "m2": "duplicate second_vote", "m3": "counted vote/yes", "m4": "counted vote/yes",
		"m5": "late after_final", "m6": "late after_final", "m7": "rejected malformed",
	})
}

// While it is not known whether the window is sealed nothing may become a ballot; what never could is recorded.
func TestRecorderWithoutTheWindowsState(t *testing.T) {
	m := newMemory()
	m.faultOf = func(operation, table, key string, _ int) fault {
		if operation == "get" && table == "tallies" && key == "window" {
			return before
		}
		return fine
	}
	recorder := recorderOf(m, mustRules(window()), &manualClock{now: closes.Add(2 * time.Minute)}, "w")
	expectFailed(t, handle(t, recorder, batch(
		sqsMessage("m1", body("ann", "yes"), opens, 1), sqsMessage("m2", "{", opens, 1), sqsMessage("m3", body("bob", "yes"), closes, 1))), "m1")
	expectEnds(t, m, map[string]string{"m2": "rejected malformed", "m3": "late after_close"})
}

func TestRecorderOnEmptyAndRepeated(t *testing.T) {
	m := newMemory()
	recorder := recorderOf(m, mustRules(window()), &manualClock{now: opens.Add(time.Minute)}, "w")
	response, err := recorder.Handle(t.Context(), events.SQSEvent{})
	if err != nil || response.BatchItemFailures == nil || len(response.BatchItemFailures) != 0 {
		t.Fatalf("got %+v, %v", response, err) // nil would be null in JSON, which Lambda takes for a failed batch.
	}
	vote, poison := sqsMessage("m1", body("ann", "yes"), opens, 1), sqsMessage("m2", "{", opens, 1)
	expectFailed(t, handle(t, recorder, batch(vote, poison, vote, poison)))
	expectEnds(t, m, map[string]string{"m1": "counted vote/yes", "m2": "rejected malformed"})
	counters, err := m.store().Counters(t.Context(), false) // A redelivery is counted nowhere.
	if err != nil || counters.Counted() != 1 || counters.Rejected != 1 {
		t.Fatalf("got %+v, %v", counters, err)
	}
}

func TestRecorderKeepsNoJunk(t *testing.T) {
	m := newMemory()
	recorder := recorderOf(m, mustRules(window()), &manualClock{now: opens.Add(time.Minute)}, "w")
	expectFailed(t, handle(t, recorder, batch(
		sqsMessage("m1", body("Robert'); DROP", "yes"), opens, 1), sqsMessage("m2", body("ann", "<script>"), opens, 1))))
	_, ledger, err := votecheck.Read(t.Context(), m, "ballots", "ledger")
	want := []votingwindow.Entry{
		{Message: "m1", Outcome: votingwindow.Rejected, Reason: votingwindow.ReasonVoter, Sent: opens, Answer: "vote/yes"},
		{Message: "m2", Outcome: votingwindow.Rejected, Reason: votingwindow.ReasonAnswer, Sent: opens, Voter: hasher.Voter("ann")},
	}
	if err != nil || !slices.Equal(ledger, want) {
		t.Fatalf("got %+v, %v", ledger, err)
	}
}
