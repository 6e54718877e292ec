package kinds

import (
	"context"
	"sync"
	"time"
)

// gathered makes calls for many objects together. The first goes out at once;
// what is asked for while it is under way goes out with the next. Nobody waits
// for company.
type gathered struct {
	mu      sync.Mutex
	waiting []*request
	working bool
}

type request struct {
	ctx  context.Context //nolint:containedctx // of the caller that waits for it
	name string
	done chan error
}

// gatheredLimit bounds one call for many. It is no caller's own: one that gives
// up must not end the others' call.
const gatheredLimit = 2 * time.Minute

// do makes the call for the name, with at most most names at a time. A call for
// several that fails is made again for each alone, so that everybody gets the
// answer to his own.
func (g *gathered) do(ctx context.Context, name string, most int, call func(context.Context, []string) error) error {
	own := &request{ctx: ctx, name: name, done: make(chan error, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, own)
	lead := !g.working
	g.working = true
	g.mu.Unlock()
	if lead {
		go g.work(most, call) //nolint:contextcheck // it works for others, too: see gatheredLimit
	}
	select {
	case err := <-own.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// work makes calls until nobody waits.
func (g *gathered) work(most int, call func(context.Context, []string) error) {
	for {
		g.mu.Lock()
		n := min(most, len(g.waiting))
		batch := g.waiting[:n:n]
		g.waiting = g.waiting[n:]
		g.working = n > 0
		g.mu.Unlock()
		if n == 0 {
			return
		}
		err := forAll(batch, call)
		for _, r := range batch {
			if err != nil && n > 1 {
				r.done <- call(r.ctx, []string{r.name})
				continue
			}
			r.done <- err
		}
	}
}

func forAll(batch []*request, call func(context.Context, []string) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(batch[0].ctx), gatheredLimit)
	defer cancel()
	names := make([]string, 0, len(batch))
	for _, r := range batch {
		names = append(names, r.name)
	}
	return call(ctx, names)
}
