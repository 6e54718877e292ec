package votingwindow_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

func TestDecodeVote(t *testing.T) {
	full := `{"voter":"ann","answer":"yes","question":"q","ticket":"t","rehearsal":true}`
	for name, test := range map[string]struct {
		body   string
		source votingwindow.Source
		want   votingwindow.Vote // None where it is malformed.
	}{
		"spaces and escapes": {" {\"answer\" : \"y\\u0065s\",\n\"voter\":\"änn\"} \n", votingwindow.FromVoter, votingwindow.Vote{Voter: "änn", Answer: "yes"}},
		"escaped key":        {`{"vot\u0065r":"ann","answer":"yes"}`, votingwindow.FromVoter, votingwindow.Vote{Voter: "ann", Answer: "yes"}},
		"all":                {full, votingwindow.FromVoter, votingwindow.Vote{Voter: "ann", Answer: "yes", Question: "q", Ticket: "t", Rehearsal: true}},
		"no rehearsal":       {`{"voter":"ann","answer":"yes","rehearsal":false}`, votingwindow.FromVoter, votingwindow.Vote{Voter: "ann", Answer: "yes"}},
		"by token":           {`{"answer":"yes"}`, votingwindow.FromToken, votingwindow.Vote{Answer: "yes"}},
		"token and voter":    {`{"voter":"ann","answer":"yes"}`, votingwindow.FromToken, votingwindow.Vote{}},
		"voter's address":    {`{"voter":"ann","answer":"yes","address":"::1"}`, votingwindow.FromVoter, votingwindow.Vote{}},
		"intake's address":   {`{"voter":"ann","answer":"yes","address":"::1"}`, votingwindow.FromIntake, votingwindow.Vote{Voter: "ann", Answer: "yes", Address: "::1"}},
		"empty question":     {`{"voter":"ann","answer":"yes","question":""}`, votingwindow.FromVoter, votingwindow.Vote{}},
		"rehearsal a word":   {`{"voter":"ann","answer":"yes","rehearsal":"true"}`, votingwindow.FromVoter, votingwindow.Vote{}},
		"rehearsal a number": {`{"voter":"ann","answer":"yes","rehearsal":1}`, votingwindow.FromVoter, votingwindow.Vote{}},
		"rehearsal longer":   {`{"voter":"ann","answer":"yes","rehearsal":true1}`, votingwindow.FromVoter, votingwindow.Vote{}},
		"a bad escape":       {`{"voter":"\x","answer":"yes"}`, votingwindow.FromVoter, votingwindow.Vote{}},
		"no comma":           {`{"voter":"ann" "answer":"yes"}`, votingwindow.FromVoter, votingwindow.Vote{}},
		"trailing comma":     {`{"voter":"ann","answer":"yes",}`, votingwindow.FromVoter, votingwindow.Vote{}},
		"two rehearsals":     {`{"voter":"ann","answer":"yes","rehearsal":true,"rehearsal":true}`, votingwindow.FromVoter, votingwindow.Vote{}},
	} {
		vote, err := votingwindow.DecodeVote([]byte(test.body), test.source)
		if vote != test.want || (err == nil) != (test.want != votingwindow.Vote{}) {
			t.Errorf("%s: got %+v, %v", name, vote, err)
		}
	}
	padded := func(n int) []byte {
		vote := `{"voter":"ann","answer":"yes"}`
		return []byte(vote + strings.Repeat(" ", n-len(vote)))
	}
	if _, err := votingwindow.DecodeVote(padded(votingwindow.MaxVoteBytes), votingwindow.FromVoter); err != nil {
		t.Fatalf("at the limit: %v", err)
	}
	for name, body := range malformed() {
		if vote, err := votingwindow.DecodeVote([]byte(body), votingwindow.FromVoter); err == nil || vote != (votingwindow.Vote{}) {
			t.Errorf("%s: got %+v, %v", name, vote, err)
		}
	}
	if _, err := votingwindow.DecodeVote(padded(votingwindow.MaxVoteBytes+1), votingwindow.FromVoter); err == nil {
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
	judge := judgeOf(mustRules(window()), votingwindow.RecorderConfig{}, nil)
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
			got := judge.Classify(window(), test.body, test.sent)
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
		reason := mustAdmit(w, votingwindow.Admission{VoterPattern: test.pattern}).Check(votingwindow.Vote{Voter: test.voter, Answer: "yes"})
		if (reason == "") != test.valid {
			t.Errorf("%q on %q: got %q", test.pattern, test.voter, reason)
		}
	}
}

func TestNewRulesRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*votingwindow.Window, *votingwindow.Admission){
		"closes as it opens":  func(w *votingwindow.Window, _ *votingwindow.Admission) { w.ClosesAt = w.OpensAt },
		"closes before":       func(w *votingwindow.Window, _ *votingwindow.Admission) { w.ClosesAt = w.OpensAt.Add(-time.Second) },
		"negative grace":      func(w *votingwindow.Window, _ *votingwindow.Admission) { w.Grace = -1 },
		"no questions":        func(w *votingwindow.Window, _ *votingwindow.Admission) { w.Questions = nil },
		"no answers":          func(w *votingwindow.Window, _ *votingwindow.Admission) { w.Questions = []string{"vote"} },
		"empty answer":        func(w *votingwindow.Window, _ *votingwindow.Admission) { w.Questions = []string{"vote/yes/"} },
		"same answer twice":   func(w *votingwindow.Window, _ *votingwindow.Admission) { w.Questions = []string{"vote/yes/no/yes"} },
		"same question twice": func(w *votingwindow.Window, _ *votingwindow.Admission) { w.Questions = []string{"a/yes", "a/no"} },
		"empty question":      func(w *votingwindow.Window, _ *votingwindow.Admission) { w.Questions = []string{"/yes/no"} },
		"question is no id":   func(w *votingwindow.Window, _ *votingwindow.Admission) { w.Questions = []string{"_a/yes/no"} },
		"answer with a space": func(w *votingwindow.Window, _ *votingwindow.Admission) { w.Questions = []string{"a/yes no"} },
		"too long an id": func(w *votingwindow.Window, _ *votingwindow.Admission) {
			w.Questions = []string{"a/" + strings.Repeat("y", 25)}
		},
		"21 questions":         func(w *votingwindow.Window, _ *votingwindow.Admission) { w.Questions = questions(21, 2, 3) },
		"too much of them":     func(w *votingwindow.Window, _ *votingwindow.Admission) { w.Questions = questions(20, 5, 24) },
		"negative votes":       func(w *votingwindow.Window, _ *votingwindow.Admission) { w.VotesPerVoter = -1 },
		"21 votes":             func(w *votingwindow.Window, _ *votingwindow.Admission) { w.VotesPerVoter = 21 },
		"two votes, replacing": func(w *votingwindow.Window, _ *votingwindow.Admission) { w.VotesPerVoter, w.Revote = 2, "replace" },
		"unknown revote":       func(w *votingwindow.Window, _ *votingwindow.Admission) { w.Revote = "maybe" },
		"broken pattern":       func(_ *votingwindow.Window, a *votingwindow.Admission) { a.VoterPattern = "[a-" },
		"escaping anchors":     func(_ *votingwindow.Window, a *votingwindow.Admission) { a.VoterPattern = "a)|(b" },
		"swallowing anchors":   func(_ *votingwindow.Window, a *votingwindow.Admission) { a.VoterPattern = `\Qa` },
		"key is no base64":     func(_ *votingwindow.Window, a *votingwindow.Admission) { a.TicketPublicKey = "?" },
		"key is too short":     func(_ *votingwindow.Window, a *votingwindow.Admission) { a.TicketPublicKey = "AAAA" },
	} {
		w, a := window(), admission
		spoil(&w, &a)
		if _, err := votingwindow.NewRules(base, w, a); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// questions is n questions with so many answers, all with ids of a length.
func questions(n, answers, length int) []string {
	var all []string
	for i := range n {
		question := fmt.Sprintf("%0*d", length, i)
		ids := make([]string, answers)
		for j := range ids {
			ids[j] = fmt.Sprintf("%0*d", length, j)
		}
		all = append(all, votingwindow.Question(question, ids...))
	}
	return all
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
	a := votingwindow.Counts{Answers: map[string]int64{"vote/yes": 5, "vote/no": 1}, Duplicate: 1, Late: 7}
	b := votingwindow.Counts{Answers: map[string]int64{"vote/yes": 2, "vote/no": 3, "vote/maybe": 1}, Duplicate: 2, Rejected: 1}
	most := a.AtLeast(b)
	if most.Counted() != 9 || most.Answers["vote/yes"] != 5 || most.Answers["vote/no"] != 3 || most.Duplicate != 2 || most.Late != 7 || most.Rejected != 1 {
		t.Errorf("at least: %+v", most)
	}
	sum := a.Plus(b)
	if sum.Counted() != 12 || sum.Duplicate != 3 || sum.Late != 7 || sum.Rejected != 1 || sum.Accepted() != 23 {
		t.Errorf("plus: %+v", sum)
	}
	if a.Answers["vote/no"] != 1 || len(a.Answers) != 2 {
		t.Errorf("an operand changed: %+v", a)
	}
}
