package votingwindow

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// What a vote makes AWS send, by the way that it comes in: the answer to it, and to
// what a browser asks before it.
func TestLoadOfAVote(t *testing.T) {
	direct := map[string]any{"credentials": credentialsCognito}
	jwt := map[string]any{"issuer": "https://id.example.com", "audience": []any{"show"}}
	for name, c := range map[string]struct {
		more map[string]any
		want map[string]float64 // Requests to an API, and bytes that a part sends out.
		// ballot is the size of one, of which that of one answer is pinned where
		// ballots are made (TestBallotBytes): of anna and of bruno on the mean.
		ballot float64
	}{
		"url":                {map[string]any{}, map[string]float64{"intake": 410}, 73.5},
		"api":                {map[string]any{"intake": intakeAPI}, map[string]float64{"api": 1, "intake": 410}, 73.5},
		"api with a token":   {map[string]any{"intake": intakeAPI, "jwt": jwt}, map[string]float64{"api": 2, "intake": 410 + 280}, 73.5},
		"direct":             {map[string]any{"intake": intakeDirect}, map[string]float64{"votes": 682}, 56.5},
		"a guest of Cognito": {map[string]any{"intake": intakeDirect, "direct": direct}, map[string]float64{"votes": 682, "voters": 2780}, 56.5},
		"kept for a month":   {map[string]any{"intake": intakeDirect, "retention_days": 30}, map[string]float64{"votes": 682}, 69.5},
	} {
		t.Run(name, func(t *testing.T) {
			c.more["expected_load"] = map[string]any{"votes": 1000}
			have, ballot := map[string]float64{}, 0.0
			for _, u := range described(t, c.more).PerEvent {
				if u.Unit != "vote" {
					continue
				}
				for _, o := range u.Operations {
					switch {
					case o.Action == blueprint.SendOut:
						have[o.Part] += o.Count * o.Bytes
					case o.Action == blueprint.Request:
						have[o.Part] += o.Count
					case o.Action == blueprint.PutItem && o.Part == "ballots":
						ballot = o.Bytes
					}
				}
			}
			if diff := cmp.Diff(c.want, have); diff != "" {
				t.Errorf("want -, have +:\n%s", diff)
			}
			if ballot != c.ballot {
				t.Errorf("a ballot has %g bytes, want %g", ballot, c.ballot)
			}
		})
	}
}

// Who loads the page of a direct window reads the credential beside it.
func TestLoadOfAVisit(t *testing.T) {
	for intake, want := range map[string]float64{intakeURL: 2, intakeDirect: 3} {
		var have float64
		for _, u := range described(t, map[string]any{"intake": intake, "expected_load": map[string]any{"votes": 1000, "viewers": 10}}).PerEvent {
			for _, o := range u.Operations {
				if u.Unit == "visit" && o.Action == blueprint.GetObject {
					have += o.Count
				}
			}
		}
		if have != want {
			t.Errorf("%s: a visit reads %g objects, want %g", intake, have, want)
		}
	}
}
