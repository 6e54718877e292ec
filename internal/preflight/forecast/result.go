package forecast

import (
	"cmp"
	"slices"
	"time"
)

// Cause is a limit that refused or held something back.
type Cause string

// The causes.
const (
	APIRate           Cause = "api_requests"
	LambdaRequests    Cause = "lambda_requests"
	LambdaConcurrency Cause = "lambda_concurrency"
	LambdaGrowth      Cause = "lambda_growth"
	TableWrites       Cause = "table_writes"
	StreamWrites      Cause = "stream_writes"
	QueueInFlight     Cause = "queue_in_flight"
	MappingBatches    Cause = "mapping_batches"
)

// Result is what a forecast tells. Times are after the opening unless they say
// otherwise.
type Result struct {
	// Arrived are all who came, each once; Accepted those whose message reached
	// the queue; Refused those who gave up.
	Arrived, Accepted, Refused int
	// Recorded are messages that were written, Dead those that went to a
	// dead-letter queue.
	Recorded, Dead int
	// Drains is how long after the last arrival everything was done; negative
	// where it was not within four hours.
	Drains time.Duration
	// InGrace is true where that is within the design's grace.
	InGrace bool
	// WorstDelay is the longest time between a message's acceptance and its
	// writing, MeanDelay the mean.
	WorstDelay, MeanDelay time.Duration
	// Frozen is how long results were older than three times the interval at
	// which they are published, and FrozenAt when they last changed before that
	// for the first time; negative where they never froze. OldestResults is their
	// greatest age. Results count until everything is done.
	Frozen, FrozenAt, OldestResults time.Duration
	// Published is false for a design without a publisher. FrozenAge is from
	// which age on its results count as frozen.
	Published bool
	FrozenAge time.Duration
	// PeakConcurrency is the greatest number of executions at once, of all
	// functions and of each.
	PeakConcurrency int
	PeakByFunction  map[string]int
	// PeakAccepted is the greatest number of messages accepted in one second.
	PeakAccepted int
	// Throttles are what limits did, in the order of cause and part.
	Throttles []Throttle
	// Seconds are what happened in each second, from the opening on.
	Seconds []Sample
	// Closes is when the last arrival was; Concurrency the account's limit.
	Closes      time.Duration
	Concurrency int
}

// Throttle is what one limit did to one part.
type Throttle struct {
	Cause Cause
	// Part is the function, queue or table; empty for the account's APIs.
	Part string
	// Count is how often something was refused, each attempt of it; 0 where the
	// limit was reached without refusing anything.
	Count int
	// First is when that began.
	First time.Duration
}

// Sample is one second.
type Sample struct {
	// Arrived, Accepted, Refused, Recorded and Throttled happened within it.
	Arrived, Accepted, Refused, Recorded, Throttled int
	// Waiting messages are those at its end, or the most where several seconds are
	// taken together; Concurrency the greatest number of executions within it.
	Waiting, Concurrency int
	// Age is the greatest age of the published results.
	Age time.Duration
}

// log collects what happens.
type log struct {
	run       *run
	out       Result
	throttles map[Throttle]*Throttle
	now       Sample
	drained   int
	// delays is the sum of all delays in steps.
	delays, worst int
	// every is the publishing interval in steps; 0 without a publisher.
	every, publication int
}

func newLog(r *run) *log {
	l := &log{run: r, throttles: map[Throttle]*Throttle{}, drained: -1, publication: -1}
	l.out.FrozenAt = -1
	return l
}

func (l *log) arrived(n int)  { l.out.Arrived += n; l.now.Arrived += n }
func (l *log) accepted(n int) { l.out.Accepted += n; l.now.Accepted += n }
func (l *log) refused(n int)  { l.out.Refused += n; l.now.Refused += n }

func (l *log) died(n int) { l.out.Dead += n }

func (l *log) recorded(c cohort) {
	delay := l.run.now - c.sent
	l.worst = max(l.worst, delay)
	l.delays += delay * c.n
	l.out.Recorded += c.n
	l.now.Recorded += c.n
}

// throttle counts n refusals; hit notes a limit that was reached.
func (l *log) throttle(cause Cause, part string, n int) {
	if n > 0 {
		l.now.Throttled += n
		l.hit(cause, part).Count += n
	}
}

func (l *log) hit(cause Cause, part string) *Throttle {
	key := Throttle{Cause: cause, Part: part}
	if l.throttles[key] == nil {
		l.throttles[key] = &Throttle{Cause: cause, Part: part, First: l.after(l.run.now)}
	}
	return l.throttles[key]
}

// after is a step as a time after the opening.
func (l *log) after(at int) time.Duration { return time.Duration(at-l.run.opens) * step }

func (l *log) publishes(every int) { l.every = every }

func (l *log) published() { l.publication = l.run.now }

// age is that of the results, in steps. Before the opening nobody waits for
// them.
func (l *log) age() int {
	return l.run.now - max(l.publication, l.run.opens)
}

// step closes a step, and every second a sample.
func (l *log) step() {
	if l.run.now < l.run.opens {
		l.now = Sample{}
		return
	}
	l.now.Concurrency = max(l.now.Concurrency, l.run.pool.concurrency())
	if l.every > 0 {
		age := l.age()
		l.now.Age = max(l.now.Age, time.Duration(age)*step)
		if age > frozenAfter*l.every {
			if l.out.FrozenAt < 0 {
				l.out.FrozenAt = l.after(max(l.publication, l.run.opens))
			}
			l.out.Frozen += step
		}
	}
	if (l.run.now-l.run.opens+1)%stepsPerSecond != 0 {
		return
	}
	for _, q := range l.run.ordered.queues {
		l.now.Waiting += q.depth()
	}
	l.out.PeakConcurrency = max(l.out.PeakConcurrency, l.now.Concurrency)
	l.out.OldestResults = max(l.out.OldestResults, l.now.Age)
	l.out.PeakAccepted = max(l.out.PeakAccepted, l.now.Accepted)
	l.out.Seconds = append(l.out.Seconds, l.now)
	l.now = Sample{}
}

func (r *run) result() *Result {
	out := r.log.out
	out.Closes, out.Concurrency, out.Published = r.Arrivals.Length(), r.Limits.Concurrency, r.log.every > 0
	out.FrozenAge = time.Duration(frozenAfter*r.log.every) * step
	out.Drains = -1
	if r.log.drained >= 0 {
		out.Drains = time.Duration(r.log.drained-r.closes) * step
		out.InGrace = out.Drains <= r.Design.Grace
	}
	out.WorstDelay = time.Duration(r.log.worst) * step
	if out.Recorded > 0 {
		out.MeanDelay = time.Duration(r.log.delays/out.Recorded) * step
	}
	out.PeakByFunction = map[string]int{}
	for _, f := range r.pool.functions {
		out.PeakByFunction[f.Name] = f.peak
	}
	for _, t := range r.log.throttles {
		out.Throttles = append(out.Throttles, *t)
	}
	slices.SortFunc(out.Throttles, func(a, b Throttle) int {
		return cmp.Or(cmp.Compare(a.Cause, b.Cause), cmp.Compare(a.Part, b.Part))
	})
	return &out
}

// Throttled is how often a cause refused something.
func (r *Result) Throttled(cause Cause) int {
	n := 0
	for _, t := range r.Throttles {
		if t.Cause == cause {
			n += t.Count
		}
	}
	return n
}

// Timeline takes seconds together so that at most that many samples are left,
// and returns how long each is. What happened in them is added up, and of what
// is there the greatest figure taken.
func (r *Result) Timeline(most int) ([]Sample, time.Duration) {
	each := max(1, (len(r.Seconds)+most-1)/most)
	var out []Sample
	for i, s := range r.Seconds {
		if i%each == 0 {
			out = append(out, Sample{})
		}
		last := &out[len(out)-1]
		last.Arrived += s.Arrived
		last.Accepted += s.Accepted
		last.Refused += s.Refused
		last.Recorded += s.Recorded
		last.Throttled += s.Throttled
		last.Waiting = max(last.Waiting, s.Waiting)
		last.Concurrency = max(last.Concurrency, s.Concurrency)
		last.Age = max(last.Age, s.Age)
	}
	return out, time.Duration(each) * time.Second
}
