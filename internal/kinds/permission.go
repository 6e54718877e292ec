package kinds

import (
	"slices"
	"strings"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// Of returns the permission as one part needs it. Text that is not known yet
// may be "*" in the place and in the spec. Resources that an empty field of the
// spec takes part in are left out; ok is false where none remains.
func (p Permission) Of(place blueprint.Place, name string, spec blueprint.Spec) (own Permission, ok bool) {
	values := map[string]string{
		"partition": place.Partition, "region": place.Region, "account": place.Account, "name": name,
	}
	for _, f := range blueprint.Fields(spec) {
		if text, isText := f.Value.(string); isText {
			values[f.Name] = text
		}
	}
	own = Permission{Verbs: p.Verbs, Actions: p.Actions}
	for _, resource := range p.Resources {
		if text, whole := fill(resource, values); whole && !slices.Contains(own.Resources, text) {
			own.Resources = append(own.Resources, text)
		}
	}
	return own, len(own.Resources) > 0
}

// fill replaces every {field}; whole is false where one is empty or unknown.
func fill(text string, values map[string]string) (filled string, whole bool) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		out.WriteString(before)
		if !found {
			return out.String(), true
		}
		field, after, _ := strings.Cut(rest, "}")
		value := values[field]
		if value == "" {
			return "", false
		}
		out.WriteString(value)
		text = after
	}
}
