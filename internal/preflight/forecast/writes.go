package forecast

import (
	"cmp"
	"time"
)

// Retry is how a client tries again what was throttled.
type Retry struct {
	// Attempts are how often it tries in all, at least 1.
	Attempts int
	// Base is the longest wait after the first attempt. It doubles with each
	// further one, up to Most; the wait is anything between nothing and that, by
	// chance ("full jitter": AWS SDKs and Tools Reference Guide, "Retry
	// behavior").
	Base, Most time.Duration
}

// longest is the longest wait after the nth attempt, from 1 on.
func (r Retry) longest(n int) time.Duration {
	wait := r.Base
	for i := 1; i < n && wait < r.Most; i++ {
		wait *= 2
	}
	return max(step, min(wait, r.Most))
}

// work is some calls that write some messages to a table.
type work struct {
	calls    int
	messages messages
	attempt  int
}

// writer does the writes of calls, with the attempts that their SDK makes.
type writer struct {
	run   *run
	table *table
	queue *queue
	retry Retry
	due   map[int][]work
	busy  int
	// done takes calls whose messages are all written; failed those that gave up,
	// whose messages stay hidden until their visibility time-out is over.
	done, failed func(calls int)
}

// begin writes the messages of calls after so many steps.
func (w *writer) begin(after int, m work) {
	if w.due == nil {
		w.due = map[int][]work{}
	}
	at := w.run.now + after
	w.due[at] = append(w.due[at], m)
	w.busy += m.calls
}

// act does the writes of this step. What a table refuses is spread over the
// calls, so that as many as there are messages left go on.
func (w *writer) act() {
	due := w.due[w.run.now]
	delete(w.due, w.run.now)
	for _, m := range due {
		w.busy -= m.calls
		n := m.messages.count()
		written := n
		if w.table != nil {
			written = w.table.write(n)
		}
		w.queue.remove(m.messages.take(written))
		left := min(m.calls, n-written)
		w.done(m.calls - left)
		if left == 0 {
			continue
		}
		m.calls, m.attempt = left, m.attempt+1
		if m.attempt < w.retry.Attempts {
			longest := steps(w.retry.longest(m.attempt))
			w.begin(1+w.run.rng.IntN(longest), m)
			continue
		}
		w.queue.fail(m.messages)
		w.failed(left)
	}
}

// pending are asynchronous calls that wait for an execution. Lambda keeps them
// and tries again (AsyncRetry).
type pending struct {
	run      *run
	function *function
	// due are, by step, how many are tried for which time.
	due   map[int][]tried
	asks  []*ask
	times []int
	n     int
	// begun takes the calls that got an execution.
	begun func(warm, cold int)
}

type tried struct{ n, times int }

func (p *pending) invoke(n int) { p.later(n, 1, 0) }

func (p *pending) later(n, times, after int) {
	if n == 0 {
		return
	}
	if p.due == nil {
		p.due = map[int][]tried{}
	}
	at := p.run.now + after
	p.due[at] = append(p.due[at], tried{n, times})
	p.n += n
}

func (p *pending) ask() {
	p.asks, p.times = p.asks[:0], p.times[:0]
	for _, t := range p.due[p.run.now] {
		p.n -= t.n
		a := &ask{function: p.function}
		p.run.pool.want(a, t.n)
		p.asks, p.times = append(p.asks, a), append(p.times, t.times)
	}
	delete(p.due, p.run.now)
}

func (p *pending) act() {
	for i, a := range p.asks {
		if a.given() > 0 {
			p.begun(a.warm, a.cold)
		}
		longest := steps(AsyncRetry(p.times[i], cmp.Or(p.run.Design.AsyncRetry, FirstAsyncRetry)))
		for range a.refused() {
			// They would otherwise all come at once again.
			p.later(1, p.times[i]+1, longest-p.run.rng.IntN((longest+1)/2))
		}
	}
}
