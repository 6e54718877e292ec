// Package status shows one short text to very many at once: it is written into many items of a DynamoDB table, the shards, each of which says the
// same. A browser reads one of them, chosen at random, with credentials that package session publishes.
//
// An item lies on one partition, which answers 6,000 eventually consistent reads a second of up to 4 KB (DynamoDB Developer Guide, "DynamoDB burst
// and adaptive capacity": 3,000 read units, of which such a read takes half of one), so that the number of shards bounds how often all
// together may read in a second: 6,000 for each.
package status

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	smithytime "github.com/aws/smithy-go/time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/session"
)

const (
	// Key is the table's partition key: the shard's number, from 0, as a string; with what it is about and a slash before it where a table
	// has several texts.
	Key = "shard"
	// Attribute has the text. Its name is in each answer, so that it is short.
	Attribute = "s"
	// attempts is how often a batch is sent whose items were not all taken; tryAgain is the wait before the second one, doubled each time.
	attempts = 5
	tryAgain = 50 * time.Millisecond
)

// Readable is what a reader of a status table may do: get single items of it by their shard, and see of them the text alone (DynamoDB Developer
// Guide, "Using IAM policy conditions for fine-grained access control"). IAM cannot tell an eventually consistent read from the other sort,
// which costs twice as much.
func Readable(tableARN string) session.Statement {
	return session.Statement{
		Effect: "Allow", Action: "dynamodb:GetItem", Resource: tableARN,
		Condition: map[string]map[string][]string{
			"ForAllValues:StringEquals": {"dynamodb:Attributes": {Attribute, Key}},
			"StringEqualsIfExists":      {"dynamodb:Select": {"SPECIFIC_ATTRIBUTES"}},
		},
	}
}

// Writer is the part of DynamoDB's client that Board uses.
type Writer interface {
	BatchPutItem(ctx context.Context, table string, items []dynamodb.Item) (left []dynamodb.Item, err error)
}

// Board is a status table.
type Board struct {
	Client Writer
	Table  string
	Shards int // How many items there are.
}

// Write shows a text in all shards. Where it fails some of them may have it and others not, which readers must bear: let the text have a
// version.
func (b *Board) Write(ctx context.Context, text string) error { return b.write(ctx, "", text) }

// WriteOf is Write for one of several texts, by what it is about.
func (b *Board) WriteOf(ctx context.Context, subject, text string) error {
	return b.write(ctx, subject+"/", text)
}

func (b *Board) write(ctx context.Context, prefix, text string) error {
	var failed []chan error
	for from := 0; from < b.Shards; from += dynamodb.BatchWriteItems {
		var items []dynamodb.Item
		for shard := from; shard < min(from+dynamodb.BatchWriteItems, b.Shards); shard++ {
			items = append(items, dynamodb.Item{Key: dynamodb.String(prefix + strconv.Itoa(shard)), Attribute: dynamodb.String(text)})
		}
		done := make(chan error, 1)
		failed = append(failed, done)
		go func() { done <- b.batch(ctx, items) }()
	}
	var errs []error
	for _, done := range failed {
		errs = append(errs, <-done)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("write status into %s: %w", b.Table, err)
	}
	return nil
}

// batch writes items of one call. A throttled table takes some of them only (DynamoDB API Reference, BatchWriteItem, UnprocessedItems).
func (b *Board) batch(ctx context.Context, items []dynamodb.Item) error {
	wait := tryAgain
	for attempt := 1; ; attempt++ {
		var err error
		if items, err = b.Client.BatchPutItem(ctx, b.Table, items); err != nil || len(items) == 0 {
			return err
		}
		if attempt == attempts {
			return fmt.Errorf("%d items were not taken in %d attempts", len(items), attempts)
		}
		if err := smithytime.SleepWithContext(ctx, wait); err != nil {
			return fmt.Errorf("%d items were not taken: %w", len(items), err)
		}
		wait *= 2
	}
}
