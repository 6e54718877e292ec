// Package votingwindow is the domain and the functions of a voting window: intake takes votes to the queue, recorder
// makes them ballots, publisher shows the results and closes the window, recount counts again, quarantine lists and releases
// suspicious ballots, reset removes a rehearsal, control moves the closing time.
//
// The unit is the SQS message. Each accepted message ends as exactly one of counted, quarantined, duplicate, replaced, late and
// rejected: the first two are ballots, keyed by voter and question, the others ledger entries, keyed by message id.
package votingwindow

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Key attributes of the three tables, all of type string.
const (
	BallotsKey = "v"       // The ballots table: one item per vote that stands, keyed by hashed voter, question and slot.
	LedgerKey  = "message" // The ledger table: one item per message that does not count.
	TalliesKey = "id"      // The tallies table: worker counters, the window's state, the publisher's lease, an operator's control.
)

// ExpiresAttribute is the attribute of ballots and ledger entries by which DynamoDB deletes them (time to live, seconds since
// 1970), where a retention is configured.
const ExpiresAttribute = "expires"

// Object keys in the results bucket.
const (
	ResultsObject = "results.json" // Public: the figures that the page shows.
	LedgerObject  = "ledger.json"  // Private: what became of the accepted messages.
	WindowObject  = "window.json"  // Public: the page's own configuration, which the provider writes.
)

// Limits of a window.
const (
	// MaxVoteBytes bounds a vote's JSON as it arrives, in bytes. SQS bills by 64 KB; a small door keeps junk cheap.
	MaxVoteBytes = 2048
	// MaxVoterBytes bounds a voter identifier, in bytes.
	MaxVoterBytes = 128
	// MaxQuestions bounds the questions of a window.
	MaxQuestions = 20
	// MaxIDBytes bounds the id of a question or an answer, in bytes.
	MaxIDBytes = 24
	// MaxQuestionsBytes bounds QUESTIONS as a whole, in bytes, so that a function's configuration stays within Lambda's 4 KB (AWS
	// Lambda Developer Guide, "Lambda quotas"): room for one question with a hundred answers of the longest ids, for twenty
	// with four each, or for more with shorter ids. Reading them from an object instead would cost each cold start of intake a
	// call.
	MaxQuestionsBytes = 2600
	// MaxVotesPerVoter bounds the votes of one voter on one question.
	MaxVotesPerVoter = 20
	// MinPublishEvery and MaxPublishEvery bound how often results are published.
	MinPublishEvery = time.Second
	MaxPublishEvery = time.Minute
	// BatchSize is how many messages a recorder is given at most.
	BatchSize = 100
	// DefaultPublishEvery is how often results are published where nothing else was asked for.
	DefaultPublishEvery = 5 * time.Second
)

// Base names the system that a function belongs to.
type Base struct {
	System string `env:"SYSTEM,required,notEmpty"` // The kind of system: "voting_window".
	Name   string `env:"NAME,required,notEmpty"`   // The system's name.
}

// The values of Window.Revote: what becomes of a second vote on a question by one voter.
const (
	RevoteReject  = "reject"  // The first recorded one stands. Also the meaning of "".
	RevoteReplace = "replace" // The last sent one stands.
)

// Window says when votes count and on what.
type Window struct {
	OpensAt  time.Time     `env:"OPENS_AT,required,notEmpty"`  // The first moment of votes that count.
	ClosesAt time.Time     `env:"CLOSES_AT,required,notEmpty"` // The first moment of votes that are late.
	Grace    time.Duration `env:"GRACE"`                       // After ClosesAt: trailing votes are taken and processed.
	// Questions are the questions with their answers, as Question writes them: `vote/anna/bruno`. Each id is 1 to MaxIDBytes
	// of letters, digits, `-` and `_`.
	Questions     []string `env:"QUESTIONS,required,notEmpty"`
	VotesPerVoter int      `env:"VOTES_PER_VOTER"` // On each question; 0 for 1.
	Revote        string   `env:"REVOTE"`          // RevoteReject or RevoteReplace; empty for RevoteReject.
}

// OnlyQuestion is the id of the question of a window that names none.
const OnlyQuestion = "vote"

// Question is one question and its answers as Window.Questions holds them.
func Question(id string, answers ...string) string {
	return strings.Join(append([]string{id}, answers...), "/")
}

// Choice is one answer to one question as tables and counters name it: `vote/anna`.
func Choice(question, answer string) string { return question + "/" + answer }

// Admission says whose votes are taken, as intake and recorder check it.
type Admission struct {
	VoterPattern string `env:"VOTER_PATTERN"` // RE2, matching a voter identifier as a whole; empty for any.
	// TicketPublicKey is the Ed25519 key (32 bytes in base64) by which the voters' tickets are signed; empty where no ticket is asked for.
	TicketPublicKey string `env:"TICKET_PUBLIC_KEY"`
}

// IntakeConfig is the configuration of intake.
type IntakeConfig struct {
	Base
	Window
	Admission
	QueueURL     string `env:"QUEUE_URL,required,notEmpty"`
	TalliesTable string `env:"TALLIES_TABLE"` // For the closing time in force; empty where nobody can move it.
	// VoterClaim is the claim of the JWT that names the voter, where an authorizer checked one: the body then has no voter.
	VoterClaim string `env:"VOTER_CLAIM"`
}

// RecorderConfig is the configuration of recorder.
type RecorderConfig struct {
	Base
	Window
	Admission
	BallotsTable      string `env:"BALLOTS_TABLE,required,notEmpty"`
	LedgerTable       string `env:"LEDGER_TABLE,required,notEmpty"`
	TalliesTable      string `env:"TALLIES_TABLE,required,notEmpty"`
	VoterKeyParameter string `env:"VOTER_KEY_PARAMETER,required,notEmpty"` // SSM parameter: the key of the hashes, 32 bytes in base64.
	VoterKeyVersion   string `env:"VOTER_KEY_VERSION"`                     // Changes with its value, which environments read once: so they begin anew.
	Direct            bool   `env:"DIRECT"`                                // Voters send the messages themselves: what these say of an address is not believed.
	AllowBucket       string `env:"ALLOW_BUCKET"`                          // Bucket and key of the allow list; empty where there is none.
	AllowKey          string `env:"ALLOW_KEY"`
	AllowVersion      string `env:"ALLOW_VERSION"`      // Changes with the list, as VoterKeyVersion does with the key.
	QuarantinePattern string `env:"QUARANTINE_PATTERN"` // RE2, matching a suspicious identifier as a whole; empty for none.
	RetentionDays     int    `env:"RETENTION_DAYS"`     // Days from closing until ballots and ledger entries expire; 0 for never.
}

// The values of PublisherConfig.Results.
const (
	ResultsLive       = "live"        // Figures are public all along. Also the meaning of "".
	ResultsAfterClose = "after_close" // Figures are public when they are final.
)

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
	PublishEvery    time.Duration `env:"PUBLISH_EVERY,required"`       // How often results are published while the window is live: MinPublishEvery to MaxPublishEvery.
	Results         string        `env:"RESULTS"`                      // ResultsLive or ResultsAfterClose; empty for ResultsLive.
	// QuarantinePerAddress is how many votes of one address in one minute are not suspicious; 0 for any number.
	QuarantinePerAddress int    `env:"QUARANTINE_PER_ADDRESS"`
	StatusTable          string `env:"STATUS_TABLE"` // Where results are shown beside the object; empty where viewers read that.
}

// ControlConfig is the configuration of control.
type ControlConfig struct {
	Base
	Window
	TalliesTable  string `env:"TALLIES_TABLE,required,notEmpty"`
	RetentionDays int    `env:"RETENTION_DAYS"` // As the recorder's.
}

// RecountConfig is the configuration of recount.
type RecountConfig struct {
	Base
	Window
	BallotsTable string `env:"BALLOTS_TABLE,required,notEmpty"`
	LedgerTable  string `env:"LEDGER_TABLE,required,notEmpty"`
	TalliesTable string `env:"TALLIES_TABLE,required,notEmpty"`
}

// QuarantineConfig is the configuration of quarantine.
type QuarantineConfig = RecountConfig

// ResetConfig is the configuration of reset.
type ResetConfig = RecountConfig

// graceEnds is when votes are refused and the window begins to drain.
func (w Window) graceEnds() time.Time { return w.ClosesAt.Add(w.Grace) }

// slots is how many ballots a voter may have on one question.
func (w Window) slots() int { return max(1, w.VotesPerVoter) }

// replaces says whether a later vote of a voter takes the place of an earlier one.
func (w Window) replaces() bool { return w.Revote == RevoteReplace }

// Choices are all answers of all questions, in the order of Questions.
func (w Window) Choices() []string {
	var choices []string
	for _, question := range w.Questions {
		ids := strings.Split(question, "/")
		for _, answer := range ids[1:] {
			choices = append(choices, Choice(ids[0], answer))
		}
	}
	return choices
}

// Rules judge votes by a window. They are not changed once made.
type Rules struct {
	Base
	Window
	voter     *regexp.Regexp               // nil where any identifier will do.
	ticket    ed25519.PublicKey            // nil where no ticket is asked for.
	questions map[string]map[string]string // Question → answer → choice.
	ids       []string                     // Of the questions, in their order.
}

// NewRules compiles the rules of a window, or says what is wrong with it. Its times are taken to the millisecond, as SQS tells
// when a message was sent and as the tables keep them.
func NewRules(base Base, window Window, admission Admission) (*Rules, error) {
	window.OpensAt, window.ClosesAt = window.OpensAt.UTC().Truncate(time.Millisecond), window.ClosesAt.UTC().Truncate(time.Millisecond)
	rules := &Rules{Base: base, Window: window, questions: make(map[string]map[string]string, len(window.Questions))}
	faults := []error{rules.readQuestions(), checkRevote(window)}
	if !window.OpensAt.Before(window.ClosesAt) {
		faults = append(faults, fmt.Errorf("closes at %s, not after it opens at %s", clockText(window.ClosesAt), clockText(window.OpensAt)))
	}
	if window.Grace < 0 {
		faults = append(faults, fmt.Errorf("grace of %s is negative", window.Grace))
	}
	var err error
	if rules.voter, err = wholeMatch(admission.VoterPattern); err != nil {
		faults = append(faults, fmt.Errorf("compile voter pattern: %w", err))
	}
	if admission.TicketPublicKey != "" {
		rules.ticket, err = base64.StdEncoding.Strict().DecodeString(admission.TicketPublicKey)
		if err != nil || len(rules.ticket) != ed25519.PublicKeySize {
			faults = append(faults, fmt.Errorf("ticket public key is not the base64 of %d bytes", ed25519.PublicKeySize))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("read window: %w", err)
	}
	return rules, nil
}

func (r *Rules) readQuestions() error {
	var faults []error
	if n := len(r.Questions); n < 1 || n > MaxQuestions {
		faults = append(faults, fmt.Errorf("there are %d questions; a window has 1 to %d", n, MaxQuestions))
	}
	if n := len(strings.Join(r.Questions, ",")); n > MaxQuestionsBytes {
		faults = append(faults, fmt.Errorf("the ids of questions and answers need %d bytes; a function's environment has room for %d: take shorter ids", n, MaxQuestionsBytes))
	}
	for _, question := range r.Questions {
		ids := strings.Split(question, "/")
		id := ids[0]
		if !validID(id) || r.questions[id] != nil {
			faults = append(faults, fmt.Errorf("question %q is no id or there twice", id))
		}
		if len(ids) < 2 {
			faults = append(faults, fmt.Errorf("question %q has no answers", id))
		}
		answers := make(map[string]string, len(ids)-1)
		for _, answer := range ids[1:] {
			if !validID(answer) || answers[answer] != "" {
				faults = append(faults, fmt.Errorf("answer %q of question %q is no id or there twice", answer, id))
			}
			answers[answer] = Choice(id, answer)
		}
		r.questions[id] = answers
		r.ids = append(r.ids, id)
	}
	return errors.Join(faults...)
}

// validID says whether a text is 1 to MaxIDBytes letters, digits, dashes and underscores, beginning with a letter or digit.
func validID(id string) bool {
	if id == "" || len(id) > MaxIDBytes || id[0] == '-' || id[0] == '_' {
		return false
	}
	for _, char := range []byte(id) {
		switch {
		case 'a' <= char && char <= 'z', 'A' <= char && char <= 'Z', '0' <= char && char <= '9', char == '-', char == '_':
		default:
			return false
		}
	}
	return true
}

func checkRevote(window Window) error {
	switch {
	case window.VotesPerVoter < 0 || window.VotesPerVoter > MaxVotesPerVoter:
		return fmt.Errorf("votes per voter are %d; they are 1 to %d", window.VotesPerVoter, MaxVotesPerVoter)
	case window.Revote != "" && window.Revote != RevoteReject && window.Revote != RevoteReplace:
		return fmt.Errorf("revote is %q; it is %s or %s", window.Revote, RevoteReject, RevoteReplace)
	case window.replaces() && window.slots() > 1:
		return fmt.Errorf("%d votes per voter need revote %s: nobody could say which of them a later vote replaces", window.VotesPerVoter, RevoteReject)
	}
	return nil
}

// wholeMatch compiles a pattern to match a text as a whole; nil for an empty one.
func wholeMatch(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, nil //nolint:nilnil // No pattern is no fault.
	}
	// Alone first: a pattern such as `a)|(b` compiles only between the anchors, and escapes them.
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, err
	}
	return regexp.Compile(`^(?:` + pattern + `)$`)
}

// clockText writes a moment as all answers and objects do: RFC 3339 in UTC.
func clockText(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

// Check says what is wrong with the publisher's own settings.
func (c PublisherConfig) Check() error {
	switch {
	case c.PublishEvery < MinPublishEvery || c.PublishEvery > MaxPublishEvery:
		return fmt.Errorf("PUBLISH_EVERY is %s; it is %s to %s", c.PublishEvery, MinPublishEvery, MaxPublishEvery)
	case c.RecorderTimeout <= 0:
		return errors.New("RECORDER_TIMEOUT must be more than zero")
	case c.Results != "" && c.Results != ResultsLive && c.Results != ResultsAfterClose:
		return fmt.Errorf("RESULTS is %q; it is %s or %s", c.Results, ResultsLive, ResultsAfterClose)
	case c.QuarantinePerAddress < 0:
		return errors.New("QUARANTINE_PER_ADDRESS is negative")
	default:
		return nil
	}
}
