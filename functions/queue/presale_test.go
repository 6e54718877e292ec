package queue_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

var update = flag.Bool("update", false, "write testdata/presale.json anew")

// presaleFile is what a presale made AWS do, for whoever estimates what one costs.
const presaleFile = "testdata/presale.json"

// metering is presaleFile.
type metering struct {
	Fans     int                `json:"fans"`
	Admitted int                `json:"admitted"`
	Seconds  int                `json:"seconds"` // From the opening to the closing.
	Windows  int                `json:"windows"`
	Counts   map[string]float64 `json:"counts"` // By part and unit.
	// Bytes are the mean sizes of bodies.
	Bytes map[string]float64 `json:"bytes"`
}

const (
	presaleFans    = 20_000
	presaleJoins   = 2000 // A second.
	presaleSeconds = 20 * 60
	presaleWindows = 400
	presaleRate    = 2 // Calls a second: about a tenth of the fans.
	buying         = 180 * time.Second
)

// visitor is a fan at the page, which asks by the rules of the client (internal/site/queue/client/schedule.ts). Times are milliseconds.
type visitor struct {
	ticket               string
	joins                int64
	looks                int
	answer               turned
	statusRead, turnRead int64
	nextStatus, nextTurn int64
	claimed              int64
	over                 bool
}

// presale is a sale to which all come in the first seconds, wait, and are called or leave when it is sold out.
type presale struct {
	*world
	t        *testing.T
	random   *rand.Rand
	visitors []visitor
	meters   map[string]*meter // By function.
	page     *meter
	bytes    map[string][2]float64 // Sum and number.
	join     *queue.Join
	turn     *queue.Turn
	service  *queue.Service
	shown    queue.Status
	admitted int
}

// storeOf is the store of a function, whose calls are metered.
func (p *presale) storeOf(function string) *queue.Store {
	if p.meters[function] == nil {
		p.meters[function] = newMeter()
	}
	return (&metered{p.memory, p.meters[function]}).store()
}

func (p *presale) sized(what string, body string) {
	sum := p.bytes[what]
	p.bytes[what] = [2]float64{sum[0] + float64(len(body)), sum[1] + 1}
}

func newPresale(t *testing.T, s queue.Sale) *presale {
	p := &presale{
		world: newWorld(s.OpensAt, s), t: t, random: rand.New(rand.NewPCG(1, 2)), visitors: make([]visitor, presaleFans), meters: map[string]*meter{}, page: newMeter(), bytes: map[string][2]float64{},
	}
	key := make(queue.Key, queue.KeyBytes)
	sales := func(function string) *queue.Sales {
		return &queue.Sales{Store: p.storeOf(function), Clock: p.clock}
	}
	p.join = &queue.Join{Sales: sales("join"), Key: key, Queue: joinsQueue{p.world}, Clock: p.clock, Log: discard}
	p.join.Watching = &queue.Watching{Objects: published{}, Store: p.storeOf("join"), Clock: p.clock, Log: discard}
	p.turn = &queue.Turn{Sales: sales("turn"), Store: p.storeOf("turn"), Key: key, Passes: passes{}, Clock: p.clock, Log: discard}
	p.service = &queue.Service{Sales: sales("service"), Store: p.storeOf("service"), Key: key, Passes: passes{}, Clock: p.clock, Log: discard}
	return p
}

// published is a bucket with credentials of AWS's length.
type published struct{}

func (published) GetObject(context.Context, string) ([]byte, error) {
	token := make([]byte, 1650*6/8) // In base64.
	_, _ = rand.NewChaCha8([32]byte{}).Read(token)
	return []byte(`{"access_key_id":"ASIAIOSFODNN7EXAMPLE","secret_access_key":"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY","session_token":"` + base64.StdEncoding.EncodeToString(token) +
		`","expires_at":"2027-05-01T18:00:00Z","table":"presale-status-0a1b2c","shards":8,"region":"us-east-1"}`), nil
}

// WriteOf implements queue.Board: the page reads what it says.
func (p *presale) WriteOf(_ context.Context, _, text string) error {
	p.page.add("status shows", 1)
	p.sized("line of the status", text)
	return nil
}

// comes lets a fan open the page and join.
func (p *presale) comes(n int) {
	v := &p.visitors[n]
	p.page.add("visits", 1)
	request := post(`{"sale":"gig","nonce":"` + nonceOf(n) + `","attempt":0,"watch":true}`)
	request.Headers = map[string]string{"accept-encoding": "gzip, deflate, br"}
	response, err := p.join.Handle(context.Background(), request)
	if err != nil || response.StatusCode != 202 {
		p.t.Fatalf("%+v %v", response, err)
	}
	p.page.add("joins", 1)
	body, plain := bodyOf(p.t, response)
	p.sized("join", body)
	var answer struct{ Ticket string }
	if err := json.Unmarshal(plain, &answer); err != nil {
		p.t.Fatal(err)
	}
	now := p.clock.at.Load()
	*v = visitor{ticket: answer.Ticket, joins: now, statusRead: now, nextTurn: now + 2000 + int64(6000*p.random.Float64()), nextStatus: math.MaxInt64}
}

// places lets placers take all joins, in batches as full as a mapping makes them.
func (p *presale) places() {
	placer := placerOf(p.memory, p.clock)
	placer.Store, placer.Sales.Store = p.storeOf("placer"), p.storeOf("placer")
	for len(p.joins) > 0 {
		batch := p.joins[:min(100, len(p.joins))]
		p.joins = p.joins[len(batch):]
		if failed := place(p.t, placer, context.Background(), batch...); len(failed) > 0 {
			p.t.Fatal(failed)
		}
		p.page.add("placer calls", 1)
	}
}

func (p *presale) asks(v *visitor, do string) {
	request, err := json.Marshal(map[string]string{"ticket": v.ticket, "do": do})
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := p.turn.Handle(context.Background(), post(string(request)))
	if err != nil || response.StatusCode != 200 {
		p.t.Fatalf("%+v %v", response, err)
	}
	v.answer = turned{}
	if err := json.Unmarshal([]byte(response.Body), &v.answer); err != nil {
		p.t.Fatal(err)
	}
	what := v.answer.State
	if what == "waiting" && v.looks == 0 {
		what = "look for a place"
	}
	p.page.add("turn "+what, 1)
	p.sized("turn "+what, response.Body)
	v.looks++
	v.turnRead = p.clock.at.Load()
}

// later is after a span, with a tenth of chance.
func (p *presale) later(from int64, seconds float64) int64 {
	return from + int64(seconds*1000*(1+0.1*p.random.Float64()))
}

// plans says when a fan asks next, as nextTurn and nextStatus of the client.
func (p *presale) plans(v *visitor) {
	v.nextStatus, v.nextTurn = math.MaxInt64, math.MaxInt64
	switch {
	case v.answer.State == "called" || v.answer.State == "claimed":
		v.nextTurn = p.later(v.turnRead, 60)
	case v.answer.Place == 0:
		v.nextTurn = p.later(v.turnRead, 5)
	default:
		at := queue.Place{Line: v.answer.Line, Place: v.answer.Place}
		ahead := p.shown.Ahead(at)
		if ahead == 0 || ahead < p.shown.Near {
			v.nextTurn, v.nextStatus = p.later(v.turnRead, float64(v.answer.Ask)), p.later(v.statusRead, 60)
		} else {
			v.nextStatus = p.later(v.statusRead, float64(p.shown.AskAt(at)))
		}
	}
}

// acts lets a fan do what is due.
func (p *presale) acts(v *visitor) {
	now := p.clock.at.Load()
	if v.nextStatus <= now {
		p.page.add("polls", 1)
		v.statusRead = now
	}
	switch {
	case v.claimed != 0 && now >= v.claimed+buying.Milliseconds():
		response, err := p.service.Handle(context.Background(), post(map[string]string{"token": v.answer.Token, "do": queue.Release}))
		if err != nil || response.StatusCode != 200 {
			p.t.Fatalf("%+v %v", response, err)
		}
		p.page.add("service calls", 1)
		v.over = true
		return
	case v.nextTurn <= now:
		p.asks(v, queue.Look)
		if v.answer.State == "called" {
			p.asks(v, queue.Claim)
			v.claimed = now
			p.admitted++
		}
	case v.nextStatus > now:
		return
	}
	p.plans(v)
}

// TestPresale meters a presale, through the real handlers: what a fan, an admission and a second cost is as testdata/presale.json says, by which the
// cost estimate is tested.
func TestPresale(t *testing.T) {
	s := sale()
	s.Windows, s.Rate, s.Heartbeat, s.ClaimTTL, s.WindowTTL = presaleWindows, presaleRate, 60, 180, 600
	s.ClosesAt = s.OpensAt + presaleSeconds*1000
	p := newPresale(t, s)
	keeper := p.keeper("k")
	keeper.Store, keeper.Shards, keeper.Board = p.storeOf("keeper"), 4, p
	p.failOf = func(call string) fault {
		if call == "put object" {
			p.page.add("objects written", 1)
		}
		return fine
	}
	for second := range presaleSeconds {
		for n := second * presaleJoins; n < min((second+1)*presaleJoins, presaleFans); n++ {
			p.comes(n)
		}
		p.places()
		p.mustLead(t, keeper)
		if second%2 == 0 {
			shown, err := p.memory.store().ReadStatus(t.Context(), s.ID, 0)
			if err != nil {
				t.Fatal(err)
			}
			p.shown = shown
		}
		for n := range p.visitors {
			if v := &p.visitors[n]; v.ticket != "" && !v.over {
				p.acts(v)
			}
		}
		p.clock.pass(time.Second)
	}
	// Who is in the shop at the closing buys.
	for range int(buying.Seconds()) + 1 {
		for n := range p.visitors {
			if v := &p.visitors[n]; v.claimed != 0 && !v.over {
				p.acts(v)
			}
		}
		p.clock.pass(time.Second)
	}
	got := p.result()
	if *update {
		text, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(presaleFile, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var want metering
	text, err := os.ReadFile(presaleFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if have, stated := len(got.Counts), len(want.Counts); have != stated || got.Admitted != want.Admitted {
		t.Errorf("%d counts and %d admitted, %s has %d and %d", have, got.Admitted, presaleFile, stated, want.Admitted)
	}
	for what, n := range got.Counts {
		if math.Abs(n-want.Counts[what]) > 0.02*want.Counts[what]+1 {
			t.Errorf("%s: %g, %s says %g; if that is meant, run the test with -update", what, n, presaleFile, want.Counts[what])
		}
	}
}

// result is what was metered.
func (p *presale) result() metering {
	m := metering{Fans: presaleFans, Admitted: p.admitted, Seconds: presaleSeconds, Windows: presaleWindows, Counts: p.page.counts, Bytes: map[string]float64{}}
	for function, meter := range p.meters {
		for what, n := range meter.counts {
			m.Counts[function+": "+what] = n
		}
	}
	for what, sum := range p.bytes {
		m.Bytes[what] = math.Round(sum[0] / sum[1])
	}
	return m
}
