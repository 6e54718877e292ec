package eventsource

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Message is a message of a queue as a function gets it, but for the fields that name the queue.
type Message = events.SQSMessage

// Queue is what a poller needs of SQS.
type Queue interface {
	// Visibility is the queue's visibility timeout.
	Visibility(ctx context.Context) (time.Duration, error)
	// Receive returns one to r.Max messages as soon as there are any, and none when r.Wait is over or the context ends.
	Receive(ctx context.Context, r Receive) ([]Message, error)
	// Delete removes at most ten messages.
	Delete(ctx context.Context, messages []Message) error
}

// Receive is one request for messages.
type Receive struct {
	Max  int           // messages, at most ten
	Wait time.Duration // at most 20 s
	// Visibility hides the messages for so long; 0 is the queue's own time.
	Visibility time.Duration
}

const (
	// longPoll is the longest wait of a receive, and perCall the most messages of a call (Amazon SQS API Reference,
	// ReceiveMessage and DeleteMessageBatch).
	longPoll = 20 * time.Second
	perCall  = 10
	// A queue's mapping reads five batches at a time to begin with, 300 more a minute while there are messages, and 1,250 at
	// most ("Configuring scaling behavior for SQS event source mappings").
	firstReaders = 5
	mostReaders  = 1250
	growEvery    = time.Minute / 300
	// visibilityMargin is added where a queue's visibility timeout is too short for window and function ("Creating and
	// configuring an Amazon SQS event source mapping", batch window).
	visibilityMargin = 30 * time.Second
)

// QueuePoller reads batches of messages from a queue, invokes the function with each, and deletes what it succeeded with. What
// failed stays in the queue, hidden until its visibility timeout ends. Set the exported fields, and call Run.
type QueuePoller struct {
	Mapping Mapping
	Queue   Queue
	Invoker Invoker
	Clock   Clock
	// FunctionTimeout is the function's, to which the visibility timeout is held.
	FunctionTimeout time.Duration
	// Report gets the mapping's last processing result whenever it changes; nil keeps it.
	Report func(result string)

	filters    Filters
	visibility time.Duration // as asked for with each receive; 0 is the queue's own
	hidden     time.Duration // how long that is
	reports    reporter
	reading    gauge
	readers    sync.WaitGroup
	busy       chan struct{} // says that no reader waits

	mu      sync.Mutex
	running int
	idle    int  // of those, how many wait for a first message
	failing bool // the last invocation failed
}

// Run polls until Stop or the context's end, and returns when the last invocation is over. The context's end gives up
// invocations, too.
func (p *QueuePoller) Run(ctx context.Context) {
	p.reports.to = p.Report
	read, done := p.reading.open(ctx)
	defer done()
	var err error
	if p.filters, err = ParseFilters(p.Mapping.Service(), p.Mapping.FilterCriteria); err != nil {
		p.reports.set(problem(err))
		return
	}
	if !p.prepare(read) {
		return
	}
	p.busy = make(chan struct{}, 1)
	p.readers.Go(func() { p.scale(ctx, read) })
	for range min(firstReaders, p.most()) {
		p.start(ctx, read)
	}
	p.readers.Wait()
}

// Stop ends the polling: it returns when nothing more is received. Invocations under way go on, and so does Run.
func (p *QueuePoller) Stop() { p.reading.close() }

// prepare asks for the visibility timeout until it is known.
func (p *QueuePoller) prepare(read context.Context) bool {
	var wait backoff
	for {
		visibility, err := p.Queue.Visibility(read)
		if err == nil {
			p.hidden = visibility
			if need := p.Mapping.window() + p.FunctionTimeout; p.Mapping.window() > 0 && need > visibility {
				p.visibility = need + visibilityMargin
				p.hidden = p.visibility
			}
			return true
		}
		if read.Err() != nil {
			return false
		}
		p.reports.set(problem(err))
		if !pause(read, p.Clock, wait.next()) {
			return false
		}
	}
}

// most is how many batches may be in work at once.
func (p *QueuePoller) most() int {
	if p.Mapping.ScalingConfig != nil && p.Mapping.ScalingConfig.MaximumConcurrency > 0 {
		return p.Mapping.ScalingConfig.MaximumConcurrency
	}
	return mostReaders
}

// start begins one more reader.
func (p *QueuePoller) start(ctx, read context.Context) {
	p.mu.Lock()
	p.running++
	p.mu.Unlock()
	p.readers.Go(func() { p.reader(ctx, read) })
}

// scale begins one more reader at a time while none waits for messages and the function does not fail.
func (p *QueuePoller) scale(ctx, read context.Context) {
	for {
		select {
		case <-read.Done():
			return
		case <-p.busy:
		}
		for busy := true; busy && pause(read, p.Clock, growEvery); {
			p.mu.Lock()
			busy = p.idle == 0
			grow := busy && !p.failing && p.running < p.most()
			p.mu.Unlock()
			if grow {
				p.start(ctx, read)
			}
		}
	}
}

// leave takes away a reader that is one more than keep, and reports whether it did.
func (p *QueuePoller) leave(keep int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running <= keep {
		return false
	}
	p.running--
	return true
}

// fail remembers whether the last invocation failed.
func (p *QueuePoller) fail(failing bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failing = failing
}

// wait counts the readers that wait for a first message.
func (p *QueuePoller) wait(first bool, n int) {
	if !first {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.idle += n; p.idle > 0 {
		return
	}
	select {
	case p.busy <- struct{}{}:
	default:
	}
}

// batch is what one invocation is made of.
type batch struct {
	messages []Message
	records  []json.RawMessage
	size     int
	received time.Time // when the first message was
	window   time.Time // when the batching window ends
}

// add takes a message, unless the event would become too long.
func (b *batch) add(m Message, record json.RawMessage) bool {
	size := b.size + len(record) + 1
	if len(b.messages) > 0 && emptyEvent+size > maxPayload {
		return false
	}
	b.messages, b.records, b.size = append(b.messages, m), append(b.records, record), size
	return true
}

// reader reads and delivers one batch after another. A failed invocation takes away a reader until one is left, which pauses:
// Lambda reduces the concurrency of a mapping whose invocations fail ("Handling errors for an SQS event source", backoff strategy).
func (p *QueuePoller) reader(ctx, read context.Context) {
	var failed, refused backoff
	var over []Message // received, and too long for the last batch
	for read.Err() == nil || len(over) > 0 {
		var b batch
		var err error
		over, err = p.collect(ctx, read, &b, over)
		if err != nil && read.Err() == nil {
			p.reports.set(problem(err))
		}
		if err == nil || len(b.messages) > 0 {
			refused.reset()
		}
		switch {
		case len(b.messages) > 0:
		case err != nil:
			p.wait(true, 1) // no reason for more readers
			pause(read, p.Clock, refused.next())
			p.wait(true, -1)
			continue
		case p.leave(firstReaders):
			return
		default:
			continue
		}
		if p.deliver(ctx, read, &b) {
			failed.reset()
			p.fail(false)
			continue
		}
		p.fail(true)
		if len(over) == 0 && p.leave(1) {
			return
		}
		pause(read, p.Clock, failed.next())
	}
	p.leave(0)
}

// collect gathers a batch: without a batching window from one receive; with one until it is over, the batch is full or the
// event as long as it may be ("Understanding polling and batching behavior for Amazon SQS event source mappings"). It returns
// the messages that did not fit.
func (p *QueuePoller) collect(ctx, read context.Context, b *batch, over []Message) ([]Message, error) {
	if over = p.take(b, over); len(over) > 0 {
		return over, nil
	}
	for len(b.messages) < p.Mapping.BatchSize {
		wait := longPoll
		if len(b.messages) > 0 {
			left := b.window.Sub(p.Clock.Now())
			if left <= 0 {
				break
			}
			wait = min(longPoll, left.Truncate(time.Second)+time.Second) // SQS waits for whole seconds
			if left%time.Second == 0 {
				wait = min(longPoll, left)
			}
		}
		if !p.reading.enter() {
			break
		}
		first := len(b.messages) == 0
		p.wait(first, 1)
		received, err := p.Queue.Receive(read, Receive{Max: min(perCall, p.Mapping.BatchSize-len(b.messages)), Wait: wait, Visibility: p.visibility})
		p.wait(first, -1)
		p.reading.leave()
		if err != nil {
			return over, err
		}
		if len(received) == 0 && len(b.messages) == 0 {
			break
		}
		if over = p.take(b, p.sift(ctx, received)); len(over) > 0 {
			break
		}
	}
	return over, nil
}

// sift deletes the messages that no filter matches, and returns the others ("Using event filtering with an Amazon SQS event source").
func (p *QueuePoller) sift(ctx context.Context, messages []Message) []Message {
	var kept, dropped []Message
	for _, m := range messages {
		if p.filters.Match(p.record(m)) {
			kept = append(kept, m)
		} else {
			dropped = append(dropped, m)
		}
	}
	p.remove(ctx, dropped)
	return kept
}

// take puts messages into the batch, and returns those that do not fit.
func (p *QueuePoller) take(b *batch, messages []Message) []Message {
	for i, m := range messages {
		if len(b.messages) == 0 {
			b.received = p.Clock.Now()
			b.window = b.received.Add(p.Mapping.window())
		}
		if !b.add(m, p.record(m)) {
			return slices.Clone(messages[i:])
		}
	}
	return nil
}

// record is a message as the function gets it.
func (p *QueuePoller) record(m Message) json.RawMessage {
	m.EventSource, m.EventSourceARN, m.AWSRegion = "aws:sqs", p.Mapping.EventSourceArn, p.Mapping.Region()
	if m.MessageAttributes == nil {
		m.MessageAttributes = map[string]events.SQSMessageAttribute{}
	}
	record, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and bytes can always be written
	}
	return record
}

// deliver invokes the function and deletes what it succeeded with. It reports whether the function was there and answered. An
// invocation that did not reach the function is tried again until the messages are visible once more ("Handling errors for an
// SQS event source", backoff strategy).
func (p *QueuePoller) deliver(ctx, read context.Context, b *batch) bool {
	payload := event(b.records)
	var wait backoff
	for {
		answer, err := p.Invoker.Invoke(ctx, payload)
		switch {
		case err == nil && answer.FunctionError == "":
			p.reports.set(resultOK)
			p.remove(ctx, p.succeeded(b.messages, answer.Payload))
			return true
		case err == nil:
			p.reports.set(resultFailed)
			return false
		}
		p.reports.set(problem(err))
		p.fail(true)
		d := wait.next()
		if p.Clock.Now().Add(d).Sub(b.received) >= p.hidden || !pause(read, p.Clock, d) {
			return false
		}
	}
}

// succeeded are the messages that may be deleted.
func (p *QueuePoller) succeeded(messages []Message, payload []byte) []Message {
	if !p.Mapping.partialBatches() {
		return messages
	}
	failed, ok := failures(payload, func(id string) bool {
		return slices.ContainsFunc(messages, func(m Message) bool { return m.MessageId == id })
	})
	if !ok {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(messages), func(m Message) bool { return slices.Contains(failed, m.MessageId) })
}

// remove deletes messages, ten at a time. One that cannot be deleted is delivered again.
func (p *QueuePoller) remove(ctx context.Context, messages []Message) {
	for ten := range slices.Chunk(messages, perCall) {
		if err := p.Queue.Delete(ctx, ten); err != nil && !errors.Is(err, context.Canceled) {
			p.reports.set(problem(err))
		}
	}
}
