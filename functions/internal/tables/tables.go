// Package tables reads and writes items of whatever types, by awscall, which says why the SDK's client is not used. It is for code that users
// import, too, whose configuration may have less in it than a function's own.
package tables

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// Value is the value of an attribute, as DynamoDB's JSON has it. Of types that are not here it has nothing.
type Value struct {
	S    *string `json:"S,omitempty"`
	N    *string `json:"N,omitempty"`
	BOOL *bool   `json:"BOOL,omitempty"`
}

// String is a text.
func String(text string) Value { return Value{S: &text} }

// Number is a number, given as text so that it keeps all its digits.
func Number(text string) Value { return Value{N: &text} }

// Bool is a truth value.
func Bool(value bool) Value { return Value{BOOL: &value} }

// Millis is a number of milliseconds, or of anything else that is whole.
func Millis(n int64) Value { return Number(strconv.FormatInt(n, 10)) }

// Text is the value as text, whatever its type; empty for none.
func (v Value) Text() string {
	switch {
	case v.S != nil:
		return *v.S
	case v.N != nil:
		return *v.N
	case v.BOOL != nil:
		return strconv.FormatBool(*v.BOOL)
	}
	return ""
}

// Item is an item, or the key of one.
type Item map[string]Value

// Whole is a whole number of an item; 0 where it has none of that name.
func (i Item) Whole(name string) int64 {
	n, err := strconv.ParseInt(i[name].Text(), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Client calls DynamoDB.
type Client struct{ calls awscall.Client }

// New returns a client of DynamoDB.
func New(cfg aws.Config) *Client {
	return &Client{awscall.Client{Config: cfg, Service: "dynamodb", Target: "DynamoDB_20120810", JSON: "1.0", Retryer: Retryer(cfg)}}
}

// Retryer is the configuration's, or else the SDK's standard one.
func Retryer(cfg aws.Config) aws.Retryer {
	if cfg.Retryer != nil {
		return cfg.Retryer()
	}
	return retry.NewStandard()
}

// Read says what a scan or a query reads.
type Read struct {
	TableName                 string
	ConsistentRead            bool              `json:",omitempty"`
	KeyConditionExpression    string            `json:",omitempty"`
	ExpressionAttributeNames  map[string]string `json:",omitempty"`
	ExpressionAttributeValues Item              `json:",omitempty"`
	// ScanIndexForward is false for the newest first; nil where order means nothing.
	ScanIndexForward  *bool `json:",omitempty"`
	ExclusiveStartKey Item  `json:",omitempty"`
}

// Scan reads all items; Query those of a partition, at most so many, 0 for all.
func (c *Client) Scan(ctx context.Context, in Read) ([]Item, error) {
	return c.read(ctx, "Scan", in, 0)
}

// Query is described at Scan.
func (c *Client) Query(ctx context.Context, in Read, most int) ([]Item, error) {
	return c.read(ctx, "Query", in, most)
}

func (c *Client) read(ctx context.Context, operation string, in Read, most int) ([]Item, error) {
	var items []Item
	for {
		var page struct {
			Items            []Item
			LastEvaluatedKey Item
		}
		if err := c.calls.Call(ctx, operation, in, &page); err != nil {
			return nil, fmt.Errorf("read table %s: %w", in.TableName, err)
		}
		items = append(items, page.Items...)
		if most > 0 && len(items) >= most {
			return items[:most], nil
		}
		if in.ExclusiveStartKey = page.LastEvaluatedKey; len(page.LastEvaluatedKey) == 0 {
			return items, nil
		}
	}
}

// Get reads one item, strongly consistent; nil where there is none.
func (c *Client) Get(ctx context.Context, table string, key Item) (Item, error) {
	var out struct{ Item Item }
	in := struct {
		TableName      string
		Key            Item
		ConsistentRead bool
	}{table, key, true}
	if err := c.calls.Call(ctx, "GetItem", in, &out); err != nil {
		return nil, fmt.Errorf("read table %s: %w", table, err)
	}
	return out.Item, nil
}

// Put writes a whole item over what there was.
func (c *Client) Put(ctx context.Context, table string, item Item) error {
	in := struct {
		TableName string
		Item      Item
	}{table, item}
	if err := c.calls.Call(ctx, "PutItem", in, &struct{}{}); err != nil {
		return fmt.Errorf("write into table %s: %w", table, err)
	}
	return nil
}

// Change is an update of one item.
type Change struct {
	TableName                 string
	Key                       Item
	UpdateExpression          string
	ConditionExpression       string            `json:",omitempty"`
	ExpressionAttributeNames  map[string]string `json:",omitempty"`
	ExpressionAttributeValues Item              `json:",omitempty"`
}

// Update changes one item in place.
func (c *Client) Update(ctx context.Context, in Change) error {
	if err := c.calls.Call(ctx, "UpdateItem", in, &struct{}{}); err != nil {
		return fmt.Errorf("write into table %s: %w", in.TableName, err)
	}
	return nil
}
