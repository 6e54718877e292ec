package provider_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/burstline/terraform-provider-serverless/internal/localaws/tfcli"
	"github.com/burstline/terraform-provider-serverless/internal/provider"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

var (
	examples = filepath.Join("..", "..", "examples")
	modules  = filepath.Join("..", "..", "modules")
)

// example reads a file below examples.
func example(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{examples}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every system has an example in the documentation, which applies as it stands,
// with the deploy policy for it and nothing else. The documentation's ways of
// importing the system lead to a plan without changes.
func TestAccExamples(t *testing.T) {
	t.Parallel()
	for _, s := range systems.All {
		t.Run(s.Name, func(t *testing.T) {
			a := newAccount(t)
			dir := "serverless_" + s.Name
			text := example(t, "resources", dir, "resource.tf")
			w := workspace(t, fmt.Sprintf("provider \"serverless\" {\n  region = %q\n  endpoint = %q\n}\n", home, local.Endpoint())+text)
			a.may(t, a.deployPolicyOf(t, w)...)
			configure(t, w, a.provider()+text)
			apply(t, w)
			unchanged(t, w)
			configure(t, w, a.provider()+disposable(text))
			if out := apply(t, w); !strings.Contains(out, "0 added, 1 changed, 0 destroyed") {
				t.Errorf("to make the example disposable gives:\n%s", out)
			}

			forgotten(t, w)
			configure(t, w, a.provider()+disposable(text)+example(t, "resources", dir, "import-by-string-id.tf"))
			if out := apply(t, w); !strings.Contains(out, "1 imported, 0 added, 0 changed, 0 destroyed") {
				t.Errorf("the import block gives:\n%s", out)
			}

			forgotten(t, w)
			configure(t, w, a.provider()+disposable(text))
			lines := strings.Split(strings.TrimSpace(example(t, "resources", dir, "import.sh")), "\n")
			words := strings.Fields(lines[len(lines)-1])
			terraformCLI(t, w, append(words[1:2], append([]string{"-no-color"}, words[2:]...)...)...)
			unchanged(t, w)
			destroy(t, w, func() error { return a.expectInventory(home) })
		})
	}
}

// forgotten takes the workspace's state away.
func forgotten(t *testing.T, w *tfcli.Workspace) {
	t.Helper()
	if err := os.Remove(filepath.Join(w.Dir, "terraform.tfstate")); err != nil {
		t.Fatal(err)
	}
}

// disposable is an example that may be taken away again, since it says so.
func disposable(example string) string {
	end := strings.LastIndex(example, "}")
	return example[:end] + "\n  force_destroy = true\n}\n"
}

// deployedFor deploys what data sources look at, by their names, and returns
// what takes it away.
var deployedFor = map[string]func(t *testing.T, a account) (destroy func() string){
	"serverless_release_history": func(t *testing.T, a account) func() string {
		t.Helper()
		system, _ := systems.Find("release")
		r := &released{account: a, t: t, name: "arena-test", steered: newSession(t, a, options{system: system.Name}, nil)}
		if text := r.steered.apply(exampleOf(system, map[string]any{"name": r.name, "force_destroy": true, "canary": nil})); text != "" {
			t.Fatal(text)
		}
		a.may(t, r.mayRead())
		return r.steered.destroy
	},
}

// Every data source has an example, which applies as it stands, where what it
// looks at is there, and makes nothing.
func TestAccDataSourceExamples(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob(filepath.Join(examples, "data-sources", "*", "data-source.tf"))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, file := range found {
		name := filepath.Base(filepath.Dir(file))
		shown[name] = true
		t.Run(name, func(t *testing.T) {
			a, step := newAccount(t), []resource.TestStep{{}}
			step[0].Config = a.provider() + example(t, "data-sources", name, "data-source.tf")
			if deployed := deployedFor[name]; deployed != nil {
				destroy := deployed(t, a)
				a.runLeaving(t, a.inventory(t), step...)
				if text := destroy(); text != "" {
					t.Error(text)
				}
				return
			}
			a.run(t, step...)
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

// The provider's example configures the provider.
func TestAccProviderExample(t *testing.T) {
	t.Parallel()
	w := stack(t, examples, "provider")
	terraformCLI(t, w, "init", "-no-color")
	terraformCLI(t, w, "validate", "-no-color")
}

// Every example and module is formatted as Terraform does.
func TestExamplesFormatted(t *testing.T) {
	t.Parallel()
	tool, err := tfcli.Find()
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{examples, modules} {
		if out, err := exec.CommandContext(t.Context(), tool, "fmt", "-check", "-diff", "-recursive", folder).CombinedOutput(); err != nil {
			t.Errorf("%s is not formatted; run \"make fmt\": %v\n%s", folder, err, out)
		}
	}
}
