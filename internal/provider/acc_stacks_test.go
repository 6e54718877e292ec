package provider_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/tfcli"
	"github.com/burstline/terraform-provider-serverless/internal/provider"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// stacks are the examples that are whole configurations, with what their
// variables have in the test. The list of voters is read by the test itself too,
// which works in another folder.
var stacks = map[string][]string{
	"presale":            saleVariables,
	"external-ticketing": saleVariables,
	"arena-sale": append([]string{
		"comes_from=2099-05-22T09:00:00Z", "semi_comes_from=2099-05-20T09:00:00Z", "semi_opens_at=2099-05-20T10:00:00Z", "semi_closes_at=2099-05-20T18:00:00Z",
		`alarm_emails=["night-shift@example.com"]`, "pipeline=421", "commit=5f2c1d7", "codes=" + absolute(filepath.Join(examples, "arena-sale", "codes.txt")),
	}, saleVariables...),
	"developer-environments": append([]string{"environment=anna"}, saleVariables...),
	"audience-segments":      placesVariables,
	"audience-api": append([]string{
		"issuer=https://login.example.com", "client_id=segments", "advertiser_secret_arn=arn:aws:ssm:eu-central-1:123456789012:parameter/advertiser", "webhook_secret_arn=arn:aws:ssm:eu-central-1:123456789012:parameter/webhook",
	}, placesVariables...),
	"existing-bucket": append([]string{"bucket=agency-uploads", `alarm_emails=["night-shift@example.com"]`}, placesVariables...),
	"live-vote":       eveningVariables,
	"tv-show":         append([]string{`alarm_emails=["night-shift@example.com"]`}, eveningVariables...),
	"internal-poll":   append([]string{"issuer=https://login.example.com", "client_id=office-poll", "voters=" + absolute(filepath.Join(examples, "internal-poll", "voters.txt"))}, eveningVariables...),
}

// saleVariables is what every sale has: an opening that is far ahead.
var saleVariables = []string{
	"opens_at=2099-05-22T10:00:00Z", "closes_at=2099-05-22T18:00:00Z", "force_destroy=true", "architecture=" + hostArchitecture(),
}

// placesVariables is what every pipeline has.
var placesVariables = []string{"force_destroy=true", "architecture=" + hostArchitecture()}

func absolute(path string) string {
	found, err := filepath.Abs(path)
	if err != nil {
		panic(err) // there is no working folder
	}
	return found
}

// eveningVariables is what every stack has: a window that is far ahead, so that its
// publisher has nothing to do.
var eveningVariables = []string{
	"opens_at=2099-05-22T20:15:00Z", "closes_at=2099-05-22T20:25:00Z", "force_destroy=true",
	"architecture=" + hostArchitecture(),
}

// Every whole configuration applies as it stands, with the credentials of the
// environment. These may do what the deploy policy says for what the
// configuration plans, and nothing else.
func TestAccStacks(t *testing.T) {
	t.Parallel()
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
			w := stack(t, examples, name)
			w.Env = append(w.Env, "TF_VAR_endpoint="+local.Endpoint())
			for _, v := range variables {
				w.Env = append(w.Env, "TF_VAR_"+v)
			}
			terraformCLI(t, w, "init", "-no-color")
			terraformCLI(t, w, "validate", "-no-color")
			policies := a.deployPolicyOf(t, w)
			a.may(t, policies...)
			a.credentials(w, a.deployer().key, a.deployer().secret)
			apply(t, w)
			unchanged(t, w)
			expectDeployPolicies(t, w, policies)
			destroy(t, w, func() error { return a.expectInventory(home) })
		})
	}
}

// credentials are those of the environment from now on.
func (a account) credentials(w *tfcli.Workspace, key, secret string) {
	w.Env = append(w.Env, "AWS_ACCESS_KEY_ID="+key, "AWS_SECRET_ACCESS_KEY="+secret)
}

// deployPolicyOf is the deploy policy of all systems that a configuration
// plans, which the account's root does.
func (a account) deployPolicyOf(t *testing.T, w *tfcli.Workspace) []blueprint.Policy {
	t.Helper()
	a.credentials(w, string(a), "test")
	terraformCLI(t, w, "plan", "-no-color", "-out=plan.bin")
	shown, err := w.Command(t.Context(), "show", "-json", "plan.bin").Output()
	if err != nil {
		t.Fatal(err)
	}
	var plan tfjson.Plan
	if err := json.Unmarshal(shown, &plan); err != nil {
		t.Fatal(err)
	}
	server := providerserver.NewProtocol6(provider.New("test")())()
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	unknown := map[string]any{}
	for _, c := range plan.ResourceChanges {
		unknown[c.Address] = c.Change.AfterUnknown
	}
	var described []*blueprint.Blueprint
	for _, r := range resourcesIn(plan.PlannedValues.RootModule) {
		system, known := systems.Find(strings.TrimPrefix(r.Type, "serverless_"))
		if !known {
			continue
		}
		arguments := r.AttributeValues
		supplied(arguments, unknown[r.Address])
		for _, attribute := range schemas.ResourceSchemas[r.Type].Block.Attributes {
			if attribute.Computed && !attribute.Optional {
				delete(arguments, attribute.Name)
			}
		}
		text, err := json.Marshal(arguments)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := arguments["name"].(string)
		b, diags := system.Resource().Describe(t.Context(), name, text, nil)
		if diags.HasError() {
			t.Fatal(diags)
		}
		described = append(described, b)
	}
	if len(described) == 0 {
		t.Fatal("the configuration plans no system")
	}
	stackBlueprints.add(described...)
	documents, err := deploy.Policies(blueprint.Place{Partition: "aws", Region: home, Account: string(a)}, deploy.ModeApply, described...)
	if err != nil {
		t.Fatal(err)
	}
	return documents
}

// supplies stand for arguments that only the apply of another system tells. No
// deploy policy depends on them.
var supplies = map[string]any{
	"join_url": "https://join.example.com/", "turn_url": "https://turn.example.com/", "probe_key_arn": "arn:aws:ssm:eu-central-1:123456789012:parameter/probe",
	"aliases": map[string]any{"join": "arn:aws:lambda:eu-central-1:123456789012:function:join:live"}, "versions": map[string]any{"join": "1"},
}

// someARN stands for elements of sets, all of which are ARNs.
const someARN = "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:some"

// supplied puts supplies where a plan does not know the arguments, wholly or in
// part.
func supplied(arguments map[string]any, unknown any) {
	fields, _ := unknown.(map[string]any)
	for name, value := range fields {
		if supply, ok := supplies[name]; ok {
			arguments[name] = supply
			continue
		}
		switch within := arguments[name].(type) {
		case map[string]any:
			supplied(within, value)
		case []any:
			if n := len(within); n > 0 {
				known := slices.DeleteFunc(within, func(element any) bool { return element == nil })
				if len(known) < n {
					known = append(known, someARN)
				}
				arguments[name] = known
			}
		}
	}
}

// resourcesIn are the resources of a module and of those that it calls.
func resourcesIn(m *tfjson.StateModule) []*tfjson.StateResource {
	found := m.Resources
	for _, child := range m.ChildModules {
		found = append(found, resourcesIn(child)...)
	}
	return found
}

// expectDeployPolicies checks the output deploy_policies, where a configuration
// has it: it must be what the deployer lives by.
func expectDeployPolicies(t *testing.T, w *tfcli.Workspace, policies []blueprint.Policy) {
	t.Helper()
	outputs, err := w.Outputs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	told, ok := outputs["deploy_policies"].([]any)
	if !ok {
		return
	}
	have, want := []string{}, []string{}
	for _, p := range told {
		text, _ := p.(string)
		have = append(have, text)
	}
	for _, p := range policies {
		want = append(want, p.JSON())
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("the output deploy_policies is not what the stack needs (-want +have):\n%s", diff)
	}
}

// moduleTest is the file of the module's tests that makes something.
const moduleTest = "apply.tftest.hcl"

// Every module's own tests pass, as their user runs them, with the deploy policy
// for what they make and nothing else.
func TestAccModules(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob(filepath.Join(modules, "*", "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("there is no module")
	}
	for _, main := range found {
		name := filepath.Base(filepath.Dir(main))
		t.Run(name, func(t *testing.T) {
			a := newAccount(t)
			w := stack(t, modules, name)
			w.Env = append(w.Env, "AWS_ENDPOINT_URL="+local.Endpoint(), "AWS_REGION="+home, "TF_VAR_architecture="+hostArchitecture())
			terraformCLI(t, w, "init", "-no-color")
			terraformCLI(t, w, "validate", "-no-color")
			given := filepath.Join(w.Dir, "given.auto.tfvars")
			text, err := os.ReadFile(filepath.Join(w.Dir, "tests", moduleTest))
			if err != nil {
				t.Fatal(err)
			}
			variables := variablesIn.FindSubmatch(text)
			if variables == nil {
				t.Fatalf("%s has no block of variables", moduleTest)
			}
			if err := os.WriteFile(given, variables[1], 0o600); err != nil {
				t.Fatal(err)
			}
			policies := a.deployPolicyOf(t, w)
			if err := os.Remove(given); err != nil {
				t.Fatal(err)
			}
			a.may(t, policies...)
			a.credentials(w, a.deployer().key, a.deployer().secret)
			out := terraformCLI(t, w, "test", "-no-color")
			if runs := len(runIn.FindAllString(string(text), -1)); strings.Count(out, moduleTest+"... pass") != 1 || runs == 0 || !strings.Contains(out, " passed, 0 failed.") {
				t.Errorf("the module's tests say:\n%s", out)
			}
			if err := a.expectInventory(home); err != nil {
				t.Error(err)
			}
		})
	}
}

var (
	variablesIn = regexp.MustCompile(`(?s)\nvariables \{\n(.*?\n)\}\n`)
	runIn       = regexp.MustCompile(`(?m)^run "`)
)

// stack copies a folder of examples or modules into a workspace, beside the
// modules that it may call.
func stack(t *testing.T, folder, name string) *tfcli.Workspace {
	t.Helper()
	provider, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	copyFolder(t, modules, filepath.Join(root, "modules"))
	dir := filepath.Join(root, filepath.Base(folder), name)
	copyFolder(t, filepath.Join(folder, name), dir)
	w, err := tfcli.New(dir, provider)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// copyFolder copies a folder without what Terraform has left in it.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if strings.HasPrefix(d.Name(), ".terraform") || strings.Contains(d.Name(), ".tfstate") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, relative), 0o750)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, relative), text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
