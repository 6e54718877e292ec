package votingwindow_test

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

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

const sessionSecret, sessionToken = "wJalrXUtnFEMI/K7MDENG", "FwoGZXIvYXdzEJr//////////wEaDKEXAMPLETOKEN"

// issuance is the voters' role and the page's bucket. It notes each call.
type issuance struct {
	clock   votingwindow.Clock
	skew    time.Duration // Of STS's clock against ours.
	control votingwindow.Control
	objects map[string][]byte
	cache   string
	calls   []string
	fails   map[string]error
}

func (i *issuance) call(name string) error {
	i.calls = append(i.calls, name)
	return i.fails[name]
}

func (i *issuance) ReadControl(context.Context) (votingwindow.Control, error) {
	return i.control, i.call("control")
}

func (i *issuance) Assume(_ context.Context, lasts time.Duration) (votingwindow.Session, error) {
	if err := i.call("assume for " + lasts.String()); err != nil {
		return votingwindow.Session{}, err
	}
	return votingwindow.Session{
		AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: sessionSecret, SessionToken: sessionToken,
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
	delete(i.objects, key)
	return i.call("delete " + key)
}

func credentialsAt(after time.Duration) (*votingwindow.Credentials, *issuance, *bytes.Buffer) {
	clock := &manualClock{now: scaleOpens.Add(after)}
	i := &issuance{clock: clock, objects: map[string][]byte{}, fails: map[string]error{}}
	log := &bytes.Buffer{}
	return &votingwindow.Credentials{
		InForce: &votingwindow.Clocked{Window: scaleWindow, Store: i, Clock: clock}, Role: i, Bucket: i,
		QueueURL: "https://sqs.eu-west-1.amazonaws.com/123456789012/final-votes", Region: "eu-west-1", Clock: clock,
		Log: slog.New(slog.NewJSONHandler(log, nil)),
	}, i, log
}

func TestCredentialsByTime(t *testing.T) {
	const object = "credentials.json"
	extended := votingwindow.Control{ClosesAt: scaleOpens.Add(2 * time.Hour), Of: scaleWindow.ClosesAt}
	shortened := votingwindow.Control{ClosesAt: scaleOpens.Add(30 * time.Minute), Of: scaleWindow.ClosesAt}
	issue := []string{"control", "assume for 1h0m0s", "put " + object}
	for name, c := range map[string]struct {
		at      time.Duration // After the opening.
		there   bool          // The object, before.
		control votingwindow.Control
		want    string
		calls   []string
	}{
		"long before":              {-24 * time.Hour, false, votingwindow.Control{}, "idle", []string{"get " + object}},
		"left of another window":   {-24 * time.Hour, true, votingwindow.Control{}, "removed", []string{"get " + object, "delete " + object}},
		"just before the lead":     {-30*time.Minute - 1, false, votingwindow.Control{}, "idle", []string{"get " + object}},
		"the lead":                 {-30 * time.Minute, false, votingwindow.Control{}, "issued", issue},
		"open":                     {10 * time.Minute, true, votingwindow.Control{}, "issued", issue},
		"in grace":                 {time.Hour + 2*time.Minute - 1, true, votingwindow.Control{}, "issued", issue},
		"grace is over":            {time.Hour + 2*time.Minute, true, votingwindow.Control{}, "removed", []string{"control", "get " + object, "delete " + object}},
		"over and gone":            {24 * time.Hour, false, votingwindow.Control{}, "idle", []string{"control", "get " + object}},
		"extended by an operator":  {time.Hour + 30*time.Minute, true, extended, "issued", issue},
		"closed by an operator":    {33 * time.Minute, true, shortened, "removed", []string{"control", "get " + object, "delete " + object}},
		"in grace of that closing": {31 * time.Minute, true, shortened, "issued", issue},
	} {
		t.Run(name, func(t *testing.T) {
			function, i, _ := credentialsAt(c.at)
			i.control = c.control
			if c.there {
				i.objects[object] = []byte("{}")
			}
			answer, err := function.Handle(t.Context(), json.RawMessage("{}"))
			if err != nil || answer.Did != c.want {
				t.Fatalf("got %+v, %v, want %s", answer, err, c.want)
			}
			if !slices.Equal(i.calls, c.calls) {
				t.Errorf("calls were %q, should be %q", i.calls, c.calls)
			}
			if _, there := i.objects[object]; there != (c.want == "issued") {
				t.Errorf("the object is there: %t", there)
			}
		})
	}
}

func TestCredentialsObject(t *testing.T) {
	function, i, _ := credentialsAt(0)
	function.Endpoint = "http://127.0.0.1:4566"
	answer, err := function.Handle(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := (votingwindow.CredentialsAnswer{Did: "issued", ExpiresAt: "2030-05-04T21:00:00Z"}); answer != want {
		t.Errorf("answer is %+v, should be %+v", answer, want)
	}
	want := `{"access_key_id":"ASIAEXAMPLE","secret_access_key":"` + sessionSecret + `","session_token":"` + sessionToken + `",` +
		`"issued_at":"2030-05-04T20:00:00Z","expires_at":"2030-05-04T21:00:00Z",` +
		`"queue_url":"https://sqs.eu-west-1.amazonaws.com/123456789012/final-votes","region":"eu-west-1","endpoint":"http://127.0.0.1:4566"}`
	if got := string(i.objects["credentials.json"]); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if i.cache != "application/json max-age=60" {
		t.Errorf("cached as %q", i.cache)
	}
}

// TestCredentialsOverlap proves that from the opening to the closing there is always a session with twenty minutes left, at whatever
// minute ticks come, and though one of them fails altogether.
func TestCredentialsOverlap(t *testing.T) {
	for phase := range 20 {
		function, i, _ := credentialsAt(-31*time.Minute + time.Duration(phase)*time.Minute)
		clock := i.clock.(*manualClock)
		var expires time.Time
		next, ticks := clock.Now(), 0
		if phase > 1 { // The tick before this one fell into the lead, too.
			next = next.Add(-20 * time.Minute)
		}
		for now := next; now.Before(scaleWindow.ClosesAt); now = now.Add(time.Minute) {
			if now.Equal(next) {
				clock.set(now)
				if ticks++; ticks != 3 { // The third is lost.
					if answer, err := function.Handle(t.Context(), nil); err != nil {
						t.Fatal(err)
					} else if answer.Did == "issued" {
						expires, _ = time.Parse(time.RFC3339, answer.ExpiresAt)
					}
				}
				next = next.Add(20 * time.Minute)
			}
			if left := expires.Sub(now); !now.Before(scaleOpens) && left < 20*time.Minute {
				t.Fatalf("phase %d: at %s the session has %s left", phase, now, left)
			}
		}
	}
}

func TestCredentialsRevoke(t *testing.T) {
	for name, c := range map[string]struct {
		at, skew time.Duration
		fails    map[string]error
		calls    []string
		want     votingwindow.CredentialsAnswer
		says     string // In the error.
	}{
		"open": {at: 10 * time.Minute,
			calls: []string{"revoke before 20:10:01", "control", "assume for 1h0m0s", "put credentials.json"},
			want:  votingwindow.CredentialsAnswer{Did: "issued", ExpiresAt: "2030-05-04T21:10:10Z", RevokedBefore: "2030-05-04T20:10:01Z"}},
		"STS's clock is late": {at: 10 * time.Minute, skew: -15 * time.Second,
			calls: []string{"revoke before 20:10:01", "control", "assume for 1h0m0s", "assume for 1h0m0s", "put credentials.json"},
			want:  votingwindow.CredentialsAnswer{Did: "issued", ExpiresAt: "2030-05-04T21:10:05Z", RevokedBefore: "2030-05-04T20:10:01Z"}},
		"STS's clock is wrong": {at: 10 * time.Minute, skew: -time.Hour,
			calls: []string{"revoke before 20:10:01", "control", "assume for 1h0m0s", "assume for 1h0m0s", "assume for 1h0m0s"},
			want:  votingwindow.CredentialsAnswer{RevokedBefore: "2030-05-04T20:10:01Z"}, says: "invoke the function again"},
		"outside the window": {at: -5 * time.Hour,
			calls: []string{"revoke before 15:00:01", "get credentials.json"},
			want:  votingwindow.CredentialsAnswer{Did: "idle", RevokedBefore: "2030-05-04T15:00:01Z"}},
		"refused": {at: 10 * time.Minute, fails: map[string]error{"revoke before 20:10:01": errors.New("denied")},
			calls: []string{"revoke before 20:10:01"}, says: "revoke credentials: denied"},
	} {
		t.Run(name, func(t *testing.T) {
			function, i, log := credentialsAt(c.at)
			i.skew = c.skew
			if c.fails != nil {
				i.fails = c.fails
			}
			answer, err := function.Handle(t.Context(), json.RawMessage(`{"revoke":true}`))
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

func TestCredentialsRevokeStopsWithItsContext(t *testing.T) {
	function, i, _ := credentialsAt(0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	function.Clock = votingwindow.SystemClock{}
	if _, err := function.Handle(ctx, json.RawMessage(`{"revoke":true}`)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(i.calls) != 1 {
		t.Errorf("calls were %q", i.calls)
	}
}

// TestCredentialsKeepTheSecret looks for the secret wherever a fault could carry it.
func TestCredentialsKeepTheSecret(t *testing.T) {
	for _, failing := range []string{"control", "assume for 1h0m0s", "put credentials.json", "revoke before 20:00:01", ""} {
		for _, event := range []string{"{}", `{"revoke":true}`, "[]"} {
			function, i, log := credentialsAt(0)
			if failing != "" {
				i.fails[failing] = errors.New("no answer")
			}
			answer, err := function.Handle(t.Context(), json.RawMessage(event))
			encoded, _ := json.Marshal(answer)
			said := fmt.Sprintf("%s %v %+v %#v %s", encoded, err, answer, answer, log)
			if strings.Contains(said, sessionSecret) || strings.Contains(said, sessionToken) {
				t.Errorf("%s, %s fails: %s", event, failing, said)
			}
		}
	}
	session := votingwindow.Session{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: sessionSecret, SessionToken: sessionToken, ExpiresAt: scaleOpens}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("by mistake", "session", session)
	if said := fmt.Sprintf("%v %+v %#v %s %s", session, session, session, session, &log); strings.Contains(said, sessionSecret) || strings.Contains(said, sessionToken) {
		t.Error(said)
	}
}
