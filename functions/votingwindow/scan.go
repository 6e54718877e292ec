package votingwindow

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// scanSegments is how many parts of a table are scanned at once. One segment reads some 20 pages of 1 MB a second, so eight count
// a million ballots of 61 bytes in half a second, at a rate that a table new on demand carries (DynamoDB Developer Guide: 12,000 read units a second).
const scanSegments = 8

// CountBallots counts the ballots.
func (s *Store) CountBallots(ctx context.Context, consistent bool) (Tally, error) {
	var tallies [scanSegments]Tally
	err := s.segments(ctx, s.Ballots, consistent, []string{BallotsKey, ballotAnswer, ballotQuarantine, ballotReleased, ballotRehearsal}, func(segment int, found item) {
		counts := tallies[segment].of(flag(found, ballotRehearsal))
		if _, quarantined := found[ballotQuarantine]; quarantined {
			counts.Quarantined++
			return
		}
		counts.add(Counted, ballotChoice(found))
		if _, released := found[ballotReleased]; released {
			counts.Released++
		}
	})
	return sum(tallies[:], err)
}

// CountLedger counts the ledger's entries, strongly consistent.
func (s *Store) CountLedger(ctx context.Context) (Tally, error) {
	var tallies [scanSegments]Tally
	err := s.segments(ctx, s.Ledger, true, []string{attrOutcome, attrRehearsal}, func(segment int, found item) {
		tallies[segment].of(flag(found, attrRehearsal)).add(Outcome(text(found, attrOutcome)), "")
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
func (s *Store) segments(
	ctx context.Context, table string, consistent bool, attributes []string, visit func(segment int, found item),
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
			err := s.scan(ctx, &dynamodb.Scan{
				TableName: table, ConsistentRead: consistent, Segment: &segment, TotalSegments: scanSegments,
				ProjectionExpression: projection, ExpressionAttributeNames: names,
			}, func(found item) { visit(segment, found) })
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

// scan visits every item of a scan, page by page.
func (s *Store) scan(ctx context.Context, input *dynamodb.Scan, visit func(item)) error {
	for {
		page, err := s.Client.Scan(ctx, input)
		if err != nil {
			return wrap(err, "scan %s", input.TableName)
		}
		for _, found := range page.Items {
			visit(found)
		}
		if len(page.LastEvaluatedKey) == 0 {
			return nil
		}
		input.ExclusiveStartKey = page.LastEvaluatedKey
	}
}
