package provider_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

func preApply(checks ...plancheck.PlanCheck) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: checks}
}

// TestAccProtected: without force_destroy neither a destroy nor a replacement
// gets past its plan, and the plan names what would be lost.
func TestAccProtected(t *testing.T) {
	a := newAccount(t)
	const name = "protected"
	protected := expectError(
		`Voting window "protected" bears data and is protected`, "These parts would be deleted with all that they hold:",
		`queue "dead-letters"`, `queue "votes"`, `table "ballots"`, `table "ledger"`, "Nothing was deleted", "set force_destroy = true",
	)
	args := base(name).with("force_destroy", "false")
	_, parts := described(t, a, name)
	a.run(t,
		resource.TestStep{Config: a.config(args)},
		resource.TestStep{Config: a.config(args), Destroy: true, ExpectError: protected},
		resource.TestStep{Config: a.config(args.with("name", quote("other"))), ExpectError: protected},
		resource.TestStep{
			// What counts is what was applied last, not what is configured now.
			Config: a.config(args.with("name", quote("other"), "force_destroy", "true")), ExpectError: protected,
		},
		resource.TestStep{
			PreConfig: func() { everythingExists(t, a, parts) },
			Config:    a.config(base(name)), ConfigPlanChecks: preApply(updated("ballots", "ledger")...),
		},
	)
}

// TestAccAgain: after a destroy the name is free at once.
func TestAccAgain(t *testing.T) {
	a := newAccount(t)
	const name = "again"
	_, parts := described(t, a, name)
	a.run(t,
		resource.TestStep{Config: a.config(base(name))},
		resource.TestStep{Config: a.config(base(name)), Destroy: true},
		resource.TestStep{
			PreConfig: func() {
				if err := a.expectInventory(home); err != nil {
					t.Error(err)
				}
			},
			Config:           a.config(base(name)),
			ConfigPlanChecks: preApply(plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate)),
			Check:            check(t, func(t *testing.T) { everythingExists(t, a, parts) }),
		},
	)
}

// TestAccReplace: terraform apply -replace, and a taint, make all anew under
// the same name.
func TestAccReplace(t *testing.T) {
	a := newAccount(t)
	const name = "replaced"
	_, parts := described(t, a, name)
	mapping := ""
	a.run(t,
		resource.TestStep{
			Config: a.config(base(name)),
			Check:  check(t, func(t *testing.T) { mapping = a.manifest(t, name).Parts["recorder-votes"].Attributes["id"] }),
		},
		resource.TestStep{
			Taint: []string{address}, Config: a.config(base(name)),
			ConfigPlanChecks:  preApply(plancheck.ExpectResourceAction(address, plancheck.ResourceActionDestroyBeforeCreate)),
			ConfigStateChecks: []statecheck.StateCheck{noDrift()},
			Check: check(t, func(t *testing.T) {
				everythingExists(t, a, parts)
				if now := a.manifest(t, name).Parts["recorder-votes"].Attributes["id"]; now == mapping || now == "" {
					t.Errorf("the mapping's id is %q as before the replacement", now)
				}
			}),
		},
	)
}

// TestAccMoved: a moved block and a refresh change nothing in AWS.
func TestAccMoved(t *testing.T) {
	a := newAccount(t)
	const name = "moved"
	var mark localaws.Mark
	a.run(t,
		resource.TestStep{Config: a.config(base(name))},
		resource.TestStep{
			PreConfig:        func() { mark = local.Gate().Meter().Mark() },
			Config:           a.provider() + base(name).resource("renamed") + "moved {\n  from = serverless_voting_window.vote\n  to = serverless_voting_window.renamed\n}\n",
			ConfigPlanChecks: preApply(plancheck.ExpectEmptyPlan(), plancheck.ExpectResourceAction("serverless_voting_window.renamed", plancheck.ResourceActionNoop)),
			Check: check(t, func(t *testing.T) {
				if writes := writes(a.calls(mark)); len(writes) > 0 {
					t.Errorf("the move makes the calls %q", writes)
				}
			}),
		},
	)
}

// writes lists the calls that change something in AWS.
func writes(calls []localaws.Call) []string {
	var out []string
	for _, c := range calls {
		for _, verb := range []string{"Create", "Put", "Update", "Delete", "Tag", "Untag", "Set", "Publish", "Add", "Remove"} {
			if strings.HasPrefix(c.Operation, verb) {
				out = append(out, c.Service+":"+c.Operation)
			}
		}
	}
	return out
}

// TestAccRefreshOnly: a refresh writes drift into the state and repairs nothing.
func TestAccRefreshOnly(t *testing.T) {
	a := newAccount(t)
	const name = "refreshed"
	var mark localaws.Mark
	a.run(t,
		resource.TestStep{Config: a.config(base(name))},
		resource.TestStep{
			PreConfig: func() {
				a.delete(t, name, "votes-waiting")
				mark = local.Gate().Meter().Mark()
			},
			RefreshState: true, ExpectNonEmptyPlan: true,
			RefreshPlanChecks: resource.RefreshPlanChecks{PostRefresh: []plancheck.PlanCheck{expectDrift(map[string]string{"votes-waiting": "does not exist"})}},
			Check: resource.ComposeAggregateTestCheckFunc(
				resource.TestCheckResourceAttr(address, "drift.%", "1"),
				resource.TestCheckResourceAttr(address, "drift.votes-waiting", "does not exist"),
				check(t, func(t *testing.T) {
					if writes := writes(a.calls(mark)); len(writes) > 0 {
						t.Errorf("the refresh makes the calls %q", writes)
					}
				}),
			),
		},
		resource.TestStep{Config: a.config(base(name)), ConfigStateChecks: []statecheck.StateCheck{noDrift()}},
	)
}

// TestAccCountAndForEach: each instance is a system of its own.
func TestAccCountAndForEach(t *testing.T) {
	a := newAccount(t)
	config := func(count int, keys string) string {
		return a.provider() + base("x").with("name", `"counted-${count.index}"`, "count", fmt.Sprint(count)).resource("counted") +
			base("x").with("name", `"each-${each.key}"`, "for_each", "toset(["+keys+"])").resource("each")
	}
	counted, each := "serverless_voting_window.counted", "serverless_voting_window.each"
	a.run(t,
		resource.TestStep{Config: config(2, `"a", "b"`), ConfigStateChecks: then(func() {
			equal(t, "number of tables", countPrefix(a.inventory(t), "table "), 4*3)
		})},
		resource.TestStep{
			Config: config(1, `"b"`),
			ConfigPlanChecks: preApply(
				plancheck.ExpectResourceAction(counted+"[0]", plancheck.ResourceActionNoop),
				plancheck.ExpectResourceAction(counted+"[1]", plancheck.ResourceActionDestroy),
				plancheck.ExpectResourceAction(each+`["a"]`, plancheck.ResourceActionDestroy),
				plancheck.ExpectResourceAction(each+`["b"]`, plancheck.ResourceActionNoop),
			),
			ConfigStateChecks: then(func() {
				have := slices.DeleteFunc(a.inventory(t), func(line string) bool { return !strings.HasPrefix(line, "table ") })
				want := []string{
					"table counted-0-vote-ballots-euc1", "table counted-0-vote-ledger-euc1", "table counted-0-vote-tallies-euc1",
					"table each-b-vote-ballots-euc1", "table each-b-vote-ledger-euc1", "table each-b-vote-tallies-euc1",
				}
				if !slices.Equal(have, want) {
					t.Errorf("the account has %q, should have %q", have, want)
				}
			}),
		},
		// The checks after a test cannot read states with for_each.
		resource.TestStep{Config: config(1, "")},
	)
}

// failing makes an operation fail as a whole for this account, until the
// returned function is called.
func (a account) failing(t *testing.T, operation, resource string) (stop func()) {
	t.Helper()
	on := true
	_, err := local.Gate().Faults().Add(localaws.Fault{
		Service: "lambda", Operation: operation, Retries: true, Kind: localaws.FaultError, Code: "CodeStorageExceededException", Message: "You have exceeded your maximum total code size per account.",
		Match: func(c localaws.Call) bool { return on && c.AccessKey == a.deployer().key && c.Resource == resource },
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() { on = false }
}

// TestAccFailedCreate: after a create that failed at one function, the state
// has exactly what exists; applying again converges.
func TestAccFailedCreate(t *testing.T) {
	a := newAccount(t)
	const name = "failed"
	_, parts := described(t, a, name)
	restore := a.failing(t, "CreateFunction", parts["recorder"].name)
	a.run(t,
		resource.TestStep{Config: a.config(base(name)), ExpectError: expectError(
			`Cannot create function "recorder" (failed-vote-recorder-euc1) of voting window "failed"`, "CodeStorageExceededException",
			"The parts made so far exist and are recorded.", "terraform untaint",
		)},
		resource.TestStep{
			PreConfig: func() {
				equal(t, "status of the manifest", a.manifest(t, name).Status, deploy.Creating)
				restore()
			},
			Config: a.config(base(name)),
			ConfigPlanChecks: preApply(
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionDestroyBeforeCreate),
				planCheck(func(plan *tfjson.Plan) error { return expectHalf(plan, parts) }),
			),
			ConfigStateChecks: append(outputs(a, name), noDrift()),
			Check: check(t, func(t *testing.T) {
				everythingExists(t, a, parts)
				equal(t, "status of the manifest", a.manifest(t, name).Status, deploy.Ready)
			}),
		},
	)
}

// expectHalf checks the state after a create that failed at the recorder.
func expectHalf(plan *tfjson.Plan, parts map[string]part) error {
	c, err := changeOf(plan, address)
	if err != nil {
		return err
	}
	have := field(c.Before, "parts")
	for key := range parts {
		digest, there := have[key]
		switch key {
		case "recorder":
			if digest != deploy.Incomplete {
				return fmt.Errorf("part %q is %v in the state, should be %s", key, digest, deploy.Incomplete)
			}
		case "recorder-votes", "publisher", "publisher-tick":
			// They need the recorder.
			if there {
				return fmt.Errorf("part %q is %v in the state, should not be there", key, digest)
			}
		default:
			if there && digest == deploy.Incomplete {
				return fmt.Errorf("part %q is incomplete in the state", key)
			}
		}
	}
	return nil
}

// TestAccFailedUpdate: after an update that failed at one function, the next
// plan names it and what comes after it, and nothing else.
func TestAccFailedUpdate(t *testing.T) {
	a := newAccount(t)
	const name = "failed-update"
	_, parts := described(t, a, name)
	restore := func() {}
	changed := base(name).with("grace_seconds", "60")
	a.run(t,
		resource.TestStep{Config: a.config(base(name))},
		resource.TestStep{
			PreConfig: func() { restore = a.failing(t, "UpdateFunctionConfiguration", parts["recorder"].name) },
			Config:    a.config(changed), ExpectError: expectError(`Cannot update function "recorder"`, "What was done so far is recorded."),
		},
		resource.TestStep{
			// The publisher waits for the recorder and the page's settings for the intake,
			// so they were not reached either.
			PreConfig: func() { restore() }, Config: a.config(changed), ConfigPlanChecks: preApply(updated("publisher", "recorder", "window")...),
			ConfigStateChecks: []statecheck.StateCheck{noDrift()},
		},
	)
}
