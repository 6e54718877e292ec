package main

import (
	"context"

	"github.com/burstline/terraform-provider-serverless/internal/preflight"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// perMillionVotes is what a million counted votes through the function URL may
// cost, in dollars: with nobody watching, and no second votes.
const perMillionVotes = 1.50

// cost estimates what every system's example costs, and votes alone.
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
	window, _ := systems.Find("voting_window")
	votes, err := estimate(ctx, window, map[string]any{"votes": 1_000_000, "peak_votes_per_second": 4000})
	if err != nil {
		return err
	}
	b.atMost("cost.votes_per_million", votes.Load.PerMillion, "USD per million votes", perMillionVotes)
	return nil
}

func estimate(ctx context.Context, system systems.System, load map[string]any) (preflight.Estimate, error) {
	var more map[string]any
	if load != nil {
		more = map[string]any{"expected_load": load}
	}
	blue, err := system.Described(ctx, "bench", more)
	if err != nil {
		return preflight.Estimate{}, err
	}
	return preflight.Cost(blue, preflight.Builtin(), "us-east-1"), nil
}
