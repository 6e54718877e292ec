package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// DynamoDB is the part of DynamoDB's client that Store uses.
type DynamoDB interface {
	GetItem(ctx context.Context, get *dynamodb.GetItem) (dynamodb.Item, error)
	PutItem(ctx context.Context, put *dynamodb.PutItem) error
	UpdateItem(ctx context.Context, update *dynamodb.UpdateItem) error
	TransactUpdate(ctx context.Context, updates []dynamodb.UpdateItem) error
	BatchPutEncoded(ctx context.Context, table string, items []json.RawMessage) (left []json.RawMessage, err error)
	Scan(ctx context.Context, scan *dynamodb.Scan) (dynamodb.Page, error)
}

// Store keeps runs and items.
type Store struct {
	Client    DynamoDB
	Runs      string // Tables.
	Items     string
	Clock     clock.Clock
	Retention time.Duration  // Of runs, from now; 0 for ever.
	Jitter    func() float64 // From 0 to 1: spreads what is tried again.
}

const (
	// patience is the first wait before something is tried again, and patienceMost the longest.
	patience     = 50 * time.Millisecond
	patienceMost = 5 * time.Second
	// conflictTries bounds how often a transaction is tried that others stood in the way of.
	conflictTries = 12
)

// wait waits before a try, the first of which is 0: a random time, twice as long each time.
func wait(ctx context.Context, with clock.Clock, jitter func() float64, try int) error {
	most := min(patience<<min(try, 16), patienceMost)
	return clock.Wait(ctx, with, time.Duration(jitter()*float64(most)))
}

// get reads an item of the table of runs, strongly consistent; nil where there is none.
func (s *Store) get(ctx context.Context, id string) (dynamodb.Item, error) {
	found, err := s.Client.GetItem(ctx, &dynamodb.GetItem{TableName: s.Runs, Key: dynamodb.Item{RunsKey: dynamodb.String(id)}, ConsistentRead: true})
	if err != nil {
		return nil, fmt.Errorf("get item from %s: %w", s.Runs, err)
	}
	return found, nil
}

// ReadRun reads a run; false where there is none.
func (s *Store) ReadRun(ctx context.Context, id string) (Run, bool, error) {
	item, err := s.get(ctx, id)
	if err != nil || len(item) == 0 {
		return Run{}, false, err
	}
	return readRun(item), true, nil
}

// change is an update of an item of the table of runs, where a condition holds: the names in both are the attributes' with a #.
func (s *Store) change(id, change, where string, values dynamodb.Item) dynamodb.UpdateItem {
	return dynamodb.UpdateItem{
		TableName: s.Runs, Key: dynamodb.Item{RunsKey: dynamodb.String(id)}, UpdateExpression: change, ConditionExpression: where,
		ExpressionAttributeNames: dynamodb.Names(change, where), ExpressionAttributeValues: values,
	}
}

// keep is change, by a SET expression, of an item that is kept with a run: it says when it expires, too.
func (s *Store) keep(id, set, where string, values dynamodb.Item) dynamodb.UpdateItem {
	if expires := s.expires(); expires != 0 {
		set += ", #expires = :expires"
		values[":expires"] = dynamodb.Number(expires)
	}
	return s.change(id, set, where, values)
}

// update changes an item where the condition holds, and says whether it did.
func (s *Store) update(ctx context.Context, update dynamodb.UpdateItem) (bool, error) {
	err := s.Client.UpdateItem(ctx, &update)
	var refused *dynamodb.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("update item in %s: %w", s.Runs, err)
	}
	return true, nil
}

// transact changes items, all or none. It returns which of them did not meet their conditions; none where it wrote. Where another transaction was in the way it
// tries again: the run's item is in those of all its chunks.
func (s *Store) transact(ctx context.Context, updates ...dynamodb.UpdateItem) (unmet []int, err error) {
	for try := 0; ; try++ {
		err = s.Client.TransactUpdate(ctx, updates)
		var canceled *dynamodb.TransactionCanceledException
		if !errors.As(err, &canceled) {
			break
		}
		for i := range min(len(updates), len(canceled.CancellationReasons)) {
			if canceled.CancellationReasons[i].Code == dynamodb.ConditionalCheckFailed {
				unmet = append(unmet, i)
			}
		}
		if len(unmet) > 0 {
			return unmet, nil
		}
		if try+1 == conflictTries {
			break
		}
		if waitErr := wait(ctx, s.Clock, s.Jitter, try); waitErr != nil {
			return nil, errors.Join(err, waitErr)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("write to %s: %w", s.Runs, err)
	}
	return nil, nil
}

// expires is when DynamoDB deletes what is kept with a run, in seconds since 1970; 0 for never.
func (s *Store) expires() int64 {
	if s.Retention == 0 {
		return 0
	}
	return s.Clock.Now().Add(s.Retention).Unix()
}
