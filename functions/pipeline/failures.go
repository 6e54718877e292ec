package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

const (
	// maxFailuresBytes bounds what of a chunk's failures is in the table. DynamoDB takes 400 KB.
	maxFailuresBytes = 300 << 10
	contentJSON      = "application/json"
	// cachePrivate is for objects that only functions and operators read.
	cachePrivate = "no-store"
)

func failuresObject(run, chunk string) string { return "runs/" + run + "/failed/" + chunk + ".json" }

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
	if expires := s.expires(); expires != 0 {
		change += ", #expires = :expires"
		values[":expires"] = dynamodb.Number(expires)
	}
	return s.change(failedItem(chunk.Run, chunk.ID), change, "", values), nil
}

// FailuresPage reads failures of a run, some chunks at a time, after the marker of the page before. The last page has no marker.
func (s *Store) FailuresPage(ctx context.Context, objects Objects, run, after string) (failures []Failure, marker string, err error) {
	scan := &dynamodb.Scan{
		TableName: s.Runs, ConsistentRead: true, Limit: failuresPage, FilterExpression: "begins_with(#id, :prefix)", ExpressionAttributeNames: dynamodb.Names("#id"),
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
		list := []byte(item["failures"].Text())
		if ref := item["ref"].Text(); ref != "" {
			if list, err = objects.GetObject(ctx, ref); err != nil {
				return nil, "", err
			}
			if list == nil {
				return nil, "", fmt.Errorf("the failures in %s are gone", ref)
			}
		}
		var some []Failure
		if err := json.Unmarshal(list, &some); err != nil {
			return nil, "", fmt.Errorf("read the failures of %s: %w", item[RunsKey].Text(), err)
		}
		failures = append(failures, some...)
	}
	return failures, page.LastEvaluatedKey[RunsKey].Text(), nil
}

// failuresPage is how many items of the table of runs one page looks at. At most this many chunks have failures in it: in memory, ten megabytes.
const failuresPage = 100

// readFailures takes a page of the failures of another run for a listing. Its marker is the item after which the next page begins.
func (l *Lister) readFailures(ctx context.Context, run Run, page *checkpoint) (last bool, err error) {
	failures, marker, err := l.Store.FailuresPage(ctx, l.Objects, run.ReplayOf, run.Marker)
	if err != nil {
		return false, err
	}
	for _, failure := range failures {
		l.keys = append(l.keys, failure.Key)
	}
	if marker == "" {
		return true, nil
	}
	if marker == run.Marker {
		return false, errors.New("DynamoDB says that more follows and returns nothing")
	}
	page.marker = marker
	return false, nil
}
