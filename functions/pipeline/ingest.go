package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

// runKnown is for how long ingest goes by what it read of a run, to see that it was cancelled or that a later one began.
const runKnown = 5 * time.Second

// Ingest makes items of the files of chunks. A chunk's items are written first, each in the place of the one of its key unless that is of a later upload; then its marker and the run's counters in
// one transaction. So a chunk counts once, whoever ingests it how often.
//
// A chunk fails by AWS's fault alone, and then comes again. What is a file's fault makes it a failure, and so does AWS's fault once the chunk was tried for GiveUp: a
// shard never waits for ever.
type Ingest struct {
	Store     *Store
	Source    Source
	Bucket    string // The source's.
	Mapper    *Mapper
	Objects   Objects // Where too many failures for an item go.
	Completer *Completer
	Reads     int   // Files that are read at the same time, and calls that write items.
	MaxBytes  int64 // Of a file.
	GiveUp    time.Duration
	Clock     clock.Clock
	Jitter    func() float64
	Log       *slog.Logger
	Metrics   *telemetry.Metrics

	large   sync.Mutex // Whose holder has a large file in memory.
	buffers sync.Pool
	known   map[string]knownRun // An environment has one invocation at a time.
}

// knownRun is what was read of a run.
type knownRun struct {
	state State // Empty where there is no such run.
	later bool  // Another run began after its upload did.
	at    time.Time
}

// Source is the bucket with the files.
type Source interface {
	Lists
	// ReadObject returns an object of at most so many bytes, in the memory of into where it fits; s3.ErrTooLarge is a larger one.
	ReadObject(ctx context.Context, key string, most int64, into []byte) ([]byte, error)
}

// Handle ingests one batch, and names the chunks that must come again: the stream gives the first of these and all that follow, which then have their markers.
func (g *Ingest) Handle(ctx context.Context, event events.KinesisEvent) (events.KinesisEventResponse, error) {
	ctx, cancel := clock.ToAnswer(ctx)
	defer cancel()
	response := events.KinesisEventResponse{BatchItemFailures: []events.KinesisBatchItemFailure{}}
	var all outcome
	runs := map[string]bool{}
	for i, record := range event.Records {
		chunk, err := readChunk(record.Kinesis.Data, g.Bucket)
		if err != nil { // It would be none the next time.
			g.Log.ErrorContext(ctx, "refused a record", "record", record.Kinesis.SequenceNumber, "error", err)
			all.refused++
			continue
		}
		done, err := g.ingest(ctx, chunk, record.Kinesis.ApproximateArrivalTimestamp.Time, i == 0)
		if err != nil {
			g.Log.ErrorContext(ctx, "ingest a chunk", "run", chunk.Run, "chunk", chunk.ID, "error", err)
			response.BatchItemFailures = append(response.BatchItemFailures, events.KinesisBatchItemFailure{ItemIdentifier: record.Kinesis.SequenceNumber})
			continue
		}
		runs[chunk.Run] = true
		all.add(done)
	}
	for run := range runs {
		g.Completer.Look(ctx, run)
	}
	if err := all.emit(g.Metrics, g.Clock.Now()); err != nil {
		g.Log.WarnContext(ctx, "emit metrics", "error", err)
	}
	return response, nil
}

// ingest does one chunk, the first of a batch or another. What is done already, or is of a run that is over, is no error.
func (g *Ingest) ingest(ctx context.Context, chunk *Chunk, arrived time.Time, first bool) (outcome, error) {
	run, wanted, err := g.wanted(ctx, chunk)
	if err != nil || !wanted {
		return outcome{}, err
	}
	giveUp, err := g.givesUp(ctx, chunk, arrived)
	if err != nil {
		return outcome{}, err
	}
	work := &chunkWork{Ingest: g, chunk: chunk, failed: make([]*Failure, len(chunk.Keys)), giveUp: giveUp, whole: first, behind: run.later}
	if err := work.do(ctx); err != nil {
		return outcome{}, errors.Join(err, g.noteTry(ctx, chunk))
	}
	done := work.outcome()
	counted, err := g.commit(ctx, chunk, done)
	if err != nil || !counted {
		return outcome{}, err
	}
	return done, nil
}

// givesUp says whether a chunk was tried for so long that what AWS does not let be read or written is a failure. How long it waited in the stream for others does
// not count: of a large upload most wait for longer.
func (g *Ingest) givesUp(ctx context.Context, chunk *Chunk, arrived time.Time) (bool, error) {
	now := g.Clock.Now()
	if now.Sub(arrived) <= g.GiveUp {
		return false, nil
	}
	tried, err := g.Store.get(ctx, triedItem(chunk.Run, chunk.ID))
	return len(tried) > 0 && now.Sub(time.UnixMilli(tried["since"].Int())) > g.GiveUp, err
}

// commitTime is kept back of an invocation's time for the last items and the marker of a chunk: a quarter of it where it is short.
const commitTime = 10 * time.Second

// toCommit is a context that ends while there is still time to commit.
func toCommit(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-min(commitTime, time.Until(end)/4)))
}

// noteTime bounds how long it takes to note that a chunk was tried, in what is kept back of an invocation for its answer.
const noteTime = 500 * time.Millisecond

// noteTry notes since when a chunk is tried, where that is not noted; also at the end of an invocation's time.
func (g *Ingest) noteTry(ctx context.Context, chunk *Chunk) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	_, err := g.Store.update(ctx, g.Store.keep(triedItem(chunk.Run, chunk.ID), "SET #since = :now", "attribute_not_exists(#id)", dynamodb.Item{":now": dynamodb.Number(ms(g.Clock.Now()))}))
	return err
}

// wanted says whether a chunk is to be ingested: its run goes on, and it has no marker.
func (g *Ingest) wanted(ctx context.Context, chunk *Chunk) (knownRun, bool, error) {
	known, found := g.known[chunk.Run]
	if now := g.Clock.Now(); !found || !now.Before(known.at.Add(runKnown)) {
		var err error
		if known, err = g.know(ctx, chunk); err != nil {
			return known, false, err
		}
		if g.known == nil || len(g.known) > 100 {
			g.known = map[string]knownRun{}
		}
		known.at = now
		g.known[chunk.Run] = known
	}
	if known.state != Listing && known.state != Ingesting {
		g.Log.InfoContext(ctx, "a chunk of a run that does not ingest", "run", chunk.Run, "state", known.state)
		return known, false, nil
	}
	marker, err := g.Store.get(ctx, chunkItem(chunk.Run, chunk.ID))
	return known, len(marker) == 0, err
}

// know reads a chunk's run, and whether another began after its upload did. That may be a replay of an earlier one, too, by which nothing changes but the calls.
func (g *Ingest) know(ctx context.Context, chunk *Chunk) (known knownRun, err error) {
	run, _, err := g.Store.ReadRun(ctx, chunk.Run)
	if err != nil {
		return known, err
	}
	recent, err := g.Store.Notes(ctx, RecentID)
	if err != nil {
		return known, err
	}
	known.state = run.State
	for id, started := range recent {
		known.later = known.later || id != chunk.Run && started > chunk.At
	}
	return known, nil
}

// commit counts a chunk, and says whether it did: another may have.
func (g *Ingest) commit(ctx context.Context, chunk *Chunk, done outcome) (bool, error) {
	s := g.Store
	marker := dynamodb.Item{
		":files": dynamodb.Number(done.files), ":ingested": dynamodb.Number(done.ingested), ":failed": dynamodb.Number(int64(len(done.failures))), ":items": dynamodb.Number(done.items),
	}
	mark := "SET #files = :files, #ingested = :ingested, #failed = :failed, #items = :items"
	add := " ADD #chunks_done :one"
	counters := dynamodb.Item{":one": dynamodb.Number(1), ":now": dynamodb.Number(ms(g.Clock.Now()))}
	for name, n := range done.counters() {
		if n != 0 {
			add += ", #" + name + " :" + name
			counters[":"+name] = dynamodb.Number(n)
		}
	}
	updates := []dynamodb.UpdateItem{
		s.keep(chunkItem(chunk.Run, chunk.ID), mark, "attribute_not_exists(#id)", marker),
		s.change(chunk.Run, "SET #touched = :now REMOVE #stuck"+add, "attribute_exists(#id)", counters),
	}
	if len(done.failures) > 0 {
		failed, err := s.failuresUpdate(ctx, g.Objects, chunk, done.failures)
		if err != nil {
			return false, err
		}
		updates = append(updates, failed)
	}
	unmet, err := s.transact(ctx, updates...)
	return len(unmet) == 0, err
}

// outcome is what became of a chunk, or of several.
type outcome struct {
	files, ingested, items int64
	bytes, calls, units    int64
	failures               []Failure
	failed, refused        int64
}

// chunkCalls are those beside the reads and the writes of items: the marker's read and the transaction. Looks at the run are shared by a batch.
const chunkCalls = 2

func (o *outcome) add(other outcome) {
	o.files += other.files
	o.ingested += other.ingested
	o.items += other.items
	o.bytes += other.bytes
	o.failed += int64(len(other.failures))
}

// counters are what a chunk adds to its run, by attribute.
func (o *outcome) counters() map[string]int64 {
	counters := map[string]int64{
		"ingested": o.ingested, "failed": int64(len(o.failures)), "items": o.items, "bytes": o.bytes, "calls": o.calls + chunkCalls, "write_units": o.units,
	}
	for _, failure := range o.failures {
		counters[failedBy+string(failure.Reason)]++
	}
	return counters
}

func (o *outcome) emit(metrics *telemetry.Metrics, now time.Time) error {
	return metrics.Emit(now, telemetry.Metric{Name: "Ingested", Unit: telemetry.Count, Value: float64(o.ingested)},
		telemetry.Metric{Name: "Failed", Unit: telemetry.Count, Value: float64(o.failed)}, telemetry.Metric{Name: "Items", Unit: telemetry.Count, Value: float64(o.items)},
		telemetry.Metric{Name: "Refused", Unit: telemetry.Count, Value: float64(o.refused)})
}
