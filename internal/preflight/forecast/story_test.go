package forecast

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// An assumed figure of the published vote that this test is about: it ran in
// 2018, and its account does not tell this.
type assumed struct {
	name, unit string
	value      float64
	source     string
}

const (
	intakeCall = iota
	workerRound
	perWorker
	workerLife
	clearing
	scaling
	sdkAttempts
	coldStarts
	asyncWait
)

var assumptions = []assumed{
	intakeCall:  {"a call of intake takes", "ms", 600, "a function of the least memory, 128 MB, has 7 % of a processor (1,769 MB have one), and makes a client, a TLS connection and a signed request: some 40 ms of work. More would not fit the bill, see below"},
	workerRound: {"a worker receives, writes and deletes ten messages in", "ms", 1500, "the same 7 %: one receive, ten writes and ten deletes on connections that are open, some 70 ms each"},
	perWorker:   {"one worker is started for waiting messages, each", "messages", 120, "\"proportional to the number of messages\": twelve receives of ten, 18 s of work; of the order that one generator may not exhaust the account"},
	workerLife:  {"a worker goes on while there are messages, at most for", "s", 300, "Lambda's longest time-out until October 2018"},
	clearing:    {"the table's capacity is set to write what waits in", "s", 120, "the two minutes that the account gives trailing votes"},
	scaling:     {"a change of the table's capacity takes", "s", 60, "DynamoDB FAQ: an increase typically takes from minutes to hours"},
	sdkAttempts: {"a throttled write is tried, in all", "times", 11, "the SDKs' default for DynamoDB in 2018: ten retries from 50 ms, doubling"},
	coldStarts:  {"a cold start takes", "ms", 1000, "an SDK loaded with 7 % of a processor"},
	asyncWait:   {"a refused call of a schedule or of the orchestrator is tried again after", "s", 1, "Lambda Developer Guide of today, then doubling"},
}

// story is the design of the account: an API before a function, an orchestrator
// that scales a table and starts workers each minute, and a publisher without a
// reservation.
func story(change int, factor float64) Design {
	of := func(i int) float64 {
		v := assumptions[i].value
		if i == change {
			v *= factor
		}
		return v
	}
	in := func(i int) time.Duration {
		unit := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second}[assumptions[i].unit]
		return time.Duration(of(i) * float64(unit))
	}
	d := Design{
		Queues:     []Queue{{Name: "votes", Visibility: 30 * time.Second}},
		Tables:     []Table{{Name: "votes", Units: 5}},
		Grace:      2 * time.Minute,
		AsyncRetry: in(asyncWait),
	}
	for _, name := range []string{"intake", "orchestrator", "worker", "publisher"} {
		d.Functions = append(d.Functions, Function{Name: name, ColdStart: in(coldStarts)})
	}
	d.Stages = []Stage{
		Door{Kind: API, Function: "intake", Takes: in(intakeCall), Queue: "votes"},
		starter{
			Function: "orchestrator", Every: time.Minute, Queue: "votes", Table: "votes",
			Clear: in(clearing), LeastUnits: 5, Scales: in(scaling),
			Workers: starterWorkers{
				Function: "worker", Per: int(of(perWorker)), Round: in(workerRound), Lives: in(workerLife),
				Retry: Retry{Attempts: int(of(sdkAttempts)), Base: 50 * time.Millisecond, Most: lastWrite},
			},
		},
		Publisher{Function: "publisher", Tick: time.Minute, Every: 5 * time.Second, Lives: time.Minute},
	}
	return d
}

// lastWrite is the longest wait that ten retries from 50 ms reach.
const lastWrite = 50 * time.Millisecond << 9

// generators are so many machines, each of which sends 250,000 requests in ten
// minutes.
func generators(n int) Curve {
	const each = 250_000
	return Curve{{0, float64(n*each) / 600}, {10 * time.Minute, float64(n*each) / 600}}
}

const storySeeds = 11

// freezes are when the results froze, in the order of time, of the seeds for
// which they did.
func freezes(t *testing.T, d Design, arrivals Curve) []time.Duration {
	t.Helper()
	var out []time.Duration
	for seed := range uint64(storySeeds) {
		if r := simulate(t, Forecast{d, arrivals, Defaults(), seed}); r.FrozenAt >= 0 {
			out = append(out, r.FrozenAt)
		}
	}
	slices.Sort(out)
	return out
}

func simulate(t *testing.T, f Forecast) *Result {
	t.Helper()
	r, err := f.Run()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var update = flag.Bool("update", false, "write the guide's table and picture anew")

// drawn is the seed whose results freeze at the median.
const drawn = 6

// What one generator could not do and two did: the results freeze about five
// minutes after the opening, when workers and intake have used up the account's
// concurrency. With one they stand at most as late as the seventh minute.
func TestStoryFreezes(t *testing.T) {
	two := freezes(t, story(-1, 1), generators(2))
	if len(two) < storySeeds*3/4 {
		t.Errorf("the results freeze with %d of %d seeds only: %v", len(two), storySeeds, two)
	}
	if at := median(two); at < 4*time.Minute+45*time.Second || at > 5*time.Minute+45*time.Second {
		t.Errorf("the results freeze %s after the opening, want about five minutes", at)
	}
	one := freezes(t, story(-1, 1), generators(1))
	if len(one) > storySeeds/4 || len(one) > 0 && one[0] < 6*time.Minute {
		t.Errorf("one generator freezes the results: %v", one)
	}
	r := simulate(t, Forecast{story(-1, 1), generators(2), Defaults(), drawn})
	if r.FrozenAt != median(two) {
		t.Errorf("the picture's seed freezes at %s, the median at %s: choose another", r.FrozenAt, median(two))
	}
	if r.PeakConcurrency != 1000 || r.Throttled(LambdaConcurrency) == 0 {
		t.Errorf("the cause is not the concurrency: %d executions at once, %+v", r.PeakConcurrency, r.Throttles)
	}
	// The same with a reservation for the publisher alone.
	d := story(-1, 1)
	d.Functions[3].Reserved = 2
	if frozen := freezes(t, d, generators(2)); len(frozen) > 0 {
		t.Errorf("results freeze in spite of the publisher's reservation: %v", frozen)
	}
}

func median(of []time.Duration) time.Duration {
	if len(of) == 0 {
		return -1
	}
	return of[len(of)/2]
}

// The bill of the account bounds what a call of intake may have taken: $32 for
// an API at $3.50 a million are 9.1 million requests, and $8 for Lambda at
// $0.20 a million and $0.0000166667 a GB-second, with a month's 400,000 GB-seconds
// and a million requests free, is what these at 128 MB may have come to.
func TestStoryFitsItsBill(t *testing.T) {
	requests := 32 / 3.50 * 1e6
	seconds := requests * assumptions[intakeCall].value / 1000
	bill := (requests-1e6)/1e6*0.20 + (seconds*128/1024-400_000)*0.0000166667
	if bill < 6 || bill > 8 {
		t.Errorf("the calls of intake alone come to $%.2f, the account's bill is $8 with the workers", bill)
	}
}

var tables = regexp.MustCompile(`(?s)(<!-- assumptions of the published vote -->\n).*?(<!-- end of assumptions -->)`)

// TestGoldenStory draws the published vote and writes its assumptions, with what
// becomes of the freeze where each is half or double, into the guide.
func TestGoldenStory(t *testing.T) {
	r := simulate(t, Forecast{story(-1, 1), generators(2), Defaults(), drawn})
	golden(t, filepath.Join("..", "..", "..", "docs", "images", "forecast-published-vote.svg"), func(string) string {
		return r.SVG("The published vote of 2018: half a million requests in ten minutes")
	})
	golden(t, filepath.Join("..", "..", "..", "docs", "guides", "burst-forecast.md"), func(guide string) string {
		if !tables.MatchString(guide) {
			t.Fatal("the guide has no place for the assumptions of the published vote")
		}
		return tables.ReplaceAllString(guide, "${1}\n"+sensitivity(t)+"\n${2}")
	})
}

func golden(t *testing.T, file string, want func(have string) string) {
	t.Helper()
	have, err := os.ReadFile(file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	text := want(string(have))
	if text == string(have) {
		return
	}
	if !*update {
		t.Errorf("%s is not as computed: run \"make generate\"", file)
		return
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sensitivity is the table of assumptions.
func sensitivity(t *testing.T) string {
	t.Helper()
	cell := func(change int, factor float64) string {
		found := freezes(t, story(change, factor), generators(2))
		if len(found) == 0 {
			return "never"
		}
		return fmt.Sprintf("%s (%d of %d)", clock(median(found)), len(found), storySeeds)
	}
	var b strings.Builder
	b.WriteString("| assumed | figure | why | freezes with half | as assumed | with double |\n|---|---:|---|---:|---:|---:|\n")
	as := cell(-1, 1)
	for i, a := range assumptions {
		fmt.Fprintf(&b, "| %s | %g %s | %s | %s | %s | %s |\n", a.name, a.value, a.unit, a.source, cell(i, 0.5), as, cell(i, 2))
	}
	return b.String()
}
