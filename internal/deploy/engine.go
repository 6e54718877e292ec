// Package deploy is the engine: it brings what a blueprint describes into
// being, keeps it so, and takes it away again. It holds the promises of the
// provider: crash safety, honest plans, three-way drift, ownership.
package deploy

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/kinds"
)

// Engine deploys systems in one account and region.
type Engine struct {
	AWS   *awsclient.Client
	Kinds map[string]kinds.Driver
	// Overrides reads what is set instead of the arguments whose controls are in one
	// item, by argument.
	Overrides func(ctx context.Context, controls []*blueprint.Control, table string) (map[string]blueprint.Override, error)
	// Readers reads who reads which items, by their keys.
	Readers func(ctx context.Context, r *blueprint.Readership, table string) (map[string]string, error)
	Clock   kinds.Clock
	// NewID makes the random ids of claims.
	NewID func() string
	// Holder describes this process in its claims.
	Holder Holder
	// Version of the provider, for the manifest.
	Version string
	// Width is the greatest number of parts that are worked on at once.
	Width int
}

// defaultWidth is wide enough for the widest layer of any system here; AWS's
// control-plane rates are held by awsclient.
const defaultWidth = 32

// New returns an engine with the real clock and randomness.
func New(aws *awsclient.Client, content func(context.Context, string) ([]byte, error), version string) *Engine {
	env := kinds.Env{AWS: aws, Clock: SystemClock{}, Content: content, Random: rand.Reader}
	return &Engine{
		AWS: aws, Kinds: kinds.All(env), Overrides: env.Overrides, Readers: env.Readers, Clock: SystemClock{}, Width: defaultWidth,
		NewID: func() string { return rand.Text()[:12] }, Holder: Self(), Version: version,
	}
}

// SystemClock is the time of day.
type SystemClock struct{}

// Now returns the current time.
func (SystemClock) Now() time.Time { return time.Now() }

// After waits.
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Input is one system to apply, observe or destroy.
type Input struct {
	// Blueprint from the planned arguments (for Apply) or from the state's.
	Blueprint *blueprint.Blueprint
	// Arguments in canonical JSON, for the manifest.
	Arguments json.RawMessage
	// Create is true where Terraform knows no such resource yet.
	Create bool
	// Drift are the keys of parts that the plan says are to be repaired, with what
	// is wrong with them.
	Drift map[string]string
	// Overrides are what the plan says is in force instead of arguments.
	Overrides map[string]blueprint.Override
	// Readers are what the plan says of who reads which items.
	Readers map[string]string
	// Deployment is the manifest's ID as the state remembers it; empty where it
	// does not.
	Deployment string
	// Digests of the parts as Terraform's state has them; they serve when the
	// manifest was deleted behind our back.
	Digests map[string]string
}

// Result is what exists after an operation, however it ended.
type Result struct {
	// Exists is false when nothing of the system is there.
	Exists bool
	// Digests of the parts that exist, as last applied; Incomplete for those
	// that are half-made.
	Digests map[string]string
	// Drift has a readable line for each part that is not as last applied.
	Drift      map[string]string
	Outputs    map[string]string
	OutputMaps map[string]map[string]string
	// Overrides are in force instead of arguments, by the argument's name. Observe
	// reads them; Apply and Destroy give back what the plan had.
	Overrides map[string]blueprint.Override
	// Account and Region where the system is.
	Account, Region string
	// Lingering names what a destroy leaves behind until AWS deletes it.
	Lingering []string
	Failures  []Failure
	Manifest  *Manifest
}

// Incomplete stands for the digest of a part that exists half-made.
const Incomplete = "incomplete"

// ManifestPart is the key under which a lost manifest is reported as drift.
const ManifestPart = "manifest"

func (e *Engine) store(b *blueprint.Blueprint) *store {
	s := b.Settings
	return &store{ssm: e.AWS.SSM, path: Path(s.System, s.Name), tags: b.Tags(ManifestPart), newID: e.NewID}
}

// Manifest reads the manifest of a system, or nil where there is none.
func (e *Engine) Manifest(ctx context.Context, system blueprint.System, name string) (*Manifest, error) {
	m, _, err := e.Look(ctx, system, name)
	return m, err
}

// Look reads the manifest of a system, or nil where there is none, and says
// whether the holder of its claim shows signs of life.
func (e *Engine) Look(ctx context.Context, system blueprint.System, name string) (m *Manifest, atWork bool, err error) {
	s := &store{ssm: e.AWS.SSM, path: Path(system, name), newID: e.NewID}
	m, old, err := s.read(ctx)
	if errors.Is(err, errNoManifest) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return m, m.Claim != nil && !m.Claim.gone(e.Holder) && time.Duration(old) < staleAfter, nil
}

// place returns where the engine works.
func (e *Engine) place(ctx context.Context) (blueprint.Place, error) {
	account, err := e.AWS.Account(ctx)
	if err != nil {
		return blueprint.Place{}, err
	}
	return blueprint.Place{Partition: e.AWS.Partition(), Region: e.AWS.Region(), Account: account}, nil
}

// Place returns the account and region that the engine works in.
func (e *Engine) Place(ctx context.Context) (blueprint.Place, error) { return e.place(ctx) }

// resolver replaces the tokens of one blueprint by what is known of its parts.
type resolver struct {
	blue  *blueprint.Blueprint
	place blueprint.Place
	// names and attributes by part key.
	names      map[string]string
	attributes func(key string) kinds.Attributes
}

// newResolver fixes the physical names: those that the manifest has recorded,
// under the part's key or a former one, and derived ones for the rest.
func newResolver(b *blueprint.Blueprint, place blueprint.Place, records map[string]Record, attributes func(string) kinds.Attributes) (*resolver, error) {
	r := &resolver{blue: b, place: place, names: map[string]string{}, attributes: attributes}
	for _, p := range b.Parts {
		if rec, ok := record(records, p); ok && rec.Name != "" {
			r.names[p.Key] = rec.Name
		}
	}
	for _, p := range b.Parts {
		if _, known := r.names[p.Key]; known {
			continue
		}
		name, err := r.text(p.Name)
		if err != nil {
			return nil, fmt.Errorf("name of part %q: %w", p.Key, err)
		}
		r.names[p.Key] = name
	}
	return r, nil
}

// record returns what the manifest has of a part, under its key or a former one.
func record(records map[string]Record, p *blueprint.Part) (Record, bool) {
	for _, key := range append([]string{p.Key}, p.Former...) {
		if rec, ok := records[key]; ok {
			return rec, true
		}
	}
	return Record{}, false
}

func (r *resolver) text(s string) (string, error) {
	return blueprint.Resolve(s, r.place, func(ref blueprint.Reference) (string, bool) {
		if ref.Attribute == blueprint.NameAttribute {
			if name, ok := r.names[ref.Part]; ok {
				return name, true
			}
			p := r.blue.Part(ref.Part)
			if p == nil {
				return "", false
			}
			name, err := r.text(p.Name)
			return name, err == nil
		}
		v, ok := r.attributes(ref.Part)[ref.Attribute]
		return v, ok
	})
}

func (r *resolver) spec(p *blueprint.Part) (blueprint.Spec, error) {
	return blueprint.ResolveSpec(p.Spec, r.text)
}

// target is what a kind works on.
func (r *resolver) target(p *blueprint.Part, rec Record, retired []string) *kinds.Target {
	return &kinds.Target{
		Key: p.Key, Name: r.names[p.Key], Attributes: maps.Clone(rec.Attributes),
		Tags: r.blue.Tags(p.Key), Retired: retired,
		Force: !p.Data || r.blue.Settings.ForceDestroy,
	}
}

// retired are the keys of the user's tags that were applied and are no longer
// wanted.
func retired(applied, wanted map[string]string) []string {
	var out []string
	for _, k := range sortedKeys(applied) {
		if _, still := wanted[k]; !still {
			out = append(out, k)
		}
	}
	return out
}

// outputs resolves the outputs that can be; those whose parts are not there are
// left out.
func (r *resolver) outputs(into *Result, read map[string]blueprint.Override, readers map[string]string) {
	into.Outputs, into.OutputMaps = map[string]string{}, map[string]map[string]string{}
	into.Overrides = r.blue.Overrides(read)
	for name, value := range r.blue.Outputs {
		if v, err := r.text(r.blue.InForce(value, read)); err == nil {
			into.Outputs[name] = v
		}
	}
	for name, values := range r.blue.OutputMaps {
		resolved := map[string]string{}
		for k, value := range values {
			if v, err := r.text(r.blue.InForce(value, read)); err == nil {
				resolved[k] = v
			}
		}
		into.OutputMaps[name] = resolved
	}
	if r.blue.Readership != nil {
		into.OutputMaps[blueprint.ReadersOutput] = readers
	}
}

func digests(records map[string]Record) map[string]string {
	out := map[string]string{}
	for key, rec := range records {
		out[key] = rec.Digest
		if rec.Digest == "" {
			out[key] = Incomplete
		}
	}
	return out
}

// sortedKeys returns the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
