package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// listed is a world in which a run's files are in the stream.
func listed(t *testing.T, files map[string]string) *world {
	t.Helper()
	w := newWorld()
	w.source.page = 1000
	w.upload(files)
	w.asked(pipeline.Start{Run: "r1", Prefix: "up/"})
	first, _ := w.start.next()
	notify(t.Context(), first, w.lister().Handle)
	return w
}

func (w *world) batch() events.KinesisEvent {
	var event events.KinesisEvent
	for _, shard := range w.files.shards {
		event.Records = append(event.Records, shard...)
	}
	slices.SortFunc(event.Records, func(a, b events.KinesisEventRecord) int {
		return strings.Compare(a.Kinesis.SequenceNumber, b.Kinesis.SequenceNumber)
	})
	return event
}

// failures are those of the only chunk that has any, by key.
func (w *world) failures(t *testing.T) map[string]pipeline.Failure {
	t.Helper()
	found, _, err := w.store().FailuresPage(t.Context(), w.objects, "r1", "")
	if err != nil {
		t.Fatal(err)
	}
	byKey := map[string]pipeline.Failure{}
	for _, chunk := range found {
		for _, failure := range chunk.Failures {
			byKey[failure.Key] = failure
		}
	}
	return byKey
}

// What is a file's fault makes it a failure with its reason, and the other files of its chunk items.
func TestFailures(t *testing.T) {
	for name, narrow := range map[string]bool{"a reader of the whole bucket": false, "a reader of what is below a prefix": true} {
		t.Run(name, func(t *testing.T) { testFailures(t, narrow) })
	}
}

func testFailures(t *testing.T, narrow bool) {
	files := map[string]string{
		"up/broken": "{", "up/denied": `{"id":1}`, "up/empty": "", "up/gone": `{"id":1}`, "up/good": `{"id":"good"}`, "up/large": `{"id":"large","x":"` + strings.Repeat("x", 2<<20) + `"}`,
		"up/larger": `{"id":"larger","x":"` + strings.Repeat("x", 5<<20) + `"}`, "up/refused": `{"id":"refused"}`,
	}
	w := listed(t, files)
	w.page = 1000
	w.source.denied["up/denied"] = true
	delete(w.source.objects, "up/gone")
	w.source.keys, w.source.narrow = nil, narrow
	w.refuses = func(item dynamodb.Item) bool { return item["id"].Text() == "refused" }
	response, err := w.ingest().Handle(t.Context(), w.batch())
	if err != nil || len(response.BatchItemFailures) != 0 {
		t.Fatalf("%v, %v", response, err)
	}
	have := map[string]pipeline.Reason{}
	for key, failure := range w.failures(t) {
		have[key] = failure.Reason
	}
	want := map[string]pipeline.Reason{
		"up/broken": pipeline.FileNotJSON, "up/denied": pipeline.FileDenied, "up/empty": pipeline.FileEmpty, "up/gone": pipeline.FileGone, "up/larger": pipeline.FileTooLarge,
		"up/refused": pipeline.FileRefused,
	}
	if !maps.Equal(have, want) {
		t.Errorf("failures %v", have)
	}
	if items := slices.Sorted(maps.Keys(w.tables["items"])); !slices.Equal(items, []string{"good", "large"}) {
		t.Errorf("items %v", items)
	}
	run := w.run(t, "r1")
	if run.Ingested != 2 || run.Failures != 6 || run.Items != 2 || run.ByReason[pipeline.FileDenied] != 1 || run.State != pipeline.Segmenting {
		t.Errorf("%+v", run)
	}
	if large := w.tables["items"]["large"]; large["ref"].Text() != "up/large" || large["all"].Text() != "" {
		t.Errorf("the large item is %v", large)
	}
	if run.WriteUnits != 2 || run.Bytes != int64(len(files["up/large"])+len(files["up/broken"])+len(files["up/good"])+len(files["up/refused"])) {
		t.Errorf("%d units for %d bytes", run.WriteUnits, run.Bytes)
	}
}

// What is AWS's fault lets the chunk come again, and others go on; after a while it makes the files failures, so that the shard goes on.
func TestIngestGivesUp(t *testing.T) {
	w := listed(t, plainFiles(8))
	w.fateOf = func(call string) fate {
		if call == "read" {
			return before
		}
		return fine
	}
	event := w.batch()
	response, err := w.ingest().Handle(t.Context(), event)
	if err != nil || len(response.BatchItemFailures) != 2 || response.BatchItemFailures[0].ItemIdentifier != event.Records[0].Kinesis.SequenceNumber {
		t.Fatalf("%v, %v", response, err)
	}
	if run := w.run(t, "r1"); run.ChunksDone != 0 {
		t.Errorf("%+v", run)
	}
	w.clock.pass(101 * time.Hour)
	if response, err = w.ingest().Handle(t.Context(), event); err != nil || len(response.BatchItemFailures) != 0 {
		t.Fatalf("%v, %v", response, err)
	}
	if run := w.run(t, "r1"); run.State != pipeline.Failed || run.ByReason[pipeline.FileUnavailable] != 8 {
		t.Errorf("%+v", run)
	}
	// Where the items cannot be written it is the same.
	w = listed(t, plainFiles(4))
	w.fateOf = func(call string) fate {
		if call == "put items" {
			return before
		}
		return fine
	}
	for _, comesAgain := range []int{1, 0} {
		if response, err = w.ingest().Handle(t.Context(), w.batch()); err != nil || len(response.BatchItemFailures) != comesAgain {
			t.Fatalf("%v, %v", response, err)
		}
		w.clock.pass(101 * time.Hour)
	}
	if run := w.run(t, "r1"); run.ByReason[pipeline.FileUnavailable] != 4 || run.Items != 0 {
		t.Errorf("%+v", run)
	}
}

// A chunk that waited in the stream for longer than files are tried is tried for as long as any other: one call that is throttled makes no failures.
func TestIngestGivesNoChunkUpThatWaited(t *testing.T) {
	w := listed(t, plainFiles(8))
	throttled := 0
	w.fateOf = func(call string) fate {
		if call == "put items" && throttled < 2 {
			throttled++
			return before
		}
		return fine
	}
	w.clock.pass(101 * time.Hour)
	for range 2 {
		if _, err := w.ingest().Handle(t.Context(), w.batch()); err != nil {
			t.Fatal(err)
		}
	}
	if run := w.run(t, "r1"); run.State != pipeline.Segmenting || run.Ingested != 8 || run.Failures != 0 {
		t.Errorf("%+v", run)
	}
}

// throttling is a source that refuses its first reads.
type throttling struct {
	pipeline.Source
	code string
	left *atomic.Int64
}

func (s throttling) ReadObject(ctx context.Context, key string, most int64, into []byte) ([]byte, error) {
	if s.left.Add(-1) >= 0 {
		return nil, refusal(400, s.code)
	}
	return s.Source.ReadObject(ctx, key, most, into)
}

// A read that is throttled is no fault of the file, whoever throttles: KMS does, for the key of a bucket, by a 400.
func TestThrottledReads(t *testing.T) {
	for _, code := range []string{"ThrottlingException", "KMS.ThrottlingException", "RequestLimitExceeded", "SlowDown", "RequestTimeout"} {
		w := listed(t, plainFiles(8))
		var left atomic.Int64
		left.Store(2)
		for range 3 {
			ingest := w.ingest()
			ingest.Source = throttling{w.source, code, &left}
			if _, err := ingest.Handle(t.Context(), w.batch()); err != nil {
				t.Fatal(err)
			}
		}
		if run := w.run(t, "r1"); run.Ingested != 8 || run.Failures != 0 {
			t.Errorf("%s: %+v", code, run)
		}
	}
}

// hanging is a source one of whose files does not come to an end, or takes longer than there is.
type hanging struct {
	pipeline.Source
	key string
}

func (h hanging) ReadObject(ctx context.Context, key string, most int64, into []byte) ([]byte, error) {
	if key == h.key {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return h.Source.ReadObject(ctx, key, most, into)
}

// A file for which an invocation's time does not do is a failure too after a while, and those with it are not.
func TestIngestGivesUpWhatTakesTooLong(t *testing.T) {
	w := listed(t, plainFiles(8))
	handle := func(limit time.Duration) events.KinesisEventResponse {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		ingest := w.ingest()
		ingest.Source = hanging{w.source, "up/0001.json"}
		response, err := ingest.Handle(ctx, w.batch())
		if err != nil {
			t.Fatal(err)
		}
		return response
	}
	if response := handle(1200 * time.Millisecond); len(response.BatchItemFailures) != 2 || w.run(t, "r1").ChunksDone != 0 {
		t.Fatalf("%v, %+v", response, w.run(t, "r1"))
	}
	w.clock.pass(101 * time.Hour)
	if response := handle(1800 * time.Millisecond); len(response.BatchItemFailures) != 0 {
		t.Errorf("%v", response)
	}
	if run := w.run(t, "r1"); run.State != pipeline.Segmenting || run.ByReason[pipeline.FileUnavailable] != 1 || run.Ingested != 7 || run.Items != 7 {
		t.Errorf("%+v", run)
	}
}

// A run that is deleted between two looks at it does not come back by its chunks.
func TestRunThatIsDeletedMeanwhile(t *testing.T) {
	w := listed(t, plainFiles(8))
	event, ingest := w.batch(), w.ingest()
	if _, err := ingest.Handle(t.Context(), events.KinesisEvent{Records: event.Records[:1]}); err != nil {
		t.Fatal(err)
	}
	delete(w.tables["runs"], "r1")
	if response, err := ingest.Handle(t.Context(), event); err != nil || len(response.BatchItemFailures) != 0 || w.calls["read"] != 8 {
		t.Fatalf("%v, %v", response, err)
	}
	if _, found, err := w.store().ReadRun(t.Context(), "r1"); found || err != nil {
		t.Error("a run that is gone is there again", err)
	}
}

// A chunk that is done, or whose run is over or gone, costs a look and nothing else; what is no chunk is left.
func TestIngestLeavesWhatIsDone(t *testing.T) {
	w := listed(t, plainFiles(8))
	event := w.batch()
	var odd events.KinesisEventRecord
	odd.Kinesis.Data = []byte("{}")
	event.Records = append(event.Records, odd)
	for range 2 {
		if response, err := w.ingest().Handle(t.Context(), event); err != nil || len(response.BatchItemFailures) != 0 {
			t.Fatalf("%v, %v", response, err)
		}
	}
	if w.calls["read"] != 8 || w.calls["transact runs"] != 3 { // With the one that made the run.
		t.Errorf("calls %v", w.calls)
	}
	delete(w.tables["runs"], "r1")
	if response, err := w.ingest().Handle(t.Context(), event); err != nil || len(response.BatchItemFailures) != 0 || w.calls["read"] != 8 {
		t.Fatalf("%v, %v", response, err)
	}
}

// A cancelled run is ingested no further than its chunk of the moment.
func TestCancelledRun(t *testing.T) {
	w := listed(t, plainFiles(20))
	event := w.batch()
	ingest := w.ingest()
	if _, err := ingest.Handle(t.Context(), events.KinesisEvent{Records: event.Records[:1]}); err != nil {
		t.Fatal(err)
	}
	if held, err := w.store().Move(t.Context(), "r1", pipeline.Ingesting, pipeline.Cancelled, "", "", nil); err != nil || !held {
		t.Fatal(held, err)
	}
	w.clock.pass(5 * time.Second)
	if _, err := ingest.Handle(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	if run := w.run(t, "r1"); run.State != pipeline.Cancelled || run.Ingested != 4 || w.calls["read"] != 4 {
		t.Errorf("%+v, %d reads", run, w.calls["read"])
	}
}

// Two files of one key, in whatever call they are written: one item, and no call with the same key twice, which DynamoDB refuses.
func TestSameKey(t *testing.T) {
	files := map[string]string{}
	for i := range 60 {
		files[fmt.Sprintf("up/%02d", i)] = fmt.Sprintf(`{"id":"k%d"}`, i%40)
	}
	w := newWorld()
	w.source.page, w.chunkKeys = 1000, 250
	w.upload(files)
	w.asked(pipeline.Start{Run: "r1", Prefix: "up/"})
	w.calm()
	if run := w.run(t, "r1"); run.Ingested != 60 || run.Chunks != 1 || len(w.tables["items"]) != 40 {
		t.Errorf("%d items, %+v", len(w.tables["items"]), run)
	}
}

// A file's items are written in calls of 25, and those that DynamoDB leaves are written again.
func TestUnprocessedItems(t *testing.T) {
	var lines strings.Builder
	for i := range 260 {
		fmt.Fprintf(&lines, "{\"id\":\"i%d\"}\n", i)
	}
	w := listed(t, map[string]string{"up/lines": lines.String()})
	left := 0
	w.leaves = func() bool { left++; return left%40 == 0 }
	if _, err := w.ingest().Handle(t.Context(), w.batch()); err != nil {
		t.Fatal(err)
	}
	if run := w.run(t, "r1"); run.Items != 260 || len(w.tables["items"]) != 260 || run.WriteUnits != 260 || w.calls["put items"] <= 11 {
		t.Errorf("%d items in %d calls, %+v", len(w.tables["items"]), w.calls["put items"], run)
	}
}

// An invocation that comes to its end gives its chunk back.
func TestIngestMindsItsDeadline(t *testing.T) {
	w := listed(t, plainFiles(8))
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond) // Less than the answer's margin.
	defer cancel()
	response, err := w.ingest().Handle(ctx, w.batch())
	if err != nil || len(response.BatchItemFailures) != 2 {
		t.Errorf("%v, %v", response, err)
	}
}

// A chunk's form and its id are pinned: what is in the stream must be read after an upgrade, and what is sent again be the same.
func TestChunk(t *testing.T) {
	w := listed(t, map[string]string{"up/a.json": `{"id":1}`, "up/b.json": `{"id":2}`})
	var chunk pipeline.Chunk
	if err := json.Unmarshal(w.batch().Records[0].Kinesis.Data, &chunk); err != nil {
		t.Fatal(err)
	}
	if chunk.Prefix != "up/" || !slices.Equal(chunk.Keys, []string{"a.json", "b.json"}) || chunk.Key(1) != "up/b.json" || chunk.Run != "r1" || chunk.At != begun || chunk.Bucket != "uploads" || chunk.ID != "sWy4U5tYeh0RkDy8rZmR5U" {
		t.Errorf("%+v", chunk)
	}
}
