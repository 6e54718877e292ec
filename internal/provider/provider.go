// Package provider is the Terraform provider's own block: who works where, and
// from which functions. The resources are the registered systems.
package provider

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/bundle"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/preflight"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// Address is the provider's address in a registry, without the host.
const Address = "burstline/serverless"

// New returns the provider of a version.
func New(version string) func() provider.Provider {
	return func() provider.Provider {
		return &serverless{version: version, carried: &bundle.Shared{Bundles: bundle.Prebuilt{}}, holder: deploy.Self()}
	}
}

type serverless struct {
	version string
	// carried are the functions that are deployed where source is not set.
	carried composite.Bundles
	// holder describes this process in the claims that it makes.
	holder deploy.Holder
}

type model struct {
	Region                 types.String `tfsdk:"region"`
	Profile                types.String `tfsdk:"profile"`
	AccessKey              types.String `tfsdk:"access_key"`
	SecretKey              types.String `tfsdk:"secret_key"`
	Token                  types.String `tfsdk:"token"`
	SharedConfigFiles      types.List   `tfsdk:"shared_config_files"`
	SharedCredentialsFiles types.List   `tfsdk:"shared_credentials_files"`
	AllowedAccountIDs      types.Set    `tfsdk:"allowed_account_ids"`
	Endpoint               types.String `tfsdk:"endpoint"`
	S3UsePathStyle         types.Bool   `tfsdk:"s3_use_path_style"`
	MaxRetries             types.Int64  `tfsdk:"max_retries"`
	RetryMode              types.String `tfsdk:"retry_mode"`
	HTTPProxy              types.String `tfsdk:"http_proxy"`
	HTTPSProxy             types.String `tfsdk:"https_proxy"`
	NoProxy                types.String `tfsdk:"no_proxy"`
	CustomCABundle         types.String `tfsdk:"custom_ca_bundle"`
	Insecure               types.Bool   `tfsdk:"insecure"`
	SkipRegionValidation   types.Bool   `tfsdk:"skip_region_validation"`
	Source                 types.String `tfsdk:"source"`
	PriceFile              types.String `tfsdk:"price_file"`
	AssumeRole             types.List   `tfsdk:"assume_role"`
	DefaultTags            types.List   `tfsdk:"default_tags"`
	Endpoints              types.List   `tfsdk:"endpoints"`
}

type assumeRoleModel struct {
	RoleARN     types.String         `tfsdk:"role_arn"`
	SessionName types.String         `tfsdk:"session_name"`
	ExternalID  types.String         `tfsdk:"external_id"`
	Duration    timetypes.GoDuration `tfsdk:"duration"`
}

type defaultTagsModel struct {
	Tags types.Map `tfsdk:"tags"`
}

func (p *serverless) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName, resp.Version = "serverless", p.version
}

func (p *serverless) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: description}
	}
	flag := func(description string) schema.BoolAttribute {
		return schema.BoolAttribute{Optional: true, MarkdownDescription: description}
	}
	secret := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: description}
	}
	endpoints := map[string]schema.Attribute{}
	for _, service := range awsclient.Services {
		endpoints[service] = text("URL of " + service + ".")
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Deploys whole serverless systems that survive a burst, each as one resource, to AWS. The functions come with the provider: using it needs neither Go nor Docker nor Node.",
		Attributes: map[string]schema.Attribute{
			"region":                   text("AWS region. Otherwise `AWS_REGION`, or the profile's."),
			"profile":                  text("Profile of the shared configuration files. Otherwise `AWS_PROFILE`."),
			"access_key":               secret("Access key. Better: the environment, a profile or a role."),
			"secret_key":               secret("Secret key that belongs to the access key."),
			"token":                    secret("Session token that belongs to temporary keys."),
			"shared_config_files":      schema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Shared configuration files; by default `~/.aws/config`."},
			"shared_credentials_files": schema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Shared credentials files; by default `~/.aws/credentials`."},
			"allowed_account_ids":      schema.SetAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Accounts to work in; any other is refused before anything is called."},
			"endpoint":                 text("URL for all services, for instance of a local AWS. S3 is then addressed by path unless `s3_use_path_style = false`."),
			"s3_use_path_style":        flag("Whether buckets are addressed by path rather than by host name."),
			"max_retries":              schema.Int64Attribute{Optional: true, MarkdownDescription: "Attempts of each call to AWS. Default 10."},
			"retry_mode":               schema.StringAttribute{Optional: true, MarkdownDescription: "`standard` (default) or `adaptive`.", Validators: []validator.String{stringvalidator.OneOf("standard", "adaptive")}},
			"http_proxy":               text("Proxy for HTTP. Otherwise `HTTP_PROXY`."),
			"https_proxy":              text("Proxy for HTTPS. Otherwise `HTTPS_PROXY`."),
			"no_proxy":                 text("Hosts to reach without proxy. Otherwise `NO_PROXY`."),
			"custom_ca_bundle":         text("File with certificate authorities to trust. Otherwise `AWS_CA_BUNDLE`."),
			"insecure":                 flag("Whether to accept any certificate. Never against AWS."),
			"skip_region_validation":   flag("Whether to accept a region that this version of the provider does not know."),
			"price_file":               text("JSON file with the prices that costs are estimated with, instead of the provider's own. It has a price for every dimension; start from the provider's `internal/preflight/prices.json`."),
			"source":                   text("Checkout of the provider from which to build the functions, with the Go toolchain, instead of using the prebuilt ones."),
		},
		Blocks: map[string]schema.Block{
			"assume_role": schema.ListNestedBlock{
				MarkdownDescription: "Role to assume; several are assumed one from the other, in order.",
				NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
					"role_arn":     schema.StringAttribute{Required: true, MarkdownDescription: "ARN of the role."},
					"session_name": text("Name of the session."),
					"external_id":  text("External id that the role asks for."),
					"duration":     schema.StringAttribute{Optional: true, CustomType: timetypes.GoDurationType{}, MarkdownDescription: "Length of the session, for instance `1h`."},
				}},
			},
			"default_tags": schema.ListNestedBlock{
				MarkdownDescription: "Tags of every part of every system.",
				Validators:          []validator.List{listvalidator.SizeAtMost(1)},
				NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
					"tags": schema.MapAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "The tags. A resource's own `tags` win."},
				}},
			},
			"endpoints": schema.ListNestedBlock{
				MarkdownDescription: "URLs for single services.",
				Validators:          []validator.List{listvalidator.SizeAtMost(1)},
				NestedObject:        schema.NestedBlockObject{Attributes: endpoints},
			},
		},
	}
}

func (p *serverless) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	if !req.Config.Raw.IsFullyKnown() {
		resp.ResourceData = &composite.ProviderData{Unknown: true}
		resp.DataSourceData = resp.ResourceData
		return
	}
	var m model
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	config := p.config(ctx, m, resp)
	tags := p.defaultTags(ctx, m, resp)
	bundles := p.bundles(m, resp)
	prices := preflight.Builtin()
	if file := m.PriceFile.ValueString(); file != "" {
		var err error
		if prices, err = preflight.ReadPrices(file); err != nil {
			resp.Diagnostics.AddAttributeError(path.Root("price_file"), "Unusable price file", err.Error()+".")
		}
	}
	if resp.Diagnostics.HasError() {
		return
	}
	client, failure := awsclient.New(ctx, config)
	if failure == nil {
		failure = client.Check(ctx)
	}
	if failure != nil {
		if failure.Attribute != "" {
			resp.Diagnostics.AddAttributeError(path.Root(failure.Attribute), failure.Summary, failure.Detail)
		} else {
			resp.Diagnostics.AddError(failure.Summary, failure.Detail)
		}
		return
	}
	engine := deploy.New(client, bundles.Content, p.version)
	engine.Holder = p.holder
	data := &composite.ProviderData{
		Engine: engine, DefaultTags: tags, Bundles: bundles, Prices: prices, Quotas: &preflight.Account{AWS: client},
	}
	resp.ResourceData, resp.DataSourceData = data, data
}

func (p *serverless) config(ctx context.Context, m model, resp *provider.ConfigureResponse) awsclient.Config {
	c := awsclient.Config{
		Region: m.Region.ValueString(), Profile: m.Profile.ValueString(),
		AccessKey: m.AccessKey.ValueString(), SecretKey: m.SecretKey.ValueString(), Token: m.Token.ValueString(),
		Endpoint: m.Endpoint.ValueString(), Endpoints: map[string]string{},
		PathStyle: m.S3UsePathStyle.ValueBool(), MaxRetries: int(m.MaxRetries.ValueInt64()), RetryMode: m.RetryMode.ValueString(),
		HTTPProxy: m.HTTPProxy.ValueString(), HTTPSProxy: m.HTTPSProxy.ValueString(), NoProxy: m.NoProxy.ValueString(),
		CABundle: m.CustomCABundle.ValueString(), Insecure: m.Insecure.ValueBool(),
		SkipRegionValidation: m.SkipRegionValidation.ValueBool(), Version: p.version,
	}
	if c.Endpoint == "" {
		// The variable that AWS's own tools know.
		c.Endpoint = os.Getenv("AWS_ENDPOINT_URL")
	}
	if m.S3UsePathStyle.IsNull() {
		c.PathStyle = c.Endpoint != ""
	}
	resp.Diagnostics.Append(m.SharedConfigFiles.ElementsAs(ctx, &c.SharedConfigFiles, false)...)
	resp.Diagnostics.Append(m.SharedCredentialsFiles.ElementsAs(ctx, &c.SharedCredentialsFiles, false)...)
	resp.Diagnostics.Append(m.AllowedAccountIDs.ElementsAs(ctx, &c.AllowedAccountIDs, false)...)
	var roles []assumeRoleModel
	resp.Diagnostics.Append(m.AssumeRole.ElementsAs(ctx, &roles, false)...)
	for _, r := range roles {
		role := awsclient.AssumeRole{RoleARN: r.RoleARN.ValueString(), SessionName: r.SessionName.ValueString(), ExternalID: r.ExternalID.ValueString()}
		if !r.Duration.IsNull() {
			d, diags := r.Duration.ValueGoDuration()
			resp.Diagnostics.Append(diags...)
			role.Duration = d
		}
		c.AssumeRole = append(c.AssumeRole, role)
	}
	for _, block := range m.Endpoints.Elements() {
		object, ok := block.(types.Object)
		if !ok {
			continue
		}
		for service, value := range object.Attributes() {
			if s, ok := value.(types.String); ok && s.ValueString() != "" {
				c.Endpoints[service] = s.ValueString()
			}
		}
	}
	return c
}

func (p *serverless) defaultTags(ctx context.Context, m model, resp *provider.ConfigureResponse) map[string]string {
	var blocks []defaultTagsModel
	resp.Diagnostics.Append(m.DefaultTags.ElementsAs(ctx, &blocks, false)...)
	out := map[string]string{}
	for _, b := range blocks {
		tags := map[string]string{}
		resp.Diagnostics.Append(b.Tags.ElementsAs(ctx, &tags, false)...)
		maps.Copy(out, tags)
	}
	return out
}

func (p *serverless) bundles(m model, resp *provider.ConfigureResponse) composite.Bundles {
	if m.Source.IsNull() {
		return p.carried
	}
	dir, err := filepath.Abs(m.Source.ValueString())
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("source"), "Unusable source", err.Error())
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, "functions")); err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("source"), "Unusable source", fmt.Sprintf("%s is no checkout of this provider: %s. Give the folder that holds go.mod and functions/.", dir, err))
		return nil
	}
	return &bundle.Source{Dir: dir}
}

func (p *serverless) Resources(context.Context) []func() resource.Resource {
	out := make([]func() resource.Resource, 0, len(systems.All))
	for _, s := range systems.All {
		out = append(out, func() resource.Resource { return s.Resource() })
	}
	return out
}

func (p *serverless) DataSources(context.Context) []func() datasource.DataSource {
	out := []func() datasource.DataSource{newArchitecture, newBurstForecast, newCostEstimate, newDeployPolicy}
	for _, s := range systems.All {
		out = append(out, s.DataSources...)
	}
	return out
}
