package deploy

import (
	"slices"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// Prior is what Terraform's state says of a system; the zero value for one that
// is to be created.
type Prior struct {
	Digests map[string]string
	Drift   map[string]string
	// ForceDestroy as last applied.
	ForceDestroy bool
}

// Planned is what an apply will do, as far as it can be told beforehand. It
// comes from the blueprint and the state alone: nothing is asked of AWS.
type Planned struct {
	// Digests after the apply; nil where a value of the part's spec, or a part
	// that it refers to by an attribute that only AWS gives, is not known yet.
	Digests map[string]*string
	// Made are the parts that will be created or replaced.
	Made map[string]bool
	// Changed are those that will be, or may be, created, replaced or changed.
	Changed map[string]bool
	// Failures are changes that will be refused.
	Failures []Failure
}

// Plan compares a blueprint with the state.
func Plan(b *blueprint.Blueprint, prior Prior) Planned {
	p := Planned{Digests: map[string]*string{}, Made: map[string]bool{}, Changed: map[string]bool{}}
	d := &run{diagnosis: diagnosis{system: b.Settings.System, name: b.Settings.Name}}
	for _, part := range b.Parts {
		before, existed := priorDigest(prior.Digests, part)
		digest, known := b.Digest(part)
		if known {
			p.Digests[part.Key] = &digest
		} else {
			p.Digests[part.Key] = nil
		}
		replaced := existed && before != Incomplete && known && !blueprint.SameObject(before, digest)
		p.Made[part.Key] = !existed || before == Incomplete || Missing(prior.Drift[part.Key]) || replaced
		if replaced && part.Data && !prior.ForceDestroy {
			p.Failures = append(p.Failures, d.protected(part.Key, Record{Kind: part.Spec.Kind(), Name: blueprint.Readable(part.Name)}, "the change cannot be made in place"))
		}
	}
	// What refers to something made anew is changed too, whatever its digest:
	// the plan names it.
	for _, part := range b.Parts {
		before, existed := priorDigest(prior.Digests, part)
		if !existed || before == Incomplete {
			continue
		}
		for _, ref := range b.AttributeReferences(part) {
			if p.Made[ref.Part] && ref.Part != part.Key {
				p.Digests[part.Key] = nil
			}
		}
	}
	for _, part := range b.Parts {
		before, _ := priorDigest(prior.Digests, part)
		digest := p.Digests[part.Key]
		p.Changed[part.Key] = p.Made[part.Key] || digest == nil || *digest != before || prior.Drift[part.Key] != ""
	}
	return p
}

func priorDigest(digests map[string]string, p *blueprint.Part) (string, bool) {
	for _, key := range append([]string{p.Key}, p.Former...) {
		if d, ok := digests[key]; ok {
			return d, true
		}
	}
	return "", false
}

// Unknown reports whether a text with references will be known only after the
// apply: one of its parts is made, or changed where it gets a new version by
// that, or it depends on an unknown argument.
func (p Planned) Unknown(text string) bool {
	return blueprint.HasUnknown(text) || slices.ContainsFunc(blueprint.References(text), func(r blueprint.Reference) bool {
		return p.Made[r.Part] || r.Attribute == blueprint.VersionAttribute && p.Changed[r.Part]
	})
}

// PlanDestroy returns why a destroy will be refused, from the state alone.
func PlanDestroy(b *blueprint.Blueprint, digests map[string]string) []Failure {
	var held []string
	for _, p := range b.Parts {
		if _, there := digests[p.Key]; there && p.Data {
			held = append(held, label(p.Spec.Kind())+" \""+p.Key+"\"")
		}
	}
	if len(held) == 0 {
		return nil
	}
	slices.Sort(held)
	return []Failure{Protected(b.Settings.System, b.Settings.Name, held)}
}
