package blueprint

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFill(t *testing.T) {
	b := NewBuilder(Settings{System: System{Name: "test", Slug: "test"}, Name: "one"})
	queue := b.Queue("votes", Queue{})
	f := b.Function("recorder", Function{})
	large := b.Consume("large", f, queue, Batch{Size: 100, Window: time.Second})
	small := b.Consume("small", f, queue, Batch{Size: 10})
	for name, c := range map[string]struct {
		mapping MappingHandle
		load    Load
		want    float64
	}{
		"no rate":                  {large, Load{Count: 5}, 100},
		"more than batches hold":   {large, Load{Count: 4000, Over: time.Second}, 100},
		"a fifth of what comes":    {large, Load{Count: 6000, Over: time.Minute}, 20},
		"at least one":             {large, Load{Count: 60, Over: time.Minute}, 1},
		"the peak does not matter": {large, Load{Count: 6000, Over: time.Minute, Peak: 4000}, 20},
		"no window":                {small, Load{Count: 6000, Over: time.Minute}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if have := c.mapping.Fill(c.load); have != c.want {
				t.Errorf("a batch has %g messages, want %g", have, c.want)
			}
		})
	}
}

func TestTakes(t *testing.T) {
	b := NewBuilder(Settings{System: System{Name: "test", Slug: "test"}, Name: "one"})
	queue := b.Queue("votes", Queue{})
	m := b.Consume("recorder-votes", b.Function("recorder", Function{}), queue, Batch{Size: 100, Window: time.Second})
	have := m.Takes(Load{Count: 6000, Over: time.Minute}, 200, 50*time.Millisecond)
	want := []Operation{
		{Part: "votes", Action: ReceiveMessage, Count: 1, Bytes: 200},
		{Part: "votes", Action: DeleteMessageBatch, Count: 0.1},
		{Part: "recorder", Action: Invoke, Count: 0.05, Duration: 50 * time.Millisecond},
		{Part: "recorder", Action: Run, Count: 0.05, Duration: 50 * time.Millisecond},
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
}

// The higher the rate, and the longer the function takes, the more messages each
// receive finds.
func TestReceives(t *testing.T) {
	b := NewBuilder(Settings{System: System{Name: "test", Slug: "test"}, Name: "one"})
	m := b.Consume("recorder-votes", b.Function("recorder", Function{}), b.Queue("votes", Queue{}), Batch{Size: 100, Window: time.Second})
	for _, c := range []struct {
		rate     float64
		duration time.Duration
		want     float64
	}{
		{10, 0, 1},
		{250, 0, 1},
		{1000, 0, 4},
		{2500, 0, 10},
		{100_000, 0, 10},
		// A poller's hundred come in 0.3 s, in which it receives twelve times.
		{5000. / 3, 60 * time.Millisecond, 100. / 12},
		{5000. / 3, 100 * time.Millisecond, 10},
		// It is never done.
		{5000, 200 * time.Millisecond, 10},
		{0, time.Millisecond, 10},
	} {
		l := Load{Count: c.rate, Over: time.Second}
		if c.rate == 0 {
			l = Load{Count: 1000}
		}
		have := 1 / m.Takes(l, 200, c.duration)[0].Count
		if math.Abs(have-c.want) > 1e-9 {
			t.Errorf("at %g a second, %s a batch, a receive brings %g messages, want %g", c.rate, c.duration, have, c.want)
		}
	}
}

func TestLoadRates(t *testing.T) {
	for name, c := range map[string]struct {
		load           Load
		mean, greatest float64
	}{
		"none":                       {Load{Count: 100}, 0, 0},
		"mean alone":                 {Load{Count: 1200, Over: time.Minute}, 20, 20},
		"peak above the mean":        {Load{Count: 1200, Over: time.Minute, Peak: 50}, 20, 50},
		"a peak cannot be below it":  {Load{Count: 1200, Over: time.Minute, Peak: 5}, 20, 20},
		"a peak needs no time of it": {Load{Count: 1200, Peak: 5}, 0, 5},
	} {
		if c.load.Mean() != c.mean || c.load.Greatest() != c.greatest {
			t.Errorf("%s: the mean is %g and the greatest %g, want %g and %g", name, c.load.Mean(), c.load.Greatest(), c.mean, c.greatest)
		}
	}
}

func TestStanding(t *testing.T) {
	for name, c := range map[string]struct {
		spec Standing
		want []Operation
	}{
		"alarm":           {AlarmSpec{}, []Operation{{Action: Alarm, Count: 1}}},
		"composite alarm": {AlarmSpec{Composite: true}, []Operation{{Action: CompositeAlarm, Count: 1}}},
		"dashboard":       {DashboardSpec{}, []Operation{{Action: DashboardMonth, Count: 1}}},
		"table on demand": {TableSpec{BillingMode: OnDemand}, nil},
		"provisioned table": {TableSpec{BillingMode: Provisioned, Reads: 10, Writes: 2}, []Operation{
			{Action: ReadCapacity, Count: 7300}, {Action: WriteCapacity, Count: 1460},
		}},
		"shards":         {StreamSpec{Mode: StreamProvisioned, Shards: 2, Retention: 24}, []Operation{{Action: ShardHour, Count: 1460}}},
		"shards, longer": {StreamSpec{Mode: StreamProvisioned, Shards: 2, Retention: 25}, []Operation{{Action: ShardHour, Count: 1460}, {Action: RetentionHour, Count: 1460}}},
		"stream":         {StreamSpec{Mode: StreamOnDemand, Retention: 48}, []Operation{{Action: StreamHour, Count: 730}}},
		"mapping":        {MappingSpec{}, []Operation{{Action: ReceiveMessage, Count: 657_000}}},
		"every minute":   {ScheduleSpec{Expression: "rate(1 minute)"}, []Operation{{Action: Schedule, Count: 43_800}}},
		"every 5 hours":  {ScheduleSpec{Expression: "rate(5 hours)"}, []Operation{{Action: Schedule, Count: 146}}},
		"each day":       {ScheduleSpec{Expression: "rate(1 day)"}, []Operation{{Action: Schedule, Count: 730.0 / 24}}},
		"cron":           {ScheduleSpec{Expression: "cron(0 8 * * ? *)"}, []Operation{{Action: Schedule, Count: 730.0 / 24}}},
		"signing key":    {SigningKeySpec{}, []Operation{{Action: Key, Count: 1}}},
	} {
		have := c.spec.Standing()
		if len(have) != len(c.want) {
			t.Fatalf("%s: a month of it is %v, want %v", name, have, c.want)
		}
		for i, want := range c.want {
			if math.Abs(have[i].Count-want.Count) > 1e-9 || have[i].Action != want.Action {
				t.Errorf("%s: a month of it is %v, want %v", name, have[i], want)
			}
		}
	}
}

func TestMetricsByTheHour(t *testing.T) {
	b := NewBuilder(Settings{System: System{Name: "test", Slug: "test"}, Name: "one"})
	f := b.Function("recorder", Function{})
	for active, want := range map[time.Duration]float64{time.Minute: 6. / 730, time.Hour: 6. / 730, 61 * time.Minute: 12. / 730} {
		if have := f.Metrics(6, active)[0].Count; math.Abs(have-want) > 1e-12 {
			t.Errorf("six metrics for %s are %g metric-months, want %g", active, have, want)
		}
	}
}
