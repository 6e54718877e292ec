package provider_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/votecheck"
	"github.com/burstline/terraform-provider-serverless/internal/bundle"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// evening is a voting window that is deployed with the functions that the
// provider carries, and what was sent to it.
type evening struct {
	*session
	a      account
	name   string
	config map[string]any
	// voter is the identifier of the i-th voter.
	voter func(i int) string

	mu sync.Mutex
	// accepted are the message ids that senders were told.
	accepted []string
	// identifiers are all that were sent.
	identifiers []string
	// onPage is how many votes the page cast. It does not tell their ids.
	onPage int
}

// clockTime is a moment as arguments have it.
func clockTime(at time.Time) string { return at.UTC().Truncate(time.Second).Format(time.RFC3339) }

// newEvening deploys a window that has opened, and has the publisher begin. The
// test defers end.
func newEvening(t *testing.T, name string, more map[string]any) *evening {
	t.Helper()
	a := newAccount(t)
	now := time.Now()
	e := &evening{
		a: a, name: name, voter: voterNo, session: newSession(t, a, options{system: "voting_window", bundles: &bundle.Shared{Bundles: bundle.Prebuilt{}}}, nil),
		config: map[string]any{
			"name": name, "question": "Who wins?", "answers": map[string]any{"anna": "Anna", "bruno": "Bruno"}, "voter_pattern": "[0-9]{8}",
			"opens_at": clockTime(now.Add(-time.Minute)), "closes_at": clockTime(now.Add(time.Hour)), "grace_seconds": 5,
			"architecture": hostArchitecture(), "force_destroy": true,
		},
	}
	e.change(more)
	e.tick("publisher")
	return e
}

// end destroys the window; nothing may be left.
func (e *evening) end() { e.gone(e.a) }

// change applies arguments beside those of before; nil takes one away.
func (e *evening) change(more map[string]any) {
	e.t.Helper()
	maps.Copy(e.config, more)
	if text := e.apply(e.config); text != "" {
		e.t.Fatal(text)
	}
}

// output is an output of the resource that is a text.
func (e *evening) output(name string) string {
	e.t.Helper()
	return text(e.t, e.state, name)
}

// function is the name of a function.
func (e *evening) function(key string) string {
	e.t.Helper()
	name := stateTexts(e.t, e.state, "function_names")[key]
	if name == "" {
		e.t.Fatalf("there is no function %s", key)
	}
	return name
}

// tick calls a function as its schedule does.
func (e *evening) tick(function string) {
	e.t.Helper()
	if _, err := lambda.NewFromConfig(e.a.aws(home)).Invoke(e.t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String(e.function(function)), Qualifier: aws.String("live"), Payload: []byte("{}"), InvocationType: lambdatypes.InvocationTypeEvent,
	}); err != nil {
		e.t.Fatal(err)
	}
}

// call calls a function, waits for its answer, and fails the test where the
// function fails.
func (e *evening) call(function, payload string, answer any) {
	e.t.Helper()
	if failure := e.try(function, payload, answer); failure != "" {
		e.t.Fatalf("%s of %s: %s", function, payload, failure)
	}
}

// try calls a function and returns how it failed; empty where it did not.
func (e *evening) try(function, payload string, answer any) string {
	e.t.Helper()
	out, err := lambda.NewFromConfig(e.a.aws(home)).Invoke(e.t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String(e.function(function)), Qualifier: aws.String("live"), Payload: []byte(payload),
	})
	if err != nil {
		e.t.Fatal(err)
	}
	if out.FunctionError != nil {
		return string(out.Payload)
	}
	if answer != nil {
		if err := json.Unmarshal(out.Payload, answer); err != nil {
			e.t.Fatalf("%s answered %s: %s", function, out.Payload, err)
		}
	}
	return ""
}

// ballotOf is a vote's JSON.
func ballotOf(voter, answer string) string {
	return fmt.Sprintf(`{"voter":%q,"answer":%q}`, voter, answer)
}

// answered is what intake answered to a vote.
type answered struct {
	status  int
	ID      string `json:"id"`
	Late    bool   `json:"late"`
	Error   string `json:"error"`
	Message string `json:"message"`
}

// post sends a body to an address, with headers by pairs.
func post(ctx context.Context, url, body string, header ...string) (answered, error) {
	var a answered
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return a, err
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := local.HTTPClient().Do(r)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return a, err
	}
	a.status = resp.StatusCode
	if err := json.Unmarshal(text, &a); err != nil {
		a.Error = string(text)
	}
	return a, nil
}

// accept notes a vote that was acknowledged.
func (e *evening) accept(voter, id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.accepted = append(e.accepted, id)
	e.identifiers = append(e.identifiers, voter)
}

// voterNo is the identifier of the i-th voter, where nothing else is wanted.
func voterNo(i int) string { return fmt.Sprintf("%08d", i) }

// senders vote at the same time.
const senders = 8

// cast lets voters from the i-th on vote, each once and until it was accepted.
func (e *evening) cast(from, n int, send func(ctx context.Context, voter, answer string) (id string, err error)) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), endsWithin)
	defer cancel()
	work := make(chan int, n)
	for i := range n {
		work <- from + i
	}
	close(work)
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for i := range work {
				voter := e.voter(i)
				id, err := "", error(nil)
				for id == "" && ctx.Err() == nil {
					id, err = send(ctx, voter, []string{"anna", "bruno"}[i%2])
				}
				if id == "" {
					e.t.Errorf("the vote of %s was not accepted: %v", voter, err)
					return
				}
				e.accept(voter, id)
			}
		})
	}
	all.Wait()
}

// overHTTP sends votes to an address.
func overHTTP(url string) func(context.Context, string, string) (string, error) {
	return func(ctx context.Context, voter, answer string) (string, error) {
		a, err := post(ctx, url, ballotOf(voter, answer))
		if err == nil && a.status != http.StatusAccepted {
			err = fmt.Errorf("%d %s", a.status, a.Error)
		}
		return a.ID, err
	}
}

// page votes through the real page in Chromium; more are further arguments of
// cast.mjs. It returns what that says.
func (e *evening) page(more ...string) string {
	e.t.Helper()
	proxy, err := local.BrowserProxy(e.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	defer proxy.Close()
	arguments := append([]string{filepath.Join("..", "site", "votingwindow", "cast.mjs"), "--url", e.output("page_url"), "--proxy", proxy.URL}, more...)
	out, err := exec.CommandContext(e.t.Context(), "node", arguments...).CombinedOutput()
	if err != nil {
		e.t.Fatalf("vote through the page: %s: %s", err, bytes.TrimSpace(out))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onPage++
	return string(out)
}

// fromPage lists what pages asked one resource for since the mark: each request's
// method and the answer's status.
func (e *evening) fromPage(mark localaws.Mark, service, resource string) string {
	e.t.Helper()
	var asked []string
	for _, c := range local.Gate().Meter().Calls(mark) {
		if c.Caller == "browser" && c.Service == service && c.Resource == resource {
			asked = append(asked, fmt.Sprintf("%s %d", c.Method, c.Status))
		}
	}
	return strings.Join(asked, ", ")
}

// get reads an address as anybody can.
func (e *evening) get(url string) (int, []byte) {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		e.t.Fatal(err)
	}
	resp, err := local.HTTPClient().Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return resp.StatusCode, body
}

// published reads results.json; zero where there is none.
func (e *evening) published() votingwindow.Results {
	e.t.Helper()
	var r votingwindow.Results
	if status, body := e.get(e.output("results_url")); status == http.StatusOK {
		if err := json.Unmarshal(body, &r); err != nil {
			e.t.Fatal(err)
		}
	}
	return r
}

// object reads an object as the account's root.
func (e *evening) object(bucket, key string) []byte {
	e.t.Helper()
	out, err := s3.NewFromConfig(e.a.aws(home), func(o *s3.Options) { o.UsePathStyle = true }).GetObject(e.t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		e.t.Fatal(err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return body
}

// eventually waits until a look tells nothing that is missing.
func eventually(t *testing.T, limit time.Duration, look func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := look()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("after %s: %s", limit, err)
		case <-tick.C:
		}
	}
}

// books waits until all that was accepted has ended as one thing, with the page's
// votes and so many ballots that count, and returns what the tables hold.
func (e *evening) books(counted int64) (report votecheck.Report) {
	e.t.Helper()
	tables, names := votecheck.Tables(e.a.aws(home)), stateTexts(e.t, e.state, "table_names")
	eventually(e.t, endsWithin, func() error {
		ballots, ledger, err := votecheck.Read(e.t.Context(), tables, names["ballots"], names["ledger"])
		if err != nil {
			return err
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if report, err = votecheck.Check(e.accepted, ballots, ledger); err != nil {
			return err
		}
		if report.Counts.Counted() != counted || report.Unacknowledged < e.onPage {
			return fmt.Errorf("%d votes are counted and %d ended unacknowledged, should be %d and at least %d", report.Counts.Counted(), report.Unacknowledged, counted, e.onPage)
		}
		return nil
	})
	return report
}
