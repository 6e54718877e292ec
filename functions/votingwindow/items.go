package votingwindow

import (
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// item is a DynamoDB item.
type item = map[string]types.AttributeValue

func ballotItem(ballot Ballot) item {
	return item{
		BallotsKey: str(ballot.Voter), attrAnswer: str(ballot.Answer), attrMessage: str(ballot.Message), "sent": millis(ballot.Sent),
	}
}

func entryItem(entry Entry) item {
	put := item{LedgerKey: str(entry.Message), attrOutcome: str(string(entry.Outcome)), "reason": str(string(entry.Reason))}
	putTime(put, "sent", entry.Sent)
	if entry.Answer != "" {
		put[attrAnswer] = str(entry.Answer)
	}
	if entry.Voter != "" {
		put["voter"] = str(entry.Voter)
	}
	return put
}

func leaseItem(holder string, until time.Time) item {
	return item{TalliesKey: str(leaseID), attrHolder: str(holder), attrUntil: millis(until)}
}

func countersItem(worker string, counts Counts) item {
	put := item{TalliesKey: str(workerPrefix + worker)}
	putCounts(put, counts)
	return put
}

func readCounters(found item) Counts { return readCounts(found) }

func putCounts(put item, counts Counts) {
	answers := make(item, len(counts.Answers))
	for answer, n := range counts.Answers {
		answers[answer] = number(n)
	}
	put["answers"] = &types.AttributeValueMemberM{Value: answers}
	put["duplicate"], put["late"], put["rejected"] = number(counts.Duplicate), number(counts.Late), number(counts.Rejected)
}

func readCounts(found item) Counts {
	counts := Counts{
		Answers: map[string]int64{}, Duplicate: integer(found, "duplicate"), Late: integer(found, "late"), Rejected: integer(found, "rejected"),
	}
	if answers, ok := found["answers"].(*types.AttributeValueMemberM); ok {
		for answer := range answers.Value {
			counts.Answers[answer] = integer(answers.Value, answer)
		}
	}
	return counts
}

func stateItem(state State) item {
	put := item{TalliesKey: str(stateID), attrVersion: number(state.Version), "phase": str(string(state.Phase))}
	putTime(put, "closes_at", state.ClosesAt)
	putTime(put, "empty_since", state.EmptySince)
	putTime(put, "empty_seen", state.EmptySeen)
	putTime(put, "mapping_off_at", state.MappingOffAt)
	putTime(put, "sealed_at", state.SealedAt)
	putTime(put, "final_at", state.FinalAt)
	put["mapping_off"] = &types.AttributeValueMemberBOOL{Value: state.MappingOff}
	if state.Phase == PhaseFinal {
		putCounts(put, state.Final)
		put["live_total"] = number(state.LiveTotal)
	}
	return put
}

func readState(found item) State {
	state := State{
		Version: integer(found, attrVersion), Phase: Phase(text(found, "phase")),
		ClosesAt: moment(found, "closes_at"), EmptySince: moment(found, "empty_since"), EmptySeen: moment(found, "empty_seen"),
		MappingOffAt: moment(found, "mapping_off_at"), SealedAt: moment(found, "sealed_at"), FinalAt: moment(found, "final_at"),
	}
	if off, ok := found["mapping_off"].(*types.AttributeValueMemberBOOL); ok {
		state.MappingOff = off.Value
	}
	if state.Phase == PhaseFinal {
		state.Final, state.LiveTotal = readCounts(found), integer(found, "live_total")
	}
	return state
}

// putTime leaves an unknown time out.
func putTime(put item, attribute string, at time.Time) {
	if !at.IsZero() {
		put[attribute] = millis(at)
	}
}

// moment reads what putTime wrote.
func moment(found item, attribute string) time.Time {
	if _, ok := found[attribute]; !ok {
		return time.Time{}
	}
	return time.UnixMilli(integer(found, attribute)).UTC()
}

// text reads a string attribute; empty where it is missing.
func text(found item, attribute string) string {
	if value, ok := found[attribute].(*types.AttributeValueMemberS); ok {
		return value.Value
	}
	return ""
}

// integer reads a whole number; zero where it is missing or none.
func integer(found item, attribute string) int64 {
	if value, ok := found[attribute].(*types.AttributeValueMemberN); ok {
		if n, err := strconv.ParseInt(value.Value, 10, 64); err == nil {
			return n
		}
	}
	return 0
}
