package provider_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// inventoryLabels are the words of the inventory for the kinds that it lists
// under the name of the part.
var inventoryLabels = map[string]string{
	"queue": "queue", "table": "table", "bucket": "bucket", "function": "function", "role": "role", "alarm": "alarm", "log_group": "log group",
}

func TestAccBasic(t *testing.T) {
	a := newAccount(t)
	const name = "basic"
	blue, parts := described(t, a, name)
	digests := map[string]knownvalue.Check{}
	for key := range parts {
		digests[key] = knownvalue.StringRegexp(regexp.MustCompile(`^[0-9a-f]{4}-[0-9a-f]{8}$`))
	}
	var mark localaws.Mark
	a.runCarrying(t,
		resource.TestStep{
			Config: a.config(base(name)),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
			}},
			ConfigStateChecks: append(outputs(a, name), stateOf("parts", knownvalue.MapExact(digests)), noDrift()),
			Check:             check(t, func(t *testing.T) { everythingExists(t, a, parts) }),
		},
		resource.TestStep{
			PreConfig: func() { mark = local.Gate().Meter().Mark() },
			Config:    a.config(base(name)),
			PlanOnly:  true,
			ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPreRefresh: []plancheck.PlanCheck{
				plancheck.ExpectEmptyPlan(),
			}},
		},
		resource.TestStep{
			RefreshState: true,
			Check: check(t, func(t *testing.T) {
				engine, err := a.engine(home)
				if err != nil {
					t.Fatal(err)
				}
				onlyDeclaredCalls(t, a.calls(mark), engine.ObserveCalls(blue))
			}),
		},
	)
}

// outputs are the checks of all outputs of a voting window.
func outputs(a account, name string) []statecheck.StateCheck {
	physical := func(key string) string { return name + "-vote-" + key + "-" + code }
	arn := func(service, resource string) string {
		return "arn:aws:" + service + ":" + home + ":" + string(a) + ":" + resource
	}
	functions, functionARNs, roles, tables, tableARNs := map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}
	for _, key := range functionParts {
		functions[key] = physical(key)
		functionARNs[key] = arn("lambda", "function:"+physical(key)+":live")
		roles[key] = "arn:aws:iam::" + string(a) + ":role/" + physical(key+"-role")
	}
	for _, key := range []string{"ballots", "ledger", "tallies"} {
		tables[key], tableARNs[key] = physical(key), arn("dynamodb", "table/"+physical(key))
	}
	bucket := name + "-vote-results-" + string(a) + "-" + code
	matches := func(format string, args ...any) knownvalue.Check {
		return knownvalue.StringRegexp(regexp.MustCompile(fmt.Sprintf(format, args...)))
	}
	return []statecheck.StateCheck{
		stateOf("vote_url", matches(`^https?://[a-z0-9]+\.lambda-url\.%s\.`, home)),
		stateOf("page_url", matches(`^https?://.*%s.*/index\.html$`, bucket)),
		stateOf("studio_url", matches(`^https?://.*%s.*/studio$`, bucket)),
		stateOf("records_bucket", knownvalue.StringExact(name+"-vote-records-"+string(a)+"-"+code)),
		stateOf("closes_at_in_force", knownvalue.StringExact("2099-05-22T20:25:00Z")),
		stateOf("results_url", matches(`^https?://.*%s.*/results\.json$`, bucket)),
		stateOf("window_url", matches(`^https?://.*%s.*/window\.json$`, bucket)),
		stateOf("results_bucket", knownvalue.StringExact(bucket)),
		stateOf("votes_queue_url", matches(`/%s/%s$`, a, physical("votes"))),
		stateOf("votes_queue_arn", knownvalue.StringExact(arn("sqs", physical("votes")))),
		stateOf("dead_letter_queue_url", matches(`/%s/%s$`, a, physical("dead-letters"))),
		stateOf("dead_letter_queue_arn", knownvalue.StringExact(arn("sqs", physical("dead-letters")))),
		stateOf("function_names", texts(functions)),
		stateOf("function_arns", texts(functionARNs)),
		stateOf("role_arns", texts(roles)),
		stateOf("table_names", texts(tables)),
		stateOf("table_arns", texts(tableARNs)),
		stateOf("region", knownvalue.StringExact(home)),
		stateOf("account_id", knownvalue.StringExact(string(a))),
		stateOf("functions_sha256", matches(`^[0-9a-f]{64}$`)),
		stateOf("grace_seconds", knownvalue.Int64Exact(120)),
		stateOf("log_retention_days", knownvalue.Int64Exact(14)),
		stateOf("role_path", knownvalue.StringExact("/")),
		stateOf("revote", knownvalue.StringExact("reject")),
		stateOf("hold_functions", knownvalue.Bool(false)),
	}
}

// everythingExists compares the account with the blueprint, both ways.
func everythingExists(t *testing.T, a account, parts map[string]part) {
	t.Helper()
	have, err := localaws.Inventory(t.Context(), a.aws(home))
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for key, p := range parts {
		label, listed := inventoryLabels[p.kind]
		if !listed {
			continue
		}
		want++
		if !slices.Contains(have, label+" "+p.name) {
			t.Errorf("part %q: there is no %s %s", key, label, p.name)
		}
	}
	got := 0
	for _, line := range have {
		for _, label := range inventoryLabels {
			if rest, ok := strings.CutPrefix(line, label+" "); ok && !strings.Contains(rest, " ") {
				got++
			}
		}
	}
	if got != want {
		t.Errorf("the account has %d objects of the blueprint's kinds, should have %d:\n%s", got, want, strings.Join(have, "\n"))
	}
	for prefix, n := range map[string]int{"schedule ": 2, "mapping ": 1, "function url ": 1, "alias ": len(functionParts), "role policy ": len(roleParts)} {
		if got := countPrefix(have, prefix); got != n {
			t.Errorf("the account has %d lines %q, should have %d", got, prefix, n)
		}
	}
}

func countPrefix(lines []string, prefix string) int {
	n := 0
	for _, line := range lines {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

// onlyDeclaredCalls checks that reads made exactly the calls that the kinds
// declare, and the provider asked who it is.
func onlyDeclaredCalls(t *testing.T, calls []localaws.Call, perRead int) {
	t.Helper()
	reads, identities := 0, 0
	for _, c := range calls {
		switch c.Operation {
		case "GetParameter":
			reads++
		case "GetCallerIdentity":
			identities++
		}
		for _, verb := range []string{"Create", "Put", "Update", "Delete", "Tag", "Untag", "Set", "Publish", "Add"} {
			if strings.HasPrefix(c.Operation, verb) {
				t.Errorf("a plan without changes calls %s:%s", c.Service, c.Operation)
			}
		}
	}
	if reads == 0 || identities == 0 {
		t.Fatalf("the meter saw %d reads and %d questions who the caller is", reads, identities)
	}
	if got := len(calls) - identities; got != reads*perRead {
		t.Errorf("%d reads made %d calls, should make %d each", reads, got, perRead)
	}
}
