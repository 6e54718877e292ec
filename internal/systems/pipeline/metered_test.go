package pipeline

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/burstline/terraform-provider-serverless/internal/preflight"
)

// metering is what an upload made AWS do, through the real handlers: a test of
// functions/pipeline writes it.
type metering struct {
	Files, Segments      int
	FileBytes, ItemBytes float64
	Counts               map[string]float64
}

func readMetering(t *testing.T) metering {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "functions", "pipeline", "testdata", "metered.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m metering
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestEstimateIsMetered holds the estimate of an upload against what its functions
// really asked of AWS: unit by unit, and in dollars.
func TestEstimateIsMetered(t *testing.T) {
	m := readMetering(t)
	b := well(t, map[string]any{"expected_load": map[string]any{
		"files": m.Files, "file_bytes": int(m.FileBytes), "item_bytes": int(m.ItemBytes), "segments": m.Segments,
	}})
	e := preflight.Cost(b, preflight.Builtin(), "us-east-1")
	// estimated sums up the upload's lines of a dimension, of a part, and their price.
	estimated := func(dimension, part string) (quantity, price float64) {
		for _, l := range e.Lines {
			if l.Period == preflight.Event && l.Service+"."+l.Name == dimension && l.Part == part {
				quantity, price = quantity+l.Quantity, l.UnitPrice
			}
		}
		return quantity, price
	}
	var have, want float64
	for metered, c := range map[string]struct {
		dimension, part string
		within          float64 // A share.
	}{
		"source lists":       {"s3.put_requests", "source", 0},
		"source reads":       {"s3.get_requests", "source", 0},
		"items write units":  {"dynamodb.write_units", "items", 0},
		"items read units":   {"dynamodb.read_units", "items", 0.05}, // The last page of each part is not full.
		"runs write units":   {"dynamodb.write_units", "runs", 0.05},
		"runs read units":    {"dynamodb.read_units", "runs", 0.1}, // A run is known for some seconds.
		"files put units":    {"kinesis.put_units", "files", 0},
		"segments put units": {"kinesis.put_units", "segments", 0},
		"ingest calls":       {"lambda.requests", "ingest", 0.05}, // The last batch of each shard is not full.
		"results puts":       {"s3.put_requests", "results", 0},
		"results gets":       {"s3.get_requests", "results", 0},
		"stage publishes":    {"sns.publishes", "stage", 0},
	} {
		got, price := estimated(c.dimension, c.part)
		if n := m.Counts[metered]; n == 0 || math.Abs(got-n) > c.within*n+1e-6 {
			t.Errorf("%s: estimated are %.2f, metered %.2f", metered, got, n)
		}
		have, want = have+got*price, want+m.Counts[metered]*price
	}
	if want == 0 || math.Abs(have/want-1) > 0.01 {
		t.Errorf("what is metered costs $%.5f, estimated $%.5f", want, have)
	}
	t.Logf("metered $%.5f, estimated $%.5f, $%.4f for a million", want, have, have*1e6/float64(m.Files))
	// Of what AWS bills, the sums above leave out what no call shows.
	all := []string{
		"s3.put_requests", "s3.get_requests", "dynamodb.write_units", "dynamodb.read_units", "kinesis.put_units", "lambda.requests", "sns.publishes",
		"lambda.gb_seconds_arm64", "cloudwatch.log_bytes", "cloudwatch.metrics", "dynamodb.storage", "dynamodb.point_in_time_recovery",
	}
	for _, l := range e.Lines {
		if dimension := l.Service + "." + l.Name; l.Period == preflight.Event && !slices.Contains(all, dimension) {
			t.Errorf("nothing was metered of %s of %s", dimension, l.Part)
		}
	}
}
