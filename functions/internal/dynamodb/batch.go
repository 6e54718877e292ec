package dynamodb

import (
	"context"
	"encoding/json"
)

// BatchWriteItems is how many items one BatchPutItem may have (DynamoDB API Reference, BatchWriteItem).
const BatchWriteItems = 25

// BatchPutItem puts at most BatchWriteItems items, each in the place of any other of its key. It returns those that were not taken: a throttled
// table takes some of them only (DynamoDB API Reference, BatchWriteItem, UnprocessedItems).
func (c *Client) BatchPutItem(ctx context.Context, table string, items []Item) (left []Item, err error) {
	return batchPut(ctx, c, table, items)
}

// BatchPutEncoded is BatchPutItem for items that are encoded already: what json.Marshal makes of an Item. Who writes millions of them saves the maps.
func (c *Client) BatchPutEncoded(ctx context.Context, table string, items []json.RawMessage) (left []json.RawMessage, err error) {
	return batchPut(ctx, c, table, items)
}

func batchPut[T Item | json.RawMessage](ctx context.Context, c *Client, table string, items []T) (left []T, err error) {
	type put struct{ PutRequest struct{ Item T } }
	requests := make([]put, len(items))
	for i, item := range items {
		requests[i].PutRequest.Item = item
	}
	var done struct{ UnprocessedItems map[string][]put }
	if err := c.call(ctx, "BatchWriteItem", map[string]any{"RequestItems": map[string][]put{table: requests}}, &done); err != nil {
		return nil, err
	}
	for _, request := range done.UnprocessedItems[table] {
		left = append(left, request.PutRequest.Item)
	}
	return left, nil
}
