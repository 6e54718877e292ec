package provider_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

// TestAccImport: by its name alone a system comes back with all its arguments,
// by the command and by an import block, and the plan after is empty.
func TestAccImport(t *testing.T) {
	a := newAccount(t)
	const name = "imported"
	full := base(name).with(
		"grace_seconds", "60", "voter_pattern", quote("[0-9]{8}"), "tags", `{ show = "final" }`, "log_retention_days", "30", "role_path", quote("/votes/"),
		"functions", "{ recorder = { memory_mb = 640, reserved_concurrency = 5 }, intake = { timeout_seconds = 7 } }",
		"alarms", `{ actions = ["arn:aws:sns:eu-central-1:123456789012:night"] }`,
	)
	byName := resource.TestStep{
		ResourceName: address, ImportState: true, ImportStateId: name, ImportStateVerify: true, ImportStateVerifyIdentifierAttribute: "name",
	}
	byBlock := resource.TestStep{
		Config: a.config(full), ResourceName: address, ImportState: true, ImportStateId: name, ImportStateKind: resource.ImportBlockWithID,
		ImportPlanChecks: resource.ImportPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectResourceAction(address, plancheck.ResourceActionNoop), expectParts(), expectDrift(map[string]string{}),
		}},
	}
	nobody, malformed := byName, byName
	nobody.ImportStateId, nobody.ExpectError = "nobody", expectError("Nothing to import",
		"In account "+string(a)+", region eu-central-1 there is no voting_window named \"nobody\"", "/serverless/vote/nobody")
	malformed.ImportStateId, malformed.ExpectError = "No body", expectError("Cannot import by this id", "Give the name of the system")
	a.run(t,
		resource.TestStep{Config: a.config(full)},
		byName, byBlock, nobody, malformed,
		resource.TestStep{Config: a.config(full), ConfigPlanChecks: preApply(plancheck.ExpectEmptyPlan())},
	)
}
