package provider_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	tfstate "github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/votecheck"
)

// TestAccLoadTest runs the load test of the example against a window that is not
// yet open: without a confirmation nothing is sent, and with one all that was
// accepted is recorded, as a rehearsal.
func TestAccLoadTest(t *testing.T) {
	k6, err := exec.LookPath("k6")
	if err != nil {
		t.Skip(`no k6 is on the PATH: run "make loadtest"`)
	}
	for _, kind := range []string{"url", "direct"} {
		t.Run(kind, func(t *testing.T) {
			a := newAccount(t)
			name := "load-" + kind
			at := func(d time.Duration) string { return quote(time.Now().Add(d).UTC().Format(time.RFC3339)) }
			args := base(name).with("voter_pattern", quote("[0-9]{8}"), "intake", quote(kind), "opens_at", at(20*time.Minute), "closes_at", at(time.Hour))
			a.runCarrying(t, resource.TestStep{Config: a.config(args), Check: func(s *tfstate.State) error {
				if kind == "direct" {
					var answer votingwindow.CredentialsAnswer
					a.invoke(t, name, "credentials", struct{}{}, &answer)
					if answer.Did != votingwindow.CredentialsIssued && answer.Did != votingwindow.CredentialsKept { // A tick may have come first.
						t.Errorf("the credentials' function said %q", answer.Did)
					}
				}
				l := loadTest{a: a, name: name, k6: k6, window: s.RootModule().Resources[address].Primary.Attributes["window_url"]}
				l.unconfirmed(t)
				l.confirmed(t)
				return nil
			}})
		})
	}
}

// loadTest is the load test of one window.
type loadTest struct {
	a                account
	name, k6, window string
}

// run runs the script with some settings, and returns what it says and the
// figures of its end.
func (l loadTest) run(t *testing.T, settings ...string) (out string, figures map[string]float64, err error) {
	t.Helper()
	proxy, err := local.BrowserProxy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	summary := filepath.Join(t.TempDir(), "summary.json")
	args := []string{"run", "--no-color", "--quiet", "--no-usage-report", "--address", "127.0.0.1:0", "--insecure-skip-tls-verify", "--summary-export", summary, "-e", "WINDOW_URL=" + l.window}
	for _, s := range settings {
		args = append(args, "-e", s)
	}
	cmd := exec.CommandContext(t.Context(), l.k6, append(args, filepath.Join(examples, "live-vote", "loadtest", "vote.js"))...)
	cmd.Env = append(os.Environ(), "HTTP_PROXY="+proxy.URL, "HTTPS_PROXY="+proxy.URL)
	text, err := cmd.CombinedOutput()
	if raw, unread := os.ReadFile(summary); unread == nil {
		var told struct {
			Metrics map[string]struct{ Count float64 }
		}
		if err := json.Unmarshal(raw, &told); err != nil {
			t.Fatal(err)
		}
		figures = map[string]float64{}
		for metric, value := range told.Metrics {
			figures[metric] = value.Count
		}
	}
	return string(text), figures, err
}

// ended is what became of all votes: how many were accepted as a rehearsal, and
// for good.
func (l loadTest) ended(ctx context.Context, t *testing.T) (rehearsal, forGood int64) {
	t.Helper()
	ballots, ledger, err := votecheck.Read(ctx, votecheck.Tables(l.a.aws(home)), l.name+"-vote-ballots-"+code, l.name+"-vote-ledger-"+code)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range ballots {
		if b.Rehearsal {
			rehearsal++
		} else {
			forGood++
		}
	}
	for _, e := range ledger {
		if e.Rehearsal {
			rehearsal++
		} else {
			forGood++
		}
	}
	return rehearsal, forGood
}

func (l loadTest) unconfirmed(t *testing.T) {
	t.Helper()
	mark := local.Gate().Meter().Mark()
	out, figures, err := l.run(t, "VOTES=1000000")
	if err == nil || !strings.Contains(out, "nothing was sent: run it again with -e CONFIRM=yes") {
		t.Errorf("without a confirmation the load test ended with %v and said:\n%s", err, out)
	}
	if !strings.Contains(out, "1000000 votes in 600 s") || !strings.Contains(out, "marked as a rehearsal") || !strings.Contains(out, "they cost about $1.") {
		t.Errorf("the load test does not tell what it would do, and what that would cost:\n%s", out)
	}
	equal(t, "votes accepted without a confirmation", figures["votes_accepted"], 0)
	for _, c := range local.Gate().Meter().Calls(mark) {
		if c.Operation == "SendMessage" && strings.Contains(c.Resource, l.name+"-vote-votes-") {
			t.Errorf("without a confirmation a message was sent to %s", c.Resource)
		}
	}
}

func (l loadTest) confirmed(t *testing.T) {
	t.Helper()
	// The curve is drawn in whole votes of ten seconds, so that its sum is near.
	const votes, near = 60, 5
	out, figures, err := l.run(t, "CONFIRM=yes", "VOTES=60", "SECONDS=10", "SPIKE_SECONDS=2", "DUPLICATES=0.1")
	if err != nil {
		t.Fatalf("the load test: %v\n%s", err, out)
	}
	equal(t, "votes refused", figures["votes_refused"], 0)
	accepted := int64(figures["votes_accepted"])
	if due := accepted + int64(figures["dropped_iterations"]); due < votes-near || due > votes+near || accepted < votes/2 {
		t.Errorf("of %d votes %d were accepted and %v not cast in time:\n%s", votes, accepted, figures["dropped_iterations"], out)
	}
	l.a.await(t, "all votes are recorded", func(ctx context.Context) bool {
		rehearsal, _ := l.ended(ctx, t)
		return rehearsal >= accepted
	})
	rehearsal, forGood := l.ended(t.Context(), t)
	equal(t, "votes recorded as a rehearsal", rehearsal, accepted)
	equal(t, "votes recorded for good", forGood, 0)
}
