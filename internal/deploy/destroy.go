package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/kinds"
)

// Destroy deletes every part and then the manifest. Parts that bear data are
// checked before the first is deleted. The result's Exists is false only when
// everything is gone.
func (e *Engine) Destroy(ctx context.Context, in Input) Result {
	b := in.Blueprint
	d := diagnosis{system: b.Settings.System, name: b.Settings.Name}
	place, err := e.place(ctx)
	if err != nil {
		return Result{Exists: true, Failures: []Failure{d.of("find out the account", err)}}
	}
	initial := &Manifest{
		ID: in.Deployment, System: b.Settings.System.Name, Name: b.Settings.Name, Status: Destroying, Provider: e.Version,
		Arguments: in.Arguments, ForceDestroy: b.Settings.ForceDestroy, BundleSHA256: b.Settings.BundleSHA256,
	}
	ctx, se, err := e.open(ctx, e.store(b), initial, "destroy", false)
	if errors.Is(err, errReplaced) {
		// What the state means is gone; its successor is not ours to destroy.
		return Result{}
	}
	if err != nil {
		return Result{Exists: true, Failures: []Failure{d.of("destroy", err)}}
	}
	if se.fresh {
		// The manifest was lost, and with it whether an apply has ever finished:
		// what the state knows may bear data.
		se.manifest.Live = len(in.Digests) > 0
	}
	run := newRun(e, se, in, place, d)
	if len(run.failures) == 0 {
		run.unmanifested(ctx)
	}
	if len(run.failures) == 0 {
		run.protect()
	}
	lingering := run.lingering()
	if len(run.failures) == 0 {
		run.deleteParts(ctx, sortedKeys(run.records), true)
	}
	if len(run.failures) == 0 && ctx.Err() != nil {
		run.fail(run.of("destroy", context.Cause(ctx)))
	}
	if len(run.failures) > 0 {
		return run.abandon(ctx)
	}
	closing, cancel := e.afterwards(ctx)
	defer cancel()
	if err := se.remove(closing); err != nil {
		run.fail(run.of("delete the manifest", err))
		return Result{Exists: true, Digests: map[string]string{}, Failures: run.failures, Account: place.Account, Region: place.Region}
	}
	return Result{Lingering: lingering}
}

// lingering names the recorded parts that AWS deletes only after a while.
func (r *run) lingering() []string {
	var out []string
	for _, key := range sortedKeys(r.records) {
		rec := r.records[key]
		driver, known := r.engine.Kinds[rec.Kind]
		if !known || driver.Facts().Lingers == "" {
			continue
		}
		name := rec.Name
		if id := rec.Attributes["id"]; id != "" {
			name += ", " + id
		}
		out = append(out, fmt.Sprintf("%s %q (%s): %s", label(rec.Kind), key, name, driver.Facts().Lingers))
	}
	return out
}

// unmanifested completes the records of a system whose apply stopped before its
// manifest was finished: parts of the blueprint that exist and are ours.
func (r *run) unmanifested(ctx context.Context) {
	if r.session.manifest.Status == Ready {
		return
	}
	var keys, inside []string
	for _, p := range r.blue.Parts {
		switch rec, known := r.records[p.Key]; {
		case known && rec.Name != "" && rec.made():
		case r.engine.Kinds[p.Spec.Kind()].Facts().Ownership == kinds.OwnedByParent:
			inside = append(inside, p.Key)
		default:
			keys = append(keys, p.Key)
		}
	}
	none := func(string) []string { return nil }
	walk(ctx, r.engine.Width, keys, none, func(ctx context.Context, key string) error {
		p := r.blue.Part(key)
		driver := r.engine.Kinds[p.Spec.Kind()]
		target := r.resolver.target(p, Record{}, nil)
		live, err := driver.Observe(ctx, target)
		switch {
		case errors.Is(err, kinds.ErrAbsent):
			r.forget(key)
			return nil
		case err != nil:
			r.fail(r.ofPart("find", p.Key, p.Spec.Kind(), target.Name, err))
			return err
		case r.ours(driver, target, live, false) != nil:
			r.forget(key)
			return nil //nolint:nilerr // another's object is left alone
		}
		r.put(p, target.Name, live.Attributes)
		return nil
	})
	for _, key := range inside {
		// It is in what it needs, and was made only after that was; in another's
		// object there is nothing of ours. Deleting what is not there is success.
		p := r.blue.Part(key)
		if slices.ContainsFunc(r.blue.Dependencies(p), func(on string) bool { _, there := r.records[on]; return !there }) {
			r.forget(key)
			continue
		}
		r.put(p, r.resolver.names[key], r.records[key].Attributes)
	}
}

// forget takes a part out of the records.
func (r *run) forget(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.records, key)
}

func (r *run) put(p *blueprint.Part, name string, a kinds.Attributes) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records[p.Key] = Record{Kind: p.Spec.Kind(), Name: name, Attributes: a, After: r.blue.Dependencies(p), Data: p.Data}
}

// protect refuses to destroy data that is protected.
func (r *run) protect() {
	if r.session.manifest.ForceDestroy {
		return
	}
	var held []string
	for _, key := range sortedKeys(r.records) {
		if rec := r.records[key]; rec.Data {
			held = append(held, fmt.Sprintf("%s %q (%s)", label(rec.Kind), key, rec.Name))
		}
	}
	// A first apply that never finished has no data yet.
	if len(held) > 0 && r.session.manifest.Live {
		r.fail(Protected(r.system, r.name, held))
	}
}

// deleteParts deletes the recorded parts with those keys, dependants first.
func (r *run) deleteParts(ctx context.Context, keys []string, force bool) {
	dependants := map[string][]string{}
	for key, rec := range r.records {
		for _, dep := range rec.After {
			dependants[dep] = append(dependants[dep], key)
		}
	}
	walk(ctx, r.engine.Width, slices.Sorted(slices.Values(keys)), func(key string) []string { return dependants[key] }, func(ctx context.Context, key string) error {
		r.mu.Lock()
		rec := r.records[key]
		r.mu.Unlock()
		target := &kinds.Target{
			Key: key, Name: rec.Name, Attributes: rec.Attributes, Force: force || !rec.Data,
			// By these, kinds without names of their own find what is left.
			Tags: r.blue.Ownership(key),
		}
		if err := r.deletePart(ctx, rec, target); err != nil {
			r.fail(r.ofPart("delete", key, rec.Kind, rec.Name, err))
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.records, key)
		return nil
	})
}

func (r *run) deletePart(ctx context.Context, rec Record, t *kinds.Target) error {
	driver, ok := r.engine.Kinds[rec.Kind]
	if !ok {
		return fmt.Errorf("this version of the provider does not know the kind %q; use the version that made it", rec.Kind)
	}
	var patient waiting
	for pause := first; ; pause = min(2*pause, longest) {
		patient.begin(r.engine.Clock.Now())
		err := r.deleteOurs(ctx, driver, rec, t)
		if err == nil || !driver.Transient(err) {
			return err
		}
		patient.failed(r.engine.Clock.Now())
		if err := r.engine.waitOut(ctx, patient, pause, err); err != nil {
			return err
		}
	}
}

// deleteOurs deletes an object, after a look whose it is where no apply has ever
// finished it.
func (r *run) deleteOurs(ctx context.Context, driver kinds.Driver, rec Record, t *kinds.Target) error {
	if !rec.made() && driver.Facts().Ownership != kinds.OwnedByParent {
		switch live, err := driver.Observe(ctx, t); {
		case errors.Is(err, kinds.ErrAbsent): // What is being deleted is waited for.
		case err != nil:
			return fmt.Errorf("observe: %w", err)
		case r.ours(driver, t, live, false) != nil:
			return nil //nolint:nilerr // another's object is left alone
		}
	}
	return driver.Delete(ctx, t)
}

// abandon writes down what is still there after a destroy that failed.
func (r *run) abandon(ctx context.Context) Result {
	m := r.session.manifest
	m.Parts = r.records
	closing, cancel := r.engine.afterwards(ctx)
	defer cancel()
	if err := r.session.close(closing); err != nil {
		r.fail(r.of("write down what is left", err))
	}
	res := Result{Exists: true, Digests: digests(r.records), Drift: map[string]string{}, Failures: r.failures, Manifest: m}
	if r.resolver != nil {
		res.Account, res.Region = r.resolver.place.Account, r.resolver.place.Region
		r.resolver.outputs(&res, r.in.Overrides, r.in.Readers)
	}
	return res
}
