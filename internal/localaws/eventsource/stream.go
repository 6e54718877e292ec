package eventsource

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"
)

// Stream is what a poller needs of Kinesis or of a DynamoDB stream.
type Stream interface {
	// Shards are the shards that can be read, closed ones too.
	Shards(ctx context.Context) ([]Shard, error)
	// Iterator is where reading a shard begins.
	Iterator(ctx context.Context, shard string, from Position) (string, error)
	// Read returns at most limit records, without waiting for any. It may return ErrExpired, ErrTrimmed and ErrGone.
	Read(ctx context.Context, iterator string, limit int) (Page, error)
}

// Errors of a stream that a poller knows what to do about.
var (
	ErrExpired = errors.New("the iterator is too old")
	ErrTrimmed = errors.New("the record is no longer in the stream")
	ErrGone    = errors.New("the shard is no more")
)

// Shard is one of a stream, and those whose records come before its own.
type Shard struct {
	ID      string
	Parents []string
}

// Position is where in a shard to begin. Type is TRIM_HORIZON, LATEST, AT_TIMESTAMP or AFTER_SEQUENCE_NUMBER.
type Position struct {
	Type     string
	Sequence string
	Time     time.Time
}

const (
	trimHorizon   = "TRIM_HORIZON"
	afterSequence = "AFTER_SEQUENCE_NUMBER"
)

// Page is what one read returned. Next is empty at the end of a closed shard.
type Page struct {
	Records []Record
	Next    string
}

// Record is one of a stream.
type Record struct {
	Sequence string
	Key      string // the records of a key stay in order
	Arrived  time.Time
	Event    json.RawMessage // as the function gets it
}

const (
	// KinesisPoll and DynamoDBPoll are the pauses between reads of a shard without records ("How Lambda processes records from
	// Amazon Kinesis Data Streams", polling once a second; "Using AWS Lambda with Amazon DynamoDB", polling four times a second).
	KinesisPoll  = time.Second
	DynamoDBPoll = 250 * time.Millisecond
	// lookEvery is how often new shards are looked for while none ends; the figure is ours.
	lookEvery = 30 * time.Second
	// maxRead bounds a read: a tenth of what Kinesis, and what DynamoDB gives at most (API references, GetRecords).
	maxRead = 1000
)

// StreamPoller reads the shards of a stream, invokes the function with batches of their records, and retries, splits, discards
// and reports what fails. Set the exported fields, call Open, then Run.
type StreamPoller struct {
	Mapping Mapping
	Stream  Stream
	Invoker Invoker
	// Destination gets a document for each discarded batch; nil for none.
	Destination Destination
	Clock       Clock
	// PollEvery is the pause after a read without records: KinesisPoll or DynamoDBPoll.
	PollEvery time.Duration
	// From names the shards that were read before, and behind which record to go on.
	From map[string]string
	// Report gets the mapping's last processing result whenever it changes; nil keeps it.
	Report func(result string)

	filters Filters
	reports reporter
	reading gauge
	opened  bool

	mu     sync.Mutex
	shards map[string]*shard
	age    time.Duration
}

// Open finds the stream's shards and the place in each where reading begins: what is put behind it will be read. Where it
// fails, Run tries again.
func (p *StreamPoller) Open(ctx context.Context) error {
	var err error
	if p.filters, err = ParseFilters(p.Mapping.Service(), p.Mapping.FilterCriteria); err != nil {
		return err
	}
	p.mu.Lock()
	p.shards = map[string]*shard{}
	p.mu.Unlock()
	err = p.look(ctx, p.start)
	p.opened = err == nil
	return err
}

// start is where the mapping begins to read.
func (p *StreamPoller) start() Position {
	whole := int64(p.Mapping.StartingPositionTimestamp)
	nanoseconds := int64((p.Mapping.StartingPositionTimestamp - float64(whole)) * float64(time.Second))
	return Position{Type: p.Mapping.StartingPosition, Time: time.Unix(whole, nanoseconds)}
}

// look adds the shards that are not known yet.
func (p *StreamPoller) look(ctx context.Context, start func() Position) error {
	found, err := p.Stream.Shards(ctx)
	if err != nil {
		return err
	}
	for _, f := range found {
		p.mu.Lock()
		_, known := p.shards[f.ID]
		p.mu.Unlock()
		if known {
			continue
		}
		s := &shard{poller: p, id: f.ID, parents: f.Parents, from: start(), done: make(chan struct{})}
		if sequence := p.From[f.ID]; sequence != "" {
			s.from, s.checkpoint = Position{Type: afterSequence, Sequence: sequence}, sequence
		}
		if s.iterator, err = p.Stream.Iterator(ctx, f.ID, s.from); errors.Is(err, ErrTrimmed) {
			s.iterator, err = p.Stream.Iterator(ctx, f.ID, Position{Type: trimHorizon})
		}
		if err != nil {
			return err
		}
		p.mu.Lock()
		p.shards[f.ID] = s
		p.mu.Unlock()
	}
	return nil
}

// Run polls until Stop or the context's end, and returns when the last invocation is over. The context's end gives up
// invocations, too.
func (p *StreamPoller) Run(ctx context.Context) {
	p.reports.to = p.Report
	read, done := p.reading.open(ctx)
	defer done()
	var wait backoff
	for !p.opened {
		if err := p.Open(read); err != nil {
			p.reports.set(problem(err))
			if !pause(read, p.Clock, wait.next()) {
				return
			}
		}
	}
	var work sync.WaitGroup
	defer work.Wait()
	ended := make(chan struct{}, 1)
	for {
		for _, s := range p.ready() {
			work.Go(func() {
				s.run(ctx, read)
				close(s.done)
				select {
				case ended <- struct{}{}:
				default:
				}
			})
		}
		select {
		case <-read.Done():
			return
		case <-ended:
		case <-p.Clock.After(lookEvery):
		}
		if !p.reading.enter() {
			return
		}
		// A shard's children are read from their beginning.
		err := p.look(read, func() Position { return Position{Type: trimHorizon} })
		p.reading.leave()
		if err != nil && read.Err() == nil {
			p.reports.set(problem(err))
		}
	}
}

// ready are the shards whose parents have been read to their ends, and that are not read yet.
func (p *StreamPoller) ready() []*shard {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ready []*shard
	for _, s := range p.shards {
		if s.running || slices.ContainsFunc(s.parents, func(id string) bool { return p.shards[id] != nil && !p.shards[id].ended() }) {
			continue
		}
		s.running = true
		ready = append(ready, s)
	}
	return ready
}

// Stop ends the polling: it returns when nothing more is read. Invocations under way go on, and so does Run.
func (p *StreamPoller) Stop() { p.reading.close() }

// Checkpoints name, by shard, the last record up to which all are done with: a poller that goes on From there loses none.
func (p *StreamPoller) Checkpoints() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	points := map[string]string{}
	for id, s := range p.shards {
		if sequence := s.reached(); sequence != "" {
			points[id] = sequence
		}
	}
	return points
}

// IteratorAge is how old the last record of the latest batch was when the function was done with it ("Using AWS Lambda with Amazon
// DynamoDB", Amazon CloudWatch metrics).
func (p *StreamPoller) IteratorAge() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.age
}

func (p *StreamPoller) aged(last Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.age = p.Clock.Now().Sub(last.Arrived)
}
