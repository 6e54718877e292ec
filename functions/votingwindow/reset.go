package votingwindow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// ResetStore is where a rehearsal is removed from.
type ResetStore interface {
	ControlStore
	// RemoveRehearsal deletes what a rehearsal left, and nothing else.
	RemoveRehearsal(ctx context.Context) (Removed, error)
}

// Removed is how many items of a rehearsal were deleted.
type Removed struct {
	Ballots  int64 `json:"ballots"`
	Entries  int64 `json:"entries"`  // Of the ledger.
	Counters int64 `json:"counters"` // Workers' counters.
}

// Reset removes a rehearsal.
type Reset struct {
	Rules *Rules
	Store ResetStore
	Clock clock.Clock
}

// Handle removes the rehearsal; while the window is open or in grace it refuses. The event is not looked at: `{}` will do. After a failure it can be done
// again.
func (r *Reset) Handle(ctx context.Context, _ json.RawMessage) (Removed, error) {
	control, err := r.Store.ReadControl(ctx)
	if err != nil {
		return Removed{}, fmt.Errorf("read the closing time in force: %w", err)
	}
	window := r.Rules.Effective(control)
	if now := r.Clock.Now(); !now.Before(window.OpensAt) && now.Before(window.graceEnds()) {
		return Removed{}, fmt.Errorf("the window is open: reset a rehearsal before %s or after %s", clockText(window.OpensAt), clockText(window.graceEnds()))
	}
	return r.Store.RemoveRehearsal(ctx)
}

// RemoveRehearsal deletes what a rehearsal left. Each delete of a ballot or an entry is conditional on its mark, so that no fault in finding them could
// reach a real one.
func (s *Store) RemoveRehearsal(ctx context.Context) (removed Removed, err error) {
	marked := "attribute_exists(#rehearsal)"
	if removed.Ballots, err = s.removeAll(ctx, s.Ballots, BallotsKey, marked, map[string]string{"#rehearsal": ballotRehearsal}, nil); err != nil {
		return removed, err
	}
	if removed.Entries, err = s.removeAll(ctx, s.Ledger, LedgerKey, marked, map[string]string{"#rehearsal": attrRehearsal}, nil); err != nil {
		return removed, err
	}
	removed.Counters, err = s.removeAll(ctx, s.Tallies, TalliesKey,
		"begins_with(#key, :prefix)", map[string]string{"#key": TalliesKey}, item{":prefix": str(rehearsalWorkerPrefix)})
	return removed, err
}

// removeAll deletes the items of a table for which a condition holds, and returns how many.
func (s *Store) removeAll(ctx context.Context, table, key, condition string, names map[string]string, values item) (int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var removed int64
	var fault error
	keys := make(chan dynamodb.Value)
	var workers sync.WaitGroup
	for range changeAtOnce {
		workers.Go(func() {
			for value := range keys {
				if ctx.Err() != nil {
					continue // Only to let the scan end.
				}
				var done bool
				err := whileBusy(ctx, func() (err error) {
					done, err = s.removeIf(ctx, table, item{key: value}, condition, names, values)
					return err
				})
				mu.Lock()
				if done {
					removed++
				}
				if err != nil && fault == nil {
					fault = err
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	err := scanAll(ctx, patient{s.Client}, &dynamodb.Scan{
		TableName: table, ConsistentRead: true,
		FilterExpression: condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	}, func(found *item) { keys <- (*found)[key] })
	close(keys)
	workers.Wait()
	if fault != nil {
		err = fault // The scan failed because of it.
	}
	return removed, err
}

func (s *Store) removeIf(ctx context.Context, table string, key item, condition string, names map[string]string, values item) (bool, error) {
	err := s.Client.DeleteItem(ctx, &dynamodb.DeleteItem{
		TableName: table, Key: key, ConditionExpression: condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	var refused *dynamodb.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		return false, nil
	}
	return err == nil, wrap(err, "delete item from %s", table)
}
