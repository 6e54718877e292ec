package votingwindow_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

const (
	voterHash = "0123456789abcdefghijklmn" // As long as a real one.
	messageOf = "5fea7756-0ea4-451a-a703-a558b933e274"
)

// TestBallotBytes pins what a ballot is billed by: the scan of each minute reads all of it.
func TestBallotBytes(t *testing.T) {
	plain := votingwindow.Ballot{Key: voterHash, Answer: "vote/anna", Message: messageOf, Sent: opens}
	for name, test := range map[string]struct {
		change func(*votingwindow.Ballot)
		want   int
	}{
		"a plain one":         {func(*votingwindow.Ballot) {}, 25 + 5 + 17 + 9}, // Key, answer, message, sent, each with its name.
		"with an address":     {func(b *votingwindow.Ballot) { b.Address = "0123456789abcdef" }, 56 + 17},
		"another message id":  {func(b *votingwindow.Ballot) { b.Message = strings.ToUpper(messageOf) }, 56 + 20},
		"of a rehearsal":      {func(b *votingwindow.Ballot) { b.Rehearsal = true }, 56 + 2},
		"that expires":        {func(b *votingwindow.Ballot) { b.Expires = closes }, 56 + 7 + 6},
		"in quarantine":       {func(b *votingwindow.Ballot) { b.Quarantine = votingwindow.RuleRate }, 56 + 5},
		"that was released":   {func(b *votingwindow.Ballot) { b.Released = votingwindow.RulePattern }, 56 + 8},
		"on a named question": {func(b *votingwindow.Ballot) { b.Key, b.Answer = voterHash+"/song", "song/anna" }, 56 + 10},
		"in the second place": {func(b *votingwindow.Ballot) {
			b.Key = votingwindow.BallotKey(voterHash, votingwindow.OnlyQuestion, 1, false)
		}, 56 + 3},
	} {
		t.Run(name, func(t *testing.T) {
			ballot := plain
			test.change(&ballot)
			if have := votingwindow.BallotBytes(ballot); have != test.want {
				t.Errorf("%d bytes, want %d", have, test.want)
			}
		})
	}
}

// FuzzBallot: a ballot comes back from the table as it went there, whatever its message's id is.
func FuzzBallot(f *testing.F) {
	f.Add(messageOf, "anna", 0, false)
	f.Add(strings.ToUpper(messageOf), "bruno", 1, true)
	f.Add(strings.ReplaceAll(messageOf, "-", "0"), "a", 0, false)
	f.Add("5fea77560-ea4-451a-a703-a558b933e274", "a", 0, false)
	f.Add("m-1", "a", 0, false)
	f.Fuzz(func(t *testing.T, message, answer string, slot int, rehearsal bool) {
		question := []string{votingwindow.OnlyQuestion, "song"}[slot&1]
		if strings.Contains(answer, "/") || message == "" || answer == "" || slot < 0 || slot >= votingwindow.MaxVotesPerVoter || message != strings.ToValidUTF8(message, "") || answer != strings.ToValidUTF8(answer, "") {
			t.Skip()
		}
		want := votingwindow.Ballot{
			Key: votingwindow.BallotKey(voterHash, question, slot, rehearsal), Answer: votingwindow.Choice(question, answer), Message: message,
			Sent: opens.Add(1234 * time.Millisecond), Rehearsal: rehearsal,
		}
		m := newMemory()
		if standing, err := m.store().PutBallot(t.Context(), want); err != nil || standing != nil {
			t.Fatal(standing, err)
		}
		encoded, err := json.Marshal(m.tables["ballots"].get(want.Key))
		if err != nil {
			t.Fatal(err)
		}
		var found item
		if err := json.Unmarshal(encoded, &found); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, votingwindow.ReadBallot(found)); diff != "" {
			t.Errorf("written -, read +:\n%s", diff)
		}
	})
}
