package eventsource

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// fickle is a function that fails by a seeded source, and remembers what it said that it had done with.
type fickle struct {
	mu     sync.Mutex
	random *rand.Rand
	faults int // in a hundred
	report bool
	poison map[string]bool
	done   map[string]bool
	order  []string // what it had done with, in order
	healed bool
}

func (f *fickle) Invoke(_ context.Context, event []byte) (Answer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var batch struct {
		Records []struct {
			MessageID string `json:"messageId"`
			Body      string `json:"body"`
			Kinesis   struct {
				SequenceNumber string `json:"sequenceNumber"`
				Data           []byte `json:"data"`
			} `json:"kinesis"`
		}
	}
	if err := json.Unmarshal(event, &batch); err != nil {
		return Answer{}, err
	}
	chance := func() bool { return !f.healed && f.random.IntN(100) < f.faults }
	if chance() {
		return Answer{}, errThrottled
	}
	if chance() {
		return broken, nil
	}
	var failed []string
	for _, r := range batch.Records {
		id, name := r.MessageID, r.MessageID
		if id == "" {
			id, name = r.Kinesis.SequenceNumber, string(r.Kinesis.Data)
		}
		if f.poison[name] || chance() {
			if !f.report {
				return broken, nil
			}
			failed = append(failed, id)
			if r.MessageID == "" {
				break // a stream's function returns the first that failed
			}
			continue
		}
		f.done[name] = true
		f.order = append(f.order, name)
	}
	if f.report {
		return failing(failed...), nil
	}
	return says("null"), nil
}

// bubble hides from rapid that a test has a deadline, which is not a time of its bubble.
type bubble struct{ testing.TB }

// TestQueueLosesNothing proves under throttles, errors, partial failures and duplicates: what left the queue was done with or is a
// dead letter, and all is done with in the end.
func TestQueueLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(bubble{t}, func(t *rapid.T) {
			random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
			f := &fickle{random: random, faults: rapid.SampledFrom([]int{0, 5, 30}).Draw(t, "faults"), report: rapid.Bool().Draw(t, "report"), poison: map[string]bool{}, done: map[string]bool{}}
			dead, q := memoryQueue(), memoryQueue()
			q.DeadLetter, q.MaxReceives, q.FIFO = dead, 5, rapid.Bool().Draw(t, "fifo")
			again := rapid.SampledFrom([]int{0, 10}).Draw(t, "delivered again")
			var chance sync.Mutex
			duplicates := rand.New(rand.NewPCG(1, uint64(again)))
			q.Again = func(Message) bool {
				chance.Lock()
				defer chance.Unlock()
				return duplicates.IntN(100) < again
			}
			m := Mapping{BatchSize: rapid.SampledFrom([]int{1, 3, 10, 40}).Draw(t, "batch")}
			if q.FIFO {
				m.BatchSize = min(m.BatchSize, 10)
			} else if m.BatchSize > 10 {
				m.MaximumBatchingWindowInSeconds = 1
			}
			if f.report {
				m.FunctionResponseTypes = []string{reportBatchItemFailures}
			}
			messages := rapid.IntRange(1, 60).Draw(t, "messages")
			poison := rapid.IntRange(0, messages).Draw(t, "poison")
			for i := range messages {
				id := q.Send(fmt.Sprint(i), Sending{Group: fmt.Sprint(i % 3), Delay: time.Duration(i%2) * time.Second})
				f.poison[id] = i == poison
			}
			m.EventSourceArn = queueARN
			p := &QueuePoller{Mapping: m, Queue: q, Invoker: f, Clock: SystemClock{}, FunctionTimeout: time.Second}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan struct{})
			go func() {
				p.Run(ctx)
				close(ended)
			}()
			defer func() {
				p.Stop()
				cancel()
				<-ended
			}()
			for range 20 {
				time.Sleep(7 * time.Second)
				accounted(t, f, q, dead, messages)
			}
			f.mu.Lock()
			f.healed, f.poison = true, nil
			f.mu.Unlock()
			time.Sleep(5 * time.Minute)
			accounted(t, f, q, dead, messages)
			if left := q.Messages(); len(left) > 0 {
				t.Errorf("left in the queue: %v", left)
			}
		})
	})
}

// accounted checks that each message is in the queue, dead, or done with.
func accounted(t *rapid.T, f *fickle, q, dead *MemoryQueue, messages int) {
	t.Helper()
	synctest.Wait()
	left := append(q.Messages(), dead.Messages()...)
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range messages {
		if id := fmt.Sprintf("m%05d", i+1); !f.done[id] && !slices.Contains(left, id) {
			t.Fatalf("%s was deleted, and the function never said so", id)
		}
	}
}

// TestStreamKeepsOrder proves under throttles, errors and partial failures: every record is done with or discarded with a
// document, and those of a key are done with in order.
func TestStreamKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(bubble{t}, func(t *rapid.T) {
			f := &fickle{
				random: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)), faults: rapid.SampledFrom([]int{0, 5, 20}).Draw(t, "faults"),
				report: rapid.Bool().Draw(t, "report"), poison: map[string]bool{}, done: map[string]bool{},
			}
			mapping := unlimited(Mapping{
				BatchSize: rapid.SampledFrom([]int{1, 4, 100}).Draw(t, "batch"), ParallelizationFactor: rapid.IntRange(1, 3).Draw(t, "lanes"),
				BisectBatchOnFunctionError: rapid.Bool().Draw(t, "bisect"), MaximumBatchingWindowInSeconds: rapid.IntRange(0, 2).Draw(t, "window"),
			})
			mapping.MaximumRetryAttempts = rapid.IntRange(0, 4).Draw(t, "attempts")
			if f.report {
				mapping.FunctionResponseTypes = []string{reportBatchItemFailures}
			}
			m, told := memoryStream("a", "b"), &box{}
			records := rapid.IntRange(1, 60).Draw(t, "records")
			sequences := map[string]string{}
			put := func(i int) {
				shard := "ab"[i%2 : i%2+1]
				name := fmt.Sprintf("%s%d/%03d", shard, i%6, i)
				sequences[name] = m.Put(shard, fmt.Sprint(i%6), name)
				f.poison[name] = rapid.IntRange(0, 15).Draw(t, "poison") == 0
			}
			for i := range records / 2 {
				put(i)
			}
			mapping.EventSourceArn, mapping.StartingPosition = streamARN, trimHorizon
			p := &StreamPoller{Mapping: mapping, Stream: m, Invoker: f, Destination: told, Clock: SystemClock{}, PollEvery: KinesisPoll}
			if err := p.Open(context.Background()); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan struct{})
			go func() {
				p.Run(ctx)
				close(ended)
			}()
			defer func() {
				p.Stop()
				cancel()
				<-ended
			}()
			time.Sleep(time.Second)
			f.mu.Lock()
			for i := records / 2; i < records; i++ {
				put(i)
			}
			f.mu.Unlock()
			var given map[string]bool
			for range 360 {
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if given = discardedOf(told, sequences); f.accounts(sequences, given) {
					break
				}
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			for name := range sequences {
				if !f.done[name] && !given[name] {
					t.Errorf("%s was neither processed nor discarded", name)
				}
				if f.poison[name] && f.done[name] {
					t.Errorf("%s is poison, and done with", name)
				}
			}
			// A record may come again with its batch, but the first time that each is done with is in order.
			last, seen := map[string]string{}, map[string]bool{}
			for _, name := range f.order {
				key, _, _ := strings.Cut(name, "/")
				if !seen[name] && name < last[key] {
					t.Errorf("%s was done with after %s", name, last[key])
				}
				seen[name], last[key] = true, max(last[key], name)
			}
		})
	})
}

// accounts reports whether it has done with every record that was not discarded.
func (f *fickle) accounts(records map[string]string, discarded map[string]bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name := range records {
		if !f.done[name] && !discarded[name] {
			return false
		}
	}
	return true
}

// discardedOf are the records of which a destination was told, of those with the sequence numbers.
func discardedOf(told *box, sequences map[string]string) map[string]bool {
	told.mu.Lock()
	defer told.mu.Unlock()
	given := map[string]bool{}
	for _, d := range told.documents {
		info := d["KinesisBatchInfo"].(map[string]any)
		for name, sequence := range sequences {
			if name[:1] == info["shardId"] && sequence >= info["startSequenceNumber"].(string) && sequence <= info["endSequenceNumber"].(string) {
				given[name] = true
			}
		}
	}
	return given
}
