package localaws

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
)

// keptCalls is how many of the latest calls the meter can list; the counts have no bound.
const keptCalls = 200_000

// billedChunk is the size in bytes by which SQS and SNS bill requests: each started one is a request (SQS and SNS pricing: 64 KB units).
const billedChunk = 64 << 10

// Key is what calls are counted by.
type Key struct {
	Service   string `json:"service"`
	Operation string `json:"operation"`
	Caller    string `json:"caller"`
}

// Figures are the sums over the calls of one key.
type Figures struct {
	Calls int64 `json:"calls"`
	// Errors are the calls whose status was 400 or more, or that got no answer.
	Errors int64 `json:"errors"`
	// Chunks are the started 64 KiB of request bodies, at least one a call.
	Chunks int64 `json:"chunks"`
	// Statements are those of batches of writes and of PartiQL statements.
	Statements int64 `json:"statements,omitempty"`
	// Bytes and AnswerBytes are the lengths of bodies, in bytes.
	Bytes       int64 `json:"bytes"`
	AnswerBytes int64 `json:"answer_bytes"`
}

func (f Figures) plus(o Figures, sign int64) Figures {
	return Figures{
		Calls: f.Calls + sign*o.Calls, Errors: f.Errors + sign*o.Errors, Chunks: f.Chunks + sign*o.Chunks,
		Statements: f.Statements + sign*o.Statements,
		Bytes:      f.Bytes + sign*o.Bytes, AnswerBytes: f.AnswerBytes + sign*o.AnswerBytes,
	}
}

// Counts are figures by key.
type Counts map[Key]Figures

// Price is what the calls of one key cost, in US dollars.
type Price func(Key, Figures) float64

// Cost is the sum of what the calls cost, in US dollars.
func (c Counts) Cost(price Price) float64 {
	var sum float64
	for _, key := range c.Keys() { // in order, so that the same calls always give the same float
		sum += price(key, c[key])
	}
	return sum
}

// Keys are what was called, sorted.
func (c Counts) Keys() []Key {
	keys := make([]Key, 0, len(c))
	for key := range c {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Caller, b.Caller))
	})
	return keys
}

// Total is the number of all calls.
func (c Counts) Total() int64 { return c.Sum(Key{}).Calls }

// Sum adds up the figures of all keys that agree with the given one; its empty fields agree with anything.
func (c Counts) Sum(like Key) Figures {
	var sum Figures
	for key, figures := range c {
		if agrees(like.Service, key.Service) && agrees(like.Operation, key.Operation) && agrees(like.Caller, key.Caller) {
			sum = sum.plus(figures, 1)
		}
	}
	return sum
}

// Without is what others than that caller called.
func (c Counts) Without(caller string) Counts {
	others := Counts{}
	for key, figures := range c {
		if key.Caller != caller {
			others[key] = figures
		}
	}
	return others
}

// Minus is what was counted since an earlier state of the same counts.
func (c Counts) Minus(earlier Counts) Counts {
	diff := Counts{}
	for key, figures := range c {
		if d := figures.plus(earlier[key], -1); d != (Figures{}) {
			diff[key] = d
		}
	}
	return diff
}

func agrees(like, value string) bool { return like == "" || like == value }

// Mark is a moment in a meter's count.
type Mark struct {
	calls  int // ever recorded
	counts Counts
}

// Meter counts calls. Attempts that the SDK repeats are calls of their own, as they are on AWS's bill.
type Meter struct {
	mu     sync.Mutex
	counts Counts
	ring   []Call
	calls  int // ever recorded; the latest is at (calls-1) modulo keptCalls
}

func newMeter() *Meter { return &Meter{counts: Counts{}} }

// Before lets every call pass.
func (m *Meter) Before(context.Context, *Call, *http.Request) *Answer { return nil }

// After counts the call.
func (m *Meter) After(c *Call, _ *http.Response) {
	figures := Figures{Calls: 1, Chunks: max(1, (c.Bytes+billedChunk-1)/billedChunk), Statements: c.Statements, Bytes: c.Bytes, AnswerBytes: c.AnswerBytes}
	if c.Status == 0 || c.Status >= http.StatusBadRequest {
		figures.Errors = 1
	}
	key := Key{Service: c.Service, Operation: c.Operation, Caller: c.Caller}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts[key] = m.counts[key].plus(figures, 1)
	if len(m.ring) < keptCalls {
		m.ring = append(m.ring, c.kept())
	} else {
		m.ring[m.calls%keptCalls] = c.kept()
	}
	m.calls++
}

// Snapshot is a copy of all counts so far.
func (m *Meter) Snapshot() Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.snapshot()
}

func (m *Meter) snapshot() Counts {
	counts := make(Counts, len(m.counts))
	for key, figures := range m.counts {
		counts[key] = figures
	}
	return counts
}

// Mark remembers this moment, for Since and Calls.
func (m *Meter) Mark() Mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Mark{calls: m.calls, counts: m.snapshot()}
}

// Since is what was counted since the mark; the zero mark is the beginning.
func (m *Meter) Since(mark Mark) Counts {
	return m.Snapshot().Minus(mark.counts)
}

// Calls lists the calls since the mark in the order in which they were answered, at most the latest 200,000.
func (m *Meter) Calls(mark Mark) []Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := min(m.calls-mark.calls, len(m.ring))
	calls := make([]Call, 0, n)
	for i := m.calls - n; i < m.calls; i++ {
		calls = append(calls, m.ring[i%keptCalls])
	}
	return calls
}
