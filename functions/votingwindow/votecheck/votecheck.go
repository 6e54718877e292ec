// Package votecheck proves the invariant of a voting window: accepted = counted + quarantined + duplicate + replaced + late +
// rejected, each message in exactly one, and the published figures are those of the ballots. It serves tests of every level, and
// whoever wants to look into a window's tables.
package votecheck

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// Report is what the tables hold.
type Report struct {
	Counts    votingwindow.Counts
	Rehearsal votingwindow.Counts
	// Unacknowledged is the number of messages in the tables that no sender had acknowledged. That is no fault: SQS took such a message and
	// its answer was lost. Where no answer is lost it is zero.
	Unacknowledged int
}

func (r *Report) of(rehearsal bool) *votingwindow.Counts {
	if rehearsal {
		return &r.Rehearsal
	}
	return &r.Counts
}

// maxFaults bounds how many faults an error lists.
const maxFaults = 20

// place is where the votes of one voter on one question meet.
type place struct {
	voter, question string
	rehearsal       bool
}

// Check proves that each accepted message, by the id that its sender was told, ended as exactly one of ballot and ledger entry, that
// ballots stand in the places of their voters and questions without a gap, that every duplicate has ballots to be one of, and that every vote
// that was replaced has a later one that stands. The error lists what does not hold.
func Check(accepted []string, ballots []votingwindow.Ballot, ledger []votingwindow.Entry) (Report, error) {
	report := Report{Counts: votingwindow.Counts{Answers: map[string]int64{}}, Rehearsal: votingwindow.Counts{Answers: map[string]int64{}}}
	var faults []error
	fault := func(format string, values ...any) {
		if len(faults) < maxFaults {
			faults = append(faults, fmt.Errorf(format, values...))
		}
	}
	ends := make(map[string]int, len(ballots)+len(ledger))
	standing := make(map[place][]int, len(ballots)) // By slot: which ballot, counted from one.
	for i, ballot := range ballots {
		ends[ballot.Message]++
		counts := report.of(ballot.Rehearsal)
		if ballot.Quarantine != "" {
			counts.Quarantined++
		} else {
			counts.Answers[ballot.Answer]++
			if ballot.Released != "" {
				counts.Released++
			}
		}
		voter, question, slot, rehearsal := votingwindow.SplitBallotKey(ballot.Key)
		if chosen, _, _ := strings.Cut(ballot.Answer, "/"); chosen != question || rehearsal != ballot.Rehearsal || slot < 0 || slot >= votingwindow.MaxVotesPerVoter {
			fault("message %s stands in the place of another question, rehearsal or slot", ballot.Message)
			continue
		}
		where := place{voter, question, rehearsal}
		for len(standing[where]) <= slot {
			standing[where] = append(standing[where], 0)
		}
		if other := standing[where][slot]; other > 0 {
			fault("two ballots of one voter: messages %s and %s", ballots[other-1].Message, ballot.Message)
		}
		standing[where][slot] = i + 1
	}
	for _, slots := range standing {
		if slices.Contains(slots, 0) {
			fault("a voter has a ballot in slot %d and none in slot %d", len(slots)-1, slices.Index(slots, 0))
		}
	}
	for _, entry := range ledger {
		ends[entry.Message]++
		counts := report.of(entry.Rehearsal)
		question, _, _ := strings.Cut(entry.Answer, "/")
		slots := standing[place{entry.Voter, question, entry.Rehearsal}]
		switch entry.Outcome {
		case votingwindow.Duplicate:
			counts.Duplicate++
			if len(slots) == 0 || slices.ContainsFunc(slots, func(i int) bool { return i > 0 && ballots[i-1].Message == entry.Message }) {
				fault("message %s is a duplicate of no other ballot", entry.Message)
			}
		case votingwindow.Replaced:
			counts.Replaced++
			if len(slots) == 0 || slots[0] == 0 || !later(ballots[slots[0]-1], entry) {
				fault("message %s is replaced by no later ballot", entry.Message)
			}
		case votingwindow.Late:
			counts.Late++
		case votingwindow.Rejected:
			counts.Rejected++
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
	if ended := report.Counts.Accepted() + report.Rehearsal.Accepted() - int64(report.Unacknowledged); ended != int64(len(accepted)) {
		fault("%d messages were accepted, %d of them ended", len(accepted), ended)
	}
	return report, errors.Join(faults...)
}

// later says whether a ballot was sent after the vote of an entry, or at the same time with a greater id.
func later(ballot votingwindow.Ballot, entry votingwindow.Entry) bool {
	return cmp.Or(ballot.Sent.Compare(entry.Sent), cmp.Compare(ballot.Message, entry.Message)) > 0
}

// CheckLive proves that no live figure is above the truth, which was counted after the figures were published. It holds where no vote is
// replaced and no address is suspicious.
func CheckLive(counts votingwindow.Counts, results votingwindow.Results) error {
	var faults []error
	for answer, n := range results.Answers() {
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
	expect("quarantined", ledger.Quarantined, counts.Quarantined)
	expect("released", ledger.Released, counts.Released)
	expect("accepted", ledger.Accepted, ledger.Counted+ledger.Quarantined+ledger.Duplicate+ledger.Replaced+ledger.Late+ledger.Rejected)
	expect("difference", ledger.Difference, ledger.Counted+ledger.Quarantined-ledger.LiveTotal)
	expect("difference below zero", ledger.Difference < 0, false)
	expect("recount's agreement", recounted.Agrees, true)
	expect("recounted", recounted.Counted, counts.Counted())
	expect("recounted accepted", recounted.Accepted, counts.Accepted())
	for answer := range counts.Answers {
		expect("recounted answer "+answer, recounted.Answers[answer], counts.Answers[answer])
	}
	shown := results.Answers()
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
	for id, question := range results.Questions {
		var sum int64
		for _, n := range question.Answers {
			sum += n
		}
		if sum != question.Total {
			return fmt.Errorf("answers of %s add up to %d, its total is %d", id, sum, question.Total)
		}
		total += sum
	}
	if total != results.Total {
		return fmt.Errorf("answers add up to %d, total is %d", total, results.Total)
	}
	return nil
}

// Scanner is the part of DynamoDB's client that Read uses.
type Scanner interface {
	Scan(ctx context.Context, scan *dynamodb.Scan) (dynamodb.Page, error)
}

// Tables are the tables of a configuration's account and region, which has credentials, an HTTP client and, unless it is the SDK's own, a retryer.
func Tables(cfg aws.Config) Scanner { return dynamodb.New(cfg) }

// Read reads both tables, strongly consistent and whole: for tests and small windows.
func Read(
	ctx context.Context, client Scanner, ballotsTable, ledgerTable string,
) ([]votingwindow.Ballot, []votingwindow.Entry, error) {
	var ballots []votingwindow.Ballot
	err := each(ctx, client, ballotsTable, func(item dynamodb.Item) {
		ballots = append(ballots, votingwindow.ReadBallot(item))
	})
	if err != nil {
		return nil, nil, err
	}
	var ledger []votingwindow.Entry
	err = each(ctx, client, ledgerTable, func(item dynamodb.Item) {
		ledger = append(ledger, votingwindow.ReadEntry(item))
	})
	return ballots, ledger, err
}

func each(ctx context.Context, client Scanner, table string, visit func(dynamodb.Item)) error {
	for item, err := range dynamodb.Items(ctx, client.Scan, &dynamodb.Scan{TableName: table, ConsistentRead: true}) {
		if err != nil {
			return fmt.Errorf("scan %s: %w", table, err)
		}
		visit(item)
	}
	return nil
}
