package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/parallel"
)

// DynamoDB is the part of DynamoDB's client that Store uses.
type DynamoDB interface {
	PutItem(ctx context.Context, put *dynamodb.PutItem) error
	GetItem(ctx context.Context, get *dynamodb.GetItem) (dynamodb.Item, error)
	UpdateItem(ctx context.Context, update *dynamodb.UpdateItem) error
	UpdateReturning(ctx context.Context, update *dynamodb.UpdateItem) (dynamodb.Item, error)
	BatchGetItem(ctx context.Context, table string, keys []dynamodb.Item, consistent bool) (items, left []dynamodb.Item, err error)
	BatchExecuteStatement(ctx context.Context, statements []dynamodb.Statement) ([]*dynamodb.StatementError, error)
	TransactUpdate(ctx context.Context, updates []dynamodb.UpdateItem) error
	Scan(ctx context.Context, scan *dynamodb.Scan) (dynamodb.Page, error)
}

// Store keeps all sales in five tables. It serves every handler's store interface. Sale and fan of a record are in its key.
type Store struct {
	Client DynamoDB
	Tables Tables
}

// Ids in the line table and the state table.
func blockID(sale, line string, number int64) string {
	return sale + "/block/" + line + "/" + strconv.FormatInt(number, 10)
}
func counterID(sale, line string) string      { return sale + "/counter/" + line }
func arrivalsPrefix(sale string) string       { return sale + "/arrivals/" }
func drawID(sale string) string               { return sale + "/draw" }
func windowID(sale string, window int) string { return sale + "/" + strconv.Itoa(window) }
func keeperID(sale string) string             { return sale + "/keeper" }
func statusID(sale string, shard int) string  { return sale + "/status/" + strconv.Itoa(shard) }

const (
	// readAtOnce is how many items one call reads.
	readAtOnce = dynamodb.BatchGetItems
	// readTries bounds how often what DynamoDB left out of an answer is asked for again.
	readTries = 5
)

// get reads one item; nil where there is none.
func (s *Store) get(ctx context.Context, table, key, value string, consistent bool) (dynamodb.Item, error) {
	found, err := s.Client.GetItem(ctx, &dynamodb.GetItem{TableName: table, Key: dynamodb.Item{key: dynamodb.String(value)}, ConsistentRead: consistent})
	if err != nil {
		return nil, fmt.Errorf("get item from %s: %w", table, err)
	}
	return found, nil
}

// getMany reads items, at most readAtOnce in a call and the calls at the same time. Those that are not there are not in the answer.
func (s *Store) getMany(ctx context.Context, table, key string, values []string, consistent bool) (map[string]dynamodb.Item, error) {
	found := make(map[string]dynamodb.Item, len(values))
	var mu sync.Mutex
	err := each((len(values)+readAtOnce-1)/readAtOnce, func(call int) error {
		part := values[call*readAtOnce : min((call+1)*readAtOnce, len(values))]
		keys := make([]dynamodb.Item, len(part))
		for i, value := range part {
			keys[i] = dynamodb.Item{key: dynamodb.String(value)}
		}
		for range readTries {
			items, left, err := s.Client.BatchGetItem(ctx, table, keys, consistent)
			if err != nil {
				return err
			}
			mu.Lock()
			for _, item := range items {
				found[item[key].Text()] = item
			}
			mu.Unlock()
			if keys = left; len(keys) == 0 {
				return nil
			}
		}
		return errors.New("DynamoDB left items out of its answers again and again")
	})
	if err != nil {
		return nil, fmt.Errorf("get items from %s: %w", table, err)
	}
	return found, nil
}

// condition is what a write asks of the item that stands, in an expression whose names are the attributes' with a #.
type condition struct {
	text   string
	values dynamodb.Item
}

// put writes an item where the condition holds, and says whether it did.
func (s *Store) put(ctx context.Context, table string, item dynamodb.Item, where condition) (bool, error) {
	err := s.Client.PutItem(ctx, &dynamodb.PutItem{
		TableName: table, Item: item, ConditionExpression: where.text,
		ExpressionAttributeNames: dynamodb.Names(where.text), ExpressionAttributeValues: where.values,
	})
	return held(err, "put item in %s", table)
}

// update changes an item where the condition holds, and says whether it did.
func (s *Store) update(ctx context.Context, table, key, value, change string, where condition) (bool, error) {
	update := changing(table, key, value, change, where)
	err := s.Client.UpdateItem(ctx, &update)
	return held(err, "update item in %s", table)
}

// changing is an update of one item.
func changing(table, key, value, change string, where condition) dynamodb.UpdateItem {
	return dynamodb.UpdateItem{
		TableName: table, Key: dynamodb.Item{key: dynamodb.String(value)}, UpdateExpression: change, ConditionExpression: where.text,
		ExpressionAttributeNames: dynamodb.Names(change, where.text), ExpressionAttributeValues: where.values,
	}
}

// refusal says which items of a transaction did not meet their conditions.
type refusal []bool

// transact writes all or nothing. refused is nil where it wrote.
func (s *Store) transact(ctx context.Context, updates ...dynamodb.UpdateItem) (refused refusal, err error) {
	err = s.Client.TransactUpdate(ctx, updates)
	var canceled *dynamodb.TransactionCanceledException
	if !errors.As(err, &canceled) {
		return nil, err
	}
	refused = make(refusal, len(updates))
	var unmet bool
	for i := range min(len(updates), len(canceled.CancellationReasons)) {
		refused[i] = canceled.CancellationReasons[i].Code == dynamodb.ConditionalCheckFailed
		unmet = unmet || refused[i]
	}
	if !unmet { // By a conflict with another transaction, or throttled: nothing was written.
		return nil, err
	}
	return refused, nil
}

func held(err error, doing, table string) (bool, error) {
	var refused *dynamodb.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf(doing+": %w", table, err)
	}
	return true, nil
}

// callsAtOnce bounds the calls that one handler makes at the same time.
const callsAtOnce = 16

// each does n things, at most callsAtOnce at the same time, and returns all their errors.
func each(n int, do func(i int) error) error { return parallel.Each(n, callsAtOnce, do) }

// lastPart is what follows the last slash of a key.
func lastPart(key string) string { return key[strings.LastIndex(key, "/")+1:] }
