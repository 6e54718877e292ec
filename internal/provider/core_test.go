package provider_test

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// plan is what one PlanResourceChange came to.
type plan struct {
	config, planned tftypes.Value
	private         []byte
	identity        *tfprotov6.ResourceIdentityData
	replace         []*tftypes.AttributePath
	// warnings are the plan's, each its summary and its detail.
	warnings []string
	// failed is the text of the errors; empty for none.
	failed string
}

// empty reports whether the plan changes nothing.
func (p plan) empty(prior tftypes.Value) bool { return p.failed == "" && p.planned.Equal(prior) }

// validate runs ValidateResourceConfig and returns the errors.
func (s *session) validate(config map[string]any) string {
	s.t.Helper()
	resp, err := s.server.ValidateResourceConfig(s.t.Context(), &tfprotov6.ValidateResourceConfigRequest{
		TypeName: s.typeName, Config: s.dynamic(fill(s.t, s.schema.Block, config)),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return failure(resp.Diagnostics)
}

// plan asks for the change from the remembered state to config, as
// Terraform core does: twice, as the answer must not vary.
func (s *session) plan(config map[string]any) plan {
	s.t.Helper()
	if text := s.validate(config); text != "" {
		return plan{failed: text}
	}
	p := s.planFrom(s.state, s.private, s.identity, config)
	if p.failed != "" {
		return p
	}
	if len(p.replace) > 0 && !s.state.IsNull() || s.tainted {
		replaced := s.planFrom(tftypes.NewValue(s.object, nil), nil, nil, config)
		replaced.replace = p.replace
		return replaced
	}
	return p
}

func (s *session) planFrom(prior tftypes.Value, private []byte, identity *tfprotov6.ResourceIdentityData, config map[string]any) plan {
	s.t.Helper()
	given := fill(s.t, s.schema.Block, config)
	request := &tfprotov6.PlanResourceChangeRequest{
		TypeName: s.typeName, PriorState: s.dynamic(prior), ProposedNewState: s.dynamic(s.proposed(prior, given)), Config: s.dynamic(given),
		PriorPrivate: private, PriorIdentity: identity,
	}
	resp, err := s.server.PlanResourceChange(s.t.Context(), request)
	if err != nil {
		s.t.Fatal(err)
	}
	if text := failure(resp.Diagnostics); text != "" {
		return plan{failed: text}
	}
	again, err := s.server.PlanResourceChange(s.t.Context(), request)
	s.must(again.Diagnostics, err)
	p := plan{warnings: warnings(resp.Diagnostics), config: given, planned: s.value(resp.PlannedState), private: resp.PlannedPrivate, identity: resp.PlannedIdentity, replace: resp.RequiresReplace}
	if other := s.value(again.PlannedState); !p.planned.Equal(other) {
		s.t.Errorf("two plans from the same state differ:\n%s\n%s", p.planned, other)
	}
	s.checkPlan(p)
	return p
}

// proposed is the state that core proposes: configured values, and prior ones
// where an attribute is computed and not configured. It holds for schemas whose
// arguments have no computed attributes nested in them, which it checks.
func (s *session) proposed(prior, config tftypes.Value) tftypes.Value {
	s.t.Helper()
	given, had := fields(s.t, config), map[string]tftypes.Value{}
	if !prior.IsNull() {
		had = fields(s.t, prior)
	}
	for _, a := range s.schema.Block.Attributes {
		if a.NestedType != nil && (a.Optional || a.Required) {
			for _, nested := range a.NestedType.Attributes {
				if nested.Computed {
					s.t.Fatalf("%s.%s is computed and nested: this harness does not propose such values", a.Name, nested.Name)
				}
			}
		}
		if v, ok := had[a.Name]; ok && a.Computed && given[a.Name].IsNull() {
			given[a.Name] = v
		}
	}
	return tftypes.NewValue(s.object, given)
}

// checkPlan is core's AssertPlanValid: an argument is planned as configured,
// and only what is computed may be planned otherwise.
func (s *session) checkPlan(p plan) {
	s.t.Helper()
	given, planned := fields(s.t, p.config), fields(s.t, p.planned)
	for _, a := range s.schema.Block.Attributes {
		if given[a.Name].IsNull() && a.Computed {
			continue
		}
		if !planned[a.Name].Equal(given[a.Name]) {
			s.t.Errorf("planned an invalid value for %s: %s, configured is %s", a.Name, planned[a.Name], given[a.Name])
		}
	}
}

// apply carries a plan out, and remembers what it returns, as core does. It
// returns the text of the errors.
func (s *session) apply(config map[string]any) string {
	s.t.Helper()
	p := s.plan(config)
	if p.failed != "" {
		return p.failed
	}
	if (len(p.replace) > 0 || s.tainted) && !s.state.IsNull() {
		if text := s.delete(); text != "" {
			return text
		}
	}
	return s.applyPlan(p)
}

// applyPlan is the apply of a plan that replaces nothing.
func (s *session) applyPlan(p plan) string {
	s.t.Helper()
	creates := s.state.IsNull()
	resp, err := s.server.ApplyResourceChange(s.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: s.typeName, PriorState: s.dynamic(s.state), PlannedState: s.dynamic(p.planned), Config: s.dynamic(p.config),
		PlannedPrivate: p.private, PlannedIdentity: p.identity,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	text := failure(resp.Diagnostics)
	state := s.value(resp.NewState)
	if !state.IsFullyKnown() {
		s.t.Errorf("the state holds unknown values after apply: %s", state)
	}
	if text == "" {
		if state.IsNull() {
			s.t.Fatal("the resource is gone after an apply without errors")
		}
		if err := compatible("", p.planned, state); err != nil {
			s.t.Errorf("provider produced inconsistent result after apply: %s", err)
		}
		if resp.NewIdentity == nil {
			s.t.Error("there is no identity after apply")
		}
	}
	s.state, s.private = state, resp.Private
	if resp.NewIdentity != nil {
		s.identity = resp.NewIdentity
	}
	s.tainted = creates && text != "" && !state.IsNull()
	return text
}

// compatible is core's AssertObjectCompatible: all that was planned known is as
// planned, and maps have the planned keys.
func compatible(at string, planned, actual tftypes.Value) error {
	if !planned.IsKnown() {
		return nil
	}
	if planned.IsNull() || actual.IsNull() || planned.IsFullyKnown() {
		if !planned.Equal(actual) {
			return fmt.Errorf("%s was planned %s and is %s", at, planned, actual)
		}
		return nil
	}
	before, after := map[string]tftypes.Value{}, map[string]tftypes.Value{}
	if err := planned.As(&before); err != nil {
		return fmt.Errorf("%s was planned with unknown elements: %w", at, err)
	}
	if err := actual.As(&after); err != nil {
		return err
	}
	for k, v := range before {
		a, ok := after[k]
		if !ok {
			return fmt.Errorf("%s.%s was planned and is not there", at, k)
		}
		if err := compatible(strings.TrimPrefix(at+"."+k, "."), v, a); err != nil {
			return err
		}
	}
	for k := range after {
		if _, ok := before[k]; !ok {
			return fmt.Errorf("%s.%s was not planned", at, k)
		}
	}
	return nil
}

// refresh reads the resource, and returns the text of the errors.
func (s *session) refresh() string {
	s.t.Helper()
	if s.state.IsNull() {
		return ""
	}
	resp, err := s.server.ReadResource(s.t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: s.typeName, CurrentState: s.dynamic(s.state), Private: s.private, CurrentIdentity: s.identity,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if text := failure(resp.Diagnostics); text != "" {
		return text
	}
	state := s.value(resp.NewState)
	if !state.IsFullyKnown() {
		s.t.Errorf("the state holds unknown values after a read: %s", state)
	}
	s.state, s.private = state, resp.Private
	if resp.NewIdentity != nil {
		s.identity = resp.NewIdentity
	}
	return ""
}

// destroy plans the destroy and carries it out.
func (s *session) destroy() string {
	s.t.Helper()
	if s.state.IsNull() {
		return ""
	}
	null := s.dynamic(tftypes.NewValue(s.object, nil))
	resp, err := s.server.PlanResourceChange(s.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: s.typeName, PriorState: s.dynamic(s.state), ProposedNewState: null, Config: null, PriorPrivate: s.private, PriorIdentity: s.identity,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if text := failure(resp.Diagnostics); text != "" {
		return text
	}
	if planned := s.value(resp.PlannedState); !planned.IsNull() {
		s.t.Errorf("a destroy was planned as %s", planned)
	}
	return s.delete()
}

// delete carries a destroy out.
func (s *session) delete() string {
	s.t.Helper()
	null := s.dynamic(tftypes.NewValue(s.object, nil))
	resp, err := s.server.ApplyResourceChange(s.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: s.typeName, PriorState: s.dynamic(s.state), PlannedState: null, Config: null, PlannedPrivate: s.private, PlannedIdentity: s.identity,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	text := failure(resp.Diagnostics)
	state := s.value(resp.NewState)
	switch {
	case text == "" && !state.IsNull():
		s.t.Errorf("a destroy without errors left the state %s", state)
	case text != "" && state.IsNull():
		s.t.Errorf("a destroy that failed dropped the state: %s", text)
	case !state.IsFullyKnown():
		s.t.Errorf("the state holds unknown values after a destroy: %s", state)
	}
	s.state, s.private = state, resp.Private
	if state.IsNull() {
		s.private, s.identity, s.tainted = nil, nil, false
	}
	return text
}

// importBy imports by an id, or by an identity of plain values where id is "".
func (s *session) importBy(id string, identity map[string]any) string {
	s.t.Helper()
	request := &tfprotov6.ImportResourceStateRequest{TypeName: s.typeName, ID: id}
	if id == "" {
		schemas, err := s.server.GetResourceIdentitySchemas(s.t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
		s.must(schemas.Diagnostics, err)
		v, err := toValue(schemas.IdentitySchemas[s.typeName].ValueType(), identity)
		if err != nil {
			s.t.Fatal(err)
		}
		request.Identity = &tfprotov6.ResourceIdentityData{IdentityData: s.dynamic(v)}
	}
	resp, err := s.server.ImportResourceState(s.t.Context(), request)
	if err != nil {
		s.t.Fatal(err)
	}
	if text := failure(resp.Diagnostics); text != "" {
		return text
	}
	if len(resp.ImportedResources) != 1 {
		s.t.Fatalf("imported %d resources, not 1", len(resp.ImportedResources))
	}
	one := resp.ImportedResources[0]
	s.memory = &memory{state: s.value(one.State), private: one.Private, identity: one.Identity}
	return s.refresh()
}
