package votingwindow

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ExportRow is a line of an export, in two forms that say the same.
type ExportRow interface {
	// Count adds the row to the figures.
	Count(counts *Counts)
	cells() []string
}

// BallotRow is a line of the ballots' files.
type BallotRow struct {
	Question   string `json:"question"`
	Answer     string `json:"answer"`
	Message    string `json:"message"`              // The id of its SQS message, which the voter was told.
	Sent       string `json:"sent"`                 // When SQS took it, RFC 3339 in UTC.
	Voter      string `json:"voter,omitempty"`      // Hashed; left out under IdentifiersNone.
	Slot       int    `json:"slot,omitempty"`       // The first of a voter's ballots on a question has none.
	Address    string `json:"address,omitempty"`    // Hashed; left out under IdentifiersNone, and where it is unknown.
	Quarantine string `json:"quarantine,omitempty"` // The rule that keeps it out of the results.
	Released   string `json:"released,omitempty"`   // The rule that did, before an operator released it.
}

// BallotHeader and EntryHeader are the first lines of the CSV files.
var (
	BallotHeader = []string{"question", "answer", "message", "sent", "voter", "slot", "address", "quarantine", "released"}
	EntryHeader  = []string{"message", "outcome", "reason", "sent", "question", "answer", "voter"}
)

// EntryRow is a line of the ledger's files.
type EntryRow struct {
	Message  string  `json:"message"`
	Outcome  Outcome `json:"outcome"`
	Reason   Reason  `json:"reason,omitempty"`
	Sent     string  `json:"sent,omitempty"`
	Question string  `json:"question,omitempty"` // Question and answer only of a vote for an answer of the window.
	Answer   string  `json:"answer,omitempty"`
	Voter    string  `json:"voter,omitempty"` // Hashed; left out under IdentifiersNone, and for an identifier that breaks the rule.
}

func ballotRow(ballot Ballot) BallotRow {
	voter, _, slot, _ := SplitBallotKey(ballot.Key)
	question, answer, _ := strings.Cut(ballot.Answer, "/")
	return BallotRow{
		Question: question, Answer: answer, Message: ballot.Message, Sent: clockText(ballot.Sent), Voter: voter, Slot: slot,
		Address: ballot.Address, Quarantine: ballot.Quarantine, Released: ballot.Released,
	}
}

func entryRow(entry Entry) EntryRow {
	question, answer, _ := strings.Cut(entry.Answer, "/")
	row := EntryRow{
		Message: entry.Message, Outcome: entry.Outcome, Reason: entry.Reason, Question: question, Answer: answer, Voter: entry.Voter,
	}
	if !entry.Sent.IsZero() {
		row.Sent = clockText(entry.Sent)
	}
	return row
}

// Count adds the ballot to the figures.
func (r BallotRow) Count(counts *Counts) {
	counts.add(Ballot{Quarantine: r.Quarantine}.outcome(), Choice(r.Question, r.Answer))
	if r.Quarantine == "" && r.Released != "" {
		counts.Released++
	}
}

// Count adds the entry to the figures.
func (r EntryRow) Count(counts *Counts) { counts.add(r.Outcome, "") }

func (r BallotRow) cells() []string {
	slot := ""
	if r.Slot > 0 {
		slot = strconv.Itoa(r.Slot)
	}
	return []string{r.Question, r.Answer, r.Message, r.Sent, r.Voter, slot, r.Address, r.Quarantine, r.Released}
}

func (r EntryRow) cells() []string {
	return []string{r.Message, string(r.Outcome), string(r.Reason), r.Sent, r.Question, r.Answer, r.Voter}
}

// AppendJSON appends a row as a line of JSON.
func AppendJSON(line []byte, row ExportRow) ([]byte, error) {
	encoded, err := json.Marshal(row)
	if err != nil {
		return nil, fmt.Errorf("encode row: %w", err)
	}
	return append(append(line, encoded...), '\n'), nil
}

// CSVWriter writes rows as lines of CSV (RFC 4180, with \n at their ends).
//
// A cell that begins with one of = + - @, a tab, a carriage return or a line feed would be a formula to some spreadsheets, and a
// hash may well begin with -. Such a cell gets an apostrophe before it (OWASP, "CSV Injection"), and so does one that begins with an
// apostrophe: taking one apostrophe from every cell that begins with it gives what was there.
type CSVWriter struct {
	buffer bytes.Buffer
	csv    *csv.Writer
}

// Header gives the names of columns as a line, valid until the next call.
func (w *CSVWriter) Header(columns []string) ([]byte, error) { return w.line(slices.Clone(columns)) }

// Row gives a row as a line, valid until the next call.
func (w *CSVWriter) Row(row ExportRow) ([]byte, error) { return w.line(row.cells()) }

func (w *CSVWriter) line(cells []string) ([]byte, error) {
	if w.csv == nil {
		w.csv = csv.NewWriter(&w.buffer)
	}
	w.buffer.Reset()
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r\n'", rune(cell[0])) {
			cells[i] = "'" + cell
		}
	}
	if err := w.csv.Write(cells); err != nil {
		return nil, fmt.Errorf("encode row: %w", err)
	}
	w.csv.Flush()
	return w.buffer.Bytes(), nil
}
