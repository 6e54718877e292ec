package eventsource

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
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

// shard is one shard being read.
type shard struct {
	poller   *StreamPoller
	id       string
	parents  []string
	from     Position
	iterator string
	running  bool // the poller's lock is held for it
	done     chan struct{}

	mu         sync.Mutex
	under      []*item // read and not done with, or done with behind one that is not
	checkpoint string
}

// item is a record on its way.
type item struct {
	Record
	done bool
}

func (s *shard) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

func (s *shard) reached() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checkpoint
}

// settle marks records as done with, and moves the checkpoint behind the last one before which none is left.
func (s *shard) settle(items []*item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range items {
		i.done = true
	}
	for len(s.under) > 0 && s.under[0].done {
		s.checkpoint = s.under[0].Sequence
		s.under = s.under[1:]
	}
}

// run reads the shard, and hands each record to the lane of its key: lanes invoke side by side, and a key's records stay in order
// ("Using AWS Lambda with Amazon Kinesis", concurrent batches per shard).
func (s *shard) run(ctx, read context.Context) {
	lanes := make([]chan []*item, max(1, s.poller.Mapping.ParallelizationFactor))
	var work sync.WaitGroup
	for i := range lanes {
		lanes[i] = make(chan []*item, 1)
		work.Go(func() { s.lane(ctx, read, lanes[i]) })
	}
	s.read(read, lanes)
	for _, lane := range lanes {
		close(lane)
	}
	work.Wait()
}

// read reads until the shard's end.
func (s *shard) read(read context.Context, lanes []chan []*item) {
	p := s.poller
	last := "" // read so far
	var wait backoff
	for s.iterator != "" && p.reading.enter() {
		page, err := p.Stream.Read(read, s.iterator, min(maxRead, max(p.Mapping.BatchSize*len(lanes), 1)))
		if errors.Is(err, ErrExpired) || errors.Is(err, ErrTrimmed) {
			from := s.from
			if last != "" {
				from = Position{Type: afterSequence, Sequence: last}
			}
			if errors.Is(err, ErrTrimmed) {
				from = Position{Type: trimHorizon}
			}
			page.Next, err = p.Stream.Iterator(read, s.id, from)
		}
		p.reading.leave()
		switch {
		case errors.Is(err, ErrGone):
			return
		case err != nil:
			if read.Err() == nil {
				p.reports.set(problem(err))
			}
			pause(read, p.Clock, wait.next())
			continue
		}
		wait.reset()
		if len(page.Records) > 0 {
			last = page.Records[len(page.Records)-1].Sequence
			if !s.hand(read, lanes, page.Records) {
				return
			}
		}
		s.iterator = page.Next
		if len(page.Records) == 0 && s.iterator != "" {
			pause(read, p.Clock, p.PollEvery)
		}
	}
}

// hand gives records to their lanes. What no filter matches is done with ("Using event filtering with a Kinesis event source").
func (s *shard) hand(read context.Context, lanes []chan []*item, records []Record) bool {
	shares := make([][]*item, len(lanes))
	var dropped []*item
	s.mu.Lock()
	for _, r := range records {
		i := &item{Record: r}
		s.under = append(s.under, i)
		if !s.poller.filters.Match(r.Event) {
			dropped = append(dropped, i)
			continue
		}
		lane := laneOf(r.Key, len(lanes))
		shares[lane] = append(shares[lane], i)
	}
	s.mu.Unlock()
	s.settle(dropped)
	for n, share := range shares {
		if len(share) == 0 {
			continue
		}
		select {
		case lanes[n] <- share:
		case <-read.Done():
			return false
		}
	}
	return true
}

func laneOf(key string, lanes int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))           // never fails
	return int(h.Sum32() % uint32(lanes)) //nolint:gosec // at most ten
}

// lane makes batches of what it is handed, and delivers one after the other: without a batching window of what is there, with one
// until it is over, the batch is full or the event as long as it may be ("Using AWS Lambda with Amazon DynamoDB", polling and
// batching streams).
func (s *shard) lane(ctx, read context.Context, in <-chan []*item) {
	p := s.poller
	var held []*item
	for open := true; (open || len(held) > 0) && read.Err() == nil; {
		if len(held) == 0 {
			select {
			case <-read.Done():
				return
			case held, open = <-in:
			}
			if len(held) == 0 {
				continue
			}
		}
		var over <-chan time.Time
		if window := p.Mapping.window(); window > 0 {
			over = p.Clock.After(window)
		}
		for waiting := true; waiting && open && fits(held, p.Mapping.BatchSize) == len(held) && len(held) < p.Mapping.BatchSize; {
			var more []*item
			if over == nil {
				select {
				case more, open = <-in:
				default:
					waiting = false
				}
			} else {
				select {
				case <-read.Done():
					return
				case <-over:
					waiting = false
				case more, open = <-in:
				}
			}
			held = append(held, more...)
		}
		n := fits(held, p.Mapping.BatchSize)
		s.deliver(ctx, read, held[:n])
		held = held[n:]
	}
}

// fits is how many of the items one event can have: at least one.
func fits(items []*item, most int) int {
	size := emptyEvent
	for n, i := range items {
		if size += len(i.Event) + 1; n == most || n > 0 && size > maxPayload {
			return n
		}
	}
	return len(items)
}
