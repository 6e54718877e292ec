package votingwindow

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"
)

// Status is what a viewer is told about the figures.
type Status string

// The statuses, in order. From closing until final the figures are provisional.
const (
	StatusWaiting     Status = "waiting"     // Before the opening.
	StatusRehearsal   Status = "rehearsal"   // Before the opening, with the figures of a rehearsal.
	StatusOpen        Status = "open"        // Votes count.
	StatusClosing     Status = "closing"     // Closed, in grace.
	StatusProvisional Status = "provisional" // After grace, not yet counted for good.
	StatusFinal       Status = "final"       // Counted from the ballots themselves.
)

// statusOf is the status of a window with the closing time in force; whether there is a rehearsal is not looked at.
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

// Results is results.json: what the page shows. Times are RFC 3339 in UTC. Where the figures are kept back, Questions is nil, and the JSON
// has neither total nor questions.
type Results struct {
	Status    Status                     `json:"status"`
	AsOf      string                     `json:"as_of"`
	OpensAt   string                     `json:"opens_at"`
	ClosesAt  string                     `json:"closes_at"` // In force: an operator may have moved it.
	Total     int64                      `json:"total"`     // Of all questions.
	Questions map[string]QuestionResults `json:"questions"` // By id.
	Version   int64                      `json:"version"`   // Greater at each publication.
}

// QuestionResults is the figures of one question.
type QuestionResults struct {
	Total   int64            `json:"total"`
	Answers map[string]int64 `json:"answers"` // By id.
}

// MarshalJSON leaves out the figures where they are kept back.
func (r Results) MarshalJSON() ([]byte, error) {
	type plain Results
	if r.Questions != nil {
		return json.Marshal(plain(r))
	}
	return json.Marshal(struct {
		plain
		Total     *int64 `json:"total,omitempty"`
		Questions any    `json:"questions,omitempty"`
	}{plain: plain(r)})
}

// Answers is the figures by choice: `question/answer`.
func (r Results) Answers() map[string]int64 {
	answers := map[string]int64{}
	for question, results := range r.Questions {
		for answer, n := range results.Answers {
			answers[Choice(question, answer)] = n
		}
	}
	return answers
}

// LedgerSummary is ledger.json: what became of the accepted messages. Times are RFC 3339 in UTC.
type LedgerSummary struct {
	Status      Status `json:"status"`
	AsOf        string `json:"as_of"`
	Accepted    int64  `json:"accepted"` // Counted + quarantined + duplicate + replaced + late + rejected.
	Counted     int64  `json:"counted"`
	Quarantined int64  `json:"quarantined"`
	Duplicate   int64  `json:"duplicate"`
	Replaced    int64  `json:"replaced"`
	Late        int64  `json:"late"`
	Rejected    int64  `json:"rejected"`
	Released    int64  `json:"released"`     // Of the counted, those that an operator released from quarantine.
	DeadLetters int64  `json:"dead_letters"` // Messages in the dead-letter queue, approximately; -1 where it could not be read.
	Exact       bool   `json:"exact"`        // Counted from the tables; else lower bounds from the workers.
	LiveTotal   int64  `json:"live_total"`   // How many ballots, in quarantine or not, the live figures say there are, or said at the end.
	Difference  int64  `json:"difference"`   // Counted + quarantined - LiveTotal: by how much the live figures lagged.
}

// results has no figures where they are hidden.
func results(now time.Time, window Window, status Status, counts Counts, version int64, hidden bool) Results {
	public := Results{
		Status: status, AsOf: clockText(now), OpensAt: clockText(window.OpensAt), ClosesAt: clockText(window.ClosesAt), Version: version,
	}
	if hidden {
		return public
	}
	public.Questions = map[string]QuestionResults{}
	for choice, n := range counts.withChoices(window.Choices()).Answers {
		id, answer, _ := strings.Cut(choice, "/")
		question := public.Questions[id]
		if question.Answers == nil {
			question.Answers = map[string]int64{}
		}
		question.Answers[answer] += n
		question.Total += n
		public.Questions[id] = question
		public.Total += n
	}
	return public
}

// ResultsBytes is the size of a window's results while it is open, with as many votes for each answer.
func ResultsBytes(window Window, each int64) int {
	counts := Counts{Answers: map[string]int64{}}
	for _, choice := range window.Choices() {
		counts.Answers[choice] = each
	}
	const version = 1000 // Of so many digits: a round each five seconds for an hour and a half.
	encoded, err := encodeObject(results(window.ClosesAt.Add(-1), window, StatusOpen, counts, version, false))
	if err != nil {
		return 0 // Of texts and numbers alone there is no such error.
	}
	return len(encoded)
}

func ledgerSummary(now time.Time, status Status, counts Counts, liveTotal, deadLetters int64) LedgerSummary {
	return LedgerSummary{
		Status: status, AsOf: clockText(now),
		Accepted: counts.Accepted(), Counted: counts.Counted(), Quarantined: counts.Quarantined, Duplicate: counts.Duplicate,
		Replaced: counts.Replaced, Late: counts.Late, Rejected: counts.Rejected, Released: counts.Released,
		DeadLetters: deadLetters, Exact: status == StatusFinal, LiveTotal: liveTotal, Difference: counts.ballots() - liveTotal,
	}
}

// says reports whether two results tell a viewer the same, whenever they were published.
func (r Results) says(other Results) bool {
	return r.Status == other.Status && r.OpensAt == other.OpensAt && r.ClosesAt == other.ClosesAt &&
		r.Total == other.Total && (r.Questions == nil) == (other.Questions == nil) && maps.Equal(r.Answers(), other.Answers())
}

// ReadResults reads results.json; one that cannot be read is as good as none.
func ReadResults(object []byte) Results {
	var found Results
	if err := json.Unmarshal(object, &found); err != nil {
		return Results{}
	}
	return found
}

// stands says whether the figures of results are lower bounds of the present ones: of the same opening, and of real votes.
func (r Results) stands(window Window) bool {
	return r.OpensAt == clockText(window.OpensAt) && r.Status != StatusRehearsal
}

func encodeObject(object any) ([]byte, error) {
	encoded, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encode object: %w", err)
	}
	return encoded, nil
}
