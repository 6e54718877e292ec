package pipeline

import (
	"context"
	"fmt"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// ReadRunsCalls bounds how often ReadRuns asks for runs that DynamoDB did not come to.
const ReadRunsCalls = 4

// RunReader reads several runs at once, for who shows them.
type RunReader struct {
	*Store
	Batch interface {
		BatchGetItem(ctx context.Context, table string, keys []dynamodb.Item, consistent bool) (items, left []dynamodb.Item, err error)
	}
}

// ReadRuns reads at most a hundred runs, and returns those that are there by their ids.
func (s *RunReader) ReadRuns(ctx context.Context, ids []string) (map[string]Run, error) {
	found := make(map[string]Run, len(ids))
	left := make([]dynamodb.Item, len(ids))
	for i, id := range ids {
		left[i] = dynamodb.Item{RunsKey: dynamodb.String(id)}
	}
	for try := 0; len(left) > 0; try++ {
		if try == ReadRunsCalls {
			return nil, fmt.Errorf("batch get items from %s: %d are left", s.Runs, len(left))
		}
		if try > 0 {
			if err := wait(ctx, s.Clock, s.Jitter, try-1); err != nil {
				return nil, fmt.Errorf("batch get items from %s: %d are left: %w", s.Runs, len(left), err)
			}
		}
		items, more, err := s.Batch.BatchGetItem(ctx, s.Runs, left, true)
		if err != nil {
			return nil, fmt.Errorf("batch get items from %s: %w", s.Runs, err)
		}
		for _, item := range items {
			run := readRun(item)
			found[run.ID] = run
		}
		left = more
	}
	return found, nil
}
