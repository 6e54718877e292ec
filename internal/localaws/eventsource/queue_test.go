package eventsource

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// queuePoller polls one queue for one function, one batch at a time where concurrency is 1.
func queuePoller(q Queue, f *function, m Mapping) *QueuePoller {
	m.EventSourceArn, m.FunctionArn = queueARN, functionARN
	m.BatchSize = max(m.BatchSize, 1)
	return &QueuePoller{Mapping: m, Queue: q, Invoker: f, Clock: SystemClock{}, FunctionTimeout: 5 * time.Second}
}

var single = &ScalingConfig{MaximumConcurrency: 1}

func TestQueueBatches(t *testing.T) {
	for name, c := range map[string]struct {
		mapping  Mapping
		messages int
		body     int
		want     []int // sizes of the batches
		after    time.Duration
		receives int // asked for messages first in so many receives
	}{
		"one receive without a window":      {Mapping{BatchSize: 10}, 25, 1, []int{10, 10, 5}, 0, 3},
		"smaller than a receive":            {Mapping{BatchSize: 3}, 7, 1, []int{3, 3, 1}, 0, 3},
		"several receives within a window":  {Mapping{BatchSize: 100, MaximumBatchingWindowInSeconds: 1}, 100, 1, []int{100}, 0, 10},
		"a window that ends":                {Mapping{BatchSize: 100, MaximumBatchingWindowInSeconds: 2}, 13, 1, []int{13}, 2 * time.Second, 3},
		"a batch is full before its window": {Mapping{BatchSize: 12, MaximumBatchingWindowInSeconds: 5}, 24, 1, []int{12, 12}, 0, 4},
		"an event of 6 MB":                  {Mapping{BatchSize: 100, MaximumBatchingWindowInSeconds: 1}, 10, 1 << 20, []int{5, 5}, time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &calls{Queue: memoryQueue()}
				for range c.messages {
					q.Queue.(*MemoryQueue).Send(strings.Repeat("x", c.body), Sending{})
				}
				f := newFunction()
				c.mapping.ScalingConfig = single
				running(t, queuePoller(q, f, c.mapping))
				pass(10 * time.Second)
				var sizes []int
				for _, b := range f.invocations() {
					sizes = append(sizes, len(b.ids))
				}
				if diff := cmp.Diff(c.want, sizes); diff != "" {
					t.Errorf("batches: want -, have +:\n%s", diff)
				}
				if last := f.invocations()[len(sizes)-1].at; last != c.after {
					t.Errorf("the last batch began after %s, want %s", last, c.after)
				}
				if f.longest > maxPayload {
					t.Errorf("an event of %d bytes", f.longest)
				}
				if left := q.Queue.(*MemoryQueue).Messages(); len(left) != 0 {
					t.Errorf("left in the queue: %v", left)
				}
				// One more waits for what comes next.
				if len(q.receives) != c.receives+1 {
					t.Errorf("%d receives, want %d: %v", len(q.receives), c.receives+1, q.receives)
				}
				for _, n := range q.deletes {
					if n > 10 {
						t.Errorf("a delete of %d messages", n)
					}
				}
			})
		})
	}
}

func TestQueueOutcomes(t *testing.T) {
	all := []string{"m00001", "m00002", "m00003"}
	for name, c := range map[string]struct {
		answer  Answer
		err     error
		partial bool
		left    []string
		result  string
	}{
		"a success":                          {says("null"), nil, false, nil, resultOK},
		"a report that nobody asked for":     {failing("m00001"), nil, false, nil, resultOK},
		"a function error":                   {broken, nil, false, all, resultFailed},
		"no failures":                        {failing(), nil, true, nil, resultOK},
		"null for failures":                  {says(`{"batchItemFailures":null}`), nil, true, nil, resultOK},
		"an empty response":                  {says(`{}`), nil, true, nil, resultOK},
		"a null response":                    {says(`null`), nil, true, nil, resultOK},
		"no response":                        {says(``), nil, true, nil, resultOK},
		"one failure":                        {failing("m00002"), nil, true, []string{"m00002"}, resultOK},
		"two failures":                       {failing("m00001", "m00003"), nil, true, []string{"m00001", "m00003"}, resultOK},
		"an empty identifier":                {failing(""), nil, true, all, resultOK},
		"an identifier of nobody":            {failing("m00001", "x"), nil, true, all, resultOK},
		"a null identifier":                  {says(`{"batchItemFailures":[{"itemIdentifier":null}]}`), nil, true, all, resultOK},
		"a bad key":                          {says(`{"batchItemFailures":[{"ItemIdentifier":"m00001"}]}`), nil, true, all, resultOK},
		"a response that is no JSON":         {says(`{`), nil, true, all, resultOK},
		"a response that is no object":       {says(`"done"`), nil, true, all, resultOK},
		"a function error with a response":   {Answer{FunctionError: "Unhandled", Payload: failing("m00001").Payload}, nil, true, all, resultFailed},
		"a function that is throttled":       {Answer{}, errThrottled, true, all, problem(errThrottled)},
		"an answer of a function without it": {Answer{FunctionError: "Handled"}, nil, false, all, resultFailed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := memoryQueue()
				send(q, 3)
				f := newFunction()
				f.answers = func([]string) (Answer, error) { return c.answer, c.err }
				m := Mapping{BatchSize: 10, ScalingConfig: single}
				if c.partial {
					m.FunctionResponseTypes = []string{reportBatchItemFailures}
				}
				p := queuePoller(q, f, m)
				var result string
				p.Report = func(r string) { result = r }
				running(t, p)
				pass(29 * time.Second)
				if diff := cmp.Diff(c.left, q.Messages(), equalEmpty); diff != "" {
					t.Errorf("left in the queue: want -, have +:\n%s", diff)
				}
				if result != c.result {
					t.Errorf("the result is %q, want %q", result, c.result)
				}
				// A failure is invisible until its timeout; a throttled batch is tried again all the while.
				if n := len(f.invocations()); c.err == nil && n != 1 || c.err != nil && n < 3 {
					t.Errorf("%d invocations within the visibility timeout", n)
				}
				if pass(2 * time.Second); c.err == nil && len(c.left) > 0 {
					again := f.ids()[1:]
					if diff := cmp.Diff([][]string{c.left}, again); diff != "" {
						t.Errorf("delivered again: want -, have +:\n%s", diff)
					}
				}
			})
		})
	}
}

var equalEmpty = cmp.Transformer("sorted", func(ids []string) []string { return append([]string{}, slices.Sorted(slices.Values(ids))...) })

func TestQueueThrottledUntilItPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, f := memoryQueue(), newFunction()
		send(q, 1)
		f.answers = func([]string) (Answer, error) {
			if len(f.invocations()) < 4 {
				return Answer{}, errThrottled
			}
			return says("null"), nil
		}
		running(t, queuePoller(q, f, Mapping{BatchSize: 1}))
		pass(5 * time.Second)
		var at []time.Duration
		for _, b := range f.invocations() {
			at = append(at, b.at)
		}
		if diff := cmp.Diff([]time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond, 700 * time.Millisecond}, at); diff != "" {
			t.Errorf("invoked at: want -, have +:\n%s", diff)
		}
		if left := q.Messages(); len(left) != 0 {
			t.Errorf("left in the queue: %v", left)
		}
	})
}

func TestQueueRedrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := memoryQueue()
		q := memoryQueue()
		q.DeadLetter, q.MaxReceives = dead, 3
		send(q, 2)
		f := newFunction()
		f.answers = func(ids []string) (Answer, error) {
			if slices.Contains(ids, "m00002") {
				return failing("m00002"), nil
			}
			return says("null"), nil
		}
		running(t, queuePoller(q, f, Mapping{BatchSize: 10, FunctionResponseTypes: []string{reportBatchItemFailures}, ScalingConfig: single}))
		pass(3 * time.Minute)
		if diff := cmp.Diff([][]string{{"m00001", "m00002"}, {"m00002"}, {"m00002"}}, f.ids()); diff != "" {
			t.Errorf("batches: want -, have +:\n%s", diff)
		}
		if diff := cmp.Diff([]string{"m00002"}, dead.Messages()); diff != "" {
			t.Errorf("dead letters: want -, have +:\n%s", diff)
		}
	})
}

func TestQueueScales(t *testing.T) {
	for name, c := range map[string]struct {
		bound           int
		after           time.Duration
		atLeast, atMost int
	}{
		"five to begin with":        {0, 0, 5, 5},
		"300 more a minute":         {0, 20 * time.Second, 105, 105},
		"to 1,250":                  {0, 10 * time.Minute, 1250, 1250},
		"bounded below five":        {2, time.Minute, 2, 2},
		"bounded on the way":        {50, time.Minute, 50, 50},
		"bounded and not there yet": {1000, 20 * time.Second, 105, 105},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, f := memoryQueue(), newFunction()
				q.VisibilityTimeout = 12 * time.Hour
				send(q, 4000)
				f.takes = time.Hour
				m := Mapping{BatchSize: 1}
				if c.bound > 0 {
					m.ScalingConfig = &ScalingConfig{MaximumConcurrency: c.bound}
				}
				running(t, queuePoller(q, f, m))
				pass(c.after)
				f.mu.Lock()
				defer f.mu.Unlock()
				if f.most < c.atLeast || f.most > c.atMost {
					t.Errorf("%d invocations at once, want %d to %d", f.most, c.atLeast, c.atMost)
				}
			})
		})
	}
}

func TestQueueIdleAndBackToFive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &calls{Queue: memoryQueue()}
		f := newFunction()
		p := queuePoller(q, f, Mapping{BatchSize: 1})
		running(t, p)
		pass(time.Hour)
		// Five pollers, each of 20 s: 15 a minute, about 650,000 a month.
		if n := len(q.receives); n < 5*180 || n > 5*181 {
			t.Errorf("%d receives in an hour, want 900", n)
		}
		f.slow(time.Second)
		send(q.Queue.(*MemoryQueue), 500)
		pass(10 * time.Minute)
		p.mu.Lock()
		defer p.mu.Unlock()
		if f.most <= 5 || p.running != 5 {
			t.Errorf("%d invocations at once, then %d readers; want more than five, then five", f.most, p.running)
		}
	})
}

func TestQueueReducesConcurrencyOnErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, f := memoryQueue(), newFunction()
		send(q, 1000)
		var up atomic.Bool
		f.answers = func([]string) (Answer, error) {
			if up.Load() {
				return says("null"), nil
			}
			return broken, nil
		}
		p := queuePoller(q, f, Mapping{BatchSize: 1})
		running(t, p)
		pass(10 * time.Second)
		p.mu.Lock()
		n := p.running
		p.mu.Unlock()
		if failed := len(f.invocations()); n != 1 || failed > 20 {
			t.Errorf("%d readers after %d failures, want one after few", n, failed)
		}
		up.Store(true)
		f.slow(300 * time.Millisecond)
		pass(20 * time.Second)
		if f.most < 20 {
			t.Errorf("at most %d invocations at once after the function came back, want 20 or more", f.most)
		}
	})
}

func TestQueueVisibility(t *testing.T) {
	for name, c := range map[string]struct {
		window, visibility int
		want               time.Duration
	}{
		"the queue's own without a window":   {0, 1, 0},
		"the queue's own where it is enough": {5, 10, 0},
		"longer for window and function":     {6, 10, 41 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory := memoryQueue()
				memory.VisibilityTimeout = time.Duration(c.visibility) * time.Second
				q := &calls{Queue: memory}
				running(t, queuePoller(q, newFunction(), Mapping{BatchSize: 1, MaximumBatchingWindowInSeconds: c.window}))
				pass(0)
				q.mu.Lock()
				defer q.mu.Unlock()
				if have := q.receives[0].Visibility; have != c.want {
					t.Errorf("receives with %s, want %s", have, c.want)
				}
			})
		})
	}
}

func TestQueueFilterDeletesTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, f := memoryQueue(), newFunction()
		for _, body := range []string{`{"a":1}`, `{"a":2}`, `text`, `{"a":1}`} {
			q.Send(body, Sending{})
		}
		running(t, queuePoller(q, f, Mapping{BatchSize: 10, ScalingConfig: single, FilterCriteria: &FilterCriteria{Filters: []Filter{{`{"body":{"a":[1]}}`}}}}))
		pass(time.Second)
		if diff := cmp.Diff([][]string{{"m00001", "m00004"}}, f.ids()); diff != "" {
			t.Errorf("batches: want -, have +:\n%s", diff)
		}
		if left := q.Messages(); len(left) != 0 {
			t.Errorf("left in the queue: %v", left)
		}
	})
}

func TestQueueGroupsKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, f := memoryQueue(), newFunction()
		q.FIFO = true
		for i := range 6 {
			q.Send("", Sending{Group: fmt.Sprint(i % 2)}) // group 0 has 1, 3, 5
		}
		failed := 0
		f.takes = time.Second
		order := map[string][]string{}
		f.answers = func(ids []string) (Answer, error) {
			for n, id := range ids {
				group := fmt.Sprint((id[5] - '1') % 2)
				if id == "m00003" && failed < 2 {
					failed++
					// As the guide asks of a function: it stops at the first failure, and returns what it did not process.
					return failing(ids[n:]...), nil
				}
				order[group] = append(order[group], id)
			}
			return says("null"), nil
		}
		running(t, queuePoller(q, f, Mapping{BatchSize: 2, FunctionResponseTypes: []string{reportBatchItemFailures}, ScalingConfig: &ScalingConfig{MaximumConcurrency: 2}}))
		pass(2 * time.Minute)
		if diff := cmp.Diff([]string{"m00001", "m00003", "m00005"}, order["0"]); diff != "" {
			t.Errorf("the group with the failure: want -, have +:\n%s", diff)
		}
		if have := slices.Compact(slices.Clone(order["1"])); !slices.IsSorted(have) || len(have) != 3 {
			t.Errorf("the other group: %v", have)
		}
		if left := q.Messages(); len(left) != 0 || failed != 2 {
			t.Errorf("left in the queue after %d failures: %v", failed, left)
		}
	})
}

func TestQueueStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, f := memoryQueue(), newFunction()
		f.takes = 10 * time.Second
		send(q, 1)
		p := queuePoller(q, f, Mapping{BatchSize: 1})
		ended := make(chan struct{})
		go func() {
			p.Run(t.Context())
			close(ended)
		}()
		pass(time.Second)
		began := time.Now()
		p.Stop()
		if took := time.Since(began); took != 0 {
			t.Errorf("stopping took %s", took)
		}
		q.Send("after", Sending{})
		<-ended
		if took := time.Since(began); took != 9*time.Second {
			t.Errorf("the invocation under way ended after %s, want 9s", took)
		}
		if diff := cmp.Diff([]string{"m00002"}, q.Messages()); diff != "" {
			t.Errorf("in the queue: want -, have +:\n%s", diff)
		}
	})
}

func TestQueueReportsWhatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &calls{Queue: memoryQueue(), fail: errors.New("AccessDenied")}
		p := queuePoller(q, newFunction(), Mapping{BatchSize: 1})
		var results []string
		p.Report = func(r string) { results = append(results, r) }
		running(t, p)
		pass(time.Minute)
		q.mu.Lock()
		tried := len(q.receives)
		q.fail = nil
		q.mu.Unlock()
		send(q.Queue.(*MemoryQueue), 1)
		pass(time.Minute)
		if diff := cmp.Diff([]string{"PROBLEM: AccessDenied", "OK"}, results); diff != "" {
			t.Errorf("results: want -, have +:\n%s", diff)
		}
		if tried > 5*15 {
			t.Errorf("%d receives in a minute of refusals", tried)
		}
	})
}
