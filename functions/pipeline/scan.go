package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/parallel"
)

const (
	// scanSegments is how many parts of the table are scanned at once, and scanItems how many items one call looks at: a page of 1 MB may have ten thousand, each of
	// which takes a kilobyte of memory when it is read.
	scanSegments = 8
	scanItems    = 250
	// expireAtOnce bounds the writes at the same time for items that are gone.
	expireAtOnce = 16
)

// savedScan is what a scan keeps between invocations: how far it is, and what it counted until there. Both are of one moment, so that nothing counts twice.
type savedScan struct {
	scanOf
	After  [scanSegments]string `json:"after"` // The last key of each part that was counted.
	Over   [scanSegments]bool   `json:"over"`  // The parts that are counted.
	Gone   int64                `json:"gone"`  // Items that are gone from the upload.
	Groups *groups              `json:"groups"`
}

// scanOf is what a scan counts.
type scanOf struct {
	Segment string   `json:"segment"` // The attribute.
	Metrics []string `json:"metrics"`
}

// scan is one on its way.
type scan struct {
	*Segmenter
	run   Run
	mu    sync.Mutex
	saved savedScan
}

func (s *scan) over() bool {
	for _, over := range s.saved.Over {
		if !over {
			return false
		}
	}
	return true
}

// goOn scans until the table or the time ends.
func (s *scan) goOn(ctx context.Context) error {
	return parallel.Each(scanSegments, scanSegments, func(part int) error {
		for !s.saved.Over[part] && !NearDeadline(ctx, s.Clock) {
			page, err := s.Store.Client.Scan(ctx, s.request(part))
			if err != nil {
				return fmt.Errorf("scan %s: %w", s.Store.Items, err)
			}
			if err := s.expire(ctx, page.Items); err != nil {
				return err
			}
			if err := s.count(part, page); err != nil {
				return err
			}
		}
		return nil
	})
}

// request is the next page of a part. A segment's figures are of all items, so it is strongly consistent: the last were written seconds before.
func (s *scan) request(part int) *dynamodb.Scan {
	attributes := []string{ItemKey, ItemRun, ItemAt, ItemExpires}
	if s.Segment != "" {
		attributes = append(attributes, s.Segment)
		attributes = append(attributes, s.Metrics...)
	}
	names, aliases := map[string]string{}, make([]string, 0, len(attributes))
	seen := map[string]bool{}
	for i, attribute := range attributes {
		if seen[attribute] {
			continue
		}
		seen[attribute] = true
		alias := "#a" + strconv.Itoa(i)
		names[alias] = attribute
		aliases = append(aliases, alias)
	}
	request := &dynamodb.Scan{
		TableName: s.Store.Items, ConsistentRead: true, Segment: &part, TotalSegments: scanSegments, Limit: scanItems,
		ProjectionExpression: strings.Join(aliases, ", "), ExpressionAttributeNames: names,
	}
	if after := s.saved.After[part]; after != "" {
		request.ExclusiveStartKey = dynamodb.Item{ItemKey: dynamodb.String(after)}
	}
	return request
}

// count counts a page, and goes past it.
func (s *scan) count(part int, page dynamodb.Page) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	numbers := make([]float64, len(s.Metrics))
	for _, item := range page.Items {
		if s.isGone(item) {
			s.saved.Gone++
			continue
		}
		value := item[s.Segment].Text()
		if value == "" || len(value) > maxValueBytes {
			continue
		}
		for i, metric := range s.Metrics {
			number, err := strconv.ParseFloat(item[metric].N, 64)
			if err != nil {
				number = math.NaN() // Not there, or of another type.
			}
			numbers[i] = number
		}
		if err := s.saved.Groups.add(value, numbers); err != nil {
			return err
		}
	}
	s.saved.After[part] = page.LastEvaluatedKey[ItemKey].Text()
	s.saved.Over[part] = s.saved.After[part] == ""
	return nil
}

// isGone says whether an item is of an earlier upload, where such are not kept.
func (s *scan) isGone(item dynamodb.Item) bool {
	return s.ExpireAfter > 0 && item[ItemAt].Int() < s.run.At
}

// expire lets DynamoDB delete the items that are gone, after a while in which a replay may bring them back. Whoever writes an item again takes that from it.
func (s *scan) expire(ctx context.Context, items []dynamodb.Item) error {
	var gone []dynamodb.Item
	for _, item := range items {
		if _, expires := item[ItemExpires]; !expires && s.isGone(item) {
			gone = append(gone, item)
		}
	}
	at := dynamodb.Number(s.Clock.Now().Add(s.ExpireAfter).Unix())
	return parallel.Each(len(gone), expireAtOnce, func(i int) error {
		const change, where = "SET #expires = :expires", "#run = :run AND #at = :at"
		err := s.Store.Client.UpdateItem(ctx, &dynamodb.UpdateItem{
			TableName: s.Store.Items, Key: dynamodb.Item{ItemKey: gone[i][ItemKey]}, UpdateExpression: change, ConditionExpression: where,
			ExpressionAttributeNames:  dynamodb.Names(change, where),
			ExpressionAttributeValues: dynamodb.Item{":expires": at, ":run": gone[i][ItemRun], ":at": gone[i][ItemAt]},
		})
		var written *dynamodb.ConditionalCheckFailedException
		if errors.As(err, &written) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("expire an item of %s: %w", s.Store.Items, err)
		}
		return nil
	})
}
