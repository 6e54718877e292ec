package votingwindow

import (
	"context"
	"fmt"

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
		return r.Store.InsertBallots(ctx, ballots)
	}()
	if err != nil {
		r.Log.WarnContext(ctx, "insert ballots", "error", err)
	}
	for i := range done {
		messages[of[i]].inserted = done[i]
	}
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
