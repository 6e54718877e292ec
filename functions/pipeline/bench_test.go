package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/kinesis"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// idle is DynamoDB, S3 and Kinesis that agree to everything at once: what is left is the handler's own work.
type idle struct {
	page  []s3.Object
	body  []byte
	pages int
}

func (i *idle) GetItem(_ context.Context, get *dynamodb.GetItem) (dynamodb.Item, error) {
	if get.Key["id"].Text() == "r1" {
		return dynamodb.Item{"id": dynamodb.String("r1"), "state": dynamodb.String("listing"), "prefix": dynamodb.String("up/"), "marker": dynamodb.String("")}, nil
	}
	return nil, nil
}
func (i *idle) PutItem(context.Context, *dynamodb.PutItem) error            { return nil }
func (i *idle) UpdateItem(context.Context, *dynamodb.UpdateItem) error      { return nil }
func (i *idle) TransactUpdate(context.Context, []dynamodb.UpdateItem) error { return nil }
func (i *idle) Publish(context.Context, string) error                       { return nil }
func (i *idle) Scan(context.Context, *dynamodb.Scan) (dynamodb.Page, error) {
	return dynamodb.Page{}, nil
}

func (i *idle) BatchPutEncoded(_ context.Context, _ string, items []json.RawMessage) ([]json.RawMessage, error) {
	return nil, nil
}

func (i *idle) ListObjects(_ context.Context, _, _ string, into []s3.Object) ([]s3.Object, bool, error) {
	i.pages++
	copy(i.page, i.page[1:]) // Its last key is another than before.
	i.page[len(i.page)-1].Key = fmt.Sprintf("up/2026/11/20/listing-%08d.json", 999+i.pages)
	return append(into, i.page...), true, nil
}

func (i *idle) ReadObject(_ context.Context, _ string, _ int64, into []byte) ([]byte, error) {
	return append(into[:0], i.body...), nil
}

func (i *idle) PutRecords(_ context.Context, _ string, _ []kinesis.Record) ([]kinesis.Record, string, error) {
	return nil, "", nil
}

// filesOf reports figures by file of a handler that does so many at a time.
func filesOf(b *testing.B, files int, handle func()) {
	b.Helper()
	b.ReportAllocs()
	var before, since runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		handle()
	}
	runtime.ReadMemStats(&since)
	all := float64(b.N * files)
	b.ReportMetric(all/b.Elapsed().Seconds(), "files/s")
	b.ReportMetric(float64(since.Mallocs-before.Mallocs)/all, "allocs/file")
	b.ReportMetric(float64(since.TotalAlloc-before.TotalAlloc)/all, "B/file")
}

func BenchmarkLister(b *testing.B) {
	aws := &idle{}
	for i := range 1000 {
		aws.page = append(aws.page, s3.Object{Key: fmt.Sprintf("up/2026/11/20/listing-%08d.json", i), Size: 900})
	}
	w := newWorld()
	lister := w.lister()
	lister.Store.Client, lister.Source, lister.Start, lister.Completer.Stage = aws, aws, aws, aws
	lister.Files = &pipeline.Stream{Client: aws, Name: "files", Clock: w.clock, Jitter: half}
	lister.ChunkKeys, lister.Pages = pipeline.ChunkKeys, 10
	event := message(`{"run":"r1","prefix":"up/"}`)
	filesOf(b, 10_000, func() {
		if err := lister.Handle(b.Context(), event); err != nil {
			b.Fatal(err)
		}
	})
}

// kilobyte is a file as the cost of a million is reckoned for, less than 1 KB.
const kilobyte = `{"id":"listing-00000001","address":{"street":"12 Brunswick Street","suburb":"Fitzroy","state":"VIC","postcode":"3065"},"price":1250000,"bedrooms":3,"bathrooms":2,
"land":{"area":212.5,"unit":"m2"},"listed":"2026-11-20T08:00:00Z","agent":{"name":"A. Agent","phone":"+61 3 0000 0000","agency":"Burstline Homes"},
"features":["courtyard","heating","period fireplace","rear lane","study"],"description":"A Victorian terrace, kept with care, a short walk from trams, parks and markets. Two living rooms, a kitchen that opens to a courtyard, and a studio above the garage, which the rear lane reaches.","open":true}`

const homes = `{"key":["/id"],"segment":"suburb","attributes":{"suburb":{"pointer":"/address/suburb","type":"string","required":true},"postcode":{"pointer":"/address/postcode","type":"string"},
"price":{"pointer":"/price","type":"number"},"bedrooms":{"pointer":"/bedrooms","type":"number","default":0},"area":{"pointer":"/land/area","type":"number"},"listed":{"pointer":"/listed","type":"timestamp"},
"open":{"pointer":"/open","type":"bool"},"features":{"pointer":"/features","type":"json"}}}`

func BenchmarkIngest(b *testing.B) {
	aws := &idle{body: []byte(kilobyte)}
	keys := make([]string, pipeline.ChunkKeys)
	for i := range keys {
		keys[i] = fmt.Sprintf("up/2026/11/20/listing-%08d.json", i)
	}
	records, err := pipeline.Pack(pipeline.Chunk{Run: "r1", At: begun, Bucket: "uploads"}, "", keys, nil, pipeline.ChunkKeys)
	if err != nil || len(records) != 1 {
		b.Fatal(len(records), err)
	}
	var event events.KinesisEvent
	for range 4 {
		var record events.KinesisEventRecord
		record.Kinesis.Data, record.Kinesis.ApproximateArrivalTimestamp.Time = records[0].Data, newWorld().clock.Now()
		event.Records = append(event.Records, record)
	}
	w := newWorld()
	ingest := w.ingest()
	ingest.Store.Client, ingest.Source, ingest.Completer.Stage, ingest.Reads = aws, aws, aws, 16
	if ingest.Mapper, err = pipeline.ReadMapping([]byte(homes)); err != nil {
		b.Fatal(err)
	}
	filesOf(b, 4*pipeline.ChunkKeys, func() {
		if response, err := ingest.Handle(b.Context(), event); err != nil || len(response.BatchItemFailures) > 0 {
			b.Fatal(response, err)
		}
	})
}

func BenchmarkItems(b *testing.B) {
	mapper, err := pipeline.ReadMapping([]byte(homes))
	if err != nil {
		b.Fatal(err)
	}
	filesOf(b, 1, func() {
		if items, err := mapper.Items([]byte(kilobyte), 1<<20, origin); err != nil || len(items) != 1 {
			b.Fatal(items, err)
		}
	})
}
