package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/parallel"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
)

// smallBytes is how large a file may be of which many are in memory at the same time. Of larger ones there is one.
const smallBytes = 1 << 20

// chunkWork is the work on one chunk.
type chunkWork struct {
	*Ingest
	chunk  *Chunk
	giveUp bool // What AWS does not let be read or written now is a failure.
	whole  bool // It has an invocation's time to itself, as each chunk has in the end.
	behind bool // A later upload may have written its items already.

	stop   context.CancelCauseFunc // Ends all that is under way: the chunk must come again.
	writes chan struct{}           // Has one for each write under way, of which there are no more than reads.

	mu      sync.Mutex
	failed  []*Failure // By file; nil for none.
	pending []pendingItem
	places  map[string]int // Of pending, by key: a batch may have no key twice.
	items   int64
	bytes   int64
	calls   int64
	units   int64
}

// pendingItem is an item that is not written yet.
type pendingItem struct {
	Item
	file int
}

// do reads all files and writes their items. An error is why the chunk must come again.
func (w *chunkWork) do(ctx context.Context) error {
	w.places, w.writes = make(map[string]int, dynamodb.BatchWriteItems), make(chan struct{}, w.Reads)
	ctx, w.stop = context.WithCancelCause(ctx)
	defer w.stop(nil)
	files := ctx
	if w.giveUp && w.whole { // What that time does not do for is given up, too.
		var end context.CancelFunc
		files, end = toCommit(ctx)
		defer end()
	}
	err := parallel.Each(len(w.chunk.Keys), w.Reads, func(file int) error {
		select {
		case <-ctx.Done():
			return nil
		default:
		}
		items, err := w.read(files, file)
		if err != nil {
			err = w.fail(file, err)
		} else {
			err = w.add(files, file, items)
		}
		if err != nil {
			w.stop(err) // The others would be done in vain.
		}
		return nil
	})
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	return w.write(ctx, w.take(0))
}

// fail notes a file that became no items. Where it is not the file's fault, it returns the error.
func (w *chunkWork) fail(file int, err error) error {
	failure, isFault := failureOf(w.chunk.Key(file), err)
	if !isFault {
		if !w.giveUp {
			return err
		}
		failure = Failure{w.chunk.Key(file), FileUnavailable, cut(err.Error(), maxDetailBytes)}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed[file] == nil {
		w.failed[file] = &failure
	}
	return nil
}

// read makes items of one file.
func (w *chunkWork) read(ctx context.Context, file int) ([]Item, error) {
	key := w.chunk.Key(file)
	buffer, _ := w.buffers.Get().(*[]byte)
	if buffer == nil {
		buffer = new([]byte)
	}
	defer w.buffers.Put(buffer)
	most := min(smallBytes, w.MaxBytes)
	calls := int64(1)
	body, err := w.Source.ReadObject(ctx, key, most, *buffer)
	if errors.Is(err, s3.ErrTooLarge) && most < w.MaxBytes {
		w.large.Lock()
		defer w.large.Unlock()
		calls++
		body, err = w.Source.ReadObject(ctx, key, w.MaxBytes, nil)
	} else if err == nil {
		*buffer = body[:0]
	}
	w.mu.Lock()
	w.calls += calls
	w.bytes += int64(len(body))
	w.mu.Unlock()
	if err != nil {
		return nil, w.readFault(ctx, key, err)
	}
	return w.Mapper.Items(body, w.MaxBytes, Origin{w.chunk.Run, w.chunk.At, key})
}

// readFault makes a fault of the file of an error that would be the same the next time.
func (w *chunkWork) readFault(ctx context.Context, key string, err error) error {
	var refused *awscall.Refusal
	switch {
	case errors.Is(err, s3.ErrTooLarge):
		return faulty(FileTooLarge, "it has more than %d bytes", w.MaxBytes)
	case !errors.As(err, &refused) || !final(refused):
		return err
	case refused.Status == http.StatusNotFound, refused.Status == http.StatusForbidden && w.gone(ctx, key):
		return faulty(FileGone, "%s", refused.Code)
	default: // Forbidden, in an archive, or under a key that is not to be had.
		return faulty(FileDenied, "%s: %s", refused.Code, refused.Message)
	}
}

// gone says whether a file that S3 does not let be read is not there. S3 tells that it is not only to who may list the bucket (S3 API Reference, GetObject,
// "Permissions"), which a role that may list what is below a prefix alone is not; but that it may list.
func (w *chunkWork) gone(ctx context.Context, key string) bool {
	w.mu.Lock()
	w.calls++
	w.mu.Unlock()
	objects, _, err := w.Source.ListObjects(ctx, key, "", nil)
	return err == nil && (len(objects) == 0 || objects[0].Key != key)
}

// final says whether a refusal is about what was asked for, and not about when, by whom or how fast. A role that may read nothing at all makes every file a
// failure, which a replay mends; a shard that waited would end in losing its records.
func final(refused *awscall.Refusal) bool {
	// S3 hands on what KMS says of a bucket's key (AWS KMS Developer Guide, "Request quotas").
	code := strings.TrimPrefix(refused.Code, "KMS.")
	if _, throttled := retry.DefaultThrottleErrorCodes[code]; throttled {
		return false
	}
	switch code {
	case "RequestTimeout", "RequestTimeTooSkewed", "ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket":
		return false
	}
	return refused.Status >= 400 && refused.Status < 500 && refused.Status != http.StatusTooManyRequests && refused.Status != http.StatusRequestTimeout
}

// add takes a file's items, and writes those for which there are enough for a call: of a file with thousands many at the same time.
func (w *chunkWork) add(ctx context.Context, file int, items []Item) error {
	w.mu.Lock()
	for i := range items {
		if at, twice := w.places[items[i].Key]; twice {
			w.pending[at] = pendingItem{items[i], file}
			continue
		}
		w.places[items[i].Key] = len(w.pending)
		w.pending = append(w.pending, pendingItem{items[i], file})
	}
	ready := len(w.pending) / dynamodb.BatchWriteItems
	w.mu.Unlock()
	return parallel.Each(ready, w.Reads, func(int) error {
		w.writes <- struct{}{}
		defer func() { <-w.writes }()
		err := w.write(ctx, w.take(dynamodb.BatchWriteItems))
		if err != nil {
			w.stop(err)
		}
		return err
	})
}

// take takes what one call writes, where at least so many items are there.
func (w *chunkWork) take(least int) []pendingItem {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.pending) < least || len(w.pending) == 0 {
		return nil
	}
	first := max(0, len(w.pending)-dynamodb.BatchWriteItems)
	batch := slices.Clone(w.pending[first:])
	clear(w.pending[first:])
	w.pending = w.pending[:first]
	for i := range batch {
		delete(w.places, batch[i].Key)
	}
	return batch
}

// write writes items in one call, or where DynamoDB does not take all at once, in some. An item that it refuses makes its file a failure.
func (w *chunkWork) write(ctx context.Context, batch []pendingItem) error {
	if len(batch) == 0 {
		return nil
	}
	if w.behind {
		return w.writeBehind(ctx, batch)
	}
	left := make([]json.RawMessage, len(batch))
	for i := range batch {
		left[i] = batch[i].Encoded
	}
	for try := 0; len(left) > 0; try++ {
		if try > 0 {
			if err := wait(ctx, w.Clock, w.Jitter, try); err != nil {
				if err = fmt.Errorf("write items to %s: %d are left: %w", w.Store.Items, len(left), err); w.giveUp {
					return w.failAll(batch, err)
				}
				return err
			}
		}
		var err error
		left, err = w.Store.Client.BatchPutEncoded(ctx, w.Store.Items, left)
		w.mu.Lock()
		w.calls++
		w.mu.Unlock()
		var refused *awscall.Refusal
		switch {
		case err == nil:
		case errors.As(err, &refused) && refused.Code == "ValidationException":
			return w.writeEach(ctx, batch, refused)
		case w.giveUp:
			return w.failAll(batch, err)
		default:
			return fmt.Errorf("write items to %s: %w", w.Store.Items, err)
		}
	}
	w.wrote(batch)
	return nil
}

// wrote counts items.
func (w *chunkWork) wrote(batch []pendingItem) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range batch {
		w.units += int64(batch[i].Bytes+1023) / 1024 // DynamoDB Developer Guide, "Read and write operations": a unit is 1 KB.
	}
	w.items += int64(len(batch))
}

// behindAtOnce is how many items of a batch are written at the same time by one call each.
const behindAtOnce = 8

// writeBehind writes items where no later upload did: of that they would be taken for gone. A call for many knows no conditions. An item that another stands in the
// place of counts as any other, and costs as much.
func (w *chunkWork) writeBehind(ctx context.Context, batch []pendingItem) error {
	const where = "attribute_not_exists(#at) OR #at <= :at"
	return parallel.Each(len(batch), behindAtOnce, func(i int) error {
		put := dynamodb.PutItem{
			TableName: w.Store.Items, ConditionExpression: where, ExpressionAttributeNames: dynamodb.Names(where),
			ExpressionAttributeValues: dynamodb.Item{":at": dynamodb.Number(w.chunk.At)},
		}
		if err := json.Unmarshal(batch[i].Encoded, &put.Item); err != nil {
			return fmt.Errorf("read the item %q: %w", cut(batch[i].Key, 60), err)
		}
		err := w.Store.Client.PutItem(ctx, &put)
		w.mu.Lock()
		w.calls++
		w.mu.Unlock()
		var later *dynamodb.ConditionalCheckFailedException
		var refused *awscall.Refusal
		switch {
		case err == nil, errors.As(err, &later):
			w.wrote(batch[i : i+1])
			return nil
		case errors.As(err, &refused) && refused.Code == "ValidationException":
			return w.writeEach(ctx, batch[i:i+1], refused)
		case w.giveUp:
			return w.failAll(batch[i:i+1], err)
		}
		return fmt.Errorf("write an item to %s: %w", w.Store.Items, err)
	})
}

// writeEach finds the items for which a batch was refused.
func (w *chunkWork) writeEach(ctx context.Context, batch []pendingItem, refused *awscall.Refusal) error {
	if len(batch) == 1 {
		return w.fail(batch[0].file, faulty(FileRefused, "item %q: %s", cut(batch[0].Key, 60), refused.Message))
	}
	for i := range batch {
		if err := w.write(ctx, batch[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (w *chunkWork) failAll(batch []pendingItem, err error) error {
	for i := range batch {
		if failErr := w.fail(batch[i].file, err); failErr != nil {
			return failErr
		}
	}
	return nil
}

// outcome is what became of the chunk, its failures in the order of its files.
func (w *chunkWork) outcome() outcome {
	done := outcome{files: int64(len(w.chunk.Keys)), items: w.items, bytes: w.bytes, calls: w.calls, units: w.units}
	for _, failure := range w.failed {
		if failure != nil {
			done.failures = append(done.failures, *failure)
		}
	}
	done.ingested = done.files - int64(len(done.failures))
	return done
}
