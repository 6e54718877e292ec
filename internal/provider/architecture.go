package provider

import (
	"context"

	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// architecture is the data source serverless_architecture.
type architecture struct{ composite.Configured }

type architectureModel struct {
	described

	Mermaid types.String `tfsdk:"mermaid"`
}

func newArchitecture() datasource.DataSource { return &architecture{} }

func (*architecture) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_architecture"
}

func (*architecture) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = describedSchema("A picture of a system, drawn from the very description that is deployed. Nothing is asked of AWS.", map[string]schema.Attribute{
		"mermaid": schema.StringAttribute{Computed: true, MarkdownDescription: "The picture as a Mermaid flowchart, which GitHub, GitLab and many wikis draw."},
	})
}

func (a *architecture) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m architectureModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	b, diags := m.blueprint(ctx, a.Data, nil)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	m.Mermaid = types.StringValue(b.Diagram())
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}
