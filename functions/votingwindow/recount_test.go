package votingwindow_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// fill writes n ballots, n+1 duplicates, 2 late and 3 rejected entries.
func fill(t *testing.T, m *memory, n int) {
	t.Helper()
	for i := range n {
		if _, err := m.store().PutBallot(t.Context(), votingwindow.Ballot{
			Key: ballotOf(fmt.Sprint("v", i)), Answer: []string{"vote/yes", "vote/no", "vote/maybe"}[i%3], Message: fmt.Sprint("b", i), Sent: opens,
		}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n + 6 {
		outcome := votingwindow.Duplicate
		if i > n {
			outcome = votingwindow.Late
		}
		if i > n+2 {
			outcome = votingwindow.Rejected
		}
		if _, err := m.store().PutEntry(t.Context(), votingwindow.Entry{Message: fmt.Sprint("e", i), Outcome: outcome}); err != nil {
			t.Fatal(err)
		}
	}
}

// Many pages in each segment.
func TestStoreCountsEveryItem(t *testing.T) {
	m := newMemory()
	m.lag = func(string, string) bool { return true }
	fill(t, m, 500)
	ballots, err := m.store().CountBallots(t.Context(), true)
	if got := ballots.Real.Answers; err != nil || got["vote/yes"] != 167 || got["vote/no"] != 167 || got["vote/maybe"] != 166 || len(got) != 3 {
		t.Errorf("got %v, %v", ballots, err)
	}
	ledger, err := m.store().CountLedger(t.Context())
	if got := ledger.Real; err != nil || got.Duplicate != 501 || got.Late != 2 || got.Rejected != 3 || got.Accepted() != 506 {
		t.Errorf("got %v, %v", ledger, err)
	}
	if ballots, err = m.store().CountBallots(t.Context(), false); err != nil || ballots.Real.Accepted() != 0 {
		t.Errorf("a count that may lag got %v, %v", ballots, err)
	}
	scans := 0
	m.faultOf = func(string, string, string, int) fault {
		if scans++; scans == 30 {
			return before
		}
		return fine
	}
	if ballots, err = m.store().CountBallots(t.Context(), true); !errors.Is(err, errInfrastructure) || ballots.Real.Accepted() != 0 {
		t.Errorf("a count with a page missing is %v, %v", ballots, err)
	}
}

func TestStoreSumsEveryWorker(t *testing.T) {
	m := newMemory()
	for i := range 20 {
		if _, err := m.store().PutCounters(t.Context(), fmt.Sprint(i), false, votingwindow.Counts{Answers: map[string]int64{"vote/yes": int64(i)}, Late: 1}, false); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.store().TakeLease(t.Context(), votingwindow.Candidate{Holder: "a"}, opens, closes); err != nil {
		t.Fatal(err)
	}
	sum, err := m.store().Counters(t.Context(), false)
	if err != nil || sum.Answers["vote/yes"] != 190 || sum.Late != 20 {
		t.Fatalf("got %+v, %v", sum, err)
	}
}

func TestRecount(t *testing.T) {
	final := func(yes, no, maybe, late int64) votingwindow.State {
		return votingwindow.State{Version: 1, Phase: votingwindow.PhaseFinal, ClosesAt: closes, FinalAt: closes, Final: votingwindow.Counts{
			Answers: map[string]int64{"vote/yes": yes, "vote/no": no, "vote/maybe": maybe}, Duplicate: 31, Late: late, Rejected: 3,
		}}
	}
	for name, test := range map[string]struct {
		state  votingwindow.State
		live   votingwindow.Counts
		status votingwindow.Status
		agrees bool
	}{
		"final":                  {final(10, 10, 10, 2), votingwindow.Counts{}, votingwindow.StatusFinal, true},
		"surfaced since":         {final(10, 10, 10, 1), votingwindow.Counts{}, votingwindow.StatusFinal, true},
		"a ledger entry missing": {final(10, 10, 10, 3), votingwindow.Counts{}, votingwindow.StatusFinal, false},
		"a ballot missing":       {final(11, 10, 10, 2), votingwindow.Counts{}, votingwindow.StatusFinal, false},
		"a ballot added":         {final(9, 10, 10, 2), votingwindow.Counts{}, votingwindow.StatusFinal, false},
		"a ballot changed":       {final(11, 9, 10, 2), votingwindow.Counts{}, votingwindow.StatusFinal, false},
		"live":                   {votingwindow.State{}, votingwindow.Counts{Answers: map[string]int64{"vote/yes": 9}, Late: 2}, votingwindow.StatusProvisional, true},
		"live above the truth":   {votingwindow.State{}, votingwindow.Counts{Answers: map[string]int64{"vote/yes": 11}}, votingwindow.StatusProvisional, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			fill(t, m, 30)
			if test.state.Version > 0 {
				if _, err := m.store().PutWindowState(t.Context(), test.state); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := m.store().PutCounters(t.Context(), "w", false, test.live, false); err != nil {
				t.Fatal(err)
			}
			recount := &votingwindow.Recount{Rules: mustRules(window()), Store: m.store(), Clock: &manualClock{now: closes.Add(time.Hour)}}
			got, err := recount.Handle(t.Context(), event[json.RawMessage](t, "recount"))
			if err != nil {
				t.Fatal(err)
			}
			if got.Agrees != test.agrees || got.Status != test.status || got.Accepted != 66 || got.Counted != 30 || got.Answers["vote/maybe"] != 10 ||
				got.Duplicate != 31 || got.Late != 2 || got.Rejected != 3 || got.AsOf != "2030-05-04T21:10:00Z" {
				t.Fatalf("got %+v", got)
			}
		})
	}
}
