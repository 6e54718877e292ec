package queue

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/preflight/forecast"
)

// foresee forecasts the plain waiting room with these arguments.
func foresee(t *testing.T, arrivals forecast.Curve, more map[string]any) *forecast.Result {
	t.Helper()
	arguments := Example()
	for name, value := range more {
		arguments[name] = value
	}
	text, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	_, d, diags := Resource().Forecast(t.Context(), "arena", text, nil)
	if diags.HasError() {
		t.Fatal(diags)
	}
	r, err := forecast.Forecast{Design: d, Arrivals: arrivals, Limits: forecast.Defaults(), Seed: 1}.Run()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestForecast opens for a hundred thousand fans, whose pages come within five
// seconds, and for a million, who come within a minute.
func TestForecast(t *testing.T) {
	hundredThousand, million := forecast.Burst(0, 20_000, 5*time.Second, 0, 0), forecast.Burst(0, 1_000_000/60.0, time.Minute, 0, 0)
	for name, c := range map[string]struct {
		arrivals forecast.Curve
		more     map[string]any
		drains   time.Duration // After the last has come.
		inGrace  bool
	}{
		// A table that is new takes 4,000 joins a second; the queue keeps the rest.
		"a hundred thousand":         {hundredThousand, nil, 3 * time.Minute, false},
		"a hundred thousand, warmed": {hundredThousand, map[string]any{"warm_writes": 20_000}, time.Minute, true},
		// Where the status is read is no matter of the opening: keepers write it.
		"a hundred thousand, by a table":   {hundredThousand, map[string]any{"site": map[string]any{"status_from": "table"}}, 3 * time.Minute, false},
		"a hundred thousand, by a network": {hundredThousand, map[string]any{"site": map[string]any{"cdn": true}}, 3 * time.Minute, false},
		"a million, warmed, by a table":    {million, map[string]any{"warm_writes": 20_000, "site": map[string]any{"status_from": "table"}}, 5 * time.Minute, false},
		// An account with 1,000 executions takes 10,000 requests a second.
		"a million, warmed": {million, map[string]any{"warm_writes": 20_000}, 5 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := foresee(t, c.arrivals, c.more)
			if r.Refused > 0 || r.Frozen > 0 || r.Dead > 0 || r.Recorded != r.Accepted || r.InGrace != c.inGrace || r.Drains > c.drains {
				t.Errorf("%s", r.Summary())
			}
		})
	}
}
