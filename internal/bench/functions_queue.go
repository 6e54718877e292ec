package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/burstline/terraform-provider-serverless/internal/systems"
	"github.com/burstline/terraform-provider-serverless/internal/systems/queue"
)

// queueColdStart measures from exec to the first request for work: of join, which
// every fan meets at the second of opening, and of a handler that does nothing, in
// turns within one run.
func (b *bench) queueColdStart(ctx context.Context) error {
	built, done, err := b.bootstraps(ctx, queue.System)
	if err != nil {
		return err
	}
	defer done()
	room, found := systems.Find(queue.System.Name)
	if !found {
		return errors.New("there is no system " + queue.System.Name)
	}
	blue, err := room.Described(ctx, "bench", nil)
	if err != nil {
		return err
	}
	env := environmentOf(blue, "join")
	var noop, join []float64
	for range starts {
		for _, c := range []struct {
			binary string
			env    []string
			took   *[]float64
		}{{built.noop, nil, &noop}, {built.functions, env, &join}} {
			took, err := coldStart(ctx, c.binary, c.env)
			if err != nil {
				return fmt.Errorf("start %s: %w", c.binary, err)
			}
			*c.took = append(*c.took, took)
		}
	}
	b.atMost("queue.coldstart_ratio", median(join)/median(noop), "join, to a do-nothing handler", coldStartBar)
	return nil
}
