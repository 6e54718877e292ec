package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

// calledPlaces are the places that were called so far, in their order.
func (w *world) calledPlaces() string {
	var places []int64
	for _, fan := range w.called() {
		places = append(places, fan.Place)
	}
	slices.Sort(places)
	return fmt.Sprint(places)
}

func TestKeeperCallsInOrderAsWindowsBecomeFree(t *testing.T) {
	w := newWorld(200_000, sale())
	k, turn := w.keeper("a"), w.turn()
	w.mustPlace(t, 0, 1, 2, 3, 4, 5, 6, 7, 8)
	w.mustLead(t, k)
	if got := w.calledPlaces(); got != "[1 2 3]" {
		t.Errorf("called %s", got)
	}
	if s := w.status(t); s.State != queue.Open || s.Front != (queue.Place{Line: "queue", Place: 3}) || s.Waiting != 5 || s.Open != 3 || s.Windows != 3 || s.Ahead(queue.Place{Line: "queue", Place: 8}) != 4 {
		t.Errorf("%+v", s)
	}
	// One claims and buys, one leaves, one does not come.
	claimed := w.ask(t, t.Context(), turn, 1, 0, queue.Claim)
	if claimed.State != "claimed" || claimed.Until != 500_000 || claimed.Token == "" || *claimed.RenewalsLeft != 0 {
		t.Errorf("%+v", claimed)
	}
	if left := w.ask(t, t.Context(), turn, 2, 0, queue.Leave); left.State != "left" {
		t.Errorf("%+v", left)
	}
	w.clock.pass(time.Second)
	w.mustLead(t, k)
	if got := w.calledPlaces(); got != "[1 2 3 4]" {
		t.Errorf("called %s", got)
	}
	service := &queue.Service{Sales: turn.Sales, Store: w.store(), Key: turn.Key, Passes: passes{}, Clock: w.clock, Log: discard}
	if response, _ := service.Handle(t.Context(), post(map[string]string{"token": claimed.Token, "do": "release"})); response.StatusCode != 200 {
		t.Errorf("%+v", response)
	}
	w.clock.pass(60 * time.Second) // From the call of 3, and not past it: its last moment is its own.
	w.clock.at.Store(260_000)
	w.mustLead(t, k)
	if got := w.calledPlaces(); got != "[1 2 3 4 5]" {
		t.Errorf("called %s", got)
	}
	w.clock.at.Store(260_001)
	w.mustLead(t, k)
	if got := w.calledPlaces(); got != "[1 2 3 4 5 6]" {
		t.Errorf("called %s", got)
	}
	if fan := w.fan(t, 3); fan.Done != queue.Expired {
		t.Errorf("%+v", fan)
	}
	if late := w.ask(t, t.Context(), turn, 3, 0, queue.Claim); late.State != "expired" || late.Token != "" {
		t.Errorf("%+v", late)
	}
	if fan := w.fan(t, 1); fan.Done != queue.Purchased {
		t.Errorf("%+v", fan)
	}
	w.checkWindows(t, 3)
}

func TestKeeperKeepsTheRate(t *testing.T) {
	rated := sale()
	rated.Windows, rated.Rate = 100, 2.5
	w := newWorld(200_000, rated)
	k := w.keeper("a")
	fans := make([]int, 60)
	for i := range fans {
		fans[i] = i
	}
	w.mustPlace(t, 0, fans...)
	for second := range 12 {
		if second%4 == 3 {
			k = w.keeper(strconv.Itoa(second)) // Another takes over.
		}
		w.mustLead(t, k)
		if got, most := len(w.called()), 2.5*float64(second)+3.5; float64(got) > most || float64(got) < most-1 {
			t.Errorf("%d called after %d s, at most %g", got, second, most)
		}
		w.clock.pass(time.Second)
	}
	if s := w.status(t); s.Pace < 1.5 || s.Pace > 3 {
		t.Errorf("pace %g", s.Pace)
	}
}

func TestGapsNeverStall(t *testing.T) {
	w := newWorld(200_000, sale())
	k := w.keeper("a")
	w.mustPlace(t, 0, 1)
	lost, first, err := w.store().TakeRange(t.Context(), "gig", "queue", 4) // Its placer dies here.
	if err != nil || lost != 2 || first != 2 {
		t.Fatal(lost, first, err)
	}
	w.mustLead(t, k) // Nobody is behind the gap.
	w.mustPlace(t, 0, 6, 7)
	slow := queue.Block{Sale: "gig", Line: "queue", Number: lost, First: first, Fans: []string{fanOf(2), fanOf(3), fanOf(4), fanOf(5)}, At: 200_000}
	w.mustLead(t, k)
	if got := w.calledPlaces(); got != "[1 6 7]" {
		t.Errorf("called %s", got)
	}
	// What turns up in time is next.
	w.mustPlace(t, 0, 8)
	w.clock.pass(15 * time.Second)
	if err := w.store().PutBlock(t.Context(), slow); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store().InsertFans(t.Context(), []queue.Fan{{Sale: "gig", ID: fanOf(3), Line: "queue", Place: 3, Joined: 200_000}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store().End(t.Context(), w.fan(t, 1), queue.Left); err != nil {
		t.Fatal(err)
	}
	w.mustLead(t, k)
	if got := w.calledPlaces(); got != "[1 3 6 7]" {
		t.Errorf("called %s", got)
	}
	// What does not is a gap, and no hole any more.
	w.clock.pass(60 * time.Second)
	w.mustLead(t, k)
	if got := w.calledPlaces(); got != "[1 3 6 7 8]" {
		t.Errorf("called %s", got)
	}
	w.clock.pass(time.Second)
	w.mustLead(t, k)
	progress, err := w.store().ReadProgress(t.Context(), "gig")
	if err != nil || len(progress.Walk.Holes) != 0 {
		t.Errorf("holes %+v, %v", progress.Walk.Holes, err)
	}
}

// Placers that cannot write records leave blocks full of fans who have none: who has one is called as soon as the placers' time is over.
func TestTenThousandMissingRecordsHoldNobodyUpForLong(t *testing.T) {
	w := newWorld(200_000, sale())
	k := w.keeper("a")
	for number := range 100 {
		block, first, err := w.store().TakeRange(t.Context(), "gig", "queue", 100)
		fans := make([]string, 100)
		for i := range fans {
			fans[i] = fanOf(1000 + 100*number + i)
		}
		if err := errors.Join(err, w.store().PutBlock(t.Context(), queue.Block{Sale: "gig", Line: "queue", Number: block, First: first, Fans: fans, At: 200_000})); err != nil {
			t.Fatal(err)
		}
	}
	w.mustPlace(t, 0, 1)
	for range 40 {
		w.mustLead(t, k)
		w.clock.pass(time.Second)
	}
	if fan := w.fan(t, 1); fan.Called == 0 || fan.Called > 228_000 {
		t.Errorf("%+v", fan)
	}
}

func TestGapsAreNotAhead(t *testing.T) {
	one := sale()
	one.Windows = 1
	w := newWorld(200_000, one)
	k := w.keeper("a")
	w.mustPlace(t, 0, 1, 2)
	if _, _, err := w.store().TakeRange(t.Context(), "gig", "queue", 30); err != nil {
		t.Fatal(err)
	}
	w.mustPlace(t, 0, 3)
	w.mustLead(t, k)
	if s := w.status(t); s.Waiting != 32 { // It may still turn up.
		t.Errorf("%+v", s)
	}
	w.clock.pass(21 * time.Second)
	w.mustLead(t, k)
	if s := w.status(t); s.Waiting != 2 || s.Ahead(queue.Place{Line: "queue", Place: 33}) != 1 {
		t.Errorf("%+v", s)
	}
}

func TestProbesTakeNoWindow(t *testing.T) {
	w := newWorld(50_000, sale()) // Not open yet.
	k := w.keeper("a")
	probe := queue.Message{Sale: "gig", Fan: fanOf(1), Probe: true}
	place(t, placerOf(w.memory, w.clock), t.Context(), sqsMessage("a", 50_000, probe))
	w.mustLead(t, k)
	fan := w.fan(t, 1)
	if fan.Called != 50_000 || fan.Window != 0 || len(w.openWindows()) != 0 {
		t.Errorf("%+v %v", fan, w.openWindows())
	}
	if answer := w.ask(t, t.Context(), w.turn(), 1, 0, queue.Claim); answer.State != "claimed" || answer.Token == "" {
		t.Errorf("%+v", answer)
	}
}

func TestWindowsThatAreTakenAwayRunOut(t *testing.T) {
	w := newWorld(200_000, sale())
	k := w.keeper("a")
	w.mustPlace(t, 0, 1, 2, 3, 4, 5, 6)
	w.mustLead(t, k)
	fewer := sale()
	fewer.Windows = 1
	w.putSale(fewer)
	w.clock.pass(3 * time.Second)
	w.mustLead(t, k)
	if s := w.status(t); s.Open != 3 || s.Windows != 1 || len(w.openWindows()) != 3 {
		t.Errorf("%+v", s)
	}
	w.clock.pass(60 * time.Second)
	w.mustLead(t, k)
	if s := w.status(t); s.Open != 1 || w.calledPlaces() != "[1 2 3 4]" {
		t.Errorf("%+v, called %s", s, w.calledPlaces())
	}
}

// Who is in the shop when the sale closes is counted until the last one is out.
func TestWindowsOfAClosedSaleAreCounted(t *testing.T) {
	closing := sale()
	closing.ClosesAt = 201_000
	w := newWorld(200_000, closing)
	w.mustPlace(t, 0, 1, 2, 3, 4)
	w.mustLead(t, w.keeper("a"))
	w.ask(t, t.Context(), w.turn(), 1, 0, queue.Claim)
	for _, want := range []int{3, 1, 1, 1, 1, 0} {
		w.clock.pass(time.Minute)
		if err := w.keeper("b").Handle(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if s := w.status(t); s.State != queue.Closed || s.Open != want {
			t.Errorf("at %d: %+v, want %d open", w.clock.at.Load(), s, want)
		}
	}
	reads := w.calls["scan windows"]
	w.clock.pass(time.Minute)
	if err := w.keeper("c").Handle(t.Context(), nil); err != nil || w.calls["scan windows"] != reads || w.calledPlaces() != "[1 2 3]" {
		t.Errorf("%v, %d reads, called %s", err, w.calls["scan windows"]-reads, w.calledPlaces())
	}
}

func TestTheTicketingServiceAssigns(t *testing.T) {
	w := newWorld(200_000, sale())
	k, turn := w.keeper("a"), w.turn()
	k.Line, turn.Assigned = lineQueue{w}, true
	w.mustPlace(t, 0, 1, 2, 3, 4)
	lost := true // The first answer.
	w.failOf = func(call string) fault {
		if call == "send line" && lost {
			lost = false
			return after
		}
		return fine
	}
	if err := w.lead(t.Context(), k); err == nil {
		t.Error("no error")
	}
	w.clock.pass(time.Second)
	w.mustLead(t, k)
	w.mustLead(t, k)
	want := []string{
		`{"sale":"gig","fan":"` + fanOf(1) + `","line":"queue","place":1}`, `{"sale":"gig","fan":"` + fanOf(2) + `","line":"queue","place":2}`,
		`{"sale":"gig","fan":"` + fanOf(3) + `","line":"queue","place":3}`,
	}
	if !slices.Equal(w.line, append(slices.Clone(want), want...)) {
		t.Errorf("%v", w.line)
	}
	if waits := w.ask(t, t.Context(), turn, 1, 0, queue.Claim); waits.State != "waiting" {
		t.Errorf("%+v", waits)
	}
	service := &queue.Service{Sales: turn.Sales, Store: w.store(), Key: turn.Key, Passes: passes{}, External: true, Clock: w.clock, Log: discard}
	assign := post(map[string]any{"do": "assign", "sale": "gig", "fan": fanOf(1), "purchase_url": "https://shop.example/{token}", "until": 300_000})
	if response, _ := service.Handle(t.Context(), assign); response.StatusCode != 403 {
		t.Errorf("unsigned: %+v", response)
	}
	assign.RequestContext.Authorizer.IAM = &struct {
		UserARN string `json:"userArn"`
	}{"arn:aws:iam::123456789012:role/tickets"}
	if response, _ := service.Handle(t.Context(), assign); response.StatusCode != 200 {
		t.Errorf("%+v", response)
	}
	if called := w.ask(t, t.Context(), turn, 1, 0, queue.Look); called.State != "called" || called.Until != 300_000 {
		t.Errorf("%+v", called)
	}
	if claimed := w.ask(t, t.Context(), turn, 1, 0, queue.Claim); claimed.State != "claimed" || claimed.PurchaseURL[:21] != "https://shop.example/" || claimed.PurchaseURL[21] == '{' {
		t.Errorf("%+v", claimed)
	}
}

// Who was called in the last moment is told of after the closing, where that failed before.
func TestTheTicketingServiceLearnsOfTheLast(t *testing.T) {
	closing := sale()
	closing.ClosesAt = 200_500
	w := newWorld(200_000, closing)
	k := w.keeper("a")
	k.Line = lineQueue{w}
	w.mustPlace(t, 0, 1)
	w.failOf = func(call string) fault {
		if call == "send line" {
			return before
		}
		return fine
	}
	if err := w.lead(t.Context(), k); err == nil {
		t.Error("no error")
	}
	w.failOf = nil
	for range 2 {
		w.clock.pass(time.Second)
		w.mustLead(t, k)
	}
	if want := []string{`{"sale":"gig","fan":"` + fanOf(1) + `","line":"queue","place":1}`}; !slices.Equal(w.line, want) {
		t.Errorf("%v", w.line)
	}
}

// A keeper runs from the tick to its hand-over, and another takes over within the lease when it dies.
func TestKeepersFollowEachOther(t *testing.T) {
	w := newWorld(95_000, sale())
	w.mustPlace(t, 0, 1, 2, 3, 4)
	if err := w.keeper("a").Handle(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if passed := w.clock.at.Load() - 95_000; passed < 110_000 || passed > 120_000 {
		t.Errorf("it ran %d ms", passed)
	}
	first := w.called()[0]
	if first.Called < 100_000 || first.Called > 102_000 {
		t.Errorf("opened at 100,000; the first was called at %d", first.Called)
	}
	if until := w.tables["state"]["lease"]["until"].Int(); until != 0 {
		t.Errorf("the lease lasts until %d", until)
	}
	// One that is dead holds the lease for ten seconds.
	dead := w.keeper("dead")
	if !dead.Take(t.Context()) {
		t.Fatal("no lease")
	}
	before := w.clock.at.Load()
	w.mustPlace(t, 0, 5)
	for number := 1; number <= 3; number++ {
		delete(w.tables["windows"], "gig/"+strconv.Itoa(number))
	}
	if err := w.keeper("b").Handle(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	fan := w.fan(t, 5)
	if took := fan.Called - before; took < 10_000 || took > 13_000 {
		t.Errorf("called after %d ms", took)
	}
	// Out of season a tick takes no time.
	w.putSale(func() queue.Sale { s := sale(); s.State = queue.Closed; return s }())
	w.clock.pass(time.Hour)
	before = w.clock.at.Load()
	if err := w.keeper("c").Handle(context.Background(), nil); err != nil || w.clock.at.Load() != before {
		t.Errorf("%v, %d ms", err, w.clock.at.Load()-before)
	}
	if s := w.status(t); s.State != queue.Closed {
		t.Errorf("%+v", s)
	}
}

// Who joins twice takes a place that nobody stands at. At the end of the line nobody waits there.
func TestPlacesOfNobodyAtTheEndAreNotWaitedFor(t *testing.T) {
	t.Run("called one after another", func(t *testing.T) { testPlacesOfNobody(t, 3, 2) })
	t.Run("called at once", func(t *testing.T) { testPlacesOfNobody(t, 30, 0) })
}

func testPlacesOfNobody(t *testing.T, windows int, rate float64) {
	t.Helper()
	s := sale()
	s.Windows, s.Rate = windows, rate
	w := newWorld(200_000, s)
	k := w.keeper("a")
	for range 2 {
		for n := range 9 {
			w.send(fmt.Sprintf(`{"sale":"gig","fan":%q}`, fanOf(n)))
		}
		if failed := place(t, placerOf(w.memory, w.clock), t.Context(), w.joins...); len(failed) > 0 {
			t.Fatal(failed)
		}
		w.joins = nil
	}
	if given := w.tables["line"]["gig/counter/queue"]["place"].Int(); given != 18 {
		t.Fatalf("%d places were given", given)
	}
	for range 300 {
		w.mustLead(t, k)
		w.clock.pass(time.Second)
	}
	if called := len(w.called()); called != 9 {
		t.Errorf("%d were called", called)
	}
	if status := w.status(t); status.Waiting != 0 {
		t.Errorf("%+v", status)
	}
}
