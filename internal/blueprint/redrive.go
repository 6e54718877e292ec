package blueprint

import (
	"cmp"
	"slices"
	"time"
)

// Redrive says how the messages of a dead-letter queue are tried again.
type Redrive string

const (
	// RedriveConsume calls the function that consumes the queue they come from,
	// with the messages as they lie there: they keep their ids and sent times. It
	// holds where a system does not say otherwise, as it falsifies nothing.
	RedriveConsume Redrive = "consume"
	// RedriveResend sends them as new messages to the queue that they come from:
	// they get new ids and sent times.
	RedriveResend Redrive = "resend"
	// RedriveInvoke calls the function that failed with the event that each message
	// holds. It is the way of what KeepFailed has kept.
	RedriveInvoke Redrive = "invoke"
)

// RedriveRoute is the way of the messages of one dead-letter queue.
type RedriveRoute struct {
	Redrive Redrive
	// DeadLetters and Source are the keys of the queue with the messages and of
	// the one that they come from: itself, where it has what was given up of a
	// stream, or of events.
	DeadLetters, Source string
	// MaxReceives is how many times a message was received before it came here.
	MaxReceives int
	// Function is the key of who is called with the messages, and Timeout its
	// time-out; empty for RedriveResend.
	Function string
	Timeout  time.Duration
	// BatchSize is the greatest number of messages a call. PartialBatch is true
	// where the function names the messages that failed.
	BatchSize    int
	PartialBatch bool
}

// RedriveRoutes lists the routes of all dead-letter queues, in the order of
// their keys.
func (b *Blueprint) RedriveRoutes() []RedriveRoute {
	var out []RedriveRoute
	for _, source := range b.Parts {
		spec, ok := source.Spec.(QueueSpec)
		if !ok || spec.DeadLetterARN == "" {
			continue
		}
		dead := b.Target(spec.DeadLetterARN)
		if dead == nil {
			continue
		}
		r := RedriveRoute{Redrive: cmp.Or(dead.Redrive, RedriveConsume), DeadLetters: dead.Key, Source: source.Key, MaxReceives: spec.MaxReceives}
		if r.Redrive == RedriveConsume {
			b.consumer(&r)
		}
		out = append(out, r)
	}
	out = append(append(out, b.givenUp()...), b.failed()...)
	slices.SortFunc(out, func(x, y RedriveRoute) int {
		return cmp.Or(cmp.Compare(x.DeadLetters, y.DeadLetters), cmp.Compare(x.Source, y.Source))
	})
	return out
}

// givenUp lists the routes of what was given up of streams: the function that
// takes the records takes the messages, too.
func (b *Blueprint) givenUp() []RedriveRoute {
	var out []RedriveRoute
	for _, p := range b.Parts {
		m, ok := p.Spec.(MappingSpec)
		if !ok || m.OnFailure == "" {
			continue
		}
		aside, function := b.Target(m.OnFailure), b.Target(m.Function)
		if aside == nil || function == nil {
			continue
		}
		if f, ok := function.Spec.(FunctionSpec); ok {
			out = append(out, RedriveRoute{
				Redrive: RedriveConsume, DeadLetters: aside.Key, Source: aside.Key, Function: function.Key, Timeout: time.Duration(f.Timeout) * time.Second,
				BatchSize: givenUpBatch, PartialBatch: m.PartialBatch,
			})
		}
	}
	return out
}

// failed lists the routes of events that functions failed on, one a call.
func (b *Blueprint) failed() []RedriveRoute {
	var out []RedriveRoute
	for _, p := range b.Parts {
		s, ok := p.Spec.(EventInvokeConfigSpec)
		if !ok {
			continue
		}
		aside, function := b.Target(s.OnFailure), b.Target(s.Function)
		if aside == nil || function == nil {
			continue
		}
		if f, ok := function.Spec.(FunctionSpec); ok {
			out = append(out, RedriveRoute{
				Redrive: RedriveInvoke, DeadLetters: aside.Key, Source: aside.Key, Function: function.Key, Timeout: time.Duration(f.Timeout) * time.Second, BatchSize: 1,
			})
		}
	}
	return out
}

// givenUpBatch is the greatest number of messages of one call about records that
// were given up: each may be looked up in the stream.
const givenUpBatch = 10

// consumer fills in who consumes the source.
func (b *Blueprint) consumer(r *RedriveRoute) {
	for _, p := range b.Parts {
		m, ok := p.Spec.(MappingSpec)
		if !ok {
			continue
		}
		source, function := b.Target(m.Source), b.Target(m.Function)
		if source == nil || source.Key != r.Source || function == nil {
			continue
		}
		if f, ok := function.Spec.(FunctionSpec); ok {
			r.Function, r.Timeout = function.Key, time.Duration(f.Timeout)*time.Second
			r.BatchSize, r.PartialBatch = m.BatchSize, m.PartialBatch
		}
	}
}

// redrive checks that every dead letter can be tried again, in one way.
func (c *checker) redrive() {
	source := map[string]string{}
	for _, r := range c.blue.RedriveRoutes() {
		switch other := source[r.DeadLetters]; {
		case other != "":
			c.add(nil, "the dead-letter queue %q takes messages of %q and of %q: give each queue its own, so that a redrive knows where they go", r.DeadLetters, other, r.Source)
		case r.Redrive == RedriveConsume && r.Function == "":
			c.add(nil, "no function of the system consumes %q, so the messages of %q cannot be handed to it: redrive them by resend", r.Source, r.DeadLetters)
		}
		source[r.DeadLetters] = r.Source
	}
}
