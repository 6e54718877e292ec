package bookings_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

// generated is a world with a booking whose data is to be sent.
func generated(t *testing.T) (*world, bookings.Booking) {
	t.Helper()
	w := newWorld(t)
	w.fill(12, "Kew")
	b := w.book(t, "Kew")
	w.create(t)
	return w, w.booking(t, b.ID)
}

// upload lets the uploader look at a booking.
func (w *world) upload(t *testing.T, id string) bookings.Booking {
	t.Helper()
	response, err := w.uploader().Handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: fmt.Sprintf(`{"booking":%q}`, id)}}})
	if err != nil || len(response.BatchItemFailures) != 0 {
		t.Fatalf("%v, %v", response, err)
	}
	return w.booking(t, id)
}

func TestUploaderTakesTheThirdPartyAsItIs(t *testing.T) {
	for name, test := range map[string]struct {
		how    weather
		status bookings.Status
		reason string
		wait   time.Duration // Until the next try.
		taken  int           // Data that the third party has after it.
	}{
		"takes it":                         {sunny, bookings.Uploaded, "", 0, 1},
		"is down":                          {down, bookings.Uploading, "it answered 503: back soon", 3750 * time.Millisecond, 0},
		"fails, and took it":               {broken, bookings.Uploading, "it answered 500", 3750 * time.Millisecond, 1},
		"hangs":                            {hangs, bookings.Uploading, "there was no answer: context deadline exceeded", 3750 * time.Millisecond, 0},
		"hangs up, and took it":            {hungUp, bookings.Uploading, "there was no answer: EOF", 3750 * time.Millisecond, 1},
		"says yes with a page of errors":   {lies, bookings.Uploading, "it answered with success and a page of HTML: it answered 200: <h1>Sign in</h1>", 3750 * time.Millisecond, 0},
		"has too much to do":               {busy, bookings.Uploading, "it answered 429", hourGlass, 0},
		"declines":                         {declines, bookings.Failed, "it answered 422: no such audience", 0, 0},
		"sends on":                         {sendsOn, bookings.Failed, "it answered 307 and sends on to ", 0, 0},
		"says all that it heard, the like": {echoes, bookings.Failed, "it answered 400: map[", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := generated(t)
			w.third.set(test.how)
			if test.how == hangs {
				w.timeout = 50 * time.Millisecond
			}
			b = w.upload(t, b.ID)
			if b.Status != test.status || !strings.HasPrefix(b.Reason, test.reason) || test.reason == "" && b.Reason != "" || b.Attempts != 1 {
				t.Errorf("%+v", b)
			}
			if wait := time.Duration(max(0, b.Next-w.clock.at.Load())) * time.Millisecond; wait != test.wait {
				t.Errorf("it is put off for %s", wait)
			}
			if len(w.third.has()) != test.taken || w.third.elsewhere() != 0 {
				t.Errorf("the third party has %d, and was asked %d times elsewhere", len(w.third.has()), w.third.elsewhere())
			}
			if said := w.log.String() + b.Reason + w.metrics.String(); strings.Contains(said, "s3cr3t") || strings.Contains(said, "t0psecret") {
				t.Errorf("a secret is told: %s", said)
			}
			w.third.set(sunny)
			for range 5 {
				w.minute(t)
			}
			b = w.booking(t, b.ID)
			if want := map[bool]bookings.Status{true: bookings.Failed, false: bookings.Uploaded}[test.status == bookings.Failed]; b.Status != want {
				t.Errorf("afterwards it is %+v", b)
			}
			if have := len(w.third.has()); have != map[bool]int{true: 0, false: 1}[test.status == bookings.Failed] {
				t.Errorf("the third party has %d in the end", have)
			}
			if len(w.told.sent) != 1 || !strings.Contains(w.told.sent[0], `"type":"booking.`+string(b.Status)) {
				t.Errorf("told: %q", w.told.sent)
			}
		})
	}
}

// While a try is under way, and after its end, messages that come again change nothing.
func TestUploaderMindsDuplicates(t *testing.T) {
	w, b := generated(t)
	w.third.mu.Lock()
	w.third.of = func() weather {
		for range 3 {
			w.third.mu.Unlock()
			w.upload(t, b.ID)
			w.third.mu.Lock()
		}
		return sunny
	}
	w.third.mu.Unlock()
	w.upload(t, b.ID)
	if b = w.upload(t, b.ID); b.Status != bookings.Uploaded || b.Attempts != 1 || w.third.requests() != 1 {
		t.Errorf("%d requests: %+v", w.third.requests(), b)
	}
	w.upload(t, w.book(t, "Kew").ID) // No data yet.
	w.third.of = nil
	if response, _ := w.uploader().Handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "odd", Body: "{}"}}}); len(response.BatchItemFailures) != 1 {
		t.Error("a message that nobody can read is taken for done")
	}
}

// What the bucket or the secret do not give is no failure of the third party.
func TestUploaderBlamesAWS(t *testing.T) {
	for name, spoil := range map[string]func(*world, bookings.Booking){
		"the object breaks off": func(w *world, _ bookings.Booking) { w.bucket.broken = 10 },
		"the object is gone":    func(w *world, b bookings.Booking) { delete(w.bucket.objects, b.Object) },
		"the secret is denied": func(w *world, _ bookings.Booking) {
			w.fateOf = func(call string) fate { return map[bool]fate{true: before}[call == "secret"] }
		},
	} {
		w, b := generated(t)
		spoil(w, b)
		b = w.upload(t, b.ID)
		if b.Status != bookings.Uploading || !strings.HasPrefix(b.Reason, "its data or the secret could not be read: ") || b.Next != begun+3750 || len(w.third.has()) != 0 {
			t.Errorf("%s: %+v", name, b)
		}
		if c, err := w.store().Circuit(t.Context()); err != nil || c.Failures != 0 {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

// A third party that stops reading is to blame, not the bucket.
func TestUploaderMindsOneThatStalls(t *testing.T) {
	w, b := generated(t)
	w.bucket.objects[b.Object] = make([]byte, 64<<20) // More than what is on its way between two.
	over := make(chan struct{})
	stalls := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	t.Cleanup(func() {
		close(over)
		stalls.Close()
	})
	w.third.Server, w.timeout = stalls, 200*time.Millisecond
	b = w.upload(t, b.ID)
	if c, err := w.store().Circuit(t.Context()); err != nil || c.Failures != 1 || b.Status != bookings.Uploading || !strings.HasPrefix(b.Reason, "there was no answer: ") {
		t.Errorf("%+v, %v: %+v", c, err, b)
	}
}

// A third party that is down for nine hours is asked now and then, by one booking at a time, and has everything once soon after.
func TestCircuit(t *testing.T) {
	w := newWorld(t)
	w.fill(6, "Kew")
	w.most = 40
	var ids []string
	for range 40 {
		ids = append(ids, w.book(t, "Kew").ID)
	}
	w.create(t)
	w.third.set(down)
	w.minute(t)
	atFirst := w.third.requests()
	if c, err := w.store().Circuit(t.Context()); err != nil || !c.Open(w.clock.Now()) || atFirst != 5 {
		t.Fatalf("after %d requests the circuit is %+v, %v", atFirst, c, err)
	}
	sent := w.uploads.sent
	for range 9 * 60 {
		w.minute(t)
	}
	if n := w.third.requests() - atFirst; n < 15 || n > 40 {
		t.Errorf("it was asked %d times in nine hours", n)
	}
	if n := w.uploads.sent - sent; n > 40*30 {
		t.Errorf("%d messages were sent", n)
	}
	if w.figure(t, "CircuitOpen") < 9*60-1 || len(w.outcomes.messages) != 0 {
		t.Errorf("the circuit was open for %v minutes", w.figure(t, "CircuitOpen"))
	}
	w.third.set(sunny)
	for range 40 {
		w.minute(t)
	}
	for _, id := range ids {
		if b := w.booking(t, id); b.Status != bookings.Uploaded {
			t.Errorf("%+v", b)
		}
	}
	if len(w.third.has()) != 40 {
		t.Errorf("the third party has %d", len(w.third.has()))
	}
	if c, err := w.store().Circuit(t.Context()); err != nil || c.Opened != 0 || c.Failures != 0 {
		t.Errorf("the circuit is %+v, %v", c, err)
	}
}

// One booking at a time tries a circuit that is half open.
func TestCircuitHasOneProbe(t *testing.T) {
	w := newWorld(t)
	w.fill(6, "Kew")
	w.most = 10
	for range 10 {
		w.book(t, "Kew")
	}
	w.create(t)
	w.third.set(down)
	w.minute(t)
	before := w.third.requests()
	w.clock.pass(2 * time.Hour)
	var others []string
	for id := range w.kinds["open"] {
		others = append(others, id)
	}
	slices.Sort(others)
	w.third.mu.Lock()
	once := true
	w.third.of = func() weather {
		if once {
			once = false
			for _, id := range others {
				w.third.mu.Unlock()
				w.upload(t, id)
				w.third.mu.Lock()
			}
		}
		return sunny
	}
	w.third.mu.Unlock()
	w.upload(t, others[0])
	if n := w.third.requests() - before; n != 1 {
		t.Errorf("%d tried at the same time", n)
	}
	minutes := 0
	for ; len(w.third.has()) < len(others) && minutes < 20; minutes++ {
		w.minute(t)
	}
	if minutes > 2 {
		t.Errorf("the others followed after %d minutes", minutes)
	}
}

// A secret that was changed is read again, however often the third party did not answer before: requests that are not authorized are counted by themselves.
func TestUploaderIsDeniedAfterAnOutage(t *testing.T) {
	w, b := generated(t)
	w.third.set(down)
	for range 30 {
		w.minute(t)
	}
	if is := w.booking(t, b.ID); is.Attempts < 3 || is.Status != bookings.Uploading {
		t.Fatalf("while the third party is down: %+v", is)
	}
	untilAsked := func(how weather) bookings.Booking {
		t.Helper()
		w.third.set(how)
		for before, minutes := w.third.requests(), 0; w.third.requests() == before; minutes++ {
			if w.minute(t); minutes == 24*60 {
				t.Fatalf("nobody asks: %+v", w.booking(t, b.ID))
			}
		}
		return w.booking(t, b.ID)
	}
	for try := range 2 {
		if is := untilAsked(denies); is.Status != bookings.Uploading || is.Reason != "it answered 401" {
			t.Fatalf("denied for the %d. time: %+v", try+1, is)
		}
	}
	untilAsked(down) // Then it counts from the beginning.
	for try := range 2 {
		if is := untilAsked(denies); is.Status != bookings.Uploading {
			t.Fatalf("denied again for the %d. time: %+v", try+1, is)
		}
	}
	if is := untilAsked(denies); is.Status != bookings.Failed || is.Reason != "it answered 401" {
		t.Errorf("denied for the third time: %+v", is)
	}
	retried, err := w.store().Retry(t.Context(), b.ID)
	if err != nil || retried.Status != bookings.Generated {
		t.Fatalf("%+v, %v", retried, err)
	}
	if is := untilAsked(denies); is.Status != bookings.Uploading {
		t.Errorf("denied once since it was retried: %+v", is)
	}
	if is := untilAsked(sunny); is.Status != bookings.Uploaded {
		t.Errorf("with the new secret: %+v", is)
	}
}

// Sending is given up at the deadline, whether the circuit is open or not.
func TestUploaderGivesUp(t *testing.T) {
	w, b := generated(t)
	w.third.set(down)
	for range 23 * 60 {
		w.minute(t)
	}
	if is := w.booking(t, b.ID); is.Status != bookings.Uploading {
		t.Fatalf("%+v", is)
	}
	for range 62 {
		w.minute(t)
	}
	is := w.booking(t, b.ID)
	if is.Status != bookings.Failed || is.Reason != fmt.Sprintf("given up after %d tries: it answered 503: back soon", is.Attempts) || is.EndedAt-b.Deadline > time.Minute.Milliseconds() {
		t.Errorf("%+v", is)
	}
	if w.figure(t, "UploadFailed") != 1 || len(w.told.sent) != 1 {
		t.Errorf("failed %v, told %q", w.figure(t, "UploadFailed"), w.told.sent)
	}
}

// The client trusts nobody to send it elsewhere, and takes no proxy.
func TestNewClient(t *testing.T) {
	client := bookings.NewClient()
	if transport, ok := client.Transport.(*http.Transport); !ok || transport.Proxy != nil || transport.TLSHandshakeTimeout == 0 {
		t.Errorf("%+v", client.Transport)
	}
	if err := client.CheckRedirect(nil, nil); err != http.ErrUseLastResponse { //nolint:errorlint // net/http compares it.
		t.Error(err)
	}
}

// A batch is given back where there is no time for it.
func TestUploaderMindsItsDeadline(t *testing.T) {
	w, b := generated(t)
	event := events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", Body: `{"booking":"none"}`}, {MessageId: "2", Body: fmt.Sprintf(`{"booking":%q}`, b.ID)}}}
	response, err := w.uploader().Handle(dated{context.Background(), w.clock.Now().Add(20 * time.Second)}, event)
	if err != nil || len(response.BatchItemFailures) != 1 || response.BatchItemFailures[0].ItemIdentifier != "2" || w.third.requests() != 0 {
		t.Errorf("%v, %v", response, err)
	}
}
