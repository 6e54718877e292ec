// Package votecheck proves the invariant of a voting window: accepted = counted + duplicate + late + rejected, each
// message in exactly one, and the published figures are those of the ballots. It serves tests of every level, and
// whoever wants to look into a window's tables.
package votecheck

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// Report is what the tables hold.
type Report struct {
	Counts votingwindow.Counts
	// Unacknowledged is the number of messages in the tables that no sender had acknowledged. That is no fault: SQS took such a message and
	// its answer was lost. Where no answer is lost it is zero.
	Unacknowledged int
}

// maxFaults bounds how many faults an error lists.
const maxFaults = 20

// Check proves that each accepted message, by the id that its sender was told, ended as exactly one of ballot and ledger entry, that no
// voter has two ballots, and that every duplicate has a ballot to be one of. The error lists what does not hold.
func Check(accepted []string, ballots []votingwindow.Ballot, ledger []votingwindow.Entry) (Report, error) {
	report := Report{Counts: votingwindow.Counts{Answers: map[string]int64{}}}
	var faults []error
	fault := func(format string, values ...any) {
		if len(faults) < maxFaults {
			faults = append(faults, fmt.Errorf(format, values...))
		}
	}
	ends := map[string]int{}
	voters := map[string]string{}
	for _, ballot := range ballots {
		ends[ballot.Message]++
		report.Counts.Answers[ballot.Answer]++
		if other, found := voters[ballot.Voter]; found {
			fault("two ballots of one voter: messages %s and %s", other, ballot.Message)
		}
		voters[ballot.Voter] = ballot.Message
	}
	for _, entry := range ledger {
		ends[entry.Message]++
		switch entry.Outcome {
		case votingwindow.Duplicate:
			report.Counts.Duplicate++
			if other, found := voters[entry.Voter]; !found || other == entry.Message {
				fault("message %s is a duplicate of no other ballot", entry.Message)
			}
		case votingwindow.Late:
			report.Counts.Late++
		case votingwindow.Rejected:
			report.Counts.Rejected++
		default:
			fault("message %s has outcome %q in the ledger", entry.Message, entry.Outcome)
		}
	}
	known := make(map[string]bool, len(accepted))
	for _, message := range accepted {
		if known[message] {
			fault("message %s is accepted twice", message)
		}
		known[message] = true
		if ends[message] == 0 {
			fault("message %s was accepted and is lost", message)
		}
	}
	for message, n := range ends {
		if n > 1 {
			fault("message %s ended %d times", message, n)
		}
		if !known[message] {
			report.Unacknowledged++
		}
	}
	if ended := report.Counts.Accepted() - int64(report.Unacknowledged); ended != int64(len(accepted)) {
		fault("%d messages were accepted, %d of them ended", len(accepted), ended)
	}
	return report, errors.Join(faults...)
}

// CheckLive proves that no live figure is above the truth, which was counted after the figures were published.
func CheckLive(counts votingwindow.Counts, results votingwindow.Results) error {
	var faults []error
	for answer, n := range results.Answers {
		if n > counts.Answers[answer] {
			faults = append(faults, fmt.Errorf("answer %s: %d published, %d ballots", answer, n, counts.Answers[answer]))
		}
	}
	return errors.Join(append(faults, adds(results))...)
}

// CheckFinal proves that the final figures are those of the ballots, and that recount says so. counts are of the tables at any time after
// the window became final: what surfaced since then is in the ledger and in no figure that was published.
func CheckFinal(
	counts votingwindow.Counts, results votingwindow.Results, ledger votingwindow.LedgerSummary, recounted votingwindow.Recounted,
) error {
	var faults []error
	expect := func(what string, got, want any) {
		if got != want {
			faults = append(faults, fmt.Errorf("%s is %v, should be %v", what, got, want))
		}
	}
	expect("status of results", results.Status, votingwindow.StatusFinal)
	expect("status of ledger", ledger.Status, votingwindow.StatusFinal)
	expect("exactness of ledger", ledger.Exact, true)
	expect("total", results.Total, counts.Counted())
	expect("counted", ledger.Counted, counts.Counted())
	expect("accepted", ledger.Accepted, ledger.Counted+ledger.Duplicate+ledger.Late+ledger.Rejected)
	expect("difference", ledger.Difference, ledger.Counted-ledger.LiveTotal)
	expect("difference below zero", ledger.Difference < 0, false)
	expect("recount's agreement", recounted.Agrees, true)
	expect("recounted", recounted.Counted, counts.Counted())
	expect("recounted accepted", recounted.Accepted, counts.Accepted())
	for answer := range counts.Answers {
		expect("recounted answer "+answer, recounted.Answers[answer], counts.Answers[answer])
	}
	shown := maps.Clone(results.Answers)
	for answer, n := range counts.Answers {
		expect("answer "+answer, shown[answer], n)
		delete(shown, answer)
	}
	for answer, n := range shown {
		expect("answer "+answer, n, int64(0))
	}
	return errors.Join(append(faults, adds(results))...)
}

func adds(results votingwindow.Results) error {
	var total int64
	for _, n := range results.Answers {
		total += n
	}
	if total != results.Total {
		return fmt.Errorf("answers add up to %d, total is %d", total, results.Total)
	}
	return nil
}

// Read reads both tables, strongly consistent and whole: for tests and small windows.
func Read(
	ctx context.Context, client votingwindow.DynamoDB, ballotsTable, ledgerTable string,
) ([]votingwindow.Ballot, []votingwindow.Entry, error) {
	var ballots []votingwindow.Ballot
	err := each(ctx, client, ballotsTable, func(item map[string]types.AttributeValue) {
		ballots = append(ballots, votingwindow.Ballot{
			Voter: text(item, votingwindow.BallotsKey), Answer: text(item, "answer"), Message: text(item, "message"), Sent: moment(item),
		})
	})
	if err != nil {
		return nil, nil, err
	}
	var ledger []votingwindow.Entry
	err = each(ctx, client, ledgerTable, func(item map[string]types.AttributeValue) {
		ledger = append(ledger, votingwindow.Entry{
			Message: text(item, votingwindow.LedgerKey), Outcome: votingwindow.Outcome(text(item, "outcome")),
			Reason: votingwindow.Reason(text(item, "reason")), Sent: moment(item), Answer: text(item, "answer"), Voter: text(item, "voter"),
		})
	})
	return ballots, ledger, err
}

func each(ctx context.Context, client votingwindow.DynamoDB, table string, visit func(map[string]types.AttributeValue)) error {
	input := &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)}
	for {
		page, err := client.Scan(ctx, input)
		if err != nil {
			return fmt.Errorf("scan %s: %w", table, err)
		}
		for _, item := range page.Items {
			visit(item)
		}
		if len(page.LastEvaluatedKey) == 0 {
			return nil
		}
		input.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

func text(item map[string]types.AttributeValue, attribute string) string {
	if value, ok := item[attribute].(*types.AttributeValueMemberS); ok {
		return value.Value
	}
	return ""
}

func moment(item map[string]types.AttributeValue) time.Time {
	if value, ok := item["sent"].(*types.AttributeValueMemberN); ok {
		if millis, err := strconv.ParseInt(value.Value, 10, 64); err == nil {
			return time.UnixMilli(millis).UTC()
		}
	}
	return time.Time{}
}
