package main

import (
	"context"
	"maps"
	"strings"

	"github.com/burstline/terraform-provider-serverless/internal/preflight"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// What a million fans may cost who come to a presale, each of whom waits for twenty
// minutes, in dollars, polling and all bytes included: where the page and the status
// come through a distribution, and where fans read the status table themselves, with
// the page from the bucket. What those cost who are called is apart.
const (
	queueBar       = 20
	queueDirectBar = 5
	queueIdleBar   = 3
)

// queueCost estimates what a day's presale costs, with as many calls as a test holds
// against those that the functions really make in one (TestEstimateIsMetered).
func (b *bench) queueCost(ctx context.Context) error {
	room, _ := systems.Find("queue")
	presale := func(load, site map[string]any) (preflight.Estimate, error) {
		all := map[string]any{"fans": million, "admitted": million / 10, "wait_minutes": 20, "peak_joins_per_second": 20_000}
		maps.Copy(all, load)
		return described(ctx, room, map[string]any{"expected_load": all, "site": site})
	}
	for _, way := range []struct {
		name string
		site map[string]any
		bar  float64
	}{
		{"cdn", map[string]any{"cdn": true}, queueBar},
		{"direct", map[string]any{"status_from": "table"}, queueDirectBar},
	} {
		e, err := presale(nil, way.site)
		if err != nil {
			return err
		}
		b.atMost("queue.cost_"+way.name, sum(e, arrivals), "USD per million fans, admissions apart", way.bar)
		b.add("queue.cost_"+way.name+"_page", sum(e, visits), "USD of them, to open the page")
		b.atMost("queue.idle_month_"+way.name, e.Idle, "USD a month", queueIdleBar)
		if way.name == "cdn" {
			b.add("queue.cost_admission", sum(e, admissions)/(million/10), "USD per admission")
			b.add("queue.cost_storage", sum(e, storage), "USD a month, for a million fans")
		}
	}
	e, err := presale(nil, nil)
	if err != nil {
		return err
	}
	b.add("queue.cost_s3", sum(e, arrivals), "USD per million fans, admissions apart")
	b.atMost("queue.idle_month", e.Idle, "USD a month", queueIdleBar)
	return nil
}

func visits(l preflight.Line) bool     { return strings.HasSuffix(l.Why, " for each visit") }
func admissions(l preflight.Line) bool { return strings.HasSuffix(l.Why, " for each admission") }
func arrivals(l preflight.Line) bool   { return !storage(l) && !admissions(l) }
