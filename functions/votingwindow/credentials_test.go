package votingwindow_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/session"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

const sessionSecret, sessionToken = "wJalrXUtnFEMI/K7MDENG", "FwoGZXIvYXdzEJr//////////wEaDKEXAMPLETOKEN"

// issuance is the voters' role and the page's bucket. It notes each call.
type issuance struct {
	clock   clock.Clock
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

func (i *issuance) Assume(_ context.Context, lasts time.Duration) (session.Session, error) {
	if err := i.call("assume for " + lasts.String()); err != nil {
		return session.Session{}, err
	}
	return session.Session{
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

// handingOut gives out sessions at a time after the opening.
func handingOut(after time.Duration, sessions *session.Publication) (*votingwindow.Credentials, *issuance) {
	clock := &manualClock{now: scaleOpens.Add(after)}
	i := &issuance{clock: clock, objects: map[string][]byte{}, fails: map[string]error{}}
	sessions.Issuer, sessions.Objects, sessions.Clock, sessions.Log = i, i, clock, slog.New(slog.DiscardHandler)
	return &votingwindow.Credentials{
		InForce: &votingwindow.Clocked{Window: scaleWindow, Store: i, Clock: clock}, Publication: sessions,
	}, i
}

func voterSessions(endpoint *string) *session.Publication {
	return votingwindow.VoterSessions(aws.Config{Region: "eu-west-1", BaseEndpoint: endpoint}, votingwindow.CredentialsConfig{
		VoterRoleARN: "arn:aws:iam::123456789012:role/night/final-voter", QueueURL: "https://sqs.eu-west-1.amazonaws.com/123456789012/final-votes",
		QueueARN: "arn:aws:sqs:eu-west-1:123456789012:final-votes",
	})
}

func viewerSessions(endpoint *string) *session.Publication {
	return votingwindow.ViewerSessions(aws.Config{Region: "eu-west-1", BaseEndpoint: endpoint}, votingwindow.ViewersConfig{
		ViewerRoleARN: "arn:aws:iam::123456789012:role/night/final-viewer", StatusTable: "final-status",
		StatusTableARN: "arn:aws:dynamodb:eu-west-1:123456789012:table/final-status",
	})
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
			function, i := handingOut(c.at, voterSessions(nil))
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

// TestViewersStay: viewers have credentials until figures are final, which is after the grace.
func TestViewersStay(t *testing.T) {
	for at, want := range map[time.Duration]string{
		-30*time.Minute - 1: "idle", -30 * time.Minute: "issued", time.Hour + 32*time.Minute - 1: "issued", time.Hour + 32*time.Minute: "idle",
	} {
		function, _ := handingOut(at, viewerSessions(nil))
		function.Stays = votingwindow.ViewersStay
		if answer, err := function.Handle(t.Context(), nil); err != nil || answer.Did != want {
			t.Errorf("at %s: %+v, %v, want %s", at, answer, err, want)
		}
	}
}

func TestCredentialsObjects(t *testing.T) {
	const begun = `{"access_key_id":"ASIAEXAMPLE","secret_access_key":"` + sessionSecret + `","session_token":"` + sessionToken + `",` +
		`"issued_at":"2030-05-04T20:00:00Z","expires_at":"2030-05-04T21:00:00Z",`
	local := aws.String("http://127.0.0.1:4566")
	for name, c := range map[string]struct {
		sessions *session.Publication
		want     string
	}{
		"credentials.json": {voterSessions(local), begun + `"queue_url":"https://sqs.eu-west-1.amazonaws.com/123456789012/final-votes","region":"eu-west-1","endpoint":"http://127.0.0.1:4566"}`},
		"viewers.json":     {viewerSessions(nil), begun + `"table":"final-status","shards":100,"region":"eu-west-1"}`},
	} {
		function, i := handingOut(0, c.sessions)
		if _, err := function.Handle(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if got := string(i.objects[name]); got != c.want {
			t.Errorf("%s is  %s\nit should be %s", name, got, c.want)
		}
	}
}

// TestSessionsAreNarrow reads what sessions may do.
func TestSessionsAreNarrow(t *testing.T) {
	for _, c := range []struct {
		sessions *session.Publication
		want     string
	}{
		{voterSessions(nil), `[{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:eu-west-1:123456789012:final-votes"}]`},
		{viewerSessions(nil), `[{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"arn:aws:dynamodb:eu-west-1:123456789012:table/final-status",` +
			`"Condition":{"ForAllValues:StringEquals":{"dynamodb:Attributes":["s","shard"]},"StringEqualsIfExists":{"dynamodb:Select":["SPECIFIC_ATTRIBUTES"]}}}]`},
	} {
		role, ok := c.sessions.Issuer.(*session.Role)
		if !ok {
			t.Fatalf("issued by a %T", c.sessions.Issuer)
		}
		if got, err := json.Marshal(role.Allow); err != nil || string(got) != c.want {
			t.Errorf("sessions of %s may %s, %v\nthey should %s", role.Name, got, err, c.want)
		}
	}
}
