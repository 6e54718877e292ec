package eventsource

import (
	"context"
	"errors"
	"hash/fnv"
	"sync"
	"time"
)

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
