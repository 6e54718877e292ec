package votingwindow

import (
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Judge says what a message is by itself, before the tables are asked. It is the recorder's: it knows the key.
type Judge struct {
	*Rules
	Hasher     *Hasher
	Source     Source         // FromIntake or, where voters send the messages themselves, FromVoter.
	Allow      AllowList      // nil where any identifier may vote.
	Quarantine *regexp.Regexp // A whole match of suspicious identifiers; nil for none.
	Expires    time.Time      // When DynamoDB may delete what is recorded; zero for never. A closing time that an operator moves does not change it.
}

// NewJudge adds to the rules what only a recorder knows.
func NewJudge(rules *Rules, cfg RecorderConfig, hasher *Hasher, allow AllowList) (*Judge, error) {
	quarantine, err := wholeMatch(cfg.QuarantinePattern)
	if err != nil {
		return nil, fmt.Errorf("compile quarantine pattern: %w", err)
	}
	if cfg.RetentionDays < 0 {
		return nil, errors.New("RETENTION_DAYS is negative")
	}
	source := FromIntake
	if cfg.Direct {
		source = FromAnybody
	}
	judge := &Judge{Rules: rules, Hasher: hasher, Source: source, Allow: allow, Quarantine: quarantine}
	if cfg.RetentionDays > 0 {
		judge.Expires = rules.ClosesAt.AddDate(0, 0, cfg.RetentionDays).Truncate(time.Second)
	}
	return judge, nil
}

// Verdict is what a message is by itself: Counted or Quarantined means that it becomes a ballot of the voter's unless the
// tables hold others.
type Verdict struct {
	Vote      Vote   // Resolved; empty where the message is malformed.
	Voter     string // The voter's hash, also of one whom the present rule refuses: under a former one they may have been counted.
	Choice    string // Empty where there is no such answer.
	Rehearsal bool   // It belongs to the rehearsal, and to no real figure.
	Outcome   Outcome
	Reason    Reason
}

// counts says whether a message is to become a ballot.
func (v Verdict) counts() bool { return v.Outcome == Counted || v.Outcome == Quarantined }

// Classify judges one message by its body and the time when SQS took it, the zero time where that is unknown. The server's
// time decides what is early or late; no clock of a voter or worker does. window has the closing time in force.
func (j *Judge) Classify(window Window, body string, sent time.Time) Verdict {
	vote, err := DecodeVote([]byte(body), j.Source)
	if err != nil {
		return Verdict{Outcome: Rejected, Reason: ReasonMalformed}
	}
	vote = j.resolve(vote)
	verdict := Verdict{
		Vote: vote, Choice: j.choice(vote), Outcome: Rejected,
		// What was sent after the opening is in the real ledger, whatever it says of itself: a reset must not take it out.
		Rehearsal: vote.Rehearsal && !sent.IsZero() && sent.Before(window.OpensAt),
	}
	// The cheap checks come first, and the ticket's before all that costs a read or a write.
	verdict.Reason = j.Check(vote)
	if vote.Voter != "" && len(vote.Voter) <= MaxVoterBytes {
		verdict.Voter = j.Hasher.Voter(vote.Voter)
	}
	switch {
	case verdict.Reason != "":
	case j.Allow != nil && !j.Allow.Has(j.Hasher.Allow(vote.Voter)):
		verdict.Reason = ReasonNotAllowed
	case sent.IsZero():
		verdict.Reason = ReasonNoSentTime
	case vote.Rehearsal && !verdict.Rehearsal:
		verdict.Reason = ReasonRehearsal
	case sent.Before(window.OpensAt) && !verdict.Rehearsal:
		verdict.Reason = ReasonEarly
	case !sent.Before(window.ClosesAt):
		verdict.Outcome, verdict.Reason = Late, ReasonAfterClose
	case j.Quarantine != nil && j.Quarantine.MatchString(vote.Voter):
		verdict.Outcome = Quarantined
	default:
		verdict.Outcome = Counted
	}
	return verdict
}

// ballot is the ballot that a message becomes.
func (j *Judge) ballot(message message, slot int) Ballot {
	verdict := message.verdict
	ballot := Ballot{
		Key:    BallotKey(verdict.Voter, verdict.Vote.Question, slot, verdict.Rehearsal),
		Answer: verdict.Choice, Message: message.id, Sent: message.sent, Address: j.Hasher.Address(verdict.Vote.Address),
		Rehearsal: verdict.Rehearsal, Expires: j.Expires,
	}
	if verdict.Outcome == Quarantined {
		ballot.Quarantine = RulePattern
	}
	return ballot
}

// entry is the ledger's record of a message that does not count.
func (j *Judge) entry(message message, outcome Outcome, reason Reason) Entry {
	verdict := message.verdict
	entry := Entry{
		Message: message.id, Outcome: outcome, Reason: reason, Sent: message.sent, Answer: verdict.Choice,
		Rehearsal: verdict.Rehearsal, Expires: j.Expires,
	}
	if reason != ReasonVoter {
		entry.Voter = verdict.Voter
	}
	return entry
}
