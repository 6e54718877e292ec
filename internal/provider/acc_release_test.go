package provider_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// TestAccReleaseChain: from a system to its release every value is known in a plan as far as it can be, and a changed function changes nothing of the
// release but what is wanted.
func TestAccReleaseChain(t *testing.T) {
	a := newAccount(t)
	chain := func(memory int) string {
		return a.provider() + fmt.Sprintf(`
resource "serverless_config" "arena" {
  name          = "arena"
  architecture  = %[2]q
  go_live       = "release"
  force_destroy = true
  items         = { sandbox = { bool = true } }
  functions     = { control = { memory_mb = %[1]d } }
}

resource "serverless_release" "arena" {
  name          = "arena"
  architecture  = %[2]q
  force_destroy = true
  pipeline      = "7"
  commit        = "5f2c1d7"
  systems = {
    config = {
      aliases  = serverless_config.arena.function_arns
      versions = serverless_config.arena.function_versions
      digest   = serverless_config.arena.functions_sha256
    }
  }
  canary = {
    percent = 10
    minutes = 15
    alarms  = values(serverless_config.arena.alarm_names)
  }
}
`, memory, hostArchitecture())
	}
	const config, release = "serverless_config.arena", "serverless_release.arena"
	versions := tfjsonpath.New("function_versions")
	parts := func(key string) tfjsonpath.Path { return tfjsonpath.New("parts").AtMapKey(key) }
	known := knownvalue.NotNull()
	a.runCarrying(t,
		resource.TestStep{
			Config: chain(256),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(config, versions, knownvalue.MapExact(map[string]knownvalue.Check{"control": knownvalue.StringExact("1"), "history": knownvalue.StringExact("1")})),
				statecheck.ExpectKnownValue(config, tfjsonpath.New("alarm_names").AtMapKey("history-late"), knownvalue.StringExact("arena-conf-history-late-"+code)),
			},
		},
		resource.TestStep{
			Config: chain(512),
			ConfigPlanChecks: preApply(
				plancheck.ExpectResourceAction(config, plancheck.ResourceActionUpdate), plancheck.ExpectResourceAction(release, plancheck.ResourceActionUpdate),
				plancheck.ExpectUnknownValue(config, versions.AtMapKey("control")), plancheck.ExpectKnownValue(config, versions.AtMapKey("history"), knownvalue.StringExact("1")),
				plancheck.ExpectUnknownValue(release, parts("release")), plancheck.ExpectKnownValue(release, parts("steer"), known), plancheck.ExpectKnownValue(release, parts("steer-role"), known),
				plancheck.ExpectKnownValue(release, versions.AtMapKey("steer"), knownvalue.StringExact("1")),
			),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(config, versions, knownvalue.MapExact(map[string]knownvalue.Check{"control": knownvalue.StringExact("2"), "history": knownvalue.StringExact("1")})),
			},
		},
	)
}
