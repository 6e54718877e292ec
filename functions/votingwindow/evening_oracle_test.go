package votingwindow_test

import (
	"flag"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/votecheck"
)

// flagRun is what `go test -run` asked for.
func flagRun() string { return flag.Lookup("test.run").Value.String() }

// standing is what the votes of one voter on one question should have become.
type standing struct {
	valid  int // Sent in time and in order, and recorded before the seal.
	latest int // Of these, the last by sent time and id.
	ends   map[votingwindow.Outcome]int
	stands int // The message of the ballot, where there is one.
}

// checkVotes holds what became of every vote against what the sender knows of it.
func (d *drama) checkVotes(ballots []votingwindow.Ballot, ledger []votingwindow.Entry) {
	type place struct {
		voter    int32
		question int8
	}
	ends := make([]string, len(d.casts)) // Outcome and reason by message.
	at := make(map[string]int, len(d.casts))
	for i := range d.casts {
		at[messageID(i)] = i
	}
	for _, ballot := range ballots {
		if !ballot.Rehearsal {
			ends[at[ballot.Message]] = "ballot"
		}
	}
	for _, entry := range ledger {
		if !entry.Rehearsal {
			ends[at[entry.Message]] = string(entry.Outcome) + " " + string(entry.Reason)
		}
	}
	places := map[place]*standing{}
	wrong := 0
	for i := range d.casts {
		c := &d.casts[i]
		sent := time.UnixMilli(c.sent)
		if c.kind == rehearsalVote && sent.Before(d.window.OpensAt) {
			continue
		}
		want := map[kind]string{
			poison: "rejected malformed", badVoter: "rejected voter", badAnswer: "rejected answer", badQuestion: "rejected question",
			badTicket: "rejected ticket", notListed: "rejected not_allowed", rehearsalVote: "rejected rehearsal",
		}[c.kind]
		if d.listed && want == "rejected rehearsal" && c.voter%10 == 3 {
			want = "rejected not_allowed"
		}
		switch {
		case want != "":
		case sent.Before(d.window.OpensAt):
			want = "rejected early"
		case !sent.Before(d.closes):
			want = "late after_close"
		case c.held:
			want = "late after_final"
		}
		got := ends[i]
		if want != "" {
			if wrong++; got != want && wrong < 20 {
				d.t.Errorf("vote %d of kind %d, sent %s, ended as %q, should be %q", i, c.kind, sent, got, want)
			} else {
				wrong--
			}
			continue
		}
		where := place{c.voter, c.question}
		s := places[where]
		if s == nil {
			s = &standing{ends: map[votingwindow.Outcome]int{}, latest: i}
			places[where] = s
		}
		s.valid++
		if former := &d.casts[s.latest]; c.sent > former.sent || (c.sent == former.sent && i > s.latest) {
			s.latest = i
		}
		switch got {
		case "ballot":
			s.ends[votingwindow.Counted]++
			s.stands = i
		case "duplicate second_vote":
			s.ends[votingwindow.Duplicate]++
		case "replaced later_vote":
			s.ends[votingwindow.Replaced]++
		default:
			d.t.Errorf("vote %d, sent %s, ended as %q", i, sent, got)
		}
	}
	slots := max(1, d.window.VotesPerVoter)
	for where, s := range places {
		counted := min(slots, s.valid)
		lost := votingwindow.Duplicate
		if d.window.Revote == votingwindow.RevoteReplace {
			lost = votingwindow.Replaced
			if s.stands != s.latest {
				d.t.Errorf("of voter %d's votes %d stands, should be %d", where.voter, s.stands, s.latest)
			}
		}
		if s.ends[votingwindow.Counted] != counted || s.ends[lost] != s.valid-counted {
			d.t.Errorf("voter %d's %d votes ended as %v", where.voter, s.valid, s.ends)
		}
	}
}

// checkRates proves that the quarantine holds the suspicious ballots and no other.
func (d *drama) checkRates(ballots []votingwindow.Ballot) {
	type minute struct {
		address string
		at      int64
	}
	counts := map[minute]int{}
	of := func(ballot votingwindow.Ballot) minute { return minute{ballot.Address, ballot.Sent.Unix() / 60} }
	for _, ballot := range ballots {
		if !ballot.Rehearsal {
			counts[of(ballot)]++
		}
	}
	named := map[string]bool{}
	if d.recorder.QuarantinePattern != "" {
		for voter := range int32(d.voters) {
			if voter%100 == 99 {
				named[hasher.Voter(d.name(voter))] = true
			}
		}
	}
	rates := 0
	for _, ballot := range ballots {
		if (ballot.Address == "") != d.recorder.Direct {
			d.t.Fatalf("a ballot's address is %q", ballot.Address)
		}
		voter, _, _, _ := votingwindow.SplitBallotKey(ballot.Key)
		want := ""
		switch {
		case named[voter]:
			want = votingwindow.RulePattern
		case d.perAddress > 0 && !ballot.Rehearsal && counts[of(ballot)] > d.perAddress:
			want = votingwindow.RuleRate
			rates++
		}
		if ballot.Quarantine != want {
			d.t.Fatalf("the ballot of %s is in quarantine by %q, should be by %q", ballot.Message, ballot.Quarantine, want)
		}
	}
	just := 0
	for _, n := range counts {
		if n == d.perAddress {
			just++
		}
	}
	if d.perAddress > 0 && (rates == 0 || just == 0) {
		d.t.Errorf("%d ballots of addresses that voted too often, %d addresses that just did not: the plan proves nothing", rates, just)
	}
}

// checkPublished looks at everything that was published on the way.
func checkPublished(d *drama, report votecheck.Report) {
	bounded := d.window.Revote != votingwindow.RevoteReplace && d.perAddress == 0
	if bounded {
		checkHistory(d.t, d.world)
	}
	var gap time.Duration
	for i, published := range d.history {
		final := published.Status == votingwindow.StatusFinal
		if (published.Questions == nil) != (d.afterClose && !final) {
			d.t.Errorf("results %d, %s, have the figures %v", i, published.Status, published.Questions)
		}
		if bounded && published.Status != votingwindow.StatusRehearsal {
			if err := votecheck.CheckLive(report.Counts, published); err != nil {
				d.t.Errorf("%s: %v", published.Status, err)
			}
		}
		if i > 0 && d.times[i-1].After(d.window.OpensAt) && !final {
			gap = max(gap, d.times[i].Sub(d.times[i-1]))
		}
	}
	// A lease and a retry after a death; where every sixth call fails, some rounds more.
	if limit := 22*time.Second + time.Duration(d.faults)*10*time.Second; gap > limit {
		d.t.Errorf("results were frozen for %s", gap)
	}
}
