package composite

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
)

// ModifyPlan says exactly what an apply will change: every part by name, every
// output that will be another. What it plans it asks nobody for, reads no clock,
// and says the same when Terraform runs it again during apply; only the warnings
// about an expected load ask AWS.
func (r *system[M]) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		r.planDestroy(ctx, req, resp)
		return
	}
	if r.data == nil || r.data.Unknown || r.undecided(ctx, req.Plan.Raw) {
		r.planUnknown(ctx, resp)
		return
	}
	var m, before M
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	var prior *Common
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &before)...)
		prior = r.def.Common(&before)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	c := r.def.Common(&m)
	// The name alone forces replacement. The framework does not tell ModifyPlan
	// what the plan modifiers of attributes have found.
	replaced := prior != nil && !prior.Name.Equal(c.Name)
	if replaced {
		r.protect(ctx, &before, resp)
		// What is planned is the new system.
		prior = nil
	}
	bundle, err := r.bundle(ctx, c, prior)
	if err != nil {
		resp.Diagnostics.AddError("Cannot find the functions", err.Error())
		return
	}
	b, diags := r.blueprint(ctx, &m, r.data.DefaultTags, bundle)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	if r.appendProblems(&resp.Diagnostics, b.Validate()); resp.Diagnostics.HasError() {
		return
	}
	var state deploy.Prior
	if prior != nil {
		state = deploy.Prior{Digests: stringsOf(prior.Parts), Drift: stringsOf(prior.Drift), ForceDestroy: prior.ForceDestroy.ValueBool()}
	}
	planned := deploy.Plan(b, state)
	if r.appendFailures(&resp.Diagnostics, planned.Failures); resp.Diagnostics.HasError() {
		return
	}
	set := func(name string, value any) { resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, at(name), value)...) }
	set("functions_sha256", bundle)
	set("drift", stringMap(nil))
	overrides := r.planOverrides(ctx, b, prior, resp)
	set("overrides", overrideMap(b.Overrides(overrides)))
	parts := map[string]attr.Value{}
	for key, digest := range planned.Digests {
		parts[key] = types.StringPointerValue(digest)
		if digest == nil {
			parts[key] = types.StringUnknown()
		}
	}
	set("parts", types.MapValueMust(types.StringType, parts))
	if prior != nil {
		set("region", prior.Region)
		set("account_id", prior.AccountID)
	} else {
		set("region", types.StringUnknown())
		set("account_id", types.StringUnknown())
	}
	applied := &blueprint.Blueprint{}
	var deployed *blueprint.Blueprint
	if prior != nil {
		if r.def.Change != nil {
			resp.Diagnostics.Append(r.def.Change(&before, &m)...)
		}
		deployed = b
		// What an earlier version made of the arguments is no reason to refuse a plan.
		if was, diags := r.blueprint(ctx, &before, r.data.DefaultTags, prior.FunctionsSHA256.ValueString()); !diags.HasError() {
			applied, deployed = was, was
			planLowering(applied, b, resp)
			r.planReaders(ctx, applied, b, prior, req.State, resp)
		}
	}
	r.planOutputs(ctx, b, applied, planned, overrides, prior != nil, req, resp)
	resp.Diagnostics.Append(r.planCost(ctx, b, &resp.Plan, deployed)...)
	if prior != nil {
		resp.Diagnostics.Append(keepCost(ctx, &resp.Plan, req.State)...)
	}
}

// planOutputs keeps every output that is what it was and whose parts stay, and
// makes unknown those that are of other parts than were applied, or whose parts
// are made.
func (r *system[M]) planOutputs(ctx context.Context, b, applied *blueprint.Blueprint, planned deploy.Planned, overrides map[string]blueprint.Override, exists bool, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	for _, name := range r.outputs() {
		if name == blueprint.ReadersOutput && b.Readership != nil {
			// Who reads is as it was last seen: an apply does not change it.
			readers, diags := r.readers(ctx, req.State)
			resp.Diagnostics.Append(diags...)
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, at(name), stringMap(readers))...)
			continue
		}
		if values, isMap := b.OutputMaps[name]; isMap {
			before := types.MapNull(types.StringType)
			if exists {
				resp.Diagnostics.Append(req.State.GetAttribute(ctx, at(name), &before)...)
			}
			elements := map[string]attr.Value{}
			for k, text := range values {
				elements[k] = plannedText(b.InForce(text, overrides), planned, before.Elements()[k], text == applied.OutputMaps[name][k])
			}
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, at(name), types.MapValueMust(types.StringType, elements))...)
			continue
		}
		before := types.StringNull()
		if exists {
			resp.Diagnostics.Append(req.State.GetAttribute(ctx, at(name), &before)...)
		}
		text, there := b.Outputs[name]
		next := types.StringNull()
		if there {
			next = plannedText(b.InForce(text, overrides), planned, before, text == applied.Outputs[name])
		}
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, at(name), next)...)
	}
}

// plannedText is what the plan knows of an output. One of parts that stay keeps
// its value, if it had one and is the same as was applied.
func plannedText(text string, planned deploy.Planned, before attr.Value, same bool) types.String {
	if !blueprint.HasToken(text) {
		return types.StringValue(text)
	}
	had, ok := before.(types.String)
	if !same || planned.Unknown(text) || !ok || had.IsNull() {
		return types.StringUnknown()
	}
	return had
}

// planLowering says where an argument was lowered that AWS never lowers.
func planLowering(applied, b *blueprint.Blueprint, resp *resource.ModifyPlanResponse) {
	for _, line := range blueprint.Lowering(applied, b) {
		resp.Diagnostics.AddWarning("AWS does not lower this", fmt.Sprintf("The %s. AWS raises it and never lowers it: what exists stays as it is, at no further cost.", line))
	}
}

// planReaders refuses in the plan what an apply would refuse: to take away what
// is read.
func (r *system[M]) planReaders(ctx context.Context, applied, b *blueprint.Blueprint, prior *Common, state tfsdk.State, resp *resource.ModifyPlanResponse) {
	gone := b.Gone(applied)
	if len(gone) == 0 || prior.ForceDestroy.ValueBool() {
		return
	}
	readers, diags := r.readers(ctx, state)
	resp.Diagnostics.Append(diags...)
	if f := deploy.InUse(gone, readers); f != nil {
		r.appendFailures(&resp.Diagnostics, []deploy.Failure{*f})
	}
}

// planUnknown leaves open what cannot be told yet.
func (r *system[M]) planUnknown(ctx context.Context, resp *resource.ModifyPlanResponse) {
	for name, a := range r.schema(ctx).Attributes {
		if !a.IsComputed() || a.IsOptional() {
			continue
		}
		var unknown attr.Value = types.StringUnknown()
		switch t := a.GetType().(type) {
		case types.MapType:
			unknown = types.MapUnknown(t.ElemType)
		case types.ObjectType:
			unknown = types.ObjectUnknown(t.AttrTypes)
		}
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, at(name), unknown)...)
	}
}

// bundle returns the digest of the functions to deploy: the provider's, or the
// deployed ones where they are held.
func (r *system[M]) bundle(ctx context.Context, c, prior *Common) (string, error) {
	if c.HoldFunctions.ValueBool() && prior != nil && prior.FunctionsSHA256.ValueString() != "" {
		if prior.Architecture.ValueString() != c.Architecture.ValueString() {
			return "", fmt.Errorf("architecture cannot change while hold_functions = true: the deployed functions are built for %s", prior.Architecture.ValueString())
		}
		return prior.FunctionsSHA256.ValueString(), nil
	}
	return r.data.Bundles.SHA256(ctx, r.def.System.Name, c.Architecture.ValueString())
}

func (r *system[M]) planDestroy(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var m M
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	r.protect(ctx, &m, resp)
	if readers, diags := r.readers(ctx, req.State); len(readers) > 0 && !diags.HasError() && resp.Diagnostics.HasError() {
		r.appendFailures(&resp.Diagnostics, []deploy.Failure{*deploy.InUse(slices.Sorted(maps.Keys(readers)), readers)})
	}
}

// protect refuses in the plan what Delete would refuse: destroying parts that
// bear data without force_destroy.
func (r *system[M]) protect(ctx context.Context, m *M, resp *resource.ModifyPlanResponse) {
	c := r.def.Common(m)
	if c.ForceDestroy.ValueBool() {
		return
	}
	b, diags := r.blueprint(ctx, m, nil, c.FunctionsSHA256.ValueString())
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	digests := stringsOf(c.Parts)
	for _, p := range b.Parts {
		if digest, there := digests[p.Key]; !there || digest == deploy.Incomplete {
			// The first apply never finished: nobody's data is in it.
			return
		}
	}
	r.appendFailures(&resp.Diagnostics, deploy.PlanDestroy(b, digests))
}
