// Package composite is the one generic Terraform resource that all systems
// share. A system supplies its schema, its model and its blueprint; planning,
// creating, reading, updating, deleting and importing are written here, once.
package composite

import (
	"context"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/preflight"
	"github.com/burstline/terraform-provider-serverless/internal/preflight/forecast"
)

// Definition is all that a system supplies. M is its model: a struct with
// Common embedded and a field for each of the system's attributes.
type Definition[M any] struct {
	System blueprint.System
	// Description is the resource's documentation, in Markdown.
	Description string
	// Attributes are the system's own arguments and outputs. Every attribute
	// that is only computed is an output of the blueprint, by name. An argument
	// expected_load is the system's load: the blueprint's event and usage may
	// come from it, its parts may not.
	Attributes map[string]schema.Attribute
	// Texts are the arguments of which only texts may be unknown in a plan: maps
	// of objects whose keys, those of maps within them, and whose truth values are
	// known. The blueprint then has tokens for those; see Text.
	Texts []string
	// Common returns the embedded common arguments.
	Common func(*M) *Common
	// Validate checks what can be checked without AWS. Values may be unknown.
	Validate func(ctx context.Context, m *M) diag.Diagnostics
	// Change warns of what a change of the applied arguments brings; nil for nothing.
	Change func(applied, planned *M) diag.Diagnostics
	// Blueprint describes the system. It is called only when all of the
	// system's own arguments are known, expected_load apart.
	Blueprint func(m *M, b *blueprint.Builder) error
	// Forecast describes the system as a burst meets it, from the arguments and
	// the blueprint that they come to; nil where there is nothing to forecast.
	Forecast func(m *M, b *blueprint.Blueprint) (forecast.Design, error)
}

// Bundles are the systems' functions, ready to be uploaded.
type Bundles interface {
	// SHA256 returns the hex digest of the bundle of a system.
	SHA256(ctx context.Context, system, architecture string) (string, error)
	// Content returns the bundle with that digest.
	Content(ctx context.Context, sha256 string) ([]byte, error)
}

// ProviderData is what the provider's configuration comes to.
type ProviderData struct {
	Engine      *deploy.Engine
	DefaultTags map[string]string
	Bundles     Bundles
	// Prices are what costs are estimated with, Quotas what loads are held
	// against.
	Prices *preflight.Prices
	Quotas preflight.Quotas
	// Unknown is true while the configuration depends on values that are not
	// known yet: nothing may be called.
	Unknown bool
}

// New returns the resource of a system.
func New[M any](d Definition[M]) Resource { return &system[M]{def: d} }

type system[M any] struct {
	def  Definition[M]
	data *ProviderData

	// joined is the schema, made once: every attribute of a plan asks for it.
	joined schema.Schema
	once   sync.Once
}

var (
	_ resource.ResourceWithConfigure      = &system[struct{}]{}
	_ resource.ResourceWithModifyPlan     = &system[struct{}]{}
	_ resource.ResourceWithImportState    = &system[struct{}]{}
	_ resource.ResourceWithIdentity       = &system[struct{}]{}
	_ resource.ResourceWithValidateConfig = &system[struct{}]{}
)

func (r *system[M]) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + r.def.System.Name
}

func (r *system[M]) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = r.schema(ctx)
}

func (r *system[M]) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"name":       identityschema.StringAttribute{RequiredForImport: true, Description: "Name of the system."},
		"region":     identityschema.StringAttribute{OptionalForImport: true, Description: "AWS region; checked against the provider's when given."},
		"account_id": identityschema.StringAttribute{OptionalForImport: true, Description: "AWS account; checked against the credentials' when given."},
	}}
}

func (r *system[M]) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	configured(&r.data, req.ProviderData, &resp.Diagnostics)
}

// ready reports whether AWS may be called, and says why not.
func (r *system[M]) ready(diags *diag.Diagnostics) bool {
	if r.data != nil && !r.data.Unknown {
		return true
	}
	diags.AddError("The provider is not configured yet",
		"Its configuration depends on values that are known only after apply. Apply the resources that these values come from first, for instance with -target, or give the values directly.")
	return false
}

func (r *system[M]) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	resp.Diagnostics.Append(checkReserved(req.Config.Raw)...)
	var m M
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	if r.def.Validate != nil {
		resp.Diagnostics.Append(r.def.Validate(ctx, &m)...)
	}
	if resp.Diagnostics.HasError() || r.undecided(ctx, req.Config.Raw) || !r.wellFormed(ctx, req.Config) {
		return
	}
	b, diags := r.blueprint(ctx, &m, nil, placeholderSHA256)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	r.appendProblems(&resp.Diagnostics, b.Validate())
}

// placeholderSHA256 stands for the bundle's digest where only lengths matter.
const placeholderSHA256 = "0000000000000000000000000000000000000000000000000000000000000000"

// blueprint builds the blueprint of a model.
func (r *system[M]) blueprint(ctx context.Context, m *M, defaultTags map[string]string, bundle string) (*blueprint.Blueprint, diag.Diagnostics) {
	settings, diags := r.def.Common(m).settings(ctx, r.def.System, defaultTags, bundle)
	if diags.HasError() {
		return nil, diags
	}
	b := blueprint.NewBuilder(settings)
	if err := r.def.Blueprint(m, b); err != nil {
		diags.AddError("Cannot describe the "+r.def.System.Name, err.Error())
		return nil, diags
	}
	return b.Blueprint(), diags
}

// appendProblems turns what AWS would refuse into diagnostics at the argument
// at fault.
func (r *system[M]) appendProblems(diags *diag.Diagnostics, problems []blueprint.Problem) {
	for _, p := range problems {
		if p.Argument == nil {
			diags.AddError("AWS would refuse this", p.Error())
			continue
		}
		diags.AddAttributeError(r.path(p.Argument), "Invalid value", p.Error())
	}
}

// path turns "functions", "recorder", "timeout_seconds" into a path.
func (r *system[M]) path(argument []string) path.Path {
	at := path.Root(argument[0])
	_, isMap := r.def.Attributes[argument[0]].(schema.MapNestedAttribute)
	for i, step := range argument[1:] {
		if i == 0 && (isMap || argument[0] == "functions") {
			at = at.AtMapKey(step)
			continue
		}
		at = at.AtName(step)
	}
	return at
}

// appendFailures turns failures of the engine into diagnostics.
func (r *system[M]) appendFailures(diags *diag.Diagnostics, failures []deploy.Failure) {
	for _, f := range failures {
		if f.Argument == nil {
			diags.AddError(f.Summary, f.Detail)
			continue
		}
		diags.AddAttributeError(r.path(f.Argument), f.Summary, f.Detail)
	}
}
