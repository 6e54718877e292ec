package votingwindow

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// scanSegments is how many parts of a table are scanned at once. One segment reads some 20 pages of 1 MB a second, so eight count
// a million ballots of 150 bytes in about a second, at a rate that a table new on demand carries (DynamoDB Developer Guide: 12,000 read units a second).
const scanSegments = 8

// countBy counts a table's items by one attribute, in parallel, a page at a time.
func (s *Store) countBy(ctx context.Context, table, attribute string, consistent bool) (map[string]int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var fault error
	counts := map[string]int64{}
	var segments sync.WaitGroup
	for segment := range int32(scanSegments) {
		segments.Go(func() {
			found := map[string]int64{}
			err := s.scan(ctx, &dynamodb.ScanInput{
				TableName: &table, ConsistentRead: &consistent,
				Segment: aws.Int32(segment), TotalSegments: aws.Int32(scanSegments),
				ProjectionExpression:     aws.String("#value"),
				ExpressionAttributeNames: map[string]string{"#value": attribute},
			}, func(one item) { found[text(one, attribute)]++ })
			mu.Lock()
			defer mu.Unlock()
			if err != nil && fault == nil {
				fault = err
				cancel() // A count with a segment missing is none.
			}
			for value, n := range found {
				counts[value] += n
			}
		})
	}
	segments.Wait()
	if fault != nil {
		return nil, fault
	}
	return counts, nil
}

// scan visits every item of a scan, page by page.
func (s *Store) scan(ctx context.Context, input *dynamodb.ScanInput, visit func(item)) error {
	for {
		page, err := s.Client.Scan(ctx, input)
		if err != nil {
			return wrap(err, "scan %s", *input.TableName)
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
