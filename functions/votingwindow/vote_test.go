package votingwindow_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

func TestDecodeVote(t *testing.T) {
	vote, err := votingwindow.DecodeVote([]byte(" {\"answer\" : \"y\\u0065s\",\n\"voter\":\"änn\"} \n"))
	if err != nil || vote != (votingwindow.Vote{Voter: "änn", Answer: "yes"}) {
		t.Fatalf("got %+v, %v", vote, err)
	}
	padded := func(n int) string {
		vote := `{"voter":"ann","answer":"yes"}`
		return vote + strings.Repeat(" ", n-len(vote))
	}
	if _, err := votingwindow.DecodeVote([]byte(padded(votingwindow.MaxVoteBytes))); err != nil {
		t.Fatalf("at the limit: %v", err)
	}
	for name, body := range malformed() {
		if vote, err := votingwindow.DecodeVote([]byte(body)); err == nil || vote != (votingwindow.Vote{}) {
			t.Errorf("%s: got %+v, %v", name, vote, err)
		}
	}
	if _, err := votingwindow.DecodeVote([]byte(padded(votingwindow.MaxVoteBytes + 1))); err == nil {
		t.Error("above the limit: no error")
	}
}

func malformed() map[string]string {
	return map[string]string{
		"empty": "", "space": " ", "null": "null", "array": `["ann","yes"]`, "string": `"ann"`, "number": "7", "nothing in it": "{}",
		"not JSON": "voter=ann&answer=yes", "not closed": `{"voter":"ann","answer":"yes"`, "cut short": `{"voter":"ann","answer":`,
		"no answer": `{"voter":"ann"}`, "no voter": `{"answer":"yes"}`, "a third member": `{"voter":"ann","answer":"yes","weight":"9"}`,
		"two voters": `{"voter":"ann","voter":"bob","answer":"yes"}`, "other spelling": `{"Voter":"ann","answer":"yes"}`,
		"null voter": `{"voter":null,"answer":"yes"}`, "number voter": `{"voter":1,"answer":"yes"}`, "list": `{"voter":["ann"],"answer":"yes"}`,
		"object": `{"voter":{"voter":"ann"},"answer":"yes"}`, "trailing data": `{"voter":"ann","answer":"yes"}{}`,
		"trailing word": `{"voter":"ann","answer":"yes"} x`, "trailing bracket": `{"voter":"ann","answer":"yes"}}`,
		"not UTF-8": "{\"voter\":\"a\xffnn\",\"answer\":\"yes\"}", "NUL": "{\"voter\":\"a\x00nn\",\"answer\":\"yes\"}",
		"NUL after": "{\"voter\":\"ann\",\"answer\":\"yes\"}\x00", "byte order mark": "\ufeff{\"voter\":\"ann\",\"answer\":\"yes\"}",
	}
}

func FuzzDecodeVote(f *testing.F) {
	for _, body := range malformed() {
		f.Add([]byte(body))
	}
	f.Add([]byte(`{"voter":"ann","answer":"yes"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		vote, err := votingwindow.DecodeVote(body)
		if err != nil {
			if vote != (votingwindow.Vote{}) {
				t.Fatalf("a vote %+v beside an error", vote)
			}
			return
		}
		if len(body) > votingwindow.MaxVoteBytes || !utf8.Valid(body) || !utf8.ValidString(vote.Voter+vote.Answer) {
			t.Fatalf("accepted %q", body)
		}
		// What was read reads the same when it is written plainly.
		again, err := votingwindow.DecodeVote(fmt.Appendf(nil, `{"voter":%s,"answer":%s}`, quoted(vote.Voter), quoted(vote.Answer)))
		if len(body) < 300 && (err != nil || again != vote) {
			t.Fatalf("%q reads %+v, then %+v, %v", body, vote, again, err)
		}
	})
}

func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r < 0x20 || r == '"' || r == '\\' {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func body(voter, answer string) string {
	return fmt.Sprintf(`{"voter":%s,"answer":%s}`, quoted(voter), quoted(answer))
}

func TestClassify(t *testing.T) {
	rules := mustRules(window())
	during := opens.Add(time.Minute)
	for name, test := range map[string]struct {
		body    string
		sent    time.Time
		outcome votingwindow.Outcome
		reason  votingwindow.Reason
	}{
		"valid":               {body("ann1", "yes"), during, votingwindow.Counted, ""},
		"first moment":        {body("ann", "yes"), opens, votingwindow.Counted, ""},
		"just early":          {body("ann", "yes"), opens.Add(-time.Millisecond), votingwindow.Rejected, votingwindow.ReasonEarly},
		"last moment":         {body("ann", "yes"), closes.Add(-time.Millisecond), votingwindow.Counted, ""},
		"just late":           {body("ann", "yes"), closes, votingwindow.Late, votingwindow.ReasonAfterClose},
		"after grace":         {body("ann", "yes"), closes.Add(time.Hour), votingwindow.Late, votingwindow.ReasonAfterClose},
		"no sent time":        {body("ann", "yes"), time.Time{}, votingwindow.Rejected, votingwindow.ReasonNoSentTime},
		"malformed":           {"{", during, votingwindow.Rejected, votingwindow.ReasonMalformed},
		"malformed and early": {"{", time.Time{}, votingwindow.Rejected, votingwindow.ReasonMalformed},
		"voter":               {body("ANN", "yes"), during, votingwindow.Rejected, votingwindow.ReasonVoter},
		"part of a voter":     {body("ann 1", "yes"), during, votingwindow.Rejected, votingwindow.ReasonVoter},
		"voter and newline":   {body("ann\n", "yes"), during, votingwindow.Rejected, votingwindow.ReasonVoter},
		"empty voter":         {body("", "yes"), during, votingwindow.Rejected, votingwindow.ReasonVoter},
		"longest voter":       {body(strings.Repeat("a", 128), "yes"), during, votingwindow.Counted, ""},
		"too long voter":      {body(strings.Repeat("a", 129), "yes"), during, votingwindow.Rejected, votingwindow.ReasonVoter},
		"answer":              {body("ann", "perhaps"), during, votingwindow.Rejected, votingwindow.ReasonAnswer},
		"answer's case":       {body("ann", "Yes"), during, votingwindow.Rejected, votingwindow.ReasonAnswer},
		"empty answer":        {body("ann", ""), during, votingwindow.Rejected, votingwindow.ReasonAnswer},
		"late and wrong":      {body("ann", "perhaps"), closes, votingwindow.Rejected, votingwindow.ReasonAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			got := rules.Classify(test.body, test.sent)
			if got.Outcome != test.outcome || got.Reason != test.reason {
				t.Fatalf("got %s %s, want %s %s", got.Outcome, got.Reason, test.outcome, test.reason)
			}
		})
	}
}

func TestVoterPattern(t *testing.T) {
	for _, test := range []struct {
		pattern, voter string
		valid          bool
	}{
		{"", "anybody at all", true},
		{"", "a\x00b", false},
		{"", "tab\t", false},
		{"", "münchen 🎤", true},
		{"a|b", "a", true},
		{"a|b", "ab", false},
		{"(?i)[a-z]{3}", "ANN", true},
		{"(?m)^a$", "a", true},
		{"(?m)^a$", "b\na", false},
		{".*", "a\u0085b", false},
		{"[a-z]+", "anna", true},
		{"[a-z]+?", "anna", true},
	} {
		w := window()
		w.VoterPattern = test.pattern
		reason := mustRules(w).Check(votingwindow.Vote{Voter: test.voter, Answer: "yes"})
		if (reason == "") != test.valid {
			t.Errorf("%q on %q: got %q", test.pattern, test.voter, reason)
		}
	}
}

func TestNewRulesRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*votingwindow.Window){
		"closes as it opens": func(w *votingwindow.Window) { w.ClosesAt = w.OpensAt },
		"closes before":      func(w *votingwindow.Window) { w.ClosesAt = w.OpensAt.Add(-time.Second) },
		"negative grace":     func(w *votingwindow.Window) { w.Grace = -1 },
		"no answers":         func(w *votingwindow.Window) { w.Answers = nil },
		"empty answer":       func(w *votingwindow.Window) { w.Answers = []string{"yes", ""} },
		"same answer twice":  func(w *votingwindow.Window) { w.Answers = []string{"yes", "no", "yes"} },
		"broken pattern":     func(w *votingwindow.Window) { w.VoterPattern = "[a-" },
		"escaping anchors":   func(w *votingwindow.Window) { w.VoterPattern = "a)|(b" },
		"swallowing anchors": func(w *votingwindow.Window) { w.VoterPattern = `\Qa` },
	} {
		w := window()
		spoil(&w)
		if _, err := votingwindow.NewRules(w); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A closing time finer than the store keeps must not look moved at each reading.
func TestNewRulesTakesTimesToTheMillisecond(t *testing.T) {
	w := window()
	w.ClosesAt = w.ClosesAt.Add(123456 * time.Nanosecond).In(time.FixedZone("CEST", 7200))
	if got := mustRules(w).ClosesAt; !got.Equal(closes) || got.Location() != time.UTC {
		t.Fatalf("got %s", got)
	}
}

func TestCountsTakesTheGreaterFigureByFigure(t *testing.T) {
	a := votingwindow.Counts{Answers: map[string]int64{"yes": 5, "no": 1}, Duplicate: 1, Late: 7}
	b := votingwindow.Counts{Answers: map[string]int64{"yes": 2, "no": 3, "maybe": 1}, Duplicate: 2, Rejected: 1}
	most := a.AtLeast(b)
	if most.Counted() != 9 || most.Answers["yes"] != 5 || most.Answers["no"] != 3 || most.Duplicate != 2 || most.Late != 7 || most.Rejected != 1 {
		t.Errorf("at least: %+v", most)
	}
	sum := a.Plus(b)
	if sum.Counted() != 12 || sum.Duplicate != 3 || sum.Late != 7 || sum.Rejected != 1 || sum.Accepted() != 23 {
		t.Errorf("plus: %+v", sum)
	}
	if a.Answers["no"] != 1 || len(a.Answers) != 2 {
		t.Errorf("an operand changed: %+v", a)
	}
}
