package provider_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// clockModel is a made-up system: a table, and a closing time that may be moved
// while it runs.
type clockModel struct {
	composite.Common

	ClosesAt   types.String `tfsdk:"closes_at"`
	WarmWrites types.Int64  `tfsdk:"warm_writes"`
	InForce    types.String `tfsdk:"closes_at_in_force"`
	TableName  types.String `tfsdk:"table_name"`
}

var clock = blueprint.System{Name: "test_clock", Slug: "clock"}

func clockResource() composite.Resource {
	return composite.New(composite.Definition[clockModel]{
		System: clock,
		Attributes: map[string]schema.Attribute{
			"closes_at":          schema.StringAttribute{Optional: true},
			"warm_writes":        schema.Int64Attribute{Optional: true},
			"closes_at_in_force": schema.StringAttribute{Computed: true},
			"table_name":         schema.StringAttribute{Computed: true},
		},
		Common: func(m *clockModel) *composite.Common { return &m.Common },
		Change: func(applied, planned *clockModel) (diags diag.Diagnostics) {
			if was, is := applied.WarmWrites.ValueInt64(), planned.WarmWrites.ValueInt64(); was < is {
				diags.AddWarning("Warmer", fmt.Sprintf("From %d to %d.", was, is))
			}
			return diags
		},
		Blueprint: func(m *clockModel, b *blueprint.Builder) error {
			table := b.Table("tallies", blueprint.Table{Key: "id", Warm: blueprint.Throughput{Writes: int(m.WarmWrites.ValueInt64())}})
			closes := b.Control("closes_at", blueprint.ControlOptions{
				Table: table, Item: "control", Field: "closes_at", Configured: m.ClosesAt.ValueString(), Moment: true, Clear: "`extend --clear`",
			})
			b.Output("closes_at_in_force", closes.Value())
			b.Output("table_name", table.Name())
			return nil
		},
	})
}

// moved writes what an operator's command would; times are in milliseconds
// since 1970.
func moved(t *testing.T, a account, closes, of string) {
	t.Helper()
	if _, err := dynamodb.NewFromConfig(a.aws(home)).PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String("live-clock-tallies-euc1"), Item: map[string]dynamotypes.AttributeValue{
			"id": &dynamotypes.AttributeValueMemberS{Value: "control"}, "closes_at": &dynamotypes.AttributeValueMemberN{Value: closes}, "of": &dynamotypes.AttributeValueMemberN{Value: of},
			"by": &dynamotypes.AttributeValueMemberS{Value: "arn:aws:iam::123456789012:user/anna"}, "at": &dynamotypes.AttributeValueMemberN{Value: "1811010000000"},
		},
	}); err != nil {
		t.Fatal(err)
	}
}

// text reads an attribute of an object that is a text.
func text(t *testing.T, object tftypes.Value, name string) string {
	t.Helper()
	v := fields(t, object)[name]
	if !v.IsKnown() {
		return "?"
	}
	var s *string
	if err := v.As(&s); err != nil {
		t.Fatal(err)
	}
	return aws.ToString(s)
}

// TestOverrides: what an operator changes while a system runs shows in the plan
// beside the argument, and no apply takes it back.
func TestOverrides(t *testing.T) {
	const argument, extended, later = "2027-05-22T18:25:00Z", "2027-05-22T18:35:00Z", "2027-05-22T19:00:00Z"
	a := newAccount(t)
	s := newSession(t, a, options{system: "test_clock"}, nil)
	config := func(more map[string]any) map[string]any {
		out := map[string]any{"name": "live", "closes_at": argument}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	inForce := func(where string, object tftypes.Value, closes string, overridden bool) {
		t.Helper()
		if got := text(t, object, "closes_at_in_force"); got != closes {
			t.Errorf("%s: in force is %s, want %s", where, got, closes)
		}
		overrides := fields(t, fields(t, object)["overrides"])
		if got := len(overrides) == 1; got != overridden {
			t.Errorf("%s: overrides are %v, want one: %t", where, overrides, overridden)
		}
		if overridden {
			if got := text(t, overrides["closes_at"], "value"); got != closes {
				t.Errorf("%s: the override is to %s, want %s", where, got, closes)
			}
		}
	}
	first := s.plan(config(nil))
	inForce("first plan", first.planned, argument, false)
	if text := s.applyPlan(first); text != "" {
		t.Fatal(text)
	}
	inForce("first apply", s.state, argument, false)
	s.settled(config(nil))

	moved(t, a, "1811010900000", "1811010300000")
	s.settled(config(nil))
	inForce("refresh", s.state, extended, true)
	p := s.plan(config(nil))
	if !p.empty(s.state) {
		t.Error("an override alone is planned to be changed")
	}
	const says = "closes_at is overridden: It was set to 2027-05-22T18:35:00Z by arn:aws:iam::123456789012:user/anna at 2027-05-22T18:20:00Z, and that is in force; " +
		"the argument's 2027-05-22T18:25:00Z is not. No apply changes that. To keep it, set closes_at to it; to give it up, run `extend --clear`."
	if !slices.Contains(p.warnings, says) {
		t.Errorf("the plan warns %q, it should warn %q", p.warnings, says)
	}
	// Another change goes by it.
	tagged := config(map[string]any{"tags": map[string]any{"show": "final"}})
	if text := s.apply(tagged); text != "" {
		t.Fatal(text)
	}
	inForce("apply of another change", s.state, extended, true)
	// It moves on between plan and apply: the apply holds what was planned, the next
	// refresh tells.
	p = s.plan(config(nil))
	moved(t, a, "1811014200000", "1811010300000")
	if text := s.applyPlan(p); text != "" {
		t.Fatal(text)
	}
	inForce("apply of an older plan", s.state, extended, true)
	s.settled(config(nil))
	inForce("refresh after it", s.state, "2027-05-22T19:30:00Z", true)
	// An import finds it, too.
	other := newSession(t, a, options{system: "test_clock"}, nil)
	if text := other.importBy("live", nil); text != "" {
		t.Fatal(text)
	}
	inForce("import", other.state, "2027-05-22T19:30:00Z", true)
	// The argument that is changed wins.
	p = s.plan(config(map[string]any{"closes_at": later}))
	inForce("plan of another argument", p.planned, later, false)
	if len(p.warnings) != 0 {
		t.Errorf("the plan warns %q", p.warnings)
	}
	if text := s.applyPlan(p); text != "" {
		t.Fatal(text)
	}
	inForce("apply of another argument", s.state, later, false)
	s.settled(config(map[string]any{"closes_at": later}))
	s.gone(a)
}

// TestChangeWarns: a plan warns of what a system says of a change of what was applied.
func TestChangeWarns(t *testing.T) {
	a := newAccount(t)
	s := newSession(t, a, options{system: "test_clock"}, nil)
	config := func(warm any) map[string]any {
		return map[string]any{"name": "live", "closes_at": "2027-05-22T18:25:00Z", "warm_writes": warm}
	}
	if p := s.plan(config(8000)); len(p.warnings) != 0 {
		t.Errorf("the first plan warns %q", p.warnings)
	}
	if text := s.apply(config(8000)); text != "" {
		t.Fatal(text)
	}
	s.settled(config(8000))
	if p := s.plan(config(9000)); len(p.warnings) != 1 || p.warnings[0] != "Warmer: From 8000 to 9000." {
		t.Errorf("the plan warns %q", p.warnings)
	}
	s.gone(a)
}

// TestLoweredWarmth: a plan says what AWS will not do.
func TestLoweredWarmth(t *testing.T) {
	a := newAccount(t)
	s := newSession(t, a, options{system: "test_clock"}, nil)
	config := func(warm any) map[string]any {
		return map[string]any{"name": "live", "closes_at": "2027-05-22T18:25:00Z", "warm_writes": warm}
	}
	if text := s.apply(config(8000)); text != "" {
		t.Fatal(text)
	}
	s.settled(config(8000))
	for _, less := range []any{5000, nil} {
		p := s.plan(config(less))
		if len(p.warnings) != 1 || !strings.Contains(p.warnings[0], `The warm writes of table "tallies" is lowered from `) {
			t.Errorf("lowered to %v, the plan warns %q", less, p.warnings)
		}
		if text := s.applyPlan(p); text != "" {
			t.Fatal(text)
		}
		s.settled(config(less))
	}
	s.gone(a)
}
