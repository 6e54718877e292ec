package preflight

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// fixed are quotas of an account; asked counts the questions.
type fixed struct {
	all, unreserved, writes float64
	asked                   []string
}

func (f *fixed) Concurrency(context.Context) (Limit, float64) {
	f.asked = append(f.asked, Concurrency.Code)
	return Limit{f.all, "The test says so."}, f.unreserved
}

func (f *fixed) Limit(_ context.Context, q Quota) Limit {
	f.asked = append(f.asked, q.Code)
	return Limit{f.writes, "The test says so."}
}

// shape is a system of one function with a URL and one behind a queue.
type shape struct {
	rate                float64
	reserved, mapMax    int
	takes               time.Duration
	puts, gets          float64
	urlTakes            time.Duration
	reservedForConsumer int
	capacity            *blueprint.Capacity
	warm                blueprint.Throughput
	scaled              bool
}

func (s shape) blueprint() *blueprint.Blueprint {
	b := builder()
	queue := b.Queue("votes", blueprint.Queue{})
	table := b.Table("ballots", blueprint.Table{Key: "id", Capacity: s.capacity, Warm: s.warm})
	bucket := b.Bucket("results", blueprint.Bucket{})
	door := b.Function("intake", blueprint.Function{MemoryMB: 256, ReservedConcurrency: s.reserved})
	b.PublicURL("intake-url", door, []string{"POST"})
	f := b.Function("recorder", blueprint.Function{MemoryMB: 512, ReservedConcurrency: s.reservedForConsumer})
	m := b.Consume("recorder-votes", f, queue, blueprint.Batch{Size: 100, Window: time.Second, MaxConcurrency: s.mapMax, Scaled: s.scaled})
	// An hour at the mean rate of half the peak fills every batch.
	votes := blueprint.Load{Unit: "vote", Count: 1800 * s.rate, Over: time.Hour, Peak: s.rate}
	b.Event(blueprint.Event{Unit: "vote", Units: votes.Count, PerMonth: 1})
	b.PerEvent(votes, door.Invocations(1, s.urlTakes), queue.Sends(1, 100), m.Takes(votes, 100, s.takes),
		table.Puts(s.puts, 100), bucket.Gets(s.gets))
	return b.Blueprint()
}

// TestReservationsThatGrow: of what a system reserves, that which it has reserved
// already is no longer among what is left to the account, and the rest is.
func TestReservationsThatGrow(t *testing.T) {
	reserving := func(n int) *blueprint.Blueprint {
		return shape{rate: 100, takes: 50 * time.Millisecond, urlTakes: 10 * time.Millisecond, puts: 1, reserved: n}.blueprint()
	}
	for name, c := range map[string]struct {
		before, now int
		refused     bool
	}{
		"unchanged": {110, 110, false}, "a little more": {110, 210, false}, "too much more": {110, 211, true}, "less": {110, 50, false}, "none before": {0, 101, true},
	} {
		t.Run(name, func(t *testing.T) {
			have := Check(t.Context(), reserving(c.now), &fixed{all: 1000, unreserved: 200, writes: 40_000}, reserving(c.before))
			refused := len(have) == 1 && strings.Contains(have[0].Summary, "the reservations will be refused") && strings.Contains(have[0].Detail, "leaves 99 unreserved")
			if refused != c.refused || !c.refused && len(have) > 0 {
				t.Errorf("the warnings are %+v, refused should be %t", have, c.refused)
			}
		})
	}
}

func TestDemand(t *testing.T) {
	d := DemandOf(shape{rate: 4000, takes: 500 * time.Millisecond, urlTakes: 20 * time.Millisecond, puts: 1, gets: 2}.blueprint())
	near(t, "intake's calls", d.Functions["intake"].PerSecond, 4000)
	near(t, "intake's executions", d.Functions["intake"].Concurrency, 80)
	near(t, "recorder's calls", d.Functions["recorder"].PerSecond, 40)
	near(t, "recorder's executions", d.Functions["recorder"].Concurrency, 20)
	near(t, "writes", d.Tables["ballots"].Writes, 4000)
	near(t, "GETs", d.Buckets["results"].Gets, 8000)
	// A batch gathers for a second and is worked on for half of one.
	near(t, "in flight", d.InFlight["votes"], 6000)
}

func TestCheck(t *testing.T) {
	const ms = time.Millisecond
	calm := shape{rate: 1000, takes: 50 * ms, urlTakes: 10 * ms, puts: 1}
	with := func(change func(*shape)) shape {
		s := calm
		change(&s)
		return s
	}
	usual := fixed{all: 1000, unreserved: 1000, writes: 40_000}
	for name, c := range map[string]struct {
		shape  shape
		quotas fixed
		exists bool
		// want are the beginnings of the summaries, says what the details say, in
		// the same order.
		want, says []string
		asked      string
	}{
		"all is well": {calm, usual, false, nil, nil, "L-B99A9384"},
		"a new account": {
			calm, fixed{all: 10, unreserved: 10}, false,
			[]string{"Lambda concurrency: too little for the expected load"},
			// 1,000 requests a second need 100 executions; 10 batches a second of 50 ms one.
			[]string{`needs 101 executions at once (intake 100, recorder 1), and 10 of the account's 10 are there`}, "",
		},
		"a reservation that is refused": {
			with(func(s *shape) { s.reserved = 950 }), usual, false,
			[]string{"Lambda concurrency: the reservations will be refused"},
			[]string{`reserve 950 of the account's 1,000 concurrent executions, which leaves 50 unreserved, and AWS keeps 100`}, "",
		},
		"others have reserved": {
			with(func(s *shape) { s.reserved = 110 }), fixed{all: 1000, unreserved: 200}, false,
			[]string{"Lambda concurrency: the reservations will be refused"}, []string{`leaves 90 unreserved`}, "",
		},
		"its own reservation is there": {with(func(s *shape) { s.reserved = 110 }), fixed{all: 1000, unreserved: 200}, true, nil, nil, ""},
		"what is reserved is not known": {
			with(func(s *shape) { s.reserved = 910 }), fixed{all: 1000, unreserved: -1}, true,
			[]string{"Lambda concurrency: the reservations will be refused"}, []string{`leaves 90 unreserved`}, "",
		},
		"too few reserved for the URL": {
			with(func(s *shape) { s.reserved = 50 }), usual, false,
			[]string{`Function "intake" reserves too little`}, []string{`needs 100 executions at once, and 50 are reserved for it. A function URL takes 10 requests a second`}, "",
		},
		"slow requests count by their duration": {
			with(func(s *shape) { s.urlTakes, s.reserved = 200*ms, 150 }), usual, false,
			[]string{`Function "intake" reserves too little`}, []string{`needs 200 executions`}, "",
		},
		"too few reserved for the consumer": {
			with(func(s *shape) { s.takes, s.reservedForConsumer = 2*time.Second, 10 }), usual, false,
			[]string{`Function "recorder" reserves too little`}, []string{`needs 20 executions at once, and 10 are reserved for it. Calls above that are refused, and messages wait`}, "",
		},
		"the mapping's own bound": {
			with(func(s *shape) { s.takes, s.mapMax = 2*time.Second, 10 }), usual, false,
			[]string{`Mapping "recorder-votes": too few batches`}, []string{`needs 20 executions at once to keep up with queue "votes", and the mapping allows 10`}, "",
		},
		"the pollers' ramp": {
			with(func(s *shape) { s.rate, s.takes, s.puts = 4000, 10*time.Second, 0 }), fixed{all: 10_000, unreserved: 10_000}, false,
			[]string{`Mapping "recorder-votes": its pollers grow`}, []string{`needs 400 executions at once to keep up with queue "votes". Lambda begins with 5 and adds 300 a minute, so messages wait for up to 2 minutes`}, "",
		},
		"more than pollers can": {
			with(func(s *shape) { s.rate, s.takes, s.puts = 12_000, 10*time.Second, 0 }), fixed{all: 10_000, unreserved: 10_000}, false,
			[]string{`Mapping "recorder-votes": too few batches`, `Queue "votes": too many messages in flight`},
			[]string{`needs 1,200 executions at once to keep up with queue "votes", and the mapping allows 1,000`, `132,000 messages are received and not yet deleted at the greatest rate, and a standard queue holds about 120,000`}, "",
		},
		"a new table": {
			with(func(s *shape) { s.puts = 5 }), usual, false,
			[]string{`DynamoDB table "ballots": a new table carries fewer write units`}, []string{`needs 5,000 write units a second. This table, when new, carries 4,000`}, "L-B99A9384",
		},
		"a warm table": {
			with(func(s *shape) { s.puts, s.warm.Writes = 5, 5000 }), usual, false, nil, nil, "L-B99A9384",
		},
		"a provisioned table": {
			with(func(s *shape) {
				s.puts, s.capacity = 5, &blueprint.Capacity{Throughput: blueprint.Throughput{Reads: 1, Writes: 4999}}
			}), usual, false,
			[]string{`DynamoDB table "ballots": too little write capacity`}, []string{`needs 5,000 write units a second, and the table is provisioned with 4,999`}, "L-B99A9384",
		},
		"a scaled table": {
			with(func(s *shape) {
				s.puts, s.capacity = 5, &blueprint.Capacity{Throughput: blueprint.Throughput{Reads: 1, Writes: 1}, Scaled: true}
			}), usual, false,
			nil, nil, "L-B99A9384",
		},
		"a scaled mapping": {
			with(func(s *shape) { s.takes, s.mapMax, s.scaled = 2*time.Second, 10, true }), usual, false, nil, nil, "L-B99A9384",
		},
		"the table's quota": {
			with(func(s *shape) { s.puts = 41 }), usual, false,
			[]string{`DynamoDB table "ballots": too few write units`},
			[]string{`needs 41,000 write units a second, and the account allows 40,000 a table. Requests above are throttled and tried again; what comes by a queue waits there. Ask for a higher quota (Service Quotas, dynamodb, "Table-level write throughput limit", L-AB614373) well before the event. The test says so.`},
			"L-B99A9384 L-AB614373",
		},
		"a raised quota": {
			with(func(s *shape) { s.puts = 41 }), fixed{all: 1000, unreserved: 1000, writes: 80_000}, false,
			[]string{`DynamoDB table "ballots": a new table carries fewer`}, []string{`needs 41,000 write units`}, "L-B99A9384 L-AB614373",
		},
		"a public bucket": {
			with(func(s *shape) { s.gets = 6 }), usual, false,
			[]string{`S3 bucket "results": too many GET requests`}, []string{`needs 6,000 GET requests a second, and a prefix carries 5,500. Those above get status 503 (Slow Down) until S3 has grown, which takes minutes. Put a CDN`}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			quotas := c.quotas
			var applied *blueprint.Blueprint
			if c.exists {
				applied = c.shape.blueprint()
			}
			have := Check(t.Context(), c.shape.blueprint(), &quotas, applied)
			if len(have) != len(c.want) {
				t.Fatalf("there are %d warnings, want %d: %q", len(have), len(c.want), have)
			}
			for i, w := range have {
				if !strings.HasPrefix(w.Summary, c.want[i]) {
					t.Errorf("the summary is %q, want %q", w.Summary, c.want[i])
				}
				if !strings.Contains(w.Detail, c.says[i]) {
					t.Errorf("the detail is %q, should say %q", w.Detail, c.says[i])
				}
			}
			if c.asked != "" && strings.Join(quotas.asked, " ") != c.asked {
				t.Errorf("asked for %q, want %q", quotas.asked, c.asked)
			}
		})
	}
}

// TestCheckOfDistribution: what an edge answers, the bucket need not carry.
func TestCheckOfDistribution(t *testing.T) {
	for name, c := range map[string]struct {
		views, bytes, hits float64
		want, says         []string
	}{
		"an audience":           {200_000, 1000, 0.99, nil, nil},
		"too large an audience": {300_000, 1000, 0.99, []string{`CloudFront distribution "cdn": too many requests`}, []string{"needs 300,000 requests a second, and a distribution carries 250,000"}},
		"large answers":         {20_000, 1e6, 0.99, []string{`CloudFront distribution "cdn": too many bits`}, []string{"needs 160,000,000,000 bits a second"}},
		"nothing is kept":       {6000, 1000, 0, []string{`S3 bucket "pages": too many GET requests`}, []string{"needs 6,000 GET requests a second"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := builder()
			d := b.Distribution("cdn", blueprint.Distribution{Origin: b.Bucket("pages", blueprint.Bucket{Origin: true})})
			views := blueprint.Load{Unit: "view", Count: c.views, Over: time.Second}
			b.Event(blueprint.Event{Unit: "view", Units: views.Count, PerMonth: 1})
			b.PerEvent(views, d.Serves(1, c.bytes, c.hits))
			have := Check(t.Context(), b.Blueprint(), &fixed{all: 1000, unreserved: 1000}, nil)
			if len(have) != len(c.want) {
				t.Fatalf("there are %d warnings, want %d: %q", len(have), len(c.want), have)
			}
			for i, w := range have {
				if !strings.HasPrefix(w.Summary, c.want[i]) || !strings.Contains(w.Detail, c.says[i]) {
					t.Errorf("the warning is %q", w)
				}
			}
		})
	}
}

func TestCheckAsksNothingWithoutLoad(t *testing.T) {
	quotas := &fixed{}
	if have := Check(t.Context(), system(false), quotas, nil); have != nil || quotas.asked != nil {
		t.Errorf("without a load there are warnings %q, and quotas asked for: %q", have, quotas.asked)
	}
}

func TestNumber(t *testing.T) {
	for f, want := range map[float64]string{0: "0", 7: "7", 7.2: "8", 999: "999", 1000: "1,000", 1234567: "1,234,567", 400.0000001: "400", -90: "-90", -1234: "-1,234"} {
		if have := number(f); have != want {
			t.Errorf("%g is written %q, want %q", f, have, want)
		}
	}
}

// A stream's shards bound how many batches of it are worked on at once.
func TestShards(t *testing.T) {
	for name, c := range map[string]struct {
		shards, parallel int
		takes            time.Duration
		want             []string
	}{
		"enough":                {2, 5, 9 * time.Second, nil},
		"too few":               {2, 4, 9 * time.Second, []string{`Mapping "ingest-files": too few batches at once`, `"ingest" needs 9 executions at once to keep up with stream "files", and its 2 shards with a parallelization factor of 4 allow 8`}},
		"on demand":             {0, 1, 9 * time.Second, nil},
		"more than queues have": {500, 1, 400 * time.Second, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := builder()
			stream := b.Stream("files", blueprint.Stream{Shards: c.shards})
			f := b.Function("ingest", blueprint.Function{MemoryMB: 512})
			m := b.ConsumeStream("ingest-files", f, stream, blueprint.StreamBatch{Size: 10, Parallel: c.parallel})
			b.Event(blueprint.Event{Unit: "file", Units: 36_000, PerMonth: 1})
			b.PerEvent(blueprint.Load{Unit: "file", Count: 36_000, Over: time.Hour}, stream.Puts(1, 100), m.Takes(10, c.takes))
			got := Check(t.Context(), b.Blueprint(), &fixed{all: 10_000, unreserved: 10_000}, nil)
			if len(c.want) == 0 && len(got) > 0 || len(c.want) > 0 && len(got) != 1 {
				t.Fatalf("warned of %+v", got)
			}
			for _, want := range c.want {
				if text := got[0].Summary + got[0].Detail; !strings.Contains(text, want) {
					t.Errorf("warned is %s, want %s", text, want)
				}
			}
		})
	}
}
