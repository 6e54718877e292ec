// Package forecast simulates a system under a burst, in virtual time: what
// comes in, what waits, what runs at once, what AWS's limits refuse, and how old
// the published results get. It is pure: the same design, arrivals, limits and
// seed give the same result to the last bit, and nothing is asked of AWS.
//
// A Design is made of stages that meet at queues and tables and share the
// account's concurrency. Time goes in steps of ten milliseconds, and what
// happens in a step is counted, not followed one by one; so a million votes take
// less than a second.
package forecast

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// step is the unit of virtual time. Durations are rounded up to it: a call that
// takes 3 ms occupies its environment for 10 ms.
const step = 10 * time.Millisecond

const stepsPerSecond = int(time.Second / step)

// lead is how long schedules run before the first arrival, so that publishers
// are at work when the burst begins.
const lead = 2 * time.Minute

// patience bounds how long after the last arrival a design may take to drain.
const patience = 4 * time.Hour

// steps is a duration in steps, rounded up, at least one.
func steps(d time.Duration) int { return max(1, int((d+step-1)/step)) }

// Design is a system as the forecast sees it.
type Design struct {
	Functions []Function
	Queues    []Queue
	Tables    []Table
	// Stages act in this order within a step. They name functions, queues and
	// tables of the design.
	Stages []Stage
	// Grace is how long after the last arrival the work may take.
	Grace time.Duration
	// AsyncRetry is the first wait of an asynchronous call that found no
	// execution; 0 for FirstAsyncRetry.
	AsyncRetry time.Duration
	// Length is how long the system is open: how long arrivals last unless they
	// say otherwise. Load names the fields of the system's expected load, from
	// which the cost comes.
	Length time.Duration
	Load   Load
	// Assumptions are the figures in this design that no configuration tells.
	Assumptions []Assumption
}

// Load names fields of an expected load: the one that counts units, and the one
// with the greatest number of units a second, where there is one.
type Load struct{ Units, Peak string }

// Assumption is a figure that was assumed, and why.
type Assumption struct {
	Name, Value string
	// Source is a document's title, a measurement, or the reasoning.
	Source string
}

// Function is a Lambda function.
type Function struct {
	Name string
	// Reserved is its reserved concurrency; 0 shares the account's.
	Reserved int
	// ColdStart is what the first call of an environment takes more.
	ColdStart time.Duration
}

// Queue is a standard SQS queue, or a stream.
type Queue struct {
	Name string
	// Stream is true for a stream, whose records nobody receives one by one: no
	// bound is set to those that are worked on, and what failed is tried again.
	Stream bool
	// Visibility is how long a message that failed stays hidden.
	Visibility time.Duration
	// MaxReceives is after how many receives a message that failed goes to the
	// dead-letter queue; 0 for never.
	MaxReceives int
}

// Stage is one step of a design: a Door, a Lister, a Mapping, an
// Orchestrator, a Publisher. A stage of a new sort is one more file of this package.
type Stage interface {
	// start makes the stage's state for one run.
	start(*run) (stage, error)
}

// stage is a stage at work. In each step all stages ask for executions, then all
// act on what they were given.
type stage interface {
	ask(now int)
	act(now int)
	// idle reports that nothing is under way, so that the run may end.
	idle() bool
}

// Forecast is one simulation's question.
type Forecast struct {
	Design   Design
	Arrivals Curve
	Limits   Limits
	// Seed decides all that is left to chance.
	Seed uint64
}

// run is one simulation at work.
type run struct {
	Forecast

	now    int
	rng    *rand.Rand
	pool   *pool
	queues map[string]*queue
	tables map[string]*table
	// ordered are the same in the order of the design.
	ordered struct {
		queues []*queue
		tables []*table
	}
	stages []stage
	log    *log
	opens  int
	closes int
}

// Run simulates until all that arrived is done and the grace is over, and at
// most four hours after the last arrival.
func (f Forecast) Run() (*Result, error) {
	r, err := f.prepare()
	if err != nil {
		return nil, err
	}
	end := r.closes + steps(patience)
	for ; r.now < end; r.now++ {
		r.advance()
		if r.now >= r.closes && r.log.drained < 0 && r.drained() {
			r.log.drained = r.now
		}
		if r.log.drained >= 0 && r.now >= r.closes+steps(r.Design.Grace) {
			break
		}
	}
	return r.result(), nil
}

func (f Forecast) prepare() (*run, error) {
	if err := f.Arrivals.Check(); err != nil {
		return nil, err
	}
	if len(f.Design.Stages) == 0 {
		return nil, errors.New("the design has no stages")
	}
	//nolint:gosec // chance of a simulation, which must be repeatable
	r := &run{Forecast: f, rng: rand.New(rand.NewPCG(f.Seed, 0x6275727374)), queues: map[string]*queue{}, tables: map[string]*table{}}
	r.opens = steps(lead)
	r.closes = r.opens + steps(f.Arrivals.Length())
	r.log = newLog(r)
	var err error
	if r.pool, err = newPool(r); err != nil {
		return nil, err
	}
	for _, q := range f.Design.Queues {
		r.queues[q.Name] = &queue{Queue: q, run: r}
		r.ordered.queues = append(r.ordered.queues, r.queues[q.Name])
	}
	for _, t := range f.Design.Tables {
		r.tables[t.Name] = newTable(r, t)
		r.ordered.tables = append(r.ordered.tables, r.tables[t.Name])
	}
	for _, s := range f.Design.Stages {
		at, err := s.start(r)
		if err != nil {
			return nil, err
		}
		r.stages = append(r.stages, at)
	}
	return r, nil
}

// advance does one step.
func (r *run) advance() {
	r.pool.refill()
	for _, q := range r.ordered.queues {
		q.reappear()
	}
	for _, t := range r.ordered.tables {
		t.refill()
	}
	for _, s := range r.stages {
		s.ask(r.now)
	}
	r.pool.grant()
	for _, s := range r.stages {
		s.act(r.now)
	}
	r.log.step()
}

// arrives counts who comes in a step.
func (r *run) arrives(now int) int {
	at := time.Duration(now-r.opens)*step + step/2
	n := poisson(r.rng, r.Arrivals.rate(at)/float64(stepsPerSecond))
	r.log.arrived(n)
	return n
}

// drained reports that nothing waits and nothing is under way.
func (r *run) drained() bool {
	for _, q := range r.ordered.queues {
		if q.depth() > 0 {
			return false
		}
	}
	for _, s := range r.stages {
		if !s.idle() {
			return false
		}
	}
	return true
}

func (r *run) function(stage, name string) (*function, error) {
	for _, f := range r.pool.functions {
		if f.Name == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%s: the design has no function %q", stage, name)
}

func (r *run) queue(stage, name string) (*queue, error) {
	if q := r.queues[name]; q != nil {
		return q, nil
	}
	return nil, fmt.Errorf("%s: the design has no queue %q", stage, name)
}

func (r *run) table(stage, name string) (*table, error) {
	if t := r.tables[name]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("%s: the design has no table %q", stage, name)
}
