package votingwindow

import (
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// item is a DynamoDB item.
type item = dynamodb.Item

func entryItem(entry Entry) item {
	put := item{LedgerKey: str(entry.Message), attrOutcome: str(string(entry.Outcome)), attrReason: str(string(entry.Reason))}
	putTime(put, attrSent, entry.Sent)
	putText(put, attrAnswer, entry.Answer)
	putText(put, attrVoter, entry.Voter)
	putRehearsal(put, entry.Rehearsal)
	putExpires(put, entry.Expires)
	return put
}

// ReadEntry reads an item of the ledger table.
func ReadEntry(found dynamodb.Item) Entry {
	return Entry{
		Message: text(found, LedgerKey), Outcome: Outcome(text(found, attrOutcome)), Reason: Reason(text(found, attrReason)),
		Sent: moment(found, attrSent), Answer: text(found, attrAnswer), Voter: text(found, attrVoter),
		Rehearsal: flag(found, attrRehearsal), Expires: expires(found),
	}
}

func putRehearsal(put item, rehearsal bool) {
	if rehearsal {
		put[attrRehearsal] = dynamodb.Bool(true)
	}
}

// putExpires writes a time to live: seconds since 1970 (DynamoDB Developer Guide, "Using time to live (TTL) in DynamoDB").
func putExpires(put item, at time.Time) {
	if !at.IsZero() {
		put[ExpiresAttribute] = number(at.Unix())
	}
}

func expires(found item) time.Time {
	if seconds := integer(found, ExpiresAttribute); seconds != 0 {
		return time.Unix(seconds, 0).UTC()
	}
	return time.Time{}
}

func leaseItem(candidate Candidate, until time.Time) item {
	return item{
		TalliesKey: str(leaseID), attrHolder: str(candidate.Holder), attrVersion: number(candidate.Version), attrUntil: millis(until),
	}
}

// ControlItem is the item of the tallies table that holds a control.
func ControlItem(control Control) dynamodb.Item {
	put := item{TalliesKey: str(ControlID), attrBy: str(control.By)}
	putTime(put, attrClosesAt, control.ClosesAt)
	putTime(put, attrOf, control.Of)
	putTime(put, attrAt, control.At)
	return put
}

// ReadControlItem reads what ControlItem makes; of an item with something else in it, what can be read.
func ReadControlItem(found dynamodb.Item) Control {
	return Control{
		ClosesAt: moment(found, attrClosesAt), Of: moment(found, attrOf), By: text(found, attrBy), At: moment(found, attrAt),
	}
}

// countersItem holds a worker's counters: those of a rehearsal apart.
func countersItem(worker string, rehearsal bool, counts Counts) item {
	prefix := workerPrefix
	if rehearsal {
		prefix = rehearsalWorkerPrefix
	}
	put := item{TalliesKey: str(prefix + worker)}
	putCounts(put, counts)
	return put
}

// figuresOf are the figures of counts apart from the answers, by the attribute that holds each.
func figuresOf(counts *Counts) map[string]*int64 {
	return map[string]*int64{
		"quarantined": &counts.Quarantined, "duplicate": &counts.Duplicate, "replaced": &counts.Replaced, "late": &counts.Late,
		"rejected": &counts.Rejected, "released_ballots": &counts.Released,
	}
}

func putCounts(put item, counts Counts) {
	answers := make(item, len(counts.Answers))
	for choice, n := range counts.Answers {
		answers[choice] = number(n)
	}
	put["answers"] = dynamodb.Map(answers)
	for attribute, figure := range figuresOf(&counts) {
		put[attribute] = number(*figure)
	}
}

func readCounts(found item) Counts {
	counts := Counts{Answers: map[string]int64{}}
	for attribute, figure := range figuresOf(&counts) {
		*figure = integer(found, attribute)
	}
	answers := found["answers"].M
	for choice := range answers {
		counts.Answers[choice] = integer(answers, choice)
	}
	return counts
}

func stateItem(state State) item {
	put := item{TalliesKey: str(stateID), attrVersion: number(state.Version), "phase": str(string(state.Phase))}
	putTime(put, attrClosesAt, state.ClosesAt)
	putTime(put, "empty_since", state.EmptySince)
	putTime(put, "empty_seen", state.EmptySeen)
	putTime(put, "mapping_off_at", state.MappingOffAt)
	putTime(put, "sealed_at", state.SealedAt)
	putTime(put, "final_at", state.FinalAt)
	put["mapping_off"] = dynamodb.Bool(state.MappingOff)
	if state.Counted() {
		putCounts(put, state.Final)
	}
	if !state.SealedAt.IsZero() {
		put["live_total"] = number(state.LiveTotal)
	}
	return put
}

func readState(found item) State {
	state := State{
		Version: integer(found, attrVersion), Phase: Phase(text(found, "phase")),
		ClosesAt: moment(found, attrClosesAt), EmptySince: moment(found, "empty_since"), EmptySeen: moment(found, "empty_seen"),
		MappingOffAt: moment(found, "mapping_off_at"), SealedAt: moment(found, "sealed_at"), FinalAt: moment(found, "final_at"),
		MappingOff: flag(found, "mapping_off"), LiveTotal: integer(found, "live_total"),
	}
	if state.Counted() {
		state.Final = readCounts(found)
	}
	return state
}

// putText leaves an empty text out.
func putText(put item, attribute, value string) {
	if value != "" {
		put[attribute] = str(value)
	}
}

// putTime leaves an unknown time out.
func putTime(put item, attribute string, at time.Time) {
	if !at.IsZero() {
		put[attribute] = millis(at)
	}
}

// moment reads what putTime wrote.
func moment(found item, attribute string) time.Time {
	if found[attribute].N == "" {
		return time.Time{}
	}
	return time.UnixMilli(integer(found, attribute)).UTC()
}

// text reads a string attribute; empty where it is missing.
func text(found item, attribute string) string { return found[attribute].Text() }

// flag reads a boolean attribute; false where it is missing.
func flag(found item, attribute string) bool { return found[attribute].True() }

// integer reads a whole number; zero where it is missing or none.
func integer(found item, attribute string) int64 { return found[attribute].Int() }

// millis is a moment as a number of milliseconds since 1970.
func millis(at time.Time) dynamodb.Value { return dynamodb.Number(at.UnixMilli()) }

func number(n int64) dynamodb.Value { return dynamodb.Number(n) }

func str(s string) dynamodb.Value { return dynamodb.String(s) }
