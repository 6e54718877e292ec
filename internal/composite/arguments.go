package composite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// objectOptions let nested values be unknown: they become tokens.
var objectOptions = basetypes.ObjectAsOptions{UnhandledNullAsEmpty: true, UnhandledUnknownAsEmpty: true}

// tokenArguments are the common arguments whose texts may be unknown in a plan
// without keeping the blueprint from being built.
var tokenArguments = []string{"kms_key_arn", "permissions_boundary_arn", "tags", "alarms", "vpc"}

// isOutput reports whether an attribute is computed and never given.
func (r *system[M]) isOutput(ctx context.Context, name string) bool {
	a, ok := r.schema(ctx).Attributes[name]
	return ok && a.IsComputed() && !a.IsOptional()
}

// outputs lists the attributes that come from the blueprint's outputs.
func (r *system[M]) outputs() []string {
	out := []string{blueprint.AlarmTopicOutput, blueprint.AlarmsOutput, blueprint.VersionsOutput}
	for name, a := range r.def.Attributes {
		if a.IsComputed() && !a.IsOptional() {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// undecided reports whether an argument is unknown that decides which parts
// there are or what is in them other than as a text.
func (r *system[M]) undecided(ctx context.Context, raw tftypes.Value) bool {
	values := map[string]tftypes.Value{}
	if err := raw.As(&values); err != nil {
		return true
	}
	for name, v := range values {
		if r.isOutput(ctx, name) || name == "timeouts" || name == loadArgument {
			continue
		}
		if slices.Contains(tokenArguments, name) && decided(name, v) || slices.Contains(r.def.Texts, name) && shaped(v) {
			continue
		}
		if !v.IsFullyKnown() {
			return true
		}
	}
	return false
}

// decided reports whether the shape of a token argument is known: a text may be
// unknown, a whole map or object not.
func decided(name string, v tftypes.Value) bool {
	switch name {
	case "kms_key_arn", "permissions_boundary_arn":
		// An unknown text is taken to be set: every part that it concerns then
		// holds its token, so that no digest is promised.
		return true
	case "alarms":
		fields := map[string]tftypes.Value{}
		// Each address is a part of its own.
		return v.IsKnown() && (v.IsNull() || v.As(&fields) == nil && fields["enabled"].IsKnown() && fields["topic"].IsKnown() && fields["emails"].IsFullyKnown())
	}
	return v.IsKnown()
}

// shaped reports whether of a map of objects only texts and numbers are unknown,
// in them or in maps within them.
func shaped(v tftypes.Value) bool {
	objects := map[string]tftypes.Value{}
	if !v.IsKnown() || v.As(&objects) != nil {
		return v.IsKnown()
	}
	for _, object := range objects {
		fields := map[string]tftypes.Value{}
		if !object.IsKnown() || object.As(&fields) != nil {
			return false
		}
		for _, field := range fields {
			if !field.IsKnown() && (field.Type().Is(tftypes.Bool) || field.Type().Is(tftypes.Map{})) {
				return false
			}
		}
	}
	return true
}

// arguments renders all arguments as canonical JSON: sorted, nulls left out.
func (r *system[M]) arguments(ctx context.Context, raw tftypes.Value) (json.RawMessage, error) {
	values := map[string]tftypes.Value{}
	if err := raw.As(&values); err != nil {
		return nil, fmt.Errorf("read arguments: %w", err)
	}
	out := map[string]any{}
	for name, v := range values {
		if r.isOutput(ctx, name) || v.IsNull() {
			continue
		}
		plain, err := toPlain(v)
		if err != nil {
			return nil, fmt.Errorf("argument %q: %w", name, err)
		}
		out[name] = plain
	}
	return json.Marshal(out)
}

// toPlain turns a known value into what encoding/json renders.
func toPlain(v tftypes.Value) (any, error) {
	if !v.IsKnown() {
		return nil, fmt.Errorf("its value is not known")
	}
	if v.IsNull() {
		return nil, nil
	}
	t := v.Type()
	switch {
	case t.Is(tftypes.String):
		var s string
		err := v.As(&s)
		return s, err
	case t.Is(tftypes.Bool):
		var b bool
		err := v.As(&b)
		return b, err
	case t.Is(tftypes.Number):
		var f big.Float
		if err := v.As(&f); err != nil {
			return nil, err
		}
		return json.Number(f.Text('g', -1)), nil
	case t.Is(tftypes.Set{}), t.Is(tftypes.List{}), t.Is(tftypes.Tuple{}):
		var elements []tftypes.Value
		if err := v.As(&elements); err != nil {
			return nil, err
		}
		out := make([]any, 0, len(elements))
		for _, e := range elements {
			plain, err := toPlain(e)
			if err != nil {
				return nil, err
			}
			out = append(out, plain)
		}
		if t.Is(tftypes.Set{}) {
			slices.SortFunc(out, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
		return out, nil
	default:
		fields := map[string]tftypes.Value{}
		if err := v.As(&fields); err != nil {
			return nil, err
		}
		out := map[string]any{}
		for k, f := range fields {
			if f.IsNull() {
				continue
			}
			plain, err := toPlain(f)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
			out[k] = plain
		}
		return out, nil
	}
}

// fromPlain turns decoded JSON into a value of the given type. What the JSON
// does not have is null.
func fromPlain(t tftypes.Type, plain any) (tftypes.Value, error) {
	if plain == nil {
		return tftypes.NewValue(t, nil), nil
	}
	mismatch := fmt.Errorf("%v where a %s belongs", plain, t)
	switch typed := t.(type) {
	case tftypes.Object:
		fields, ok := plain.(map[string]any)
		if !ok {
			return tftypes.Value{}, mismatch
		}
		out := map[string]tftypes.Value{}
		for name, ft := range typed.AttributeTypes {
			v, err := fromPlain(ft, fields[name])
			if err != nil {
				return tftypes.Value{}, fmt.Errorf("%s: %w", name, err)
			}
			out[name] = v
		}
		return tftypes.NewValue(t, out), nil
	case tftypes.Map:
		fields, ok := plain.(map[string]any)
		if !ok {
			return tftypes.Value{}, mismatch
		}
		out := map[string]tftypes.Value{}
		for k, f := range fields {
			v, err := fromPlain(typed.ElementType, f)
			if err != nil {
				return tftypes.Value{}, fmt.Errorf("%s: %w", k, err)
			}
			out[k] = v
		}
		return tftypes.NewValue(t, out), nil
	case tftypes.Set:
		out, err := fromList(typed.ElementType, plain)
		return tftypes.NewValue(t, out), err
	case tftypes.List:
		out, err := fromList(typed.ElementType, plain)
		return tftypes.NewValue(t, out), err
	}
	switch {
	case t.Is(tftypes.String):
		if s, ok := plain.(string); ok {
			return tftypes.NewValue(t, s), nil
		}
	case t.Is(tftypes.Bool):
		if b, ok := plain.(bool); ok {
			return tftypes.NewValue(t, b), nil
		}
	case t.Is(tftypes.Number):
		if n, ok := plain.(json.Number); ok {
			if f, _, err := big.ParseFloat(n.String(), 10, 512, big.ToNearestEven); err == nil {
				return tftypes.NewValue(t, f), nil
			}
		}
	}
	return tftypes.Value{}, mismatch
}

func fromList(element tftypes.Type, plain any) ([]tftypes.Value, error) {
	list, ok := plain.([]any)
	if !ok {
		return nil, fmt.Errorf("%v where a list belongs", plain)
	}
	out := make([]tftypes.Value, 0, len(list))
	for _, e := range list {
		v, err := fromPlain(element, e)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// decodeArguments turns a manifest's arguments into an object of the resource's
// type. Arguments that this version does not know are dropped: they were
// removed with a release note; ones that the manifest lacks are null.
func decodeArguments(t tftypes.Type, arguments json.RawMessage) (tftypes.Value, error) {
	plain, err := decodeObject(arguments)
	if err != nil {
		return tftypes.Value{}, fmt.Errorf("the manifest's arguments cannot be read: %w", err)
	}
	return fromPlain(t, plain)
}

// decodeObject reads a JSON object, with its numbers as they stand.
func decodeObject(text json.RawMessage) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	plain := map[string]any{}
	if err := decoder.Decode(&plain); err != nil {
		return nil, err
	}
	if plain == nil {
		plain = map[string]any{} // null
	}
	return plain, nil
}

// checkReserved refuses texts with the code points that tokens are made of.
func checkReserved(raw tftypes.Value) diag.Diagnostics {
	var diags diag.Diagnostics
	err := tftypes.Walk(raw, func(at *tftypes.AttributePath, v tftypes.Value) (bool, error) {
		if !v.IsKnown() || v.IsNull() || !v.Type().Is(tftypes.String) {
			return true, nil
		}
		var s string
		if err := v.As(&s); err != nil {
			return false, err
		}
		if blueprint.Reserved(s) {
			argument := path.Empty()
			if steps := at.Steps(); len(steps) > 0 {
				if name, ok := steps[0].(tftypes.AttributeName); ok {
					argument = path.Root(string(name))
				}
			}
			diags.AddAttributeError(argument, "Unusable characters", fmt.Sprintf("The value of %s holds a private-use character (U+E000 or U+E001). Remove it.", argument))
		}
		return true, nil
	})
	if err != nil {
		diags.AddError("Cannot read the configuration", err.Error())
	}
	return diags
}
