package eventsource

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// attempt is a batch, or what is left of one, and what became of it so far.
type attempt struct {
	items   []*item
	invokes int // of these records, by now
	retries int
	answer  *Answer // the last one
}

// deliver invokes the function with a batch until every record is processed or discarded. A failed batch is tried again, up to
// the mapping's limits of attempts and age; it is split in two first where the mapping says so, which uses up no attempt ("Using
// AWS Lambda with Amazon DynamoDB", error handling). It returns early when polling ends, with the rest not done.
func (s *shard) deliver(ctx, read context.Context, items []*item) {
	p := s.poller
	todo := []attempt{{items: items}}
	var wait backoff
	for len(todo) > 0 && read.Err() == nil {
		a := &todo[0]
		if old := s.expired(a.items); old > 0 {
			s.discard(ctx, conditionAge, *a, a.items[:old])
			if a.items = a.items[old:]; len(a.items) == 0 {
				todo = todo[1:]
				continue
			}
		}
		answer, err := p.Invoker.Invoke(ctx, event(eventsOf(a.items)))
		if err != nil {
			// Throttles and errors of Lambda's own count as no attempt.
			p.reports.set(problem(err))
			pause(read, p.Clock, wait.next())
			continue
		}
		p.aged(a.items[len(a.items)-1].Record)
		a.invokes++
		a.answer = &answer
		good := s.processed(a.items, answer)
		s.settle(a.items[:good])
		rest := a.items[good:]
		if len(rest) == 0 {
			p.reports.set(resultOK)
			wait.reset()
			todo = todo[1:]
			continue
		}
		p.reports.set(resultFailed)
		next := s.again(*a, rest)
		if next == nil {
			s.discard(ctx, conditionAttempts, *a, rest)
		}
		todo = append(next, todo[1:]...)
		if next == nil {
			wait.reset()
			continue
		}
		pause(read, p.Clock, wait.next())
	}
}

// again is how the rest of a failed batch is tried again; nil where it is discarded. With bisection a batch is cut where the
// function's response says, or else in the middle ("Configuring partial batch response with Kinesis Data Streams and Lambda").
func (s *shard) again(a attempt, rest []*item) []attempt {
	m := s.poller.Mapping
	cut := len(rest) < len(a.items)
	a.items = rest
	switch {
	case m.BisectBatchOnFunctionError && cut:
		return []attempt{a}
	case m.BisectBatchOnFunctionError && len(rest) > 1:
		half := a
		half.items = rest[len(rest)/2:]
		a.items = rest[:len(rest)/2]
		return []attempt{a, half}
	case m.MaximumRetryAttempts >= 0 && a.retries >= m.MaximumRetryAttempts:
		return nil
	}
	a.retries++
	return []attempt{a}
}

// processed is how many of a batch's first records the function has done with. Without partial batch responses it is all or
// none; with them, those before the lowest sequence number that the response names.
func (s *shard) processed(items []*item, answer Answer) int {
	if answer.FunctionError != "" {
		return 0
	}
	if !s.poller.Mapping.partialBatches() {
		return len(items)
	}
	place := func(sequence string) int {
		return slices.IndexFunc(items, func(i *item) bool { return i.Sequence == sequence })
	}
	failed, ok := failures(answer.Payload, func(sequence string) bool { return place(sequence) >= 0 })
	if !ok {
		return 0
	}
	lowest := len(items)
	for _, sequence := range failed {
		lowest = min(lowest, place(sequence))
	}
	return lowest
}

// expired is how many of a batch's first records are older than the mapping allows.
func (s *shard) expired(items []*item) int {
	p := s.poller
	if p.Mapping.MaximumRecordAgeInSeconds < 0 {
		return 0
	}
	limit := p.Clock.Now().Add(-time.Duration(p.Mapping.MaximumRecordAgeInSeconds) * time.Second)
	young := slices.IndexFunc(items, func(i *item) bool { return !i.Arrived.Before(limit) })
	if young < 0 {
		return len(items)
	}
	return young
}

func eventsOf(items []*item) []json.RawMessage {
	records := make([]json.RawMessage, len(items))
	for n, i := range items {
		records[n] = i.Event
	}
	return records
}
