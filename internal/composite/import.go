package composite

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
)

// ImportState rebuilds all arguments from the manifest, by the system's name.
// The read that follows adds what is computed.
func (r *system[M]) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	if !r.ready(&resp.Diagnostics) {
		return
	}
	name := req.ID
	if name == "" && req.Identity != nil {
		var given, region, account types.String
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, at("name"), &given)...)
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, at("region"), &region)...)
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, at("account_id"), &account)...)
		if resp.Diagnostics.HasError() {
			return
		}
		name = given.ValueString()
		if resp.Diagnostics.Append(r.checkPlace(ctx, &Common{Name: given, Region: region, AccountID: account})...); resp.Diagnostics.HasError() {
			return
		}
	}
	if err := blueprint.CheckName(name); err != nil {
		resp.Diagnostics.AddError("Cannot import by this id", fmt.Sprintf("Give the name of the system: %s.", err))
		return
	}
	place, err := r.data.Engine.Place(ctx)
	if err != nil {
		r.appendFailures(&resp.Diagnostics, []deploy.Failure{deploy.ConfigurationFailure(err)})
		return
	}
	m, err := r.data.Engine.Manifest(ctx, r.def.System, name)
	switch {
	case err != nil:
		resp.Diagnostics.AddError("Cannot read the manifest", err.Error())
		return
	case m == nil:
		resp.Diagnostics.AddError("Nothing to import", fmt.Sprintf("In account %s, region %s there is no %s named %q (no parameter %s). Check the name, the provider's region and the credentials.",
			place.Account, place.Region, r.def.System.Name, name, deploy.Path(r.def.System, name)))
		return
	}
	t := r.schema(ctx).Type().TerraformType(ctx)
	raw, err := decodeArguments(t, m.Arguments)
	if err != nil {
		resp.Diagnostics.AddError("Cannot import", err.Error())
		return
	}
	resp.State.Raw = raw
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, at("functions_sha256"), m.BundleSHA256)...)
	resp.Diagnostics.Append(remember(ctx, resp.Private, m)...)
	resp.Diagnostics.Append(setIdentity(ctx, resp.Identity, types.StringValue(name), deploy.Result{Account: place.Account, Region: place.Region})...)
}
