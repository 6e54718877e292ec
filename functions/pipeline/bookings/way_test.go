package bookings_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

// webhookKey is a key in base64.
const webhookKey = "a2V5LW9mLXRoZS13ZWJob29r"

func unzip(t testing.TB, packed []byte) string {
	t.Helper()
	read, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// A booking goes from the user to the third party, and is told of.
func TestWay(t *testing.T) {
	w := newWorld(t)
	w.fill(40, "Fitzroy", "Carlton", "Kew")
	b, other := w.book(t, "Fitzroy"), w.book(t, "Carlton")
	w.create(t)
	made := w.booking(t, b.ID)
	if made.Status != bookings.Generated || made.Items != 40 || made.Key != b.ID+"-"+made.SHA256 || made.Deadline != begun+w.giveUp.Milliseconds() {
		t.Fatalf("%+v", made)
	}
	w.minute(t)
	for _, b := range []bookings.Booking{b, other} {
		done := w.booking(t, b.ID)
		if done.Status != bookings.Uploaded || done.Attempts != 1 || done.EndedAt == 0 || done.Reason != "" {
			t.Errorf("%+v", done)
		}
		data := w.third.has()[done.Key]
		if sum := sumOf(data); sum != done.SHA256 || int64(len(data)) != done.Bytes {
			t.Errorf("%d bytes with the sum %s; the booking has %d and %s", len(data), sum, done.Bytes, done.SHA256)
		}
		if diff := cmp.Diff(w.expected(b.Value), rowsOf(unzip(t, data))); diff != "" {
			t.Errorf("want -, have +:\n%s", diff)
		}
	}
	asked := w.third.asked[0]
	sum, err := hex.DecodeString(made.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	have := []string{asked.Method, asked.URL.String(), asked.Header.Get("Authorization"), asked.Header.Get("Content-Type"), asked.Header.Get("Content-Digest"), asked.Header.Get("Idempotency-Key")}
	want := []string{"PUT", "/in/" + b.ID + "?segment=" + b.Segment, secretValue, "application/gzip", "sha-256=:" + base64.StdEncoding.EncodeToString(sum) + ":", made.Key}
	if diff := cmp.Diff(want, have); diff != "" || asked.ContentLength != made.Bytes {
		t.Errorf("%d bytes; want -, have +:\n%s", asked.ContentLength, diff)
	}
	if w.third.requests() != 2 || len(w.told.sent) != 2 || w.hook.requests() != 2 {
		t.Errorf("%d requests, %d told, %d by webhook", w.third.requests(), len(w.told.sent), w.hook.requests())
	}
	w.minute(t) // The sweeper takes them off the list.
	if left := len(w.kinds["open"]); left != 0 || len(w.uploads.messages)+len(w.outcomes.messages) != 0 {
		t.Errorf("%d are open, %d and %d messages left", left, len(w.uploads.messages), len(w.outcomes.messages))
	}
	if w.figure(t, "Generated") != 2 || w.figure(t, "GeneratedItems") != 80 || w.figure(t, "Uploaded") != 2 || w.figure(t, "Notified") != 2 {
		t.Errorf("the figures are %s", w.metrics.String())
	}
	if diff := cmp.Diff([]string{"booked", "generating", "generated", "uploading", "uploaded"}, w.past[b.ID]); diff != "" {
		t.Error(diff)
	}
}
