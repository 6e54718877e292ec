package provider_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// Every system has an example in the documentation, and it applies as it
// stands.
func TestAccExamples(t *testing.T) {
	for _, s := range systems.All {
		t.Run(s.Name, func(t *testing.T) {
			a := newAccount(t)
			text, err := os.ReadFile(filepath.Join("..", "..", "examples", "resources", "serverless_"+s.Name, "resource.tf"))
			if err != nil {
				t.Fatal(err)
			}
			example := string(text)
			end := strings.LastIndex(example, "}")
			// To be taken away again, it must say so.
			disposable := example[:end] + "\n  force_destroy = true\n}\n"
			name := strings.Fields(example)
			address := strings.Trim(name[1], `"`) + "." + strings.Trim(name[2], `"`)
			a.runCarrying(t,
				resource.TestStep{Config: a.provider() + example},
				resource.TestStep{Config: a.provider() + disposable, ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
				}}},
			)
		})
	}
}
