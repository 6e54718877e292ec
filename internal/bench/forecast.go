package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/preflight/forecast"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// millionVotes is how long the forecast of a million votes may take, in seconds.
const millionVotes = 10

// forecast times the forecast of the example with a million votes in ten
// minutes. It works on one core.
func (b *bench) forecast(ctx context.Context) error {
	window, _ := systems.Find("voting_window")
	arguments, err := json.Marshal(window.Example())
	if err != nil {
		return fmt.Errorf("render the example: %w", err)
	}
	_, design, diags := window.Resource().Forecast(ctx, "bench", arguments, nil)
	if diags.HasError() {
		return fmt.Errorf("describe the example: %v", diags)
	}
	arrivals := forecast.Burst(4000, 1606, 10*time.Minute, 30*time.Second, 0)
	began := time.Now()
	r, err := forecast.Forecast{Design: design, Arrivals: arrivals, Limits: forecast.Defaults(), Seed: 1}.Run()
	if err != nil {
		return fmt.Errorf("forecast: %w", err)
	}
	b.atMost("forecast.million_votes_s", time.Since(began).Seconds()*1e6/float64(r.Arrived), "s per million votes", millionVotes)
	return nil
}
