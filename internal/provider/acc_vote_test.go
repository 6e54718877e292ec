package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	tfstate "github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/votecheck"
)

// request is one call of the function URL, and the answer that it must get.
type request struct {
	what, method, body string
	status             int
	// code is the "error" of the answer; empty for a vote that is taken.
	code string
}

var requests = []request{
	{"a vote", http.MethodPost, `{"voter": "12345678", "answer": "anna"}`, http.StatusAccepted, ""},
	{"another vote", http.MethodPost, `{"voter": "12345679", "answer": "bruno"}`, http.StatusAccepted, ""},
	{"a second vote of one voter", http.MethodPost, `{"voter": "12345678", "answer": "bruno"}`, http.StatusAccepted, ""},
	{"an empty body", http.MethodPost, "", http.StatusBadRequest, "malformed"},
	{"a huge body", http.MethodPost, `{"voter": "12345678", "answer": "` + strings.Repeat("a", 3<<10) + `"}`, http.StatusRequestEntityTooLarge, "too_large"},
	{"no JSON", http.MethodPost, "anna", http.StatusBadRequest, "malformed"},
	{"half of the JSON", http.MethodPost, `{"voter": "1234`, http.StatusBadRequest, "malformed"},
	{"a list", http.MethodPost, `["12345678", "anna"]`, http.StatusBadRequest, "malformed"},
	{"a number for the voter", http.MethodPost, `{"voter": 12345678, "answer": "anna"}`, http.StatusBadRequest, "malformed"},
	{"no answer", http.MethodPost, `{"voter": "12345678"}`, http.StatusBadRequest, "malformed"},
	{"one member too many", http.MethodPost, `{"voter": "12345678", "answer": "anna", "weight": "2"}`, http.StatusBadRequest, "malformed"},
	{"an unknown answer", http.MethodPost, `{"voter": "12345678", "answer": "cleo"}`, http.StatusUnprocessableEntity, "answer"},
	{"a bad voter", http.MethodPost, `{"voter": "1234567", "answer": "anna"}`, http.StatusUnprocessableEntity, "voter"},
	{"a GET", http.MethodGet, "", http.StatusMethodNotAllowed, "method"},
}

// send sends the request to the function URL, and returns the id of the vote
// where it was taken.
func (r request) send(t *testing.T, url string) (id string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.method, url, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := local.HTTPClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		ID      string `json:"id"`
		Error   string `json:"error"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Errorf("%s: the answer is no JSON: %s", r.what, body)
	}
	if resp.StatusCode != r.status || answer.Error != r.code {
		t.Errorf("%s: the answer is %d %s, should be %d %q", r.what, resp.StatusCode, body, r.status, r.code)
	}
	if taken := r.status == http.StatusAccepted; taken != (answer.ID != "") || taken == (answer.Message != "") {
		t.Errorf("%s: the answer is %s", r.what, body)
	}
	return answer.ID
}

// TestAccVote deploys the functions that the provider carries, and votes:
// before the window, in it with good and bad requests, and after it.
func TestAccVote(t *testing.T) {
	a := newAccount(t)
	const name = "voted"
	args := base(name).with("voter_pattern", quote("[0-9]{8}"))
	window := func(opens, closes time.Duration) string {
		at := func(d time.Duration) string { return quote(time.Now().Add(d).UTC().Format(time.RFC3339)) }
		return a.config(args.with("opens_at", at(opens), "closes_at", at(closes), "grace_seconds", "5"))
	}
	url := func(s *tfstate.State) string { return s.RootModule().Resources[address].Primary.Attributes["vote_url"] }
	refused := func(code string) func(*tfstate.State) error {
		return func(s *tfstate.State) error {
			request{"a vote outside the window", http.MethodPost, `{"voter": "12345678", "answer": "anna"}`, http.StatusForbidden, code}.send(t, url(s))
			return nil
		}
	}
	a.runCarrying(t,
		resource.TestStep{Config: window(time.Hour, 2*time.Hour), Check: refused("not_open")},
		resource.TestStep{Config: window(-time.Hour, time.Hour), Check: func(s *tfstate.State) error {
			var accepted []string
			for _, r := range requests {
				if id := r.send(t, url(s)); id != "" {
					accepted = append(accepted, id)
				}
			}
			expectEnds(t, a, name, accepted)
			return nil
		}},
		resource.TestStep{Config: window(-2*time.Hour, -time.Hour), Check: refused("closed")},
	)
}

// endsWithin bounds the wait for votes to be recorded: a mapping's poll, a cold
// start and a batch take a few seconds on a busy machine.
const endsWithin = 60 * time.Second

// expectEnds waits until every accepted vote has ended, and checks as what.
func expectEnds(t *testing.T, a account, name string, accepted []string) {
	t.Helper()
	equal(t, "number of accepted votes", len(accepted), 3)
	tables := votecheck.Tables(a.aws(home))
	ctx, cancel := context.WithTimeout(t.Context(), endsWithin)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ballots, ledger, err := votecheck.Read(ctx, tables, name+"-vote-ballots-"+code, name+"-vote-ledger-"+code)
		if err == nil {
			var report votecheck.Report
			if report, err = votecheck.Check(accepted, ballots, ledger); err == nil {
				counts := report.Counts
				have := fmt.Sprintf("%d counted, %d duplicate, %d late, %d rejected", counts.Counted(), counts.Duplicate, counts.Late, counts.Rejected)
				equal(t, "the end of the votes", have, "2 counted, 1 duplicate, 0 late, 0 rejected")
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Errorf("after %s: %s", endsWithin, err)
			return
		case <-tick.C:
		}
	}
}
