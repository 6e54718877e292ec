package votingwindow

import (
	"context"
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
		return dynamodb.InsertPatiently(ctx, r.Clock, patience, ballots, r.Store.InsertBallots)
	}()
	if err != nil {
		r.Log.WarnContext(ctx, "insert ballots", "error", err)
	}
	for i := range done {
		messages[of[i]].inserted = done[i]
	}
}

// patience is for ballots for which the table is too busy: for so long that a recorder of a thousand still gets most of its batch into a new table, of 4,000 writes a
// second. Sent back to the queue they would come again after its visibility time-out, minutes later, all at once, and after five times wait in the dead-letter queue:
// recorders that give up quickly go through the whole queue while the table takes a part of it. The rest of an invocation is for what is recorded by itself, which has
// three attempts in some three seconds.
var patience = dynamodb.Patience{First: 100 * time.Millisecond, Most: 2 * time.Second, For: 12 * time.Second, Rest: 5 * time.Second}

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
