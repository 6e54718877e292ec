package deploy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/kinds"
)

// Apply makes AWS have what the blueprint describes. It touches only parts that
// are new, changed, drifted or refer to something made anew. However it ends,
// the result says what exists.
func (e *Engine) Apply(ctx context.Context, in Input) Result {
	b := in.Blueprint
	operation := "update"
	status := Updating
	if in.Create {
		operation, status = "create", Creating
	}
	d := diagnosis{system: b.Settings.System, name: b.Settings.Name, create: in.Create}
	place, err := e.place(ctx)
	if err != nil {
		return Result{Failures: []Failure{d.of("find out the account", err)}}
	}
	initial := &Manifest{
		ID: in.Deployment, System: b.Settings.System.Name, Name: b.Settings.Name, Status: status, Provider: e.Version,
		Arguments: in.Arguments, BundleSHA256: b.Settings.BundleSHA256,
		Tags: b.Settings.Tags, ForceDestroy: b.Settings.ForceDestroy,
		// Where the manifest was lost, what the state knows may bear data.
		Live: !in.Create && len(in.Digests) > 0,
	}
	ctx, se, err := e.open(ctx, e.store(b), initial, operation, in.Create, func(recorded map[string]Record) map[string]Record { return intended(b, place, recorded) })
	if err != nil {
		return Result{Failures: []Failure{d.of(operation, err)}}
	}
	run := newRun(e, se, in, place, d)
	run.adoptRecords()
	if len(run.failures) == 0 {
		// What a killed apply may have made and is wanted no longer.
		run.verify(ctx, run.unfinished(func(key string) bool { return b.Part(key) == nil }))
	}
	if len(run.failures) == 0 {
		run.guard()
	}
	if len(run.failures) == 0 {
		run.heed(ctx)
	}
	if len(run.failures) > 0 {
		return run.refuse(ctx)
	}
	run.apply(ctx)
	return run.finish(ctx)
}

// run is one apply or destroy under way.
type run struct {
	engine   *Engine
	session  *session
	in       Input
	blue     *blueprint.Blueprint
	resolver *resolver
	diagnosis
	// retired tags to take off the parts that are touched.
	retired []string
	// drifted parts are to be repaired; missing is true for those that are not
	// there.
	drifted, missing map[string]bool
	// needed are the attributes that others refer to, by part key.
	needed map[string][]string

	mu       sync.Mutex
	records  map[string]Record
	failures []Failure
}

func newRun(e *Engine, se *session, in Input, place blueprint.Place, d diagnosis) *run {
	r := &run{engine: e, session: se, in: in, blue: in.Blueprint, diagnosis: d, records: map[string]Record{}, drifted: map[string]bool{}, missing: map[string]bool{}}
	maps.Copy(r.records, se.manifest.Begun)
	maps.Copy(r.records, se.manifest.Parts)
	if se.fresh && !in.Create {
		// The manifest was lost: what the state remembers is all there is.
		for _, p := range in.Blueprint.Parts {
			if digest, ok := in.Digests[p.Key]; ok {
				if digest == Incomplete {
					digest = ""
				}
				r.records[p.Key] = Record{Kind: p.Spec.Kind(), Digest: digest, Data: p.Data, After: in.Blueprint.Dependencies(p)}
				r.drifted[p.Key] = true
			}
		}
	}
	for key, line := range in.Drift {
		r.drifted[key], r.missing[key] = true, Missing(line)
	}
	r.retired = retired(se.manifest.Tags, in.Blueprint.Settings.Tags)
	r.needed = needed(in.Blueprint)
	resolver, err := newResolver(in.Blueprint, place, r.records, r.attributes)
	if err != nil {
		r.failures = append(r.failures, d.of("name the parts", err))
	}
	r.resolver = resolver
	return r
}

func (r *run) attributes(key string) kinds.Attributes {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.records[key].Attributes
}

// adoptRecords moves what the manifest has under former keys to the new ones.
func (r *run) adoptRecords() {
	for _, p := range r.blue.Parts {
		for _, former := range p.Former {
			rec, ok := r.records[former]
			if _, there := r.records[p.Key]; ok && !there && r.blue.Part(former) == nil {
				r.records[p.Key] = rec
				delete(r.records, former)
			}
		}
	}
}

// guard refuses, before anything is changed, what would delete the user's data.
func (r *run) guard() {
	if r.session.manifest.ForceDestroy {
		return
	}
	for _, key := range sortedKeys(r.records) {
		rec := r.records[key]
		p := r.blue.Part(key)
		switch {
		case !rec.Data:
		case p == nil:
			r.fail(r.protected(key, rec, "the new version of the system has it no longer"))
		default:
			digest, _ := r.blue.Digest(p)
			if rec.Digest != "" && !blueprint.SameObject(rec.Digest, digest) {
				r.fail(r.protected(key, rec, "the change cannot be made in place"))
			}
		}
	}
}

func (r *run) fail(f Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, f)
}

func (r *run) apply(ctx context.Context) {
	var keys []string
	for _, p := range r.blue.Parts {
		keys = append(keys, p.Key)
	}
	before := func(key string) []string { return r.blue.Dependencies(r.blue.Part(key)) }
	walk(ctx, r.engine.Width, keys, before, func(ctx context.Context, key string) error {
		return r.part(ctx, r.blue.Part(key))
	})
	if len(r.failures) == 0 && ctx.Err() == nil {
		r.prune(ctx)
	}
	if len(r.failures) == 0 && ctx.Err() != nil {
		r.fail(r.of("finish", context.Cause(ctx)))
	}
}

// part brings one part to what the blueprint says, where anything speaks for it.
func (r *run) part(ctx context.Context, p *blueprint.Part) error {
	want, err := r.resolver.spec(p)
	if err != nil {
		r.fail(r.ofPart("prepare", p.Key, p.Spec.Kind(), r.resolver.names[p.Key], err))
		return err
	}
	r.mu.Lock()
	rec, known := r.records[p.Key]
	r.mu.Unlock()
	digest, _ := r.blue.Digest(p)
	inputs := inputs(want)
	if known && rec.Digest == digest && rec.Inputs == inputs && !r.drifted[p.Key] && r.tells(p.Key, rec) {
		return nil
	}
	target := r.resolver.target(p, rec, r.retired)
	// What may not be there is not looked at but made: only that tells an object
	// from one that is being deleted.
	there := rec.made() && !r.missing[p.Key]
	attributes, begun, err := r.converge(ctx, p, target, want, rec.made(), there)
	next := Record{
		Kind: p.Spec.Kind(), Name: target.Name, Digest: digest, Inputs: inputs, Attributes: attributes,
		After: r.blue.Dependencies(p), Data: p.Data,
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		action := "create"
		if rec.made() {
			action = "update"
		}
		if known {
			// What was applied before still says the most of what is there.
			next.Digest, next.Inputs, next.Attributes = rec.Digest, "", rec.Attributes
		} else {
			next.Digest, next.Inputs = "", ""
		}
		if known || begun {
			r.records[p.Key] = next
		}
		r.failures = append(r.failures, r.ofPart(action, p.Key, p.Spec.Kind(), target.Name, err))
		return err
	}
	r.records[p.Key] = next
	return nil
}

// needed are the attributes of parts that other parts and outputs refer to.
func needed(b *blueprint.Blueprint) map[string][]string {
	out := map[string][]string{}
	add := func(refs []blueprint.Reference) {
		for _, ref := range refs {
			if ref.Attribute != blueprint.NameAttribute {
				out[ref.Part] = append(out[ref.Part], ref.Attribute)
			}
		}
	}
	for _, p := range b.Parts {
		add(b.AttributeReferences(p))
	}
	for _, text := range b.Outputs {
		add(blueprint.References(text))
	}
	for _, texts := range b.OutputMaps {
		for _, text := range texts {
			add(blueprint.References(text))
		}
	}
	return out
}

// tells reports whether a record has all that is referred to. What an earlier
// version of the provider wrote may lack some of it.
func (r *run) tells(key string, rec Record) bool {
	return !slices.ContainsFunc(r.needed[key], func(attribute string) bool { _, there := rec.Attributes[attribute]; return !there })
}

// inputs digests a resolved spec.
func inputs(want blueprint.Spec) string {
	b, err := json.Marshal(want)
	if err != nil {
		return ""
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:4])
}

// prune deletes the parts that the blueprint has no longer.
func (r *run) prune(ctx context.Context) {
	var gone []string
	for key := range r.records {
		if r.blue.Part(key) == nil {
			gone = append(gone, key)
		}
	}
	r.deleteParts(ctx, gone, r.session.manifest.ForceDestroy)
}

// refuse gives the claim up and leaves the manifest as it was: nothing was changed.
func (r *run) refuse(ctx context.Context) Result {
	m := r.session.manifest
	m.Status = r.session.before
	if r.session.fresh {
		m.Parts = r.records
	}
	return r.close(ctx)
}

// finish writes the manifest as far as the work has come.
func (r *run) finish(ctx context.Context) Result {
	m := r.session.manifest
	m.Provider, m.Parts, m.Begun = r.engine.Version, r.records, nil
	m.Arguments = r.in.Arguments
	if r.bundled() {
		m.BundleSHA256 = r.blue.Settings.BundleSHA256
	}
	if len(r.failures) == 0 {
		m.Status, m.Live = Ready, true
		m.Tags, m.ForceDestroy = r.blue.Settings.Tags, r.blue.Settings.ForceDestroy
	} else {
		// Until all parts carry the new tags, the old ones count as applied too.
		m.Tags = maps.Clone(m.Tags)
		if m.Tags == nil {
			m.Tags = map[string]string{}
		}
		maps.Copy(m.Tags, r.blue.Settings.Tags)
	}
	return r.close(ctx)
}

// bundled reports whether the blueprint's functions are those that are deployed: an
// apply that failed before it came to their zip has left the functions as they were.
func (r *run) bundled() bool {
	bundle := r.blue.Bundle()
	if bundle == nil || !r.session.manifest.Live {
		return true
	}
	digest, _ := r.blue.Digest(bundle)
	return r.records[bundle.Key].Digest == digest
}

// close gives up the claim and says what exists.
func (r *run) close(ctx context.Context) Result {
	m := r.session.manifest
	closing, cancel := r.engine.afterwards(ctx)
	defer cancel()
	if err := r.session.close(closing); err != nil {
		r.fail(r.of("finish the manifest", err))
	}
	res := Result{Exists: true, Digests: digests(r.records), Drift: map[string]string{}, Failures: r.failures, Manifest: m}
	if r.resolver != nil {
		res.Account, res.Region = r.resolver.place.Account, r.resolver.place.Region
		r.resolver.outputs(&res, r.in.Overrides, r.in.Readers)
	}
	return res
}

// afterwards returns a context in which the end of an operation can be written
// down even when the operation itself was interrupted.
func (e *Engine) afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
}
