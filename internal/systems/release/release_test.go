package release

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/preflight"
	"github.com/burstline/terraform-provider-serverless/internal/systems/systemtest"
)

// describedBy is the blueprint of a release with these arguments beside the example's.
func describedBy(t *testing.T, name string, more map[string]any) (*blueprint.Blueprint, diag.Diagnostics) {
	t.Helper()
	arguments := Example()
	maps.Copy(arguments, more)
	text, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	return Resource().Describe(t.Context(), name, text, nil)
}

// system is one to be released, of functions in an environment.
func system(environment string, functions ...string) map[string]any {
	aliases, versions := map[string]any{}, map[string]any{}
	for _, f := range functions {
		aliases[f] = fmt.Sprintf("arn:aws:lambda:eu-central-1:123456789012:function:%s-%s-euc1:live", environment, f)
		versions[f] = "3"
	}
	return map[string]any{"aliases": aliases, "versions": versions, "digest": exampleDigest}
}

var configurations = map[string]map[string]any{
	"canary.json":  nil,
	"at-once.json": {"canary": nil, "systems": map[string]any{"queue": system("arena-queue", "join"), "config": system("arena-conf", "history", "control")}, "tested": []string{exampleDigest}},
}

func TestGolden(t *testing.T) {
	for name, more := range configurations {
		t.Run(name, func(t *testing.T) {
			b, diags := describedBy(t, "arena-prod", more)
			if diags.HasError() {
				t.Fatal(diags)
			}
			systemtest.Golden(t, name, b.Render())
		})
	}
}

// A release that cannot be is refused before anything is called, at the argument at fault.
func TestRefused(t *testing.T) {
	other := strings.Repeat("a", 64)
	with := func(s map[string]any, argument string, value any) map[string]any {
		s[argument] = value
		return map[string]any{"systems": map[string]any{"queue": s}}
	}
	many := make([]string, maxFunctions+1)
	for i := range many {
		many[i] = fmt.Sprintf("f%d", i)
	}
	for name, c := range map[string]struct {
		more map[string]any
		says []string
	}{
		"another key":      {with(system("a", "join"), "versions", map[string]any{"turn": "1"}), []string{`systems["queue"].versions`, "aliases of join, and versions of turn"}},
		"no version":       {with(system("a", "join"), "versions", map[string]any{"join": "$LATEST"}), []string{`systems["queue"].versions["join"]`, "takes no $LATEST"}},
		"no alias":         {with(system("a", "join"), "aliases", map[string]any{"join": "arn:aws:lambda:eu-central-1:123456789012:function:join"}), []string{`systems["queue"].aliases["join"]`, "must be the ARN of an alias"}},
		"no digest":        {with(system("a", "join"), "digest", "latest"), []string{`systems["queue"].digest`, "SHA-256"}},
		"an alias twice":   {map[string]any{"systems": map[string]any{"one": system("a", "join"), "two": system("a", "join")}}, []string{`systems["two"].aliases["join"]`, "as one/join already"}},
		"too many":         {map[string]any{"systems": map[string]any{"queue": system("a", many...)}}, []string{"51 functions, and at most 50"}},
		"not tested":       {map[string]any{"tested": []string{other}}, []string{"tested", exampleDigest, "which was not tested", other}},
		"nothing tested":   {map[string]any{"tested": []string{}}, []string{"tested are: none"}},
		"a hundred":        {map[string]any{"canary": map[string]any{"percent": 100, "minutes": 5, "alarms": []string{"late"}}}, []string{"canary.percent", "between 1 and 99"}},
		"nobody watches":   {map[string]any{"canary": map[string]any{"percent": 10, "minutes": 5, "alarms": []string{}}}, []string{"canary.alarms", "at least 1"}},
		"without pipeline": {map[string]any{"pipeline": ""}, []string{"pipeline", "between 1 and 200"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := describedBy(t, "arena-prod", c.more)
			systemtest.Refused(t, diags, c.says)
		})
	}
}

// A release may move the aliases of its own functions and no others, and may change nothing else but its own tables.
func TestGrants(t *testing.T) {
	b, diags := describedBy(t, "arena-prod", nil)
	if diags.HasError() {
		t.Fatal(diags)
	}
	spec, ok := b.Part("steer-role").Spec.(blueprint.RoleSpec)
	if !ok {
		t.Fatal("steer has no role")
	}
	for _, s := range spec.Policy.Statement {
		if slices.Contains(s.Action, "lambda:UpdateAlias") && !slices.Equal(s.Resource, []string{
			"arn:aws:lambda:eu-central-1:123456789012:function:arena-queue-join-euc1", "arn:aws:lambda:eu-central-1:123456789012:function:arena-queue-turn-euc1",
		}) {
			t.Errorf("aliases of %v may be moved", s.Resource)
		}
		if slices.Contains(s.Resource, "*") && slices.ContainsFunc(s.Action, func(a string) bool { return a != "cloudwatch:DescribeAlarms" && a != "dynamodb:ListStreams" }) {
			t.Errorf("everywhere it may %v", s.Action)
		}
	}
}

// Two environments share nothing: no part, and no permission on a part of the other.
func TestEnvironments(t *testing.T) {
	one, _ := describedBy(t, "arena-test", map[string]any{"systems": map[string]any{"queue": system("arena-test-queue", "join")}})
	two, _ := describedBy(t, "arena-prod", map[string]any{"systems": map[string]any{"queue": system("arena-prod-queue", "join")}})
	names := map[string]bool{}
	for _, p := range one.Parts {
		names[p.Spec.Kind()+" "+blueprint.Readable(p.Name)] = true
	}
	for _, p := range two.Parts {
		// What lies inside another part is named by that.
		if name := p.Spec.Kind() + " " + blueprint.Readable(p.Name); names[name] && len(blueprint.References(p.Name)) == 0 {
			t.Errorf("both have the %s", name)
		}
	}
	for name, b := range map[string]*blueprint.Blueprint{"arena-prod": one, "arena-test": two} {
		if text := string(b.Render()); strings.Contains(text, name) {
			t.Errorf("%s names %s", b.Settings.Name, name)
		}
	}
}

// An environment whose release has nothing to do costs less than half a dollar a month.
func TestIdleCost(t *testing.T) {
	b, diags := describedBy(t, "arena-prod", nil)
	if diags.HasError() {
		t.Fatal(diags)
	}
	cost := preflight.Cost(b, preflight.Builtin(), "us-east-1")
	if got := fmt.Sprintf("%.2f", cost.Idle); got != "0.37" {
		t.Errorf("idle it costs $%s a month, want 0.37: %+v", got, cost.Lines)
	}
}
