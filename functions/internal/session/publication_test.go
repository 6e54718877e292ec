package session_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/session"
)

const (
	secret, token = "wJalrXUtnFEMI/K7MDENG", "FwoGZXIvYXdzEJr//////////wEaDKEXAMPLETOKEN"
	object        = "credentials.json"
)

// evening is when the tests' clocks begin.
var evening = time.Date(2030, 5, 4, 20, 0, 0, 0, time.UTC)

// manualClock stands still but for the waits, which pass at once.
type manualClock struct{ now time.Time }

func (c *manualClock) Now() time.Time { return c.now }

func (c *manualClock) After(d time.Duration) <-chan time.Time {
	c.now = c.now.Add(d)
	passed := make(chan time.Time, 1)
	passed <- c.now
	return passed
}

// issuance is a role and the page's bucket. It notes each call.
type issuance struct {
	clock   *manualClock
	skew    time.Duration // Of STS's clock against ours.
	due     bool
	objects map[string][]byte
	cache   string
	calls   []string
	fails   map[string]error
}

func (i *issuance) call(name string) error {
	i.calls = append(i.calls, name)
	return i.fails[name]
}

func (i *issuance) isDue(context.Context) (bool, error) { return i.due, i.call("due") }

func (i *issuance) Assume(_ context.Context, lasts time.Duration) (session.Session, error) {
	if err := i.call("assume for " + lasts.String()); err != nil {
		return session.Session{}, err
	}
	return session.Session{
		AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: secret, SessionToken: token,
		ExpiresAt: i.clock.Now().Add(i.skew + lasts).UTC().Truncate(time.Second),
	}, nil
}

func (i *issuance) RevokeBefore(_ context.Context, moment time.Time) error {
	return i.call("revoke before " + moment.Format("15:04:05"))
}

func (i *issuance) GetObject(_ context.Context, key string) ([]byte, error) {
	return i.objects[key], i.call("get " + key)
}

func (i *issuance) PutObject(_ context.Context, key string, body []byte, contentType, cacheControl string) error {
	if err := i.call("put " + key); err != nil {
		return err
	}
	i.objects[key], i.cache = body, contentType+" "+cacheControl
	return nil
}

func (i *issuance) DeleteObject(_ context.Context, key string) error {
	if err := i.call("delete " + key); err != nil {
		return err
	}
	delete(i.objects, key)
	return nil
}

// published is the object of the tests.
type published struct {
	session.Published
	For string `json:"for"`
}

// publication is one that has issued no session yet.
func publication() (*session.Publication, *issuance, *bytes.Buffer) {
	i := &issuance{clock: &manualClock{evening}, due: true, objects: map[string][]byte{}, fails: map[string]error{}}
	log := &bytes.Buffer{}
	return &session.Publication{
		Object: object, Issuer: i, Objects: i, Clock: i.clock, Log: slog.New(slog.NewJSONHandler(log, nil)),
		Describe: func(p session.Published) any { return published{p, "reading"} },
	}, i, log
}

func (i *issuance) tick(t *testing.T, p *session.Publication) session.Answer {
	t.Helper()
	i.calls = nil
	answer, err := p.Handle(t.Context(), json.RawMessage("{}"), i.isDue)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

var issues = []string{"due", "assume for 1h0m0s", "put " + object}

func TestObject(t *testing.T) {
	p, i, _ := publication()
	if got, want := i.tick(t, p), (session.Answer{Did: "issued", ExpiresAt: "2030-05-04T21:00:00Z"}); got != want {
		t.Errorf("answer is %+v, should be %+v", got, want)
	}
	want := `{"access_key_id":"ASIAEXAMPLE","secret_access_key":"` + secret + `","session_token":"` + token + `",` +
		`"issued_at":"2030-05-04T20:00:00Z","expires_at":"2030-05-04T21:00:00Z","for":"reading"}`
	if got := string(i.objects[object]); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if i.cache != "application/json max-age=60" {
		t.Errorf("cached as %q", i.cache)
	}
}

// TestRenewal gives what the next tick finds after a session was issued.
func TestRenewal(t *testing.T) {
	look := []string{"due", "get " + object}
	for name, c := range map[string]struct {
		after time.Duration
		spoil func(p *session.Publication, i *issuance)
		did   string
		calls []string
	}{
		"a minute later":      {time.Minute, nil, "kept", look},
		"just before its age": {20*time.Minute - 1, nil, "kept", look},
		"at its age":          {20 * time.Minute, nil, "issued", append(slices.Clone(look), issues[1:]...)},
		"it is gone":          {time.Minute, func(_ *session.Publication, i *issuance) { delete(i.objects, object) }, "issued", append(slices.Clone(look), issues[1:]...)},
		"it is none":          {time.Minute, func(_ *session.Publication, i *issuance) { i.objects[object] = []byte("<html>") }, "issued", append(slices.Clone(look), issues[1:]...)},
		"it cannot be read":   {time.Minute, func(_ *session.Publication, i *issuance) { i.fails["get "+object] = errors.New("slow down") }, "issued", append(slices.Clone(look), issues[1:]...)},
		"it is for something else": {time.Minute, func(p *session.Publication, _ *issuance) {
			p.Describe = func(s session.Published) any { return published{s, "other"} }
		}, "issued", append(slices.Clone(look), issues[1:]...)},
		"another environment's tick": {time.Minute, func(p *session.Publication, _ *issuance) {
			*p = session.Publication{Object: p.Object, Issuer: p.Issuer, Objects: p.Objects, Describe: p.Describe, Clock: p.Clock, Log: p.Log}
		}, "issued", issues},
		"not due any more": {time.Minute, func(_ *session.Publication, i *issuance) { i.due = false }, "removed", []string{"due", "get " + object, "delete " + object}},
	} {
		t.Run(name, func(t *testing.T) {
			p, i, _ := publication()
			i.tick(t, p)
			i.clock.now = i.clock.now.Add(c.after)
			if c.spoil != nil {
				c.spoil(p, i)
			}
			if answer := i.tick(t, p); answer.Did != c.did {
				t.Errorf("it %s, should have %s", answer.Did, c.did)
			}
			if !slices.Equal(i.calls, c.calls) {
				t.Errorf("calls were %q, should be %q", i.calls, c.calls)
			}
		})
	}
}

// TestNothingDue costs one look a tick.
func TestNothingDue(t *testing.T) {
	p, i, _ := publication()
	i.due = false
	for range 3 {
		if answer := i.tick(t, p); answer.Did != "idle" || !slices.Equal(i.calls, []string{"due", "get " + object}) {
			t.Errorf("it was %s with %q", answer.Did, i.calls)
		}
	}
}

// TestOverlap proves that there is always a session with 38 minutes left, though every second tick fails altogether.
func TestOverlap(t *testing.T) {
	p, i, _ := publication()
	var expires time.Time
	for minute := range 300 {
		i.clock.now = evening.Add(time.Duration(minute) * time.Minute)
		if minute%2 == 0 {
			answer := i.tick(t, p)
			if answer.Did == "issued" {
				expires, _ = time.Parse(time.RFC3339, answer.ExpiresAt)
			}
		}
		if left := expires.Sub(i.clock.now); left < 38*time.Minute {
			t.Fatalf("in minute %d the session has %s left", minute, left)
		}
	}
}

// TestFailedRevocation leaves no revoked session behind: whatever fails after it, the next tick issues a new one.
func TestFailedRevocation(t *testing.T) {
	for _, failing := range []string{"assume for 1h0m0s", "put " + object, "due", "delete " + object} {
		p, i, _ := publication()
		i.tick(t, p)
		i.fails[failing] = errors.New("no answer")
		_, err := p.Handle(t.Context(), json.RawMessage(`{"revoke":true}`), i.isDue)
		if (err == nil) != (failing == "delete "+object) {
			t.Errorf("%s fails: %v", failing, err)
		}
		if err == nil {
			continue // It issued one.
		}
		delete(i.fails, failing)
		if answer := i.tick(t, p); answer.Did != "issued" {
			t.Errorf("after %s failed the next tick %s", failing, answer.Did)
		}
	}
}

func TestRevoke(t *testing.T) {
	for name, c := range map[string]struct {
		at, skew time.Duration
		not      bool // Due.
		fails    map[string]error
		calls    []string
		want     session.Answer
		says     string // In the error.
	}{
		"open": {at: 10 * time.Minute,
			calls: []string{"revoke before 20:10:01", "delete credentials.json", "due", "assume for 1h0m0s", "put credentials.json"},
			want:  session.Answer{Did: "issued", ExpiresAt: "2030-05-04T21:10:10Z", RevokedBefore: "2030-05-04T20:10:01Z"}},
		"STS's clock is late": {at: 10 * time.Minute, skew: -15 * time.Second,
			calls: []string{"revoke before 20:10:01", "delete credentials.json", "due", "assume for 1h0m0s", "assume for 1h0m0s", "put credentials.json"},
			want:  session.Answer{Did: "issued", ExpiresAt: "2030-05-04T21:10:05Z", RevokedBefore: "2030-05-04T20:10:01Z"}},
		"STS's clock is wrong": {at: 10 * time.Minute, skew: -time.Hour,
			calls: []string{"revoke before 20:10:01", "delete credentials.json", "due", "assume for 1h0m0s", "assume for 1h0m0s", "assume for 1h0m0s"},
			want:  session.Answer{RevokedBefore: "2030-05-04T20:10:01Z"}, says: "invoke the function again"},
		"not due": {at: -5 * time.Hour, not: true,
			calls: []string{"revoke before 15:00:01", "delete credentials.json", "due", "get credentials.json"},
			want:  session.Answer{Did: "idle", RevokedBefore: "2030-05-04T15:00:01Z"}},
		"refused": {at: 10 * time.Minute, fails: map[string]error{"revoke before 20:10:01": errors.New("denied")},
			calls: []string{"revoke before 20:10:01"}, says: "revoke credentials: denied"},
	} {
		t.Run(name, func(t *testing.T) {
			p, i, log := publication()
			i.clock.now, i.skew, i.due = evening.Add(c.at), c.skew, !c.not
			if c.fails != nil {
				i.fails = c.fails
			}
			answer, err := p.Handle(t.Context(), json.RawMessage(`{"revoke":true}`), i.isDue)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got error %v, should say %q", err, c.says)
			}
			if answer != c.want {
				t.Errorf("got %+v, want %+v", answer, c.want)
			}
			if !slices.Equal(i.calls, c.calls) {
				t.Errorf("calls were %q, should be %q", i.calls, c.calls)
			}
			if revoked := strings.Contains(log.String(), "credentials revoked"); revoked != (c.fails == nil) {
				t.Errorf("log says %s", log)
			}
		})
	}
}

func TestRevokeStopsWithItsContext(t *testing.T) {
	p, i, _ := publication()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.Clock = stopped{}
	if _, err := p.Handle(ctx, json.RawMessage(`{"revoke":true}`), i.isDue); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if !slices.Equal(i.calls[1:], []string{"delete " + object}) {
		t.Errorf("calls were %q", i.calls)
	}
}

// TestNobodyTellsTheSecret looks for the secret wherever a fault could carry it.
func TestNobodyTellsTheSecret(t *testing.T) {
	for _, failing := range []string{"due", "assume for 1h0m0s", "put credentials.json", "revoke before 20:00:01", ""} {
		for _, event := range []string{"{}", `{"revoke":true}`, "[]"} {
			p, i, log := publication()
			if failing != "" {
				i.fails[failing] = errors.New("no answer")
			}
			answer, err := p.Handle(t.Context(), json.RawMessage(event), i.isDue)
			encoded, _ := json.Marshal(answer)
			said := fmt.Sprintf("%s %v %+v %#v %s", encoded, err, answer, answer, log)
			if strings.Contains(said, secret) || strings.Contains(said, token) {
				t.Errorf("%s, %s fails: %s", event, failing, said)
			}
		}
	}
	begun := session.Session{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: secret, SessionToken: token, ExpiresAt: evening}
	shown := session.Published{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: secret, SessionToken: token}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("by mistake", "session", begun, "published", shown)
	if said := fmt.Sprintf("%v %+v %#v %s %v %+v %#v %s %s", begun, begun, begun, begun, shown, shown, shown, shown, &log); strings.Contains(said, secret) || strings.Contains(said, token) {
		t.Error(said)
	}
}

// stopped is a clock whose waits never end.
type stopped struct{}

func (stopped) Now() time.Time { return evening }

func (stopped) After(time.Duration) <-chan time.Time { return nil }
