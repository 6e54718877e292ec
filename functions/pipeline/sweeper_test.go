package pipeline_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

func (w *world) sweep(t *testing.T) {
	t.Helper()
	if err := w.sweeper().Handle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A run whose chunks do not come is named stuck, once, until something happens to it; its counters are looked at again.
func TestStuckRun(t *testing.T) {
	w := listed(t, plainFiles(8))
	w.clock.pass(20 * time.Minute)
	w.sweep(t)
	if run := w.run(t, "r1"); run.Stuck != "" {
		t.Errorf("after 20 minutes: %+v", run)
	}
	w.clock.pass(time.Minute)
	w.sweep(t)
	writes := w.calls["update runs"]
	w.sweep(t)
	if run := w.run(t, "r1"); run.Stuck != "2 of 2 chunks are not ingested" || w.calls["update runs"] != writes {
		t.Errorf("after 21 minutes: %+v, %d writes", run, w.calls["update runs"]-writes)
	}
	event := w.batch()
	if _, err := w.ingest().Handle(t.Context(), events.KinesisEvent{Records: event.Records[:1]}); err != nil {
		t.Fatal(err)
	}
	if run := w.run(t, "r1"); run.Stuck != "" || run.ChunksDone != 1 {
		t.Errorf("after a chunk: %+v", run)
	}
	// The second is counted, and its function dies before it looks.
	owner := &life{dies: 10}
	if _, err := w.ingest().Handle(owner.of(t.Context()), events.KinesisEvent{Records: event.Records[1:2]}); err != nil {
		t.Fatal(err)
	}
	if run := w.run(t, "r1"); run.State != pipeline.Ingesting || run.ChunksDone != 2 {
		t.Fatalf("after both: %+v", run)
	}
	w.sweep(t)
	if run := w.run(t, "r1"); run.State != pipeline.Segmenting || len(w.stage.sent) != 1 {
		t.Errorf("in the end: %+v", run)
	}
}

// A run whose listing fails and fails is named stuck too, however often it was begun again, until a page is listed.
func TestStuckListing(t *testing.T) {
	w := newWorld()
	w.upload(plainFiles(40))
	w.asked(pipeline.Start{Run: "r1", Prefix: "up/"})
	denied := false
	w.fateOf = func(call string) fate {
		if call == "list" && denied {
			return before
		}
		return fine
	}
	first, _ := w.start.next()
	notify(t.Context(), first, w.lister().Handle) // Three pages of four.
	denied = true
	var metrics bytes.Buffer
	stuckSince, named := 0, 0
	for minute := range 200 {
		for message, ok := w.start.next(); ok; message, ok = w.start.next() {
			notify(t.Context(), message, w.lister().Handle)
		}
		w.clock.pass(time.Minute)
		sweeper := w.sweeper()
		metrics.Reset()
		sweeper.Metrics = telemetry.NewMetrics(&metrics, telemetry.Source{})
		if err := sweeper.Handle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if w.run(t, "r1").Stuck == "" {
			continue
		}
		if stuckSince == 0 {
			stuckSince = minute + 1
		}
		if strings.Contains(metrics.String(), `"StuckRuns":1`) {
			named++
		}
	}
	run := w.run(t, "r1")
	if stuckSince != 21 || named != 180 || run.Stuck != "listing does not go on" || run.State != pipeline.Listing || run.Pokes < 3 {
		t.Errorf("it was stuck from minute %d, and told to be in %d: %+v", stuckSince, named, run)
	}
	denied = false
	for range 200 {
		w.sweep(t)
		w.calm()
	}
	if run := w.run(t, "r1"); run.State != pipeline.Done || run.Files != 40 || run.Stuck != "" {
		t.Errorf("in the end: %+v", run)
	}
}

// Where that is asked for, a run on which nothing happens goes on with what is there, and its figures tell how many files are missing.
func TestIdleRun(t *testing.T) {
	w := listed(t, plainFiles(8))
	sweeper := w.sweeper()
	sweeper.Idle = true
	sweep := func() {
		t.Helper()
		if err := sweeper.Handle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.pass(21 * time.Minute)
	sweep()
	if run := w.run(t, "r1"); run.State != pipeline.Ingesting || run.Stuck == "" {
		t.Errorf("with nothing ingested the run is %+v", run)
	}
	if _, err := w.ingest().Handle(t.Context(), events.KinesisEvent{Records: w.batch().Records[:1]}); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(20 * time.Minute)
	sweep()
	if run := w.run(t, "r1"); run.State != pipeline.Ingesting {
		t.Errorf("after 20 minutes it is %+v", run)
	}
	w.clock.pass(time.Minute)
	sweep()
	for message, ok := w.stage.next(); ok; message, ok = w.stage.next() {
		notify(t.Context(), message, w.segmenter().Handle)
	}
	if run := w.run(t, "r1"); run.State != pipeline.Describing || run.Files != 8 || run.Ingested != 4 || run.Failures != 0 {
		t.Errorf("after 21 minutes it is %+v", run)
	}
}

// A stage whose message was lost is begun again, later each time; a run that is over is active no more.
func TestLostStage(t *testing.T) {
	w := listed(t, plainFiles(8))
	if _, err := w.ingest().Handle(t.Context(), w.batch()); err != nil {
		t.Fatal(err)
	}
	w.stage.taken = len(w.stage.sent) // Lost.
	var begunAgain []int
	for minute := range 200 {
		w.clock.pass(time.Minute)
		before := len(w.stage.sent)
		w.sweep(t)
		if len(w.stage.sent) > before {
			begunAgain = append(begunAgain, minute)
		}
	}
	if got := fmt.Sprint(begunAgain); got != "[15 46 107]" { // After more than a quarter of an hour, then twice as long each time.
		t.Errorf("begun again at the minutes %s", got)
	}
	if run := w.run(t, "r1"); run.Stuck != "the segments are not known" || run.Pokes != 3 {
		t.Errorf("%+v", run)
	}
	w.calm()
	if run := w.run(t, "r1"); run.State != pipeline.Done || run.Stuck != "" || run.Pokes != 0 {
		t.Errorf("%+v", run)
	}
	w.sweep(t)
	reads := w.calls["get runs"]
	w.sweep(t)
	if w.calls["get runs"] != reads+1 {
		t.Errorf("%d reads of nothing", w.calls["get runs"]-reads)
	}
	if recent, err := w.store().Notes(t.Context(), pipeline.RecentID); err != nil || recent["r1"] != begun {
		t.Errorf("%v, %v", recent, err)
	}
}

// Segments whose records were lost are sent again, and a manifest that was not written is asked for again.
func TestLostSegments(t *testing.T) {
	w := listed(t, plainFiles(9))
	if _, err := w.ingest().Handle(t.Context(), w.batch()); err != nil {
		t.Fatal(err)
	}
	message, _ := w.stage.next()
	notify(t.Context(), message, w.segmenter().Handle)
	if sent := w.sent(t); len(sent) != 3 {
		t.Fatalf("sent %+v", sent)
	}
	first := w.segments.shards[0][0]
	w.segments.shards[0] = nil // Lost.
	for range 3 {              // But one, which comes three times.
		if _, err := w.metadata().Handle(t.Context(), events.KinesisEvent{Records: []events.KinesisEventRecord{first, first}}); err != nil {
			t.Fatal(err)
		}
	}
	if run := w.run(t, "r1"); run.Described != 1 || run.State != pipeline.Describing {
		t.Fatalf("%+v", run)
	}
	w.clock.pass(21 * time.Minute)
	w.sweep(t)
	if run := w.run(t, "r1"); run.Stuck != "2 of 3 segments have no metadata" {
		t.Errorf("%+v", run)
	}
	message, _ = w.stage.next()
	notify(t.Context(), message, w.segmenter().Handle)
	for consume(t.Context(), w.segments, 0, 10, w.metadata().Handle) {
	}
	w.stage.taken = len(w.stage.sent) // The manifest's is lost.
	w.clock.pass(16 * time.Minute)
	w.sweep(t)
	w.calm()
	if run := w.run(t, "r1"); run.State != pipeline.Done || run.Described != 3 {
		t.Errorf("%+v", run)
	}
	w.checkManifest(t)
}

// A run of an earlier upload that ends later does not take the place of a later one's manifest, nor does one that stood still between its claim and its write.
func TestManifestOfTheLatestUpload(t *testing.T) {
	w := newWorld()
	w.upload(plainFiles(3))
	toManifest := func(run string) events.SNSEventRecord {
		t.Helper()
		w.clock.pass(time.Minute)
		w.asked(pipeline.Start{Run: run, Prefix: "up/"})
		message, _ := w.start.next()
		notify(t.Context(), message, w.lister().Handle)
		for shard := range w.files.shards {
			consume(t.Context(), w.files, shard, 100, w.ingest().Handle)
		}
		message, _ = w.stage.next()
		notify(t.Context(), message, w.segmenter().Handle)
		consume(t.Context(), w.segments, 0, 100, w.metadata().Handle)
		message, ok := w.stage.next()
		if !ok {
			t.Fatalf("%+v", w.run(t, run))
		}
		return message
	}
	published := func() string {
		var manifest pipeline.Manifest
		if err := json.Unmarshal(w.objects.objects[pipeline.ManifestObject], &manifest); err != nil {
			t.Fatal(err)
		}
		return manifest.Run
	}
	first, second, third := toManifest("r1"), toManifest("r2"), toManifest("r3")
	notify(t.Context(), second, w.publication().Handle)
	notify(t.Context(), first, w.publication().Handle)
	if published() != "r2" || w.run(t, "r1").State != pipeline.Done {
		t.Errorf("the manifest is of %s", published())
	}
	fourth := toManifest("r4")
	tried := 0
	for call := 1; call < 14; call++ {
		w.tables["runs"]["r3"]["state"], w.tables["runs"]["r4"]["state"] = dynamodb.String("describing"), dynamodb.String("describing")
		delete(w.tables["runs"], "current")
		owner := &life{at: call, then: func() { notify(t.Context(), fourth, w.publication().Handle) }}
		notify(owner.of(t.Context()), third, w.publication().Handle)
		if owner.then != nil { // It made fewer calls.
			break
		}
		tried++
		if published() != "r4" {
			t.Errorf("with the other before call %d the manifest is of %s", call, published())
		}
	}
	if tried != 10 {
		t.Errorf("tried %d calls", tried)
	}
}
