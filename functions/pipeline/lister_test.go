package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/kinesis"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

func message(text string) events.SNSEvent {
	var record events.SNSEventRecord
	record.SNS.Message, record.SNS.MessageID, record.SNS.Timestamp = text, "message", time.UnixMilli(begun)
	return events.SNSEvent{Records: []events.SNSEventRecord{record}}
}

func plainFiles(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("up/%04d.json", i)] = fmt.Sprintf(`{"id":"i%d","suburb":"s%d","price":%d}`, i, i%3, i)
	}
	return files
}

// A message may be a run's start in full, or the prefix alone; then the run's id comes of the message, and the same message twice is one run.
func TestListerReadsMessages(t *testing.T) {
	w := newWorld()
	w.upload(plainFiles(5))
	for range 2 {
		for _, text := range []string{" up/ ", `{"prefix":"up/"}`} {
			if err := w.lister().Handle(t.Context(), message(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	recent, err := w.store().Notes(t.Context(), pipeline.RecentID)
	if err != nil || len(recent) != 1 || recent["20260921-141320-5d369997"] != begun {
		t.Errorf("runs %v, %v", recent, err)
	}
	for _, text := range []string{`{"prefix":"up/","runs":"x"}`, `{"run":"Up","prefix":""}`, `{"run":"r","prefix":"","failed":true}`, `{"run":"r","prefix":"","replay_of":"r"}`, `{"run":"r","prefix":"","step":13}`, `{"run":"r","prefix":"` + strings.Repeat("x", 1025) + `"}`, `{} {}`} {
		before := w.calls["get runs"]
		if err := w.lister().Handle(t.Context(), message(text)); err != nil || w.calls["get runs"] != before {
			t.Errorf("%s: %v, after %d calls", text, err, w.calls["get runs"]-before)
		}
	}
	// Of the same id, but something else; of a run that is no more; and a replay of none.
	for _, text := range []string{`{"run":"20260921-141320-5d369997","prefix":"other/"}`, `{"run":"gone","prefix":"up/","marker":"up/0001.json"}`, `{"run":"r2","prefix":"up/","replay_of":"gone"}`} {
		if err := w.lister().Handle(t.Context(), message(text)); err != nil || w.files.next != 2 {
			t.Errorf("%s: %v, %d records", text, err, w.files.next)
		}
	}
	if recent, err := w.store().Notes(t.Context(), pipeline.RecentID); err != nil || len(recent) != 1 {
		t.Errorf("runs %v, %v", recent, err)
	}
}

// A chain of messages ends before Lambda takes it for a loop; the sweeper begins the next at the checkpoint.
func TestListerChains(t *testing.T) {
	w := newWorld()
	w.upload(plainFiles(400))
	w.pages = 1
	w.asked(pipeline.Start{Run: "r1", Prefix: "up/"})
	w.calm()
	var steps []int
	for _, sent := range w.start.sent {
		var start pipeline.Start
		if err := json.Unmarshal([]byte(sent.SNS.Message), &start); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, start.Step)
	}
	if want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}; !slices.Equal(steps, want) {
		t.Errorf("steps %v", steps)
	}
	if run := w.run(t, "r1"); run.Files != 120 || run.Step != 12 || run.PagedAt != 0 || run.State != pipeline.Listing {
		t.Errorf("after the first chain: %+v", run)
	}
	for range 3 { // Each begins a chain at once, though ingest was at work until now.
		if err := w.sweeper().Handle(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.calm()
	}
	if run := w.run(t, "r1"); run.State != pipeline.Done || run.Files != 400 || run.Step != 40 {
		t.Errorf("in the end: %+v", run)
	}
}

// sized is a bucket of a page of files with these sizes.
type sized []int64

func (s sized) ListObjects(_ context.Context, prefix, _ string, into []s3.Object) ([]s3.Object, bool, error) {
	for i, size := range s {
		into = append(into, s3.Object{Key: fmt.Sprintf("%s%04d.json", prefix, i), Size: size})
	}
	return into, false, nil
}

// Large files are few in a chunk: what comes again whole must be done within one invocation.
func TestChunksOfLargeFiles(t *testing.T) {
	for name, test := range map[string]struct {
		sizes sized
		want  []int // Files of each chunk.
	}{
		"small ones":             {slices.Repeat(sized{900}, 600), []int{250, 250, 100}},
		"a megabyte each":        {slices.Repeat(sized{1 << 20}, 40), []int{16, 16, 8}},
		"larger than a chunk":    {slices.Repeat(sized{100 << 20}, 3), []int{1, 1, 1}},
		"some among small ones":  {sized{900, 16 << 20, 900, 900, 10 << 20, 10 << 20}, []int{1, 1, 3, 1}},
		"as much as a chunk has": {sized{8 << 20, 8 << 20, 1}, []int{2, 1}},
	} {
		w := newWorld()
		lister := w.lister()
		lister.Source, lister.ChunkKeys = test.sizes, pipeline.ChunkKeys
		if err := lister.Handle(t.Context(), message(`{"run":"r1","prefix":"up/"}`)); err != nil {
			t.Fatal(err)
		}
		var have []int
		for _, record := range w.batch().Records {
			var chunk pipeline.Chunk
			if err := json.Unmarshal(record.Kinesis.Data, &chunk); err != nil {
				t.Fatal(err)
			}
			have = append(have, len(chunk.Keys))
		}
		if run := w.run(t, "r1"); !slices.Equal(have, test.want) || run.Files != int64(len(test.sizes)) || run.Chunks != int64(len(test.want)) {
			t.Errorf("%s: %v files, want %v; %+v", name, have, test.want, run)
		}
	}
}

func TestListerHasItsOwnCap(t *testing.T) {
	w := newWorld()
	w.upload(plainFiles(100))
	w.pages = 1
	w.asked(pipeline.Start{Run: "r1", Prefix: "up/"})
	for message, ok := w.start.next(); ok; message, ok = w.start.next() {
		lister := w.lister()
		lister.MaxSteps = 5
		notify(t.Context(), message, lister.Handle)
	}
	if run := w.run(t, "r1"); run.State != pipeline.Failed || run.Step != 5 || run.Files != 50 || run.Reason != "listing took more than 5 invocations" {
		t.Errorf("%+v", run)
	}
}

// An invocation hands over half a minute before its deadline.
func TestListerMindsItsDeadline(t *testing.T) {
	w := newWorld()
	w.upload(plainFiles(100))
	w.pages = 0
	listed := 0
	w.fateOf = func(call string) fate {
		if call == "list" {
			w.clock.pass(10 * time.Second)
			listed++
		}
		return fine
	}
	w.asked(pipeline.Start{Run: "r1", Prefix: "up/"})
	first, _ := w.start.next()
	if err := w.lister().Handle(dated{t.Context(), w.clock.Now().Add(65 * time.Second)}, events.SNSEvent{Records: []events.SNSEventRecord{first}}); err != nil {
		t.Fatal(err)
	}
	next, ok := w.start.next()
	if want := `{"run":"r1","prefix":"up/","marker":"up/0039.json","step":1}`; !ok || listed != 4 || next.SNS.Message != want {
		t.Errorf("%d pages, then %s", listed, next.SNS.Message)
	}
}

// dated is a context with a deadline by the test's clock, and does not end by the machine's.
type dated struct {
	context.Context
	deadline time.Time
}

func (d dated) Deadline() (time.Time, bool) { return d.deadline, true }

func TestNoFiles(t *testing.T) {
	w := newWorld()
	w.upload(map[string]string{"up/": "", "up/a.json": "{"})
	for prefix, reason := range map[string]string{"none/": "there is no file below the prefix", "up/": "no file below the prefix became an item"} {
		run := strings.TrimSuffix(prefix, "/")
		w.asked(pipeline.Start{Run: run, Prefix: prefix})
		w.calm()
		if got := w.run(t, run); got.State != pipeline.Failed || got.Reason != reason || got.DoneAt == 0 {
			t.Errorf("%+v", got)
		}
	}
	if len(w.stage.sent) != 0 {
		t.Errorf("sent %v", w.stage.sent)
	}
}

// A replay takes the files of another run that failed, or all, and belongs to that run's upload.
func TestReplay(t *testing.T) {
	w := newWorld()
	w.expireAfter = time.Hour
	files := plainFiles(50)
	broken := []string{"up/0003.json", "up/0017.json", "up/0049.json"}
	for _, key := range broken {
		files[key] = "{"
	}
	w.upload(files)
	w.asked(pipeline.Start{Run: "r1", Prefix: "up/"})
	w.calm()
	w.clock.pass(time.Hour)
	w.upload(plainFiles(50))
	w.asked(pipeline.Start{Run: "r2", ReplayOf: "r1", Failed: true})
	w.calm()
	run := w.run(t, "r2")
	if run.State != pipeline.Done || run.Files != 3 || run.Ingested != 3 || run.At != begun || run.ReplayOf != "r1" || run.Expired != 0 || run.Prefix != "up/" {
		t.Errorf("%+v", run)
	}
	var manifest pipeline.Manifest
	if err := json.Unmarshal(w.objects.objects[pipeline.ManifestObject], &manifest); err != nil || manifest.Run != "r2" {
		t.Errorf("%+v, %v", manifest, err)
	}
	w.checkSegments(t, "r2")
	if len(w.tables["items"]) != 50 {
		t.Errorf("%d items", len(w.tables["items"]))
	}
	w.asked(pipeline.Start{Run: "r3", Prefix: "up/", ReplayOf: "r1"})
	w.calm()
	if run := w.run(t, "r3"); run.State != pipeline.Done || run.Files != 50 || run.Ingested != 50 {
		t.Errorf("%+v", run)
	}
}

// A page that is sent again, as another than before, makes a run that does not add up, and goes no further.
func TestUploadThatChanges(t *testing.T) {
	w := newWorld()
	w.upload(plainFiles(9))
	w.asked(pipeline.Start{Run: "r1", Prefix: "up/"})
	first, _ := w.start.next()
	owner := &life{dies: 6} // After two reads of the run, its making, the listing and the records: at the checkpoint.
	_ = w.lister().Handle(owner.of(t.Context()), events.SNSEvent{Records: []events.SNSEventRecord{first}})
	if run := w.run(t, "r1"); run.Files != 0 || w.files.next != 3 {
		t.Fatalf("%+v, %d records", run, w.files.next)
	}
	w.upload(map[string]string{"up/0000a.json": `{"id":"late"}`})
	w.start.taken = 0
	w.calm()
	want := "10 files were listed, 9 ingested and 0 failed: the upload changed while it was listed; replay the run"
	if run := w.run(t, "r1"); run.State != pipeline.Failed || run.Reason != want {
		t.Errorf("%+v", run)
	}
	w.asked(pipeline.Start{Run: "r2", Prefix: "up/", ReplayOf: "r1"})
	w.calm()
	if run := w.run(t, "r2"); run.State != pipeline.Done || run.Ingested != 10 {
		t.Errorf("%+v", run)
	}
}

// Failures too many for an item are in an object, and a replay finds them there.
func TestManyFailures(t *testing.T) {
	w := newWorld()
	w.source.page, w.chunkKeys = 1000, 250
	long := strings.Repeat("<", 1000) // Six bytes each in JSON.
	files := map[string]string{"up/good.json": `{"id":1}`}
	for i := range 500 {
		files[fmt.Sprintf("up/%s%03d", long, i)] = `{"id":"` + strings.Repeat("é", 1000) + `","price":"` + strings.Repeat("é", 500) + `"}`
	}
	w.upload(files)
	w.asked(pipeline.Start{Run: "r1", Prefix: "up/"})
	w.calm()
	byReference := 0
	for key := range w.objects.objects {
		if strings.HasPrefix(key, "runs/r1/failed/") {
			byReference++
		}
	}
	if run := w.run(t, "r1"); run.Failures != 500 || run.ByReason[pipeline.FileWrongType] != 500 || byReference < 2 {
		t.Errorf("%d objects, %+v", byReference, run)
	}
	w.asked(pipeline.Start{Run: "r2", Prefix: "up/", ReplayOf: "r1", Failed: true})
	w.calm()
	if run := w.run(t, "r2"); run.Files != 500 || run.Failures != 500 || run.State != pipeline.Failed {
		t.Errorf("%+v", run)
	}
}

// endless is a bucket of a million keys, none of which is anywhere.
type endless struct {
	n     int
	pages int
	most  uint64 // Bytes of the heap that are in use, at most.
}

func (e *endless) ListObjects(_ context.Context, prefix, after string, into []s3.Object) ([]s3.Object, bool, error) {
	from := 0
	if after != "" {
		if _, err := fmt.Sscanf(after[len(prefix):], "%d.json", &from); err != nil {
			return nil, false, err
		}
		from++
	}
	to := min(from+s3.ListedObjects, e.n)
	for i := from; i < to; i++ {
		into = append(into, s3.Object{Key: fmt.Sprintf("%s%07d.json", prefix, i), Size: 900})
	}
	if e.pages++; e.pages%50 == 0 {
		runtime.GC()
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		e.most = max(e.most, memory.HeapAlloc)
	}
	return into, to < e.n, nil
}

// counted is a stream that forgets what it took.
type counted struct {
	records, keys, most int
	ids                 map[string]bool
}

func (c *counted) PutRecords(_ context.Context, _ string, records []kinesis.Record) ([]kinesis.Record, string, error) {
	c.most = max(c.most, len(records))
	for _, record := range records {
		var chunk pipeline.Chunk
		if err := json.Unmarshal(record.Data, &chunk); err != nil {
			return nil, "", err
		}
		c.records++
		c.keys += len(chunk.Keys)
		c.ids[chunk.ID] = true
	}
	return nil, "", nil
}

// TestMillionKeys lists a million keys. Of them there is one page in memory at a time, and the chunks of one page.
func TestMillionKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	w := newWorld()
	source, took := &endless{n: 1_000_000}, &counted{ids: map[string]bool{}}
	lister := w.lister()
	lister.Source, lister.ChunkKeys, lister.Pages = source, pipeline.ChunkKeys, 0
	lister.Files = &pipeline.Stream{Client: took, Name: "files", Clock: w.clock, Jitter: half}
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if err := lister.Handle(t.Context(), message(`{"run":"r1","prefix":"up/"}`)); err != nil {
		t.Fatal(err)
	}
	run := w.run(t, "r1")
	if run.Files != 1_000_000 || run.Chunks != 4000 || run.State != pipeline.Ingesting || source.pages != 1000 {
		t.Errorf("%+v in %d pages", run, source.pages)
	}
	if took.keys != 1_000_000 || took.records != 4000 || len(took.ids) != 4000 || took.most != 4 {
		t.Errorf("%d keys in %d records of %d chunks, %d at once", took.keys, took.records, len(took.ids), took.most)
	}
	if grown := int64(source.most) - int64(before.HeapAlloc); grown > 4<<20 { // The 4,000 ids of the test itself are a quarter of a megabyte.
		t.Errorf("%d bytes in use, after %d before", source.most, before.HeapAlloc)
	}
}
