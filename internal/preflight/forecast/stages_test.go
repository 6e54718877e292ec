package forecast

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// votes is a design of a door, a mapping and a publisher, which the cases
// change.
func votes(kind Kind) Design {
	return Design{
		Functions: []Function{{Name: "intake", ColdStart: 100 * time.Millisecond}, {Name: "recorder"}, {Name: "publisher", Reserved: 2}},
		Queues:    []Queue{{Name: "votes", Visibility: 2 * time.Minute, MaxReceives: 5}},
		Tables:    []Table{{Name: "ballots"}},
		Stages: []Stage{
			Door{Kind: kind, Function: "intake", Takes: 10 * time.Millisecond, Queue: "votes"},
			Mapping{
				Queue: "votes", Function: "recorder", Batch: 100, Window: time.Second, Takes: 60 * time.Millisecond,
				Table: "ballots", Retry: Retry{Attempts: 3, Base: 2 * time.Second, Most: 20 * time.Second},
			},
			Publisher{Function: "publisher", Tick: time.Minute, Every: 5 * time.Second, Lives: 115 * time.Second},
		},
		Grace: 2 * time.Minute,
	}
}

func constant(rate float64, length time.Duration) Curve { return Curve{{0, rate}, {length, rate}} }

// Everybody who arrives is accepted or refused, and every message ends as
// recorded or dead, whatever is throttled.
func TestNothingIsLost(t *testing.T) {
	few := Defaults()
	few.Concurrency, few.NewTableWrites, few.InFlight = 120, 300, 2000
	for name, d := range map[string]Design{"url": votes(URL), "api": votes(API), "direct": votes(Direct), "story": story(-1, 1)} {
		r := simulate(t, Forecast{d, Burst(3000, 800, 2*time.Minute, 20*time.Second, 20*time.Second), few, 3})
		if r.Drains < 0 {
			t.Errorf("%s: it never drains", name)
		}
		if r.Arrived != r.Accepted+r.Refused || r.Accepted != r.Recorded+r.Dead {
			t.Errorf("%s: %d arrived, %d accepted, %d refused, %d recorded, %d dead", name, r.Arrived, r.Accepted, r.Refused, r.Recorded, r.Dead)
		}
		if r.PeakConcurrency > few.Concurrency {
			t.Errorf("%s: %d executions at once, of %d", name, r.PeakConcurrency, few.Concurrency)
		}
		if r.Throttled(TableWrites) == 0 {
			t.Errorf("%s: a table of 300 units throttles nothing", name)
		}
	}
}

// The same seed gives the same bytes, another seed others.
func TestSeed(t *testing.T) {
	render := func(seed uint64) string {
		r := simulate(t, Forecast{story(-1, 1), generators(2), Defaults(), seed})
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(text) + r.SVG("a title")
	}
	first := render(7)
	if again := render(7); again != first {
		t.Error("one seed gives two results")
	}
	if render(8) == first {
		t.Error("two seeds give one result")
	}
}

// A function URL takes ten requests a second for each execution; what comes
// above is refused.
func TestRequestRate(t *testing.T) {
	limits := Defaults()
	limits.Concurrency = 202
	r := simulate(t, Forecast{votes(URL), constant(3000, time.Minute), limits, 1})
	// 2 of 202 are the publisher's; the rest take 2,000 of 3,000 a second, and
	// another second's worth at first.
	if r.Accepted < 118_000 || r.Accepted > 123_000 {
		t.Errorf("%d of %d were accepted, want some 120,000 of 180,000", r.Accepted, r.Arrived)
	}
	if r.Throttled(LambdaRequests) == 0 || r.Throttled(APIRate) > 0 {
		t.Errorf("the throttles are %+v", r.Throttles)
	}
}

// An API takes 10,000 requests a second, and 5,000 at once.
func TestAPIRate(t *testing.T) {
	limits := Defaults()
	limits.Concurrency = 10_000
	d := votes(API)
	d.Functions[0].ColdStart = 0
	r := simulate(t, Forecast{d, constant(12_000, 10*time.Second), limits, 1})
	if r.Accepted < 104_000 || r.Accepted > 106_000 {
		t.Errorf("%d were accepted in ten seconds, want 10,000 a second and 5,000", r.Accepted)
	}
	if got := r.Throttled(APIRate); got != r.Refused {
		t.Errorf("the API refused %d of the %d", got, r.Refused)
	}
}

// Clients that try again get in when the spike is over.
func TestClientsTryAgain(t *testing.T) {
	limits := Defaults()
	limits.Concurrency = 202
	d := votes(URL)
	refused := simulate(t, Forecast{d, Burst(6000, 500, time.Minute, 5*time.Second, 0), limits, 1}).Refused
	door := d.Stages[0].(Door)
	door.Retry = Retry{Attempts: 5, Base: time.Second, Most: 20 * time.Second}
	d.Stages[0] = door
	again := simulate(t, Forecast{d, Burst(6000, 500, time.Minute, 5*time.Second, 0), limits, 1}).Refused
	if refused < 5000 || again > refused/10 {
		t.Errorf("%d are refused, and %d where clients try again", refused, again)
	}
}

// A function grows by 1,000 environments in ten seconds, after its first 1,000.
func TestGrowth(t *testing.T) {
	limits := Defaults()
	limits.Concurrency, limits.APIRate, limits.APIBurst = 20_000, 50_000, 50_000
	d := votes(API)
	door := d.Stages[0].(Door)
	door.Takes = 2 * time.Second
	d.Stages[0] = door
	r := simulate(t, Forecast{d, constant(2500, 10*time.Second), limits, 1})
	if peak := r.PeakByFunction["intake"]; peak < 1950 || peak > 2000 {
		t.Errorf("intake has %d executions at once after ten seconds, want 1,000 and 1,000 more", peak)
	}
	if r.Throttled(LambdaGrowth) == 0 || r.Throttled(LambdaConcurrency) > 0 {
		t.Errorf("the throttles are %+v", r.Throttles)
	}
}

// A new table carries 4,000 writes a second; what is above waits, and a warm one
// lets nothing wait.
func TestTableThrottles(t *testing.T) {
	d := votes(Direct)
	cold := simulate(t, Forecast{d, constant(8000, 2*time.Minute), Defaults(), 1})
	d.Tables[0].Warm = 9000
	warm := simulate(t, Forecast{d, constant(8000, 2*time.Minute), Defaults(), 1})
	// What comes in two minutes takes four to write.
	if cold.Drains < 2*time.Minute || cold.InGrace || cold.Throttled(TableWrites) == 0 {
		t.Errorf("a new table is done %s after the end, in grace %t", cold.Drains, cold.InGrace)
	}
	neverAbove(t, cold, 4000)
	if !warm.InGrace || warm.Throttled(TableWrites) > 0 || warm.WorstDelay > 10*time.Second {
		t.Errorf("a warm table is done %s after the end, at worst late by %s", warm.Drains, warm.WorstDelay)
	}
}

// After half an hour an on-demand table carries twice its former peak.
func TestTableRemembersItsPeak(t *testing.T) {
	r := simulate(t, Forecast{votes(Direct), Curve{{0, 3500}, {40 * time.Minute, 3500}, {40*time.Minute + time.Second, 6500}, {45 * time.Minute, 6500}}, Defaults(), 1})
	if n := r.Throttled(TableWrites); n > 0 {
		t.Errorf("%d writes are throttled", n)
	}
}

// Provisioned capacity that was not used for five minutes serves a burst, up to
// what a partition carries.
func TestBurstCapacity(t *testing.T) {
	d := votes(Direct)
	d.Tables[0].Units = 500
	r := simulate(t, Forecast{d, constant(900, 10*time.Minute), Defaults(), 1})
	// 150,000 saved units last 375 s at 400 a second above what is provisioned.
	for _, throttle := range r.Throttles {
		if throttle.Cause == TableWrites && (throttle.First < 360*time.Second || throttle.First > 390*time.Second) {
			t.Errorf("writes are throttled after %s, want after 375 s", throttle.First)
		}
	}
	if r.Throttled(TableWrites) == 0 {
		t.Error("a table of 500 units carries 900 a second for ever")
	}
}

// One item carries what one partition does, whatever the table's capacity.
func TestOneItem(t *testing.T) {
	d := votes(Direct)
	d.Tables[0].OneItem = true
	r := simulate(t, Forecast{d, constant(2000, time.Minute), Defaults(), 1})
	neverAbove(t, r, 1000)
	if r.Throttled(TableWrites) == 0 {
		t.Error("one item takes 2,000 writes a second")
	}
}

// neverAbove checks that at no time more was written than a rate, and what one
// second may have saved, allow.
func neverAbove(t *testing.T, r *Result, rate int) {
	t.Helper()
	sum := 0
	for i, s := range r.Seconds {
		if sum += s.Recorded; sum > rate*(i+2) {
			t.Fatalf("%d writes are done after %d s, at %d a second", sum, i+1, rate)
		}
	}
}

// Pollers grow by 300 a minute from five while they leave messages waiting.
func TestPollersGrow(t *testing.T) {
	d := votes(Direct)
	mapping := d.Stages[1].(Mapping)
	mapping.Batch, mapping.Takes = 10, time.Second
	d.Stages[1] = mapping
	r := simulate(t, Forecast{d, constant(3000, 3*time.Minute), Defaults(), 1})
	// Ten a second for each of them.
	for at, want := range map[int]int{10: 10 * (5 + 50), 30: 10 * (5 + 150), 55: 10 * (5 + 275)} {
		if got := r.Seconds[at].Recorded; got < want*85/100 || got > want*105/100 {
			t.Errorf("after %d s %d are recorded in a second, want some %d", at, got, want)
		}
	}
}

// A message that fails as often as its queue allows goes to the dead letters.
func TestDeadLetters(t *testing.T) {
	d := votes(Direct)
	d.Queues[0].Visibility, d.Queues[0].MaxReceives = 10*time.Second, 2
	limits := Defaults()
	limits.NewTableWrites = 100
	r := simulate(t, Forecast{d, constant(2000, time.Minute), limits, 1})
	if r.Dead == 0 || r.Recorded+r.Dead != r.Accepted {
		t.Errorf("of %d accepted %d are recorded and %d dead", r.Accepted, r.Recorded, r.Dead)
	}
}

func TestDesignRefuses(t *testing.T) {
	reserved := votes(URL)
	reserved.Functions[1].Reserved = 900
	lost := votes(URL)
	lost.Queues = nil
	for name, c := range map[string]struct {
		design Design
		want   string
	}{
		"no stages":        {Design{}, "no stages"},
		"no queue":         {lost, `no queue "votes"`},
		"reserves all":     {reserved, "reserve 902 of 1000 concurrent executions, and AWS keeps 100 unreserved"},
		"unknown function": {Design{Stages: []Stage{Publisher{Function: "publisher", Tick: time.Minute}}}, `no function "publisher"`},
	} {
		_, err := Forecast{c.design, constant(1, time.Minute), Defaults(), 1}.Run()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want one with %q", name, err, c.want)
		}
	}
}

func TestTimeline(t *testing.T) {
	r := &Result{Seconds: []Sample{{Arrived: 1, Waiting: 5}, {Arrived: 2, Waiting: 9}, {Arrived: 4, Waiting: 7}}}
	got, each := r.Timeline(2)
	if diff := cmp.Diff([]Sample{{Arrived: 3, Waiting: 9}, {Arrived: 4, Waiting: 7}}, got); diff != "" || each != 2*time.Second {
		t.Errorf("samples of %s: want -, have +:\n%s", each, diff)
	}
}

// Whoever does not see the chart can read it.
func TestChartIsAccessible(t *testing.T) {
	svg := simulate(t, Forecast{votes(URL), constant(100, time.Minute), Defaults(), 1}).SVG(`a <vote> & "more"`)
	for _, want := range []string{`role="img"`, `aria-labelledby="title desc"`, `<title id="title">a &lt;vote&gt; &amp; &#34;more&#34;</title>`, "The results never froze.", "within the grace"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the chart lacks %q", want)
		}
	}
	if strings.Contains(svg, "NaN") || len(svg) > 32<<10 {
		t.Errorf("the chart has %d bytes, or figures that are none", len(svg))
	}
}

// BenchmarkMillion is a million votes in ten minutes.
func BenchmarkMillion(b *testing.B) {
	for b.Loop() {
		f := Forecast{votes(URL), Burst(4000, 1600, 10*time.Minute, 30*time.Second, 0), Defaults(), 1}
		if _, err := f.Run(); err != nil {
			b.Fatal(err)
		}
	}
}

// upload is a design of a lister and a mapping of its stream.
func upload(rate int, lives time.Duration) Design {
	return Design{
		Functions: []Function{{Name: "lister", ColdStart: 100 * time.Millisecond}, {Name: "ingest"}},
		Queues:    []Queue{{Name: "files", Stream: true}},
		Tables:    []Table{{Name: "items"}},
		Stages: []Stage{
			Lister{Function: "lister", Page: 1000, Takes: 100 * time.Millisecond, Lives: lives, Stream: "files", Rate: rate},
			Mapping{Queue: "files", Function: "ingest", Shards: 2, Batch: 500, Each: 2 * time.Millisecond, Table: "items", Retry: Retry{Attempts: 50, Base: 100 * time.Millisecond, Most: 5 * time.Second}},
		},
		Grace: time.Hour,
	}
}

// A lister begins when the upload is over, lists so many files a second as pages
// and shards allow, and hands over what is left; a stream's batches are as many as
// from the beginning, and take as long as their messages.
func TestUpload(t *testing.T) {
	for name, c := range map[string]struct {
		design      Design
		least, most time.Duration
		held        bool
	}{
		// Two batches at once of 500 files in a second.
		"ingest is slowest":    {upload(0, time.Hour), 100 * time.Second, 102 * time.Second, false},
		"twelve calls to list": {upload(0, time.Second), 100 * time.Second, 102 * time.Second, false},
		"shards are slowest":   {upload(500, time.Hour), 198 * time.Second, 202 * time.Second, true},
	} {
		r := simulate(t, Forecast{c.design, constant(10_000, 10*time.Second), Defaults(), 1})
		if r.Recorded != r.Arrived || r.Accepted != r.Arrived || r.Arrived < 99_000 || r.Drains < c.least || r.Drains > c.most {
			t.Errorf("%s: %s (%s)", name, r.Summary(), r.Drains)
		}
		if r.PeakConcurrency != 3 || r.PeakByFunction["lister"] != 1 {
			t.Errorf("%s: %v at once, want one lister and two batches", name, r.PeakByFunction)
		}
		if held := r.Throttled(StreamWrites) > 0; held != c.held {
			t.Errorf("%s: the shards' throttles are %+v", name, r.Throttles)
		}
		if r.Seconds[5].Accepted+r.Seconds[9].Accepted > 0 {
			t.Errorf("%s: files were listed before the upload was over", name)
		}
	}
}
