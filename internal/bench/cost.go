package main

import (
	"context"

	"github.com/burstline/terraform-provider-serverless/internal/preflight"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// cost estimates what every system's example costs, idle and with its load.
func (b *bench) cost(ctx context.Context) error {
	for _, system := range systems.All {
		e, err := estimate(ctx, system, system.Load)
		if err != nil {
			return err
		}
		b.add("cost."+system.Name+"_idle", e.Idle, "USD a month")
		if e.Load != nil {
			b.add("cost."+system.Name+"_per_million", e.Load.PerMillion, "USD per million "+e.Load.Unit+"s, example")
		}
	}
	return nil
}

func estimate(ctx context.Context, system systems.System, load map[string]any) (preflight.Estimate, error) {
	var more map[string]any
	if load != nil {
		more = map[string]any{"expected_load": load}
	}
	return described(ctx, system, more)
}

// described estimates what a system's example costs with more arguments.
func described(ctx context.Context, system systems.System, more map[string]any) (preflight.Estimate, error) {
	blue, err := system.Described(ctx, "bench", more)
	if err != nil {
		return preflight.Estimate{}, err
	}
	return preflight.Cost(blue, preflight.Builtin(), "us-east-1"), nil
}
