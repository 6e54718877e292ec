package provider_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// TestUnknownIsNotRefused: a module passes arguments on that its user may have left
// out, and a validation does not know them yet. What may turn out null contradicts
// nothing and lacks nothing.
func TestUnknownIsNotRefused(t *testing.T) {
	t.Parallel()
	for _, system := range systems.All {
		t.Run(system.Name, func(t *testing.T) {
			s := newSession(t, anotherAccount(), options{system: system.Name}, nil)
			config := map[string]any{}
			for _, a := range s.schema.Block.Attributes {
				if a.Required || a.Optional {
					config[a.Name] = unknown{}
				}
			}
			if text := s.validate(config); text != "" {
				t.Error(text)
			}
			for _, a := range s.schema.Block.Attributes {
				if _, argument := config[a.Name]; !argument || a.NestedType == nil {
					continue
				}
				config[a.Name] = undecided(a)
				if text := s.validate(config); text != "" {
					t.Errorf("%s: %s", a.Name, text)
				}
				config[a.Name] = unknown{}
			}
		})
	}
}

// undecided is an object, or a map of one, of which only is known that it is there.
func undecided(a *tfprotov6.SchemaAttribute) any {
	if a.NestedType == nil {
		return unknown{}
	}
	fields := map[string]any{}
	for _, field := range a.NestedType.Attributes {
		if field.Required || field.Optional {
			fields[field.Name] = undecided(field)
		}
	}
	if a.NestedType.Nesting == tfprotov6.SchemaObjectNestingModeMap {
		return map[string]any{"some": fields}
	}
	return fields
}
