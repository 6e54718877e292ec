package provider_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/kinds"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// deployed makes a system's example, and returns the session with its engine
// and its records.
func deployed(t *testing.T, a account, system systems.System) (*session, *deploy.Engine) {
	t.Helper()
	s := newSession(t, a, options{system: system.Name}, nil)
	if text := s.apply(exampleOf(system, forced)); text != "" {
		t.Fatal(text)
	}
	engine, err := a.engine(home)
	if err != nil {
		t.Fatal(err)
	}
	return s, engine
}

func records(t *testing.T, engine *deploy.Engine, system systems.System) map[string]deploy.Record {
	t.Helper()
	m, err := engine.Manifest(t.Context(), system.System, "live")
	if err != nil {
		t.Fatal(err)
	}
	if m == nil || m.Status != deploy.Ready || m.Claim != nil {
		t.Fatalf("the manifest is %+v, it should be ready and unclaimed", m)
	}
	return m.Parts
}

// repaired checks that a plan names just these parts' drift as going, and that
// an apply mends them.
func (s *session) repaired(config map[string]any, want []string) {
	s.t.Helper()
	if text := s.refresh(); text != "" {
		s.t.Fatal(text)
	}
	drift := stateTexts(s.t, s.state, "drift")
	if got := slices.Sorted(maps.Keys(drift)); !slices.Equal(got, want) {
		s.t.Errorf("drift names %q, it should name %q: %v", got, want, drift)
	}
	p := s.plan(config)
	if p.failed != "" {
		s.t.Fatal(p.failed)
	}
	if len(p.replace) > 0 {
		s.t.Errorf("the plan replaces the system because of %s", p.replace)
	}
	if planned := stateTexts(s.t, p.planned, "drift"); planned == nil || len(planned) != 0 {
		s.t.Errorf("drift is planned as %v, it should be empty", planned)
	}
	if text := s.applyPlan(p); text != "" {
		s.t.Fatal(text)
	}
	s.settled(config)
}

// TestByHand lets people at a system: everything that is changed or deleted by
// hand is named, and mended by an apply.
func TestByHand(t *testing.T) {
	t.Parallel()
	for _, system := range systems.All {
		t.Run(system.Name, func(t *testing.T) {
			a := newAccount(t)
			mark := local.Gate().Meter().Mark()
			s, engine := deployed(t, a, system)
			t.Logf("the apply of %d parts made %d calls", len(stateTexts(t, s.state, "parts")), len(a.calls(mark)))
			s.settled(exampleOf(system, forced))
			s.changedByHand(a, engine, system)
			s.manifestDeletedByHand(a, engine, system)
			s.deletedByHand(engine, system)
			s.gone(a)
		})
	}
}

// deletedByHand takes the parts of each kind away, one kind after the other; in
// the run of everything one part after the other.
func (s *session) deletedByHand(engine *deploy.Engine, system systems.System) {
	t := s.t
	t.Helper()
	for _, batch := range batches(records(t, engine, system)) {
		t.Log(batch)
		all := records(t, engine, system)
		deleted := map[string]deploy.Record{}
		for _, key := range batch {
			rec := all[key]
			if watched(all, key) {
				continue // AWS refuses: a composite alarm depends on it.
			}
			target := &kinds.Target{Key: key, Name: rec.Name, Attributes: rec.Attributes, Force: true, Tags: blueprint.Ownership(system.System, "live", key)}
			if err := engine.Kinds[rec.Kind].Delete(t.Context(), target); err != nil && engine.Kinds[rec.Kind].Transient(err) {
				t.Logf("AWS deletes no %s that is in use: %v", rec.Kind, err)
				continue
			} else if err != nil {
				t.Fatal(err)
			}
			deleted[key] = rec
		}
		if len(deleted) == 0 {
			continue
		}
		if text := s.refresh(); text != "" {
			t.Fatal(text)
		}
		drift := stateTexts(t, s.state, "drift")
		for key := range deleted {
			if !deploy.Missing(drift[key]) {
				t.Errorf("the drift of %s, which was deleted, is %q", key, drift[key])
			}
		}
		for other, line := range drift {
			within := func(rec deploy.Record) bool { return goesWith(all[other], rec) }
			if _, ok := deleted[other]; !ok && !slices.ContainsFunc(slices.Collect(maps.Values(deleted)), within) {
				t.Errorf("%s were deleted, and %s drifts: %s", slices.Sorted(maps.Keys(deleted)), other, line)
			}
		}
		s.repaired(exampleOf(system, forced), slices.Sorted(maps.Keys(drift)))
	}
}

// batches are the keys of the parts that are deleted together.
func batches(all map[string]deploy.Record) [][]string {
	together := map[string][]string{}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		batch := all[key].Kind
		if os.Getenv(allVariable) != "" {
			batch = key
		}
		together[batch] = append(together[batch], key)
	}
	var out [][]string
	for _, batch := range slices.Sorted(maps.Keys(together)) {
		out = append(out, together[batch])
	}
	return out
}

// watched reports whether the part is an alarm that another one depends on.
func watched(all map[string]deploy.Record, key string) bool {
	alarm := blueprint.AlarmSpec{}.Kind()
	return all[key].Kind == alarm && slices.ContainsFunc(slices.Collect(maps.Values(all)), func(r deploy.Record) bool {
		return r.Kind == alarm && slices.Contains(r.After, key)
	})
}

// goesWith reports whether a part lives inside another, so that it is gone
// when that one is.
func goesWith(part, other deploy.Record) bool {
	return strings.HasPrefix(part.Name, other.Name+"/") || strings.HasPrefix(part.Name, other.Name+":") ||
		part.Name == other.Name && other.Kind == blueprint.BucketSpec{}.Kind()
}

// gone destroys the system, and checks that nothing is left.
func (s *session) gone(a account) {
	s.t.Helper()
	if text := s.destroy(); text != "" {
		s.t.Fatal(text)
	}
	if err := a.expectInventory(home); err != nil {
		s.t.Error(err)
	}
}

// changedByHand changes every part at once.
func (s *session) changedByHand(a account, engine *deploy.Engine, system systems.System) {
	t := s.t
	t.Helper()
	all := records(t, engine, system)
	for key, rec := range all {
		change, ok := meddle[rec.Kind]
		if !ok {
			t.Fatalf("this test does not know how to meddle with a %s", rec.Kind)
		}
		if err := change(t.Context(), a.aws(home), rec); err != nil {
			t.Fatalf("meddle with %s: %s", key, err)
		}
	}
	s.repaired(exampleOf(system, forced), slices.Sorted(maps.Keys(all)))
}

// manifestDeletedByHand: the state alone is enough to write it anew.
func (s *session) manifestDeletedByHand(a account, engine *deploy.Engine, system systems.System) {
	t := s.t
	t.Helper()
	before := records(t, engine, system)
	var names []string
	for _, line := range mustInventory(t, a) {
		name, ok := strings.CutPrefix(line, "parameter ")
		if ok && !slices.ContainsFunc(slices.Collect(maps.Values(before)), func(r deploy.Record) bool { return r.Name == name }) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if _, err := engine.AWS.SSM.DeleteParameter(t.Context(), ssmDelete(name)); err != nil {
			t.Fatal(err)
		}
	}
	s.repaired(exampleOf(system, forced), []string{deploy.ManifestPart})
	after := records(t, engine, system)
	for key, rec := range before {
		if got := after[key]; got.Name != rec.Name || got.Digest != rec.Digest || !maps.Equal(got.Attributes, rec.Attributes) {
			t.Errorf("the record of %s is %+v, it was %+v", key, got, rec)
		}
	}
}
