package votingwindow

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// Status is what a viewer is told about the figures.
type Status string

// The statuses, in order. From closing until final the figures are provisional.
const (
	StatusWaiting     Status = "waiting"     // Before the opening.
	StatusOpen        Status = "open"        // Votes count.
	StatusClosing     Status = "closing"     // Closed, in grace.
	StatusProvisional Status = "provisional" // After grace, not yet counted for good.
	StatusFinal       Status = "final"       // Counted from the ballots themselves.
)

func statusOf(now time.Time, window Window, state State) Status {
	switch {
	case state.ClosesAt.Equal(window.ClosesAt) && state.Phase == PhaseFinal:
		return StatusFinal
	case now.Before(window.OpensAt):
		return StatusWaiting
	case now.Before(window.ClosesAt):
		return StatusOpen
	case now.Before(window.graceEnds()):
		return StatusClosing
	default:
		return StatusProvisional
	}
}

// Results is results.json: what the page shows. Times are RFC 3339 in UTC.
type Results struct {
	Status   Status           `json:"status"`
	AsOf     string           `json:"as_of"`
	OpensAt  string           `json:"opens_at"`
	ClosesAt string           `json:"closes_at"`
	Total    int64            `json:"total"`
	Answers  map[string]int64 `json:"answers"`
	Version  int64            `json:"version"` // Greater at each publication.
}

// LedgerSummary is ledger.json: what became of the accepted messages. Times are RFC 3339 in UTC.
type LedgerSummary struct {
	Status      Status `json:"status"`
	AsOf        string `json:"as_of"`
	Accepted    int64  `json:"accepted"` // Counted + duplicate + late + rejected.
	Counted     int64  `json:"counted"`
	Duplicate   int64  `json:"duplicate"`
	Late        int64  `json:"late"`
	Rejected    int64  `json:"rejected"`
	DeadLetters int64  `json:"dead_letters"` // Messages in the dead-letter queue, approximately; -1 where it could not be read.
	Exact       bool   `json:"exact"`        // Counted from the tables; else lower bounds from the workers.
	LiveTotal   int64  `json:"live_total"`   // What the live figures say, or said at the end.
	Difference  int64  `json:"difference"`   // Counted - LiveTotal: by how much the live figures lagged.
}

func results(now time.Time, window Window, status Status, counts Counts, version int64) Results {
	counts = counts.withAnswers(window.Answers)
	return Results{
		Status: status, AsOf: clockText(now), OpensAt: clockText(window.OpensAt), ClosesAt: clockText(window.ClosesAt),
		Total: counts.Counted(), Answers: counts.Answers, Version: version,
	}
}

func ledgerSummary(now time.Time, status Status, counts Counts, liveTotal, deadLetters int64) LedgerSummary {
	return LedgerSummary{
		Status: status, AsOf: clockText(now),
		Accepted: counts.Accepted(), Counted: counts.Counted(), Duplicate: counts.Duplicate, Late: counts.Late, Rejected: counts.Rejected,
		DeadLetters: deadLetters, Exact: status == StatusFinal, LiveTotal: liveTotal, Difference: counts.Counted() - liveTotal,
	}
}

// says reports whether two results tell a viewer the same, whenever they were published.
func (r Results) says(other Results) bool {
	return r.Status == other.Status && r.OpensAt == other.OpensAt && r.ClosesAt == other.ClosesAt &&
		r.Total == other.Total && maps.Equal(r.Answers, other.Answers)
}

// readResults reads results.json; one that cannot be read, or of another closing time, is as good as none, but its version.
func readResults(object []byte, window Window) (found Results, same bool) {
	if err := json.Unmarshal(object, &found); err != nil {
		return Results{}, false
	}
	return found, found.ClosesAt == clockText(window.ClosesAt)
}

func encodeObject(object any) ([]byte, error) {
	encoded, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encode object: %w", err)
	}
	return encoded, nil
}
