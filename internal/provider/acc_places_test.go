package provider_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// TestAccAnotherPlace: a provider that was pointed elsewhere does not take the
// system for gone.
func TestAccAnotherPlace(t *testing.T) {
	a := newAccount(t)
	b := anotherAccount()
	const name = "place"
	a.run(t,
		resource.TestStep{Config: a.config(base(name))},
		resource.TestStep{
			Config:      a.providerIn("us-east-1") + base(name).resource("vote"),
			ExpectError: expectError("The provider works in another region", "was deployed in eu-central-1; the provider is configured for us-east-1"),
		},
		resource.TestStep{
			Config:      b.config(base(name)),
			ExpectError: expectError("The credentials belong to another account", "was deployed in account "+string(a), "belong to "+string(b)),
		},
		resource.TestStep{Config: a.config(base(name)), ConfigPlanChecks: preApply(plancheck.ExpectEmptyPlan())},
	)
}

// TestAccDefaultTags: default_tags reach every part, a resource's own tags win,
// and another default is an update in place of every part.
func TestAccDefaultTags(t *testing.T) {
	a := newAccount(t)
	const name = "tagged"
	_, parts := described(t, a, name)
	args := base(name).with("tags", `{ show = "final" }`)
	config := func(tags string) string {
		return a.provider("default_tags {", "tags = { "+tags+" }", "}") + args.resource("vote")
	}
	tags := func(t *testing.T, team, show, season string) {
		t.Helper()
		for _, key := range []string{"votes", "tallies", "bundles", "publisher", "publisher-logs", "recorder-role", "votes-waiting"} {
			have := a.observe(t, name, key).Tags
			equal(t, "tag team of "+key, have["team"], team)
			equal(t, "tag show of "+key, have["show"], show)
			equal(t, "tag season of "+key, have["season"], season)
		}
	}
	a.run(t,
		resource.TestStep{Config: config(`team = "red", show = "any"`), Check: check(t, func(t *testing.T) { tags(t, "red", "final", "") })},
		resource.TestStep{
			Config: config(`team = "blue", season = "7"`), ConfigPlanChecks: preApply(updated(keysOf(parts)...)...),
			Check: check(t, func(t *testing.T) { tags(t, "blue", "final", "7") }),
		},
	)
}

// TestAccAssumeRole: all is done with the assumed role's credentials.
func TestAccAssumeRole(t *testing.T) {
	a := newAccount(t)
	const name = "assumed"
	roles := iam.NewFromConfig(a.aws(home))
	role := must[*iam.CreateRoleOutput](t)(roles.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName:                 aws.String("deployer"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + string(a) + `:root"},"Action":"sts:AssumeRole"}]}`),
	})).Role
	must[*iam.PutRolePolicyOutput](t)(roles.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: role.RoleName, PolicyName: aws.String("deploy"), PolicyDocument: aws.String(joined(a.deployPolicy(t, home, name)).JSON()),
	}))
	a.may(t, blueprint.NewPolicy(blueprint.Statement{Effect: "Allow", Action: []string{"sts:AssumeRole"}, Resource: []string{aws.ToString(role.Arn)}}))
	config := a.provider("assume_role {", "role_arn = "+quote(aws.ToString(role.Arn)), `session_name = "night"`, `duration = "1h"`, "}") + base(name).resource("vote")
	mark := local.Gate().Meter().Mark()
	a.runLeaving(t, []string{"role deployer", "role policy deployer deploy"}, resource.TestStep{
		Config: config, ConfigStateChecks: outputs(a, name),
		ConfigPlanChecks: preApply(planCheck(func(*tfjson.Plan) error {
			for _, c := range a.calls(mark) {
				if c.Operation != "AssumeRole" {
					return fmt.Errorf("%s:%s is called with the keys that only assume the role", c.Service, c.Operation)
				}
			}
			return nil
		})),
	})
}

// TestAccUnknownConfiguration: while the provider's configuration is not known,
// plans work and call nothing.
func TestAccUnknownConfiguration(t *testing.T) {
	a := newAccount(t)
	const name = "unknown"
	var mark localaws.Mark
	config := func(run int, args arguments) string {
		return fmt.Sprintf("resource \"terraform_data\" \"place\" {\n  input = %q\n  triggers_replace = %d\n}\n", home, run) +
			fmt.Sprintf("provider \"serverless\" {\n  region = terraform_data.place.output\n  endpoint = %q\n  access_key = %q\n  secret_key = %q\n}\n", local.Endpoint(), a.deployer().key, a.deployer().secret) +
			args.resource("vote")
	}
	silent := planCheck(func(*tfjson.Plan) error {
		if calls := a.calls(mark); len(calls) > 0 {
			return fmt.Errorf("the plan makes %d calls, the first is %s:%s", len(calls), calls[0].Service, calls[0].Operation)
		}
		return nil
	})
	a.run(t,
		resource.TestStep{
			PreConfig: func() { mark = local.Gate().Meter().Mark() },
			Config:    config(1, base(name)),
			ConfigPlanChecks: preApply(
				silent, plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
				plancheck.ExpectUnknownValue(address, tfjsonpath.New("parts")), plancheck.ExpectUnknownValue(address, tfjsonpath.New("vote_url")),
			),
			ConfigStateChecks: append(outputs(a, name), noDrift()),
		},
		resource.TestStep{
			PreConfig:         func() { mark = local.Gate().Meter().Mark() },
			Config:            config(2, base(name).with("question", quote("Who sings?"))),
			ConfigPlanChecks:  preApply(plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate)),
			ConfigStateChecks: append(outputs(a, name), noDrift()),
			Check:             check(t, func(t *testing.T) { equal(t, "question", page(t, a, name).question(), "Who sings?") }),
		},
	)
}

// TestAccBadConfiguration: a provider that cannot work says so once, at the
// argument at fault, before anything of a system is called.
func TestAccBadConfiguration(t *testing.T) {
	a := newAccount(t)
	keys := "\n  access_key = " + quote(string(a)) + "\n  secret_key = \"test\"\n"
	endpoint := "\n  endpoint = " + quote(local.Endpoint()) + "\n"
	// The local AWS takes any secret of a root, so the gate refuses it in its place.
	refused := func(code string) string {
		key := string(anotherAccount())
		_, err := local.Gate().Faults().Add(localaws.Fault{
			Service: "sts", Kind: localaws.FaultError, Code: code, Message: "The request is refused.", Status: 403,
			Match: func(c localaws.Call) bool { return c.AccessKey == key },
		})
		if err != nil {
			t.Fatal(err)
		}
		return "access_key = " + quote(key) + "\nsecret_key = \"wrong\"\n"
	}
	for name, bad := range map[string]struct{ block, summary, argument, detail string }{
		"secret":    {`region = "eu-central-1"` + endpoint + refused("SignatureDoesNotMatch"), "AWS refuses the credentials", "", "SignatureDoesNotMatch"},
		"expired":   {`region = "eu-central-1"` + endpoint + refused("ExpiredToken"), "AWS credentials have expired", "", "Log in again"},
		"region":    {`region = "eu-central-9"` + endpoint + keys, "Unknown AWS region", "region", `"eu-central-9" is no AWS region`},
		"no region": {endpoint + keys, "No AWS region", "", "Set region in the provider block"},
		"unreached": {`region = "eu-central-1"` + "\nendpoint = \"http://127.0.0.1:1\"" + keys, "AWS cannot be reached", "endpoint", "127.0.0.1:1"},
		"malformed": {`region = "eu-central-1"` + "\nendpoint = \"localhost\"" + keys, "Endpoint is no URL", "endpoint", "scheme and host"},
		"profile":   {`region = "eu-central-1"` + "\nprofile = \"night\"" + endpoint, "AWS profile not found", "profile", `no profile "night"`},
		"no keys":   {`region = "eu-central-1"` + endpoint, "No AWS credentials", "", "AWS_PROFILE"},
		"account":   {`region = "eu-central-1"` + "\nallowed_account_ids = [\"123456789012\"]" + endpoint + keys, "AWS account not allowed", "allowed_account_ids", "belong to account " + string(a)},
		"role":      {`region = "eu-central-1"` + "\nassume_role {\nrole_arn = \"arn:aws:iam::" + string(a) + ":role/nobody\"\n}" + endpoint + keys, "Cannot assume the role", "", "nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mark := local.Gate().Meter().Mark()
			var got []diagnostic
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps:                    []resource.TestStep{{Config: "provider \"serverless\" {\n" + bad.block + "\n}\n" + base("bad").resource("vote"), PlanOnly: true}},
				ErrorCheck: func(err error) error {
					got = diagnosticsIn(err.Error())[""]
					return nil
				},
			})
			if len(got) != 1 || got[0].summary != bad.summary || bad.argument != "" && got[0].argument != bad.argument || !regexp.MustCompile(regexp.QuoteMeta(bad.detail)).MatchString(got[0].detail) {
				t.Errorf("the diagnostics are %+v\nshould be one: %q at %q with %q", got, bad.summary, bad.argument, bad.detail)
			}
			others := slices.DeleteFunc(a.calls(mark), func(c localaws.Call) bool { return c.Service == "sts" })
			if len(others) > 0 {
				t.Errorf("a provider that cannot work calls %s:%s", others[0].Service, others[0].Operation)
			}
		})
	}
}
