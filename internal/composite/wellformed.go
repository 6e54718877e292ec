package composite

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// wellFormed reports whether the validators of the single arguments accept the
// configuration. The framework runs them too and tells what they find, after
// ValidateConfig: what they refuse must not be told again in the blueprint's
// words.
func (r *system[M]) wellFormed(ctx context.Context, config tfsdk.Config) bool {
	return !refused(ctx, config, path.Empty(), r.schema(ctx).Attributes).HasError()
}

// refused is what the validators of the single arguments find.
func refused(ctx context.Context, config tfsdk.Config, under path.Path, attributes map[string]schema.Attribute) diag.Diagnostics {
	var diags diag.Diagnostics
	for name, attribute := range attributes {
		at := under.AtName(name)
		switch a := attribute.(type) {
		case schema.StringAttribute:
			if a.CustomType != nil {
				continue
			}
			var v types.String
			diags.Append(config.GetAttribute(ctx, at, &v)...)
			for _, check := range a.Validators {
				var resp validator.StringResponse
				check.ValidateString(ctx, validator.StringRequest{Path: at, PathExpression: at.Expression(), Config: config, ConfigValue: v}, &resp)
				diags.Append(resp.Diagnostics...)
			}
		case schema.Int64Attribute:
			var v types.Int64
			diags.Append(config.GetAttribute(ctx, at, &v)...)
			for _, check := range a.Validators {
				var resp validator.Int64Response
				check.ValidateInt64(ctx, validator.Int64Request{Path: at, PathExpression: at.Expression(), Config: config, ConfigValue: v}, &resp)
				diags.Append(resp.Diagnostics...)
			}
		case schema.MapAttribute:
			var v types.Map
			diags.Append(config.GetAttribute(ctx, at, &v)...)
			for _, check := range a.Validators {
				var resp validator.MapResponse
				check.ValidateMap(ctx, validator.MapRequest{Path: at, PathExpression: at.Expression(), Config: config, ConfigValue: v}, &resp)
				diags.Append(resp.Diagnostics...)
			}
		case schema.SetAttribute:
			var v types.Set
			diags.Append(config.GetAttribute(ctx, at, &v)...)
			for _, check := range a.Validators {
				var resp validator.SetResponse
				check.ValidateSet(ctx, validator.SetRequest{Path: at, PathExpression: at.Expression(), Config: config, ConfigValue: v}, &resp)
				diags.Append(resp.Diagnostics...)
			}
		case schema.SingleNestedAttribute:
			var v types.Object
			diags.Append(config.GetAttribute(ctx, at, &v)...)
			if !v.IsNull() && !v.IsUnknown() {
				diags.Append(missing(at, v, a.Attributes)...)
				diags.Append(refused(ctx, config, at, a.Attributes)...)
			}
		case schema.MapNestedAttribute:
			var v types.Map
			diags.Append(config.GetAttribute(ctx, at, &v)...)
			for _, check := range a.Validators {
				var resp validator.MapResponse
				check.ValidateMap(ctx, validator.MapRequest{Path: at, PathExpression: at.Expression(), Config: config, ConfigValue: v}, &resp)
				diags.Append(resp.Diagnostics...)
			}
			for key := range v.Elements() {
				diags.Append(refused(ctx, config, at.AtMapKey(key), a.NestedObject.Attributes)...)
			}
		}
	}
	return diags
}

// missing tells the arguments that an object must have and does not. Terraform
// tells so itself where the object is in a resource.
func missing(at path.Path, object types.Object, attributes map[string]schema.Attribute) diag.Diagnostics {
	var diags diag.Diagnostics
	for name, value := range object.Attributes() {
		if a, ok := attributes[name]; ok && a.IsRequired() && value.IsNull() {
			diags.AddAttributeError(at.AtName(name), "Missing argument", "The argument is required.")
		}
	}
	return diags
}
