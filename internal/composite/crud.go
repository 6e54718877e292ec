package composite

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
)

// defaultTimeout of each operation: IAM, DynamoDB and Lambda in a row take
// minutes at worst, a name of a queue is blocked for one, and a change of a
// distribution reaches all edges after some more.
const defaultTimeout = 30 * time.Minute

func (r *system[M]) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m M
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...); resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	limit, diags := r.def.Common(&m).Timeouts.Create(ctx, defaultTimeout)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	res := r.apply(ctx, &m, req.Plan, deploy.Input{Create: true}, &resp.Diagnostics)
	if !res.Exists {
		return
	}
	resp.Diagnostics.Append(r.save(ctx, &resp.State, req.Plan.Raw, res, r.def.Common(&m).FunctionsSHA256)...)
	resp.Diagnostics.Append(remember(ctx, resp.Private, res.Manifest)...)
	resp.Diagnostics.Append(setIdentity(ctx, resp.Identity, r.def.Common(&m).Name, res)...)
}

func (r *system[M]) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m, before M
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &before)...)
	if resp.Diagnostics.HasError() || !r.ready(&resp.Diagnostics) {
		return
	}
	limit, diags := r.def.Common(&m).Timeouts.Update(ctx, defaultTimeout)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	prior := r.def.Common(&before)
	if resp.Diagnostics.Append(r.checkPlace(ctx, prior)...); resp.Diagnostics.HasError() {
		return
	}
	in := deploy.Input{Digests: stringsOf(prior.Parts), Deployment: recall(ctx, req.Private), Drift: stringsOf(prior.Drift)}
	in.Readers, diags = r.readers(ctx, req.State)
	resp.Diagnostics.Append(diags...)
	in.Overrides, diags = overridesOf(ctx, prior.Overrides)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	res := r.apply(ctx, &m, req.Plan, in, &resp.Diagnostics)
	if !res.Exists {
		return
	}
	resp.Diagnostics.Append(r.save(ctx, &resp.State, req.Plan.Raw, res, r.def.Common(&m).FunctionsSHA256)...)
	resp.Diagnostics.Append(remember(ctx, resp.Private, res.Manifest)...)
	resp.Diagnostics.Append(setIdentity(ctx, resp.Identity, r.def.Common(&m).Name, res)...)
}

// apply builds the blueprint of a known plan and lets the engine apply it.
func (r *system[M]) apply(ctx context.Context, m *M, plan tfsdk.Plan, in deploy.Input, diags *diag.Diagnostics) deploy.Result {
	b, d := r.blueprint(ctx, m, r.data.DefaultTags, r.def.Common(m).FunctionsSHA256.ValueString())
	if diags.Append(d...); diags.HasError() {
		return deploy.Result{}
	}
	if r.appendProblems(diags, b.Validate()); diags.HasError() {
		return deploy.Result{}
	}
	arguments, err := r.arguments(ctx, plan.Raw)
	if err != nil {
		diags.AddError("Cannot record the arguments", err.Error())
		return deploy.Result{}
	}
	in.Blueprint, in.Arguments = b, arguments
	res := r.data.Engine.Apply(ctx, in)
	r.appendFailures(diags, res.Failures)
	return res
}

func (r *system[M]) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m M
	if r.data != nil && r.data.Unknown {
		// Nothing can be asked yet, so a plan starts from the state as it is.
		if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); !resp.Diagnostics.HasError() {
			c := r.def.Common(&m)
			resp.Diagnostics.Append(setIdentity(ctx, resp.Identity, c.Name, deploy.Result{Region: c.Region.ValueString(), Account: c.AccountID.ValueString()})...)
		}
		return
	}
	c, in, ctx, cancel := r.deployed(ctx, &m, req.State, timeouts.Value.Read, &resp.Diagnostics)
	defer cancel()
	if resp.Diagnostics.HasError() {
		return
	}
	in.Deployment = recall(ctx, req.Private)
	res := r.data.Engine.Observe(ctx, in)
	if r.appendFailures(&resp.Diagnostics, res.Failures); resp.Diagnostics.HasError() {
		return
	}
	if !res.Exists {
		resp.State.RemoveResource(ctx)
		return
	}
	resp.Diagnostics.Append(r.save(ctx, &resp.State, req.State.Raw, res, c.FunctionsSHA256)...)
	// At today's prices, so that a newer price list is no change to apply.
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, at(costAttribute), r.cost(in.Blueprint))...)
	resp.Diagnostics.Append(remember(ctx, resp.Private, res.Manifest)...)
	resp.Diagnostics.Append(setIdentity(ctx, resp.Identity, c.Name, res)...)
}

func (r *system[M]) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m M
	c, in, ctx, cancel := r.deployed(ctx, &m, req.State, timeouts.Value.Delete, &resp.Diagnostics)
	defer cancel()
	if resp.Diagnostics.HasError() {
		return
	}
	arguments, err := r.arguments(ctx, req.State.Raw)
	if err != nil {
		resp.Diagnostics.AddError("Cannot record the arguments", err.Error())
		return
	}
	in.Arguments, in.Deployment = arguments, recall(ctx, req.Private)
	res := r.data.Engine.Destroy(ctx, in)
	r.appendFailures(&resp.Diagnostics, res.Failures)
	for _, text := range res.Lingering {
		resp.Diagnostics.AddWarning("AWS keeps a part of the destroyed system for a while", text+".")
	}
	if res.Exists && res.Digests != nil {
		resp.Diagnostics.Append(r.save(ctx, &resp.State, req.State.Raw, res, c.FunctionsSHA256)...)
	}
}

// deployed reads a system from the state into m and describes it. The returned
// context ends when the time for the operation does. Where the diagnostics have
// an error, the rest is not to be used but for cancel.
func (r *system[M]) deployed(
	ctx context.Context, m *M, state tfsdk.State, allowed func(timeouts.Value, context.Context, time.Duration) (time.Duration, diag.Diagnostics), diags *diag.Diagnostics,
) (*Common, deploy.Input, context.Context, context.CancelFunc) {
	none := func() {}
	if diags.Append(state.Get(ctx, m)...); diags.HasError() || !r.ready(diags) {
		return nil, deploy.Input{}, ctx, none
	}
	c := r.def.Common(m)
	limit, d := allowed(c.Timeouts, ctx, defaultTimeout)
	if diags.Append(d...); diags.HasError() {
		return nil, deploy.Input{}, ctx, none
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	if diags.Append(r.checkPlace(ctx, c)...); diags.HasError() {
		return nil, deploy.Input{}, ctx, cancel
	}
	b, d := r.blueprint(ctx, m, r.data.DefaultTags, c.FunctionsSHA256.ValueString())
	diags.Append(d...)
	overrides, d := overridesOf(ctx, c.Overrides)
	diags.Append(d...)
	readers, d := r.readers(ctx, state)
	diags.Append(d...)
	return c, deploy.Input{Blueprint: b, Digests: stringsOf(c.Parts), Overrides: overrides, Readers: readers}, ctx, cancel
}

// readers returns what a state has of who reads which items; nothing for a
// system without readers.
func (r *system[M]) readers(ctx context.Context, state tfsdk.State) (map[string]string, diag.Diagnostics) {
	if _, has := r.def.Attributes[blueprint.ReadersOutput]; !has || state.Raw.IsNull() {
		return nil, nil
	}
	var m types.Map
	diags := state.GetAttribute(ctx, at(blueprint.ReadersOutput), &m)
	return stringsOf(m), diags
}

// checkPlace refuses to look for a system in another account or region than the
// one it was deployed in: there it would seem to be gone.
func (r *system[M]) checkPlace(ctx context.Context, c *Common) diag.Diagnostics {
	var diags diag.Diagnostics
	place, err := r.data.Engine.Place(ctx)
	if err != nil {
		r.appendFailures(&diags, []deploy.Failure{deploy.ConfigurationFailure(err)})
		return diags
	}
	if had := c.Region.ValueString(); had != "" && had != place.Region {
		diags.AddAttributeError(at("region"), "The provider works in another region",
			fmt.Sprintf("%s %q was deployed in %s; the provider is configured for %s. Set the provider's region back, or destroy the system there first, or give this resource a provider alias for %s.", r.def.System.Name, c.Name.ValueString(), had, place.Region, had))
	}
	if had := c.AccountID.ValueString(); had != "" && had != place.Account {
		diags.AddAttributeError(at("account_id"), "The credentials belong to another account",
			fmt.Sprintf("%s %q was deployed in account %s; the credentials belong to %s. Use credentials of account %s.", r.def.System.Name, c.Name.ValueString(), had, place.Account, had))
	}
	return diags
}

// save writes the state once, with exactly what exists: the arguments of raw
// and the known results. Nothing in it is unknown.
func (r *system[M]) save(ctx context.Context, state *tfsdk.State, raw tftypes.Value, res deploy.Result, functions types.String) diag.Diagnostics {
	var diags diag.Diagnostics
	prior := map[string]tftypes.Value{}
	if err := raw.As(&prior); err != nil {
		diags.AddError("Cannot write the state", err.Error())
		return diags
	}
	for name, v := range prior {
		if r.isOutput(ctx, name) && !v.IsFullyKnown() {
			prior[name] = tftypes.NewValue(v.Type(), nil)
		}
	}
	state.Raw = tftypes.NewValue(raw.Type(), prior)
	set := func(name string, value any) { diags.Append(state.SetAttribute(ctx, at(name), value)...) }
	set("parts", stringMap(res.Digests))
	set("drift", stringMap(res.Drift))
	set("overrides", overrideMap(res.Overrides))
	set("region", res.Region)
	set("account_id", res.Account)
	if res.Manifest != nil && res.Manifest.BundleSHA256 != "" {
		set("functions_sha256", res.Manifest.BundleSHA256)
	} else {
		set("functions_sha256", functions)
	}
	for _, name := range r.outputs() {
		if v, ok := res.Outputs[name]; ok {
			set(name, v)
		} else if values, ok := res.OutputMaps[name]; ok {
			set(name, stringMap(values))
		}
	}
	return diags
}

func setIdentity(ctx context.Context, identity *tfsdk.ResourceIdentity, name types.String, res deploy.Result) diag.Diagnostics {
	if identity == nil {
		return nil
	}
	var diags diag.Diagnostics
	diags.Append(identity.SetAttribute(ctx, at("name"), name)...)
	diags.Append(identity.SetAttribute(ctx, at("region"), res.Region)...)
	diags.Append(identity.SetAttribute(ctx, at("account_id"), res.Account)...)
	return diags
}

// stringsOf returns a map of texts as Go has it; null and unknown are empty.
func stringsOf(m types.Map) map[string]string {
	out := map[string]string{}
	for k, v := range m.Elements() {
		if s, ok := v.(types.String); ok && !s.IsUnknown() {
			out[k] = s.ValueString()
		}
	}
	return out
}

func stringMap(values map[string]string) types.Map {
	elements := map[string]attr.Value{}
	for k, v := range values {
		elements[k] = types.StringValue(v)
	}
	return types.MapValueMust(types.StringType, elements)
}
