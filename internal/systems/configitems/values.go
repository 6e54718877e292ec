package configitems

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/configitems"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// value is one item as the configuration has it.
type value struct {
	kind configitems.Type
	// argument is the one of its object that has the value, text the value as text, in which a plan may have tokens.
	argument, text      string
	description, schema string
	operator            bool
}

// attribute is the value as the table has it.
func (v value) attribute() blueprint.ItemAttribute {
	switch v.kind {
	case configitems.TypeNumber:
		return blueprint.ItemNumber(v.text)
	case configitems.TypeBool:
		return blueprint.ItemBool(v.text == "true")
	}
	return blueprint.ItemText(v.text)
}

// kinds are the types by the argument that has a value of them.
var kinds = map[string]configitems.Type{
	"string": configitems.TypeString, "number": configitems.TypeNumber, "bool": configitems.TypeBool, "json": configitems.TypeJSON, "secret_arn": configitems.TypeSecret,
}

// values are the items by their keys. Of an object with other than one value it has the first, by name.
func (m *Model) values() (map[string]value, error) {
	out := map[string]value{}
	for key, element := range m.Items.Elements() {
		object, ok := element.(types.Object)
		if !ok || object.IsNull() {
			return nil, fmt.Errorf("item %q is no object", key)
		}
		sure, open := given(object)
		given := slices.Concat(sure, open)
		if len(given) == 0 {
			return nil, fmt.Errorf("item %q has no value", key)
		}
		v := value{
			argument: given[0], kind: kinds[given[0]], description: textOf(object, key, "description"), schema: textOf(object, key, "schema"),
			operator: isTrue(object.Attributes()["operator"]),
		}
		v.text = v.textIn(object, key)
		out[key] = v
	}
	return out, nil
}

// given are the arguments of an object that are known to have a value, and those
// that may turn out to have one, by their names.
func given(object types.Object) (sure, open []string) {
	for argument := range kinds {
		switch v := object.Attributes()[argument]; {
		case composite.Known(v):
			sure = append(sure, argument)
		case !composite.Absent(v):
			open = append(open, argument)
		}
	}
	slices.Sort(sure)
	slices.Sort(open)
	return sure, open
}

// textIn is the value as text: numbers in their normal form, JSON without white space that means nothing.
func (v value) textIn(object types.Object, key string) string {
	switch a := object.Attributes()[v.argument].(type) {
	case types.Number:
		if !a.IsUnknown() {
			return blueprint.NormalNumber(a.ValueBigFloat().Text('g', -1))
		}
	case types.Bool:
		return fmt.Sprint(a.ValueBool())
	case types.String:
		var compact bytes.Buffer
		if v.kind == configitems.TypeJSON && !a.IsUnknown() && json.Compact(&compact, []byte(a.ValueString())) == nil {
			return compact.String()
		}
	}
	return textOf(object, key, v.argument)
}

// textOf is a text of an object; a token where the plan does not know it.
func textOf(object types.Object, key, argument string) string {
	switch a := object.Attributes()[argument].(type) {
	case types.String:
		return composite.Text(a, "items."+key+"."+argument)
	case types.Number:
		return blueprint.Unknown("items." + key + "." + argument)
	}
	return ""
}

func isTrue(v attr.Value) bool {
	b, ok := v.(types.Bool)
	return ok && b.ValueBool()
}

// plain is a known value as JSON Schema takes it.
func (v value) plain() (any, error) {
	parsed, err := v.kind.Parse(v.text)
	if err != nil {
		return nil, err
	}
	return v.kind.Plain(parsed)
}
