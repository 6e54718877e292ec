package votingwindow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode"
	"unicode/utf8"
)

// Vote is what a voter sends and an SQS message carries.
type Vote struct {
	Voter  string `json:"voter"`
	Answer string `json:"answer"`
}

// errMalformed is wrapped by every error of DecodeVote.
var errMalformed = errors.New("malformed vote")

func malformed(cause string) error { return fmt.Errorf("%w: %s", errMalformed, cause) }

// DecodeVote reads `{"voter":"...","answer":"..."}`, at most MaxVoteBytes of UTF-8. It is strict: both members, once each, as
// strings, in this spelling, and nothing else. encoding/json alone would take "VOTER" for "voter" and the last
// of two voters, so that a page, an audit and the recorder could read one message differently.
func DecodeVote(body []byte) (Vote, error) {
	var vote Vote
	if len(body) > MaxVoteBytes {
		return vote, malformed("more than 2 KiB")
	}
	if !utf8.Valid(body) {
		return vote, malformed("not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return vote, malformed("not a JSON object")
	}
	var voter, answer *string
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return vote, malformed("not JSON")
		}
		value, err := decoder.Token()
		if err != nil {
			return vote, malformed("not JSON")
		}
		text, ok := value.(string)
		if !ok {
			return vote, malformed("a member is not a string")
		}
		switch {
		case key == "voter" && voter == nil:
			voter = &text
		case key == "answer" && answer == nil:
			answer = &text
		default:
			return vote, malformed("an unknown or repeated member")
		}
	}
	if _, err := decoder.Token(); err != nil {
		return vote, malformed("not JSON")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return vote, malformed("something after the object")
	}
	if voter == nil || answer == nil {
		return vote, malformed("voter or answer is missing")
	}
	return Vote{Voter: *voter, Answer: *answer}, nil
}

// encode is the message that DecodeVote reads, at most some hundred bytes for a vote that passed the rules.
func (v Vote) encode() (string, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "", fmt.Errorf("encode vote: %w", err)
	}
	return string(bytes.TrimSuffix(body.Bytes(), []byte("\n"))), nil
}

// Outcome is what becomes of an accepted message.
type Outcome string

// The outcomes. Counted is a ballot; the others are ledger entries.
const (
	Counted   Outcome = "counted"
	Duplicate Outcome = "duplicate"
	Late      Outcome = "late"
	Rejected  Outcome = "rejected"
)

// Reason is why a message does not count. The first three are also intake's error codes.
type Reason string

// The reasons, by outcome.
const (
	ReasonMalformed  Reason = "malformed"    // Rejected: not a vote.
	ReasonVoter      Reason = "voter"        // Rejected: the identifier breaks the rule.
	ReasonAnswer     Reason = "answer"       // Rejected: there is no such answer.
	ReasonNoSentTime Reason = "no_sent_time" // Rejected: nobody can say when it was sent.
	ReasonEarly      Reason = "early"        // Rejected: sent before the window opened.
	ReasonAfterClose Reason = "after_close"  // Late: sent at the closing time or after it.
	ReasonAfterFinal Reason = "after_final"  // Late: surfaced after the ballots were counted for good.
	ReasonSecondVote Reason = "second_vote"  // Duplicate: the voter's ballot is of another message.
)

// checkVoter says whether an identifier is 1 to MaxVoterBytes long, free of control characters, which no person types and
// some programs cut at, and a whole match of the pattern.
func (r *Rules) checkVoter(voter string) bool {
	if voter == "" || len(voter) > MaxVoterBytes {
		return false
	}
	for _, char := range voter {
		if unicode.IsControl(char) {
			return false
		}
	}
	return r.voter == nil || r.voter.MatchString(voter)
}

// Check says why a vote breaks the rules of its content, or "" where it does not.
func (r *Rules) Check(vote Vote) Reason {
	switch {
	case !r.checkVoter(vote.Voter):
		return ReasonVoter
	case !r.answers[vote.Answer]:
		return ReasonAnswer
	default:
		return ""
	}
}

// Verdict is what a message is by itself, before the tables are asked: Counted means that it becomes the voter's ballot
// unless there is one.
type Verdict struct {
	Vote    Vote // Empty where the message is malformed.
	Outcome Outcome
	Reason  Reason
}

// Classify judges one message by its body and the time when SQS took it, the zero time where that is unknown. The server's
// time decides what is early or late; no clock of a voter or worker does.
func (r *Rules) Classify(body string, sent time.Time) Verdict {
	vote, err := DecodeVote([]byte(body))
	if err != nil {
		return Verdict{Outcome: Rejected, Reason: ReasonMalformed}
	}
	reason := r.Check(vote)
	switch {
	case reason != "":
		return Verdict{Vote: vote, Outcome: Rejected, Reason: reason}
	case sent.IsZero():
		return Verdict{Vote: vote, Outcome: Rejected, Reason: ReasonNoSentTime}
	case sent.Before(r.OpensAt):
		return Verdict{Vote: vote, Outcome: Rejected, Reason: ReasonEarly}
	case !sent.Before(r.ClosesAt):
		return Verdict{Vote: vote, Outcome: Late, Reason: ReasonAfterClose}
	default:
		return Verdict{Vote: vote, Outcome: Counted}
	}
}

// Ballot is the one vote of a voter that counts.
type Ballot struct {
	Voter   string
	Answer  string
	Message string    // The id of its message.
	Sent    time.Time // When SQS took it, to the millisecond.
}

// Entry is the ledger's record of a message that does not count.
type Entry struct {
	Message string
	Outcome Outcome
	Reason  Reason
	Sent    time.Time // Zero where it is unknown.
	Answer  string    // Only an answer of the window, else empty.
	Voter   string    // Only an identifier that keeps the rule, else empty: junk is not kept.
}

// entry is the ledger's record of a message with this verdict.
func (r *Rules) entry(message string, sent time.Time, verdict Verdict) Entry {
	entry := Entry{Message: message, Outcome: verdict.Outcome, Reason: verdict.Reason, Sent: sent}
	if r.answers[verdict.Vote.Answer] {
		entry.Answer = verdict.Vote.Answer
	}
	if r.checkVoter(verdict.Vote.Voter) {
		entry.Voter = verdict.Vote.Voter
	}
	return entry
}
