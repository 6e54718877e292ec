package deploy

import (
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// A state that outlives its system, as Terraform keeps one beside the successor
// under create_before_destroy, must neither see nor touch what has taken the
// name since.
func TestSuccessorIsLeftAlone(t *testing.T) {
	e, account := newEngine(t, 3)
	b := small(settings(), time.Minute)
	first := succeeded(t, e.Apply(t.Context(), input(b, true))).Manifest.ID
	succeededGone(t, e, account, b)
	second := succeeded(t, e.Apply(t.Context(), input(b, true))).Manifest.ID
	if first == "" || first == second {
		t.Fatalf("two deployments have the ids %q and %q", first, second)
	}
	before := inventory(t, account)
	old := input(b, false)
	old.Deployment = first
	if seen := succeeded(t, e.Observe(t.Context(), old)); seen.Exists {
		t.Errorf("the old state sees its successor: %+v", seen)
	}
	if res := e.Apply(t.Context(), old); len(res.Failures) != 1 || res.Exists {
		t.Errorf("the old state could change its successor: %+v", res)
	}
	if res := succeeded(t, e.Destroy(t.Context(), old)); res.Exists {
		t.Errorf("the old state is not done: %+v", res)
	}
	if after := inventory(t, account); len(after) != len(before) || len(after) == 0 {
		t.Errorf("the successor had %q, has %q", before, after)
	}
	now := input(b, false)
	now.Deployment = second
	if res := succeeded(t, e.Destroy(t.Context(), now)); res.Exists || len(inventory(t, account)) != 0 {
		t.Errorf("the successor's own state could not destroy it: %+v", res)
	}
}

// What a create that stopped half-way has made belongs, after the next create,
// to that one.
func TestHalfMadeChangesHands(t *testing.T) {
	e, account := newEngine(t, 3)
	b := small(settings(), time.Minute)
	arm(t, account, localaws.Fault{Service: "dynamodb", Operation: "CreateTable", Nth: 1, Retries: true, Kind: localaws.FaultError, Code: "InternalServerError"})
	broken := e.Apply(t.Context(), input(b, true))
	if len(broken.Failures) == 0 || broken.Manifest == nil {
		t.Fatalf("the first create did not fail: %+v", broken)
	}
	whole := succeeded(t, e.Apply(t.Context(), input(b, true)))
	old := input(b, false)
	old.Deployment = broken.Manifest.ID
	if res := succeeded(t, e.Destroy(t.Context(), old)); res.Exists || len(inventory(t, account)) == 0 {
		t.Errorf("the failed create's state destroyed what the second made")
	}
	now := input(b, false)
	now.Deployment = whole.Manifest.ID
	succeeded(t, e.Destroy(t.Context(), now))
	if left := inventory(t, account); len(left) != 0 {
		t.Errorf("destroy left %q", left)
	}
}
