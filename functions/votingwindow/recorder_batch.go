package votingwindow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// insertFirst inserts those votes of a batch that are the first for their place, and notes at each message what became of it. A message that
// was received before, or comes after another for its place, keeps its turn.
func (r *Recorder) insertFirst(ctx context.Context, messages []message) {
	ballots := make([]Ballot, 0, len(messages))
	of := make([]int, 0, len(messages))
	seen := make(map[string]bool, len(messages))
	done, err := func() (done []dynamodb.Insertion, err error) {
		defer func() {
			if cause := recover(); cause != nil { // recordOne finds out whose fault it is.
				err = fmt.Errorf("panic: %v", cause)
			}
		}()
		for i := range messages {
			message := &messages[i]
			if !message.verdict.counts() {
				continue
			}
			ballot := r.Judge.ballot(*message, 0)
			if first := !seen[ballot.Key]; first && message.received == 1 {
				ballots, of = append(ballots, ballot), append(of, i)
			}
			seen[ballot.Key] = true
		}
		if len(ballots) == 0 {
			return nil, nil
		}
		return r.insert(ctx, ballots)
	}()
	if err != nil {
		r.Log.WarnContext(ctx, "insert ballots", "error", err)
	}
	for i := range done {
		messages[of[i]].inserted = done[i]
	}
}

const (
	// busyFirst is how long a recorder waits for a table that was too busy for some ballots, twice as long each time, busyMost at most; busyFor is how
	// long in all, so that a recorder of a thousand still gets most of its batch into a new table, of 4,000 writes a second.
	busyFirst = 100 * time.Millisecond
	busyMost  = 2 * time.Second
	busyFor   = 12 * time.Second
	// busyRest of an invocation is for what is recorded by itself, which has three attempts in some three seconds.
	busyRest = 5 * time.Second
)

// insert makes ballots, again and again those for which the table is too busy for the moment. Sent back to the queue they would come again after its
// visibility time-out, minutes later, all at once, and after five times wait in the dead-letter queue: recorders that give up quickly go through the
// whole queue while the table takes a part of it.
func (r *Recorder) insert(ctx context.Context, ballots []Ballot) ([]dynamodb.Insertion, error) {
	done, err := r.Store.InsertBallots(ctx, ballots)
	until := r.Clock.Now().Add(busyFor)
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-busyRest).Before(until) {
		until = deadline.Add(-busyRest)
	}
	var busy *dynamodb.StatementError
	for wait := busyFirst; errors.As(err, &busy) && r.Clock.Now().Add(wait).Before(until); wait = min(2*wait, busyMost) {
		select {
		case <-r.Clock.After(wait):
		case <-ctx.Done():
			return done, err
		}
		var left []Ballot
		var of []int
		for i, insertion := range done {
			if insertion == dynamodb.Unknown {
				left, of = append(left, ballots[i]), append(of, i)
			}
		}
		var again []dynamodb.Insertion
		again, err = r.Store.InsertBallots(ctx, left)
		for i, insertion := range again {
			done[of[i]] = insertion
		}
	}
	return done, err
}

// place makes a ballot unless its key has one: then it returns the one that stands, else nil. Where the key is known to be taken it
// reads what stands: a strongly consistent read costs a fifth of a second refused write (DynamoDB pricing, on-demand capacity).
func (r *Recorder) place(ctx context.Context, ballot Ballot, taken bool) (*Ballot, error) {
	if taken {
		if standing, err := r.Store.Ballot(ctx, ballot.Key); standing != nil || err != nil {
			return standing, err
		}
	}
	return r.Store.PutBallot(ctx, ballot)
}
