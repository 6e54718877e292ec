package blueprint

import "time"

// Where a mapping begins to read a stream (Lambda API Reference,
// CreateEventSourceMapping, StartingPosition).
const (
	// TrimHorizon begins with the oldest record that the stream has.
	TrimHorizon = "TRIM_HORIZON"
	// Latest begins with what comes after the mapping is made, which some records
	// of its first minutes may escape.
	Latest = "LATEST"
)

// Unbounded is a number of attempts, or an age, without a bound: a record that
// fails then holds its shard back until the stream has forgotten it.
const Unbounded = -1

// StreamBatch says how a function takes records from a stream.
type StreamBatch struct {
	// Size is the greatest number of records a call; Window how long to gather
	// them.
	Size   int
	Window time.Duration
	// From is where reading begins; empty for TrimHorizon, with which nothing is
	// missed.
	From string
	// Parallel is how many batches of one shard are worked on at once, 1 to 10;
	// records of one item stay in order. 0 is 1.
	Parallel int
	// Retries is how often a batch that failed is tried again, and MaxAge how old a
	// record may become, at least a minute; Unbounded, or 0 for MaxAge, for no
	// bound.
	Retries int
	MaxAge  time.Duration
	// OnFailure takes a document for each batch that was given up: which records
	// of which shard, and why. Batches are halved before, so that it is mostly one
	// record.
	OnFailure *QueueHandle
	// Filters are event patterns as JSON, at most five (Lambda Developer Guide,
	// "Control which events Lambda sends to your function").
	Filters []string
}

// StreamMappingHandle refers to an event source mapping of a stream.
type StreamMappingHandle struct {
	Handle
	function FunctionHandle
	batch    StreamBatch
}

// RecordSource is what has records in order: a Kinesis stream, or a table with a
// stream.
type RecordSource interface {
	Key() string
	Name() string
	recordsARN() string
}

// ConsumeStream lets a function take the records of a stream. Its role must hold
// the stream's Read or the table's ReadStream grants and, where there is a queue
// for what was given up, that queue's Send. A batch that fails is halved, the function
// may name the record that failed, and what was tried often enough is given up,
// so that no record holds the others back.
func (b *Builder) ConsumeStream(key string, f FunctionHandle, from RecordSource, batch StreamBatch) StreamMappingHandle {
	spec := MappingSpec{
		Source: from.recordsARN(), Function: f.LiveARN(), BatchSize: batch.Size, Window: int(batch.Window / time.Second),
		PartialBatch: true, Enabled: true, Filters: batch.Filters,
		StartingPosition: batch.From, Parallelization: max(1, batch.Parallel), Bisect: true, MaxRetries: batch.Retries, MaxAge: int(batch.MaxAge / time.Second),
	}
	if spec.StartingPosition == "" {
		spec.StartingPosition = TrimHorizon
	}
	if spec.MaxAge == 0 {
		spec.MaxAge = Unbounded
	}
	after := []string{f.Key(), from.Key()}
	if batch.OnFailure != nil {
		spec.OnFailure = batch.OnFailure.ARN()
		after = append(after, batch.OnFailure.Key())
	}
	h := b.add(key, f.Name()+":"+from.Name(), spec, after...)
	h.part.RuntimeOwned = []string{"enabled"}
	return StreamMappingHandle{Handle: h, function: f, batch: batch}
}

// ID returns a reference to the mapping's UUID.
func (m StreamMappingHandle) ID() string { return Ref(m.Key(), "id") }

// Takes is what it costs to hand one record to the function, where batches have
// so many records and take the stated duration. Lambda's reading of a table's
// stream is free (DynamoDB pricing, DynamoDB Streams).
func (m StreamMappingHandle) Takes(fill float64, duration time.Duration) []Operation {
	return m.function.Invocations(1/min(max(1, fill), float64(m.batch.Size)), duration)
}

// streamMapping checks what Lambda would refuse of a stream's mapping.
func (c *checker) streamMapping(s MappingSpec) {
	const source = "Lambda API Reference, CreateEventSourceMapping"
	if s.StartingPosition != TrimHorizon && s.StartingPosition != Latest {
		c.add(nil, "the starting position %q is neither %s nor %s (%s)", s.StartingPosition, TrimHorizon, Latest, source)
	}
	c.between("parallelization factor", s.Parallelization, 1, 10, "", source, nil)
	c.between("maximum of retries", s.MaxRetries, Unbounded, 10_000, "", source, nil)
	if s.MaxAge != Unbounded {
		c.between("maximum record age", s.MaxAge, 60, 604_800, "s", source, nil)
	}
	if s.MaxConcurrency != 0 {
		c.add(nil, "a bound of concurrent calls is for queues; a stream has its shards and the parallelization factor (Lambda API Reference, ScalingConfig)")
	}
}
