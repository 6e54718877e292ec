package pipeline_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

var update = flag.Bool("update", false, "write testdata/metered.json anew")

// meteredFile keeps what an upload made AWS do.
const meteredFile = "testdata/metered.json"

// metering is what one upload made AWS do: operations and units, by what AWS bills.
type metering struct {
	Files, Segments int
	FileBytes       float64 // Of a file, on the mean.
	ItemBytes       float64 // Of an item as DynamoDB reckons it, on the mean.
	Counts          map[string]float64
}

const (
	meteredFiles    = 20_000
	meteredSuburbs  = 50
	batchOfChunks   = 4 // As the blueprint has it, and the next.
	batchOfSegments = 100
	putUnit         = 25 << 10 // Kinesis Data Streams pricing: PUT payload units.
)

// meteredWorld has an upload of files like the benchmark's.
func meteredWorld(t *testing.T) (*world, *metered, metering) {
	t.Helper()
	w := newWorld()
	meter := newMetered(w.memory)
	w.client, w.page = meter, 1000
	w.source.page, w.chunkKeys, w.pages, w.reads = 1000, pipeline.ChunkKeys, 0, 16
	mapper, err := pipeline.ReadMapping([]byte(strings.Replace(homes, `"attributes":{`, `"attributes":{"description":{"pointer":"/description","type":"string"},`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	w.mapper = func() *pipeline.Mapper { return mapper }
	files, bytes := map[string]string{}, 0
	for i := range meteredFiles {
		text := strings.Replace(kilobyte, "listing-00000001", fmt.Sprintf("listing-%08d", i), 1)
		text = strings.Replace(text, `"description":"`, `"description":"`+strings.Repeat("All that one could wish for. ", 13), 1) // So that it is nearly 1 KB.
		text = strings.Replace(text, "Fitzroy", fmt.Sprintf("Suburb %d", i%meteredSuburbs), 1)
		files[fmt.Sprintf("up/2026/11/20/listing-%08d.json", i)] = text
		bytes += len(text)
	}
	w.upload(files)
	return w, meter, metering{Files: meteredFiles, Segments: meteredSuburbs, FileBytes: float64(bytes) / meteredFiles, Counts: map[string]float64{}}
}

// TestUpload meters an upload, through the real handlers: what a file costs is as testdata/metered.json says, by which the cost estimate is tested.
func TestUpload(t *testing.T) {
	w, meter, got := meteredWorld(t)
	ctx := t.Context()
	count := func(what string, handle func(context.Context, events.KinesisEvent) (events.KinesisEventResponse, error)) func(context.Context, events.KinesisEvent) (events.KinesisEventResponse, error) {
		return func(ctx context.Context, event events.KinesisEvent) (events.KinesisEventResponse, error) {
			got.Counts[what]++
			return handle(ctx, event)
		}
	}
	w.asked(pipeline.Start{Run: "r1", Prefix: "up/"})
	first, _ := w.start.next()
	notify(ctx, first, w.lister().Handle)
	ingest, metadata := count("ingest calls", w.ingest().Handle), count("metadata calls", w.metadata().Handle)
	for shard := range w.files.shards {
		for consume(ctx, w.files, shard, batchOfChunks, ingest) {
		}
	}
	for message, ok := w.stage.next(); ok; message, ok = w.stage.next() {
		notify(ctx, message, w.segmenter().Handle, w.publication().Handle)
		for consume(ctx, w.segments, 0, batchOfSegments, metadata) {
		}
	}
	if run := w.run(t, "r1"); run.State != pipeline.Done || run.Ingested != meteredFiles || run.Segments != meteredSuburbs || run.WriteUnits != int64(meter.wrote["items"]) {
		t.Fatalf("the run is %+v, and %g units were written", run, meter.wrote["items"])
	}
	// Forty cents for a million reads, 62.5 for a million writes.
	if run := w.run(t, "r1"); run.Cost != 400*meteredFiles+625*run.WriteUnits {
		t.Errorf("a run of %d files and %d write units is told to cost %d nano-dollars", run.Files, run.WriteUnits, run.Cost)
	}
	items := 0.0
	for _, item := range w.tables["items"] {
		items += sizeOf(item)
	}
	got.ItemBytes = items / meteredFiles
	for table, units := range meter.reads {
		got.Counts[table+" read units"] = units
	}
	for table, units := range meter.wrote {
		got.Counts[table+" write units"] = units
	}
	for _, s := range []*stream{w.files, w.segments} {
		for _, shard := range s.shards {
			for _, record := range shard {
				got.Counts[s.name+" put units"] += math.Ceil(float64(len(record.Kinesis.Data)) / putUnit)
			}
		}
	}
	for call, what := range map[string]string{
		"list": "source lists", "read": "source reads", "put object": "results puts", "get object": "results gets", "publish stage": "stage publishes",
	} {
		got.Counts[what] = float64(w.calls[call])
	}
	checkMetering(t, got)
}

// checkMetering compares with what is kept.
func checkMetering(t *testing.T, got metering) {
	t.Helper()
	if *update {
		text, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(meteredFile, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(meteredFile)
	if err != nil {
		t.Fatal(err)
	}
	var want metering
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if len(got.Counts) != len(want.Counts) || got.Files != want.Files || got.FileBytes != want.FileBytes || got.ItemBytes != want.ItemBytes {
		t.Errorf("metered is %+v, %s says %+v; if that is meant, run the test with -update", got, meteredFile, want)
	}
	for what, n := range got.Counts {
		if math.Abs(n-want.Counts[what]) > 0.01*want.Counts[what] {
			t.Errorf("%s: %g, %s says %g; if that is meant, run the test with -update", what, n, meteredFile, want.Counts[what])
		}
	}
}
