package votingwindow_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// event reads a real event from testdata.
func event[T any](t tester, name string) T {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var read T
	if err := json.Unmarshal(raw, &read); err != nil {
		t.Fatal(err)
	}
	return read
}

type outbox struct {
	sent []string
	err  error
}

func (o *outbox) Send(_ context.Context, body string) (string, error) {
	if o.err != nil {
		return "", o.err
	}
	o.sent = append(o.sent, body)
	return "m-1", nil
}

func TestIntake(t *testing.T) {
	vote := body("ann1", "yes")
	post := func(body string) func(*votingwindow.IntakeRequest) {
		return func(r *votingwindow.IntakeRequest) { r.Body = body }
	}
	encoded := func(body string) func(*votingwindow.IntakeRequest) {
		return func(r *votingwindow.IntakeRequest) { r.Body, r.IsBase64Encoded = body, true }
	}
	method := func(method string) func(*votingwindow.IntakeRequest) {
		return func(r *votingwindow.IntakeRequest) { r.RequestContext.HTTP.Method = method }
	}
	whole := vote + strings.Repeat(" ", votingwindow.MaxVoteBytes-len(vote))
	b64 := base64.StdEncoding.EncodeToString
	during := opens.Add(3 * time.Minute)
	for name, test := range map[string]struct {
		request func(*votingwindow.IntakeRequest)
		now     time.Time
		status  int
		want    map[string]any // Without "message".
	}{
		"a real event":        {func(*votingwindow.IntakeRequest) {}, during, 202, map[string]any{"id": "m-1"}},
		"base64":              {encoded(b64([]byte(vote))), during, 202, map[string]any{"id": "m-1"}},
		"2 KiB":               {post(whole), during, 202, map[string]any{"id": "m-1"}},
		"2 KiB of base64":     {encoded(b64([]byte(whole))), during, 202, map[string]any{"id": "m-1"}},
		"2 KiB and a byte":    {post(whole + " "), during, 413, map[string]any{"error": "too_large"}},
		"the same as base64":  {encoded(b64([]byte(whole + " "))), during, 413, map[string]any{"error": "too_large"}},
		"huge":                {post(strings.Repeat("x", 6<<20)), during, 413, map[string]any{"error": "too_large"}},
		"huge base64":         {encoded(strings.Repeat("x", 6<<20)), during, 413, map[string]any{"error": "too_large"}},
		"not base64":          {encoded("*"), during, 400, map[string]any{"error": "malformed"}},
		"binary":              {encoded(b64([]byte{0, 1, 0xff})), during, 400, map[string]any{"error": "malformed"}},
		"empty base64":        {encoded(""), during, 400, map[string]any{"error": "malformed"}},
		"GET":                 {method("GET"), during, 405, map[string]any{"error": "method"}},
		"HEAD":                {method("HEAD"), during, 405, map[string]any{"error": "method"}},
		"no method":           {method(""), during, 405, map[string]any{"error": "method"}},
		"lower case":          {method("post"), during, 405, map[string]any{"error": "method"}},
		"voter":               {post(body("ANN", "yes")), during, 422, map[string]any{"error": "voter"}},
		"voter with NUL":      {post(body("ann\x00", "yes")), during, 422, map[string]any{"error": "voter"}},
		"lone surrogate":      {post(`{"voter":"\ud800","answer":"yes"}`), during, 422, map[string]any{"error": "voter"}},
		"answer":              {post(body("ann", "perhaps")), during, 422, map[string]any{"error": "answer"}},
		"just before opening": {post(vote), opens.Add(-time.Nanosecond), 403, map[string]any{"error": "not_open", "opens_at": "2030-05-04T20:00:00Z"}},
		"opening":             {post(vote), opens, 202, map[string]any{"id": "m-1"}},
		"just before closing": {post(vote), closes.Add(-time.Nanosecond), 202, map[string]any{"id": "m-1"}},
		"closing":             {post(vote), closes, 202, map[string]any{"id": "m-1", "late": true}},
		"last of grace":       {post(vote), closes.Add(2*time.Minute - time.Nanosecond), 202, map[string]any{"id": "m-1", "late": true}},
		"end of grace":        {post(vote), closes.Add(2 * time.Minute), 403, map[string]any{"error": "closed"}},
		"content before time": {post("{"), closes.Add(time.Hour), 400, map[string]any{"error": "malformed"}},
		"an empty event":      {func(r *votingwindow.IntakeRequest) { *r = votingwindow.IntakeRequest{} }, during, 405, map[string]any{"error": "method"}},
	} {
		t.Run(name, func(t *testing.T) {
			request := event[votingwindow.IntakeRequest](t, "intake")
			test.request(&request)
			checkIntake(t, request, test.now, test.status, test.want)
		})
	}
	for name, body := range malformed() {
		t.Run("malformed, "+name, func(t *testing.T) {
			request := event[votingwindow.IntakeRequest](t, "intake")
			request.Body = body
			checkIntake(t, request, during, 400, map[string]any{"error": "malformed"})
		})
	}
}

func checkIntake(t *testing.T, request votingwindow.IntakeRequest, now time.Time, status int, want map[string]any) {
	t.Helper()
	var queue outbox
	intake := &votingwindow.Intake{Rules: mustRules(window()), InForce: &votingwindow.Clocked{Window: window()}, Queue: &queue, Clock: &manualClock{now: now}, Log: discard}
	response, err := intake.Handle(t.Context(), request)
	if err != nil || response.StatusCode != status {
		t.Fatalf("got %d %s, %v; want %d", response.StatusCode, response.Body, err, status)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(response.Body), &got); err != nil {
		t.Fatal(err)
	}
	if message, found := got["message"]; found == (status == 202) || message == "" {
		t.Errorf("message %q with status %d", message, status)
	}
	delete(got, "message")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if response.Headers["Content-Type"] != "application/json" {
		t.Errorf("got headers %v", response.Headers)
	}
	if allow := response.Headers["Allow"]; (status == 405) != (allow == "POST") {
		t.Errorf("status %d allows %q", status, allow)
	}
	if status != 202 && len(queue.sent) > 0 {
		t.Errorf("sent %q with status %d", queue.sent, status)
	}
	if status == 202 && !reflect.DeepEqual(queue.sent, []string{`{"voter":"ann1","answer":"yes","question":"vote","address":"203.0.113.7"}`}) {
		t.Errorf("sent %q", queue.sent)
	}
}

func TestIntakeAcknowledgesNothingThatSQSHasNotAccepted(t *testing.T) {
	intake := &votingwindow.Intake{
		Rules: mustRules(window()), Queue: &outbox{err: errors.New("throttled")}, Clock: &manualClock{now: opens}, Log: discard,
	}
	response, err := intake.Handle(t.Context(), event[votingwindow.IntakeRequest](t, "intake"))
	if err != nil || response.StatusCode != 503 || response.Headers["Retry-After"] != "1" || !strings.Contains(response.Body, `"unavailable"`) {
		t.Fatalf("got %+v, %v", response, err)
	}
}
