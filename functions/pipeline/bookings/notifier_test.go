package bookings_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

// ended is a world with a booking of which is to be told.
func ended(t *testing.T) (*world, bookings.Booking) {
	t.Helper()
	w, b := generated(t)
	return w, w.upload(t, b.ID)
}

func (w *world) tell(t *testing.T, id string) {
	t.Helper()
	response, err := w.notifier().Handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: fmt.Sprintf(`{"booking":%q}`, id)}}})
	if err != nil || len(response.BatchItemFailures) != 0 {
		t.Fatalf("%v, %v", response, err)
	}
}

func TestNotifierTells(t *testing.T) {
	w, b := ended(t)
	w.tell(t, b.ID)
	w.tell(t, b.ID) // Which is told already.
	if len(w.told.sent) != 1 || w.hook.requests() != 1 || w.figure(t, "Notified") != 1 {
		t.Fatalf("told %q, and %d times by webhook", w.told.sent, w.hook.requests())
	}
	var event bookings.Event
	if err := json.Unmarshal([]byte(w.told.sent[0]), &event); err != nil {
		t.Fatal(err)
	}
	want := bookings.Event{
		ID: b.ID + "-uploaded", Type: "booking.uploaded", Time: time.UnixMilli(begun).UTC(), System: "homes", Booking: b.ID, Segment: b.Segment, Value: "Kew",
		Status: bookings.Uploaded, Key: b.Key, Items: 12, Bytes: b.Bytes, Attempts: 1,
	}
	if diff := cmp.Diff(want, event); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	header := w.hook.headers()[0]
	key, err := base64.StdEncoding.DecodeString(webhookKey)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key) // As a receiver does it.
	fmt.Fprintf(mac, "%s.%s.%s", header.Get("webhook-id"), header.Get("webhook-timestamp"), w.told.sent[0])
	if header.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) || header.Get("webhook-id") != event.ID || header.Get("webhook-timestamp") != fmt.Sprint(begun/1000) {
		t.Errorf("%v", header)
	}
}

// The example of Standard Webhooks, "Signature scheme".
func TestSign(t *testing.T) {
	at := time.Unix(1614265330, 0)
	have, err := bookings.Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", at, []byte(`{"test": 2432232314}`))
	if err != nil || have != "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("have %s, %v", have, err)
	}
	plain, err := bookings.Sign("a secret", "1", at, []byte("{}"))
	mac := hmac.New(sha256.New, []byte("a secret"))
	mac.Write([]byte("1.1614265330.{}"))
	if err != nil || plain != base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		t.Errorf("have %s, %v", plain, err)
	}
	for _, secret := range []string{"", "whsec_", "whsec_?s3cr3t?"} {
		if _, err := bookings.Sign(secret, "1", at, nil); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v", secret, err)
		}
	}
}

// A webhook that is down hears of it later, the topic once.
func TestNotifierTriesAgain(t *testing.T) {
	for _, how := range []weather{down, broken, hungUp, declines, sendsOn, busy, echoes} {
		w, b := ended(t)
		w.hook.set(how)
		w.tell(t, b.ID)
		for range 30 {
			w.minute(t)
		}
		before := w.hook.requests()
		w.hook.set(sunny)
		for range 30 {
			w.minute(t)
		}
		if len(w.told.sent) != 1 || before < 5 || before > 30 || w.hook.requests() != before+1 || len(w.kinds["open"]) != 0 || w.hook.elsewhere() != 0 {
			t.Errorf("%d: told %d times, %d and %d by webhook, %d open", how, len(w.told.sent), before, w.hook.requests(), len(w.kinds["open"]))
		}
		ids := map[string]bool{}
		for _, header := range w.hook.headers() {
			ids[header.Get("Webhook-Id")] = true
		}
		if len(ids) != 1 || strings.Contains(w.log.String(), webhookKey) {
			t.Errorf("%d: the ids are %v", how, ids)
		}
	}
}

// Where nobody is told any more, a booking of whose end nobody was told is over all the same.
func TestNotificationsAreTakenAway(t *testing.T) {
	w, b := ended(t)
	sweeper := w.sweeper()
	sweeper.Outcomes, sweeper.Store.Notify = nil, false
	if err := sweeper.Handle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if is := w.booking(t, b.ID); is.Status != bookings.Uploaded || len(w.kinds["open"]) != 0 {
		t.Errorf("%d are open: %+v", len(w.kinds["open"]), is)
	}
}

func TestNotifierGivesUp(t *testing.T) {
	w, b := ended(t)
	w.hook.set(declines)
	for range 24*60 + 20 {
		w.minute(t)
	}
	if w.figure(t, "NotifyFailed") != 1 || w.figure(t, "Notified") != 0 || len(w.kinds["open"]) != 0 || w.booking(t, b.ID).Status != bookings.Uploaded {
		t.Errorf("given up %v times, %d open", w.figure(t, "NotifyFailed"), len(w.kinds["open"]))
	}
}

// Whichever call it dies at, it is told at least once, by each way, under one id.
func TestNotifierDies(t *testing.T) {
	for dies := 1; ; dies++ {
		for _, lost := range []bool{false, true} {
			w, b := ended(t)
			first := &life{dies: dies, lost: lost}
			event := events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: fmt.Sprintf(`{"booking":%q}`, b.ID)}}}
			_, _ = w.notifier().Handle(first.of(context.Background()), event)
			if !first.dead {
				if dies < 6 {
					t.Errorf("it took only %d calls", dies)
				}
				return
			}
			for range 15 {
				w.minute(t)
			}
			if n := len(w.told.sent); n < 1 || n > 2 || w.hook.requests() < 1 || w.hook.requests() > 2 || len(w.kinds["open"]) != 0 {
				t.Errorf("dead at call %d, lost %v: told %d times, %d by webhook", dies, lost, n, w.hook.requests())
			}
			for _, told := range w.told.sent {
				if !strings.Contains(told, `"id":"`+b.ID+`-uploaded"`) {
					t.Error(told)
				}
			}
		}
	}
}
