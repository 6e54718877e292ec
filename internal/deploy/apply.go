package deploy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
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
		System: b.Settings.System.Name, Name: b.Settings.Name, Status: status, Provider: e.Version,
		Arguments: in.Arguments, BundleSHA256: b.Settings.BundleSHA256,
		TagKeys: sortedKeys(b.Settings.Tags), ForceDestroy: b.Settings.ForceDestroy,
	}
	ctx, se, err := e.open(ctx, e.store(b), initial, operation, in.Create)
	if err != nil {
		return Result{Failures: []Failure{d.of(operation, err)}}
	}
	run := newRun(e, se, in, place, d)
	run.adoptRecords()
	if len(run.failures) == 0 {
		run.guard()
	}
	if len(run.failures) == 0 {
		run.apply(ctx)
	}
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
	drifted map[string]bool

	mu       sync.Mutex
	records  map[string]Record
	failures []Failure
}

func newRun(e *Engine, se *session, in Input, place blueprint.Place, d diagnosis) *run {
	r := &run{engine: e, session: se, in: in, blue: in.Blueprint, diagnosis: d, records: map[string]Record{}, drifted: map[string]bool{}}
	maps.Copy(r.records, se.manifest.Parts)
	if se.fresh && !in.Create {
		// The manifest was lost: what the state remembers is all there is.
		for _, p := range in.Blueprint.Parts {
			if digest, ok := in.Digests[p.Key]; ok {
				r.records[p.Key] = Record{Kind: p.Spec.Kind(), Digest: digest, Data: p.Data, After: in.Blueprint.Dependencies(p)}
				r.drifted[p.Key] = true
			}
		}
	}
	for _, key := range in.Drift {
		r.drifted[key] = true
	}
	r.retired = retired(se.manifest.TagKeys, in.Blueprint.Settings.Tags)
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
	if known && rec.Digest == digest && rec.Inputs == inputs && !r.drifted[p.Key] {
		return nil
	}
	target := r.resolver.target(p, rec, r.retired)
	attributes, begun, err := r.converge(ctx, p, target, want, rec, known)
	next := Record{
		Kind: p.Spec.Kind(), Name: target.Name, Digest: digest, Inputs: inputs, Attributes: attributes,
		After: r.blue.Dependencies(p), Data: p.Data,
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		action := "create"
		if known {
			action = "update"
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

// inputs digests a resolved spec.
func inputs(want blueprint.Spec) string {
	b, err := json.Marshal(want)
	if err != nil {
		return ""
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:4])
}

// patience bounds how long a part's transient errors are waited out: longer
// than the 60 s after which SQS gives a deleted queue's name free, and than IAM
// takes to spread a new role.
const patience = 2 * time.Minute

// converge creates the part, or observes it and changes what differs, until it
// is as wanted. begun says whether an object may exist afterwards.
func (r *run) converge(ctx context.Context, p *blueprint.Part, t *kinds.Target, want blueprint.Spec, _ Record, known bool) (a kinds.Attributes, begun bool, err error) {
	driver, ok := r.engine.Kinds[p.Spec.Kind()]
	if !ok {
		return nil, false, fmt.Errorf("there is no kind %q", p.Spec.Kind())
	}
	// On a fresh claim nothing of that name is expected: try to create first.
	observe := known || !r.session.fresh
	began := r.engine.Clock.Now()
	for pause := first; ; pause = min(2*pause, longest) {
		if observe {
			a, err = r.reconcile(ctx, driver, p, t, want, known)
		} else {
			begun = true
			a, err = driver.Create(ctx, t, want)
		}
		observe = true
		switch {
		case err == nil:
			return a, true, nil
		case errors.Is(err, kinds.ErrPresent):
		case driver.Transient(err):
			begun = true
		default:
			var foreign *foreignError
			return nil, begun && !errors.As(err, &foreign), err
		}
		if r.engine.Clock.Now().Sub(began) > patience {
			return nil, begun, fmt.Errorf("still so after %s: %w", patience, err)
		}
		if errors.Is(err, kinds.ErrPresent) && pause == first {
			continue
		}
		select {
		case <-ctx.Done():
			return nil, begun, fmt.Errorf("%w; the last answer was: %w", context.Cause(ctx), err)
		case <-r.engine.Clock.After(pause):
		}
	}
}

// Pauses between the attempts at a part.
const (
	first   = 250 * time.Millisecond
	longest = 5 * time.Second
)

// foreignError is an object of the part's name that is not ours.
type foreignError struct{ name, owner string }

func (e *foreignError) Error() string {
	return fmt.Sprintf("%s exists already and %s", e.name, e.owner)
}

// reconcile observes the part and changes only what differs.
func (r *run) reconcile(ctx context.Context, driver kinds.Driver, p *blueprint.Part, t *kinds.Target, want blueprint.Spec, known bool) (kinds.Attributes, error) {
	live, err := driver.Observe(ctx, t)
	if errors.Is(err, kinds.ErrAbsent) {
		t.Attributes = nil
		return driver.Create(ctx, t, want)
	}
	if err != nil {
		return nil, fmt.Errorf("observe: %w", err)
	}
	if err := r.ours(driver, t, live, known); err != nil {
		return nil, err
	}
	changed := kinds.Changes{}
	for _, d := range blueprint.Compare(want, live.Spec, p.RuntimeOwned) {
		changed[d.Field.Name] = true
		if d.Field.Fixed {
			return r.replace(ctx, driver, p, t, want)
		}
	}
	attributes := live.Attributes
	if len(changed) > 0 || len(differing(t.Attributes, live.Attributes)) > 0 {
		if attributes, err = driver.Update(ctx, t, want, live, changed); err != nil {
			return nil, err
		}
	}
	return attributes, r.tag(ctx, driver, t, live)
}

// replace makes a part anew whose change AWS cannot make in place.
func (r *run) replace(ctx context.Context, driver kinds.Driver, p *blueprint.Part, t *kinds.Target, want blueprint.Spec) (kinds.Attributes, error) {
	if p.Data && !r.session.manifest.ForceDestroy {
		return nil, fmt.Errorf("this cannot be changed in place, and the %s bears data: set force_destroy = true, apply, then apply the change", p.Spec.Kind())
	}
	if err := driver.Delete(ctx, t); err != nil {
		return nil, fmt.Errorf("delete in order to make it anew: %w", err)
	}
	t.Attributes = nil
	return driver.Create(ctx, t, want)
}

// tag brings the tags of an existing part to what they should be.
func (r *run) tag(ctx context.Context, driver kinds.Driver, t *kinds.Target, live *kinds.Observation) error {
	if driver.Facts().Ownership != kinds.OwnedByTags {
		return nil
	}
	set := map[string]string{}
	for k, v := range t.Tags {
		if have, ok := live.Tags[k]; !ok || have != v {
			set[k] = v
		}
	}
	remove := slices.DeleteFunc(slices.Clone(t.Retired), func(k string) bool { _, there := live.Tags[k]; return !there })
	if len(set)+len(remove) == 0 {
		return nil
	}
	if err := driver.Tag(ctx, t, set, remove); err != nil {
		return fmt.Errorf("tag: %w", err)
	}
	return nil
}

// ours returns an error that names the owner of an object that is not ours.
// What the manifest has recorded is ours, whatever became of its tags.
func (r *run) ours(driver kinds.Driver, t *kinds.Target, live *kinds.Observation, known bool) error {
	if known || driver.Facts().Ownership == kinds.OwnedByParent {
		return nil
	}
	s := r.blue.Settings
	if live.Tags[blueprint.TagSystem] == s.System.Name && live.Tags[blueprint.TagName] == s.Name {
		return nil
	}
	return &foreignError{t.Name, owner(live.Tags)}
}

// owner says whose an object is, as far as its tags tell.
func owner(tags map[string]string) string {
	if tags[blueprint.TagSystem] != "" {
		return fmt.Sprintf("belongs to %s %q", tags[blueprint.TagSystem], tags[blueprint.TagName])
	}
	if len(tags) == 0 {
		return "carries no tags that tell its owner"
	}
	text := "is not of this provider's making; its tags are"
	for _, k := range sortedKeys(tags) {
		text += fmt.Sprintf(" %s=%q", k, tags[k])
	}
	return text
}

// differing returns the attributes that are recorded and are now otherwise.
func differing(recorded, observed kinds.Attributes) []string {
	var out []string
	for _, k := range sortedKeys(recorded) {
		if v, ok := observed[k]; ok && v != recorded[k] {
			out = append(out, k)
		}
	}
	return out
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

// finish writes the manifest as far as the work has come, gives up the claim
// and says what exists.
func (r *run) finish(ctx context.Context) Result {
	m := r.session.manifest
	m.Provider, m.Parts = r.engine.Version, r.records
	m.Arguments, m.BundleSHA256 = r.in.Arguments, r.blue.Settings.BundleSHA256
	if len(r.failures) == 0 {
		m.Status, m.Live = Ready, true
		m.TagKeys, m.ForceDestroy = sortedKeys(r.blue.Settings.Tags), r.blue.Settings.ForceDestroy
	} else {
		// Until all parts carry the new tags, the old ones count as applied too.
		m.TagKeys = slices.Compact(slices.Sorted(slices.Values(append(m.TagKeys, sortedKeys(r.blue.Settings.Tags)...))))
	}
	closing, cancel := r.engine.afterwards(ctx)
	defer cancel()
	if err := r.session.close(closing); err != nil {
		r.fail(r.of("finish the manifest", err))
	}
	res := Result{Exists: true, Digests: digests(r.records), Drift: map[string]string{}, Failures: r.failures, Manifest: m}
	if r.resolver != nil {
		res.Account, res.Region = r.resolver.place.Account, r.resolver.place.Region
		r.resolver.outputs(&res)
	}
	return res
}

// afterwards returns a context in which the end of an operation can be written
// down even when the operation itself was interrupted.
func (e *Engine) afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
}
