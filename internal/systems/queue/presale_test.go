package queue

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/preflight"
)

// metering is what a presale made AWS do, through the real handlers: a test of
// functions/queue writes it.
type metering struct {
	Fans, Admitted, Seconds, Windows int
	Counts                           map[string]float64
	Bytes                            map[string]float64
}

func readMetering(t *testing.T) metering {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "functions", "queue", "testdata", "presale.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m metering
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// of sums up what was metered by parts of its name.
func (m metering) of(parts ...string) float64 {
	var n float64
	for what, count := range m.Counts {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(what, part) }) {
			n += count
		}
	}
	return n
}

// TestEstimateIsMetered holds the estimate of a presale against what its functions
// really asked of AWS: unit by unit, and in dollars.
func TestEstimateIsMetered(t *testing.T) {
	m := readMetering(t)
	// Those who are called have waited for half of the time on the mean.
	share := float64(m.Admitted) / float64(m.Fans)
	wait := time.Duration(m.Seconds) * time.Second
	mean := wait - time.Duration(share/2*float64(wait))
	b, diags := describedBy(t, map[string]any{
		"opens_at": "2027-05-22T10:00:00+02:00", "closes_at": "2027-05-22T10:20:00+02:00", "windows": m.Windows, "admission_rate": 2, "site": map[string]any{"status_from": "table"},
		"expected_load": map[string]any{"fans": m.Fans, "admitted": m.Admitted, "wait_minutes": int(mean.Minutes()), "peak_joins_per_second": 2000},
	})
	if diags.HasError() {
		t.Fatal(diags)
	}
	e := preflight.Cost(b, preflight.Builtin(), "us-east-1")
	// estimated sums up the event's lines of a dimension, of some parts, and their
	// price.
	estimated := func(dimension string, parts ...string) (quantity, price float64) {
		for _, l := range e.Lines {
			if l.Period == preflight.Event && l.Service+"."+l.Name == dimension && slices.Contains(parts, l.Part) {
				quantity, price = quantity+l.Quantity, l.UnitPrice
			}
		}
		return quantity, price
	}
	// The lease is not metered: one is taken each minute, and renewed every three seconds.
	leases := (wait + keepersBegin).Minutes() * 22
	turns := m.of("turn called") + m.of("turn claimed") + m.of("turn look for a place") + m.of("turn waiting")
	var have, want float64
	for name, c := range map[string]struct {
		dimension string
		parts     []string
		metered   float64
		within    float64 // A share.
	}{
		"joins":               {"lambda.requests", []string{"join"}, m.of("joins"), 0.01},
		"placers":             {"lambda.requests", []string{"placer"}, m.of("placer calls"), 0.05},
		"turns":               {"lambda.requests", []string{"turn"}, turns, 0.1},
		"releases":            {"lambda.requests", []string{"service"}, m.of("service calls"), 0.01},
		"writes of fans":      {"dynamodb.write_units", []string{"fans"}, m.of(": fans write"), 0.1},
		"reads of fans":       {"dynamodb.read_units", []string{"fans"}, m.of(": fans read"), 0.1},
		"writes of lines":     {"dynamodb.write_units", []string{"line"}, m.of(": line write"), 0.1},
		"reads of lines":      {"dynamodb.read_units", []string{"line"}, m.of(": line read"), 0.2},
		"writes of windows":   {"dynamodb.write_units", []string{"windows"}, m.of(": windows write"), 0.1},
		"reads of windows":    {"dynamodb.read_units", []string{"windows"}, m.of(": windows read"), 0.1},
		"writes of the state": {"dynamodb.write_units", []string{"state"}, m.of(": state write") + leases, 0.2},
		"shows of the status": {"dynamodb.write_units", []string{"status"}, 8 * m.of("status shows"), 0.1},
		"polls":               {"dynamodb.read_units", []string{"status"}, m.of("polls") / 2, 0.05},
		"objects":             {"s3.put_requests", []string{"pages"}, m.of("objects written"), 0.2},
	} {
		got, price := estimated(c.dimension, c.parts...)
		if c.metered == 0 || math.Abs(got-c.metered) > c.within*c.metered {
			t.Errorf("%s: estimated are %.0f, metered %.0f", name, got, c.metered)
		}
		have, want = have+got*price, want+c.metered*price
	}
	if want == 0 || math.Abs(have/want-1) > 0.03 {
		t.Errorf("what is metered costs $%.4f, estimated $%.4f", want, have)
	}
	t.Logf("metered $%.4f, estimated $%.4f", want, have)
	// Bodies are smaller than what is stated for answers, which have headers as well.
	for what, stated := range map[string]float64{"join": broughtBytes, "turn waiting": turnedBytes, "turn claimed": claimedBytes, "line of the status": lineOfBoard} {
		if body := m.Bytes[what]; body == 0 || body > stated {
			t.Errorf("%s has %.0f bytes, stated are %.0f", what, body, stated)
		}
	}
}
