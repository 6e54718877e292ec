package deploy

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// TestDomainNameChanges: an API gets another domain name, of which the plan tells,
// and the one that it had is free again.
func TestDomainNameChanges(t *testing.T) {
	e, account := newEngine(t, 3)
	s, bundle := relayed(t)
	e = New(e.AWS, func(context.Context, string) ([]byte, error) { return bundle, nil }, "1.2.3")
	named := func(name string) *blueprint.Builder {
		b := blueprint.NewBuilder(s)
		api := b.HTTPAPI("api", blueprint.HTTPAPI{
			Routes: map[string]blueprint.Route{"$default": {Function: b.Function("intake", blueprint.Function{MemoryMB: 128, Timeout: 10 * time.Second})}},
			Domain: &blueprint.APIDomain{Name: name, CertificateARN: "arn:aws:acm:eu-central-1:123456789012:certificate/8d5d0ac6-0000-4000-8000-000000000001"},
		})
		b.Output("url", api.URL())
		b.Output("target", api.DomainTarget())
		return b
	}
	domains := func() []string {
		return slices.DeleteFunc(inventory(t, account), func(s string) bool { return !strings.Contains(s, "example.org") })
	}
	first, second := named("first.example.org"), named("second.example.org")
	made := succeeded(t, e.Apply(t.Context(), input(first, true)))
	before := domains()
	planned := Plan(second.Blueprint(), Prior{Digests: made.Digests})
	if !slices.ContainsFunc(second.Blueprint().Parts, func(p *blueprint.Part) bool {
		return p.Spec.Kind() == blueprint.DomainNameSpec{}.Kind() && planned.Made[p.Key]
	}) {
		t.Errorf("the plan makes %v, and no domain name", planned.Made)
	}
	res := succeeded(t, e.Apply(t.Context(), input(second, false)))
	if after := domains(); len(before) != 1 || len(after) != 1 || !strings.Contains(after[0], "second.example.org") {
		t.Errorf("there were %q, there are %q", before, after)
	}
	if res.Outputs["target"] == "" || res.Outputs["target"] == made.Outputs["target"] {
		t.Errorf("the new name leads to %q, the old one to %q", res.Outputs["target"], made.Outputs["target"])
	}
	if seen := succeeded(t, e.Observe(t.Context(), input(second, false))); len(seen.Drift) != 0 {
		t.Errorf("after the change there is drift: %v", seen.Drift)
	}
	succeededGone(t, e, account, second)
}
