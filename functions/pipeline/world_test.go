package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
	"github.com/burstline/terraform-provider-serverless/functions/internal/kinesis"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

var (
	discard = slog.New(slog.NewTextHandler(io.Discard, nil))
	quiet   = telemetry.NewMetrics(io.Discard, telemetry.Source{})
)

// hand is a clock that is set by hand. Who waits takes it along.
type hand struct{ at atomic.Int64 }

func (h *hand) Now() time.Time { return time.UnixMilli(h.at.Load()) }

func (h *hand) After(d time.Duration) <-chan time.Time {
	h.pass(d)
	done := make(chan time.Time, 1)
	done <- h.Now()
	return done
}

func (h *hand) pass(d time.Duration) { h.at.Add(d.Milliseconds()) }

func refusal(status int, code string) error {
	return &awscall.Refusal{GenericAPIError: smithy.GenericAPIError{Code: code, Message: "no"}, Status: status}
}

// bucket is S3. Its listing's pages are short.
type bucket struct {
	*aws
	objects map[string][]byte
	keys    []string // Sorted; of a source, whose objects nobody adds to.
	page    int
	denied  map[string]bool
	narrow  bool // Its reader may list below a prefix alone: what is not there is denied.
}

func (b *bucket) ListObjects(ctx context.Context, prefix, after string, into []s3.Object) ([]s3.Object, bool, error) {
	happens, err := b.begin(ctx, "list")
	defer b.mu.Unlock()
	if happens != fine {
		return nil, false, err
	}
	keys := b.keys
	if keys == nil { // Objects come and go.
		keys = slices.Sorted(maps.Keys(b.objects))
	}
	at, _ := slices.BinarySearch(keys, max(prefix, after+"\x00"))
	if after == "" {
		at, _ = slices.BinarySearch(keys, prefix)
	}
	for ; at < len(keys) && strings.HasPrefix(keys[at], prefix); at++ {
		if len(into) == b.page {
			return into, true, nil
		}
		into = append(into, s3.Object{Key: keys[at], Size: int64(len(b.objects[keys[at]]))})
	}
	return into, false, nil
}

func (b *bucket) DeleteObjects(ctx context.Context, keys []string) error {
	if len(keys) < 1 || len(keys) > s3.DeletedObjects {
		panic(len(keys))
	}
	happens, err := b.begin(ctx, "delete objects")
	defer b.mu.Unlock()
	if happens != before {
		for _, key := range keys {
			delete(b.objects, key)
		}
	}
	return err
}

func (b *bucket) ReadObject(ctx context.Context, key string, most int64, into []byte) ([]byte, error) {
	happens, err := b.begin(ctx, "read")
	defer b.mu.Unlock()
	body, found := b.objects[key]
	switch {
	case happens != fine:
		return nil, err
	case b.denied[key], !found && b.narrow:
		return nil, refusal(403, "AccessDenied")
	case !found:
		return nil, refusal(404, "NoSuchKey")
	case int64(len(body)) > most:
		return nil, fmt.Errorf("get object: %w", s3.ErrTooLarge)
	}
	return append(into[:0], body...), nil
}

func (b *bucket) GetObject(ctx context.Context, key string) ([]byte, error) {
	happens, err := b.begin(ctx, "get object")
	defer b.mu.Unlock()
	if happens != fine {
		return nil, err
	}
	return bytes.Clone(b.objects[key]), nil
}

func (b *bucket) PutObject(ctx context.Context, key string, body []byte, contentType, cacheControl string) error {
	if contentType != "application/json" || cacheControl == "" || !json.Valid(body) {
		panic(key)
	}
	happens, err := b.begin(ctx, "put object")
	defer b.mu.Unlock()
	if happens != before {
		b.objects[key] = bytes.Clone(body)
	}
	return err
}

// stream is a Kinesis stream with two shards, which are split in the middle of the work: what comes of a partition key stays in its order all the same.
type stream struct {
	*aws
	clock  *hand
	name   string
	shards [][]events.KinesisEventRecord
	read   []int // By shard.
	leaves func() bool
	next   int
}

func (s *stream) PutRecords(ctx context.Context, name string, records []kinesis.Record) (left []kinesis.Record, reason string, err error) {
	if name != s.name || len(records) < 1 || len(records) > kinesis.PutRecords {
		panic(name)
	}
	happens, err := s.begin(ctx, "put records")
	defer s.mu.Unlock()
	if happens == before {
		return nil, "", err
	}
	for _, record := range records {
		if len(record.Data) > kinesis.PutRecordBytes || record.PartitionKey == "" {
			panic("a record is too large")
		}
		if s.leaves != nil && s.leaves() {
			left, reason = append(left, record), "ProvisionedThroughputExceededException"
			continue
		}
		shard := partOf(record.PartitionKey, len(s.shards))
		s.next++
		var put events.KinesisEventRecord
		put.Kinesis.Data, put.Kinesis.PartitionKey, put.Kinesis.SequenceNumber = bytes.Clone(record.Data), record.PartitionKey, fmt.Sprintf("%08d", s.next)
		put.Kinesis.ApproximateArrivalTimestamp.Time = s.clock.Now()
		s.shards[shard] = append(s.shards[shard], put)
	}
	return left, reason, err
}

// split adds a shard, at which what is put from now on may be.
func (s *stream) split() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shards, s.read = append(s.shards, nil), append(s.read, 0)
}

// topic is an SNS topic with what was published.
type topic struct {
	*aws
	clock *hand
	name  string
	sent  []events.SNSEventRecord
	taken int
}

func (p *topic) Publish(ctx context.Context, message string) error {
	happens, err := p.begin(ctx, "publish "+p.name)
	defer p.mu.Unlock()
	if happens != before {
		p.put(message)
	}
	return err
}

func (p *topic) put(message string) {
	var record events.SNSEventRecord
	record.SNS.Message, record.SNS.MessageID, record.SNS.Timestamp = message, p.name+strconv.Itoa(len(p.sent)), p.clock.Now()
	p.sent = append(p.sent, record)
}

// world is everything around the functions of a pipeline.
type world struct {
	*memory
	client          pipeline.DynamoDB // The memory, or what stands before it.
	clock           *hand
	source, objects *bucket
	files, segments *stream
	start, stage    *topic
	ids             atomic.Int64

	pages, chunkKeys, reads int
	minSize, top            int
	expireAfter, expireRuns time.Duration
	mapper                  func() *pipeline.Mapper
}

const begun = 1_790_000_000_000 // When tests begin.

const plainMapping = `{"key":["/id"],"attributes":{"suburb":{"pointer":"/suburb","type":"string"},"price":{"pointer":"/price","type":"number"},"all":{"pointer":"","type":"json"}},"segment":"suburb"}`

func newWorld() *world {
	a := &aws{calls: map[string]int{}}
	clock := &hand{}
	clock.at.Store(begun)
	w := &world{
		memory: newMemory(a), clock: clock, source: &bucket{aws: a, objects: map[string][]byte{}, page: 10, denied: map[string]bool{}},
		objects: &bucket{aws: a, objects: map[string][]byte{}, page: 3}, files: &stream{aws: a, clock: clock, name: "files", shards: make([][]events.KinesisEventRecord, 2), read: make([]int, 2)},
		segments: &stream{aws: a, clock: clock, name: "segments", shards: make([][]events.KinesisEventRecord, 1), read: make([]int, 1)},
		start:    &topic{aws: a, clock: clock, name: "start"}, stage: &topic{aws: a, clock: clock, name: "stage"}, pages: 3, chunkKeys: 4, reads: 3, minSize: 1,
	}
	w.client = w.memory
	w.mapper = sync.OnceValue(func() *pipeline.Mapper {
		mapper, err := pipeline.ReadMapping([]byte(plainMapping))
		if err != nil {
			panic(err)
		}
		return mapper
	})
	return w
}

// upload puts files into the source.
func (w *world) upload(files map[string]string) {
	for key, body := range files {
		w.source.objects[key] = []byte(body)
	}
	w.source.keys = w.source.keys[:0]
	for key := range w.source.objects {
		w.source.keys = append(w.source.keys, key)
	}
	slices.Sort(w.source.keys)
}

func half() float64 { return 0.5 }

func (w *world) store() *pipeline.Store {
	return &pipeline.Store{Client: w.client, Runs: "runs", Items: "items", Clock: w.clock, Retention: 24 * time.Hour, Jitter: half}
}

func (w *world) newID() string { return "id" + strconv.FormatInt(w.ids.Add(1), 10) }

func (w *world) completer() *pipeline.Completer {
	return &pipeline.Completer{Store: w.store(), Stage: w.stage, Log: discard}
}

func (w *world) streamTo(s *stream) *pipeline.Stream {
	return &pipeline.Stream{Client: s, Name: s.name, Clock: w.clock, Jitter: half}
}

func (w *world) lister() *pipeline.Lister {
	return &pipeline.Lister{
		Store: w.store(), Source: w.source, Bucket: "uploads", Objects: w.objects, Files: w.streamTo(w.files), Start: w.start, Completer: w.completer(), ChunkKeys: w.chunkKeys,
		Pages: w.pages, MaxSteps: 10000, NewID: w.newID, Clock: w.clock, Log: discard, Metrics: quiet,
	}
}

func (w *world) ingest() *pipeline.Ingest {
	return &pipeline.Ingest{
		Store: w.store(), Source: w.source, Bucket: "uploads", Mapper: w.mapper(), Objects: w.objects, Completer: w.completer(), Reads: w.reads, MaxBytes: 1 << 22,
		GiveUp: 100 * time.Hour, Clock: w.clock, Jitter: half, Log: discard, Metrics: quiet,
	}
}

func (w *world) sweeper() *pipeline.Sweeper {
	return &pipeline.Sweeper{
		Expiry: &pipeline.Expiry{Store: w.store(), Objects: w.objects, After: w.expireRuns, Clock: w.clock, Log: discard},
		Store:  w.store(), Start: w.start, Completer: w.completer(), StepTime: 15 * time.Minute, StuckAfter: 20 * time.Minute, MaxSteps: 10000, Clock: w.clock,
		Log: discard, Metrics: quiet,
	}
}

func (w *world) segmenter() *pipeline.Segmenter {
	return &pipeline.Segmenter{
		Store: w.store(), Objects: w.objects, Stream: w.streamTo(w.segments), Completer: w.completer(), Segment: "suburb", Metrics: []string{"price"},
		Percentiles: []float64{50}, MinSize: w.minSize, Top: w.top, ExpireAfter: w.expireAfter, NewID: w.newID, Clock: w.clock, Log: discard, Telemetry: quiet,
	}
}

func (w *world) metadata() *pipeline.Metadata {
	return &pipeline.Metadata{Store: w.store(), Objects: w.objects, Completer: w.completer(), Clock: w.clock, Log: discard, Metrics: quiet}
}

func (w *world) publication() *pipeline.Publication {
	return &pipeline.Publication{Store: w.store(), Objects: w.objects, Prices: pipeline.Prices{Read: 0.4, Write: 0.625}, Clock: w.clock, Log: discard, Metrics: quiet}
}

// asked starts a run.
func (w *world) asked(start pipeline.Start) {
	text, err := json.Marshal(start)
	if err != nil {
		panic(err)
	}
	w.start.put(string(text))
}

// consume lets a function have a batch of a shard, and goes past what it took. It says whether there was any.
func consume(ctx context.Context, s *stream, shard, most int, handle func(context.Context, events.KinesisEvent) (events.KinesisEventResponse, error)) bool {
	s.mu.Lock()
	from := s.read[shard]
	batch := slices.Clone(s.shards[shard][from:min(from+most, len(s.shards[shard]))])
	s.mu.Unlock()
	if len(batch) == 0 {
		return false
	}
	response, err := handle(ctx, events.KinesisEvent{Records: batch})
	owner, _ := ctx.Value(lifeKey{}).(*life)
	if err != nil || owner != nil && owner.dead {
		return true
	}
	to := from + len(batch)
	for i := len(batch) - 1; i >= 0; i-- {
		for _, failure := range response.BatchItemFailures {
			if failure.ItemIdentifier == batch[i].Kinesis.SequenceNumber {
				to = from + i
			}
		}
	}
	s.mu.Lock()
	s.read[shard] = max(s.read[shard], to)
	s.mu.Unlock()
	return true
}

// notify lets functions have a message.
func notify(ctx context.Context, message events.SNSEventRecord, handles ...func(context.Context, events.SNSEvent) error) {
	for _, handle := range handles {
		for range 3 { // Lambda tries an asynchronous invocation three times (Lambda Developer Guide, "Asynchronous invocation").
			err := handle(ctx, events.SNSEvent{Records: []events.SNSEventRecord{message}})
			owner, _ := ctx.Value(lifeKey{}).(*life)
			if err == nil && (owner == nil || !owner.dead) {
				break
			}
		}
	}
}

// next is a topic's next message.
func (p *topic) next() (events.SNSEventRecord, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken == len(p.sent) {
		return events.SNSEventRecord{}, false
	}
	p.taken++
	return p.sent[p.taken-1], true
}

// calm lets everything happen that is on its way, without faults and in order, and a minute pass after it.
func (w *world) calm() {
	ctx := context.Background()
	for busy := true; busy; {
		busy = false
		for message, ok := w.start.next(); ok; message, ok = w.start.next() {
			notify(ctx, message, w.lister().Handle)
			busy = true
		}
		for shard := range w.files.shards {
			for consume(ctx, w.files, shard, 10, w.ingest().Handle) {
				busy = true
			}
		}
		for message, ok := w.stage.next(); ok; message, ok = w.stage.next() {
			notify(ctx, message, w.segmenter().Handle, w.publication().Handle)
			busy = true
		}
		for consume(ctx, w.segments, 0, 10, w.metadata().Handle) {
			busy = true
		}
	}
	w.clock.pass(time.Minute)
}

func (w *world) run(t tester, id string) pipeline.Run {
	t.Helper()
	run, found, err := w.store().ReadRun(context.Background(), id)
	if err != nil || !found {
		t.Fatalf("run %s: %v, %v", id, found, err)
	}
	return run
}

// tester is a test or a benchmark.
type tester interface {
	Helper()
	Errorf(format string, values ...any)
	Fatalf(format string, values ...any)
}
