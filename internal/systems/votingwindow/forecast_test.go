package votingwindow

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/preflight/forecast"
)

// tenTimes is ten times the load under which the results of a published vote
// froze: half a million requests in ten minutes.
var tenTimes = forecast.Burst(0, 10*500_000/600.0, 10*time.Minute, 0, 0)

// foresee forecasts the plain voting window, with a warm table or a new one.
func foresee(t *testing.T, arrivals forecast.Curve, warm int) *forecast.Result {
	t.Helper()
	return foreseeIn(t, arrivals, warm, forecast.Defaults().Concurrency)
}

// foreseeIn is the same in an account with so many concurrent executions.
func foreseeIn(t *testing.T, arrivals forecast.Curve, warm, concurrency int) *forecast.Result {
	t.Helper()
	m := exampleModel()
	d, err := design(m, build(t, m, settings()))
	if err != nil {
		t.Fatal(err)
	}
	d.Tables[0].Warm = warm
	limits := forecast.Defaults()
	limits.Concurrency = concurrency
	r, err := forecast.Forecast{Design: d, Arrivals: arrivals, Limits: limits, Seed: 1}.Run()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The default design carries ten times the load of the published vote, with a
// warm table: nobody is refused, nothing freezes, all is done within the grace.
func TestForecastTenTimes(t *testing.T) {
	r := foresee(t, tenTimes, 10_000)
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
	r := foresee(t, tenTimes, 0)
	if r.Refused > 0 || r.Frozen > 0 || r.Dead > 0 || r.Recorded != r.Accepted {
		t.Errorf("%s", r.Summary())
	}
	if r.InGrace || r.Throttled(forecast.TableWrites) == 0 {
		t.Errorf("a new table carries it: %s", r.Summary())
	}
}

// A million votes with an opening of 4,000 a second need nothing at all.
func TestForecastAMillion(t *testing.T) {
	r := foresee(t, forecast.Burst(4000, 1600, 10*time.Minute, 30*time.Second, 0), 0)
	if r.Refused > 0 || r.Frozen > 0 || !r.InGrace || len(r.Throttles) > 0 {
		t.Errorf("%s %+v", r.Summary(), r.Throttles)
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
	for name, warm := range map[string]int{"warm": 10_000, "new": 0} {
		title := map[string]string{
			"warm": "A voting window, five million votes in ten minutes, table warmed to 10,000",
			"new":  "A voting window, five million votes in ten minutes, new table",
		}[name]
		file := filepath.Join("..", "..", "..", "docs", "images", "forecast-voting-window-"+name+".svg")
		got := foresee(t, tenTimes, warm).SVG(title)
		if *update {
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
	if *update {
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
		votes, opening    float64
		warm, concurrency int
	}{
		{500_000, 833, 0, 1000},
		{1_000_000, 4000, 0, 1000},
		{1_000_000, 8000, 0, 1000},
		{1_000_000, 8000, 8000, 1000},
		{5_000_000, 8333, 0, 1000},
		{5_000_000, 8333, 10_000, 1000},
		{5_000_000, 16_000, 16_000, 1000},
		{5_000_000, 16_000, 16_000, 3000},
	} {
		r := foreseeIn(t, spike(c.opening, c.votes), c.warm, c.concurrency)
		carries := "4000, new"
		if c.warm > 0 {
			carries = fmt.Sprintf("%d, warmed", c.warm)
		}
		fmt.Fprintf(&b, "| %.1f million | %.0f | %s | %d | %.2f %% | %.0f s | %.0f s | %.0f s |\n",
			c.votes/1e6, c.opening, carries, c.concurrency, float64(r.Refused)/float64(r.Arrived)*100, r.Drains.Seconds(), r.WorstDelay.Seconds(), r.Frozen.Seconds())
	}
	return b.String()
}
