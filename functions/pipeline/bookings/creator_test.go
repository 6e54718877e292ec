package bookings_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

// within is an invocation that has so long.
func (w *world) within(d time.Duration) context.Context {
	return dated{context.Background(), w.clock.Now().Add(d)}
}

// heavy is a world with so many items of 60 KB of one value, whose pages take ten seconds each.
func heavy(n int) *world {
	w := newWorldAlone()
	w.fill(n, "Kew")
	for _, item := range w.items.items {
		item["all"] = dynamodb.String(`"` + strings.Repeat("x", 60<<10) + `"`)
	}
	w.rows.Gzip = false
	w.items.takes = 10 * time.Second
	return w
}

// Invocations go on from one another until the data is whole, and it is as if one had made it.
func TestCreatorGoesOn(t *testing.T) {
	for _, zip := range []bool{false, true} {
		w := heavy(320)
		w.rows.Gzip = zip
		b := w.book(t, "Kew")
		ctx := w.within(100 * time.Second)
		if err := w.creator().Handle(ctx, json.RawMessage(`{}`)); err != nil {
			t.Fatal(err)
		}
		invocations := 1
		for ; w.stage.taken < len(w.stage.sent); invocations++ {
			if is := w.booking(t, b.ID); is.Status != bookings.Generating {
				t.Fatalf("%+v", is)
			}
			message := w.stage.sent[w.stage.taken]
			if !strings.HasSuffix(message, fmt.Sprintf(`,"stage":"bookings","step":%d}`, invocations)) {
				t.Errorf("message %d is %s", invocations, message)
			}
			w.stage.taken++
			for range 2 { // Twice, of which the second finds nothing to do.
				if err := w.creator().Handle(w.within(100*time.Second), stageEvent(message)); err != nil {
					t.Fatal(err)
				}
				if w.stage.taken+1 < len(w.stage.sent) {
					t.Fatalf("a message that came again sent another: %q", w.stage.sent)
				}
			}
		}
		if invocations < 5 {
			t.Errorf("it took %d invocations", invocations)
		}
		is := w.booking(t, b.ID)
		data := string(w.bucket.objects[is.Object])
		if zip {
			data = unzip(t, []byte(data))
		}
		if is.Status != bookings.Generated || is.Items != 320 || is.Bytes != int64(len(w.bucket.objects[is.Object])) || is.SHA256 != sumOf(w.bucket.objects[is.Object]) || !slices.Equal(rowsOf(data), w.expected("Kew")) {
			t.Errorf("zip %v: %d bytes of %+v", zip, len(data), is)
		}
		if parts := w.calls["part"]; !zip && parts != 4 || zip && parts != 0 || len(w.bucket.uploads) != 0 || len(w.uploads.messages) != 1 {
			t.Errorf("zip %v: %d parts, %d uploads under way, %d messages", zip, parts, len(w.bucket.uploads), len(w.uploads.messages))
		}
	}
}

// The same message twice at the same time: one goes on, and the other finds its bookings taken.
func TestCreatorGoesOnOnce(t *testing.T) {
	w := heavy(60)
	b := w.book(t, "Kew")
	if err := w.creator().Handle(w.within(70*time.Second), json.RawMessage(`{}`)); err != nil || len(w.stage.sent) != 1 {
		t.Fatal(len(w.stage.sent), err)
	}
	var other life
	w.fateOf = func(call string) fate {
		if call == "scan" {
			w.fateOf = nil
			w.mu.Unlock()
			if err := w.creator().Handle(other.of(context.Background()), stageEvent(w.stage.sent[0])); err != nil {
				t.Error(err)
			}
			w.mu.Lock()
		}
		return fine
	}
	w.items.takes = 0
	if err := w.creator().Handle(context.Background(), stageEvent(w.stage.sent[0])); err != nil {
		t.Fatal(err)
	}
	if is := w.booking(t, b.ID); is.Status != bookings.Generated || is.Items != 60 || other.calls != 4 || len(w.uploads.messages) != 1 {
		t.Errorf("the other made %d calls: %+v", other.calls, is) // The pass, its booking, the list of what is open, and the booking on it.
	}
}

// An invocation that dies anywhere, the first or one that goes on, is followed by another, and the data is whole all the same. How many calls a pass takes
// hangs on how its readers come to run beside one another: one that is over before it was to die proves nothing, and is left out.
func TestCreatorDies(t *testing.T) {
	for name, test := range map[string]struct {
		items, every, most int // At which calls it dies: every so many, up to so many.
		died               int // How often it must have, at least.
		world              func(n int) *world
	}{
		"in parts": {95, 13, 80, 6, heavy},
		"at once": {60, 1, 44, 40, func(n int) *world {
			w := newWorldAlone()
			w.fill(n, "Kew")
			w.items.takes = 10 * time.Second
			return w
		}},
	} {
		t.Run(name, func(t *testing.T) {
			died := 0
			for dies := 1; dies <= test.most; dies += test.every {
				for _, lost := range []bool{false, true} {
					w := test.world(test.items)
					ids := []string{w.book(t, "Kew").ID, w.book(t, "Kew").ID}
					one := &life{dies: dies, lost: lost}
					_ = w.creator().Handle(dated{one.of(context.Background()), w.clock.Now().Add(120 * time.Second)}, json.RawMessage(`{}`))
					for ; w.stage.taken < len(w.stage.sent) && !one.dead; w.stage.taken++ {
						_ = w.creator().Handle(dated{one.of(context.Background()), w.clock.Now().Add(120 * time.Second)}, stageEvent(w.stage.sent[w.stage.taken]))
					}
					if !one.dead && one.calls < dies {
						continue
					}
					died++
					for range 60 {
						w.sweepCreator(t)
					}
					w.items.takes = 0
					w.create(t) // Its next time of day.
					for _, id := range ids {
						is := w.booking(t, id)
						data := w.bucket.objects[is.Object]
						if is.Status != bookings.Generated || is.Items != int64(test.items) || is.SHA256 != sumOf(data) {
							t.Fatalf("dead at call %d, lost %v: %+v", dies, lost, is)
						}
						if test.every == 1 && !slices.Equal(rowsOf(unzip(t, data)), w.expected("Kew")) {
							t.Fatalf("dead at call %d, lost %v: the data is other", dies, lost)
						}
					}
				}
			}
			if died < test.died {
				t.Errorf("it died %d times, which proves little", died)
			}
		})
	}
}

// sweepCreator lets a minute pass, and creator go on as the sweeper asks it to.
func (w *world) sweepCreator(t *testing.T) {
	t.Helper()
	w.clock.pass(time.Minute)
	if err := w.sweeper().Handle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for ; w.stage.taken < len(w.stage.sent); w.stage.taken++ {
		if err := w.creator().Handle(w.within(110*time.Second), stageEvent(w.stage.sent[w.stage.taken])); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCreatorTakesWhatIsDue(t *testing.T) {
	w := newWorldAlone()
	w.fill(3, "Kew", "Carlton")
	now := w.book(t, "Kew")
	w.clock.pass(time.Millisecond)
	later, err := w.store().Create(t.Context(), bookings.Request{Segment: now.Segment, Value: "Kew", At: begun + time.Hour.Milliseconds()})
	if err != nil {
		t.Fatal(err)
	}
	empty := w.book(t, "Nowhere")
	w.create(t)
	if is := w.booking(t, now.ID); is.Status != bookings.Generated {
		t.Errorf("%+v", is)
	}
	if is := w.booking(t, later.ID); is != later {
		t.Errorf("%+v", is)
	}
	if is := w.booking(t, empty.ID); is.Status != bookings.Failed || is.Reason != "the segment has no items" || w.figure(t, "GenerateFailed") != 1 || len(w.outcomes.messages) != 1 {
		t.Errorf("%+v, %d told", is, len(w.outcomes.messages))
	}
	if err := w.creator().Handle(t.Context(), json.RawMessage(fmt.Sprintf(`{"booking":%q}`, later.ID))); err != nil {
		t.Fatal(err)
	}
	if is := w.booking(t, later.ID); is.Status != bookings.Generated {
		t.Errorf("asked for by its id: %+v", is)
	}
	for _, event := range []string{"[]", `{"booking":1}`, `{"Records":[{"Sns":{"Message":"?"}}]}`} {
		if err := w.creator().Handle(t.Context(), json.RawMessage(event)); err == nil {
			t.Errorf("%s is taken", event)
		}
	}
	if err := w.creator().Handle(t.Context(), stageEvent(`{"run":"r1","stage":"segments"}`)); err != nil { // Another's.
		t.Error(err)
	}
}

// Bookings for another day cost nobody a look before it: of those for a year ahead there may be many, and sweeper looks each minute.
func TestBookingsForLaterAreLeftAlone(t *testing.T) {
	w := newWorldAlone()
	w.fill(3, "Kew")
	var ids []string
	for range 40 {
		b, err := w.store().Create(t.Context(), bookings.Request{Segment: pipeline.SegmentID("Kew"), Value: "Kew", At: begun + 48*time.Hour.Milliseconds()})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, b.ID)
	}
	if _, err := w.store().Cancel(t.Context(), ids[7]); err != nil {
		t.Fatal(err)
	}
	before := w.calls["get"]
	for range 10 {
		w.sweepCreator(t)
		w.create(t)
	}
	if n := w.calls["get"] - before; n > 10 { // The circuit, each minute.
		t.Errorf("%d reads in ten minutes", n)
	}
	w.clock.pass(48 * time.Hour)
	w.create(t)
	for i, id := range ids {
		if is := w.booking(t, id); i != 7 && is.Status != bookings.Generated || i == 7 && is.Status != bookings.Cancelled {
			t.Errorf("in its time: %+v", is)
		}
	}
	if n := len(w.kinds["open"]); n != 39 {
		t.Errorf("%d are open", n)
	}
}

// One that somebody asks for before its time is looked after from then on as any other.
func TestBookingBeforeItsTime(t *testing.T) {
	w := newWorldAlone()
	w.fill(3, "Kew")
	b, err := w.store().Create(t.Context(), bookings.Request{Segment: pipeline.SegmentID("Kew"), Value: "Kew", At: begun + 48*time.Hour.Milliseconds()})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.creator().Handle(t.Context(), json.RawMessage(fmt.Sprintf(`{"booking":%q}`, b.ID))); err != nil || w.booking(t, b.ID).Status != bookings.Generated {
		t.Fatalf("%+v, %v", w.booking(t, b.ID), err)
	}
	w.uploads.messages = nil // Lost.
	for range 6 {
		w.sweepCreator(t)
	}
	if n := len(w.uploads.messages); n != 1 {
		t.Errorf("%d messages are sent again", n)
	}
}

// All that is due is one pass through the items, as many at once as memory bears.
func TestCreatorScansOnce(t *testing.T) {
	count := func(of, most int) int {
		w := newWorldAlone()
		w.fill(30, "Kew", "Carlton", "Fitzroy")
		w.most = most
		for i := range of {
			w.book(t, []string{"Kew", "Carlton", "Fitzroy", "Kew"}[i])
		}
		w.create(t)
		if left := len(w.uploads.messages); left != of {
			t.Errorf("%d of %d are generated", left, of)
		}
		return w.calls["scan"]
	}
	one := count(1, 4)
	if four := count(4, 4); four != one {
		t.Errorf("one took %d pages, four %d", one, four)
	}
	if twice := count(4, 2); twice != 2*one {
		t.Errorf("one took %d pages, two passes %d", one, twice)
	}
}

// Items that are gone from an upload are not in the data, nor is a part of a segment's that another booking is of.
func TestCreatorLeavesOut(t *testing.T) {
	w := newWorldAlone()
	w.fill(4, "Kew", "Carlton")
	w.items.items["Kew-0002"]["expires"] = dynamodb.Number(1)
	w.rows.Gzip, w.rows.Format = false, bookings.CSV
	b, other := w.book(t, "Kew"), w.book(t, "Carlton")
	w.create(t)
	is := w.booking(t, b.ID)
	lines := strings.Split(string(w.bucket.objects[is.Object]), "\n")
	slices.Sort(lines[1 : len(lines)-1])
	want := []string{"id,all,price,suburb,ref", `Kew-0000,"{""n"":0}",0,Kew,`, `Kew-0001,"{""n"":1}",1,Kew,`, `Kew-0003,"{""n"":3}",3,Kew,`, ""}
	if diff := cmp.Diff(want, lines); diff != "" || is.Items != 3 || w.booking(t, other.ID).Items != 4 {
		t.Errorf("%+v; want -, have +:\n%s", is, diff)
	}
}

// A booking that is cancelled while its data is made stays so, and leaves no object.
func TestCancelWhileGenerating(t *testing.T) {
	w := newWorldAlone()
	w.fill(20, "Kew")
	b := w.book(t, "Kew")
	w.fateOf = func(call string) fate {
		if call == "put object" {
			w.fateOf = nil
			w.mu.Unlock()
			if _, err := w.store().Cancel(context.Background(), b.ID); err != nil {
				t.Error(err)
			}
			w.mu.Lock()
		}
		return fine
	}
	w.create(t)
	if is := w.booking(t, b.ID); is.Status != bookings.Cancelled || len(w.bucket.objects) != 0 || len(w.uploads.messages)+len(w.outcomes.messages) != 0 {
		t.Errorf("%+v, %d objects", is, len(w.bucket.objects))
	}
}

// What cannot be made is tried some times and then fails.
func TestCreatorGivesUp(t *testing.T) {
	w := newWorldAlone()
	w.fill(20, "Kew")
	b := w.book(t, "Kew")
	w.fateOf = func(call string) fate { return map[bool]fate{true: before}[call == "put object"] }
	w.create(t)
	if is := w.booking(t, b.ID); is.Status != bookings.Booked || is.Next != begun+time.Minute.Milliseconds() || !strings.Contains(is.Reason, "throttled") {
		t.Errorf("%+v", is)
	}
	for range 40 {
		w.sweepCreator(t)
	}
	if is := w.booking(t, b.ID); is.Status != bookings.Failed || w.calls["put object"] != 5 || len(w.outcomes.messages) == 0 {
		t.Errorf("after %d tries: %+v", w.calls["put object"], is)
	}
}
