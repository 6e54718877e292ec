package operator

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// TestRedriveEvents calls the function that failed with the events themselves, one
// at a time: what fails again, and what holds no event, stays.
func TestRedriveEvents(t *testing.T) {
	n, s := standing(t, func(e events.SQSEvent) (string, bool) { return "null", e.Records[0].Body == "poison" })
	kept := func(body string) string {
		return `{"version":"1.0","requestContext":{"condition":"RetriesExhausted"},"requestPayload":{"Records":[{"body":"` + body + `"}]},"responsePayload":{"errorMessage":"no table"}}`
	}
	n.send(t, "dead-letters", kept("a"), kept("poison"), kept("b"), "no record", `{"requestContext":{}}`)
	r := newRedriver(n.deployed, blueprint.RedriveRoute{
		Redrive: blueprint.RedriveInvoke, DeadLetters: "dead-letters", Source: "dead-letters", Function: "recorder", Timeout: 10 * time.Second, BatchSize: 1,
	}, 0, func(string) {})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.succeeded != 2 || r.failed != 3 {
		t.Errorf("%d succeeded and %d failed, want 2 and 3", r.succeeded, r.failed)
	}
	var called []string
	for _, e := range s.events {
		if len(e.Records) != 1 {
			t.Fatalf("the function was called with %+v, want one event", e)
		}
		called = append(called, e.Records[0].Body)
	}
	slices.Sort(called)
	if want := []string{"a", "b", "poison"}; !slices.Equal(called, want) {
		t.Errorf("the function was called with %q, want %q", called, want)
	}
	left := n.drain(t, "dead-letters")
	want := []string{"no record", `{"requestContext":{}}`, kept("poison")}
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("%q are left, want %q", left, want)
	}
}
