package composite

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// overrideModel is one entry of overrides.
type overrideModel struct {
	Value     types.String `tfsdk:"value"`
	InsteadOf types.String `tfsdk:"instead_of"`
	By        types.String `tfsdk:"by"`
	At        types.String `tfsdk:"at"`
}

func overridesSchema() schema.Attribute {
	return schema.MapNestedAttribute{
		Computed:            true,
		MarkdownDescription: "Arguments that an operator or a function has overridden while the system runs, by name. No apply takes an override back; it ends when it is given up, or when its argument changes.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"value":      schema.StringAttribute{Computed: true, MarkdownDescription: "The value in force."},
			"instead_of": schema.StringAttribute{Computed: true, MarkdownDescription: "The argument's value that it was set against; empty where it holds against any."},
			"by":         schema.StringAttribute{Computed: true, MarkdownDescription: "Who set it."},
			"at":         schema.StringAttribute{Computed: true, MarkdownDescription: "When, as RFC 3339 in UTC."},
		}},
	}
}

var overrideType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"value": types.StringType, "instead_of": types.StringType, "by": types.StringType, "at": types.StringType,
}}

// overridesOf returns the overrides of a state; null is none.
func overridesOf(ctx context.Context, m types.Map) (map[string]blueprint.Override, diag.Diagnostics) {
	entries := map[string]overrideModel{}
	diags := m.ElementsAs(ctx, &entries, false)
	out := map[string]blueprint.Override{}
	for argument, e := range entries {
		out[argument] = blueprint.Override{Value: e.Value.ValueString(), InsteadOf: e.InsteadOf.ValueString(), By: e.By.ValueString(), At: e.At.ValueString()}
	}
	return out, diags
}

func overrideMap(overrides map[string]blueprint.Override) types.Map {
	entries := map[string]attr.Value{}
	for argument, o := range overrides {
		entries[argument] = types.ObjectValueMust(overrideType.AttrTypes, map[string]attr.Value{
			"value": types.StringValue(o.Value), "instead_of": types.StringValue(o.InsteadOf), "by": types.StringValue(o.By), "at": types.StringValue(o.At),
		})
	}
	return types.MapValueMust(overrideType, entries)
}

// planOverrides returns what the state has of overrides, and warns of each that
// stays in force beside the argument.
func (r *system[M]) planOverrides(ctx context.Context, b *blueprint.Blueprint, prior *Common, resp *resource.ModifyPlanResponse) map[string]blueprint.Override {
	if prior == nil {
		return nil
	}
	read, diags := overridesOf(ctx, prior.Overrides)
	resp.Diagnostics.Append(diags...)
	holding := b.Overrides(read)
	for _, c := range b.Controls {
		o, ok := holding[c.Argument]
		if !ok {
			continue
		}
		who, when := "", ""
		if o.By != "" {
			who = " by " + o.By
		}
		if o.At != "" {
			when = " at " + o.At
		}
		advice := fmt.Sprintf("To keep it, set %s to it.", c.Argument)
		if c.Clear != "" {
			advice = fmt.Sprintf("To keep it, set %s to it; to give it up, run %s.", c.Argument, c.Clear)
		}
		resp.Diagnostics.AddAttributeWarning(r.path(c.Path), fmt.Sprintf("%s is overridden", c.Argument),
			fmt.Sprintf("It was set to %s%s%s, and that is in force; the argument's %s is not. No apply changes that. %s", o.Value, who, when, c.Configured, advice))
	}
	return read
}
