package votingwindow

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// scanSegments is how many parts of a table are scanned at once. One segment reads some 20 pages of 1 MB a second, so eight count
// a million ballots of 56 bytes in half a second, at a rate that a table new on demand carries (DynamoDB Developer Guide: 12,000 read units a second).
const scanSegments = 8

// countedBallot is what a count reads of a ballot, as DynamoDB's JSON has it.
type countedBallot struct {
	Answer     struct{ S string }  `json:"a"`
	Quarantine *struct{}           `json:"q"`
	Released   *struct{}           `json:"r"`
	Rehearsal  struct{ BOOL bool } `json:"t"`
}

// CountBallots counts the ballots.
func (s *Store) CountBallots(ctx context.Context, consistent bool) (Tally, error) {
	var tallies [scanSegments]Tally
	attributes := []string{ballotAnswer, ballotQuarantine, ballotReleased, ballotRehearsal}
	err := segments(ctx, s, s.Ballots, consistent, attributes, func(segment int, found *countedBallot) {
		counts := tallies[segment].of(found.Rehearsal.BOOL)
		if found.Quarantine != nil {
			counts.Quarantined++
			return
		}
		counts.add(Counted, choiceOf(found.Answer.S))
		if found.Released != nil {
			counts.Released++
		}
	})
	return sum(tallies[:], err)
}

// CountLedger counts the ledger's entries, strongly consistent.
func (s *Store) CountLedger(ctx context.Context) (Tally, error) {
	var tallies [scanSegments]Tally
	err := segments(ctx, s, s.Ledger, true, []string{attrOutcome, attrRehearsal}, func(segment int, found *item) {
		tallies[segment].of(flag(*found, attrRehearsal)).add(Outcome(text(*found, attrOutcome)), "")
	})
	return sum(tallies[:], err)
}

// sum adds up what the segments counted. A count with a segment missing is none.
func sum(tallies []Tally, err error) (Tally, error) {
	if err != nil {
		return Tally{}, err
	}
	var all Tally
	for _, tally := range tallies {
		all = all.Plus(tally)
	}
	return all, nil
}

// segments visits every item of a table, its segments in parallel and each a page at a time. Within a segment visits follow one another. Only
// the named attributes are read; none for all.
func segments[T any](
	ctx context.Context, s *Store, table string, consistent bool, attributes []string, visit func(segment int, found *T),
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var projection string
	var names map[string]string
	if len(attributes) > 0 {
		names = make(map[string]string, len(attributes))
		aliases := make([]string, len(attributes))
		for i, attribute := range attributes {
			aliases[i] = fmt.Sprintf("#a%d", i)
			names[aliases[i]] = attribute
		}
		projection = strings.Join(aliases, ", ")
	}
	var mu sync.Mutex
	var fault error
	var segments sync.WaitGroup
	for segment := range scanSegments {
		segments.Go(func() {
			err := scanAll(ctx, patient{s.Client}, &dynamodb.Scan{
				TableName: table, ConsistentRead: consistent, Limit: pageLimit, Segment: &segment, TotalSegments: scanSegments,
				ProjectionExpression: projection, ExpressionAttributeNames: names,
			}, func(found *T) { visit(segment, found) })
			mu.Lock()
			defer mu.Unlock()
			if err != nil && fault == nil {
				fault = err
				cancel()
			}
		})
	}
	segments.Wait()
	return fault
}

// scanner is the part of DynamoDB's client that scans use.
type scanner interface {
	ScanInto(ctx context.Context, scan *dynamodb.Scan, items any) (dynamodb.Item, error)
}

// scanAll visits every item of a scan, page by page.
func scanAll[T any](ctx context.Context, client scanner, input *dynamodb.Scan, visit func(*T)) error {
	for {
		var items []T
		next, err := client.ScanInto(ctx, input, &items)
		if err != nil {
			return wrap(err, "scan %s", input.TableName)
		}
		for i := range items {
			visit(&items[i])
		}
		if len(next) == 0 {
			return nil
		}
		input.ExclusiveStartKey = next
	}
}
