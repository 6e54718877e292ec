package provider_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/burstline/terraform-provider-serverless/internal/localaws/tfcli"
	"github.com/burstline/terraform-provider-serverless/internal/provider"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

var examples = filepath.Join("..", "..", "examples")

// example reads a file below examples.
func example(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{examples}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every system has an example in the documentation, and it applies as it
// stands.
func TestAccExamples(t *testing.T) {
	for _, s := range systems.All {
		t.Run(s.Name, func(t *testing.T) {
			a := newAccount(t)
			text := example(t, "resources", "serverless_"+s.Name, "resource.tf")
			a.runCarrying(t,
				resource.TestStep{Config: a.provider() + text},
				resource.TestStep{Config: a.provider() + disposable(text), ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(addressOf(text), plancheck.ResourceActionUpdate),
				}}},
			)
		})
	}
}

// disposable is an example that may be taken away again, since it says so.
func disposable(example string) string {
	end := strings.LastIndex(example, "}")
	return example[:end] + "\n  force_destroy = true\n}\n"
}

// addressOf is the address of the resource that an example begins with.
func addressOf(example string) string {
	words := strings.Fields(example)
	return strings.Trim(words[1], `"`) + "." + strings.Trim(words[2], `"`)
}

// Every data source has an example, which applies as it stands and makes
// nothing.
func TestAccDataSourceExamples(t *testing.T) {
	found, err := filepath.Glob(filepath.Join(examples, "data-sources", "*", "data-source.tf"))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, file := range found {
		name := filepath.Base(filepath.Dir(file))
		shown[name] = true
		t.Run(name, func(t *testing.T) {
			a := newAccount(t)
			a.run(t, resource.TestStep{Config: a.provider() + example(t, "data-sources", name, "data-source.tf")})
		})
	}
	server := providerserver.NewProtocol6(provider.New("test")())()
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for name := range schemas.DataSourceSchemas {
		if !shown[name] {
			t.Errorf("data source %s has no example: write examples/data-sources/%[1]s/data-source.tf", name)
		}
	}
}

// nameIn finds a system's name in an example.
var nameIn = regexp.MustCompile(`(?m)^  name +=\s+"([^"]+)"`)

// The documentation's ways of importing a system lead to a plan without
// changes.
func TestAccImportExamples(t *testing.T) {
	for _, s := range systems.All {
		t.Run(s.Name, func(t *testing.T) {
			a := newAccount(t)
			dir := "serverless_" + s.Name
			text := example(t, "resources", dir, "resource.tf")
			a.may(t, a.deployPolicy(t, home, nameIn.FindStringSubmatch(text)[1])...)
			apply(t, workspace(t, a.provider()+disposable(text)))

			byBlock := workspace(t, a.provider()+disposable(text)+example(t, "resources", dir, "import-by-string-id.tf"))
			if out := apply(t, byBlock); !strings.Contains(out, "1 imported, 0 added, 0 changed, 0 destroyed") {
				t.Errorf("the import block gives:\n%s", out)
			}

			byCommand := workspace(t, a.provider()+disposable(text))
			lines := strings.Split(strings.TrimSpace(example(t, "resources", dir, "import.sh")), "\n")
			words := strings.Fields(lines[len(lines)-1])
			terraformCLI(t, byCommand, append(words[1:2], append([]string{"-no-color"}, words[2:]...)...)...)
			unchanged(t, byCommand)
			destroy(t, byCommand, func() error { return a.expectInventory(home) })
		})
	}
}

// stacks are the examples that are whole configurations, with what their
// variables have in the test.
var stacks = map[string][]string{
	"live-vote": {
		"opens_at=2099-05-22T20:15:00Z", "closes_at=2099-05-22T20:25:00Z", "force_destroy=true",
		"architecture=" + hostArchitecture(),
	},
}

// Every whole configuration applies as it stands, with the credentials of the
// environment.
func TestAccStacks(t *testing.T) {
	found, err := filepath.Glob(filepath.Join(examples, "*", "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, main := range found {
		name := filepath.Base(filepath.Dir(main))
		variables, known := stacks[name]
		if !known {
			t.Errorf("there are no variables for examples/%s: add it to the table of stacks", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			a := newAccount(t)
			w := stack(t, name)
			a.may(t, a.deployPolicy(t, home, name)...)
			w.Env = append(w.Env, "AWS_ACCESS_KEY_ID="+a.deployer().key, "AWS_SECRET_ACCESS_KEY="+a.deployer().secret, "TF_VAR_endpoint="+local.Endpoint())
			for _, v := range variables {
				w.Env = append(w.Env, "TF_VAR_"+v)
			}
			terraformCLI(t, w, "init", "-no-color")
			terraformCLI(t, w, "validate", "-no-color")
			apply(t, w)
			unchanged(t, w)
			destroy(t, w, func() error { return a.expectInventory(home) })
		})
	}
}

// The provider's example configures the provider.
func TestAccProviderExample(t *testing.T) {
	w := stack(t, "provider")
	terraformCLI(t, w, "init", "-no-color")
	terraformCLI(t, w, "validate", "-no-color")
}

// stack copies an example's configuration into a workspace.
func stack(t *testing.T, name string) *tfcli.Workspace {
	t.Helper()
	provider, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	w, err := tfcli.New(t.TempDir(), provider)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(examples, name, "*.tf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if err := os.WriteFile(filepath.Join(w.Dir, filepath.Base(file)), []byte(example(t, name, filepath.Base(file))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// Every example is formatted as Terraform does.
func TestExamplesFormatted(t *testing.T) {
	tool, err := tfcli.Find()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), tool, "fmt", "-check", "-diff", "-recursive", examples).CombinedOutput(); err != nil {
		t.Errorf("examples are not formatted; run \"make fmt\": %v\n%s", err, out)
	}
}
