package votingwindow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

// recordAtOnce bounds the voters whose messages one batch writes at the same time.
const recordAtOnce = 16

// RecorderStore is where a recorder writes. Every write is conditional, so that repeating one changes nothing.
type RecorderStore interface {
	// PutBallot makes a ballot unless its key has one: then it returns the one that stands, else nil.
	PutBallot(ctx context.Context, ballot Ballot) (standing *Ballot, err error)
	// InsertBallots makes ballots of different keys in as few calls as can be, each unless its key has one, and says of each what became of
	// it. err is why anything is unknown.
	InsertBallots(ctx context.Context, ballots []Ballot) (done []dynamodb.Insertion, err error)
	// Ballot returns the ballot of a key, strongly consistent; nil where there is none.
	Ballot(ctx context.Context, key string) (*Ballot, error)
	// ReplaceBallot puts a ballot in the place of the displaced message's, and that message's entry into the ledger, both or neither. It
	// says whether it did: not where another ballot stands by now.
	ReplaceBallot(ctx context.Context, ballot Ballot, displaced Entry) (replaced bool, err error)
	// PutEntry writes a ledger entry unless its message has one, and says whether it did.
	PutEntry(ctx context.Context, entry Entry) (written bool, err error)
	// HasEntry says whether a message has a ledger entry, strongly consistent.
	HasEntry(ctx context.Context, message string) (bool, error)
	// PutCounters replaces a worker's counters, those of its real votes or those of the rehearsal's; with again, which says that it wrote some before,
	// only where those are still there. It says whether it did.
	PutCounters(ctx context.Context, worker string, rehearsal bool, counts Counts, again bool) (bool, error)
	// WindowState returns the window's state, strongly consistent; the zero State where there is none.
	WindowState(ctx context.Context) (State, error)
}

// Recorder makes ballots and ledger entries of messages.
//
// What keeps a message from becoming both, or two of one, whatever is redelivered in whatever order, though closing time,
// pattern, questions, votes per voter or revote change between deliveries:
//
//  1. A ledger entry is never changed or deleted. A ballot is never deleted, and changed only by a later vote of its voter where revote is
//     replace: then its message gets its entry in the same transaction. The slots of a voter and question fill in order and never
//     free themselves.
//  2. On its way to the ledger as late or rejected, a message that names a voter looks whether it is a ballot of that voter's, slot by slot
//     until the first free one. So what was counted stays counted, also after sealing. As a duplicate it need look only into
//     slots that the window no longer has: all it does have it tried in order. A redelivered message finds itself before it finds a
//     free slot, since its slot is not free and all before it were taken when it took that one.
//  3. On its way to becoming a ballot, a message that was received before looks whether it is in the ledger. So what was late stays
//     late, though the window was extended, and what was replaced stays replaced.
//
// Where revote is replace, the greatest (sent, message id) of a voter's votes stands in the end, in whatever order they come: a ballot
// gives way only to a greater one, and only while it is the one that was compared.
//
// First votes are inserted many in a call, before all others. That is only a faster way to the same end: whatever does not come back as
// plainly inserted is recorded by itself, by the rules. A ballot whose insertion's answer was lost finds itself there.
//
// A vote that counts costs one write and no read. Rule 3 alone leans on ApproximateReceiveCount, and only to notice a message
// that was ledgered under an older configuration: assumed is that SQS does not report 1 for a message that a recorder had to its
// end and failed to delete. While the configuration stands, a message judged twice is judged alike, and no rule
// needs the count. Deliveries of one message follow each other: the visibility timeout is longer than the function's
// time-out; should SQS hand out two copies at once, they too are judged alike unless two configurations are
// running at that moment. A vote that leaves out its question is sought under the questions that the window has.
type Recorder struct {
	Judge   *Judge
	InForce *Clocked // The window with the closing time in force.
	Store   RecorderStore
	Clock   clock.Clock
	Worker  string // A random id of this execution environment.
	Log     *slog.Logger
	Metrics *telemetry.Metrics

	mu     sync.Mutex
	counts Tally     // All that this environment recorded, in its life.
	kept   Tally     // Those of them that its counters in the table say.
	untold report    // What no line of metrics says yet.
	told   time.Time // When counters and metrics were last written.
}

// message is one SQS message, judged.
type message struct {
	id       string
	sent     time.Time
	received int // How many times, as SQS reckons; zero where it does not say.
	verdict  Verdict
	inserted dynamodb.Insertion // What became of it when it was inserted with others.
}

// recorded is what became of one message in one batch. An empty outcome with no error is a redelivery: it was recorded before. A vote
// that takes another's place is Replaced: there is one ballot as before, and one message more that was replaced.
type recorded struct {
	outcome Outcome
	err     error
}

// Handle records one batch and names the messages that must come again. It returns no error: a batch with a fault of
// the infrastructure has failed messages, and one with broken messages has ledger entries.
func (r *Recorder) Handle(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
	ctx, cancel := clock.ToAnswer(ctx)
	defer cancel()
	window, err := r.InForce.InForce(ctx)
	if err != nil {
		return r.failAll(ctx, event, err), nil
	}
	sealed, sealErr := r.sealed(ctx, window)
	messages := r.judge(window, event, sealed)
	results := r.record(ctx, window, messages, sealErr)

	var batch Tally
	var said report
	now := r.Clock.Now()
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i, result := range results {
		message := &messages[i]
		switch {
		case result.err != nil:
			said.failed++
			failure := events.SQSBatchItemFailure{ItemIdentifier: message.id}
			if !slices.Contains(response.BatchItemFailures, failure) {
				response.BatchItemFailures = append(response.BatchItemFailures, failure)
			}
			if said.failed == 1 { // One line for a batch: they share their cause.
				r.Log.ErrorContext(ctx, "record a message", "message", message.id, "error", result.err)
			}
		case result.outcome == "":
			said.redelivered++
		default:
			batch.of(message.verdict.Rehearsal).add(result.outcome, message.verdict.Choice)
			if !message.sent.IsZero() {
				said.delay = max(said.delay, now.Sub(message.sent))
			}
		}
	}
	said.counts = batch.Real
	r.tell(ctx, window, batch, said, len(event.Records))
	return response, nil
}

// failAll lets a batch come again of which nobody knows what it is.
func (r *Recorder) failAll(ctx context.Context, event events.SQSEvent, cause error) events.SQSEventResponse {
	r.Log.ErrorContext(ctx, "record a batch", "error", cause)
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, record := range event.Records {
		response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
	}
	r.tell(ctx, r.Judge.Window, Tally{}, report{failed: len(event.Records)}, len(event.Records))
	return response
}

// sealed says whether ballots may no longer be made. It is asked only when that can be, which is after grace.
func (r *Recorder) sealed(ctx context.Context, window Window) (bool, error) {
	if r.Clock.Now().Before(window.graceEnds()) {
		return false, nil
	}
	state, err := r.Store.WindowState(ctx)
	if err != nil {
		return false, fmt.Errorf("read the window's state: %w", err)
	}
	return state.SealedFor(window.ClosesAt), nil
}

// judge classifies the messages of a batch and puts them in order: by sent time, then id.
func (r *Recorder) judge(window Window, event events.SQSEvent, sealed bool) []message {
	messages := make([]message, len(event.Records))
	for i := range event.Records {
		record := &event.Records[i]
		sent := sentTime(record.Attributes)
		verdict := r.Judge.Classify(window, record.Body, sent)
		if sealed && verdict.counts() && !verdict.Rehearsal {
			verdict.Outcome, verdict.Reason = Late, ReasonAfterFinal
		}
		received, err := strconv.Atoi(record.Attributes["ApproximateReceiveCount"])
		if err != nil {
			received = 0
		}
		messages[i] = message{id: record.MessageId, sent: sent, received: received, verdict: verdict}
	}
	slices.SortStableFunc(messages, func(a, b message) int {
		return cmp.Or(a.sent.Compare(b.sent), cmp.Compare(a.id, b.id))
	})
	return messages
}

// sentTime is when SQS took a message, or the zero time where it does not say.
func sentTime(attributes map[string]string) time.Time {
	millis, err := strconv.ParseInt(attributes["SentTimestamp"], 10, 64)
	if err != nil || millis <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}

// record writes the messages: those of one voter one after the other, in their order, those of different voters at the same time.
// sealErr is why it is not known whether ballots may be made.
func (r *Recorder) record(ctx context.Context, window Window, messages []message, sealErr error) []recorded {
	results := make([]recorded, len(messages))
	// The messages of one voter, and those of one id, which SQS might hand out twice in one batch, are one run.
	runs := make([][]int, 0, len(messages))
	runOf := make(map[string]int, len(messages))
	for i := range messages {
		key := messages[i].verdict.Voter
		if key == "" {
			key = messages[i].id
		}
		run, found := runOf[key]
		if !found {
			run = len(runs)
			runOf[key] = run
			runs = append(runs, nil)
		}
		runs[run] = append(runs[run], i)
	}

	if sealErr == nil {
		r.insertFirst(ctx, messages)
	}
	next := make(chan []int)
	var workers sync.WaitGroup
	for range min(recordAtOnce, len(runs)) {
		workers.Go(func() {
			for run := range next {
				for _, i := range run {
					results[i] = r.recordOne(ctx, window, messages[i], sealErr)
				}
			}
		})
	}
	for _, run := range runs {
		next <- run
	}
	close(next)
	workers.Wait()
	return results
}

// recordOne records one message, by the rules that Recorder states.
func (r *Recorder) recordOne(ctx context.Context, window Window, message message, sealErr error) (result recorded) {
	defer func() {
		// A fault in this program on one message must not take the batch along: it goes to the dead-letter queue alone.
		if cause := recover(); cause != nil {
			result = recorded{err: fmt.Errorf("panic: %v", cause)}
		}
	}()
	if !message.verdict.counts() {
		return r.refuse(ctx, message)
	}
	if sealErr != nil {
		return recorded{err: sealErr}
	}
	if message.inserted == dynamodb.Inserted {
		return recorded{outcome: message.verdict.Outcome}
	}
	if message.received != 1 {
		known, err := r.Store.HasEntry(ctx, message.id)
		if err != nil {
			return recorded{err: fmt.Errorf("read ledger entry: %w", err)}
		}
		if known {
			return recorded{}
		}
	}
	if window.replaces() {
		return r.revote(ctx, message)
	}
	for slot := range window.slots() {
		standing, err := r.place(ctx, r.Judge.ballot(message, slot), slot == 0 && message.inserted == dynamodb.Taken)
		switch {
		case err != nil:
			return recorded{err: fmt.Errorf("put ballot: %w", err)}
		case standing == nil:
			return recorded{outcome: message.verdict.Outcome}
		case standing.Message == message.id:
			return recorded{}
		}
	}
	if result, known := r.knownFrom(ctx, message, window.slots()); known {
		return result
	}
	return r.put(ctx, r.Judge.entry(message, Duplicate, ReasonSecondVote))
}

// replaceAttempts bounds how often a vote is compared anew because another vote of its voter came in between. Each time the one
// that stands is greater, so this ends by itself but where somebody sends without pause.
const replaceAttempts = 10

// revote records a vote where the latest of a voter stands.
func (r *Recorder) revote(ctx context.Context, message message) recorded {
	ballot := r.Judge.ballot(message, 0)
	for attempt := range replaceAttempts {
		standing, err := r.place(ctx, ballot, attempt == 0 && message.inserted == dynamodb.Taken)
		switch {
		case err != nil:
			return recorded{err: fmt.Errorf("put ballot: %w", err)}
		case standing == nil:
			return recorded{outcome: message.verdict.Outcome}
		case standing.Message == message.id:
			return recorded{}
		}
		if attempt == 0 {
			if result, known := r.knownFrom(ctx, message, 1); known {
				return result
			}
		}
		if !ballot.follows(*standing) {
			return r.put(ctx, r.Judge.entry(message, Replaced, ReasonLaterVote))
		}
		replaced, err := r.Store.ReplaceBallot(ctx, ballot, Entry{
			Message: standing.Message, Outcome: Replaced, Reason: ReasonLaterVote, Sent: standing.Sent, Answer: standing.Answer,
			Voter: message.verdict.Voter, Rehearsal: standing.Rehearsal, Expires: standing.Expires,
		})
		var canceled *dynamodb.TransactionCanceledException
		switch {
		case replaced:
			return recorded{outcome: Replaced}
		case errors.As(err, &canceled) && attempt < replaceAttempts-1 && r.later(ctx, attempt):
		case err != nil:
			return recorded{err: fmt.Errorf("replace ballot: %w", err)}
		}
	}
	return recorded{err: fmt.Errorf("put ballot: other votes of this voter came %d times in between", replaceAttempts)}
}

// later waits after an attempt at a transaction that was canceled though its conditions held: it met another one, or the table was too busy. Nothing
// was written, and no client tries it again. It returns false where the time is over.
func (r *Recorder) later(ctx context.Context, attempt int) bool {
	return clock.Wait(ctx, r.Clock, min(patience.First<<attempt, patience.Most)) == nil
}

// knownFrom looks whether a message that came before is a ballot in a slot that the window no longer has.
func (r *Recorder) knownFrom(ctx context.Context, message message, slot int) (result recorded, known bool) {
	if message.received == 1 {
		return recorded{}, false
	}
	stands, err := r.stands(ctx, message, message.verdict.Vote.Question, slot)
	return recorded{err: err}, stands || err != nil
}

// stands says whether a message is a ballot of its voter's on a question, in this slot or a later one. Slots fill in order: the
// first free one ends the search.
func (r *Recorder) stands(ctx context.Context, message message, question string, slot int) (bool, error) {
	for ; slot < MaxVotesPerVoter; slot++ {
		standing, err := r.Store.Ballot(ctx, BallotKey(message.verdict.Voter, question, slot, message.verdict.Vote.Rehearsal))
		switch {
		case err != nil:
			return false, fmt.Errorf("read ballot: %w", err)
		case standing == nil:
			return false, nil
		case standing.Message == message.id:
			return true, nil
		}
	}
	return false, nil
}

// refuse records a message as late or rejected, unless it was counted before.
func (r *Recorder) refuse(ctx context.Context, message message) recorded {
	verdict := message.verdict
	questions := []string{verdict.Vote.Question}
	switch {
	case verdict.Voter == "", verdict.Vote.Question != "" && !validID(verdict.Vote.Question):
		questions = nil // It never was a vote.
	case verdict.Vote.Question == "":
		questions = r.Judge.ids
	}
	for _, question := range questions {
		stands, err := r.stands(ctx, message, question, 0)
		if err != nil || stands {
			return recorded{err: err}
		}
	}
	return r.put(ctx, r.Judge.entry(message, verdict.Outcome, verdict.Reason))
}

// put writes a message's ledger entry.
func (r *Recorder) put(ctx context.Context, entry Entry) recorded {
	written, err := r.Store.PutEntry(ctx, entry)
	switch {
	case err != nil:
		return recorded{err: fmt.Errorf("put ledger entry: %w", err)}
	case !written:
		return recorded{}
	}
	return recorded{outcome: entry.Outcome}
}
