package composite

import (
	"context"
	"slices"

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
	return accepted(ctx, config, path.Empty(), r.schema(ctx).Attributes)
}

func accepted(ctx context.Context, config tfsdk.Config, under path.Path, attributes map[string]schema.Attribute) bool {
	for name, attribute := range attributes {
		at := under.AtName(name)
		switch a := attribute.(type) {
		case schema.StringAttribute:
			if a.CustomType != nil {
				continue
			}
			var v types.String
			if config.GetAttribute(ctx, at, &v).HasError() || !pass(a.Validators, func(check validator.String) diag.Diagnostics {
				var resp validator.StringResponse
				check.ValidateString(ctx, validator.StringRequest{Path: at, PathExpression: at.Expression(), Config: config, ConfigValue: v}, &resp)
				return resp.Diagnostics
			}) {
				return false
			}
		case schema.Int64Attribute:
			var v types.Int64
			if config.GetAttribute(ctx, at, &v).HasError() || !pass(a.Validators, func(check validator.Int64) diag.Diagnostics {
				var resp validator.Int64Response
				check.ValidateInt64(ctx, validator.Int64Request{Path: at, PathExpression: at.Expression(), Config: config, ConfigValue: v}, &resp)
				return resp.Diagnostics
			}) {
				return false
			}
		case schema.MapAttribute:
			var v types.Map
			if config.GetAttribute(ctx, at, &v).HasError() || !pass(a.Validators, func(check validator.Map) diag.Diagnostics {
				var resp validator.MapResponse
				check.ValidateMap(ctx, validator.MapRequest{Path: at, PathExpression: at.Expression(), Config: config, ConfigValue: v}, &resp)
				return resp.Diagnostics
			}) {
				return false
			}
		case schema.MapNestedAttribute:
			var v types.Map
			if config.GetAttribute(ctx, at, &v).HasError() {
				return false
			}
			for key := range v.Elements() {
				if !accepted(ctx, config, at.AtMapKey(key), a.NestedObject.Attributes) {
					return false
				}
			}
		}
	}
	return true
}

// pass reports whether no validator finds an error.
func pass[V any](validators []V, check func(V) diag.Diagnostics) bool {
	return !slices.ContainsFunc(validators, func(v V) bool { return check(v).HasError() })
}
