package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/burstline/terraform-provider-serverless/internal/preflight"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// doorBars are what a million counted votes may cost by the way that they come in, in
// dollars: with nobody watching, no second votes, and what is stored apart.
var doorBars = []struct {
	intake string
	bar    float64
}{{"direct", 1.20}, {"url", 1.50}, {"api", 2.50}}

// dearerDoors are ways in whose browsers ask for more than a vote: for leave to send
// a token, for an identity.
var dearerDoors = []struct {
	name      string
	arguments map[string]any
}{
	{"api_token", map[string]any{"intake": "api", "jwt": map[string]any{"issuer": "https://id.example.com", "audience": []any{"show"}}}},
	{"direct_cognito", map[string]any{"intake": "direct", "direct": map[string]any{"credentials": "cognito"}}},
}

// What a million viewers may cost who watch for twelve minutes, from the opening
// until the results are final, in dollars, bytes included: through a distribution,
// and where they read the status table themselves, with the page from the bucket.
const (
	viewersBar       = 60
	viewersDirectBar = 15
)

const million = 1_000_000

// twelveMinutes is the opening and the closing of a window whose results are final
// twelve minutes after it opens: two minutes of grace, one in which the queue stays
// empty, and a recorder's time-out come after closing.
var twelveMinutes = [2]string{"2027-05-22T20:15:00+02:00", "2027-05-22T20:23:40+02:00"}

// votesCost estimates what votes and viewers cost: the calls that a test holds
// against those really made (TestAccCostIsMetered), and what no call shows, from
// the sizes and durations that the system states.
func (b *bench) votesCost(ctx context.Context) error {
	for _, door := range doorBars {
		e, err := evening(ctx, map[string]any{"votes": million}, map[string]any{"intake": door.intake})
		if err != nil {
			return err
		}
		b.atMost("vote.cost_"+door.intake, sum(e, votes), "USD per million votes", door.bar)
		if door.intake != "url" {
			continue
		}
		b.add("vote.cost_storage", sum(e, storage), "USD a month, for a million ballots")
		twice, err := evening(ctx, map[string]any{"votes": 2 * million, "duplicates": million, "peak_votes_per_second": 8000}, nil)
		if err != nil {
			return err
		}
		b.add("vote.cost_duplicates", sum(twice, votes)-sum(e, votes), "USD per million second votes")
	}
	for _, door := range dearerDoors {
		e, err := evening(ctx, map[string]any{"votes": million}, door.arguments)
		if err != nil {
			return err
		}
		b.add("vote.cost_"+door.name, sum(e, votes), "USD per million votes")
	}
	for _, way := range []struct {
		name string
		site map[string]any
		bar  float64
	}{
		{"vote.cost_viewers", map[string]any{"cdn": true}, viewersBar},
		{"vote.cost_viewers_direct", map[string]any{"results_from": "table"}, viewersDirectBar},
	} {
		e, err := evening(ctx, map[string]any{"votes": million, "viewers": million}, map[string]any{
			"site": way.site, "opens_at": twelveMinutes[0], "closes_at": twelveMinutes[1],
		})
		if err != nil {
			return err
		}
		b.atMost(way.name, sum(e, viewers), "USD per million viewers for twelve minutes", way.bar)
	}
	// The evening of Przekwas, "How to Build & Run a High Performance Serverless
	// Voting System for Less Than $100" (2018): $32 for the API are about nine
	// million requests at the $3.50 that a million then cost; the whole bill was $76.
	night, err := evening(ctx, map[string]any{"votes": 9 * million, "peak_votes_per_second": 36_000}, nil)
	if err != nil {
		return err
	}
	b.atMost("vote.seed_night", night.Load.PerEvent, "USD, 9 million votes, storage for a month too", 76)
	return nil
}

// evening estimates the example with a load, and with more arguments.
func evening(ctx context.Context, load, more map[string]any) (preflight.Estimate, error) {
	window, _ := systems.Find("voting_window")
	arguments := map[string]any{"expected_load": load}
	if _, set := load["peak_votes_per_second"]; !set {
		load["peak_votes_per_second"] = 4000
	}
	maps.Copy(arguments, more)
	return described(ctx, window, arguments)
}

// sum adds up the lines of an event that are of a sort.
func sum(e preflight.Estimate, is func(preflight.Line) bool) float64 {
	var dollars float64
	for _, l := range e.Lines {
		if l.Period == preflight.Event && is(l) {
			dollars += l.Amount
		}
	}
	return dollars
}

func storage(l preflight.Line) bool {
	return l.Name == "storage" || l.Name == "point_in_time_recovery"
}

func viewers(l preflight.Line) bool {
	return slices.ContainsFunc([]string{"poll", "visit", "read of the status", "showing of the status"}, func(unit string) bool {
		return strings.HasSuffix(l.Why, " for each "+unit)
	})
}

func votes(l preflight.Line) bool { return !storage(l) && !viewers(l) }
