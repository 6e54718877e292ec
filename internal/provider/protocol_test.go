package provider_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// exampleOf is the configuration of a system's example, with a name and some
// more arguments.
func exampleOf(system systems.System, more map[string]any) map[string]any {
	out := system.Example()
	out["name"] = "live"
	maps.Copy(out, more)
	return out
}

// settled checks that nothing differs and nothing is to be done.
func (s *session) settled(config map[string]any) {
	s.t.Helper()
	if text := s.refresh(); text != "" {
		s.t.Fatal(text)
	}
	if drift := stateTexts(s.t, s.state, "drift"); len(drift) != 0 {
		s.t.Errorf("there is drift: %v", drift)
	}
	p := s.plan(config)
	if p.failed != "" {
		s.t.Fatal(p.failed)
	}
	if !p.empty(s.state) {
		diff, _ := s.state.Diff(p.planned)
		s.t.Errorf("the second plan is not empty: %v", diff)
	}
}

// forced are arguments that let a test destroy what it made.
var forced = map[string]any{"force_destroy": true}

func TestProtocolImport(t *testing.T) {
	t.Parallel()
	for _, system := range systems.All {
		t.Run(system.Name, func(t *testing.T) {
			a := newAccount(t)
			config := exampleOf(system, map[string]any{"force_destroy": true, "tags": map[string]any{"show": "final"}})
			first := newSession(t, a, options{system: system.Name}, nil)
			if text := first.apply(config); text != "" {
				t.Fatal(text)
			}
			identities := map[string]map[string]any{
				"name alone": {"name": "live"},
				"all":        {"name": "live", "region": home, "account_id": string(a)},
			}
			for what, identity := range identities {
				s := newSession(t, a, options{system: system.Name}, nil)
				if text := s.importBy("", identity); text != "" {
					t.Fatalf("import by %s: %s", what, text)
				}
				s.settled(config)
				if !s.state.Equal(first.state) {
					diff, _ := s.state.Diff(first.state)
					t.Errorf("imported by %s, the state differs from the one after apply: %v", what, diff)
				}
			}
			s := newSession(t, a, options{system: system.Name}, nil)
			if text := s.importBy("live", nil); text != "" {
				t.Fatal(text)
			}
			s.settled(config)
			for what, wrong := range map[string]struct {
				id       string
				identity map[string]any
				says     string
			}{
				"another name":    {"other", nil, "Nothing to import"},
				"no name":         {"Live Vote", nil, "Cannot import by this id"},
				"another region":  {"", map[string]any{"name": "live", "region": "us-east-1"}, "The provider works in another region"},
				"another account": {"", map[string]any{"name": "live", "account_id": "111111111111"}, "The credentials belong to another account"},
			} {
				w := newSession(t, a, options{system: system.Name}, nil)
				if text := w.importBy(wrong.id, wrong.identity); !strings.Contains(text, wrong.says) {
					t.Errorf("import by %s says %q, it should say %q", what, text, wrong.says)
				}
			}
			s.gone(a)
		})
	}
}

// TestProtocolReplace: another name is another system; the old one goes.
func TestProtocolReplace(t *testing.T) {
	t.Parallel()
	for _, system := range systems.All {
		t.Run(system.Name, func(t *testing.T) {
			a := newAccount(t)
			s := newSession(t, a, options{system: system.Name}, nil)
			if text := s.apply(exampleOf(system, nil)); text != "" {
				t.Fatal(text)
			}
			other := exampleOf(system, map[string]any{"name": "other", "force_destroy": true})
			b, err := system.Described(t.Context(), "live", nil)
			if err != nil {
				t.Fatal(err)
			}
			bears := slices.ContainsFunc(b.Parts, func(p *blueprint.Part) bool { return p.Data })
			if p := s.plan(other); strings.Contains(p.failed, "protected") != bears {
				t.Errorf("it bears data: %t; of its replacement the plan says %q", bears, p.failed)
			}
			if text := s.apply(exampleOf(system, forced)); text != "" {
				t.Fatal(text)
			}
			p := s.plan(other)
			if len(p.replace) != 1 || p.replace[0].String() != `AttributeName("name")` {
				t.Errorf("the plan replaces because of %v, it should because of name", p.replace)
			}
			if text := s.apply(other); text != "" {
				t.Fatal(text)
			}
			s.settled(other)
			for _, line := range mustInventory(t, a) {
				if strings.Contains(line, "live-") {
					t.Errorf("the old system left %s", line)
				}
			}
			s.gone(a)
		})
	}
}

// TestProtocolUnknown: with an unknown argument a plan promises nothing that
// the apply does not hold.
func TestProtocolUnknown(t *testing.T) {
	t.Parallel()
	for _, system := range systems.All {
		t.Run(system.Name, func(t *testing.T) {
			a := newAccount(t)
			s := newSession(t, a, options{system: system.Name}, nil)
			for what, value := range map[string]any{
				"permissions_boundary_arn": unknown{}, "kms_key_arn": unknown{}, "log_retention_days": unknown{},
				"tags": map[string]any{"owner": unknown{}}, "functions": unknown{}, "name": unknown{},
			} {
				mark := local.Gate().Meter().Mark()
				p := s.plan(exampleOf(system, map[string]any{what: value}))
				if p.failed != "" {
					t.Errorf("unknown %s: %s", what, p.failed)
					continue
				}
				if n := len(a.calls(mark)); n != 0 {
					t.Errorf("a plan with unknown %s made %d calls", what, n)
				}
				known := exampleOf(system, map[string]any{what: map[string]any{
					"permissions_boundary_arn": "arn:aws:iam::" + string(a) + ":policy/edge", "kms_key_arn": "arn:aws:kms:eu-central-1:" + string(a) + ":key/8d5d0ac6-0000-4000-8000-000000000001",
					"log_retention_days": 30, "tags": map[string]any{"owner": "anna"}, "functions": nil, "name": "live",
				}[what]})
				final := s.plan(known)
				if final.failed != "" {
					t.Errorf("known %s: %s", what, final.failed)
					continue
				}
				if err := compatible("", p.planned, final.planned); err != nil {
					t.Errorf("provider produced inconsistent final plan, once %s is known: %s", what, err)
				}
			}
		})
	}
}

func mustInventory(t *testing.T, a account) []string {
	t.Helper()
	found, err := localaws.Inventory(t.Context(), a.aws(home))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func ssmDelete(name string) *ssm.DeleteParameterInput { return &ssm.DeleteParameterInput{Name: &name} }
