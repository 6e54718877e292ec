package votingwindow

import (
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/preflight/forecast"
)

func TestExplore(t *testing.T) {
	m := exampleModel()
	d, err := design(m, build(t, m, settings()))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rate, open float64
		warm       int
	}{{833, 833, 0}, {1500, 4000, 0}, {1500, 8000, 0}, {8333, 8333, 0}, {8333, 8333, 10000}, {8333, 16000, 10000}, {8333, 16000, 20000}} {
		d.Tables[0].Warm = c.warm
		began := time.Now()
		r, err := forecast.Forecast{Design: d, Arrivals: forecast.Burst(c.open, c.rate, 600*time.Second, 30*time.Second, 0), Limits: forecast.Defaults(), Seed: 1}.Run()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%v: arr %d acc %d ref %d rec %d dead %d drains %v grace %v worst %v mean %v frozen %v %v peak %d %v took %v", c, r.Arrived, r.Accepted, r.Refused, r.Recorded, r.Dead, r.Drains, r.InGrace, r.WorstDelay, r.MeanDelay, r.Frozen, r.FrozenAt, r.PeakConcurrency, r.PeakByFunction, time.Since(began))
		for _, x := range r.Throttles {
			t.Log(x)
		}
	}
}
