package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// source is AWS as lister, ingest and segmenter see it: a bucket of so many files of a
// little less than 1 KB, as many items, tables and streams that take everything at
// once.
type source struct {
	files int
	state pipeline.State // Of the run.
	// taken are keys that were put onto a stream, items that were written, and items
	// that were scanned.
	taken atomic.Int64
}

const (
	uploadPrefix = "up/2026/11/20/"
	uploadKey    = uploadPrefix + "home-%08d.json"
	uploadBucket = "uploads"
	uploadStart  = `{"run":"bench","prefix":"` + uploadPrefix + `"}`
)

// homeText is the i-th file.
func homeText(i int) []byte {
	return fmt.Appendf(nil, `{"id":"home-%08d","address":{"street":"12 Brunswick Street","suburb":"Suburb %d","state":"VIC","postcode":"3065"},"price":%d,"bedrooms":3,"bathrooms":2,
"land":{"area":212.5,"unit":"m2"},"listed_at":"2026-11-20T08:00:00Z","agent":{"name":"A. Agent","phone":"+61 3 0000 0000","agency":"Burstline Homes"},
"features":["courtyard","heating","period fireplace","rear lane","study","solar panels","bicycle shed"],"description":"A Victorian terrace, kept with care, a short walk from trams, parks and markets. Two living rooms, a kitchen that opens to a courtyard, and a studio above the garage, which the rear lane reaches. The roof was renewed in the spring, and so were the gutters; the fence is shared with the neighbours, who are friends of long standing.","open":true}`,
		i, i%100, 500_000+i%1000*1000)
}

// startsWith starts a bootstrap with that source.
func (s *source) startsWith(ctx context.Context, binary string, env []string) (*stage, error) {
	at := &stage{aws: s.answer}
	if err := at.start(ctx, binary, env); err != nil {
		return nil, err
	}
	if _, err := at.ready(); err != nil {
		return nil, err
	}
	return at, nil
}

// answer answers one call; nil for one that nobody here should make.
func (s *source) answer(r *http.Request, body []byte) (answer []byte, status int) {
	if strings.HasPrefix(r.URL.Path, "/"+uploadBucket) {
		return s.uploaded(r), 0
	}
	switch r.Method + " " + r.Header.Get("X-Amz-Target") {
	case http.MethodGet + " ": // No scan was begun before.
		return []byte(`<Error><Code>NoSuchKey</Code><Message>There is none.</Message></Error>`), http.StatusNotFound
	case http.MethodPut + " ":
		return []byte{}, 0
	}
	return s.called(strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810."), body), 0
}

// uploaded is a page of the listing, or a file.
func (s *source) uploaded(r *http.Request) []byte {
	if r.URL.Query().Get("list-type") == "2" {
		return s.page(r)
	}
	var i int
	if _, err := fmt.Sscanf(r.URL.Path, "/"+uploadBucket+"/"+uploadKey, &i); err != nil {
		return nil
	}
	return homeText(i)
}

func (s *source) called(operation string, body []byte) []byte {
	switch operation {
	case "Kinesis_20131202.PutRecord":
		s.taken.Add(1)
		return []byte(`{"ShardId":"shardId-000000000000","SequenceNumber":"1"}`)
	case "Kinesis_20131202.PutRecords":
		return s.putRecords(body)
	case "GetItem":
		if strings.Contains(string(body), `"bench"`) { // The run, whose state never changes.
			return fmt.Appendf(nil, `{"Item":{"id":{"S":"bench"},"state":{"S":%q},"prefix":{"S":%q},"marker":{"S":""},"at":{"N":"1790000000000"}}}`, s.state, uploadPrefix)
		}
		return []byte(`{}`)
	case "UpdateItem", "TransactWriteItems":
		return []byte(`{}`)
	case "PutItem":
		s.taken.Add(1)
		return []byte(`{}`)
	case "BatchWriteItem":
		s.taken.Add(int64(strings.Count(string(body), `"PutRequest"`)))
		return []byte(`{"UnprocessedItems":{}}`)
	case "Scan":
		return s.scan(body)
	}
	return nil
}

// scannedItems are those of a page of a scan: 1 MB of items of 775 bytes (DynamoDB
// Developer Guide, "Paginating table query results").
const scannedItems = 1 << 20 / 775

// scan is a page of one part of all items, of which each has as many.
func (s *source) scan(body []byte) []byte {
	var asked struct {
		Segment, TotalSegments, Limit int
		ExclusiveStartKey             map[string]struct{ S string }
	}
	if err := json.Unmarshal(body, &asked); err != nil || asked.TotalSegments == 0 {
		return nil
	}
	from, end := asked.Segment*s.files/asked.TotalSegments, (asked.Segment+1)*s.files/asked.TotalSegments
	if after := asked.ExclusiveStartKey["id"].S; after != "" {
		if _, err := fmt.Sscanf(after, "home-%d", &from); err != nil {
			return nil
		}
		from++
	}
	to := min(from+scannedItems, end)
	if asked.Limit > 0 {
		to = min(to, from+asked.Limit)
	}
	answer := []byte(`{"Items":[`)
	for i := from; i < to; i++ {
		if i > from {
			answer = append(answer, ',')
		}
		answer = fmt.Appendf(answer, `{"id":{"S":"home-%08d"},"run":{"S":"bench"},"at":{"N":"1790000000000"},"suburb":{"S":"Suburb %d"},"price":{"N":"%d"}}`, i, i%100, 500_000+i%1000*1000)
	}
	s.taken.Add(int64(to - from))
	answer = append(answer, ']')
	if to < end {
		answer = fmt.Appendf(answer, `,"LastEvaluatedKey":{"id":{"S":"home-%08d"}}`, to-1)
	}
	return append(answer, '}')
}

// page is a page of the listing, after a key or a token that is one.
func (s *source) page(r *http.Request) []byte {
	query := r.URL.Query()
	from := 0
	if after := query.Get("start-after") + query.Get("continuation-token"); after != "" {
		if _, err := fmt.Sscanf(after, uploadKey, &from); err != nil {
			return nil
		}
		from++
	}
	to := min(from+1000, s.files)
	page := fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>%s</Name><Prefix>%s</Prefix><KeyCount>%d</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>%t</IsTruncated>`,
		uploadBucket, uploadPrefix, to-from, to < s.files)
	if to < s.files {
		page = fmt.Appendf(page, "<NextContinuationToken>"+uploadKey+"</NextContinuationToken>", to-1)
	}
	for i := from; i < to; i++ {
		page = fmt.Appendf(page, "<Contents><Key>"+uploadKey+`</Key><LastModified>2026-11-20T08:00:00.000Z</LastModified><ETag>&quot;9b2cf535f27731c974343645a3985328&quot;</ETag><Size>980</Size><StorageClass>STANDARD</StorageClass></Contents>`, i)
	}
	return append(page, "</ListBucketResult>"...)
}

func (s *source) putRecords(body []byte) []byte {
	var put struct{ Records []struct{ Data []byte } }
	if err := json.Unmarshal(body, &put); err != nil {
		return nil
	}
	answer := []byte(`{"FailedRecordCount":0,"Records":[`)
	for i, record := range put.Records {
		var chunk pipeline.Chunk
		if err := json.Unmarshal(record.Data, &chunk); err != nil {
			return nil
		}
		s.taken.Add(int64(len(chunk.Keys)))
		if i > 0 {
			answer = append(answer, ',')
		}
		answer = append(answer, `{"SequenceNumber":"1","ShardId":"shardId-000000000000"}`...)
	}
	return append(answer, "]}"...)
}

// messageOf is the event of a message of a topic.
func messageOf(message string) []byte {
	var record events.SNSEventRecord
	record.EventSource, record.SNS.MessageID, record.SNS.Timestamp = "aws:sns", "00000000-0000-4000-8000-000000000000", time.Now()
	record.SNS.Message = message
	return encoded(events.SNSEvent{Records: []events.SNSEventRecord{record}})
}

// chunksOf is an event of ours with files beginning with the i-th, and keysOf one of
// the tutorial's (Lambda Developer Guide, "Using Lambda with Kinesis Data Streams",
// example event).
func chunksOf(i, chunks int) []byte {
	texts := make([][]byte, chunks)
	for at := range texts {
		chunk := pipeline.Chunk{Run: "bench", ID: fmt.Sprintf("%022d", i), At: 1790000000000, Bucket: uploadBucket, Prefix: uploadPrefix}
		for range pipeline.ChunkKeys {
			chunk.Keys = append(chunk.Keys, fmt.Sprintf(uploadKey, i)[len(uploadPrefix):])
			i++
		}
		texts[at] = encoded(chunk)
	}
	return recordsOf(texts)
}

func keysOf(i, keys int) []byte {
	texts := make([][]byte, keys)
	for at := range texts {
		texts[at] = fmt.Appendf(nil, `{"key":"`+uploadKey+`"}`, i+at)
	}
	return recordsOf(texts)
}

func recordsOf(texts [][]byte) []byte {
	event := events.KinesisEvent{Records: make([]events.KinesisEventRecord, len(texts))}
	for i, text := range texts {
		record := &event.Records[i]
		record.EventID, record.EventName, record.EventSource = "shardId-000000000000:"+strconv.Itoa(i), "aws:kinesis:record", "aws:kinesis"
		record.EventSourceArn, record.AwsRegion = "arn:aws:kinesis:"+region+":123456789012:stream/files", region
		record.Kinesis.Data, record.Kinesis.PartitionKey, record.Kinesis.SequenceNumber = text, strconv.Itoa(i), fmt.Sprintf("495903382715%08d", i)
		record.Kinesis.ApproximateArrivalTimestamp.Time = time.Now()
	}
	return encoded(event)
}

func encoded(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // of texts and numbers alone
	}
	return text
}

// succeeds reports whether an answer is one of a handler that did all it was given.
func succeeds(answer []byte) error {
	if text := string(answer); !strings.HasPrefix(text, "response ") || strings.Contains(text, "itemIdentifier") {
		return errors.New("it answered " + text)
	}
	return nil
}
