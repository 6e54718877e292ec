// Package votingwindow is the domain and the functions of a voting window: intake takes votes to the queue, recorder
// makes them ballots, publisher shows the results and closes the window, recount counts again.
//
// The unit is the SQS message. Each accepted message ends as exactly one of counted, duplicate, late and
// rejected: as a ballot, keyed by voter, or as a ledger entry, keyed by message id. Both are written once, by
// conditional write, and never changed.
package votingwindow

import (
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Key attributes of the three tables, all of type string.
const (
	BallotsKey = "voter"   // The ballots table: one item per voter who counts.
	LedgerKey  = "message" // The ledger table: one item per message that does not count.
	TalliesKey = "id"      // The tallies table: worker counters, the window's state, the publisher's lease.
)

// Object keys in the results bucket.
const (
	ResultsObject = "results.json" // Public: the figures that the page shows.
	LedgerObject  = "ledger.json"  // Private: what became of the accepted messages.
	WindowObject  = "window.json"  // Public: the page's own configuration, which the provider writes.
)

// MaxVoteBytes bounds a vote's JSON as it arrives, in bytes. SQS bills by 64 KB; a small door keeps junk cheap.
const MaxVoteBytes = 2048

// MaxVoterBytes bounds a voter identifier, in bytes.
const MaxVoterBytes = 128

// Base names the system that a function belongs to.
type Base struct {
	System string `env:"SYSTEM,required,notEmpty"` // The kind of system: "voting_window".
	Name   string `env:"NAME,required,notEmpty"`   // The system's name.
}

// Window says when votes count and which.
type Window struct {
	OpensAt      time.Time     `env:"OPENS_AT,required,notEmpty"`  // The first moment of votes that count.
	ClosesAt     time.Time     `env:"CLOSES_AT,required,notEmpty"` // The first moment of votes that are late.
	Grace        time.Duration `env:"GRACE"`                       // After ClosesAt: trailing votes are taken and processed.
	VoterPattern string        `env:"VOTER_PATTERN"`               // RE2, matching a voter identifier as a whole; empty for any.
	Answers      []string      `env:"ANSWERS,required,notEmpty"`   // Identifiers of the answers.
}

// IntakeConfig is the configuration of intake.
type IntakeConfig struct {
	Base
	Window
	QueueURL string `env:"QUEUE_URL,required,notEmpty"`
}

// RecorderConfig is the configuration of recorder.
type RecorderConfig struct {
	Base
	Window
	BallotsTable string `env:"BALLOTS_TABLE,required,notEmpty"`
	LedgerTable  string `env:"LEDGER_TABLE,required,notEmpty"`
	TalliesTable string `env:"TALLIES_TABLE,required,notEmpty"`
}

// PublisherConfig is the configuration of publisher.
type PublisherConfig struct {
	Base
	Window
	QueueURL        string        `env:"QUEUE_URL,required,notEmpty"`
	DeadLetterURL   string        `env:"DEAD_LETTER_URL,required,notEmpty"`
	BallotsTable    string        `env:"BALLOTS_TABLE,required,notEmpty"`
	LedgerTable     string        `env:"LEDGER_TABLE,required,notEmpty"`
	TalliesTable    string        `env:"TALLIES_TABLE,required,notEmpty"`
	ResultsBucket   string        `env:"RESULTS_BUCKET,required,notEmpty"`
	MappingID       string        `env:"MAPPING_ID,required,notEmpty"` // The event source mapping from queue to recorder: its UUID.
	RecorderTimeout time.Duration `env:"RECORDER_TIMEOUT,required"`    // The recorder function's time-out.
	PublishEvery    time.Duration `env:"PUBLISH_EVERY,required"`       // How often results are published while the window is live.
}

// RecountConfig is the configuration of recount.
type RecountConfig struct {
	Base
	Window
	BallotsTable string `env:"BALLOTS_TABLE,required,notEmpty"`
	LedgerTable  string `env:"LEDGER_TABLE,required,notEmpty"`
	TalliesTable string `env:"TALLIES_TABLE,required,notEmpty"`
}

// graceEnds is when votes are refused and the window begins to drain.
func (w Window) graceEnds() time.Time { return w.ClosesAt.Add(w.Grace) }

// Rules judge votes by a window.
type Rules struct {
	Window
	voter   *regexp.Regexp // nil where any identifier will do.
	answers map[string]bool
}

// NewRules compiles the rules of a window, or says what is wrong with it. Its times are taken to the millisecond, as SQS tells
// when a message was sent and as the tables keep them.
func NewRules(window Window) (*Rules, error) {
	window.OpensAt, window.ClosesAt = window.OpensAt.UTC().Truncate(time.Millisecond), window.ClosesAt.UTC().Truncate(time.Millisecond)
	rules := &Rules{Window: window, answers: make(map[string]bool, len(window.Answers))}
	var faults []error
	if !window.OpensAt.Before(window.ClosesAt) {
		faults = append(faults, fmt.Errorf("closes at %s, not after it opens at %s", clockText(window.ClosesAt), clockText(window.OpensAt)))
	}
	if window.Grace < 0 {
		faults = append(faults, fmt.Errorf("grace of %s is negative", window.Grace))
	}
	if len(window.Answers) == 0 {
		faults = append(faults, errors.New("there are no answers"))
	}
	for _, answer := range window.Answers {
		if answer == "" || rules.answers[answer] {
			faults = append(faults, fmt.Errorf("answer %q is empty or there twice", answer))
		}
		rules.answers[answer] = true
	}
	if window.VoterPattern != "" {
		// Alone first: a pattern such as `a)|(b` compiles only between the anchors, and escapes them.
		if _, err := regexp.Compile(window.VoterPattern); err != nil {
			faults = append(faults, fmt.Errorf("compile voter pattern: %w", err))
		} else if rules.voter, err = regexp.Compile(`^(?:` + window.VoterPattern + `)$`); err != nil {
			faults = append(faults, fmt.Errorf("compile voter pattern as a whole match: %w", err))
		}
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("read window: %w", errors.Join(faults...))
	}
	return rules, nil
}

// clockText writes a moment as all answers and objects do: RFC 3339 in UTC.
func clockText(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }
