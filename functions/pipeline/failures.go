package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/kinesis"
)

const (
	// maxFailuresBytes bounds what of a chunk's failures is in the table. DynamoDB takes 400 KB.
	maxFailuresBytes = 300 << 10
	contentJSON      = "application/json"
	// cachePrivate is for objects that only functions and operators read.
	cachePrivate = "no-store"
)

func failuresObject(run, chunk string) string { return runPrefix(run) + "failed/" + chunk + ".json" }

// failuresUpdate is what is written of a chunk's failures. Too many of them go to an object, before the item that tells of it.
func (s *Store) failuresUpdate(ctx context.Context, objects Objects, chunk *Chunk, failures []Failure) (dynamodb.UpdateItem, error) {
	list, err := json.Marshal(failures)
	if err != nil {
		return dynamodb.UpdateItem{}, fmt.Errorf("encode the failures: %w", err)
	}
	change, values := "SET #failures = :failures", dynamodb.Item{":failures": dynamodb.String(string(list))}
	if len(list) > maxFailuresBytes {
		key := failuresObject(chunk.Run, chunk.ID)
		if err := objects.PutObject(ctx, key, list, contentJSON, cachePrivate); err != nil {
			return dynamodb.UpdateItem{}, err
		}
		change, values = "SET #ref = :ref", dynamodb.Item{":ref": dynamodb.String(key)}
	}
	return s.keep(failedItem(chunk.Run, chunk.ID), change, "", values), nil
}

// FailedChunk is a chunk's failures.
type FailedChunk struct {
	ID       string // Of their item.
	Failures []Failure
}

// FailuresPage reads failures of a run, some chunks at a time, after the marker of the page before. The last page has no marker.
func (s *Store) FailuresPage(ctx context.Context, objects Objects, run, after string) (chunks []FailedChunk, marker string, err error) {
	items, marker, err := s.FailedItems(ctx, run, after, failuresPage)
	if err != nil {
		return nil, "", err
	}
	for _, item := range items {
		failures, err := item.Failures(ctx, objects)
		if err != nil {
			return nil, "", err
		}
		chunks = append(chunks, FailedChunk{item.ID, failures})
	}
	return chunks, marker, nil
}

// FailedItem is where a chunk's failures are: in the table, or where they are too many for it in an object.
type FailedItem struct {
	ID     string
	Object string // Its key; empty where they are in the table.
	list   string
}

// FailedItems looks at so many items of the table of runs, after a marker, for failures of a run. The last page has no marker.
func (s *Store) FailedItems(ctx context.Context, run, after string, looks int) (items []FailedItem, marker string, err error) {
	scan := &dynamodb.Scan{
		TableName: s.Runs, ConsistentRead: true, Limit: looks, FilterExpression: "begins_with(#id, :prefix)", ExpressionAttributeNames: dynamodb.Names("#id"),
		ExpressionAttributeValues: dynamodb.Item{":prefix": dynamodb.String(failedPrefix(run))},
	}
	if after != "" {
		scan.ExclusiveStartKey = dynamodb.Item{RunsKey: dynamodb.String(after)}
	}
	page, err := s.Client.Scan(ctx, scan)
	if err != nil {
		return nil, "", fmt.Errorf("scan %s: %w", s.Runs, err)
	}
	for _, item := range page.Items {
		items = append(items, FailedItem{item[RunsKey].Text(), item["ref"].Text(), item["failures"].Text()})
	}
	return items, page.LastEvaluatedKey[RunsKey].Text(), nil
}

// Failures reads them.
func (f FailedItem) Failures(ctx context.Context, objects Objects) (failures []Failure, err error) {
	list := []byte(f.list)
	if f.Object != "" {
		if list, err = objects.GetObject(ctx, f.Object); err != nil {
			return nil, err
		}
		if list == nil {
			return nil, fmt.Errorf("the failures in %s are gone", f.Object)
		}
	}
	if err := json.Unmarshal(list, &failures); err != nil {
		return nil, fmt.Errorf("read the failures of %s: %w", f.ID, err)
	}
	return failures, nil
}

// failuresPage is how many items of the table of runs one page looks at. At most this many chunks have failures in it: in memory, ten megabytes.
const failuresPage = 100

// packFailures makes chunks of a page of the failures of another run. Its marker is the item after which the next page begins. Where pages end depends on what else
// is in the table, so that the ids of these chunks come of the failures' own item.
func (l *Lister) packFailures(ctx context.Context, run Run, page *checkpoint) (records []kinesis.Record, err error) {
	failed, marker, err := l.Store.FailuresPage(ctx, l.Objects, run.ReplayOf, run.Marker)
	if err != nil {
		return nil, err
	}
	for _, chunk := range failed {
		l.keys = l.keys[:0]
		for _, failure := range chunk.Failures {
			l.keys = append(l.keys, failure.Key)
		}
		some, err := pack(l.head(run), chunk.ID, l.keys, nil, l.ChunkKeys)
		if err != nil {
			return nil, err
		}
		records = append(records, some...)
		page.files += int64(len(chunk.Failures))
	}
	switch marker {
	case "":
		page.last = true
	case run.Marker:
		return nil, errors.New("DynamoDB says that more follows and returns nothing")
	default:
		page.marker = marker
	}
	return records, nil
}
