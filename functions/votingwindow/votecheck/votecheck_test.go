package votecheck_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/votecheck"
)

func sound() (accepted []string, ballots []votingwindow.Ballot, ledger []votingwindow.Entry) {
	return []string{"m1", "m2", "m3", "m4", "m5"},
		[]votingwindow.Ballot{{Key: "ann/q", Answer: "q/yes", Message: "m1"}, {Key: "bob/q", Answer: "q/no", Message: "m2"}},
		[]votingwindow.Entry{
			{Message: "m3", Outcome: votingwindow.Duplicate, Voter: "ann", Answer: "q/no"},
			{Message: "m4", Outcome: votingwindow.Late, Voter: "eve"},
			{Message: "m5", Outcome: votingwindow.Rejected},
		}
}

func TestCheckHolds(t *testing.T) {
	report, err := votecheck.Check(sound())
	if err != nil {
		t.Fatal(err)
	}
	counts := report.Counts
	if counts.Counted() != 2 || counts.Duplicate != 1 || counts.Late != 1 || counts.Rejected != 1 || report.Unacknowledged != 0 {
		t.Fatalf("got %+v", report)
	}
}

func TestCheckCountsWhatNobodyAcknowledged(t *testing.T) {
	accepted, ballots, ledger := sound()
	report, err := votecheck.Check(accepted[:4], ballots, ledger)
	if err != nil || report.Unacknowledged != 1 {
		t.Fatalf("got %+v, %v", report, err)
	}
}

// Each invariant can fail.
func TestCheckFails(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(accepted *[]string, ballots *[]votingwindow.Ballot, ledger *[]votingwindow.Entry)
		want  string
	}{
		"lost ballot": {func(_ *[]string, b *[]votingwindow.Ballot, _ *[]votingwindow.Entry) { *b = (*b)[:1] }, "m2 was accepted and is lost"},
		"lost entry":  {func(_ *[]string, _ *[]votingwindow.Ballot, l *[]votingwindow.Entry) { *l = (*l)[:2] }, "m5 was accepted and is lost"},
		"ballot and entry": {func(_ *[]string, _ *[]votingwindow.Ballot, l *[]votingwindow.Entry) {
			*l = append(*l, votingwindow.Entry{Message: "m1", Outcome: votingwindow.Late})
		}, "m1 ended 2 times"},
		"two ballots of a message": {func(_ *[]string, b *[]votingwindow.Ballot, _ *[]votingwindow.Entry) {
			*b = append(*b, votingwindow.Ballot{Key: "joe/q", Answer: "q/yes", Message: "m1"})
		}, "m1 ended 2 times"},
		"two ballots of a voter": {func(a *[]string, b *[]votingwindow.Ballot, _ *[]votingwindow.Entry) {
			*a, *b = append(*a, "m6"), append(*b, votingwindow.Ballot{Key: "ann/q", Answer: "q/yes", Message: "m6"})
		}, "two ballots of one voter"},
		"duplicate of nothing": {func(_ *[]string, _ *[]votingwindow.Ballot, l *[]votingwindow.Entry) { (*l)[0].Voter = "zoe" }, "duplicate of no other"},
		"a gap": {func(a *[]string, b *[]votingwindow.Ballot, _ *[]votingwindow.Entry) {
			*a, *b = append(*a, "m6"), append(*b, votingwindow.Ballot{Key: "ann/q/2", Answer: "q/yes", Message: "m6"})
		}, "none in slot 1"},
		"another question's place": {func(_ *[]string, b *[]votingwindow.Ballot, _ *[]votingwindow.Entry) { (*b)[0].Answer = "p/yes" }, "the place of another"},
		"a rehearsal's place":      {func(_ *[]string, b *[]votingwindow.Ballot, _ *[]votingwindow.Entry) { (*b)[0].Rehearsal = true }, "the place of another"},
		"replaced by nothing": {func(_ *[]string, _ *[]votingwindow.Ballot, l *[]votingwindow.Entry) {
			(*l)[0].Outcome, (*l)[0].Voter = votingwindow.Replaced, "zoe"
		}, "replaced by no later"},
		"replaced by an earlier": {func(_ *[]string, _ *[]votingwindow.Ballot, l *[]votingwindow.Entry) {
			(*l)[0].Outcome = votingwindow.Replaced
		}, "replaced by no later"},
		"unknown outcome": {func(_ *[]string, _ *[]votingwindow.Ballot, l *[]votingwindow.Entry) { (*l)[1].Outcome = "maybe" }, `"maybe"`},
		"accepted twice":  {func(a *[]string, _ *[]votingwindow.Ballot, _ *[]votingwindow.Entry) { *a = append(*a, "m1") }, "accepted twice"},
	} {
		t.Run(name, func(t *testing.T) {
			accepted, ballots, ledger := sound()
			test.spoil(&accepted, &ballots, &ledger)
			if _, err := votecheck.Check(accepted, ballots, ledger); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
		})
	}
}

type published struct {
	results   votingwindow.Results
	ledger    votingwindow.LedgerSummary
	recounted votingwindow.Recounted
}

func resultsOf(status votingwindow.Status, total int64, answers map[string]int64) votingwindow.Results {
	var sum int64
	for _, n := range answers {
		sum += n
	}
	return votingwindow.Results{Status: status, Total: total, Questions: map[string]votingwindow.QuestionResults{"q": {Total: sum, Answers: answers}}}
}

func final() published {
	answers := func() map[string]int64 { return map[string]int64{"q/yes": 1, "q/no": 1} }
	return published{
		resultsOf(votingwindow.StatusFinal, 2, map[string]int64{"yes": 1, "no": 1, "none": 0}),
		votingwindow.LedgerSummary{
			Status: votingwindow.StatusFinal, Exact: true, Accepted: 5, Counted: 2, Duplicate: 1, Late: 1, Rejected: 1, LiveTotal: 1, Difference: 1,
		},
		votingwindow.Recounted{Agrees: true, Figures: votingwindow.Figures{Counted: 2, Accepted: 5, Answers: answers()}},
	}
}

func TestCheckFinal(t *testing.T) {
	report, err := votecheck.Check(sound())
	if err != nil {
		t.Fatal(err)
	}
	good := final()
	if err := votecheck.CheckFinal(report.Counts, good.results, good.ledger, good.recounted); err != nil {
		t.Fatal(err)
	}
	spoils := map[string]func(*published){
		"not final":        func(p *published) { p.results.Status = votingwindow.StatusProvisional },
		"ledger not final": func(p *published) { p.ledger.Status = votingwindow.StatusProvisional },
		"not exact":        func(p *published) { p.ledger.Exact = false },
		"one too many": func(p *published) {
			p.results = resultsOf(votingwindow.StatusFinal, 3, map[string]int64{"yes": 2, "no": 1})
		},
		"moved": func(p *published) {
			p.results = resultsOf(votingwindow.StatusFinal, 2, map[string]int64{"yes": 2, "no": 0})
		},
		"answer of nobody": func(p *published) {
			p.results = resultsOf(votingwindow.StatusFinal, 2, map[string]int64{"yes": 1, "no": 1, "none": 1})
		},
		"question's total":   func(p *published) { p.results.Questions["q"].Answers["none"] = 1 },
		"total":              func(p *published) { p.results.Total = 1 },
		"quarantined":        func(p *published) { p.ledger.Quarantined = 1 },
		"released":           func(p *published) { p.ledger.Released = 1 },
		"ledger's counted":   func(p *published) { p.ledger.Counted = 1 },
		"ledger's sum":       func(p *published) { p.ledger.Accepted = 6 },
		"difference":         func(p *published) { p.ledger.Difference = 0 },
		"live above truth":   func(p *published) { p.ledger.LiveTotal, p.ledger.Difference = 3, -1 },
		"recount disagrees":  func(p *published) { p.recounted.Agrees = false },
		"recounted":          func(p *published) { p.recounted.Counted = 3 },
		"recounted accepted": func(p *published) { p.recounted.Accepted = 4 },
		"recounted answer":   func(p *published) { p.recounted.Answers["q/no"] = 0 },
	}
	for name, spoil := range spoils {
		t.Run(name, func(t *testing.T) {
			bad := final()
			spoil(&bad)
			if votecheck.CheckFinal(report.Counts, bad.results, bad.ledger, bad.recounted) == nil {
				t.Fatal("not noticed")
			}
		})
	}
}

func TestCheckLive(t *testing.T) {
	report, err := votecheck.Check(sound())
	if err != nil {
		t.Fatal(err)
	}
	for i, results := range []votingwindow.Results{
		resultsOf("", 1, map[string]int64{"yes": 1, "no": 0}),
		resultsOf("", 2, map[string]int64{"yes": 2, "no": 0}),
		resultsOf("", 1, map[string]int64{"yes": 1, "no": 1}),
		resultsOf("", 1, map[string]int64{"other": 1}),
	} {
		if got, want := votecheck.CheckLive(report.Counts, results) == nil, slices.Contains([]int{0}, i); got != want {
			t.Errorf("results %d hold: %v, want %v", i, got, want)
		}
	}
}
