package votingwindow

import (
	"strconv"
	"strings"
	"time"
)

// Outcome is what becomes of an accepted message.
type Outcome string

// The outcomes. Counted and Quarantined are ballots; the others are ledger entries.
const (
	Counted     Outcome = "counted"
	Quarantined Outcome = "quarantined" // Holds its voter's place and is in no published figure.
	Duplicate   Outcome = "duplicate"
	Replaced    Outcome = "replaced"
	Late        Outcome = "late"
	Rejected    Outcome = "rejected"
)

// Reason is why a message does not count.
type Reason string

// The reasons, by outcome. The first five are also intake's error codes.
const (
	ReasonMalformed  Reason = "malformed"    // Rejected: not a vote.
	ReasonVoter      Reason = "voter"        // Rejected: the identifier breaks the rule.
	ReasonQuestion   Reason = "question"     // Rejected: there is no such question.
	ReasonAnswer     Reason = "answer"       // Rejected: there is no such answer to it.
	ReasonTicket     Reason = "ticket"       // Rejected: the voter's ticket is missing or wrong.
	ReasonNotAllowed Reason = "not_allowed"  // Rejected: the identifier is not on the allow list.
	ReasonNoSentTime Reason = "no_sent_time" // Rejected: nobody can say when it was sent.
	ReasonEarly      Reason = "early"        // Rejected: sent before the window opened.
	ReasonRehearsal  Reason = "rehearsal"    // Rejected: a rehearsal's vote, sent after the window opened.
	ReasonAfterClose Reason = "after_close"  // Late: sent at the closing time or after it.
	ReasonAfterFinal Reason = "after_final"  // Late: surfaced after the ballots were counted for good.
	ReasonSecondVote Reason = "second_vote"  // Duplicate: the voter's ballots on the question are of other messages.
	ReasonLaterVote  Reason = "later_vote"   // Replaced: the voter's ballot on the question was sent later.
)

// The values of Ballot.Quarantine: by which rule a ballot is suspicious.
const (
	RulePattern = "pattern" // The identifier matches the quarantine's pattern.
	RuleRate    = "rate"    // Its address voted more often in its minute than the window's limit.
)

// Ballot is a vote that stands.
type Ballot struct {
	Key        string    // As BallotKey makes it.
	Answer     string    // The choice: `question/answer`.
	Message    string    // The id of its message.
	Sent       time.Time // When SQS took it, to the millisecond.
	Address    string    // The sender's hashed address; empty where it is unknown.
	Quarantine string    // RulePattern or RuleRate; empty for a ballot that counts.
	Released   string    // The rule by which it was in quarantine before an operator released it, else empty.
	Rehearsal  bool
	Expires    time.Time // To the second; zero for never.
}

// Entry is the ledger's record of a message that does not count.
type Entry struct {
	Message   string
	Outcome   Outcome
	Reason    Reason
	Sent      time.Time // Zero where it is unknown.
	Answer    string    // The choice; only an answer of the window, else empty.
	Voter     string    // The voter's hash; only of an identifier that keeps the rule, else empty: junk is not kept.
	Rehearsal bool
	Expires   time.Time // To the second; zero for never.
}

// rehearsalPrefix begins the keys of a rehearsal's ballots. A voter's hash has no slash.
const rehearsalPrefix = "rehearsal/"

// BallotKey is the key of a ballot: the voter's hash, the question, the slot where it is not the first, with a prefix for
// rehearsals. Of OnlyQuestion nothing is written, since scans are billed by bytes. One item has one place: a voter's votes meet there, whichever
// recorder has them.
func BallotKey(voter, question string, slot int, rehearsal bool) string {
	key := voter
	switch {
	case question != OnlyQuestion:
		key += "/" + question
	case slot > 0:
		key += "/"
	}
	if slot > 0 {
		key += "/" + strconv.Itoa(slot)
	}
	if rehearsal {
		key = rehearsalPrefix + key
	}
	return key
}

// SplitBallotKey takes a ballot's key apart.
func SplitBallotKey(key string) (voter, question string, slot int, rehearsal bool) {
	key, rehearsal = strings.CutPrefix(key, rehearsalPrefix)
	voter, question, _ = strings.Cut(key, "/")
	question, last, found := strings.Cut(question, "/")
	if question == "" {
		question = OnlyQuestion
	}
	if found {
		slot, _ = strconv.Atoi(last) // Keys are made by BallotKey alone.
	}
	return voter, question, slot, rehearsal
}

// outcome is what a ballot's message counts as.
func (b Ballot) outcome() Outcome {
	if b.Quarantine != "" {
		return Quarantined
	}
	return Counted
}

// follows says whether a vote comes after the one that stands, by the order in which SQS took them. It decides whatever the order of
// delivery is.
func (b Ballot) follows(standing Ballot) bool {
	if !b.Sent.Equal(standing.Sent) {
		return b.Sent.After(standing.Sent)
	}
	return b.Message > standing.Message
}
