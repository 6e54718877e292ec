package configitems

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/systems/systemtest"
)

// describedBy is the blueprint of a configuration with these arguments beside the example's.
func describedBy(t *testing.T, more map[string]any) (*blueprint.Blueprint, diag.Diagnostics) {
	t.Helper()
	arguments := Example()
	for name, value := range more {
		arguments[name] = value
	}
	text, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	return Resource().Describe(t.Context(), "presale-dev", text, nil)
}

// configurations are such as users would write.
var configurations = map[string]map[string]any{
	"minimal.json": {"items": map[string]any{"rate": map[string]any{"number": 2.50}}},
	"full.json": {
		"schema": `{"required": ["windows"]}`, "history_retention_days": 365, "force_remove": []string{"old"}, "tags": map[string]any{"stage": "dev"},
		"kms_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/8d5d0ac6-0000-4000-8000-000000000001",
		"alarms":      map[string]any{"topic": true, "emails": []string{"night@example.com"}},
	},
}

func TestGolden(t *testing.T) {
	for name, more := range configurations {
		t.Run(name, func(t *testing.T) {
			b, diags := describedBy(t, more)
			if diags.HasError() {
				t.Fatal(diags)
			}
			systemtest.Golden(t, name, b.Render())
		})
	}
}

// An override goes with the value that it was set against: one that is in force again when the value changes back is nobody's wish.
func TestOverridesPass(t *testing.T) {
	b, diags := describedBy(t, nil)
	if diags.HasError() {
		t.Fatal(diags)
	}
	for _, key := range []string{"item-windows", "item-fees"} {
		spec, ok := b.Part(key).Spec.(blueprint.TableItemSpec)
		if !ok || !slices.Equal(spec.Passing, []string{"override", "of", "by", "at"}) || !slices.Equal(spec.Against, []string{"value", "type", "operator"}) {
			t.Errorf("with %q of %s goes %q", spec.Against, key, spec.Passing)
		}
	}
}

// A configuration that cannot be is refused before anything is called, at the
// argument at fault.
func TestRefused(t *testing.T) {
	item := func(fields map[string]any) map[string]any {
		return map[string]any{"items": map[string]any{"rate": fields}}
	}
	for name, c := range map[string]struct {
		more map[string]any
		says []string
	}{
		"no value":           {item(map[string]any{"description": "nothing"}), []string{`items["rate"]`, "has 0 values"}},
		"two values":         {item(map[string]any{"string": "a", "number": 1}), []string{`items["rate"]`, "has 2 values"}},
		"no JSON":            {item(map[string]any{"json": "{"}), []string{`items["rate"].json`, "it is no JSON"}},
		"no ARN":             {item(map[string]any{"secret_arn": "hunter2"}), []string{`items["rate"].secret_arn`, "must be the ARN of a parameter"}},
		"39 digits":          {item(map[string]any{"number": json.Number(strings.Repeat("9", 40))}), []string{`items["rate"].number`, "38 digits"}},
		"a bad key":          {map[string]any{"items": map[string]any{"$schema": map[string]any{"string": "a"}}}, []string{"items", "must begin with a letter or a digit"}},
		"against a schema":   {item(map[string]any{"number": 0, "schema": `{"type": "integer", "minimum": 1}`}), []string{`items["rate"].number`, "minimum"}},
		"within JSON":        {item(map[string]any{"json": `{"fee": "free"}`, "schema": `{"properties": {"fee": {"type": "number"}}}`}), []string{`items["rate"].json`, "/fee", "number"}},
		"a bad schema":       {item(map[string]any{"number": 0, "schema": `{"type": "figure"}`}), []string{`items["rate"].schema`, "cannot be used"}},
		"a schema elsewhere": {item(map[string]any{"number": 0, "schema": `{"$ref": "https://example.com/rate.json"}`}), []string{`items["rate"].schema`, "write what is meant into the schema itself"}},
		"together":           {map[string]any{"schema": `{"required": ["purchase_uri"]}`}, []string{"items", "purchase_uri"}},
		"a long value":       {item(map[string]any{"string": strings.Repeat("x", 410_000)}), []string{"the item would have up to", "at most 409600"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := describedBy(t, c.more)
			systemtest.Refused(t, diags, c.says)
		})
	}
}

// What an operator may override is a control, which leads to the argument.
func TestControls(t *testing.T) {
	b, diags := describedBy(t, nil)
	if diags.HasError() {
		t.Fatal(diags)
	}
	if len(b.Controls) != 1 {
		t.Fatalf("there are %d controls, want one", len(b.Controls))
	}
	c := b.Controls[0]
	if c.Argument != `items["windows"]` || !slices.Equal(c.Path, []string{"items", "windows", "number"}) || c.Configured != "50" || c.Item != "windows" {
		t.Errorf("the control is %+v", c)
	}
	for value, holds := range map[string]bool{"80": true, "50": false} {
		if got := c.Holds(blueprint.Override{Value: value, InsteadOf: "50"}); got != holds {
			t.Errorf("an override to %s holds: %t", value, got)
		}
	}
}

// The policy for readers allows what they do, and nothing else.
func TestReadPolicy(t *testing.T) {
	b, diags := describedBy(t, nil)
	if diags.HasError() {
		t.Fatal(diags)
	}
	got := blueprint.Readable(b.Outputs["read_policy_json"])
	for _, want := range []string{
		`"Action":["dynamodb:Scan"],"Resource":["arn:${aws.partition}:dynamodb:${aws.region}:${aws.account}:table/${items.name}"]`,
		`"Action":["dynamodb:UpdateItem"],"Resource":["arn:${aws.partition}:dynamodb:${aws.region}:${aws.account}:table/${readers.name}"]`,
		`"Action":["ssm:GetParameter"],"Resource":["arn:aws:ssm:eu-central-1:123456789012:parameter/presale/payment-key"]`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the policy has no %s:\n%s", want, got)
		}
	}
	if n := strings.Count(got, `"Effect"`); n != 3 {
		t.Errorf("the policy has %d statements, want 3", n)
	}
}
