package eventsource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

const (
	queueARN    = "arn:aws:sqs:eu-central-1:000000000000:votes"
	streamARN   = "arn:aws:kinesis:eu-central-1:000000000000:stream/votes"
	functionARN = "arn:aws:lambda:eu-central-1:000000000000:function:recorder:live"
)

var errThrottled = errors.New("TooManyRequestsException: Rate Exceeded")

// function is a function in memory: it keeps what it was given, and answers as told.
type function struct {
	// answers decides by the identifiers of a batch, those of messages or the data of records; nil succeeds.
	answers func(ids []string) (Answer, error)
	takes   time.Duration

	mu      sync.Mutex
	start   time.Time
	batches []invoked
	running int
	most    int
	longest int // bytes of the longest event
}

// invoked is one invocation: the batch, and when it began.
type invoked struct {
	ids []string
	at  time.Duration
}

func newFunction() *function { return &function{start: time.Now()} }

func (f *function) Invoke(ctx context.Context, event []byte) (Answer, error) {
	ids := idsOf(event)
	f.mu.Lock()
	f.batches = append(f.batches, invoked{ids, time.Since(f.start)})
	f.longest = max(f.longest, len(event))
	f.running++
	f.most = max(f.most, f.running)
	takes := f.takes
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.running--
		f.mu.Unlock()
	}()
	if takes > 0 && !pause(ctx, SystemClock{}, takes) {
		return Answer{}, ctx.Err()
	}
	if f.answers == nil {
		return Answer{Version: "1"}, nil
	}
	return f.answers(ids)
}

// slow makes each invocation take so long from now on.
func (f *function) slow(takes time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.takes = takes
}

func (f *function) invocations() []invoked {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.batches)
}

// ids are those of all invocations, in order.
func (f *function) ids() (all [][]string) {
	for _, b := range f.invocations() {
		all = append(all, b.ids)
	}
	return all
}

func idsOf(event []byte) (ids []string) {
	var e struct {
		Records []struct {
			MessageID string               `json:"messageId"`
			Kinesis   events.KinesisRecord `json:"kinesis"`
		}
	}
	if err := json.Unmarshal(event, &e); err != nil {
		panic(err)
	}
	for _, r := range e.Records {
		if r.MessageID != "" {
			ids = append(ids, r.MessageID)
		} else {
			ids = append(ids, string(r.Kinesis.Data))
		}
	}
	return ids
}

// broken is the answer of a function that failed; says is that of one that returned the text.
var broken = Answer{RequestID: "r", Version: "1", FunctionError: "Unhandled", Payload: []byte(`{"errorMessage":"no"}`)}

func says(text string) Answer { return Answer{RequestID: "r", Version: "1", Payload: []byte(text)} }

// failing is a partial batch response.
func failing(ids ...string) Answer {
	items := []map[string]string{}
	for _, id := range ids {
		items = append(items, map[string]string{"itemIdentifier": id})
	}
	text, _ := json.Marshal(map[string]any{"batchItemFailures": items})
	return says(string(text))
}

// poller is what both pollers are.
type poller interface {
	Run(ctx context.Context)
	Stop()
}

// running runs a poller in the test's bubble, and ends it with the test.
func running(t *testing.T, p poller) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Run(ctx)
	}()
	t.Cleanup(func() {
		p.Stop()
		cancel()
		<-done
	})
}

// pass lets so much of the bubble's time pass, and everything come to rest.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func memoryQueue() *MemoryQueue {
	return &MemoryQueue{Clock: SystemClock{}, VisibilityTimeout: 30 * time.Second}
}

func send(q *MemoryQueue, n int) {
	for i := range n {
		q.Send(fmt.Sprint("body ", i), Sending{})
	}
}

// calls counts and times what a poller asks of a queue.
type calls struct {
	Queue
	mu       sync.Mutex
	receives []Receive
	deletes  []int
	fail     error
}

func (c *calls) Receive(ctx context.Context, r Receive) ([]Message, error) {
	c.mu.Lock()
	c.receives = append(c.receives, r)
	err := c.fail
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return c.Queue.Receive(ctx, r)
}

func (c *calls) Delete(ctx context.Context, messages []Message) error {
	c.mu.Lock()
	c.deletes = append(c.deletes, len(messages))
	c.mu.Unlock()
	return c.Queue.Delete(ctx, messages)
}
