package votingwindow

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/command/commandtest"
)

// rehearsing is a window before its opening, whose ledger shows so many accepted
// votes.
func rehearsing(intake string, ticket bool, accepted int64) *commandtest.System {
	d := &commandtest.System{Stored: map[string]string{
		"results/window.json": fmt.Sprintf(`{"opens_at":"2027-05-22T18:15:00Z","questions":[{"id":"song","answers":[{"id":"anna"},{"id":"bruno"}]},{"id":"dress","answers":[{"id":"red"}]}],
"voter":{"pattern":"[0-9]{8}","ticket":%t},"intake":%s}`, ticket, intake),
	}}
	show(d, accepted)
	return d
}

// show publishes a ledger.
func show(d *commandtest.System, accepted int64) {
	d.Store("results/ledger.json", fmt.Sprintf(`{"status":"rehearsal","accepted":%d,"counted":%d}`, accepted, accepted))
}

const direct = `{"kind":"direct","credentials":"credentials.json"}`

func TestRehearseByURL(t *testing.T) {
	var votes atomic.Int64
	var mu sync.Mutex
	var bodies []votingwindow.Vote
	d := rehearsing(`{"kind":"url","url":"http://nowhere.invalid"}`, false, 4)
	clock := &commandtest.Clock{At: opening.Add(-time.Hour)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		n := votes.Add(1)
		mu.Lock()
		defer mu.Unlock()
		var vote votingwindow.Vote
		if err := json.Unmarshal(body, &vote); err != nil || r.Method != http.MethodPost {
			t.Errorf("%s %s: %v", r.Method, body, err)
		}
		bodies = append(bodies, vote)
		if n == 3 {
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(w, `{"error":"voter","message":"No."}`)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	looks := 0
	clock.Passes = func() {
		if votes.Load() == 6 { // All are cast: the publisher shows them at the second look.
			if looks++; looks == 2 {
				show(d, 4+5)
			}
		}
	}
	answer, err := runs(t, d, "rehearse", "", clock, map[string]any{"votes": 6, "rate": 2, "url": server.URL})
	if err != nil {
		t.Fatal(err)
	}
	r, ok := answer.JSON.(rehearsed)
	if !ok || !answer.Unwell || r.CastSeconds < 2.5 || r.ShownSeconds != 4 {
		t.Errorf("%+v", answer)
	}
	r.CastSeconds, r.SlowestSeconds = 0, 0
	if diff := cmp.Diff(rehearsed{By: server.URL, Cast: 6, Accepted: 5, Refused: map[string]int{"422 voter": 1}, Shown: true, Counted: 5, ShownSeconds: 4}, r); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	voters, answers := map[string]bool{}, map[string]int{}
	for _, vote := range bodies {
		voters[vote.Voter] = true
		answers[votingwindow.Choice(vote.Question, vote.Answer)]++
		if !vote.Rehearsal || !regexp.MustCompile(`^[0-9]{8}$`).MatchString(vote.Voter) {
			t.Errorf("cast %+v", vote)
		}
	}
	if diff := cmp.Diff(map[string]int{"song/anna": 2, "song/bruno": 1, "dress/red": 3}, answers); diff != "" || len(voters) != 6 {
		t.Errorf("%d voters; answers: want -, have +:\n%s", len(voters), diff)
	}
	if !strings.Contains(answer.Text, "refused 1: 422 voter\n") || !strings.Contains(answer.Text, "the results had them after 4 s: counted 5,") {
		t.Error(answer.Text)
	}
}

// Where voters send to SQS themselves or sign in, the votes go to the queue.
func TestRehearseByQueue(t *testing.T) {
	dir := t.TempDir()
	key, voters := filepath.Join(dir, "key.pem"), filepath.Join(dir, "voters.txt")
	if err := os.WriteFile(voters, []byte("12345678\n\n87654321\r\nrefuse-me\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	made, err := runs(t, nil, "ticket", "", nil, map[string]any{"key": key, "new": true})
	if err != nil {
		t.Fatal(err)
	}
	for _, intake := range []string{direct, `{"kind":"api","url":"http://nowhere.invalid","jwt":{"issuer":"https://i"}}`} {
		d := rehearsing(intake, true, 0)
		clock := &commandtest.Clock{At: opening.Add(-time.Hour), Passes: func() { show(d, 2) }}
		answer, err := runs(t, d, "rehearse", "", clock, map[string]any{"votes": 3, "voters": voters, "key": key})
		r, ok := answer.JSON.(rehearsed)
		if err != nil || !ok || r.By != "queue" || r.Accepted != 2 || r.Refused["access denied"] != 1 || !answer.Unwell {
			t.Fatalf("%+v, %v", answer, err)
		}
		for _, sent := range d.Sent() {
			body, ok := strings.CutPrefix(sent, "votes ")
			vote, err := votingwindow.DecodeVote([]byte(body), votingwindow.FromVoter)
			if !ok || err != nil || !votingwindow.CheckTicket(publicOf(t, made), "tv-final", vote.Voter, vote.Ticket) {
				t.Errorf("sent %s: %v", sent, err)
			}
		}
	}
}

func TestRehearseRefuses(t *testing.T) {
	broken := rehearsing(direct, false, 0)
	broken.Stored["results/window.json"] = `{"question":"Who?"}`
	far := opening.Add(-time.Hour)
	for name, c := range map[string]struct {
		d     *commandtest.System
		now   time.Time
		flags map[string]any
		says  string
	}{
		"while it is open":         {rehearsing(direct, false, 0), opening, nil, "the window opened at 2027-05-22T18:15:00Z: a rehearsal comes before"},
		"just before it opens":     {rehearsing(direct, false, 0), opening.Add(-69 * time.Second), nil, "the rehearsal would take 10s and must end 1m0s before"},
		"without a key":            {rehearsing(direct, true, 0), far, nil, "--key is missing"},
		"with too few voters":      {rehearsing(direct, false, 0), far, map[string]any{"voters": "testdata/none"}, "--file"},
		"a window of other makers": {broken, far, nil, "another version may have written it"},
		"a window that is not":     {&commandtest.System{}, far, nil, "there is no such object"},
	} {
		if _, err := runs(t, c.d, "rehearse", "", &commandtest.Clock{At: c.now}, c.flags); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if c.d.Sent() != nil {
			t.Errorf("%s: sent %v", name, c.d.Sent())
		}
	}
}

// Results that do not come are waited for no longer than asked, and told.
func TestRehearseInVain(t *testing.T) {
	answer, err := runs(t, rehearsing(direct, false, 7), "rehearse", "", &commandtest.Clock{At: opening.Add(-time.Hour)}, map[string]any{"votes": 1, "wait": 5 * time.Second})
	r, ok := answer.JSON.(rehearsed)
	if err != nil || !ok || !answer.Unwell || r.Shown || r.ShownSeconds != 6 || r.Accepted != 1 || r.Counted != 0 {
		t.Fatalf("%+v, %v", answer, err)
	}
	if !strings.Contains(answer.Text, "! the results had not all of them after 6 s") {
		t.Error(answer.Text)
	}
}

// Where every vote is refused there is nothing to wait for.
func TestRehearseRefused(t *testing.T) {
	d := rehearsing(direct, false, 7)
	d.Stored["results/window.json"] = strings.Replace(d.Stored["results/window.json"], "[0-9]{8}", "refuse-me[0-9]", 1)
	answer, err := runs(t, d, "rehearse", "", &commandtest.Clock{At: opening.Add(-time.Hour)}, map[string]any{"votes": 1})
	want := rehearsed{By: "queue", Cast: 1, Refused: map[string]int{"access denied": 1}}
	if diff := cmp.Diff(want, answer.JSON); diff != "" || err != nil || !answer.Unwell || strings.Contains(answer.Text, "results") {
		t.Errorf("%+v, %v; want -, have +:\n%s", answer, err, diff)
	}
}

func TestMadeUp(t *testing.T) {
	for _, pattern := range []string{"", "[0-9]{8}", "(?:DE|FR)-[A-Z]{3}\\d+", "[a-zäöü]+@example\\.org", "^x.{3,}$", "(a|b)?[^0-9]{6,8}", "\\bw\\w{9}\\b", "[\u3040-\u309f]{4}"} {
		voters, err := madeUp(pattern, 200, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Errorf("%q: %v", pattern, err)
			continue
		}
		whole, seen := regexp.MustCompile("^(?:"+pattern+")$"), map[string]bool{}
		for _, voter := range voters {
			if seen[voter] || pattern != "" && !whole.MatchString(voter) || len(voter) > votingwindow.MaxVoterBytes {
				t.Errorf("%q: made up %q", pattern, voter)
			}
			seen[voter] = true
		}
		if len(seen) != 200 {
			t.Errorf("%q: made up %d", pattern, len(seen))
		}
	}
	for pattern, says := range map[string]string{"[0-9]": "only 10 identifiers", "a\\b\\B": "only 0 identifiers", "(": "missing closing", "[^\\x00-\\x{10FFFF}]": "only 0 identifiers"} {
		if _, err := madeUp(pattern, 11, rand.New(rand.NewPCG(1, 2))); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}
