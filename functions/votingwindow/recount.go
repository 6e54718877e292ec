package votingwindow

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
)

// Tables counts what the tables hold.
type Tables interface {
	// CountBallots returns the number of ballots by answer. Only a strongly consistent count has every ballot
	// that was written before it began.
	CountBallots(ctx context.Context, consistent bool) (map[string]int64, error)
	// CountLedger returns the number of entries by outcome, strongly consistent.
	CountLedger(ctx context.Context) (map[string]int64, error)
}

// RecountStore is what recount reads.
type RecountStore interface {
	Tables
	WindowState(ctx context.Context) (State, error)
	// Counters returns the sum of all workers' counters.
	Counters(ctx context.Context) (Counts, error)
}

// Recount counts ballots and ledger again, at any time, and compares them with what was published.
type Recount struct {
	Rules *Rules
	Store RecountStore
	Clock Clock
}

// Recounted is recount's answer.
type Recounted struct {
	Figures
	// Published is the final figures where the window is final, else the workers' live counters.
	Published Figures `json:"published"`
	Status    Status  `json:"status"`
	// Agrees is, of a final window, whether every answer has the ballots that were published, and the ledger has no less than it had
	// then (what surfaces later is added to it); of a live one, whether no live figure is above the truth.
	Agrees bool   `json:"agrees"`
	AsOf   string `json:"as_of"` // When the count began.
}

// Figures is a set of figures that add up: accepted = counted + duplicate + late + rejected.
type Figures struct {
	Answers   map[string]int64 `json:"answers"`
	Accepted  int64            `json:"accepted"`
	Counted   int64            `json:"counted"`
	Duplicate int64            `json:"duplicate"`
	Late      int64            `json:"late"`
	Rejected  int64            `json:"rejected"`
}

func figures(counts Counts) Figures {
	return Figures{
		Answers: counts.Answers, Accepted: counts.Accepted(), Counted: counts.Counted(),
		Duplicate: counts.Duplicate, Late: counts.Late, Rejected: counts.Rejected,
	}
}

// Handle counts. The event is not looked at: `{}` will do.
func (r *Recount) Handle(ctx context.Context, _ json.RawMessage) (Recounted, error) {
	asOf := r.Clock.Now()
	state, err := r.Store.WindowState(ctx)
	if err != nil {
		return Recounted{}, fmt.Errorf("read the window's state: %w", err)
	}
	status := statusOf(asOf, r.Rules.Window, state)
	published := state.Final
	if status != StatusFinal {
		// Before the count, so that they are not above it for having been read later.
		if published, err = r.Store.Counters(ctx); err != nil {
			return Recounted{}, fmt.Errorf("read worker counters: %w", err)
		}
	}
	truth, err := countTables(ctx, r.Store)
	if err != nil {
		return Recounted{}, err
	}
	truth, published = truth.withAnswers(r.Rules.Answers), published.withAnswers(r.Rules.Answers)
	agrees := noMore(published, truth)
	if status == StatusFinal {
		agrees = agrees && published.sameAnswers(truth)
	}
	return Recounted{Figures: figures(truth), Published: figures(published), Status: status, Agrees: agrees, AsOf: clockText(asOf)}, nil
}

// noMore says whether no figure of low is above that of high.
func noMore(low, high Counts) bool {
	most := high.AtLeast(low)
	return most.sameAnswers(high) && most.Duplicate == high.Duplicate && most.Late == high.Late && most.Rejected == high.Rejected
}

// countTables counts ballots and ledger, both strongly consistent and at the same time.
func countTables(ctx context.Context, tables Tables) (Counts, error) {
	var ballots, ledger map[string]int64
	var ballotsErr, ledgerErr error
	var both sync.WaitGroup
	both.Go(func() { ballots, ballotsErr = tables.CountBallots(ctx, true) })
	both.Go(func() { ledger, ledgerErr = tables.CountLedger(ctx) })
	both.Wait()
	if ballotsErr != nil {
		return Counts{}, fmt.Errorf("count ballots: %w", ballotsErr)
	}
	if ledgerErr != nil {
		return Counts{}, fmt.Errorf("count ledger: %w", ledgerErr)
	}
	return ledgerCounts(ballots, ledger), nil
}
