package provider

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
)

// deployPolicy is the data source serverless_deploy_policy.
type deployPolicy struct{ composite.Configured }

type deployPolicyModel struct {
	described

	Mode      types.String `tfsdk:"mode"`
	AccountID types.String `tfsdk:"account_id"`
	Region    types.String `tfsdk:"region"`
	Policies  types.List   `tfsdk:"policies"`
	Boundary  types.String `tfsdk:"boundary"`
}

func newDeployPolicy() datasource.DataSource { return &deployPolicy{} }

func (*deployPolicy) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_deploy_policy"
}

var accountPattern = regexp.MustCompile(`^([0-9]{12}|\*)$`)

func (*deployPolicy) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = describedSchema(deployPolicyDescription, map[string]schema.Attribute{
		"mode": schema.StringAttribute{
			Optional: true, Validators: []validator.String{stringvalidator.OneOf(string(deploy.ModePlan), string(deploy.ModeApply))},
			MarkdownDescription: "`apply` (default): plan, apply and destroy. `plan`: plan, refresh and import.",
		},
		"account_id": schema.StringAttribute{
			Optional: true, Validators: []validator.String{stringvalidator.RegexMatches(accountPattern, "must have twelve digits, or be * for any account")},
			MarkdownDescription: "Account that the system will be in; by default the provider's. `*` for any.",
		},
		"region": schema.StringAttribute{Optional: true, MarkdownDescription: "Region that the system will be in; by default the provider's."},
		"policies": schema.ListAttribute{Computed: true, ElementType: types.StringType,
			MarkdownDescription: fmt.Sprintf("Policy documents, as JSON; more than one where IAM's limit of %d characters for a managed policy asks for it.", deploy.MaxPolicyLength)},
		"boundary": schema.StringAttribute{Computed: true,
			MarkdownDescription: "A document for the permissions boundary of the system's roles: all that they may do together. Make a policy of it, and give its ARN as `permissions_boundary_arn` to the system and to this data source: the deployer can then make no role that may do more."},
	})
}

const deployPolicyDescription = "The least IAM policy with which Terraform can manage a system. It is made from the very description that is deployed: every kind of part knows the actions that it takes, and every name is known beforehand.\n\n" +
	"With `permissions_boundary_arn` among the arguments, roles may be made with that boundary only."

func (p *deployPolicy) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m deployPolicyModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	b, diags := m.blueprint(ctx, p.Data, nil)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	place, err := p.place(ctx, m)
	if err != nil {
		resp.Diagnostics.AddError("Cannot tell the account and region", err.Error())
		return
	}
	mode := deploy.ModeApply
	if !m.Mode.IsNull() {
		mode = deploy.Mode(m.Mode.ValueString())
	}
	documents, err := deploy.Policies(place, mode, b)
	if err != nil {
		resp.Diagnostics.AddError("Cannot write the policy", err.Error())
		return
	}
	boundary, err := deploy.Boundary(place, b)
	if err != nil {
		resp.Diagnostics.AddError("Cannot write the permissions boundary", err.Error())
		return
	}
	policies := make([]attr.Value, 0, len(documents))
	for _, d := range documents {
		policies = append(policies, types.StringValue(d.JSON()))
	}
	m.Policies, m.Boundary = types.ListValueMust(types.StringType, policies), types.StringValue(boundary.JSON())
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// place is where the system will be: where the provider works, unless the
// arguments say otherwise.
func (p *deployPolicy) place(ctx context.Context, m deployPolicyModel) (blueprint.Place, error) {
	if p.Data.Unknown {
		return blueprint.Place{}, errors.New("the provider's configuration depends on values that are known only after apply")
	}
	place, err := p.Data.Engine.Place(ctx)
	if err != nil {
		return place, err
	}
	if !m.AccountID.IsNull() {
		place.Account = m.AccountID.ValueString()
	}
	if !m.Region.IsNull() {
		place.Region = m.Region.ValueString()
	}
	return place, nil
}
