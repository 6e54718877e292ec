package queue_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb/dynamodbtest"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

// Each call of a keeper's round is where it dies, before or after it took effect, or where it is frozen while others go on: a second keeper that believes to hold the
// lease, fans who claim, leave and buy, time in which windows run out. Whatever happens in between, the rules hold, and in the end everybody was called.
func TestEveryInterleavingOfTwoKeepers(t *testing.T) {
	type act func(t tester, w *world, other *queue.Keeper)
	round := func(t tester, w *world, other *queue.Keeper) { w.mustLead(t, other) }
	passed := func(_ tester, w *world, _ *queue.Keeper) { w.clock.pass(61 * time.Second) }
	meanwhile := map[string][]act{
		"nothing": nil, "a round": {round}, "a round, and time": {round, passed}, "time, and a round": {passed, round},
		"two rounds in time": {round, passed, round},
		"fans act, and a round": {func(t tester, w *world, _ *queue.Keeper) {
			turn := w.turn()
			w.ask(t, context.Background(), turn, 1, 0, queue.Claim)
			w.ask(t, context.Background(), turn, 2, 0, queue.Leave)
			w.ask(t, context.Background(), turn, 4, 0, queue.Leave)
		}, round},
		"a new fan, and a round": {func(t tester, w *world, _ *queue.Keeper) { w.mustPlace(t, 0, 6) }, round},
		// 7's block and 8's record were on the way when the keepers came by.
		"slow placers arrive, and a round": {arrive, round},
	}
	for name, acts := range meanwhile {
		for _, end := range []string{"goes on", "dies", "dies, and it took effect"} {
			longest := 0
			for at := range 68 { // Each call four times: with a rate and without, by a keeper that remembers and by one that does not.
				two := sale()
				two.Windows, two.ClaimTTL = 2, queue.MinTTL
				if at%4 > 1 {
					two.Rate = 0.5
				}
				w := newWorld(200_000, two)
				a, b := w.keeper("a"), w.keeper("b")
				w.mustPlace(t, 0, 1)
				for range 2 {
					if _, _, err := w.store().TakeRange(t.Context(), "gig", "queue", 1); err != nil {
						t.Fatal(err)
					}
				}
				eight := queue.Block{Sale: "gig", Line: "queue", Number: 3, First: 3, Fans: []string{fanOf(8)}, At: 200_000}
				if err := w.store().PutBlock(t.Context(), eight); err != nil {
					t.Fatal(err)
				}
				w.mustPlace(t, 0, 2)
				w.mustLead(t, a)
				w.mustPlace(t, 0, 3, 4, 5)
				w.clock.pass(4 * time.Second)
				w.ask(t, t.Context(), w.turn(), 1, 0, queue.Leave)
				if at%2 == 0 {
					a = w.keeper("c")
				}
				life := &life{at: at/4 + 1, then: func() {
					for _, act := range acts {
						act(t, w, b)
						w.checkWindows(t, 2)
					}
				}}
				if end != "goes on" {
					life.dies, life.lost = life.at, end != "dies"
				}
				_ = w.lead(life.of(context.Background()), a)
				longest = max(longest, life.calls)
				w.checkWindows(t, 2)
				if w.fan(t, 7).Place == 0 && w.clock.at.Load() < 220_000 {
					arrive(t, w, b)
				}
				w.finish(t, b, fmt.Sprintf("%s at call %d, which %s", name, at/4+1, end), 2, two.Rate)
			}
			if longest < 8 || longest > 17 {
				t.Errorf("%s: a round has %d calls; all of them are to be tried", name, longest)
			}
		}
	}
}

// arrive writes what slow placers were about to.
func arrive(t tester, w *world, _ *queue.Keeper) {
	ctx, store := context.Background(), w.store()
	if err := store.PutBlock(ctx, queue.Block{Sale: "gig", Line: "queue", Number: 2, First: 2, Fans: []string{fanOf(7)}, At: 200_000}); err != nil {
		t.Fatal(err)
	}
	_, err := store.InsertFans(ctx, []queue.Fan{
		{Sale: "gig", ID: fanOf(7), Line: "queue", Place: 2, Joined: 200_000}, {Sale: "gig", ID: fanOf(8), Line: "queue", Place: 3, Joined: 200_000},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// finish lets one keeper go on until everybody who waits was called, and checks that it comes to that in the time that windows and rate take.
func (w *world) finish(t tester, k *queue.Keeper, where string, windows int, rate float64) {
	t.Helper()
	waits := func() (waiting []string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for key, item := range w.tables["fans"] {
			if item["called"].Int() == 0 && item["done"].Text() == "" {
				waiting = append(waiting, key)
			}
		}
		return waiting
	}
	left := len(waits())
	rounds := 40 + left*361/windows // Placers are over, and each window is held for its time, claimed or not.
	if rate > 0 {
		rounds += int(float64(left) / rate)
	}
	for range rounds {
		if len(waits()) == 0 {
			break
		}
		w.mustLead(t, k)
		w.checkWindows(t, windows)
		w.clock.pass(time.Second)
	}
	if waiting := waits(); len(waiting) > 0 {
		progress, _ := w.store().ReadProgress(context.Background(), "gig")
		t.Fatalf("%s: %v were never called; %+v", where, waiting, progress)
	}
}

// machine is a sale with everything that can happen to it.
type machine struct {
	*world
	t       *rapid.T
	sale    queue.Sale
	keepers []*queue.Keeper
	fans    map[int]int // Attempt by fan.
	windows int         // The most that there were since the present ones may have been called.
	// places are those that fans had, by fan and attempt.
	places map[string]string
	calls  map[string]bool // Fan, attempt and time of each call.
	began  int64
	luck   uint64
	faults int
}

func (m *machine) chance(percent int) bool {
	m.luck = m.luck*6364136223846793005 + 1442695040888963407
	return int(m.luck>>33%100) < percent
}

// check proves the rules after each step.
func (m *machine) check() {
	m.checkWindows(m.t, m.windows)
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, item := range m.tables["fans"] {
		fan := fmt.Sprint(key, " ", dynamodbtest.Plain(item["attempt"]))
		place := dynamodbtest.Plain(item["line"]) + " " + dynamodbtest.Plain(item["place"])
		if was := m.places[fan]; was != "" && was != place {
			m.t.Fatalf("%s had %s, and has %s", fan, was, place)
		}
		m.places[fan] = place
		if called := item["called"].Int(); called != 0 {
			m.calls[fan+" "+strconv.FormatInt(called, 10)] = true
		}
	}
	if seconds := float64(m.clock.at.Load()-m.began) / 1000; m.sale.Rate > 0 && float64(len(m.calls)) > m.sale.Rate*seconds+m.sale.Rate+1 {
		m.t.Fatalf("%d called in %g s at a rate of %g", len(m.calls), seconds, m.sale.Rate)
	}
}

// life is one that may die or be frozen, while something else happens.
func (m *machine) life(depth int) context.Context {
	l := &life{}
	switch rapid.IntRange(0, 3).Draw(m.t, "life") {
	case 1:
		l.dies, l.lost = rapid.IntRange(1, 20).Draw(m.t, "dies"), rapid.Bool().Draw(m.t, "lost")
	case 2:
		if depth > 0 {
			l.at, l.then = rapid.IntRange(1, 15).Draw(m.t, "frozen"), func() { m.step(depth - 1) }
		}
	}
	return l.of(context.Background())
}

func (m *machine) step(depth int) {
	t := m.t
	number := func() int { return rapid.IntRange(1, 12).Draw(t, "fan") }
	switch rapid.IntRange(0, 13).Draw(t, "step") {
	case 0, 1, 2:
		at := rapid.IntRange(0, len(m.keepers)-1).Draw(t, "keeper")
		keeper := m.keepers[at]
		m.keepers[at] = m.keeper("c") // Who is at work in a round does no other one meanwhile.
		_ = m.lead(m.life(depth), keeper)
		m.keepers[at] = keeper
	case 3, 4:
		m.clock.pass(time.Duration(rapid.SampledFrom([]int{1, 5, 20, 61, 301}).Draw(t, "seconds")) * time.Second)
	case 5, 6:
		n := number()
		if _, in := m.fans[n]; !in {
			m.fans[n] = 0
		}
		place(t, placerOf(m.memory, m.clock), m.life(depth), sqsMessage("m", m.clock.at.Load(), join(n, m.fans[n])))
	case 7: // Joins again, as clients do: when told that it is over.
		n := number()
		if attempt, in := m.fans[n]; in {
			if answer := m.ask(t, m.life(depth), m.turn(), n, attempt, queue.Look); slices.Contains([]string{"expired", "ghost", "left"}, answer.State) {
				m.fans[n]++
			}
		}
	case 8, 9:
		n := number()
		if attempt, in := m.fans[n]; in {
			m.ask(t, m.life(depth), m.turn(), n, attempt, rapid.SampledFrom([]string{queue.Look, queue.Claim, queue.Claim, queue.Renew, queue.Leave}).Draw(t, "do"))
		}
	case 10:
		n := number()
		key := queue.FanKey("gig", fanOf(n))
		pass := queue.Claims{Sale: "gig", Fan: fanOf(n), ID: m.turn().Key.PassID(key, m.fans[n])}
		text, _ := passes{}.Sign(context.Background(), pass)
		service := &queue.Service{Sales: m.turn().Sales, Store: m.store(), Key: m.turn().Key, Passes: passes{}, Clock: m.clock, Log: discard}
		_, _ = service.Handle(m.life(depth), post(map[string]string{"token": text, "do": rapid.SampledFrom([]string{"release", "redeem", "renew"}).Draw(t, "do")}))
	case 11:
		m.sale.Paused = rapid.Bool().Draw(t, "paused")
		m.putSale(m.sale)
	case 12:
		m.keepers[rapid.IntRange(0, len(m.keepers)-1).Draw(t, "keeper")] = m.keeper(strconv.Itoa(rapid.IntRange(0, 9).Draw(t, "holder")))
	case 13:
		_, _ = m.revoker().Handle(m.life(depth), queue.RevokeRequest{Sale: "gig", Fan: fanOf(number()), By: "arn:a"})
	}
	m.check()
}

func TestTheRulesHoldWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := sale()
		s.Windows = rapid.IntRange(1, 3).Draw(t, "windows")
		s.Rate = rapid.SampledFrom([]float64{0, 0.2, 1}).Draw(t, "rate")
		s.Heartbeat = rapid.SampledFrom([]int64{0, 0, 20}).Draw(t, "heartbeat")
		s.MaxRenewals = 1
		m := &machine{
			world: newWorld(200_000, s), t: t, sale: s, fans: map[int]int{}, windows: s.Windows, places: map[string]string{}, calls: map[string]bool{}, began: 200_000,
			luck: rapid.Uint64().Draw(t, "luck"), faults: rapid.SampledFrom([]int{0, 5, 20}).Draw(t, "faults"),
		}
		m.keepers = []*queue.Keeper{m.keeper("a"), m.keeper("b")}
		m.faultOf = func(call) fault {
			if !m.chance(m.faults) {
				return fine
			}
			return fault(1 + m.luck>>40%2)
		}
		m.lags = func() bool { return m.chance(m.faults) }
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			m.step(2)
		}
		m.faults = 0
		m.sale.Paused = false
		m.putSale(m.sale)
		m.clock.pass(3 * time.Second)
		m.finish(t, m.keeper("last"), "in the end", m.windows, m.sale.Rate)
		m.check()
	})
}
