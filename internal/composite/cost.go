package composite

import (
	"context"
	"math/big"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/preflight"
)

// loadArgument is the argument in which a system takes its expected load, where
// it takes one. It must change no part: the plan needs not know it.
const loadArgument = "expected_load"

const costAttribute = "cost"

// CostTexts describe the fields of an estimate, as the attribute cost and the
// data source have them.
var CostTexts = map[string]string{
	"idle_per_month": "A month without any event.",
	"per_event":      "One event of the expected load. Null without one.",
	"per_million":    "A million units of the expected load, at the event's own mix. Null without one.",
	"per_month":      "A month with its events, idle included. Null without an expected load.",
	"by_service":     "The month by service: with its events where a load is expected, idle otherwise.",
	"unit":           "What `per_million` counts, in the singular: `vote`. Null without an expected load.",
	"currency":       "Currency of all amounts.",
	"prices_date":    "Day of the price list.",
	"prices_region":  "Region whose prices were used: the provider's own where the price list has it.",
}

func costSchema() schema.Attribute {
	fields := map[string]schema.Attribute{}
	for name, t := range costTypes {
		switch text := CostTexts[name]; t {
		case types.NumberType:
			fields[name] = schema.NumberAttribute{Computed: true, MarkdownDescription: text}
		case types.StringType:
			fields[name] = schema.StringAttribute{Computed: true, MarkdownDescription: text}
		default:
			fields[name] = schema.MapAttribute{Computed: true, ElementType: types.NumberType, MarkdownDescription: text}
		}
	}
	return schema.SingleNestedAttribute{
		Computed:            true,
		MarkdownDescription: "What the system costs, estimated from its parts and, where given, the expected load, before free tiers. The guide \"What it costs\" says how; the data source `serverless_cost_estimate` shows each line.",
		Attributes:          fields,
	}
}

// costTypes are the types of the attribute's fields.
var costTypes = map[string]attr.Type{
	"idle_per_month": types.NumberType, "per_event": types.NumberType, "per_million": types.NumberType, "per_month": types.NumberType,
	"by_service": types.MapType{ElemType: types.NumberType},
	"unit":       types.StringType, "currency": types.StringType, "prices_date": types.StringType, "prices_region": types.StringType,
}

// cost is the attribute's value. It asks nothing of AWS, so a plan knows it.
func (r *system[M]) cost(b *blueprint.Blueprint) types.Object {
	return types.ObjectValueMust(costTypes, CostFields(preflight.Cost(b, r.data.Prices, r.data.Engine.AWS.Region())))
}

// CostFields are the fields of an estimate, as the attribute cost has them.
func CostFields(e preflight.Estimate) map[string]attr.Value {
	services := map[string]attr.Value{}
	for service, amount := range e.ByService() {
		services[service] = money(amount)
	}
	fields := map[string]attr.Value{
		"idle_per_month": money(e.Idle),
		"per_event":      types.NumberNull(), "per_million": types.NumberNull(), "per_month": types.NumberNull(), "unit": types.StringNull(),
		"by_service": types.MapValueMust(types.NumberType, services),
		"currency":   types.StringValue(e.Currency), "prices_date": types.StringValue(e.Date), "prices_region": types.StringValue(e.Region),
	}
	if l := e.Load; l != nil {
		fields["per_event"], fields["per_million"], fields["per_month"] = money(l.PerEvent), money(l.PerMillion), money(l.PerMonth)
		fields["unit"] = types.StringValue(l.Unit)
	}
	return fields
}

// money is an amount to a hundredth of a cent.
func money(amount float64) types.Number { return Decimal(amount, 4) }

// Decimal rounds a figure to so many decimals. It has the precision with which
// Terraform reads its state, or else what was planned and what comes back would
// differ in the last bits.
func Decimal(figure float64, decimals int) types.Number {
	const precision = 512
	f, _, err := big.ParseFloat(strconv.FormatFloat(figure, 'f', decimals, 64), 10, precision, big.ToNearestEven)
	if err != nil {
		return types.NumberNull() // not a number at all
	}
	return types.NumberValue(f)
}

// loadState says whether the configuration expects a load, and whether all of
// it is known.
func loadState(raw tftypes.Value) (given, known bool) {
	values := map[string]tftypes.Value{}
	if err := raw.As(&values); err != nil {
		return false, false
	}
	l, ok := values[loadArgument]
	if !ok || l.IsNull() {
		return false, true
	}
	return true, l.IsFullyKnown()
}

// Expected returns a whole number of an expected load; what it is otherwise
// where the load, or the number, is not given or not yet known.
func Expected(load types.Object, field string, otherwise int64) float64 {
	v, ok := load.Attributes()[field].(types.Int64)
	if !ok || v.IsNull() || v.IsUnknown() {
		return float64(otherwise)
	}
	return float64(v.ValueInt64())
}

// planCost sets the cost, and warns of quotas that would not carry the load.
// The warnings alone need AWS, and only where a load is expected.
func (r *system[M]) planCost(ctx context.Context, b *blueprint.Blueprint, plan *tfsdk.Plan, applied *blueprint.Blueprint) diag.Diagnostics {
	given, known := loadState(plan.Raw)
	if !known {
		return plan.SetAttribute(ctx, at(costAttribute), types.ObjectUnknown(costTypes))
	}
	diags := plan.SetAttribute(ctx, at(costAttribute), r.cost(b))
	if given {
		for _, w := range preflight.Check(ctx, b, r.data.Quotas, applied) {
			diags.AddAttributeWarning(at(loadArgument), w.Summary, w.Detail)
		}
	}
	return diags
}

// keepCost keeps the cost of the state where nothing else changes: newer prices
// alone are no change to apply. The next read brings them.
func keepCost(ctx context.Context, plan *tfsdk.Plan, state tfsdk.State) diag.Diagnostics {
	planned, had := map[string]tftypes.Value{}, map[string]tftypes.Value{}
	if plan.Raw.As(&planned) != nil || state.Raw.As(&had) != nil || had[costAttribute].IsNull() {
		return nil
	}
	for name, v := range planned {
		if name != costAttribute && !v.Equal(had[name]) {
			return nil
		}
	}
	var cost types.Object
	diags := state.GetAttribute(ctx, at(costAttribute), &cost)
	diags.Append(plan.SetAttribute(ctx, at(costAttribute), cost)...)
	return diags
}
