package provider_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// windowChange is arguments that change, and the parts that the plan names. A part
// that ends with * stands for all that begin so.
type windowChange struct {
	what  string
	more  map[string]any
	parts []string
}

// The parts that know the window's rules.
var ruled = []string{"control", "export", "intake", "publisher", "quarantine", "recorder", "recount", "reset"}

func withParts(more ...string) []string { return append(slices.Clone(ruled), more...) }

var windowChanges = []windowChange{
	{"votes per voter", map[string]any{"votes_per_voter": 3}, withParts("window")},
	{"revotes", map[string]any{"votes_per_voter": nil, "revote": "replace"}, withParts("window")},
	{"several questions", map[string]any{"question": nil, "answers": nil, "questions": map[string]any{
		"vote": map[string]any{"text": "Who wins?", "answers": map[string]any{"a": "Anna", "b": "Bruno"}},
		"song": map[string]any{"text": "Which song?", "answers": map[string]any{"x": "First", "y": "Second"}},
	}}, withParts("window")},
	{"a retention", map[string]any{"retention_days": 30}, []string{"ballots", "control", "ledger", "recorder"}},
	{"no retention", map[string]any{"retention_days": nil}, []string{"ballots", "control", "ledger", "recorder"}},
	{"a dashboard", map[string]any{"dashboard": true}, []string{"dashboard"}},
	{"no dashboard", map[string]any{"dashboard": nil}, []string{"dashboard"}},
	{"signed exports", map[string]any{"export": map[string]any{"sign": true}}, []string{"export", "export-role", "signing-key"}},
	{"unsigned exports", map[string]any{"export": nil}, []string{"export", "export-role", "signing-key"}},
	{"results after closing", map[string]any{"results": "after_close", "publish_every_seconds": 10}, []string{"publisher", "window"}},
	{"the look of the page", map[string]any{"site": map[string]any{"title": "Final", "primary": "#0a7d4f"}}, []string{"window"}},
	{"no page", map[string]any{"site": map[string]any{"enabled": false}}, []string{"page-*", "results", "window"}},
	{"a CDN", map[string]any{"site": map[string]any{"cdn": true}}, []string{"cdn*", "page-*", "results", "results-policy"}},
	{"no CDN", map[string]any{"site": nil}, []string{"cdn*", "results", "results-policy"}},
}

// TestAccWindowChanges: each change touches just the parts that it is about, comes
// true, and leaves an empty plan.
func TestAccWindowChanges(t *testing.T) {
	a := newAccount(t)
	s := newSession(t, a, options{system: "voting_window"}, nil)
	config := exampleOf(votingWindow(t), forced)
	if text := s.apply(config); text != "" {
		t.Fatal(text)
	}
	for _, c := range windowChanges {
		maps.Copy(config, c.more)
		p := s.plan(config)
		if p.failed != "" {
			t.Fatalf("%s: %s", c.what, p.failed)
		}
		if len(p.replace) != 0 {
			t.Errorf("%s: the plan replaces the window because of %v", c.what, p.replace)
		}
		if have := changedParts(t, s.state, p.planned); !slices.Equal(have, sorted(c.parts)) {
			t.Errorf("%s: the plan names the parts %q, should name %q", c.what, have, sorted(c.parts))
		}
		if text := s.applyPlan(p); text != "" {
			t.Fatalf("%s: %s", c.what, text)
		}
		s.settled(config)
	}
	s.gone(a)
}

// TestAccWindowAllowList: who is added to the list while the window is open votes at
// once, also where recorders are at work that have read the former one.
func TestAccWindowAllowList(t *testing.T) {
	file := filepath.Join(t.TempDir(), "voters.txt")
	lists := func(voters ...int) map[string]any {
		var text strings.Builder
		for _, voter := range voters {
			fmt.Fprintln(&text, voterNo(voter))
		}
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return map[string]any{"allow_list": map[string]any{"file": file}}
	}
	e := newEvening(t, "listed", lists(0, 1))
	defer e.end()
	e.cast(0, 3, overHTTP(e.output("vote_url")))
	equal(t, "rejected votes", e.books(2).Counts.Rejected, 1)
	maps.Copy(e.config, lists(3, 4, 5))
	p := e.plan(e.config)
	if have := changedParts(t, e.state, p.planned); !slices.Equal(have, []string{"allow-list", "recorder"}) {
		t.Errorf("the plan names the parts %q", have)
	}
	if text := e.applyPlan(p); text != "" {
		t.Fatal(text)
	}
	e.settled(e.config)
	e.cast(3, 3, overHTTP(e.output("vote_url")))
	equal(t, "rejected votes after the change", e.books(5).Counts.Rejected, 1)
}

func sorted(names []string) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	return out
}

// changedParts are the parts that differ, those of the page and of its
// distribution by the beginning of their name.
func changedParts(t *testing.T, before, after tftypes.Value) []string {
	t.Helper()
	was, is := stateTexts(t, before, "parts"), stateTexts(t, after, "parts")
	changed := map[string]bool{}
	for _, side := range []map[string]string{was, is} {
		for key := range side {
			if was[key] == is[key] {
				continue
			}
			for _, prefix := range []string{"page-", "cdn"} {
				if strings.HasPrefix(key, prefix) {
					key = prefix + "*"
				}
			}
			changed[key] = true
		}
	}
	return slices.Sorted(maps.Keys(changed))
}

// TestAccWindowCDN: through the distribution everybody sees the page, the studio,
// the results and the window, and nothing else; the bucket itself is closed.
func TestAccWindowCDN(t *testing.T) {
	e := newEvening(t, "edged", map[string]any{"site": map[string]any{"cdn": true}})
	defer e.end()
	e.cast(0, 10, overHTTP(e.output("vote_url")))
	e.books(10)
	eventually(t, endsWithin, func() error {
		if r := e.published(); r.Total != 10 {
			return fmt.Errorf("the results are %+v", r)
		}
		return nil
	})
	e.call("export", `{"provisional":true}`, nil)
	e.page("--voter", "90000001", "--answer", "anna")
	e.books(11)
	edge := strings.TrimSuffix(e.output("page_url"), "/")
	for object, c := range map[string]struct {
		edge int
		says string
	}{
		"":             {http.StatusOK, "<html"},
		"index.html":   {http.StatusOK, "<html"},
		"studio":       {http.StatusOK, "<html"},
		"results.json": {http.StatusOK, `"status":"open"`},
		"window.json":  {http.StatusOK, `"name":"edged"`},
		"ledger.json":  {http.StatusForbidden, ""},
	} {
		status, body := e.get(edge + "/" + object)
		if status != c.edge || !strings.Contains(string(body), c.says) {
			t.Errorf("through the distribution %q is answered with %d %.100s, should be with %d and %s", object, status, body, c.edge, c.says)
		}
		for _, bucket := range []string{e.output("results_bucket"), e.output("records_bucket")} {
			if status, _ := e.get("https://" + bucket + ".s3." + home + ".amazonaws.com/" + object); status != http.StatusForbidden {
				t.Errorf("from the bucket %s %q is answered with %d", bucket, object, status)
			}
		}
	}
	if objects := e.objects(e.output("records_bucket")); len(objects) == 0 {
		t.Error("there is no export that could be hidden")
	}
	for key := range e.objects(e.output("records_bucket")) {
		// The distribution knows nothing of the bucket of records.
		for at, want := range map[string]int{edge: http.StatusNotFound, "https://" + e.output("records_bucket") + ".s3." + home + ".amazonaws.com": http.StatusForbidden} {
			if status, _ := e.get(at + "/" + key); status != want {
				t.Errorf("%s/%s is answered with %d, should be with %d", at, key, status, want)
			}
		}
	}
	e.settled(e.config)
}
