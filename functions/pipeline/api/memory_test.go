package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb/dynamodbtest"
)

// aws is DynamoDB, a bucket and a topic. It counts its calls, and fails those that it is told to.
type aws struct {
	mu      sync.Mutex
	tables  map[string]map[string]dynamodb.Item // By kind and id.
	objects map[string]string
	sent    []string
	calls   int
	fails   func(call string) error // nil for never.
}

var errAWS = &awscall.Refusal{GenericAPIError: smithy.GenericAPIError{Code: "InternalServerError", Message: "arn:aws:dynamodb:secret"}, Status: 500}

// begin begins a call. The caller unlocks.
func (a *aws) begin(ctx context.Context, call string) error {
	a.mu.Lock()
	a.calls++
	if a.fails != nil {
		if err := a.fails(call); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func keyOf(item dynamodb.Item) string { return item["kind"].Text() + "|" + item["id"].Text() }

func (a *aws) GetItem(ctx context.Context, get *dynamodb.GetItem) (dynamodb.Item, error) {
	err := a.begin(ctx, "GetItem "+get.TableName)
	defer a.mu.Unlock()
	return maps.Clone(a.tables[get.TableName][keyOf(get.Key)]), err
}

func (a *aws) BatchGetItem(ctx context.Context, table string, keys []dynamodb.Item, _ bool) (items, left []dynamodb.Item, err error) {
	err = a.begin(ctx, "BatchGetItem "+table)
	defer a.mu.Unlock()
	for _, key := range keys {
		if item := a.tables[table][keyOf(key)]; item != nil {
			items = append(items, maps.Clone(item))
		}
	}
	return items, nil, err
}

func (a *aws) meets(put dynamodb.PutItem) bool {
	return put.ConditionExpression == "" || dynamodbtest.Judge(put.ConditionExpression, a.tables[put.TableName][keyOf(put.Item)], put.ExpressionAttributeNames, put.ExpressionAttributeValues)
}

func (a *aws) PutItem(ctx context.Context, put *dynamodb.PutItem) error {
	err := a.begin(ctx, "PutItem "+put.TableName)
	defer a.mu.Unlock()
	if err != nil {
		return err
	}
	if !a.meets(*put) {
		return &dynamodb.ConditionalCheckFailedException{Refusal: errAWS}
	}
	a.tables[put.TableName][keyOf(put.Item)] = put.Item
	return nil
}

func (a *aws) TransactPut(ctx context.Context, puts []dynamodb.PutItem) error {
	err := a.begin(ctx, "TransactPut "+puts[0].TableName)
	defer a.mu.Unlock()
	if err != nil {
		return err
	}
	for _, put := range puts {
		if !a.meets(put) {
			return &dynamodb.TransactionCanceledException{Refusal: errAWS}
		}
	}
	for _, put := range puts {
		a.tables[put.TableName][keyOf(put.Item)] = put.Item
	}
	return nil
}

func (a *aws) DeleteItem(ctx context.Context, remove *dynamodb.DeleteItem) error {
	err := a.begin(ctx, "DeleteItem "+remove.TableName)
	defer a.mu.Unlock()
	delete(a.tables[remove.TableName], keyOf(remove.Key))
	return err
}

func (a *aws) UpdateItem(ctx context.Context, update *dynamodb.UpdateItem) error {
	return a.TransactUpdate(ctx, []dynamodb.UpdateItem{*update})
}

func (a *aws) TransactUpdate(ctx context.Context, updates []dynamodb.UpdateItem) error {
	err := a.begin(ctx, "TransactUpdate "+updates[0].TableName)
	defer a.mu.Unlock()
	if err != nil {
		return err
	}
	for _, u := range updates {
		table := a.tables[u.TableName]
		table[keyOf(u.Key)] = dynamodbtest.Changed(table[keyOf(u.Key)], u.Key, u.UpdateExpression, u.ExpressionAttributeNames, u.ExpressionAttributeValues)
	}
	return nil
}

func (a *aws) BatchPutEncoded(context.Context, string, []json.RawMessage) ([]json.RawMessage, error) {
	return nil, errors.New("nobody writes items here")
}

// Scan reads in the order of the keys.
func (a *aws) Scan(ctx context.Context, scan *dynamodb.Scan) (dynamodb.Page, error) {
	err := a.begin(ctx, "Scan "+scan.TableName)
	defer a.mu.Unlock()
	if err != nil {
		return dynamodb.Page{}, err
	}
	return a.page(scan.TableName, "", scan.ExclusiveStartKey, scan.Limit, true, func(item dynamodb.Item) bool {
		return scan.FilterExpression == "" || dynamodbtest.Judge(scan.FilterExpression, item, scan.ExpressionAttributeNames, scan.ExpressionAttributeValues)
	}), nil
}

func (a *aws) Query(ctx context.Context, query *dynamodb.Query) (dynamodb.Page, error) {
	err := a.begin(ctx, "Query "+query.TableName)
	defer a.mu.Unlock()
	if err != nil {
		return dynamodb.Page{}, err
	}
	forward := query.ScanIndexForward == nil || *query.ScanIndexForward
	return a.page(query.TableName, query.ExpressionAttributeValues[":kind"].Text()+"|", query.ExclusiveStartKey, query.Limit, forward, func(item dynamodb.Item) bool {
		return query.FilterExpression == "" || dynamodbtest.Judge(query.FilterExpression, item, query.ExpressionAttributeNames, query.ExpressionAttributeValues)
	}), nil
}

func (a *aws) page(table, prefix string, after dynamodb.Item, limit int, forward bool, fits func(dynamodb.Item) bool) (page dynamodb.Page) {
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(a.tables[table])), func(key string) bool { return !strings.HasPrefix(key, prefix) })
	from := 0
	if !forward {
		slices.Reverse(keys)
	}
	if after != nil {
		last := keyOf(after)
		from = sort.Search(len(keys), func(i int) bool { return forward && keys[i] > last || !forward && keys[i] < last })
	}
	for i, key := range keys[from:] {
		if limit > 0 && i == limit {
			last := a.tables[table][keys[from+i-1]]
			page.LastEvaluatedKey = dynamodb.Item{"id": last["id"]}
			if kind, has := last["kind"]; has {
				page.LastEvaluatedKey["kind"] = kind
			}
			break
		}
		if item := a.tables[table][key]; fits(item) {
			page.Items = append(page.Items, maps.Clone(item))
		}
	}
	return page
}

func (a *aws) GetObject(ctx context.Context, key string) ([]byte, error) {
	err := a.begin(ctx, "GetObject "+key)
	defer a.mu.Unlock()
	body, found := a.objects[key]
	if !found || err != nil {
		return nil, err
	}
	return []byte(body), nil
}

func (a *aws) GetChanged(ctx context.Context, key, etag string) ([]byte, string, bool, error) {
	err := a.begin(ctx, "GetChanged "+key)
	defer a.mu.Unlock()
	body, found := a.objects[key]
	switch now := fmt.Sprintf("%q", body); {
	case err != nil:
		return nil, "", false, err
	case !found:
		return nil, "", true, nil
	case now == etag:
		return nil, etag, false, nil
	default:
		return []byte(body), now, true, nil
	}
}

func (a *aws) PutObject(ctx context.Context, key string, body []byte, _, _ string) error {
	err := a.begin(ctx, "PutObject "+key)
	defer a.mu.Unlock()
	a.objects[key] = string(bytes.Clone(body))
	return err
}

func (a *aws) Publish(ctx context.Context, message string) error {
	err := a.begin(ctx, "Publish")
	defer a.mu.Unlock()
	if err == nil {
		a.sent = append(a.sent, message)
	}
	return err
}

// hand is a clock that stands still until it is set.
type hand struct {
	mu sync.Mutex
	at time.Time
}

func (h *hand) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hand) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

func (h *hand) After(d time.Duration) <-chan time.Time {
	h.pass(d)
	done := make(chan time.Time, 1)
	done <- h.Now()
	return done
}
