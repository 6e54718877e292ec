package provider_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/bundle"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/provider"
)

// TestAccUpgrade: another version of the provider brings other functions. The
// plan names their digest and their parts and nothing else, and hold_functions
// keeps the deployed ones.
func TestAccUpgrade(t *testing.T) {
	a := newAccount(t)
	const name = "upgraded"
	first, second := smallBundle{"one"}, smallBundle{"two"}
	digest := func(b smallBundle) knownvalue.Check { return knownvalue.StringExact(bundle.Digest(b.zip())) }
	version, carried := "1.0.0", first
	upgrade := func() { version, carried = "1.1.0", second }
	function := func(t *testing.T, b smallBundle) {
		t.Helper()
		for _, key := range functionParts {
			// Lambda shows the digest of the code in base64, the spec in hex.
			equal(t, "code of "+key, live[blueprint.FunctionSpec](t, a, name, key).CodeSHA256, bundle.Digest(b.zip()))
		}
	}
	hold := base(name).with("hold_functions", "true")
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"serverless": func() (tfprotov6.ProviderServer, error) {
				return serving(provider.NewAs(version, carried, deploy.Self()))["serverless"]()
			},
		},
		CheckDestroy: func(*terraform.State) error { return a.expectInventory(home) },
		Steps: []resource.TestStep{
			{
				Config: a.config(base(name)), ConfigStateChecks: []statecheck.StateCheck{stateOf("functions_sha256", digest(first))},
				Check: check(t, func(t *testing.T) { function(t, first) }),
			},
			{
				PreConfig: upgrade,
				Config:    a.config(hold), ConfigPlanChecks: preApply(append(updated(), expectUnknownOutputs(), plannedValue("functions_sha256", digest(first)))...),
				Check: check(t, func(t *testing.T) { function(t, first) }),
			},
			{Config: a.config(hold.with("architecture", quote(otherArchitecture()))), ExpectError: expectError("architecture cannot change while hold_functions = true")},
			{
				Config: a.config(hold.with("grace_seconds", "60")), ConfigPlanChecks: preApply(append(updated(append([]string{"window"}, functionParts...)...), plannedValue("functions_sha256", digest(first)))...),
				Check: check(t, func(t *testing.T) { function(t, first) }),
			},
			{
				Config: a.config(base(name).with("grace_seconds", "60")),
				ConfigPlanChecks: preApply(append(updated(append([]string{"bundle"}, functionParts...)...),
					expectUnknownOutputs(), plannedValue("functions_sha256", digest(second)))...),
				ConfigStateChecks: []statecheck.StateCheck{stateOf("functions_sha256", digest(second)), noDrift()},
				Check: check(t, func(t *testing.T) {
					function(t, second)
					equal(t, "version in the manifest", a.manifest(t, name).Provider, "1.1.0")
				}),
			},
		},
	})
}

func plannedValue(attribute string, value knownvalue.Check) plancheck.PlanCheck {
	return plancheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

// TestAccOutputs: what is composed of a system's outputs is open in a plan
// exactly where the part behind it is made anew.
func TestAccOutputs(t *testing.T) {
	a := newAccount(t)
	const name = "outputs"
	config := a.config(base(name))
	for _, o := range [][2]string{
		{"vote_url", "vote_url"}, {"queue", "votes_queue_arn"}, {"intake", `function_arns["intake"]`}, {"recorder", `function_arns["recorder"]`}, {"bucket", "results_bucket"},
	} {
		config += "output " + quote(o[0]) + " {\n  value = " + address + "." + o[1] + "\n}\n"
	}
	arn := func(what string) knownvalue.Check { return knownvalue.StringExact("arn:aws:" + what + "-" + code) }
	a.run(t,
		resource.TestStep{Config: config, ConfigPlanChecks: preApply(
			plancheck.ExpectUnknownOutputValue("vote_url"), plancheck.ExpectUnknownOutputValue("queue"), plancheck.ExpectUnknownOutputValue("recorder"),
		)},
		resource.TestStep{
			PreConfig: func() { a.delete(t, name, "intake") },
			Config:    config,
			ConfigPlanChecks: preApply(
				plancheck.ExpectUnknownOutputValue("vote_url"), plancheck.ExpectUnknownOutputValue("intake"),
				plancheck.ExpectKnownOutputValue("queue", arn("sqs:"+home+":"+string(a)+":outputs-vote-votes")),
				plancheck.ExpectKnownOutputValue("bucket", knownvalue.StringExact(resultsBucket(a, name))),
				plancheck.ExpectKnownOutputValue("recorder", knownvalue.StringExact("arn:aws:lambda:"+home+":"+string(a)+":function:outputs-vote-recorder-"+code+":live")),
			),
			ConfigStateChecks: outputs(a, name),
		},
	)
}
