package bookings_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

func TestMoves(t *testing.T) {
	may := map[bookings.Status]string{ // From each to which.
		bookings.Booked:     "booked generating cancelled",
		bookings.Generating: "booked generating generated failed cancelled",
		bookings.Generated:  "generated uploading failed cancelled",
		bookings.Uploading:  "uploading uploaded failed",
		bookings.Uploaded:   "uploaded",
		bookings.Failed:     "failed booked generated",
		bookings.Cancelled:  "",
	}
	for _, from := range bookings.Statuses {
		for _, to := range bookings.Statuses {
			if want := slices.Contains(strings.Fields(may[from]), string(to)); from.May(to) != want {
				t.Errorf("from %s to %s: %v", from, to, !want)
			}
		}
		if over := from == bookings.Uploaded || from == bookings.Failed || from == bookings.Cancelled; from.Over() != over {
			t.Errorf("%s is over: %v", from, !over)
		}
	}
}

// A write is refused where another was first, and a move that there is not is an error.
func TestMoveIsConditional(t *testing.T) {
	w := newWorldAlone()
	b := w.book(t, "Kew")
	if _, done, err := bookings.Move(w.store(), b, bookings.Uploaded); err == nil || done {
		t.Errorf("from booked to uploaded: %v, %v", done, err)
	}
	taken, done, err := bookings.Move(w.store(), b, bookings.Generating)
	if err != nil || !done || taken.Status != bookings.Generating {
		t.Fatalf("%+v, %v, %v", taken, done, err)
	}
	if _, done, err = bookings.Move(w.store(), b, bookings.Cancelled); err != nil || done {
		t.Errorf("by who read it before: %v, %v", done, err)
	}
	lost := (&life{dies: 1, lost: true}).of(t.Context()) // The client's second attempt is refused, and finds the first.
	w.put = true
	if moved, done, err := bookings.MoveIn(lost, w.store(), taken, bookings.Generated); err != nil || !done || w.booking(t, b.ID) != moved {
		t.Errorf("with its answer lost: %+v, %v, %v", moved, done, err)
	}
}

func TestCreateRefusesWhatIsNotValid(t *testing.T) {
	kew := pipeline.SegmentID("Kew")
	for name, r := range map[string]bookings.Request{
		"another's segment": {Segment: pipeline.SegmentID("Carlton"), Value: "Kew"},
		"no segment":        {},
		"no run":            {Segment: kew, Value: "Kew", Run: "R 1"},
		"a long token":      {Segment: kew, Value: "Kew", Token: strings.Repeat("x", 257)},
		"a long user":       {Segment: kew, Value: "Kew", By: strings.Repeat("x", 257)},
		"before all time":   {Segment: kew, Value: "Kew", At: -1},
		"after a year":      {Segment: kew, Value: "Kew", At: begun + (367 * 24 * time.Hour).Milliseconds()},
	} {
		w := newWorldAlone()
		if _, err := w.store().Create(t.Context(), r); !errors.Is(err, bookings.ErrInvalid) || len(w.kinds["booking"]) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCreateWithToken(t *testing.T) {
	w := newWorldAlone()
	ask := func(by, token, value string) (bookings.Booking, error) {
		return w.store().Create(t.Context(), bookings.Request{Segment: pipeline.SegmentID(value), Value: value, By: by, Token: token})
	}
	first, err := ask("ann", "t1", "Kew")
	if err != nil {
		t.Fatal(err)
	}
	w.clock.pass(time.Second)
	if again, err := ask("ann", "t1", "Kew"); err != nil || again != first {
		t.Errorf("the same again: %+v, %v", again, err)
	}
	if _, err := ask("ann", "t1", "Carlton"); !errors.Is(err, bookings.ErrToken) {
		t.Errorf("another segment with it: %v", err)
	}
	for _, of := range [][2]string{{"bob", "t1"}, {"ann", "t2"}, {"ann", ""}, {"ann", ""}} {
		if other, err := ask(of[0], of[1], "Kew"); err != nil || other.ID == first.ID {
			t.Errorf("%s with %q: %s, %v", of[0], of[1], other.ID, err)
		}
	}
	if have := len(w.kinds["booking"]); have != 5 || len(w.kinds["open"]) != 5 || len(w.kinds["token"]) != 3 {
		t.Errorf("%d bookings, %d open, %d tokens", have, len(w.kinds["open"]), len(w.kinds["token"]))
	}
}

func TestCancel(t *testing.T) {
	w := newWorldAlone()
	if _, err := w.store().Cancel(t.Context(), "none"); !errors.Is(err, bookings.ErrNotFound) {
		t.Errorf("of none: %v", err)
	}
	ways := []bookings.Status{bookings.Generating, bookings.Generated, bookings.Uploading, bookings.Uploaded}
	for n := range len(ways) + 1 {
		b := w.book(t, "Kew")
		for _, to := range ways[:n] {
			b, _, _ = bookings.Move(w.store(), b, to)
		}
		was := b.Status
		b, err := w.store().Cancel(t.Context(), b.ID)
		if early := n < 3; early && (err != nil || b.Status != bookings.Cancelled || b.EndedAt != begun) || !early && (!errors.Is(err, bookings.ErrTooLate) || b.Status != was) {
			t.Errorf("of one that is %s: %+v, %v", was, b, err)
		}
		if n == 0 {
			if again, err := w.store().Cancel(t.Context(), b.ID); err != nil || again != b {
				t.Errorf("twice: %+v, %v", again, err)
			}
		}
	}
}

// Pages are complete and do not overlap, while bookings are made.
func TestListIsComplete(t *testing.T) {
	for _, limit := range []int{1, 3, 4, 7, 100} {
		for _, status := range []bookings.Status{"", bookings.Cancelled, bookings.Uploaded} {
			w := newWorldAlone()
			var want, have []string
			for i := range 23 {
				w.clock.pass(time.Millisecond)
				b := w.book(t, "Kew")
				if i%3 == 0 {
					b, _ = w.store().Cancel(t.Context(), b.ID)
				}
				if status == "" || b.Status == status {
					want = append(want, b.ID)
				}
			}
			slices.Reverse(want)
			page := bookings.Page{Status: status, Limit: limit}
			for range 40 {
				found, next, err := w.store().List(t.Context(), page)
				if err != nil || len(found) > limit {
					t.Fatal(len(found), err)
				}
				for _, b := range found {
					have = append(have, b.ID)
				}
				w.clock.pass(time.Millisecond)
				w.book(t, "Carlton") // Newer than all pages.
				if page.After = next; next == "" {
					break
				}
			}
			if !slices.Equal(have, want) || page.After != "" {
				t.Errorf("%d of %q: have %q, want %q", limit, status, have, want)
			}
		}
	}
	for _, page := range []bookings.Page{{}, {Limit: 101}, {Limit: 1, After: strings.Repeat("x", 300)}} {
		if _, _, err := newWorldAlone().store().List(context.Background(), page); !errors.Is(err, bookings.ErrInvalid) {
			t.Errorf("%+v: %v", page, err)
		}
	}
}

// Ids are in the order in which bookings were made.
func TestIDs(t *testing.T) {
	w := newWorldAlone()
	want := time.UnixMilli(begun).UTC().Format("20060102-150405") + "-000-id00000001"
	if b := w.book(t, "Kew"); b.ID != want {
		t.Errorf("have %s, want %s", b.ID, want)
	}
	var ids []string
	for _, d := range []time.Duration{time.Millisecond, 9 * time.Millisecond, time.Second, time.Hour, 5000 * time.Hour} {
		w.clock.pass(d)
		ids = append(ids, w.book(t, "Kew").ID)
	}
	if !slices.IsSorted(ids) {
		t.Error(fmt.Sprint(ids))
	}
}
