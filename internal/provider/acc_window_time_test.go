package provider_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// TestAccWindowTimes: the closing time moves by apply, earlier and later; what an
// operator sets in between holds until the argument changes.
func TestAccWindowTimes(t *testing.T) {
	e := newEvening(t, "times", nil)
	defer e.end()
	vote := func(what string, voter, status int, late bool) {
		t.Helper()
		a, err := post(t.Context(), e.output("vote_url"), ballotOf(voterNo(voter), "anna"))
		if err != nil {
			t.Fatal(err)
		}
		if a.status != status || a.Late != late {
			t.Errorf("%s: a vote got %+v, should get %d, late %t", what, a, status, late)
		}
		if a.ID != "" {
			e.accept(voterNo(voter), a.ID)
		}
	}
	vote("open", 1, http.StatusAccepted, false)
	e.books(1)

	// Earlier, so that it has closed by now; and later again. The publisher that
	// began before an apply gives way to the one that begins after it.
	e.publishes(votingwindow.StatusOpen, e.output("closes_at_in_force"))
	soon := clockTime(time.Now().Add(-time.Second))
	e.change(map[string]any{"closes_at": soon, "grace_seconds": 900})
	e.tick("publisher")
	e.publishes(votingwindow.StatusClosing, soon)
	vote("closed by apply", 2, http.StatusAccepted, true)
	e.books(1)
	closes := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	e.change(map[string]any{"closes_at": clockTime(closes), "grace_seconds": 5})
	vote("opened again", 3, http.StatusAccepted, false)
	equal(t, "late votes", e.books(2).Counts.Late, 1)
	equal(t, "the closing time in force", e.output("closes_at_in_force"), clockTime(closes))

	const by = "arn:aws:iam::123456789012:user/anna"
	var answer votingwindow.Controlling
	e.call("control", fmt.Sprintf(`{"action":"extend","by_seconds":600,"by":%q}`, by), &answer)
	extended := clockTime(closes.Add(10 * time.Minute))
	equal(t, "the extended closing time", answer.ClosesAt, extended)
	e.settled(e.config)
	equal(t, "the closing time in force", e.output("closes_at_in_force"), extended)
	overrides := fields(t, fields(t, e.state)["overrides"])
	if len(overrides) != 1 || text(t, overrides["closes_at"], "value") != extended {
		t.Errorf("overrides are %v, should be closes_at to %s", overrides, extended)
	}
	warned := func(p plan) bool {
		return slices.ContainsFunc(p.warnings, func(w string) bool {
			return strings.HasPrefix(w, "closes_at is overridden") && strings.Contains(w, extended) && strings.Contains(w, by)
		})
	}
	if p := e.plan(e.config); !warned(p) {
		t.Errorf("the plan warns %q", p.warnings)
	}
	e.change(map[string]any{"tags": map[string]any{"show": "final"}})
	equal(t, "the closing time in force after another change", e.output("closes_at_in_force"), extended)
	e.call("control", `{"action":"show"}`, &answer)
	equal(t, "the closing time after another change", answer.ClosesAt, extended)
	e.tick("publisher")
	e.publishes(votingwindow.StatusOpen, extended)

	e.change(map[string]any{"closes_at": clockTime(closes.Add(time.Minute))})
	equal(t, "the closing time in force after the argument changed", e.output("closes_at_in_force"), clockTime(closes.Add(time.Minute)))
	e.call("control", `{"action":"show"}`, &answer)
	equal(t, "an override after the argument changed", answer.Overridden, false)
	if p := e.plan(e.config); len(p.warnings) != 0 {
		t.Errorf("the plan warns %q", p.warnings)
	}
	e.settled(e.config)
}

// publishes waits for results of that status and closing time: four of the five
// seconds between two publications, for the machine is slow. A publisher that
// does not give way works on for almost two minutes.
func (e *evening) publishes(status votingwindow.Status, closesAt string) {
	e.t.Helper()
	eventually(e.t, 20*time.Second, func() error {
		if r := e.published(); r.ClosesAt != closesAt || r.Status != status {
			return fmt.Errorf("the results are %+v, should be %s and close at %s", r, status, closesAt)
		}
		return nil
	})
}
