package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// described are the inputs of every data source that looks at a system which
// need not exist.
type described struct {
	System    types.String  `tfsdk:"system"`
	Name      types.String  `tfsdk:"name"`
	Arguments types.Dynamic `tfsdk:"arguments"`
}

// describedSchema joins the inputs with a data source's own attributes.
func describedSchema(description string, own map[string]schema.Attribute) schema.Schema {
	attributes := map[string]schema.Attribute{
		"system": schema.StringAttribute{
			Required: true, Validators: []validator.String{stringvalidator.OneOf(systems.Names()...)},
			MarkdownDescription: "Sort of system, as in the resource's type without its prefix: `" + strings.Join(systems.Names(), "`, `") + "`.",
		},
		"name": schema.StringAttribute{Required: true, MarkdownDescription: "Name of the system, as in the resource."},
		"arguments": schema.DynamicAttribute{
			Required:            true,
			MarkdownDescription: "The resource's arguments beside the name, as an object. The system need not exist.",
		},
	}
	maps.Copy(attributes, own)
	return schema.Schema{MarkdownDescription: description, Attributes: attributes}
}

// blueprint describes the system. Arguments in over take the place of those
// that the user gave; their values are JSON.
func (d described) blueprint(ctx context.Context, data *composite.ProviderData, over map[string]json.RawMessage) (*blueprint.Blueprint, diag.Diagnostics) {
	system, arguments, diags := d.encoded(ctx)
	if diags.HasError() {
		return nil, diags
	}
	if arguments, diags = instead(arguments, over); diags.HasError() {
		return nil, diags
	}
	return system.Resource().Describe(ctx, d.Name.ValueString(), arguments, data.DefaultTags)
}

// encoded is the system, and its arguments as JSON.
func (d described) encoded(ctx context.Context) (systems.System, json.RawMessage, diag.Diagnostics) {
	system, known := systems.Find(d.System.ValueString())
	if !known {
		return system, nil, diag.Diagnostics{diag.NewAttributeErrorDiagnostic(path.Root("system"), "Unknown system",
			fmt.Sprintf("%q is none of %s.", d.System.ValueString(), strings.Join(systems.Names(), ", ")))}
	}
	arguments, err := composite.EncodeArguments(ctx, d.Arguments.UnderlyingValue())
	if err != nil {
		return system, nil, diag.Diagnostics{diag.NewAttributeErrorDiagnostic(path.Root("arguments"), "Invalid arguments", err.Error())}
	}
	return system, arguments, nil
}

// instead puts arguments in over in the place of others. What is no object is
// left for Describe to refuse.
func instead(arguments json.RawMessage, over map[string]json.RawMessage) (json.RawMessage, diag.Diagnostics) {
	var fields map[string]json.RawMessage
	if len(over) == 0 || json.Unmarshal(arguments, &fields) != nil || fields == nil {
		return arguments, nil
	}
	maps.Copy(fields, over)
	joined, err := json.Marshal(fields)
	if err != nil {
		return nil, diag.Diagnostics{diag.NewErrorDiagnostic("Cannot join the arguments", err.Error())}
	}
	return joined, nil
}
