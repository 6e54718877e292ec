package provider

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/preflight"
)

// costEstimate is the data source serverless_cost_estimate.
type costEstimate struct{ composite.Configured }

type costEstimateModel struct {
	described

	Load         types.Dynamic `tfsdk:"load"`
	IdlePerMonth types.Number  `tfsdk:"idle_per_month"`
	PerEvent     types.Number  `tfsdk:"per_event"`
	PerMillion   types.Number  `tfsdk:"per_million"`
	PerMonth     types.Number  `tfsdk:"per_month"`
	ByService    types.Map     `tfsdk:"by_service"`
	Unit         types.String  `tfsdk:"unit"`
	Currency     types.String  `tfsdk:"currency"`
	PricesDate   types.String  `tfsdk:"prices_date"`
	PricesRegion types.String  `tfsdk:"prices_region"`
	Lines        types.List    `tfsdk:"lines"`
}

func newCostEstimate() datasource.DataSource { return &costEstimate{} }

func (*costEstimate) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_cost_estimate"
}

func (*costEstimate) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	number := func(description string) schema.NumberAttribute {
		return schema.NumberAttribute{Computed: true, MarkdownDescription: description}
	}
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	resp.Schema = describedSchema(costEstimateDescription, map[string]schema.Attribute{
		"load": schema.DynamicAttribute{Optional: true,
			MarkdownDescription: "An expected load, instead of the `expected_load` among the arguments."},
		"idle_per_month": number(composite.CostTexts["idle_per_month"]),
		"per_event":      number(composite.CostTexts["per_event"]),
		"per_million":    number(composite.CostTexts["per_million"]),
		"per_month":      number(composite.CostTexts["per_month"]),
		"by_service":     schema.MapAttribute{Computed: true, ElementType: types.NumberType, MarkdownDescription: composite.CostTexts["by_service"]},
		"unit":           text(composite.CostTexts["unit"]),
		"currency":       text(composite.CostTexts["currency"]),
		"prices_date":    text(composite.CostTexts["prices_date"]),
		"prices_region":  text(composite.CostTexts["prices_region"]),
		"lines": schema.ListNestedAttribute{
			Computed: true, MarkdownDescription: "Every line of the estimate: those of each month, then those of each event.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"service":        text("Service, as in the price list."),
				"dimension":      text("What of it is billed, as in the price list."),
				"period":         text("`month` or `event`: what the quantity and the amount are for."),
				"part":           text("Part of the system."),
				"why":            text("What it comes from."),
				"quantity":       number("How much."),
				"unit":           text("What `quantity` counts."),
				"unit_price":     number("Price of one."),
				"amount":         number("Their product."),
				"basis":          text("`metered` where a count of the calls shows it too, `modelled` where it is computed from stated sizes, durations and times."),
				"free_per_month": number("What an account has free in each month, in the unit of `quantity`; it is not deducted."),
			}},
		},
	})
}

const costEstimateDescription = "What a system costs, before free tiers, from the very description that is deployed. Nothing is asked of AWS, and the system need not exist. The guide \"What it costs\" says how it is computed."

// lineTypes are the types of a line's fields.
var lineTypes = map[string]attr.Type{
	"service": types.StringType, "dimension": types.StringType, "period": types.StringType, "part": types.StringType, "why": types.StringType,
	"quantity": types.NumberType, "unit": types.StringType, "unit_price": types.NumberType, "amount": types.NumberType,
	"basis": types.StringType, "free_per_month": types.NumberType,
}

func (c *costEstimate) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m costEstimateModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	if c.Data.Unknown {
		resp.Diagnostics.AddError("Cannot tell the region and the prices", "The provider's configuration depends on values that are known only after apply.")
		return
	}
	var over map[string]json.RawMessage
	if load := m.Load.UnderlyingValue(); load != nil && !m.Load.IsNull() {
		text, err := composite.EncodeArguments(ctx, load)
		if err != nil {
			resp.Diagnostics.AddAttributeError(path.Root("load"), "Invalid load", err.Error())
			return
		}
		over = map[string]json.RawMessage{"expected_load": text}
	}
	b, diags := m.blueprint(ctx, c.Data, over)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	e := preflight.Cost(b, c.Data.Prices, c.Data.Engine.AWS.Region())
	resp.State.Raw = req.Config.Raw
	for name, value := range composite.CostFields(e) {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
	}
	lines := make([]attr.Value, 0, len(e.Lines))
	for _, l := range e.Lines {
		lines = append(lines, line(l))
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("lines"), types.ListValueMust(types.ObjectType{AttrTypes: lineTypes}, lines))...)
}

// line shows a line of the estimate. Prices of single requests have ten
// decimals.
func line(l preflight.Line) attr.Value {
	const decimals = 10
	return types.ObjectValueMust(lineTypes, map[string]attr.Value{
		"service": types.StringValue(l.Service), "dimension": types.StringValue(l.Name), "period": types.StringValue(l.Period),
		"part": types.StringValue(l.Part), "why": types.StringValue(l.Why),
		"quantity": composite.Decimal(l.Quantity, 4), "unit": types.StringValue(l.Unit),
		"unit_price": composite.Decimal(l.UnitPrice, decimals), "amount": composite.Decimal(l.Amount, decimals),
		"basis": types.StringValue(l.Basis), "free_per_month": composite.Decimal(l.FreePerMonth, 0),
	})
}
