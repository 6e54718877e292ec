package votingwindow

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
)

// Tables counts what the tables hold.
type Tables interface {
	// CountBallots counts the ballots. Only a strongly consistent count has every ballot that was written before it began.
	CountBallots(ctx context.Context, consistent bool) (Tally, error)
	// CountLedger counts the ledger's entries, strongly consistent.
	CountLedger(ctx context.Context) (Tally, error)
}

// RecountStore is what recount reads.
type RecountStore interface {
	Tables
	ControlStore
	WindowState(ctx context.Context) (State, error)
	// Counters returns the sum of all workers' counters, of the real votes or of the rehearsal's.
	Counters(ctx context.Context, rehearsal bool) (Counts, error)
}

// Recount counts ballots and ledger again, at any time, and compares them with what was published.
type Recount struct {
	Rules *Rules
	Store RecountStore
	Clock clock.Clock
}

// Recounted is recount's answer.
type Recounted struct {
	Figures
	// Published is the final figures where the window is final, else the workers' live counters, which have no answers where
	// revote is replace.
	Published Figures `json:"published"`
	Status    Status  `json:"status"`
	// Agrees is, of a final window, whether every answer has the ballots that were published, and the ledger has no less than it had
	// then (what surfaces later is added to it); of a live one, whether no live figure is above the truth.
	Agrees bool   `json:"agrees"`
	AsOf   string `json:"as_of"` // When the count began.
}

// Figures is a set of figures that add up: accepted = counted + quarantined + duplicate + replaced + late + rejected.
type Figures struct {
	Answers     map[string]int64 `json:"answers"` // By choice: `question/answer`.
	Accepted    int64            `json:"accepted"`
	Counted     int64            `json:"counted"`
	Quarantined int64            `json:"quarantined"`
	Duplicate   int64            `json:"duplicate"`
	Replaced    int64            `json:"replaced"`
	Late        int64            `json:"late"`
	Rejected    int64            `json:"rejected"`
	Released    int64            `json:"released"` // Of the counted, those that an operator released from quarantine.
}

func figures(counts Counts) Figures {
	return Figures{
		Answers: counts.Answers, Accepted: counts.Accepted(), Counted: counts.Counted(), Quarantined: counts.Quarantined,
		Duplicate: counts.Duplicate, Replaced: counts.Replaced, Late: counts.Late, Rejected: counts.Rejected, Released: counts.Released,
	}
}

// Handle counts. The event is not looked at: `{}` will do.
func (r *Recount) Handle(ctx context.Context, _ json.RawMessage) (Recounted, error) {
	asOf := r.Clock.Now()
	control, err := r.Store.ReadControl(ctx)
	if err != nil {
		return Recounted{}, fmt.Errorf("read the closing time in force: %w", err)
	}
	state, err := r.Store.WindowState(ctx)
	if err != nil {
		return Recounted{}, fmt.Errorf("read the window's state: %w", err)
	}
	status := statusOf(asOf, r.Rules.Effective(control), state)
	published := state.Final
	if status != StatusFinal {
		// Before the count, so that they are not above it for having been read later.
		if published, err = r.Store.Counters(ctx, false); err != nil {
			return Recounted{}, fmt.Errorf("read worker counters: %w", err)
		}
		published.Quarantined = 0 // A release may have taken from it.
	}
	truth, err := countTables(ctx, r.Store)
	if err != nil {
		return Recounted{}, err
	}
	truth, published = truth.withChoices(r.Rules.Choices()), published.withChoices(r.Rules.Choices())
	agrees := noMore(published, truth)
	if status == StatusFinal {
		agrees = agrees && published.sameAnswers(truth) && published.Quarantined == truth.Quarantined
	}
	return Recounted{Figures: figures(truth), Published: figures(published), Status: status, Agrees: agrees, AsOf: clockText(asOf)}, nil
}

// noMore says whether no figure of low is above that of high.
func noMore(low, high Counts) bool {
	most := high.AtLeast(low)
	for attribute, figure := range figuresOf(&most) {
		if *figure != *figuresOf(&high)[attribute] {
			return false
		}
	}
	return most.sameAnswers(high)
}

// countTables counts the real ballots and ledger entries, both strongly consistent and at the same time.
func countTables(ctx context.Context, tables Tables) (Counts, error) {
	var ballots, ledger Tally
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
	return ballots.Real.Plus(ledger.Real), nil
}
