package eventsource

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func memoryStream(shards ...string) *MemoryStream {
	m := &MemoryStream{Clock: SystemClock{}, ARN: streamARN}
	for _, id := range shards {
		m.AddShard(id)
	}
	return m
}

// streamPoller polls a stream from its beginning, where the mapping says nothing else.
func streamPoller(m *MemoryStream, f *function, mapping Mapping) *StreamPoller {
	mapping.EventSourceArn, mapping.FunctionArn = streamARN, functionARN
	mapping.BatchSize = max(mapping.BatchSize, 1)
	if mapping.StartingPosition == "" {
		mapping.StartingPosition = trimHorizon
	}
	return &StreamPoller{Mapping: mapping, Stream: m, Invoker: f, Clock: SystemClock{}, PollEvery: KinesisPoll}
}

func open(t *testing.T, p *StreamPoller) {
	t.Helper()
	if err := p.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	running(t, p)
}

// unlimited are the defaults of a stream's mapping.
func unlimited(m Mapping) Mapping {
	m.MaximumRetryAttempts, m.MaximumRecordAgeInSeconds = -1, -1
	return m
}

// letters puts one record each.
func letters(m *MemoryStream, shard, text string) {
	for _, letter := range text {
		m.Put(shard, "key", string(letter))
	}
}

// joined writes batches as words.
func joined(f *function) string {
	var words []string
	for _, ids := range f.ids() {
		words = append(words, strings.Join(ids, ""))
	}
	return strings.Join(words, " ")
}

// box is a destination in memory.
type box struct {
	mu        sync.Mutex
	documents []map[string]any
}

func (b *box) Send(_ context.Context, document string) error {
	var d map[string]any
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.documents = append(b.documents, d)
	return nil
}

// told are the batches that it was told of: condition, invocations, first to last sequence number.
func (b *box) told() (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.documents {
		request, info := d["requestContext"].(map[string]any), d["KinesisBatchInfo"].(map[string]any)
		all = append(all, fmt.Sprint(request["condition"], " ", request["approximateInvokeCount"], " ", info["batchSize"], " ",
			strings.TrimLeft(info["startSequenceNumber"].(string), "0"), "-", strings.TrimLeft(info["endSequenceNumber"].(string), "0")))
	}
	return all
}

func TestStreamFailures(t *testing.T) {
	// The function fails a batch with x in it: altogether, or where told to report, from x on.
	failsAt := func(report bool) func([]string) (Answer, error) {
		return func(ids []string) (Answer, error) {
			n := slices.Index(ids, "x")
			switch {
			case n < 0:
				return says(`{"batchItemFailures":[]}`), nil
			case report:
				return failing(fmt.Sprintf("%010d", strings.Index("abxcd", "x")+1)), nil
			}
			return broken, nil
		}
	}
	reports := []string{reportBatchItemFailures}
	for name, c := range map[string]struct {
		mapping Mapping
		answers func([]string) (Answer, error)
		want    string
		told    []string
	}{
		"retries, then discards the batch": {
			Mapping{BatchSize: 5, MaximumRetryAttempts: 2, MaximumRecordAgeInSeconds: -1}, failsAt(false),
			"abxcd abxcd abxcd e", []string{"RetryAttemptsExhausted 3 5 1-5"},
		},
		"no retries": {
			Mapping{BatchSize: 5, MaximumRecordAgeInSeconds: -1}, failsAt(false),
			"abxcd e", []string{"RetryAttemptsExhausted 1 5 1-5"},
		},
		"splits, then discards the record": {
			Mapping{BatchSize: 5, MaximumRecordAgeInSeconds: -1, BisectBatchOnFunctionError: true}, failsAt(false),
			"abxcd ab xcd x cd e", []string{"RetryAttemptsExhausted 3 1 3-3"},
		},
		"splitting uses up no attempt": {
			Mapping{BatchSize: 5, MaximumRetryAttempts: 1, MaximumRecordAgeInSeconds: -1, BisectBatchOnFunctionError: true}, failsAt(false),
			"abxcd ab xcd x x cd e", []string{"RetryAttemptsExhausted 4 1 3-3"},
		},
		"goes on behind what is reported": {
			Mapping{BatchSize: 5, MaximumRetryAttempts: 1, MaximumRecordAgeInSeconds: -1, FunctionResponseTypes: reports}, failsAt(true),
			"abxcd xcd e", []string{"RetryAttemptsExhausted 2 3 3-5"},
		},
		"splits where it is reported, then in the middle": {
			Mapping{BatchSize: 5, MaximumRecordAgeInSeconds: -1, FunctionResponseTypes: reports, BisectBatchOnFunctionError: true}, failsAt(true),
			"abxcd xcd x cd e", []string{"RetryAttemptsExhausted 3 1 3-3"},
		},
		"the lowest number counts": {
			Mapping{BatchSize: 5, MaximumRecordAgeInSeconds: -1, FunctionResponseTypes: reports},
			func(ids []string) (Answer, error) {
				if len(ids) == 5 {
					return failing("0000000004", "0000000002"), nil
				}
				return says("null"), nil
			},
			"abxcd e", []string{"RetryAttemptsExhausted 1 4 2-5"},
		},
		"an unknown number fails the batch": {
			Mapping{BatchSize: 5, MaximumRecordAgeInSeconds: -1, FunctionResponseTypes: reports},
			func(ids []string) (Answer, error) {
				if len(ids) == 5 {
					return failing("0000000004", "77"), nil
				}
				return says("null"), nil
			},
			"abxcd e", []string{"RetryAttemptsExhausted 1 5 1-5"},
		},
		"a report that nobody asked for": {
			Mapping{BatchSize: 5, MaximumRecordAgeInSeconds: -1}, failsAt(true), "abxcd e", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, f, told := memoryStream("s"), newFunction(), &box{}
				letters(m, "s", "abxcd")
				letters(m, "s", "e")
				f.answers = c.answers
				p := streamPoller(m, f, c.mapping)
				p.Destination = told
				open(t, p)
				pass(time.Minute)
				if have := joined(f); have != c.want {
					t.Errorf("batches %q, want %q", have, c.want)
				}
				if diff := cmp.Diff(c.told, told.told()); diff != "" {
					t.Errorf("the destination was told: want -, have +:\n%s", diff)
				}
				if have := p.Checkpoints()["s"]; have != "0000000006" {
					t.Errorf("the checkpoint is %q", have)
				}
			})
		})
	}
}

func TestStreamDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, f, told := memoryStream("s"), newFunction(), &box{}
		f.answers = func([]string) (Answer, error) { return broken, nil }
		p := streamPoller(m, f, Mapping{BatchSize: 2, MaximumRecordAgeInSeconds: -1})
		p.Destination = told
		time.Sleep(580 * time.Millisecond)
		m.Put("s", "k", "a")
		time.Sleep(2 * time.Second)
		m.Put("s", "k", "b")
		open(t, p)
		pass(time.Second)
		want := map[string]any{
			"requestContext":  map[string]any{"requestId": "r", "functionArn": functionARN, "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 1.0},
			"responseContext": map[string]any{"statusCode": 200.0, "executedVersion": "1", "functionError": "Unhandled"},
			"version":         "1.0",
			"timestamp":       "2000-01-01T00:00:02.580Z",
			"KinesisBatchInfo": map[string]any{
				"shardId": "s", "startSequenceNumber": "0000000001", "endSequenceNumber": "0000000002", "batchSize": 2.0, "streamArn": streamARN,
				"approximateArrivalOfFirstRecord": "2000-01-01T00:00:00.580Z", "approximateArrivalOfLastRecord": "2000-01-01T00:00:02.580Z",
			},
		}
		if len(told.documents) != 1 {
			t.Fatalf("%d documents", len(told.documents))
		}
		if diff := cmp.Diff(want, told.documents[0]); diff != "" {
			t.Errorf("want -, have +:\n%s", diff)
		}
	})
}

func TestStreamRecordAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, f, told := memoryStream("s"), newFunction(), &box{}
		letters(m, "s", "ab")
		time.Sleep(time.Minute)
		letters(m, "s", "c")
		f.answers = func([]string) (Answer, error) { return Answer{}, errThrottled }
		mapping := unlimited(Mapping{BatchSize: 10})
		mapping.MaximumRecordAgeInSeconds = 60
		p := streamPoller(m, f, mapping)
		p.Destination = told
		time.Sleep(time.Second)
		open(t, p)
		pass(59 * time.Second)
		if diff := cmp.Diff([]string{"RecordAgeExceeded 0 2 1-2"}, told.told()); diff != "" {
			t.Errorf("the destination was told: want -, have +:\n%s", diff)
		}
		if have := joined(f); strings.Trim(have, "c ") != "" || len(have) < 5 {
			t.Errorf("batches %q, want c again and again", have)
		}
		pass(20 * time.Second)
		if diff := cmp.Diff([]string{"RecordAgeExceeded 0 2 1-2", "RecordAgeExceeded 0 1 3-3"}, told.told()); diff != "" {
			t.Errorf("the destination was told: want -, have +:\n%s", diff)
		}
	})
}

func TestStreamRetriesForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, f := memoryStream("s"), newFunction()
		letters(m, "s", "xb")
		f.answers = func([]string) (Answer, error) { return broken, nil }
		p := streamPoller(m, f, unlimited(Mapping{BatchSize: 1}))
		var result string
		p.Report = func(r string) { result = r }
		open(t, p)
		pass(time.Hour)
		if have := joined(f); strings.Trim(have, "x ") != "" || len(f.ids()) < 300 || result != resultFailed {
			t.Errorf("%d batches in an hour, %q; the result is %q", len(f.ids()), have[:20], result)
		}
	})
}

func TestStreamPositions(t *testing.T) {
	for name, c := range map[string]struct {
		mapping Mapping
		want    string
	}{
		"from the beginning": {Mapping{StartingPosition: trimHorizon}, "ab c d"},
		"from now on":        {Mapping{StartingPosition: "LATEST"}, "d"},
		"from a time on":     {Mapping{StartingPosition: "AT_TIMESTAMP", StartingPositionTimestamp: 946684800.5}, "c d"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, f := memoryStream("s"), newFunction()
				letters(m, "s", "ab")
				time.Sleep(time.Second)
				letters(m, "s", "c")
				c.mapping.BatchSize = 2
				p := streamPoller(m, f, unlimited(c.mapping))
				open(t, p)
				pass(time.Millisecond)
				letters(m, "s", "d")
				pass(time.Minute)
				if have := joined(f); have != c.want {
					t.Errorf("batches %q, want %q", have, c.want)
				}
			})
		})
	}
}

func TestStreamBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, f := memoryStream("s"), newFunction()
		mapping := unlimited(Mapping{BatchSize: 4, MaximumBatchingWindowInSeconds: 10})
		mapping.FilterCriteria = &FilterCriteria{Filters: []Filter{{`{"partitionKey":["key"]}`}}}
		p := streamPoller(m, f, mapping)
		letters(m, "s", "a")
		m.Put("s", "other", "f")
		open(t, p)
		pass(8 * time.Second)
		letters(m, "s", "b")
		pass(5 * time.Second)
		letters(m, "s", "cdefgh")
		pass(time.Minute)
		if have := joined(f); have != "ab cdef gh" {
			t.Errorf("batches %q", have)
		}
		var at []time.Duration
		for _, b := range f.invocations() {
			at = append(at, b.at)
		}
		// A window ends ten seconds after its first record was read; the shard is read each second.
		if diff := cmp.Diff([]time.Duration{10 * time.Second, 14 * time.Second, 24 * time.Second}, at); diff != "" {
			t.Errorf("invoked at: want -, have +:\n%s", diff)
		}
		if have := p.Checkpoints()["s"]; have != "0000000009" {
			t.Errorf("the checkpoint is %q", have)
		}
		if age := p.IteratorAge(); age != 11*time.Second {
			t.Errorf("the iterator's age is %s", age)
		}
	})
}

func TestStreamLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, f := memoryStream("s"), newFunction()
		f.takes = time.Second
		for i := range 200 {
			m.Put("s", fmt.Sprint("key", i%20), fmt.Sprintf("%d/%03d", i%20, i))
		}
		open(t, streamPoller(m, f, unlimited(Mapping{BatchSize: 5, ParallelizationFactor: 4})))
		pass(5 * time.Minute)
		last := map[string]string{}
		n := 0
		for _, ids := range f.ids() {
			for _, id := range ids {
				key, _, _ := strings.Cut(id, "/")
				if id <= last[key] {
					t.Errorf("%s after %s", id, last[key])
				}
				last[key] = id
				n++
			}
		}
		if n != 200 || f.most != 4 {
			t.Errorf("%d records, %d batches at once; want 200 and 4", n, f.most)
		}
	})
}

func TestStreamChildrenFollowTheirParents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, f := memoryStream("p"), newFunction()
		f.takes = time.Second
		letters(m, "p", "ab")
		p := streamPoller(m, f, unlimited(Mapping{BatchSize: 1, StartingPosition: trimHorizon}))
		open(t, p)
		m.AddShard("c1", "p")
		m.AddShard("c2", "p")
		letters(m, "c1", "c")
		letters(m, "c2", "d")
		pass(time.Minute)
		if have := joined(f); have != "a b c d" && have != "a b d c" {
			t.Errorf("batches %q, want the parent's first", have)
		}
		if f.most != 2 {
			t.Errorf("%d shards at once, want the two children", f.most)
		}
	})
}

// TestStreamGoesOn stops a poller in the middle and goes on with another from its checkpoints.
func TestStreamGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, f := memoryStream("s"), newFunction()
		f.takes = time.Second
		letters(m, "s", "abcdef")
		first := streamPoller(m, f, unlimited(Mapping{BatchSize: 2}))
		if err := first.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			first.Run(t.Context())
			close(ended)
		}()
		pass(1500 * time.Millisecond)
		first.Stop()
		<-ended
		second := streamPoller(m, f, unlimited(Mapping{BatchSize: 10, StartingPosition: "LATEST"}))
		second.From = first.Checkpoints()
		open(t, second)
		pass(time.Minute)
		if have := joined(f); have != "ab cd ef" {
			t.Errorf("batches %q", have)
		}
	})
}
