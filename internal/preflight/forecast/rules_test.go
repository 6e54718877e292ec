package forecast

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPollers(t *testing.T) {
	for _, c := range []struct {
		busy time.Duration
		most int
		want int
	}{
		{0, MostBatches, 5},
		{time.Minute, MostBatches, 305},
		{3 * time.Minute, MostBatches, 905},
		{4 * time.Minute, MostBatches, 1000},
		{4 * time.Minute, 1250, 1205},
		{time.Minute, 20, 20},
		{0, 2, 2},
	} {
		if got := Pollers(c.busy, c.most); got != c.want {
			t.Errorf("Pollers(%s, %d) = %d, want %d", c.busy, c.most, got, c.want)
		}
	}
}

func TestOnDemand(t *testing.T) {
	for _, c := range []struct{ initial, peak, quota, want int }{
		{NewTableWrites, 0, 40_000, 4000},
		{NewTableWrites, 1500, 40_000, 4000},
		{NewTableWrites, 3000, 40_000, 6000},
		{12_000, 3000, 40_000, 12_000},
		{NewTableWrites, 30_000, 40_000, 40_000},
	} {
		if got := OnDemand(c.initial, c.peak, c.quota); got != c.want {
			t.Errorf("OnDemand(%d, %d, %d) = %d, want %d", c.initial, c.peak, c.quota, got, c.want)
		}
	}
}

func TestPartitions(t *testing.T) {
	for units, want := range map[int]int{0: 1, 5: 1, 1000: 1, 1001: 2, 4000: 4, 40_000: 40} {
		if got := Partitions(units); got != want {
			t.Errorf("Partitions(%d) = %d, want %d", units, got, want)
		}
	}
}

func TestAsyncRetry(t *testing.T) {
	var got []time.Duration
	for n := 1; n <= 11; n++ {
		got = append(got, AsyncRetry(n, FirstAsyncRetry)/time.Second)
	}
	if want := []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}; !slices.Equal(got, want) {
		t.Errorf("waits are %d s, want %d s", got, want)
	}
}

func TestDefaults(t *testing.T) {
	want := Limits{Concurrency: 1000, APIRate: 10_000, APIBurst: 5000, TableWrites: 40_000, NewTableWrites: 4000, MappingBatches: 1000, InFlight: 120_000}
	if diff := cmp.Diff(want, Defaults()); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
}

func TestBucket(t *testing.T) {
	b := newBucket(10_000, 5000)
	if got := b.there(); got != 5000 {
		t.Errorf("%d tokens at first, want the burst of 5,000", got)
	}
	b.take(5000)
	for range stepsPerSecond / 4 {
		b.refill()
	}
	if got := b.there(); got != 2500 {
		t.Errorf("%d tokens after a quarter of a second at 10,000 a second, want 2,500", got)
	}
	for range stepsPerSecond {
		b.refill()
	}
	if got := b.there(); got != 5000 {
		t.Errorf("%d tokens in the end, want no more than 5,000", got)
	}
}

func TestBurst(t *testing.T) {
	c := Burst(4000, 1000, 10*time.Minute, 30*time.Second, time.Minute)
	if diff := cmp.Diff(Curve{{0, 4000}, {30 * time.Second, 1000}, {9 * time.Minute, 1000}, {10 * time.Minute, 0}}, c); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	// The spike's 75,000, the plateau's 510,000 and the tail's 30,000.
	if got := c.Total(); got != 615_000 {
		t.Errorf("%v arrive, want 615,000", got)
	}
	for at, want := range map[time.Duration]float64{0: 4000, 15 * time.Second: 2500, 5 * time.Minute: 1000, 570 * time.Second: 500, 11 * time.Minute: 0} {
		if got := c.rate(at); got != want {
			t.Errorf("the rate at %s is %v, want %v", at, got, want)
		}
	}
	if c.Peak() != 4000 || c.Length() != 10*time.Minute {
		t.Errorf("peak %v, length %s", c.Peak(), c.Length())
	}
}

func TestCurveRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		curve Curve
		want  string
	}{
		"no points":     {nil, "two points"},
		"late start":    {Curve{{time.Second, 1}, {time.Minute, 1}}, "the first at 0"},
		"negative":      {Curve{{0, -1}, {time.Minute, 1}}, "give 0 or more"},
		"not a number":  {Curve{{0, math.NaN()}, {time.Minute, 1}}, "give 0 or more"},
		"backwards":     {Curve{{0, 1}, {time.Minute, 1}, {time.Second, 1}}, "order of time"},
		"too short":     {Curve{{0, 1}, {time.Millisecond, 1}}, "give 1 s"},
		"too long":      {Curve{{0, 1}, {48 * time.Hour, 1}}, "24h0m0s"},
		"too many ever": {Curve{{0, 1e8}, {time.Hour, 1e8}}, "at most 100000000"},
	} {
		if err := c.curve.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want one with %q", name, err, c.want)
		}
	}
}

// The mean and the variance of a Poisson distribution are its parameter.
func TestPoisson(t *testing.T) {
	for _, mean := range []float64{0, 0.3, 8.3, 100} {
		rng := rand.New(rand.NewPCG(1, 2))
		const n = 20_000
		sum, squares := 0.0, 0.0
		for range n {
			k := float64(poisson(rng, mean))
			sum += k
			squares += k * k
		}
		got := sum / n
		variance := squares/n - got*got
		if math.Abs(got-mean) > 0.03*mean || math.Abs(variance-mean) > 0.06*mean {
			t.Errorf("of %v the mean is %v and the variance %v", mean, got, variance)
		}
	}
}

// What is free is shared in proportion to the wishes, by chance, and none is
// lost.
func TestShare(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	if got := share(rng, []int{3, 0, 4}, 7); !slices.Equal(got, []int{3, 0, 4}) {
		t.Errorf("with enough for all they get %d", got)
	}
	if got := share(rng, []int{3, 4}, -1); !slices.Equal(got, []int{0, 0}) {
		t.Errorf("of nothing they get %d", got)
	}
	first := 0
	const rounds = 10_000
	for range rounds {
		got := share(rng, []int{1, 0, 9}, 4)
		if got[0]+got[1]+got[2] != 4 || got[0] > 1 || got[1] > 0 || got[2] > 9 {
			t.Fatalf("of 4 they get %d", got)
		}
		first += got[0]
	}
	if portion := float64(first) / rounds; math.Abs(portion-0.4) > 0.02 {
		t.Errorf("one wish of ten gets one of four with probability %v, want 0.4", portion)
	}
}

func TestTake(t *testing.T) {
	m := messages{{sent: 1, n: 3}, {sent: 2, receives: 1, n: 4}}
	got := m.take(5)
	if diff := cmp.Diff(messages{{sent: 1, n: 3}, {sent: 2, receives: 1, n: 2}}, got, cmp.AllowUnexported(cohort{})); diff != "" {
		t.Errorf("taken: want -, have +:\n%s", diff)
	}
	if m.count() != 2 || m.take(9).count() != 2 || len(m) != 0 {
		t.Errorf("left are %v", m)
	}
}

func TestRetryWaits(t *testing.T) {
	r := Retry{Attempts: 11, Base: 50 * time.Millisecond, Most: 25 * time.Second}
	for n, want := range map[int]time.Duration{1: 50 * time.Millisecond, 2: 100 * time.Millisecond, 9: 12800 * time.Millisecond, 11: 25 * time.Second} {
		if got := r.longest(n); got != want {
			t.Errorf("the longest wait after attempt %d is %s, want %s", n, got, want)
		}
	}
}

func TestNice(t *testing.T) {
	for n, want := range map[int]int{1: 1, 3: 3, 7: 8, 9: 10, 11: 12, 13: 15, 999: 1000, 1001: 1200, 8200: 10_000} {
		if got := nice(n); got != want {
			t.Errorf("nice(%d) = %d, want %d", n, got, want)
		}
	}
}
