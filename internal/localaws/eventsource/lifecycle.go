package eventsource

import (
	"context"
	"sync"
)

// gauge counts reads under way, so that a poller can be stopped between them: a receive that is cut off may have hidden messages
// that nobody got.
type gauge struct {
	mu      sync.Mutex
	cancel  context.CancelFunc
	closed  bool
	reading sync.WaitGroup
}

// open returns the context of reads, which ends with close.
func (g *gauge) open(ctx context.Context) (context.Context, context.CancelFunc) {
	read, cancel := context.WithCancel(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cancel = cancel
	if g.closed {
		cancel()
	}
	return read, cancel
}

// enter reports whether a read may begin; it ends with leave.
func (g *gauge) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.reading.Add(1)
	return true
}

func (g *gauge) leave() { g.reading.Done() }

// close lets no more reads begin, ends their context, and waits for those under way.
func (g *gauge) close() {
	g.mu.Lock()
	g.closed = true
	if g.cancel != nil {
		g.cancel()
	}
	g.mu.Unlock()
	g.reading.Wait()
}

// reporter passes on a result when it changes.
type reporter struct {
	to   func(string)
	mu   sync.Mutex
	last string
}

func (r *reporter) set(result string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.to == nil || r.last == result {
		return
	}
	r.last = result
	r.to(result)
}
