package forecast

import (
	"fmt"
	"time"
)

// Orchestrator is a function that a schedule calls. By how many messages are on
// a queue it sets a table's capacity, and how many batches the queue's mapping
// takes at once.
type Orchestrator struct {
	Function string
	// Every is the schedule's interval, Takes how long a call takes.
	Every, Takes time.Duration
	Queue, Table string
	// Scales is how long a change of the table's capacity takes.
	Scales time.Duration
	// Rules begins a run. What it returns decides at each call.
	Rules func() func(Seen) Capacity
}

// Seen is what an orchestrator goes by.
type Seen struct {
	// At is the time after the opening; before it, it is negative.
	At time.Duration
	// Waiting and InFlight are messages of the queue.
	Waiting, InFlight int
	// Have is the capacity in force; Changing that the table's is on its way to
	// another.
	Have     Capacity
	Changing bool
}

// Capacity is a table's write units a second, and a mapping's batches at once. Of
// what is to be set, zero leaves a figure as it is.
type Capacity struct{ Units, Batches int }

type orchestrator struct {
	Orchestrator

	run      *run
	function *function
	queue    *queue
	table    *table
	mapping  *mapping
	decide   func(Seen) Capacity
	first    int
	calls    pending
}

func (o Orchestrator) start(r *run) (stage, error) {
	at := &orchestrator{Orchestrator: o, run: r, decide: o.Rules(), first: r.rng.IntN(steps(o.Every))}
	var err error
	if at.function, err = r.function("orchestrator", o.Function); err != nil {
		return nil, err
	}
	if at.queue, err = r.queue("orchestrator", o.Queue); err != nil {
		return nil, err
	}
	if at.table, err = r.table("orchestrator", o.Table); err != nil {
		return nil, err
	}
	for _, s := range r.stages {
		if m, ok := s.(*mapping); ok && m.queue == at.queue {
			at.mapping = m
		}
	}
	if at.mapping == nil {
		return nil, fmt.Errorf("orchestrator: the design has no mapping from queue %q before it", o.Queue)
	}
	at.calls = pending{run: r, function: at.function, begun: at.orchestrate}
	return at, nil
}

// idle reports that the schedule's calls hold nothing up.
func (o *orchestrator) idle() bool { return true }

func (o *orchestrator) ask(now int) {
	if now%steps(o.Every) == o.first {
		o.calls.invoke(1)
	}
	o.calls.ask()
}

func (o *orchestrator) act(int) { o.calls.act() }

func (o *orchestrator) orchestrate(warm, cold int) {
	takes := steps(o.Takes)
	if cold > 0 {
		takes += steps(o.function.ColdStart)
	}
	o.function.end(o.run.now, takes, warm+cold)
	set := o.decide(Seen{
		At: o.run.log.after(o.run.now), Waiting: o.queue.waiting, InFlight: o.queue.inFlight,
		Have: Capacity{Units: o.table.tokens.rate, Batches: o.mapping.MaxConcurrency}, Changing: len(o.table.changes) > 0,
	})
	if set.Units > 0 {
		o.table.provision(o.run.now+takes+steps(o.Scales), set.Units)
	}
	if set.Batches > 0 {
		o.mapping.MaxConcurrency = set.Batches
	}
}
