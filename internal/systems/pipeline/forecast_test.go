package pipeline

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/preflight/forecast"
)

// TestForecast takes in uploads whose last file came after a minute.
func TestForecast(t *testing.T) {
	upload := func(files float64) forecast.Curve { return forecast.Burst(0, files/60, time.Minute, 0, 0) }
	// A batch of ingest has a thousand files, of four milliseconds each, and there
	// are four batches for each shard.
	for name, c := range map[string]struct {
		files       float64
		more        map[string]any
		least, most time.Duration // From the last file's upload to its item.
		inTime      bool
		concurrency int
		limits      []forecast.Cause
	}{
		"a hundred thousand":    {1e5, nil, 95 * time.Second, 2 * time.Minute, true, 5, nil},
		"a million":             {1e6, nil, 16 * time.Minute, 18 * time.Minute, true, 5, nil},
		"a million, two shards": {1e6, map[string]any{"stream": map[string]any{"shards": 2}}, 8 * time.Minute, 9 * time.Minute, true, 9, nil},
		// The table is new and takes 4,000 items a second, which the limit tells.
		"a million, ten shards": {1e6, map[string]any{"stream": map[string]any{"shards": 10}}, 4 * time.Minute, 6 * time.Minute, true, 41, []forecast.Cause{forecast.TableWrites}},
		"five million":          {5e6, nil, 80 * time.Minute, 85 * time.Minute, false, 5, nil},
		"five million by hours": {5e6, map[string]any{"overdue_hours": 6}, 80 * time.Minute, 85 * time.Minute, true, 5, nil},
	} {
		t.Run(name, func(t *testing.T) {
			arguments := Example()
			maps.Copy(arguments, c.more)
			text, err := json.Marshal(arguments)
			if err != nil {
				t.Fatal(err)
			}
			_, d, diags := Resource().Forecast(t.Context(), "homes", text, nil)
			if diags.HasError() {
				t.Fatal(diags)
			}
			r, err := forecast.Forecast{Design: d, Arrivals: upload(c.files), Limits: forecast.Defaults(), Seed: 1}.Run()
			if err != nil {
				t.Fatal(err)
			}
			var limits []forecast.Cause
			for _, hit := range r.Throttles {
				limits = append(limits, hit.Cause)
			}
			if r.Recorded != r.Arrived || r.Refused+r.Dead > 0 || r.Drains < c.least || r.Drains > c.most || r.InGrace != c.inTime || r.PeakConcurrency != c.concurrency || len(limits) != len(c.limits) || len(limits) > 0 && limits[0] != c.limits[0] {
				t.Errorf("%s (%s, %v)", r.Summary(), r.Drains, r.Throttles)
			}
		})
	}
}
