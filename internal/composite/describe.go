package composite

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/defaults"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/preflight/forecast"
)

// Resource is the resource of a system, which can also be described before it
// exists.
type Resource interface {
	resource.Resource
	// Describe returns the blueprint of a system of that name with the given
	// arguments: a JSON object as a manifest has it, or as EncodeArguments makes
	// it. Nothing is asked of AWS. Diagnostics are at the attribute "arguments"
	// and name the argument.
	Describe(ctx context.Context, name string, arguments json.RawMessage, defaultTags map[string]string) (*blueprint.Blueprint, diag.Diagnostics)
	// Forecast is Describe with the design that a burst meets, for the forecast;
	// a system without one is an error at the attribute "system".
	Forecast(ctx context.Context, name string, arguments json.RawMessage, defaultTags map[string]string) (*blueprint.Blueprint, forecast.Design, diag.Diagnostics)
	// Recorded returns the blueprint of a deployed system from its manifest alone,
	// as this version of the provider would deploy it with the same arguments, tags
	// and functions. Where another version deployed it, parts may differ from what
	// was applied.
	Recorded(ctx context.Context, m *deploy.Manifest) (*blueprint.Blueprint, error)
}

// EncodeArguments renders an object of known values as JSON.
func EncodeArguments(ctx context.Context, object attr.Value) (json.RawMessage, error) {
	raw, err := object.ToTerraformValue(ctx)
	if err != nil {
		return nil, err
	}
	plain, err := toPlain(raw)
	if err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

func (r *system[M]) Describe(ctx context.Context, name string, arguments json.RawMessage, defaultTags map[string]string) (*blueprint.Blueprint, diag.Diagnostics) {
	b, _, diags := r.described(ctx, name, arguments, defaultTags)
	return b, diags
}

func (r *system[M]) Forecast(ctx context.Context, name string, arguments json.RawMessage, defaultTags map[string]string) (*blueprint.Blueprint, forecast.Design, diag.Diagnostics) {
	b, m, diags := r.described(ctx, name, arguments, defaultTags)
	if diags.HasError() {
		return nil, forecast.Design{}, diags
	}
	if r.def.Forecast == nil {
		diags.AddAttributeError(path.Root("system"), "Nothing to forecast", "A "+r.def.System.Name+" meets no burst.")
		return nil, forecast.Design{}, diags
	}
	d, err := r.def.Forecast(m, b)
	if err != nil {
		diags.AddAttributeError(argumentsPath, "Cannot forecast the "+r.def.System.Name, err.Error())
	}
	return b, d, diags
}

// described returns the blueprint, and the model that it comes from.
func (r *system[M]) described(ctx context.Context, name string, arguments json.RawMessage, defaultTags map[string]string) (*blueprint.Blueprint, *M, diag.Diagnostics) {
	raw, diags := r.decode(ctx, name, arguments)
	if diags.HasError() {
		return nil, nil, diags
	}
	s := r.schema(ctx)
	config := tfsdk.Config{Raw: raw, Schema: s}
	found := refused(ctx, config, path.Empty(), s.Attributes)
	if !found.HasError() {
		var resp resource.ValidateConfigResponse
		r.ValidateConfig(ctx, resource.ValidateConfigRequest{Config: config}, &resp)
		found.Append(resp.Diagnostics...)
	}
	var m M
	if !found.HasError() {
		found.Append(config.Get(ctx, &m)...)
	}
	for _, d := range found {
		detail := d.Detail()
		if at, ok := d.(diag.DiagnosticWithPath); ok {
			detail = fmt.Sprintf("%s: %s", at.Path(), detail)
		}
		diags.Append(diag.WithPath(argumentsPath, diag.NewErrorDiagnostic(d.Summary(), detail)))
	}
	if diags.HasError() {
		return nil, nil, diags
	}
	b, described := r.blueprint(ctx, &m, defaultTags, placeholderSHA256)
	return b, &m, described
}

var argumentsPath = path.Root("arguments")

// decode turns plain arguments into a configuration of the resource, with its
// defaults.
func (r *system[M]) decode(ctx context.Context, name string, arguments json.RawMessage) (tftypes.Value, diag.Diagnostics) {
	var diags diag.Diagnostics
	failed := func(format string, values ...any) (tftypes.Value, diag.Diagnostics) {
		diags.AddAttributeError(argumentsPath, "Invalid arguments", fmt.Sprintf(format, values...))
		return tftypes.Value{}, diags
	}
	fields, err := decodeObject(arguments)
	if err != nil {
		return failed("Give an object: { question = \"...\", ... }, as in a %s block.", r.def.System.Name)
	}
	if given, twice := fields["name"]; twice && given != name {
		return failed("The name among them is %v and the one beside them %q. Give the name beside the arguments only.", given, name)
	}
	fields["name"] = name
	s := r.schema(ctx)
	t := s.Type().TerraformType(ctx)
	if unknown := r.misnamed(ctx, t, fields); len(unknown) > 0 {
		return failed("A %s has no argument %s.", r.def.System.Name, strings.Join(unknown, ", "))
	}
	for argument, a := range s.Attributes {
		if fields[argument] != nil {
			continue
		}
		if a.IsRequired() {
			return failed("The argument %q is missing.", argument)
		}
		if fields[argument], err = defaultOf(ctx, a); err != nil {
			return failed("The default of %q: %s.", argument, err)
		}
	}
	raw, err := fromPlain(t, fields)
	if err != nil {
		return failed("%s.", err)
	}
	return raw, diags
}

// misnamed lists, sorted, the fields that the type does not have, and the
// outputs among them.
func (r *system[M]) misnamed(ctx context.Context, t tftypes.Type, fields map[string]any) []string {
	var out []string
	for name := range fields {
		if r.isOutput(ctx, name) {
			out = append(out, name)
		}
	}
	out = append(out, strangers(t, fields, "")...)
	slices.Sort(out)
	return out
}

func strangers(t tftypes.Type, plain any, under string) []string {
	fields, ok := plain.(map[string]any)
	if !ok {
		return nil
	}
	var out []string
	for name, value := range fields {
		switch typed := t.(type) {
		case tftypes.Object:
			inner, known := typed.AttributeTypes[name]
			if !known {
				out = append(out, under+name)
				continue
			}
			out = append(out, strangers(inner, value, under+name+".")...)
		case tftypes.Map:
			out = append(out, strangers(typed.ElementType, value, under+name+".")...)
		}
	}
	return out
}

// defaultOf returns an attribute's default as a plain value, or nil.
func defaultOf(ctx context.Context, a schema.Attribute) (any, error) {
	var value attr.Value
	switch a := a.(type) {
	case schema.StringAttribute:
		if a.Default != nil {
			var resp defaults.StringResponse
			a.Default.DefaultString(ctx, defaults.StringRequest{}, &resp)
			value = resp.PlanValue
		}
	case schema.Int64Attribute:
		if a.Default != nil {
			var resp defaults.Int64Response
			a.Default.DefaultInt64(ctx, defaults.Int64Request{}, &resp)
			value = resp.PlanValue
		}
	case schema.BoolAttribute:
		if a.Default != nil {
			var resp defaults.BoolResponse
			a.Default.DefaultBool(ctx, defaults.BoolRequest{}, &resp)
			value = resp.PlanValue
		}
	}
	if value == nil {
		return nil, nil
	}
	raw, err := value.ToTerraformValue(ctx)
	if err != nil {
		return nil, err
	}
	return toPlain(raw)
}
