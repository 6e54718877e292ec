package queue_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/functions/queue/verifydraw"
)

// shuffled opens at 100,000 with a draw of those who come from 50,000.
func shuffled(beacon bool) queue.Sale {
	s := sale()
	s.DrawFrom, s.Windows = 50_000, 2
	if beacon {
		s.Beacon = &queue.Beacon{URL: "https://api.drand.sh", Chain: must(beaconChain.Hash()), RoundAfter: 30}
	}
	return s
}

// deliver gives the placers what is on the joins queue.
func (w *world) deliver(t tester) {
	t.Helper()
	p := placerOf(w.memory, w.clock)
	for len(w.joins) > 0 {
		batch := w.joins[:min(10, len(w.joins))]
		w.joins = w.joins[len(batch):]
		if failed := place(t, p, t.Context(), batch...); len(failed) > 0 {
			t.Fatalf("failed: %v", failed)
		}
	}
}

func TestADrawFromTheFirstFanToTheLast(t *testing.T) {
	for _, beacon := range []bool{false, true} {
		w := newWorld(40_000, shuffled(beacon))
		w.beacon = signedRound
		k := w.keeper("a")
		w.mustLead(t, k)
		if s := w.status(t); s.State != queue.Scheduled || s.Draw.Commitment != verifydraw.Sum([]byte(strings.Repeat("\a", 32))) || s.Draw.Seed != "" {
			t.Errorf("%+v %+v", s, s.Draw)
		}
		w.clock.at.Store(60_000)
		for n := range 250 {
			body := fmt.Sprintf(`{"sale":"gig","fan":%q}`, fanOf(n))
			w.send(body)
			if n%10 == 0 {
				w.send(body) // Twice.
			}
		}
		w.deliver(t)
		w.mustLead(t, k)
		w.clock.at.Store(100_000)
		w.mustPlace(t, 0, 900) // Sent at the opening: behind the drawn.
		var states []string
		listed := int64(0)
		for second := range 80 {
			if second%3 == 2 {
				k = w.keeper(fmt.Sprint(second)) // Keepers change all the time.
			}
			w.mustLead(t, k)
			s := w.status(t)
			if s.Draw.ListSHA256 != "" && listed == 0 {
				listed = w.clock.at.Load()
				if s.Draw.Seed != "" || s.Draw.Count != 250 || beacon != (s.Draw.Round != 0) {
					t.Errorf("at the list's closing: %+v", s.Draw)
				}
			}
			if s.State == queue.Open {
				break
			}
			states = append(states, string(s.State))
			w.clock.pass(time.Second)
		}
		if slices.Compact(states)[0] != "drawing" || listed < 130_000 || listed > 132_000 {
			t.Errorf("states %v, listed at %d", slices.Compact(states), listed)
		}
		opened := w.clock.at.Load()
		if beacon && opened < 136_000 || opened > 142_000 {
			t.Errorf("drawn at %d", opened)
		}
		w.deliver(t)
		proof, order, err := verifydraw.Verify(w.objects[queue.ProofObject("gig")], w.objects[queue.ListObject("gig")])
		if err != nil || len(order) != 250 || (proof.Randomness != "") != beacon {
			t.Fatalf("%v, %+v", err, proof)
		}
		for i, id := range order {
			if item := w.tables["fans"]["gig/"+id]; item["line"].Text() != "draw" || item["place"].Int() != int64(i)+1 {
				t.Fatalf("%s was drawn as %d: %v", id, i+1, item)
			}
		}
		w.clock.pass(time.Second)
		w.mustLead(t, k)
		if called := w.called(); len(called) != 2 || called[0].ID != "gig/"+order[0] || called[1].ID != "gig/"+order[1] {
			t.Errorf("%+v", called)
		}
		if s := w.status(t); s.Waiting != 249 || s.Ahead(queue.Place{Line: "queue", Place: 1}) != 248 || s.Draw.Seed != proof.Seed {
			t.Errorf("%+v %+v", s, s.Draw)
		}
	}
}

// Most come in the last seconds, and wait for their placer when the sale opens: they are drawn with all others.
func TestWhoJoinsInTheLastMomentIsDrawn(t *testing.T) {
	w := newWorld(60_000, shuffled(false))
	k := w.keeper("a")
	w.mustLead(t, k)
	w.clock.at.Store(99_999)
	w.send(fmt.Sprintf(`{"sale":"gig","fan":%q}`, fanOf(1)))
	for range 5 {
		w.clock.pass(time.Second)
		w.mustLead(t, k)
	}
	w.deliver(t)
	for range 60 {
		w.clock.pass(time.Second)
		w.mustLead(t, k)
	}
	w.deliver(t)
	if fan := w.fan(t, 1); fan.Line != "draw" || fan.Place != 1 {
		t.Errorf("%+v", fan)
	}
}

// A million who came are read, sorted and written down for longer than a lease lasts, by a keeper that has a fraction of a processor.
func TestADrawThatTakesLongerThanTheLeaseIsMade(t *testing.T) {
	w := newWorld(60_000, shuffled(false))
	w.mustLead(t, w.keeper("a"))
	for n := range 3 {
		w.send(fmt.Sprintf(`{"sale":"gig","fan":%q}`, fanOf(n)))
	}
	w.deliver(t)
	w.faultOf = func(c call) fault {
		if c.operation == "scan" && c.table == "line" {
			w.clock.pass(11 * time.Second)
		}
		return fine
	}
	w.clock.at.Store(110_000)
	k := w.keeper("b")
	for range 60 {
		_ = w.lead(t.Context(), k)
		w.clock.pass(time.Second)
	}
	if got := w.calledPlaces(); got != "[1 2]" {
		t.Errorf("called %s", got)
	}
}

// Whoever joins from another device while the places are drawn has the place that was drawn, as the only one, whether a placer or the keeper comes to it first.
func TestAnotherDeviceLosesNobodyTheirDraw(t *testing.T) {
	for _, placersCome := range []bool{true, false} {
		w := newWorld(60_000, shuffled(false))
		k := w.keeper("a")
		w.mustLead(t, k)
		for n := range 3 {
			w.send(fmt.Sprintf(`{"sale":"gig","fan":%q}`, fanOf(n)))
		}
		w.deliver(t)
		w.clock.at.Store(101_000)
		w.mustPlace(t, 0, 2, 7, 1, 0)
		for range 60 {
			w.mustLead(t, k)
			if placersCome {
				w.deliver(t)
			}
			w.clock.pass(time.Second)
		}
		_, order, err := verifydraw.Verify(w.objects[queue.ProofObject("gig")], w.objects[queue.ListObject("gig")])
		if err != nil {
			t.Fatal(err)
		}
		if called := w.called(); len(called) != 2 || called[0].ID != "gig/"+order[0] || called[1].ID != "gig/"+order[1] || called[0].Line != "draw" {
			t.Errorf("placers come %v: called %+v", placersCome, called)
		}
		// The next two who are called are the last of the draw, and who joined at the opening.
		for _, fan := range w.openWindows() {
			if _, err := w.store().End(t.Context(), must(w.store().ReadFans(t.Context(), "gig", []string{fan}, true))[fan], queue.Left); err != nil {
				t.Fatal(err)
			}
		}
		w.mustLead(t, k)
		if open := w.openWindows(); open[1] != order[2] || open[2] != fanOf(7) {
			t.Errorf("placers come %v: %v have the windows", placersCome, open)
		}
	}
}

// The keeper dies at any call of the draw, and another goes on: the order is that of the one list, and every fan is called once.
func TestADrawGoesOnWhereItStood(t *testing.T) {
	want := ""
	for at := range 60 {
		w := newWorld(60_000, shuffled(false))
		for n := range 120 {
			w.send(fmt.Sprintf(`{"sale":"gig","fan":%q}`, fanOf(n)))
		}
		w.deliver(t)
		w.mustLead(t, w.keeper("a")) // The commitment.
		w.clock.at.Store(110_000)
		life := &life{dies: at, lost: at%2 == 0}
		first := w.keeper("b")
		for range 30 {
			_ = w.lead(life.of(t.Context()), first)
			w.clock.pass(time.Second)
		}
		second := w.keeper("c")
		for range 30 {
			w.mustLead(t, second)
			w.clock.pass(time.Second)
		}
		// The placers never come: the keeper makes the records that it needs.
		if got := w.calledPlaces(); got != "[1 2]" {
			t.Errorf("dies at %d: called %s", at, got)
		}
		_, order, err := verifydraw.Verify(w.objects[queue.ProofObject("gig")], w.objects[queue.ListObject("gig")])
		if err != nil {
			t.Fatalf("dies at %d: %v", at, err)
		}
		if text := strings.Join(order, " "); want == "" {
			want = text
		} else if text != want {
			t.Errorf("dies at %d: another order", at)
		}
		var drawn []string
		for number := 1; number <= 2; number++ {
			drawn = append(drawn, w.tables["line"][fmt.Sprint("gig/block/draw/", number)]["fans"].Texts()...)
		}
		if !slices.Equal(drawn, order) {
			t.Errorf("dies at %d: the blocks hold another order", at)
		}
	}
}

func TestABeaconThatFailsHoldsNobodyUpForLong(t *testing.T) {
	for name, signs := range map[string]func(round int64) string{
		"silent": nil, "signs another round": func(round int64) string { return signedRound(round - 1) }, "makes something up": func(int64) string { return "00" },
	} {
		w := newWorld(60_000, shuffled(true))
		w.beacon = signs
		k := w.keeper("a")
		w.mustLead(t, k)
		w.send(fmt.Sprintf(`{"sale":"gig","fan":%q}`, fanOf(1)))
		w.deliver(t)
		w.clock.at.Store(100_000)
		for range 180 {
			_ = w.lead(t.Context(), k)
			w.clock.pass(time.Second)
		}
		if got := w.calledPlaces(); got != "[1]" {
			t.Errorf("%s: called %s", name, got)
		}
		proof, _, err := verifydraw.Verify(w.objects[queue.ProofObject("gig")], w.objects[queue.ListObject("gig")])
		if err != nil || !proof.BeaconMissed {
			t.Errorf("%s: %+v %v", name, proof, err)
		}
		if called := w.called()[0].Called; called < 256_000 || called > 262_000 { // Two minutes after the round.
			t.Errorf("%s: called at %d", name, called)
		}
	}
}

func TestNobodyDrawsFromAnotherList(t *testing.T) {
	w := newWorld(60_000, shuffled(false))
	w.send(fmt.Sprintf(`{"sale":"gig","fan":%q}`, fanOf(1)))
	w.deliver(t)
	w.mustLead(t, w.keeper("a"))
	w.clock.at.Store(110_000)
	w.mustLead(t, w.keeper("a"))
	w.clock.pass(21 * time.Second)
	w.mustLead(t, w.keeper("a"))
	w.objects[queue.ListObject("gig")] = []byte(fanOf(2) + "\n")
	w.mustLead(t, w.keeper("a")) // The seed.
	if err := w.lead(t.Context(), w.keeper("a")); err == nil || !strings.Contains(err.Error(), "put it back") {
		t.Errorf("%v", err)
	}
}

func TestDrandsAnswers(t *testing.T) {
	info, err := json.Marshal(beaconChain)
	if err != nil {
		t.Fatal(err)
	}
	hash := must(beaconChain.Hash())
	answers := map[string]string{
		"/" + hash + "/info": string(info), "/" + hash + "/public/5": `{"round":5,"randomness":"00","signature":"abcd"}`, "/" + hash + "/public/6": `{"round":5,"randomness":"00","signature":"abcd"}`,
		"/other/info": string(info),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := answers[r.URL.Path]
		if !known {
			w.WriteHeader(http.StatusTooEarly)
		}
		_, _ = w.Write([]byte(answer))
	}))
	defer server.Close()
	drand, beacon := &queue.Drand{Client: server.Client()}, queue.Beacon{URL: server.URL + "/", Chain: hash}
	if chain, err := drand.Chain(t.Context(), beacon); err != nil || chain != beaconChain {
		t.Errorf("%+v %v", chain, err)
	}
	if _, err := drand.Chain(t.Context(), queue.Beacon{URL: server.URL, Chain: "other"}); err == nil || !strings.Contains(err.Error(), "makes the hash "+hash+", not other") {
		t.Errorf("another chain: %v", err)
	}
	if got, err := drand.Signature(t.Context(), beacon, 5); err != nil || got != "abcd" {
		t.Errorf("%s %v", got, err)
	}
	for _, round := range []int64{6, 7} {
		if _, err := drand.Signature(t.Context(), beacon, round); err == nil {
			t.Errorf("round %d has come", round)
		}
	}
}
