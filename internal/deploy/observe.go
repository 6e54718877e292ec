package deploy

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/kinds"
)

// missing is the drift of a part that was deleted behind our back.
const missing = "does not exist"

// Missing reports whether a line of drift says that the part is not there.
func Missing(line string) bool { return line == missing || strings.HasPrefix(line, missing+": ") }

// lost is the drift of a part of that kind which was deleted: where an apply
// cannot bring back what it was, the line says so.
func (e *Engine) lost(kind string) string {
	if why := e.Kinds[kind].Facts().Lost; why != "" {
		return missing + ": " + why
	}
	return missing
}

// Observe compares AWS with what was last applied, part by part and attribute
// by attribute. A part whose blueprint has changed since is not judged: that is
// a pending change and no drift. All calls go out at once, and they are exactly
// those that the kinds declare, beside one for the manifest.
func (e *Engine) Observe(ctx context.Context, in Input) Result {
	b := in.Blueprint
	d := diagnosis{system: b.Settings.System, name: b.Settings.Name}
	place, err := e.place(ctx)
	if err != nil {
		return Result{Exists: true, Failures: []Failure{d.of("read", err)}}
	}
	s := e.store(b)
	m, _, err := s.read(ctx)
	lost := errors.Is(err, errNoManifest)
	if err != nil && !lost {
		return Result{Exists: true, Failures: []Failure{d.of("read", err)}}
	}
	if m != nil && in.Deployment != "" && m.ID != "" && m.ID != in.Deployment {
		return Result{}
	}
	o := &observer{engine: e, blue: b, diagnosis: d, records: map[string]Record{}, seen: map[string]*kinds.Observation{}, overrides: map[string]blueprint.Override{}}
	res := Result{Exists: true, Drift: map[string]string{}, Account: place.Account, Region: place.Region, Manifest: m}
	if lost {
		for _, p := range b.Parts {
			if digest, ok := in.Digests[p.Key]; ok {
				o.records[p.Key] = Record{Kind: p.Spec.Kind(), Digest: digest}
			}
		}
		res.Drift[ManifestPart] = missing
	} else {
		o.records = m.Parts
		o.retired = retired(m.Tags, b.Settings.Tags)
	}
	if o.resolver, err = newResolver(b, place, o.records, o.attributes); err != nil {
		return Result{Exists: true, Failures: []Failure{d.of("read", err)}}
	}
	o.observe(ctx)
	if len(o.failures) > 0 {
		res.Failures = o.failures
		return res
	}
	if lost && len(o.seen) == 0 {
		return Result{}
	}
	o.judge(&res)
	res.Digests = digests(o.records)
	o.resolver.outputs(&res, o.overrides, o.readers)
	return res
}

type observer struct {
	engine *Engine
	blue   *blueprint.Blueprint
	diagnosis
	resolver *resolver
	records  map[string]Record
	retired  []string

	mu   sync.Mutex
	seen map[string]*kinds.Observation
	// overrides as they were read.
	overrides map[string]blueprint.Override
	// readers of items that are in use.
	readers  map[string]string
	failures []Failure
}

// attributes prefers what was seen now to what was recorded.
func (o *observer) attributes(key string) kinds.Attributes {
	if seen := o.seen[key]; seen != nil {
		return seen.Attributes
	}
	return o.records[key].Attributes
}

// observe reads every recorded part of the blueprint: kinds that batch with few
// calls, the others one by one, all at the same time.
func (o *observer) observe(ctx context.Context) {
	batches := map[string][]*kinds.Target{}
	var keys []string
	targets := map[string]*kinds.Target{}
	for _, p := range o.blue.Parts {
		rec, ok := record(o.records, p)
		if !ok {
			continue
		}
		t := o.resolver.target(p, rec, o.retired)
		if kind := p.Spec.Kind(); o.engine.Kinds[kind].Batches() {
			batches[kind] = append(batches[kind], t)
			continue
		}
		keys = append(keys, p.Key)
		targets[p.Key] = t
	}
	none := func(string) []string { return nil }
	var all sync.WaitGroup
	for _, controls := range o.blue.ControlItems() {
		// Without its table there is no override; its part says that it is missing.
		if _, made := record(o.records, o.blue.Part(controls[0].Table)); made {
			all.Go(func() { o.override(ctx, controls) })
		}
	}
	if r := o.blue.Readership; r != nil {
		if _, made := record(o.records, o.blue.Part(r.Table)); made {
			all.Go(func() { o.readership(ctx, r) })
		}
	}
	for kind, batch := range batches {
		all.Go(func() {
			seen, err := o.engine.Kinds[kind].ObserveAll(ctx, batch)
			if err != nil {
				o.fail(o.ofPart("read", batch[0].Key, kind, batch[0].Name, err))
				return
			}
			for i, t := range batch {
				o.keep(t.Key, seen[i])
			}
		})
	}
	walk(ctx, o.engine.Width, keys, none, func(ctx context.Context, key string) error {
		kind := o.blue.Part(key).Spec.Kind()
		live, err := o.engine.Kinds[kind].Observe(ctx, targets[key])
		if err != nil && !errors.Is(err, kinds.ErrAbsent) {
			o.fail(o.ofPart("read", key, kind, targets[key].Name, err))
			return err
		}
		o.keep(key, live)
		return nil
	})
	all.Wait()
	if len(o.failures) == 0 && ctx.Err() != nil {
		o.failures = append(o.failures, o.of("read", context.Cause(ctx)))
	}
}

// override reads the controls of one item.
func (o *observer) override(ctx context.Context, controls []*blueprint.Control) {
	c := controls[0]
	name, err := o.resolver.text(c.TableName)
	var found map[string]blueprint.Override
	if err == nil {
		found, err = o.engine.Overrides(ctx, controls, name)
	}
	if err != nil {
		o.fail(o.ofPart("read the "+c.Argument+" in force from", c.Table, o.blue.Part(c.Table).Spec.Kind(), name, err))
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.Copy(o.overrides, found)
}

// readership reads who reads which items.
func (o *observer) readership(ctx context.Context, r *blueprint.Readership) {
	name, err := o.resolver.text(r.TableName)
	var readers map[string]string
	if err == nil {
		readers, err = o.engine.Readers(ctx, r, name)
	}
	if err != nil {
		o.fail(o.ofPart("read who reads the items of "+r.Items+" from", r.Table, o.blue.Part(r.Table).Spec.Kind(), name, err))
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.readers = readers
}

func (o *observer) keep(key string, seen *kinds.Observation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if seen != nil {
		o.seen[key] = seen
	}
}

func (o *observer) fail(f Failure) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failures = append(o.failures, f)
}

// judge writes the drift of every part that was applied as the blueprint still
// says.
func (o *observer) judge(res *Result) {
	for _, p := range o.blue.Parts {
		rec, ok := record(o.records, p)
		if !ok {
			continue
		}
		seen := o.seen[p.Key]
		if seen == nil {
			res.Drift[p.Key] = o.engine.lost(p.Spec.Kind())
			continue
		}
		digest, _ := o.blue.Digest(p)
		if digest != rec.Digest {
			continue
		}
		if lines := o.differences(p, rec, seen); len(lines) > 0 {
			res.Drift[p.Key] = strings.Join(lines, "; ")
		}
	}
}

func (o *observer) differences(p *blueprint.Part, rec Record, seen *kinds.Observation) []string {
	var lines []string
	for _, k := range differing(rec.Attributes, seen.Attributes) {
		lines = append(lines, label(k)+" is "+seen.Attributes[k]+", was "+rec.Attributes[k])
	}
	want, err := o.resolver.spec(p)
	if err != nil {
		// It refers to a part that is missing, whose own drift says so.
		return lines
	}
	for _, d := range blueprint.Compare(want, seen.Spec, p.RuntimeOwned) {
		lines = append(lines, d.Text)
	}
	if o.engine.Kinds[p.Spec.Kind()].Facts().Ownership == kinds.OwnedByTags {
		lines = append(lines, blueprint.CompareTags(o.blue.Tags(p.Key), seen.Tags, o.retired)...)
	}
	return lines
}

// ObserveCalls is the number of API calls that observing the blueprint costs,
// as its kinds declare, with the one for the manifest and those for its controls
// and its readers.
func (e *Engine) ObserveCalls(b *blueprint.Blueprint) int {
	calls := 1 + kinds.ControlCalls*len(b.ControlItems())
	if b.Readership != nil {
		calls += kinds.ReadershipCalls
	}
	batched := map[string]bool{}
	for _, p := range b.Parts {
		facts := e.Kinds[p.Spec.Kind()].Facts()
		calls += facts.ObserveCalls
		if !batched[p.Spec.Kind()] {
			batched[p.Spec.Kind()] = true
			calls += facts.BatchCalls
		}
	}
	return calls
}
