package provider_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/burstline/terraform-provider-serverless/internal/localaws/tfcli"
)

// binary is the provider, built once for the tests that need processes of
// their own: several configurations at once, several Terraforms at once.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.Getenv("TF_ACC_TEMP_DIR"), "terraform-provider-serverless")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, "../..").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the provider: %w\n%s", err, out)
	}
	return path, nil
})

// workspace is a folder with a configuration and the built provider.
func workspace(t *testing.T, config string) *tfcli.Workspace {
	t.Helper()
	provider, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	w, err := tfcli.New(t.TempDir(), provider)
	if err != nil {
		t.Fatal(err)
	}
	configure(t, w, config)
	terraformCLI(t, w, "init", "-no-color")
	return w
}

func configure(t *testing.T, w *tfcli.Workspace, config string) {
	t.Helper()
	const required = "terraform {\n  required_providers {\n    serverless = {\n      source = \"burstline/serverless\"\n    }\n  }\n}\n"
	if err := os.WriteFile(filepath.Join(w.Dir, "main.tf"), []byte(required+config), 0o600); err != nil {
		t.Fatal(err)
	}
}

// terraformCLI runs a command that must succeed.
func terraformCLI(t *testing.T, w *tfcli.Workspace, args ...string) string {
	t.Helper()
	out, err := w.Run(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func apply(t *testing.T, w *tfcli.Workspace, args ...string) string {
	t.Helper()
	return terraformCLI(t, w, append([]string{"apply", "-auto-approve", "-no-color"}, args...)...)
}

// unchanged checks that a plan is empty: its exit code says so.
func unchanged(t *testing.T, w *tfcli.Workspace) {
	t.Helper()
	terraformCLI(t, w, "plan", "-detailed-exitcode", "-no-color")
}

func destroy(t *testing.T, w *tfcli.Workspace, left ...func() error) {
	t.Helper()
	terraformCLI(t, w, "destroy", "-auto-approve", "-no-color")
	for _, empty := range left {
		if err := empty(); err != nil {
			t.Error(err)
		}
	}
}

// TestAccAliases deploys three systems of one name: in two regions of an
// account and in another account.
func TestAccAliases(t *testing.T) {
	a := newAccount(t)
	b := anotherAccount()
	const name, abroad = "both", "us-east-1"
	output := func(label string) string {
		return fmt.Sprintf("output %q {\n  value = join(\" \", [serverless_voting_window.%[1]s.votes_queue_arn, serverless_voting_window.%[1]s.role_arns[\"intake\"]])\n}\n", label)
	}
	a.may(t, append(a.deployPolicy(t, home, name), a.deployPolicy(t, abroad, name)...)...)
	b.may(t, b.deployPolicy(t, home, name)...)
	w := workspace(t, a.provider()+a.providerIn(abroad, `alias = "us"`)+b.provider(`alias = "b"`, "allowed_account_ids = ["+quote(string(b))+"]")+
		base(name).resource("vote")+base(name).resource("us", "provider = serverless.us")+base(name).resource("b", "provider = serverless.b")+
		output("vote")+output("us")+output("b"))
	apply(t, w)
	outputs, err := w.Outputs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for label, want := range map[string]string{
		"vote": fmt.Sprintf("arn:aws:sqs:eu-central-1:%[1]s:both-vote-votes-euc1 arn:aws:iam::%[1]s:role/both-vote-intake-role-euc1", a),
		"us":   fmt.Sprintf("arn:aws:sqs:us-east-1:%[1]s:both-vote-votes-use1 arn:aws:iam::%[1]s:role/both-vote-intake-role-use1", a),
		"b":    fmt.Sprintf("arn:aws:sqs:eu-central-1:%[1]s:both-vote-votes-euc1 arn:aws:iam::%[1]s:role/both-vote-intake-role-euc1", b),
	} {
		if outputs[label] != want {
			t.Errorf("output %s is %v, should be %s", label, outputs[label], want)
		}
	}
	_, parts := described(t, b, name)
	everythingExists(t, b, parts)
	unchanged(t, w)
	destroy(t, w,
		func() error { return a.expectInventory(home) }, func() error { return a.expectInventory(abroad) }, func() error { return b.expectInventory(home) },
	)
}

// TestAccTwoProcesses: two Terraforms apply the same name at the same moment;
// one succeeds, the other tells who is at work, on what and since when.
func TestAccTwoProcesses(t *testing.T) {
	a := newAccount(t)
	const name = "processes"
	_, parts := described(t, a, name)
	a.may(t, a.deployPolicy(t, home, name)...)
	spaces := []*tfcli.Workspace{workspace(t, a.config(base(name))), workspace(t, a.config(base(name)))}
	var texts [2]string
	var failed [2]error
	var both sync.WaitGroup
	for i, w := range spaces {
		both.Go(func() { texts[i], failed[i] = w.Run(t.Context(), "apply", "-auto-approve", "-no-color") })
	}
	both.Wait()
	winner, loser := 0, 1
	if failed[0] != nil {
		winner, loser = 1, 0
	}
	if failed[winner] != nil || failed[loser] == nil {
		t.Fatalf("of two applies one should succeed:\n%v\n%v", failed[0], failed[1])
	}
	busy := expectError(`Cannot create voting window "processes"`, ", process", "is at work on it (create) since 20", "Nothing was changed.")
	finished := expectError(`Cannot create voting window "processes"`, "there is a voting window of that name already (ready)")
	if !busy.MatchString(texts[loser]) && !finished.MatchString(texts[loser]) {
		t.Errorf("the second apply says:\n%s", texts[loser])
	}
	if state := terraformCLI(t, spaces[loser], "show", "-no-color"); strings.Contains(state, "serverless_voting_window") {
		t.Errorf("the second apply leaves a state:\n%s", state)
	}
	everythingExists(t, a, parts)
	unchanged(t, spaces[winner])
	destroy(t, spaces[winner], func() error { return a.expectInventory(home) })
}

// TestAccUntaint goes on with what a failed create has left, instead of
// replacing it.
func TestAccUntaint(t *testing.T) {
	a := newAccount(t)
	const name = "untainted"
	_, parts := described(t, a, name)
	restore := a.failing(t, "CreateFunction", parts["recorder"].name)
	a.may(t, a.deployPolicy(t, home, name)...)
	w := workspace(t, a.config(base(name)))
	if _, err := w.Run(t.Context(), "apply", "-auto-approve", "-no-color"); err == nil {
		t.Fatal("the apply succeeds though the recorder cannot be made")
	}
	restore()
	terraformCLI(t, w, "untaint", address)
	mark := local.Gate().Meter().Mark()
	if out := apply(t, w); !strings.Contains(out, "0 added, 1 changed, 0 destroyed") {
		t.Errorf("the apply after untaint says:\n%s", out)
	}
	created := map[string]bool{}
	for _, c := range a.calls(mark) {
		if c.Operation == "CreateFunction" {
			created[c.Resource] = true
		}
		if strings.HasPrefix(c.Operation, "Delete") && !strings.HasPrefix(c.Operation, "DeleteParameters") {
			t.Errorf("the apply after untaint calls %s:%s of %s", c.Service, c.Operation, c.Resource)
		}
	}
	if !created[parts["recorder"].name] || created[parts["intake"].name] {
		t.Errorf("the apply after untaint makes the functions %v, should make the recorder and not the intake", keysOf(created))
	}
	everythingExists(t, a, parts)
	unchanged(t, w)
	destroy(t, w, func() error { return a.expectInventory(home) })
}
