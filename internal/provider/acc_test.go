package provider_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	frameworkprovider "github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/kinds"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/provider"
	"github.com/burstline/terraform-provider-serverless/internal/systems/votingwindow"
)

const (
	home    = "eu-central-1"
	code    = "euc1"
	address = "serverless_voting_window.vote"
)

// factories serve the provider from this process, with functions that are small
// enough to be uploaded in no time; carrying with those that it is released with.
var (
	factories = serving(provider.NewAs("test", smallBundle{"one"}, deploy.Self()))
	carrying  = serving(provider.New("test"))
)

func serving(newProvider func() frameworkprovider.Provider) map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"serverless": func() (tfprotov6.ProviderServer, error) {
			return police(providerserver.NewProtocol6(newProvider())()), nil
		},
	}
}

// hostArchitecture is the one whose functions run on this machine;
// otherArchitecture the one whose functions do not.
func hostArchitecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

func otherArchitecture() string {
	if hostArchitecture() == "arm64" {
		return "x86_64"
	}
	return "arm64"
}

// account is an account of the local AWS that belongs to one test alone.
type account string

var accounts atomic.Int64

// newAccount lets the test run beside others, in an account of its own.
func newAccount(t *testing.T) account {
	t.Helper()
	t.Parallel()
	return accountAlone(t)
}

// accountAlone is for a test of how much happens within how long: beside it runs
// no other test of this package.
func accountAlone(t *testing.T) account {
	t.Helper()
	a, mark := anotherAccount(), local.Gate().Meter().Mark()
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		t.Logf("the local AWS wrote:\n%s", local.Logs())
		for _, c := range a.calls(mark) {
			if c.Attempt > 1 || c.Status == 0 || c.Status >= http.StatusInternalServerError {
				t.Logf("%s %s:%s of %s, attempt %d of %s: %d %s after %s", c.Time.Format(time.StampMilli), c.Service, c.Operation, c.Resource, c.Attempt, c.Invocation, c.Status, c.ErrorCode, c.Duration)
			}
		}
	})
	return a
}

func anotherAccount() account {
	a := account(fmt.Sprintf("3%011d", accounts.Add(1)))
	a.deployer() // made now: what asks for him inside the gate must not call it
	return a
}

// run runs the steps; in the end nothing may be left in the account.
func (a account) run(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	a.runLeaving(t, nil, steps...)
}

// runCarrying runs the steps with the functions that the provider carries.
func (a account) runCarrying(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: carrying,
		Steps:                    steps,
		CheckDestroy:             func(*terraform.State) error { return a.expectInventory(home) },
	})
}

// runLeaving runs the steps; in the end just these lines of the inventory may
// be left.
func (a account) runLeaving(t *testing.T, left []string, steps ...resource.TestStep) {
	t.Helper()
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps:                    steps,
		CheckDestroy:             func(*terraform.State) error { return a.expectInventory(home, left...) },
	})
}

// provider renders the provider block, with further lines in it.
func (a account) provider(lines ...string) string { return a.providerIn(home, lines...) }

func (a account) providerIn(region string, lines ...string) string {
	return fmt.Sprintf("provider \"serverless\" {\n  region = %q\n  endpoint = %q\n  access_key = %q\n  secret_key = %q\n  %s\n}\n",
		region, local.Endpoint(), a.deployer().key, a.deployer().secret, strings.Join(lines, "\n  "))
}

// arguments of a voting window, as HCL.
type arguments map[string]string

// base are the arguments that all tests start from. The window is far ahead,
// so that its publisher has nothing to do.
func base(name string) arguments {
	return arguments{
		"name": quote(name), "question": quote("Who wins?"), "answers": `{ anna = "Anna", bruno = "Bruno" }`,
		"opens_at": quote("2099-05-22T20:15:00Z"), "closes_at": quote("2099-05-22T20:25:00Z"),
		"architecture": quote(hostArchitecture()), "force_destroy": "true",
	}
}

// with returns the arguments with others; an empty one is left out.
func (a arguments) with(pairs ...string) arguments {
	out := maps.Clone(a)
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
		if pairs[i+1] == "" {
			delete(out, pairs[i])
		}
	}
	return out
}

// resource renders a resource block with the label.
func (a arguments) resource(label string, lines ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "resource \"serverless_voting_window\" %q {\n", label)
	for _, k := range slices.Sorted(maps.Keys(a)) {
		fmt.Fprintf(&b, "  %s = %s\n", k, a[k])
	}
	for _, line := range lines {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	return b.String() + "}\n"
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

// config is the provider block and one voting window "vote".
func (a account) config(args arguments) string { return a.provider() + args.resource("vote") }

func (a account) aws(region string) aws.Config { return local.Config(region, string(a)) }

// calls are the deployer's calls since the mark.
func (a account) calls(mark localaws.Mark) []localaws.Call {
	return slices.DeleteFunc(local.Gate().Meter().Calls(mark), func(c localaws.Call) bool { return c.AccessKey != a.deployer().key })
}

// engine returns the deploying engine, to look up manifests and kinds.
func (a account) engine(region string) (*deploy.Engine, error) {
	client, failure := awsclient.New(context.Background(), awsclient.Config{
		Region: region, AccessKey: string(a), SecretKey: "test", Endpoint: local.Endpoint(), PathStyle: true, Version: "test",
	})
	if failure != nil {
		return nil, failure
	}
	return deploy.New(client, nil, "test"), nil
}

// manifest returns the manifest of a deployed voting window.
func (a account) manifest(t *testing.T, name string) *deploy.Manifest {
	t.Helper()
	engine, err := a.engine(home)
	if err != nil {
		t.Fatal(err)
	}
	m, err := engine.Manifest(t.Context(), votingwindow.System, name)
	if err != nil {
		t.Fatal(err)
	}
	if m == nil {
		t.Fatalf("there is no manifest of %s", name)
	}
	return m
}

// delete deletes a part behind Terraform's back.
func (a account) delete(t *testing.T, name, key string) {
	t.Helper()
	engine, err := a.engine(home)
	if err != nil {
		t.Fatal(err)
	}
	rec, ok := a.manifest(t, name).Parts[key]
	if !ok {
		t.Fatalf("the manifest of %s has no part %q", name, key)
	}
	target := &kinds.Target{Key: key, Name: rec.Name, Attributes: rec.Attributes, Force: true}
	if err := engine.Kinds[rec.Kind].Delete(t.Context(), target); err != nil {
		t.Fatalf("delete %s %q: %s", rec.Kind, key, err)
	}
}

// expectInventory returns an error unless just these lines are in the account.
func (a account) expectInventory(region string, want ...string) error {
	have, err := localaws.Inventory(context.Background(), a.aws(region))
	if err != nil {
		return err
	}
	if !slices.Equal(have, want) {
		return fmt.Errorf("account %s has %q, should have %q", a, have, want)
	}
	return nil
}

// part of a voting window as its blueprint has it.
type part struct{ kind, name string }

// described is the blueprint of a voting window with the arguments of base,
// and its parts by key.
func described(t *testing.T, a account, name string) (*blueprint.Blueprint, map[string]part) {
	t.Helper()
	b := blueprint.NewBuilder(blueprint.Settings{
		System: votingwindow.System, Name: name, LogRetentionDays: 14, Architecture: hostArchitecture(), ForceDestroy: true, Alarms: true, RolePath: "/",
	})
	m := votingwindow.Model{
		Question: types.StringValue("Who wins?"),
		Answers: types.MapValueMust(types.StringType, map[string]attr.Value{
			"anna": types.StringValue("Anna"), "bruno": types.StringValue("Bruno"),
		}),
		OpensAt:  timetypes.NewRFC3339ValueMust("2099-05-22T20:15:00Z"),
		ClosesAt: timetypes.NewRFC3339ValueMust("2099-05-22T20:25:00Z"),
	}
	if err := votingwindow.Definition().Blueprint(&m, b); err != nil {
		t.Fatal(err)
	}
	blue := b.Blueprint()
	place := blueprint.Place{Partition: "aws", Region: home, Account: string(a)}
	var resolve func(string) (string, error)
	resolve = func(s string) (string, error) {
		return blueprint.Resolve(s, place, func(ref blueprint.Reference) (string, bool) {
			text, err := resolve(blue.Part(ref.Part).Name)
			return text, err == nil && ref.Attribute == blueprint.NameAttribute
		})
	}
	parts := map[string]part{}
	for _, p := range blue.Parts {
		text, err := resolve(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		parts[p.Key] = part{kind: p.Spec.Kind(), name: text}
	}
	return blue, parts
}
