package eventsource

import (
	"context"
	"crypto/md5" //nolint:gosec // the digest that SQS gives of a body
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// MemoryQueue is an SQS queue in memory: visibility timeout, delay, receive count, redrive to a dead-letter queue, message groups,
// and deliveries that happen once more. Set the exported fields before use.
type MemoryQueue struct {
	Clock Clock
	// VisibilityTimeout hides what was received; SQS's default is 30 s.
	VisibilityTimeout time.Duration
	// DeadLetter takes what was received MaxReceives times and is visible again; nil for none.
	DeadLetter  *MemoryQueue
	MaxReceives int
	// FIFO gives a group's messages in order, and none of a group of which one is hidden.
	FIFO bool
	// Again decides whether a message that is received stays visible all the same, as happens on a standard queue (Amazon SQS
	// Developer Guide, at-least-once delivery); nil for never. It is called with the queue locked.
	Again func(Message) bool

	mu       sync.Mutex
	stored   []*stored
	sent     int
	receipts int
	changed  chan struct{}
}

// stored is a message in a queue.
type stored struct {
	message  Message
	group    string
	sent     time.Time
	visible  time.Time
	receives int
	first    time.Time
	receipts []string
}

// Sending is what a sender may say of a message.
type Sending struct {
	Delay time.Duration
	Group string // for FIFO queues
}

// Send stores a message and returns its id, m00001 and so on.
func (q *MemoryQueue) Send(body string, s Sending) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sent++
	now := q.Clock.Now()
	digest := md5.Sum([]byte(body)) //nolint:gosec // as above
	m := Message{MessageId: fmt.Sprintf("m%05d", q.sent), Body: body, Md5OfBody: hex.EncodeToString(digest[:])}
	q.put(&stored{message: m, group: s.Group, sent: now, visible: now.Add(s.Delay)})
	return m.MessageId
}

// put stores a message and wakes who waits; the lock is held.
func (q *MemoryQueue) put(s *stored) {
	q.stored = append(q.stored, s)
	q.wake()
}

// wake tells everybody who waits that something changed; the lock is held.
func (q *MemoryQueue) wake() {
	if q.changed != nil {
		close(q.changed)
		q.changed = nil
	}
}

// Visibility is the queue's visibility timeout.
func (q *MemoryQueue) Visibility(context.Context) (time.Duration, error) {
	return q.VisibilityTimeout, nil
}

// Receive waits for messages as SQS's long polling does. Nothing is hidden by a receive that its context ended.
func (q *MemoryQueue) Receive(ctx context.Context, r Receive) ([]Message, error) {
	if r.Max < 1 || r.Max > perCall || r.Wait > longPoll {
		return nil, fmt.Errorf("receive %d messages within %s: a receive takes 1 to 10, within 20 s", r.Max, r.Wait)
	}
	end := q.Clock.Now().Add(r.Wait)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		messages, next, changed := q.collect(r)
		left := end.Sub(q.Clock.Now())
		if len(messages) > 0 || left <= 0 {
			return messages, nil
		}
		if !next.IsZero() {
			left = min(left, next.Sub(q.Clock.Now()))
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-q.Clock.After(left):
		}
	}
}

// collect takes what is visible. With nothing it returns when that may change by itself, zero for never, and what is closed when
// somebody changes it.
func (q *MemoryQueue) collect(r Receive) (messages []Message, next time.Time, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.Clock.Now()
	q.redrive(now)
	hidden := map[string]bool{}
	for _, s := range q.stored {
		switch {
		case s.visible.After(now):
			hidden[s.group] = true
			if next.IsZero() || s.visible.Before(next) {
				next = s.visible
			}
		case len(messages) < r.Max && (!q.FIFO || !hidden[s.group]):
			messages = append(messages, q.receive(s, now, r.Visibility))
		}
	}
	if len(messages) == 0 && q.changed == nil {
		q.changed = make(chan struct{})
	}
	return messages, next, q.changed
}

// receive hides a message and returns it as it is received.
func (q *MemoryQueue) receive(s *stored, now time.Time, visibility time.Duration) Message {
	q.receipts++
	s.receives++
	s.receipts = append(s.receipts, fmt.Sprintf("%s-%d", s.message.MessageId, q.receipts))
	if s.first.IsZero() {
		s.first = now
	}
	if visibility == 0 {
		visibility = q.VisibilityTimeout
	}
	m := s.message
	m.ReceiptHandle = s.receipts[len(s.receipts)-1]
	m.Attributes = map[string]string{
		"ApproximateReceiveCount":          strconv.Itoa(s.receives),
		"SentTimestamp":                    strconv.FormatInt(s.sent.UnixMilli(), 10),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(s.first.UnixMilli(), 10),
	}
	if q.FIFO {
		m.Attributes["MessageGroupId"] = s.group
	}
	if q.Again == nil || q.FIFO || !q.Again(m) {
		s.visible = now.Add(visibility)
	}
	return m
}

// redrive moves what was received too often; the lock is held.
func (q *MemoryQueue) redrive(now time.Time) {
	if q.DeadLetter == nil {
		return
	}
	q.stored = slices.DeleteFunc(q.stored, func(s *stored) bool {
		if s.receives < q.MaxReceives || s.visible.After(now) {
			return false
		}
		q.DeadLetter.mu.Lock()
		defer q.DeadLetter.mu.Unlock()
		q.DeadLetter.put(&stored{message: s.message, group: s.group, sent: s.sent, visible: now})
		return true
	})
}

// Delete removes messages by a receipt handle of theirs. A handle of a message that is gone is no error, as on SQS.
func (q *MemoryQueue) Delete(ctx context.Context, messages []Message) error {
	if len(messages) > perCall {
		return errors.New("a call deletes at most ten messages")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stored = slices.DeleteFunc(q.stored, func(s *stored) bool {
		return slices.ContainsFunc(messages, func(m Message) bool { return slices.Contains(s.receipts, m.ReceiptHandle) })
	})
	q.wake() // a group may go on
	return nil
}

// Messages are the ids of what is stored, hidden or not, in the order in which it was sent.
func (q *MemoryQueue) Messages() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.redrive(q.Clock.Now())
	ids := make([]string, len(q.stored))
	for i, s := range q.stored {
		ids[i] = s.message.MessageId
	}
	return ids
}
