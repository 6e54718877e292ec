package votingwindow

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

// recordAtOnce bounds the voters whose messages one batch writes at the same time.
const recordAtOnce = 16

// answerMargin is kept back from the invocation's deadline, for the answer that says which messages failed: without an answer
// all of a batch would come again.
const answerMargin = time.Second

// RecorderStore is where a recorder writes. Every write is conditional, so that repeating one changes nothing.
type RecorderStore interface {
	// PutBallot makes a voter's ballot unless there is one: then it returns the message id of the one that stands, else "".
	PutBallot(ctx context.Context, ballot Ballot) (standing string, err error)
	// BallotMessage returns the message id of a voter's ballot, strongly consistent, or "".
	BallotMessage(ctx context.Context, voter string) (string, error)
	// PutEntry writes a ledger entry unless its message has one, and says whether it did.
	PutEntry(ctx context.Context, entry Entry) (written bool, err error)
	// HasEntry says whether a message has a ledger entry, strongly consistent.
	HasEntry(ctx context.Context, message string) (bool, error)
	// PutCounters replaces a worker's counters.
	PutCounters(ctx context.Context, worker string, counts Counts) error
	// WindowState returns the window's state, strongly consistent; the zero State where there is none.
	WindowState(ctx context.Context) (State, error)
}

// Recorder makes ballots and ledger entries of messages.
//
// What keeps a message from becoming both, or two of one, whatever is redelivered in whatever order, though closing time,
// pattern or answers change between deliveries:
//
//  1. Ballots and entries are never changed or deleted.
//  2. On its way to the ledger as late or rejected, a message that names a voter looks whether it is that voter's ballot. So what
//     was counted stays counted, also after sealing. As a duplicate it need not look: the ballot that stands is
//     another's, for ever.
//  3. On its way to becoming a ballot, a message that was received before looks whether it is in the ledger. So what was late stays
//     late, though the window was extended.
//
// A vote that counts costs one write and no read. Rule 3 alone leans on ApproximateReceiveCount, and only to notice a message
// that was ledgered under an older configuration: assumed is that SQS does not report 1 for a message that a recorder had to its
// end and failed to delete. While the configuration stands, a message judged twice is judged alike, and no rule
// needs the count. Deliveries of one message follow each other: the visibility timeout is longer than the function's
// time-out; should SQS hand out two copies at once, they too are judged alike unless two configurations are
// running at that moment.
type Recorder struct {
	Rules   *Rules
	Store   RecorderStore
	Clock   Clock
	Worker  string // A random id of this execution environment.
	Log     *slog.Logger
	Metrics *telemetry.Metrics

	mu     sync.Mutex
	counts Counts // All that this environment recorded, in its life.
}

// message is one SQS message, judged.
type message struct {
	id       string
	sent     time.Time
	received int // How many times, as SQS reckons; zero where it does not say.
	verdict  Verdict
}

// recorded is what became of one message in one batch. An empty outcome with no error is a redelivery: it was recorded before.
type recorded struct {
	id      string
	outcome Outcome
	answer  string
	err     error
}

// Handle records one batch and names the messages that must come again. It returns no error: a batch with a fault of
// the infrastructure has failed messages, and one with broken messages has ledger entries.
func (r *Recorder) Handle(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-answerMargin))
		defer cancel()
	}
	sealed, sealErr := r.sealed(ctx)
	results := r.record(ctx, r.judge(event, sealed), sealErr)

	var batch Counts
	var failed, redelivered int
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, result := range results {
		switch {
		case result.err != nil:
			failed++
			failure := events.SQSBatchItemFailure{ItemIdentifier: result.id}
			if !slices.Contains(response.BatchItemFailures, failure) {
				response.BatchItemFailures = append(response.BatchItemFailures, failure)
			}
			if failed == 1 { // One line for a batch: they share their cause.
				r.Log.ErrorContext(ctx, "record a message", "message", result.id, "error", result.err)
			}
		case result.outcome == "":
			redelivered++
		default:
			batch.add(result.outcome, result.answer)
		}
	}
	r.keepCounters(ctx, batch)
	r.emit(ctx, batch, failed, redelivered)
	return response, nil
}

// sealed says whether ballots may no longer be made. It is asked only when that can be, which is after grace.
func (r *Recorder) sealed(ctx context.Context) (bool, error) {
	if r.Clock.Now().Before(r.Rules.graceEnds()) {
		return false, nil
	}
	state, err := r.Store.WindowState(ctx)
	if err != nil {
		return false, fmt.Errorf("read the window's state: %w", err)
	}
	return state.SealedFor(r.Rules.ClosesAt), nil
}

// judge classifies the messages of a batch and puts them in order: by sent time, then id.
func (r *Recorder) judge(event events.SQSEvent, sealed bool) []message {
	messages := make([]message, len(event.Records))
	for i, record := range event.Records {
		sent := sentTime(record.Attributes)
		verdict := r.Rules.Classify(record.Body, sent)
		if sealed && verdict.Outcome == Counted {
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
func (r *Recorder) record(ctx context.Context, messages []message, sealErr error) []recorded {
	results := make([]recorded, len(messages))
	// The messages of one voter, and those of one id, which SQS might hand out twice in one batch, are one run.
	runs := make([][]int, 0, len(messages))
	runOf := make(map[string]int, len(messages))
	for i, message := range messages {
		key := "voter " + message.verdict.Vote.Voter
		if message.verdict.Vote.Voter == "" {
			key = "message " + message.id
		}
		run, found := runOf[key]
		if !found {
			run = len(runs)
			runOf[key] = run
			runs = append(runs, nil)
		}
		runs[run] = append(runs[run], i)
	}

	next := make(chan []int)
	var workers sync.WaitGroup
	for range min(recordAtOnce, len(runs)) {
		workers.Go(func() {
			for run := range next {
				for _, i := range run {
					results[i] = r.recordOne(ctx, messages[i], sealErr)
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
func (r *Recorder) recordOne(ctx context.Context, message message, sealErr error) (result recorded) {
	result = recorded{id: message.id}
	defer func() {
		// A fault in this program on one message must not take the batch along: it goes to the dead-letter queue alone.
		if cause := recover(); cause != nil {
			result = recorded{id: message.id, err: fmt.Errorf("panic: %v", cause)}
		}
	}()
	verdict := message.verdict
	if verdict.Outcome != Counted {
		return r.ledger(ctx, message, verdict)
	}
	if sealErr != nil {
		return recorded{id: message.id, err: sealErr}
	}
	if message.received != 1 {
		known, err := r.Store.HasEntry(ctx, message.id)
		if err != nil {
			return recorded{id: message.id, err: fmt.Errorf("read ledger entry: %w", err)}
		}
		if known {
			return result
		}
	}
	standing, err := r.Store.PutBallot(ctx, Ballot{
		Voter: verdict.Vote.Voter, Answer: verdict.Vote.Answer, Message: message.id, Sent: message.sent,
	})
	switch {
	case err != nil:
		result.err = fmt.Errorf("put ballot: %w", err)
	case standing == "":
		result.outcome, result.answer = Counted, verdict.Vote.Answer
	case standing != message.id:
		verdict.Outcome, verdict.Reason = Duplicate, ReasonSecondVote
		return r.ledger(ctx, message, verdict)
	}
	return result
}

// ledger records a message that does not count, unless it was counted before.
func (r *Recorder) ledger(ctx context.Context, message message, verdict Verdict) recorded {
	result := recorded{id: message.id}
	voter := verdict.Vote.Voter
	if verdict.Outcome != Duplicate && voter != "" && len(voter) <= MaxVoterBytes {
		standing, err := r.Store.BallotMessage(ctx, voter)
		if err != nil {
			result.err = fmt.Errorf("read ballot: %w", err)
			return result
		}
		if standing == message.id {
			return result
		}
	}
	written, err := r.Store.PutEntry(ctx, r.Rules.entry(message.id, message.sent, verdict))
	switch {
	case err != nil:
		result.err = fmt.Errorf("put ledger entry: %w", err)
	case written:
		result.outcome = verdict.Outcome
	}
	return result
}

// keepCounters adds a batch to this worker's counters and writes them. They are cumulative: a write that failed is healed by the next, and one that is
// repeated changes nothing. They are lower bounds of the truth, which the tables hold: a worker
// that dies between a ballot and its counters never counts it.
func (r *Recorder) keepCounters(ctx context.Context, batch Counts) {
	if batch.Accepted() == 0 {
		return
	}
	r.mu.Lock() // Also across the write: an older figure must not land after a newer one.
	defer r.mu.Unlock()
	r.counts = r.counts.Plus(batch)
	if err := r.Store.PutCounters(ctx, r.Worker, r.counts); err != nil {
		r.Log.WarnContext(ctx, "write worker counters", "error", err)
	}
}

func (r *Recorder) emit(ctx context.Context, batch Counts, failed, redelivered int) {
	count := func(name string, value int64) telemetry.Metric {
		return telemetry.Metric{Name: name, Unit: telemetry.Count, Value: float64(value)}
	}
	err := r.Metrics.Emit(r.Clock.Now(),
		count("Counted", batch.Counted()), count("Duplicate", batch.Duplicate), count("Late", batch.Late),
		count("Rejected", batch.Rejected), count("Failed", int64(failed)), count("Redelivered", int64(redelivered)))
	if err != nil {
		r.Log.WarnContext(ctx, "emit metrics", "error", err)
	}
}
