package votingwindow

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/preflight/forecast"
	"github.com/burstline/terraform-provider-serverless/internal/systems/systemtest"
)

// tenTimes is ten times the load under which the results of a published vote
// froze: half a million requests in ten minutes.
var tenTimes = forecast.Burst(0, 10*500_000/600.0, 10*time.Minute, 0, 0)

// foresee forecasts the plain voting window with that capacity; nil for the
// default.
func foresee(t *testing.T, arrivals forecast.Curve, capacity map[string]any) *forecast.Result {
	t.Helper()
	return foreseeIn(t, arrivals, capacity, forecast.Defaults().Concurrency)
}

// foreseeIn is the same in an account with so many concurrent executions.
func foreseeIn(t *testing.T, arrivals forecast.Curve, capacity map[string]any, concurrency int) *forecast.Result {
	t.Helper()
	limits := forecast.Defaults()
	limits.Concurrency = concurrency
	r, err := forecast.Forecast{Design: designed(t, capacity), Arrivals: arrivals, Limits: limits, Seed: 1}.Run()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// designed is the plain voting window with that capacity, as a burst meets it.
func designed(t *testing.T, capacity map[string]any) forecast.Design {
	t.Helper()
	arguments := Example()
	if capacity != nil {
		arguments["capacity"] = capacity
	}
	text, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	_, d, diags := Resource().Forecast(t.Context(), "tv-final", text, nil)
	if diags.HasError() {
		t.Fatal(diags)
	}
	return d
}

func warm(writes int) map[string]any { return map[string]any{"warm_writes": writes} }

func provisioned(more map[string]any) map[string]any {
	c := map[string]any{"mode": capacityProvisioned}
	maps.Copy(c, more)
	return c
}

// The default design carries ten times the load of the published vote, with a
// warm table: nobody is refused, nothing freezes, all is done within the grace.
func TestForecastTenTimes(t *testing.T) {
	r := foresee(t, tenTimes, warm(10_000))
	if r.Refused > 0 || r.Frozen > 0 || !r.InGrace || r.Recorded != r.Accepted || r.Arrived < 4_990_000 {
		t.Errorf("%s", r.Summary())
	}
	if r.Drains > 10*time.Second || r.WorstDelay > 10*time.Second || len(r.Throttles) > 0 {
		t.Errorf("it is done %s after the end, at worst %s late; limits: %+v", r.Drains, r.WorstDelay, r.Throttles)
	}
}

// Without a warm table nobody is refused and nothing freezes or is lost, but a
// new table takes longer than the grace.
func TestForecastTenTimesWithANewTable(t *testing.T) {
	r := foresee(t, tenTimes, nil)
	if r.Refused > 0 || r.Frozen > 0 || r.Dead > 0 || r.Recorded != r.Accepted {
		t.Errorf("%s", r.Summary())
	}
	if r.InGrace || r.Throttled(forecast.TableWrites) == 0 {
		t.Errorf("a new table carries it: %s", r.Summary())
	}
}

// A million votes with an opening of 4,000 a second need nothing at all.
func TestForecastAMillion(t *testing.T) {
	r := foresee(t, forecast.Burst(4000, 1600, 10*time.Minute, 30*time.Second, 0), nil)
	if r.Refused > 0 || r.Frozen > 0 || !r.InGrace || len(r.Throttles) > 0 {
		t.Errorf("%s %+v", r.Summary(), r.Throttles)
	}
}

// The forecast begins with the capacity that the window has when it opens.
func TestForecastReadsTheCapacity(t *testing.T) {
	for name, c := range map[string]struct {
		capacity             map[string]any
		units, warm, batches int
	}{
		"on demand":            {nil, 0, 0, 0},
		"warmed":               {warm(10_000), 0, 10_000, 0},
		"provisioned":          {provisioned(nil), 5, 0, 2},
		"with a least":         {provisioned(map[string]any{"min_writes": 500, "min_workers": 7}), 500, 0, 7},
		"with an opening":      {provisioned(map[string]any{"opening_writes": 3000, "max_writes": 3000}), 3000, 0, 10},
		"with too few workers": {provisioned(map[string]any{"opening_writes": 3000, "max_workers": 4}), 3000, 0, 4},
	} {
		t.Run(name, func(t *testing.T) {
			d := designed(t, c.capacity)
			mapping := d.Stages[1].(forecast.Mapping)
			if d.Tables[0].Units != c.units || d.Tables[0].Warm != c.warm || mapping.MaxConcurrency != c.batches {
				t.Errorf("%d units, %d warm, %d batches; want %d, %d, %d", d.Tables[0].Units, d.Tables[0].Warm, mapping.MaxConcurrency, c.units, c.warm, c.batches)
			}
			orchestrated := slices.ContainsFunc(d.Functions, func(f forecast.Function) bool { return f.Name == "orchestrator" && f.Reserved == 1 })
			if orchestrated != (c.units > 0) {
				t.Errorf("an orchestrator: %t", orchestrated)
			}
		})
	}
}

// A million votes whose opening of 8,000 a second meets provisioned capacity:
// what the orchestrator does is what it is deployed to do.
func TestForecastProvisioned(t *testing.T) {
	arrivals := forecast.Burst(8000, 1500, 10*time.Minute, 30*time.Second, 0)
	const worker = 800 // what one recorder writes in a second and two of them at once may
	for name, c := range map[string]struct {
		capacity map[string]any
		// recorded is the most of the votes of a minute, by its number.
		recorded map[int]int
		// worst is between these.
		least, most time.Duration
		inGrace     bool
	}{
		// Five units and what they have saved, until the first raise is there after
		// a minute or two; two recorders until the second.
		"without an opening": {provisioned(nil), map[int]int{0: 5*300 + 5*60}, 4 * time.Minute, 6 * time.Minute, true},
		"with an opening":    {provisioned(map[string]any{"opening_writes": 4000}), nil, 0, 15 * time.Second, true},
		"two recorders at most": {provisioned(map[string]any{"opening_writes": 4000, "max_workers": 2}),
			map[int]int{0: 60 * worker, 5: 60 * worker, 9: 60 * worker}, 10 * time.Minute, 15 * time.Minute, false},
		"a table that stays small": {provisioned(map[string]any{"min_writes": 100, "max_writes": 100}),
			map[int]int{0: 100*300 + 100*60, 5: 100 * 60, 9: 100 * 60}, time.Hour, 4 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := foresee(t, arrivals, c.capacity)
			if r.Refused > 0 || r.Frozen > 0 || r.Recorded+r.Dead > r.Accepted || r.InGrace != c.inGrace {
				t.Errorf("%s", r.Summary())
			}
			if r.WorstDelay < c.least || r.WorstDelay > c.most {
				t.Errorf("the longest delay is %s, want %s to %s", r.WorstDelay, c.least, c.most)
			}
			for minute, most := range c.recorded {
				sum := 0
				for _, s := range r.Seconds[60*minute : 60*minute+60] {
					sum += s.Recorded
				}
				// A batch that ends in a minute may have begun in the one before.
				if sum > most+votingwindow.BatchSize || sum < most*9/10 {
					t.Errorf("in minute %d %d votes are recorded, want some %d", minute, sum, most)
				}
			}
		})
	}
}

// The design follows the user's own settings.
func TestForecastFollowsSettings(t *testing.T) {
	s := settings()
	timeout, reserved, none := 100*time.Second, 7, blueprint.NoReservation
	s.Functions = map[string]blueprint.FunctionSettings{"recorder": {Timeout: &timeout, ReservedConcurrency: &reserved}, "publisher": {ReservedConcurrency: &none}}
	m := exampleModel()
	d, err := design(m, build(t, m, s))
	if err != nil {
		t.Fatal(err)
	}
	reservations := map[string]int{}
	for _, f := range d.Functions {
		reservations[f.Name] = f.Reserved
	}
	if reservations["recorder"] != 7 || reservations["publisher"] != 0 || reservations["intake"] != 0 {
		t.Errorf("reservations are %v", reservations)
	}
	if q := d.Queues[0]; q.Visibility != 600*time.Second || q.MaxReceives != 5 {
		t.Errorf("the queue is %+v", q)
	}
	if door := d.Stages[0].(forecast.Door); door.Kind != forecast.URL {
		t.Errorf("the door is %+v", door)
	}
	if mapping := d.Stages[1].(forecast.Mapping); mapping.Batch != 100 || mapping.Window != time.Second {
		t.Errorf("the mapping is %+v", mapping)
	}
	if d.Length != 10*time.Minute || d.Grace != 2*time.Minute {
		t.Errorf("open for %s with a grace of %s", d.Length, d.Grace)
	}
}

// TestGoldenForecast draws the default design under ten times the load.
func TestGoldenForecast(t *testing.T) {
	for name, capacity := range map[string]map[string]any{"warm": warm(10_000), "new": nil} {
		title := map[string]string{
			"warm": "A voting window, five million votes in ten minutes, table warmed to 10,000",
			"new":  "A voting window, five million votes in ten minutes, new table",
		}[name]
		file := filepath.Join("..", "..", "..", "docs", "images", "forecast-voting-window-"+name+".svg")
		got := foresee(t, tenTimes, capacity).SVG(title)
		if systemtest.Update() {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(file); err != nil || string(want) != got {
			t.Errorf("%s is not as computed (%v): run \"make generate\"", file, err)
		}
	}
	file := filepath.Join("..", "..", "..", "docs", "guides", "burst-forecast.md")
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !forecasts.Match(have) {
		t.Fatalf("%s has no place for the forecasts of the voting window", file)
	}
	want := forecasts.ReplaceAllString(string(have), "${1}\n"+rows(t)+"\n${2}")
	if systemtest.Update() {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(have) {
		t.Errorf("the forecasts in %s are not as computed: run \"make generate\"", file)
	}
}

var forecasts = regexp.MustCompile(`(?s)(<!-- forecasts of the voting window -->\n).*?(<!-- end of forecasts -->)`)

// rows are the guide's table: what becomes of the default design.
func rows(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| votes in ten minutes | opening, a second | table carries at the opening | executions | refused | done after the end | longest delay | results frozen |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	spike := func(opening, votes float64) forecast.Curve {
		const seconds, fall = 600, 30
		// The spike brings the mean of its two rates; the plateau the rest.
		plateau := (votes - opening*fall/2) / (seconds - fall/2)
		return forecast.Burst(opening, plateau, seconds*time.Second, fall*time.Second, 0)
	}
	for _, c := range []struct {
		votes, opening float64
		carries        string
		capacity       map[string]any
		concurrency    int
	}{
		{500_000, 833, "4000, new", nil, 1000},
		{1_000_000, 4000, "4000, new", nil, 1000},
		{1_000_000, 8000, "4000, new", nil, 1000},
		{1_000_000, 8000, "8000, warmed", warm(8000), 1000},
		{1_000_000, 8000, "5, provisioned", provisioned(nil), 1000},
		{1_000_000, 8000, "4000, provisioned", provisioned(map[string]any{"opening_writes": 4000}), 1000},
		{5_000_000, 8333, "4000, new", nil, 1000},
		{5_000_000, 8333, "10000, warmed", warm(10_000), 1000},
		{5_000_000, 8333, "9000, provisioned", provisioned(map[string]any{"opening_writes": 9000, "max_writes": 16_000}), 1000},
		{5_000_000, 16_000, "16000, warmed", warm(16_000), 1000},
		{5_000_000, 16_000, "16000, warmed", warm(16_000), 3000},
	} {
		r := foreseeIn(t, spike(c.opening, c.votes), c.capacity, c.concurrency)
		fmt.Fprintf(&b, "| %.1f million | %.0f | %s | %d | %.2f %% | %.0f s | %.0f s | %.0f s |\n",
			c.votes/1e6, c.opening, c.carries, c.concurrency, float64(r.Refused)/float64(r.Arrived)*100, r.Drains.Seconds(), r.WorstDelay.Seconds(), r.Frozen.Seconds())
	}
	return b.String()
}
