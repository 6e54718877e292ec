package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
		// Where the manifest was lost, and with it whether an apply has ever finished,
		// what the state knows may bear data.
		Live: len(in.Digests) > 0,
	}
	ctx, se, err := e.open(ctx, e.store(b), initial, "destroy", false, nil)
	if errors.Is(err, errReplaced) {
		// What the state means is gone; its successor is not ours to destroy.
		return Result{}
	}
	if err != nil {
		return Result{Exists: true, Failures: []Failure{d.of("destroy", err)}}
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
	for _, p := range r.blue.Parts {
		if rec, known := r.records[p.Key]; !known || rec.Name == "" {
			r.records[p.Key] = intend(r.blue, p, r.resolver.names[p.Key])
		}
	}
	r.verify(ctx, r.unfinished(func(string) bool { return true }))
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
		if err := r.deletePart(ctx, rec.Kind, target); err != nil {
			r.fail(r.ofPart("delete", key, rec.Kind, rec.Name, err))
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.records, key)
		return nil
	})
}

func (r *run) deletePart(ctx context.Context, kind string, t *kinds.Target) error {
	driver, ok := r.engine.Kinds[kind]
	if !ok {
		return fmt.Errorf("this version of the provider does not know the kind %q; use the version that made it", kind)
	}
	var patient waiting
	for pause := first; ; pause = min(2*pause, longest) {
		patient.begin(r.engine.Clock.Now())
		err := driver.Delete(ctx, t)
		if err == nil || !driver.Transient(err) {
			return err
		}
		if err := r.engine.waitOut(ctx, &patient, pause, err); err != nil {
			return err
		}
	}
}

// abandon writes down what is still there after a destroy that failed.
func (r *run) abandon(ctx context.Context) Result {
	m := r.session.manifest
	m.Parts, m.Begun = r.records, nil
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
