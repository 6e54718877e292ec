package bookings_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

const day = 24 * time.Hour

// failed is a booking whose data the third party has, without ever saying so, until it was given up.
func failed(t *testing.T, w *world) bookings.Booking {
	t.Helper()
	w.fill(3, "Kew")
	b := w.book(t, "Kew")
	w.create(t)
	w.third.set(broken)
	for range 200 {
		w.clock.pass(10 * time.Minute)
		w.minute(t)
	}
	if b = w.booking(t, b.ID); b.Status != bookings.Failed || len(w.kinds["open"]) != 0 {
		t.Fatalf("the booking is %+v, %d are open", b, len(w.kinds["open"]))
	}
	return b
}

// A booking that is retried sends the same data under the same key, and its second end is told under an id of its own.
func TestRetry(t *testing.T) {
	w := newWorld(t)
	b := failed(t, w)
	w.third.set(sunny)
	again, err := w.store().Retry(t.Context(), b.ID)
	if err != nil || again.Status != bookings.Generated || again.Key != b.Key || again.Retries != 1 || again.Attempts != 0 || again.EndedAt != 0 {
		t.Fatalf("retried: %+v, %v", again, err)
	}
	if want := time.UnixMilli(again.Next).Add(w.giveUp).UnixMilli(); again.Deadline != want {
		t.Errorf("it is given up at %d, want %d", again.Deadline, want)
	}
	if is, err := w.store().Retry(t.Context(), b.ID); !errors.Is(err, bookings.ErrNotFailed) || is != again {
		t.Errorf("twice: %+v, %v", is, err)
	}
	for range 40 { // The circuit is open at first.
		w.minute(t)
	}
	if is := w.booking(t, b.ID); is.Status != bookings.Uploaded || is.Key != b.Key || is.Object != b.Object || len(w.kinds["open"]) != 0 {
		t.Errorf("in the end: %+v, %d are open", is, len(w.kinds["open"]))
	}
	if n := len(w.third.has()); n != 1 {
		t.Errorf("the third party has the data of %d keys, want 1", n)
	}
	var ids []string
	for _, text := range w.told.sent {
		var event bookings.Event
		if err := json.Unmarshal([]byte(text), &event); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, event.ID)
	}
	if got, want := strings.Join(ids, " "), b.ID+"-failed "+b.ID+"-uploaded-2"; got != want {
		t.Errorf("told under %s, want %s", got, want)
	}
}

// What can be retried, and until when.
func TestRetryRules(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*bookings.Booking)
		status bookings.Status
		err    error
		until  time.Duration // From now; 0 for none.
	}{
		"failed at once":            {func(*bookings.Booking) {}, bookings.Generated, nil, day},
		"failed, its data old":      {func(b *bookings.Booking) { b.GeneratedAt -= (7*day + 12*time.Hour).Milliseconds() }, bookings.Generated, nil, 12 * time.Hour},
		"failed, its data gone":     {func(b *bookings.Booking) { b.GeneratedAt -= (8 * day).Milliseconds() }, "", bookings.ErrDataGone, 0},
		"failed before it had data": {func(b *bookings.Booking) { b.Key, b.GeneratedAt = "", 0 }, bookings.Booked, nil, 0},
		"uploaded":                  {func(b *bookings.Booking) { b.Status = bookings.Uploaded }, "", bookings.ErrNotFailed, 0},
		"being sent":                {func(b *bookings.Booking) { b.Status = bookings.Uploading }, "", bookings.ErrNotFailed, 0},
		"cancelled":                 {func(b *bookings.Booking) { b.Status = bookings.Cancelled }, "", bookings.ErrNotFailed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.UnixMilli(begun)
			b := bookings.Booking{ID: "b", Status: bookings.Failed, Key: "b-1", GeneratedAt: begun, EndedAt: begun, Attempts: 9}
			c.change(&b)
			got, err := bookings.Retried(b, now, day)
			if !errors.Is(err, c.err) || err == nil && got.Status != c.status {
				t.Fatalf("%+v, %v; want %s, %v", got, err, c.status, c.err)
			}
			if c.until > 0 && got.Deadline != now.Add(c.until).UnixMilli() {
				t.Errorf("it is given up %s from now, want %s", time.UnixMilli(got.Deadline).Sub(now), c.until)
			}
		})
	}
	if _, err := newWorldAlone().store().Retry(t.Context(), "none"); !errors.Is(err, bookings.ErrNotFound) {
		t.Errorf("of none: %v", err)
	}
}

// One that failed before it had data goes on within a minute too, however seldom creator comes by itself.
func TestRetryWithoutData(t *testing.T) {
	w := newWorldAlone()
	b := w.book(t, "Kew")
	w.create(t)
	if is := w.booking(t, b.ID); is.Status != bookings.Failed || is.Key != "" {
		t.Fatalf("%+v", is)
	}
	w.fill(3, "Kew")
	if _, err := w.store().Retry(t.Context(), b.ID); err != nil {
		t.Fatal(err)
	}
	w.sweepCreator(t)
	if is := w.booking(t, b.ID); is.Status != bookings.Generated || is.Items != 3 {
		t.Errorf("a minute later: %+v", is)
	}
}

// However a retry meets the sweeper that takes the booking off the list, it is on it in the end.
func TestRetryStaysOpen(t *testing.T) {
	for call := 1; call < 8; call++ {
		w := newWorld(t)
		b := failed(t, w)
		w.kinds["open"][b.ID] = bookings.OpenItem(b.ID) // As a sweeper finds it that died before.
		left := call
		w.fateOf = func(string) fate {
			if left--; left == 0 { // Others are at work while nothing is locked.
				w.mu.Unlock()
				if _, err := w.store().Retry(context.Background(), b.ID); err != nil {
					t.Error(err)
				}
				w.mu.Lock()
			}
			return fine
		}
		if err := w.sweeper().Handle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if is := w.booking(t, b.ID); is.Status == bookings.Generated && w.kinds["open"][b.ID] == nil {
			t.Errorf("with a retry in call %d of the sweeper it is forgotten", call)
		}
	}
}
