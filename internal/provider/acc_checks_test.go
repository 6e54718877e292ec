package provider_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// planCheck is a plan check as a function.
type planCheck func(*tfjson.Plan) error

// CheckPlan implements plancheck.PlanCheck.
func (c planCheck) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	resp.Error = c(req.Plan)
}

func changeOf(plan *tfjson.Plan, address string) (*tfjson.Change, error) {
	for _, rc := range plan.ResourceChanges {
		if rc.Address == address {
			return rc.Change, nil
		}
	}
	return nil, fmt.Errorf("the plan has no %s", address)
}

// expectParts checks that the plan names just these parts as changed.
func expectParts(want ...string) plancheck.PlanCheck {
	return planCheck(func(plan *tfjson.Plan) error {
		c, err := changeOf(plan, address)
		if err != nil {
			return err
		}
		before, after, unknown := field(c.Before, "parts"), field(c.After, "parts"), field(c.AfterUnknown, "parts")
		changed := map[string]bool{}
		for _, side := range []map[string]any{before, after, unknown} {
			for key := range side {
				changed[key] = before[key] != after[key] || unknown[key] == true
			}
		}
		maps.DeleteFunc(changed, func(_ string, is bool) bool { return !is })
		slices.Sort(want)
		if have := slices.Sorted(maps.Keys(changed)); !slices.Equal(have, want) {
			return fmt.Errorf("the plan names the parts %q, should name %q", have, want)
		}
		return nil
	})
}

// anyDigest is the digest of a content that AWS alone knows in full: drift shows
// it as DIGEST in tests.
var anyDigest = regexp.MustCompile(`[0-9a-f]{64}`)

// expectDrift checks the lines that the plan takes from drift, by part.
func expectDrift(want map[string]string) plancheck.PlanCheck {
	return planCheck(func(plan *tfjson.Plan) error {
		c, err := changeOf(plan, address)
		if err != nil {
			return err
		}
		have := map[string]string{}
		for key, line := range field(c.Before, "drift") {
			have[key] = anyDigest.ReplaceAllString(fmt.Sprint(line), "DIGEST")
		}
		if !maps.Equal(have, want) {
			return fmt.Errorf("the drift is %q, should be %q", have, want)
		}
		if after := field(c.After, "drift"); len(after) > 0 {
			return fmt.Errorf("the planned drift is %q, should be empty", after)
		}
		return nil
	})
}

// expectUnknownOutputs checks which outputs the plan leaves open; of a map, any
// element counts.
func expectUnknownOutputs(want ...string) plancheck.PlanCheck {
	return planCheck(func(plan *tfjson.Plan) error {
		c, err := changeOf(plan, address)
		if err != nil {
			return err
		}
		unknown, _ := c.AfterUnknown.(map[string]any)
		var have []string
		for name, u := range unknown {
			// Versions are open wherever parts are functions that change.
			if name != "parts" && name != blueprint.VersionsOutput && anyTrue(u) {
				have = append(have, name)
			}
		}
		slices.Sort(have)
		slices.Sort(want)
		if !slices.Equal(have, want) {
			return fmt.Errorf("the plan leaves %q open, should leave %q", have, want)
		}
		return nil
	})
}

func anyTrue(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), anyTrue)
	}
	return false
}

// field returns a map inside one side of a change.
func field(side any, name string) map[string]any {
	fields, _ := side.(map[string]any)
	out, _ := fields[name].(map[string]any)
	return out
}

// updated checks an update in place of just these parts.
func updated(parts ...string) []plancheck.PlanCheck {
	return []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate), expectParts(parts...)}
}

// stateOf checks one attribute of the voting window in the state.
func stateOf(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

// noDrift checks that nothing differs from what was applied.
func noDrift() statecheck.StateCheck {
	return stateOf("drift", knownvalue.MapExact(map[string]knownvalue.Check{}))
}

// check runs assertions that need no state after an apply.
func check(t *testing.T, f func(t *testing.T)) func(*terraform.State) error {
	return func(*terraform.State) error {
		f(t)
		return nil
	}
}

func texts(values map[string]string) knownvalue.Check {
	checks := map[string]knownvalue.Check{}
	for k, v := range values {
		checks[k] = knownvalue.StringExact(v)
	}
	return knownvalue.MapExact(checks)
}

// stateFunc is a state check that looks elsewhere.
type stateFunc func()

// CheckState implements statecheck.StateCheck.
func (f stateFunc) CheckState(context.Context, statecheck.CheckStateRequest, *statecheck.CheckStateResponse) {
	f()
}

// then runs assertions after an apply. It serves where check cannot, which
// reads the state in a form that does not know for_each.
func then(f func()) []statecheck.StateCheck { return []statecheck.StateCheck{stateFunc(f)} }
