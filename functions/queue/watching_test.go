package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

// beside is a bucket beside the page.
type beside struct {
	body  string
	err   error
	calls int
}

func (b *beside) GetObject(_ context.Context, key string) ([]byte, error) {
	b.calls++
	if key != queue.ReadersObject {
		return nil, errors.New("not " + key)
	}
	return []byte(b.body), b.err
}

// Who joins gets what the page would ask for next, if the page wants it. Whatever of it cannot be had keeps nobody from joining.
func TestJoinBringsWhatIsWatched(t *testing.T) {
	const credentials = `{"session_token":"abc"}`
	for name, c := range map[string]struct {
		objects beside
		asks    string
		silent  bool // No status was written yet.
		readers string
		status  bool
	}{
		"wanted":         {beside{body: credentials}, `,"watch":true`, false, credentials, true},
		"not wanted":     {beside{body: credentials}, ``, false, "", false},
		"no credentials": {beside{}, `,"watch":true`, false, "", true},
		"half of them":   {beside{body: credentials[:9]}, `,"watch":true`, false, "", true},
		"not reached":    {beside{body: credentials, err: errors.New("no")}, `,"watch":true`, false, "", true},
		"no status":      {beside{body: credentials}, `,"watch":true`, true, credentials, false},
	} {
		w := newWorld(200_000, sale())
		if !c.silent {
			w.mustLead(t, w.keeper("k"))
		}
		j := w.join()
		j.Watching = &queue.Watching{Objects: &c.objects, Store: w.store(), Clock: w.clock, Log: discard}
		for range 2 { // The second time it is known.
			response, err := j.Handle(t.Context(), post(`{"sale":"gig","nonce":"`+nonce+`"`+c.asks+`}`))
			if err != nil || response.StatusCode != 202 {
				t.Fatalf("%s: %+v, %v", name, response, err)
			}
			var answer struct {
				Readers json.RawMessage
				Status  string
			}
			if err := json.Unmarshal([]byte(response.Body), &answer); err != nil {
				t.Fatal(err)
			}
			if string(answer.Readers) != c.readers || c.status != strings.HasPrefix(answer.Status, "200000 open 100000 ") {
				t.Errorf("%s: %s", name, response.Body)
			}
		}
		if most := min(1, len(c.asks)); c.objects.calls != most {
			t.Errorf("%s: the object was read %d times, not %d", name, c.objects.calls, most)
		}
	}
}

// What joining brings is packed for a client that takes gzip, and the same.
func TestJoinPacksWhatIsWatched(t *testing.T) {
	w := newWorld(200_000, sale())
	j := w.join()
	j.Watching = &queue.Watching{Objects: published{}, Store: w.store(), Clock: w.clock, Log: discard}
	answers := map[string]queue.Response{}
	for _, takes := range []string{"", "br", "gzip, deflate, br", "gzip"} {
		request := post(`{"sale":"gig","nonce":"` + nonce + `","watch":true}`)
		request.Headers = map[string]string{"accept-encoding": takes}
		response, err := j.Handle(t.Context(), request)
		if err != nil || response.StatusCode != 202 {
			t.Fatalf("%+v, %v", response, err)
		}
		answers[takes] = response
	}
	sent, plain := bodyOf(t, answers["gzip"])
	if again, _ := bodyOf(t, answers["gzip, deflate, br"]); again != sent || string(plain) != answers[""].Body || answers["br"].Body != answers[""].Body {
		t.Error("the answers differ")
	}
	// A token is random, in base64: six bits of each byte.
	if share := float64(len(sent)) / float64(len(plain)); share > 0.85 {
		t.Errorf("%d bytes of %d", len(sent), len(plain))
	}
}

// Credentials that were renewed reach those who join within a minute.
func TestWatchingReadsAgain(t *testing.T) {
	w := newWorld(200_000, sale())
	objects, j := beside{body: `{"n":1}`}, w.join()
	j.Watching = &queue.Watching{Objects: &objects, Store: w.store(), Clock: w.clock, Log: discard}
	for _, has := range []string{`"readers":{"n":1}`, `"readers":{"n":1}`, `"readers":{"n":2}`} {
		response, err := j.Handle(t.Context(), post(`{"sale":"gig","nonce":"`+nonce+`","watch":true}`))
		if err != nil || !strings.Contains(response.Body, has) {
			t.Errorf("%s, %v; want %s", response.Body, err, has)
		}
		objects.body = `{"n":2}`
		w.clock.pass(30 * time.Second)
	}
}
