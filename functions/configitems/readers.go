package configitems

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

const (
	// ReadPrefix begins the attributes of a reader that say when it last read a key, in milliseconds since 1970.
	ReadPrefix = "read:"
	// tellEvery is how often a reader tells what it reads, and tellNewAfter how long it waits with a key that is new, or after a failure.
	tellEvery    = time.Hour
	tellNewAfter = time.Minute
	// tellWithin bounds the call, which keeps a value waiting.
	tellWithin = time.Second
	// keysAtOnce keeps an update within the 4 KB of an expression (Service, account, and table quotas in Amazon DynamoDB).
	keysAtOnce = 200
	// readersLast is how long DynamoDB keeps a reader that says nothing: longer than it counts.
	readersLast = 7 * 24 * time.Hour
)

// updater is where a reader tells what it reads.
type updater interface {
	UpdateItem(ctx context.Context, update *dynamodb.UpdateItem) error
}

// readers tells which keys are read. A nil one tells nobody.
type readers struct {
	options Options
	table   updater
	keys    map[string]bool
	told    time.Time // When it last told, or tried to.
	fresh   bool      // There is a key that was not told.
}

func newReaders(table updater, o Options) *readers {
	r := &readers{options: o, table: table, keys: map[string]bool{}}
	for _, key := range o.Keys {
		r.asked(key)
	}
	return r
}

func (r *readers) asked(key string) {
	if r != nil && !r.keys[key] {
		r.keys[key], r.fresh = true, true
	}
}

// tell writes what is read: at the first reading, then every hour, and sooner where there is a new key or the last time failed.
func (r *readers) tell(ctx context.Context) {
	if r == nil || len(r.keys) == 0 {
		return
	}
	now := r.options.Now()
	since := now.Sub(r.told)
	if !r.told.IsZero() && since < tellEvery && (!r.fresh || since < tellNewAfter) {
		return
	}
	r.told, r.fresh = now, false
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	var err error
	for keys := range slices.Chunk(slices.Sorted(maps.Keys(r.keys)), keysAtOnce) {
		if err = r.table.UpdateItem(ctx, r.change(keys, now)); err != nil {
			break
		}
	}
	if err == nil {
		return
	}
	var refused smithy.APIError
	// A role that may not is no fault, and asked again in an hour: somebody may have let it by then.
	r.fresh = !errors.As(err, &refused) || !strings.Contains(refused.ErrorCode(), "AccessDenied")
	err = fmt.Errorf("write into table %s: %w", r.options.ReadersTable, err)
	r.options.Log.WarnContext(ctx, "it could not be told which configuration items are read, so that an apply may take them away", "error", err)
}

// change says of some keys that they are read now.
func (r *readers) change(keys []string, now time.Time) *dynamodb.UpdateItem {
	change := &dynamodb.UpdateItem{
		TableName: r.options.ReadersTable, Key: dynamodb.Item{ReaderAttribute: dynamodb.String(r.options.Reader)},
		ExpressionAttributeNames:  map[string]string{"#expires": ExpiresAttribute},
		ExpressionAttributeValues: dynamodb.Item{":now": dynamodb.Number(now.UnixMilli()), ":expires": dynamodb.Number(now.Add(readersLast).Unix())},
	}
	sets := []string{"#expires = :expires"}
	for i, key := range keys {
		name := fmt.Sprintf("#k%d", i)
		change.ExpressionAttributeNames[name] = ReadPrefix + key
		sets = append(sets, name+" = :now")
	}
	change.UpdateExpression = "SET " + strings.Join(sets, ", ")
	return change
}
