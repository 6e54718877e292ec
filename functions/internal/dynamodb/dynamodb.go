// Package dynamodb is DynamoDB as far as functions use it: reads and writes of items, and the throughput of a table. Names and meanings are the
// API's (DynamoDB API Reference); a member with its zero value is left out. It is called by awscall, which says why the SDK's client is not used.
package dynamodb

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// Client calls DynamoDB. It may be used from several goroutines.
type Client struct{ client awscall.Client }

// transactionConflict refuses the write of one item that is in somebody's transaction at that moment (DynamoDB Developer Guide, "Transaction conflict handling in
// DynamoDB"). It had no effect and is over within milliseconds, but the SDK's rules do not know it. A transaction that meets another one is cancelled: it has
// another code, and its caller tries it again.
const transactionConflict = "TransactionConflictException"

// New returns a client by a configuration.
func New(cfg aws.Config) *Client {
	return &Client{awscall.Client{Config: cfg, Service: "dynamodb", Target: "DynamoDB_20120810", JSON: "1.0", Retryable: []string{transactionConflict}}}
}

// ConditionalCheckFailedException is a write whose condition does not hold.
type ConditionalCheckFailedException struct {
	*awscall.Refusal
	Item Item // What stands there, where ReturnValuesOnConditionCheckFailure asks for it.
}

// Unwrap is the answer.
func (e *ConditionalCheckFailedException) Unwrap() error { return e.Refusal }

// TransactionCanceledException is a transaction that changed nothing.
type TransactionCanceledException struct {
	*awscall.Refusal
	CancellationReasons []CancellationReason // One for each of its actions, in their order.
}

// Unwrap is the answer.
func (e *TransactionCanceledException) Unwrap() error { return e.Refusal }

// CancellationReason is why an action stood in the way of its transaction: "None" where it did not.
type CancellationReason struct{ Code, Message string }

// ConditionalCheckFailed is the code of an action whose condition does not hold.
const ConditionalCheckFailed = "ConditionalCheckFailed"

// AllOld is the ReturnValuesOnConditionCheckFailure with which a write that is refused returns what stands there.
const AllOld = "ALL_OLD"

// PutItem is an item to be put in the place of any other of its key.
type PutItem struct {
	TableName                           string
	Item                                Item
	ConditionExpression                 string            `json:",omitempty"`
	ExpressionAttributeNames            map[string]string `json:",omitempty"`
	ExpressionAttributeValues           Item              `json:",omitempty"`
	ReturnValuesOnConditionCheckFailure string            `json:",omitempty"`
}

// GetItem is an item to be read.
type GetItem struct {
	TableName      string
	Key            Item
	ConsistentRead bool `json:",omitempty"`
}

// UpdateItem is an item to be changed.
type UpdateItem struct {
	TableName                 string
	Key                       Item
	UpdateExpression          string
	ConditionExpression       string            `json:",omitempty"`
	ExpressionAttributeNames  map[string]string `json:",omitempty"`
	ExpressionAttributeValues Item              `json:",omitempty"`
}

// DeleteItem is an item to be deleted.
type DeleteItem struct {
	TableName                 string
	Key                       Item
	ConditionExpression       string            `json:",omitempty"`
	ExpressionAttributeNames  map[string]string `json:",omitempty"`
	ExpressionAttributeValues Item              `json:",omitempty"`
}

// Scan is a page of a table, or of a segment of it, to be read.
type Scan struct {
	TableName                 string
	ConsistentRead            bool              `json:",omitempty"`
	FilterExpression          string            `json:",omitempty"`
	ProjectionExpression      string            `json:",omitempty"`
	ExpressionAttributeNames  map[string]string `json:",omitempty"`
	ExpressionAttributeValues Item              `json:",omitempty"`
	Limit                     int               `json:",omitempty"`
	Segment                   *int              `json:",omitempty"` // From zero; with TotalSegments.
	TotalSegments             int               `json:",omitempty"`
	ExclusiveStartKey         Item              `json:",omitempty"`
}

// Query is a page of the items of one partition key to be read.
type Query struct {
	TableName                 string
	ConsistentRead            bool `json:",omitempty"`
	KeyConditionExpression    string
	FilterExpression          string            `json:",omitempty"`
	ExpressionAttributeNames  map[string]string `json:",omitempty"`
	ExpressionAttributeValues Item              `json:",omitempty"`
	ScanIndexForward          *bool             `json:",omitempty"` // False for descending sort keys; nil for ascending ones.
	Limit                     int               `json:",omitempty"` // Of what is read, before the filter.
	ExclusiveStartKey         Item              `json:",omitempty"`
}

// Page is what a scan or a query reads in one call.
type Page struct {
	Items            []Item
	LastEvaluatedKey Item // Where the next page begins; nil after the last.
}

// Statement is one of PartiQL.
type Statement struct {
	Statement  string
	Parameters []Value `json:",omitempty"`
}

// StatementError is why a statement of a batch had no effect, or none that is known.
type StatementError struct{ Code, Message string }

func (e *StatementError) Error() string { return e.Code + ": " + e.Message }

// DuplicateItem is the code of an INSERT whose key is taken.
const DuplicateItem = "DuplicateItem"

// PutItem puts an item.
func (c *Client) PutItem(ctx context.Context, put *PutItem) error {
	return c.call(ctx, "PutItem", put, nil)
}

// GetItem reads an item; nil where there is none.
func (c *Client) GetItem(ctx context.Context, get *GetItem) (Item, error) {
	var found struct{ Item Item }
	err := c.call(ctx, "GetItem", get, &found)
	return found.Item, err
}

// UpdateItem changes an item.
func (c *Client) UpdateItem(ctx context.Context, update *UpdateItem) error {
	return c.call(ctx, "UpdateItem", update, nil)
}

// UpdateReturning changes an item, and returns the attributes that it changed as they are then.
func (c *Client) UpdateReturning(ctx context.Context, update *UpdateItem) (Item, error) {
	var changed struct{ Attributes Item }
	err := c.call(ctx, "UpdateItem", struct {
		*UpdateItem
		ReturnValues string
	}{update, "UPDATED_NEW"}, &changed)
	return changed.Attributes, err
}

// BatchGetItems is how many items one BatchGetItem may ask for (DynamoDB API Reference, BatchGetItem).
const BatchGetItems = 100

// BatchGetItem reads items of a table; eventually consistent ones cost half. Those that are not there are not in its answer. left are the keys that DynamoDB
// did not come to.
func (c *Client) BatchGetItem(ctx context.Context, table string, keys []Item, consistent bool) (items, left []Item, err error) {
	type wanted struct {
		Keys           []Item
		ConsistentRead bool `json:",omitempty"`
	}
	var found struct {
		Responses       map[string][]Item
		UnprocessedKeys map[string]wanted
	}
	err = c.call(ctx, "BatchGetItem", map[string]any{"RequestItems": map[string]wanted{table: {keys, consistent}}}, &found)
	return found.Responses[table], found.UnprocessedKeys[table].Keys, err
}

// TransactUpdate changes items, each where its condition holds, all or none, as TransactPut does.
func (c *Client) TransactUpdate(ctx context.Context, updates []UpdateItem) error {
	type action struct{ Update UpdateItem }
	actions := make([]action, len(updates))
	for i := range updates {
		actions[i].Update = updates[i]
	}
	return c.call(ctx, "TransactWriteItems", map[string]any{"TransactItems": actions, "ClientRequestToken": rand.Text()}, nil)
}

// DeleteItem deletes an item.
func (c *Client) DeleteItem(ctx context.Context, remove *DeleteItem) error {
	return c.call(ctx, "DeleteItem", remove, nil)
}

// Scan reads a page.
func (c *Client) Scan(ctx context.Context, scan *Scan) (Page, error) {
	var page Page
	var err error
	page.LastEvaluatedKey, err = c.ScanInto(ctx, scan, &page.Items)
	return page, err
}

// ScanInto reads a page into a pointer to a slice, of Item or of what encoding/json makes of items: a struct with a member for each attribute takes
// a tenth of an Item's memory. It returns where the next page begins; nil after the last.
func (c *Client) ScanInto(ctx context.Context, scan *Scan, items any) (Item, error) {
	page := struct {
		Items            any
		LastEvaluatedKey Item
	}{Items: items}
	err := c.call(ctx, "Scan", scan, &page)
	return page.LastEvaluatedKey, err
}

// Query reads a page.
func (c *Client) Query(ctx context.Context, query *Query) (Page, error) {
	var page Page
	err := c.call(ctx, "Query", query, &page)
	return page, err
}

// TransactPut puts items, each where its condition holds, all or none. All attempts of one call have one token, so that one whose first answer
// was lost changes nothing (DynamoDB API Reference, TransactWriteItems, ClientRequestToken).
func (c *Client) TransactPut(ctx context.Context, puts []PutItem) error {
	type action struct{ Put PutItem }
	actions := make([]action, len(puts))
	for i := range puts {
		actions[i].Put = puts[i]
	}
	return c.call(ctx, "TransactWriteItems", map[string]any{"TransactItems": actions, "ClientRequestToken": rand.Text()}, nil)
}

// BatchExecuteStatement executes at most 25 statements, each by itself. It returns what became of each: nil where it took effect.
func (c *Client) BatchExecuteStatement(ctx context.Context, statements []Statement) ([]*StatementError, error) {
	var done struct {
		Responses []struct{ Error *StatementError }
	}
	if err := c.call(ctx, "BatchExecuteStatement", map[string]any{"Statements": statements}, &done); err != nil {
		return nil, err
	}
	if len(done.Responses) != len(statements) {
		return nil, fmt.Errorf("%d answers to %d statements", len(done.Responses), len(statements))
	}
	errs := make([]*StatementError, len(statements))
	for i := range done.Responses {
		errs[i] = done.Responses[i].Error
	}
	return errs, nil
}

// Throughput is a table's provisioned capacity.
type Throughput struct {
	Reads, Writes int64 // Units a second; zero where it is paid on demand.
	Active        bool  // It is not being changed.
	// DecreasesToday is how often it was lowered since midnight UTC, and LastDecrease when last.
	DecreasesToday int64
	LastDecrease   time.Time
}

// DescribeThroughput reads a table's capacity.
func (c *Client) DescribeThroughput(ctx context.Context, table string) (Throughput, error) {
	var found struct {
		Table struct {
			TableStatus           string
			ProvisionedThroughput struct {
				ReadCapacityUnits, WriteCapacityUnits, NumberOfDecreasesToday int64
				LastDecreaseDateTime                                          float64 // Seconds since 1970.
			}
		}
	}
	if err := c.call(ctx, "DescribeTable", map[string]string{"TableName": table}, &found); err != nil {
		return Throughput{}, err
	}
	capacity := found.Table.ProvisionedThroughput
	throughput := Throughput{
		Reads: capacity.ReadCapacityUnits, Writes: capacity.WriteCapacityUnits,
		Active: found.Table.TableStatus == "ACTIVE", DecreasesToday: capacity.NumberOfDecreasesToday,
	}
	if at := capacity.LastDecreaseDateTime; at != 0 {
		throughput.LastDecrease = time.UnixMilli(int64(at * 1000)).UTC()
	}
	return throughput, nil
}

// UpdateThroughput asks for a capacity, in units a second.
func (c *Client) UpdateThroughput(ctx context.Context, table string, reads, writes int64) error {
	return c.call(ctx, "UpdateTable", map[string]any{
		"TableName": table, "ProvisionedThroughput": map[string]int64{"ReadCapacityUnits": reads, "WriteCapacityUnits": writes},
	}, nil)
}

// call makes one call, and gives errors that callers tell from others their types.
func (c *Client) call(ctx context.Context, operation string, in, out any) error {
	err := c.client.Call(ctx, operation, in, out)
	var refused *awscall.Refusal
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.Code {
	case "ConditionalCheckFailedException":
		typed := &ConditionalCheckFailedException{Refusal: refused}
		return typedBy(refused, typed, err, &struct{ Item *Item }{&typed.Item})
	case "TransactionCanceledException":
		typed := &TransactionCanceledException{Refusal: refused}
		return typedBy(refused, typed, err, &struct{ CancellationReasons *[]CancellationReason }{&typed.CancellationReasons})
	}
	return err
}

// typedBy is an error with what its answer says beside code and message, or, where that cannot be read, the error as it came.
func typedBy(refused *awscall.Refusal, typed, plain error, members any) error {
	if err := json.Unmarshal(refused.Body, members); err != nil {
		return errors.Join(plain, fmt.Errorf("decode the answer: %w", err))
	}
	return typed
}
