package composite

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Fields of nested arguments are read by name: none of them is unknown where a
// blueprint is described.

// Absent reports that a value is not there. One that is not known yet may still
// turn out to be null, or not: it is neither absent nor known.
func Absent(value attr.Value) bool { return value == nil || value.IsNull() }

// Known reports that a value is there and known.
func Known(value attr.Value) bool { return !Absent(value) && !value.IsUnknown() }

// Field is a field of a nested argument; null where the argument or the field is
// not there.
func Field[T attr.Value](o types.Object, name string) T {
	v, _ := o.Attributes()[name].(T)
	return v
}

// TextOf is a text of a nested argument, or what it is otherwise.
func TextOf(o types.Object, field, otherwise string) string {
	if v := Field[types.String](o, field); Known(v) {
		return v.ValueString()
	}
	return otherwise
}

// IntOf is a whole number of a nested argument, or what it is otherwise.
func IntOf(o types.Object, field string, otherwise int) int {
	if v := Field[types.Int64](o, field); Known(v) {
		return int(v.ValueInt64())
	}
	return otherwise
}

// BoolOf is a truth value of a nested argument, or what it is otherwise.
func BoolOf(o types.Object, field string, otherwise bool) bool {
	if v := Field[types.Bool](o, field); Known(v) {
		return v.ValueBool()
	}
	return otherwise
}

// ObjectOf is a nested argument of a nested argument.
func ObjectOf(o types.Object, field string) types.Object { return Field[types.Object](o, field) }

// ElementsOf are the known texts of a set, sorted.
func ElementsOf(set types.Set) []string {
	var out []string
	for _, e := range set.Elements() {
		if s, ok := e.(types.String); ok {
			out = append(out, s.ValueString())
		}
	}
	slices.Sort(out)
	return out
}

// TextsOf are the texts of a map.
func TextsOf(m attr.Value) map[string]string {
	out := map[string]string{}
	if typed, ok := m.(types.Map); ok {
		for key, value := range typed.Elements() {
			if s, ok := value.(types.String); ok {
				out[key] = s.ValueString()
			}
		}
	}
	return out
}
