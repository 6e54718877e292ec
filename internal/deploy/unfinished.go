package deploy

import (
	"context"
	"errors"
	"slices"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/kinds"
)

// intend is what is known of a part before it is made.
func intend(b *blueprint.Blueprint, p *blueprint.Part, name string) Record {
	return Record{Kind: p.Spec.Kind(), Name: name, After: b.Dependencies(p), Data: p.Data}
}

// intended are the parts of a blueprint that are not recorded, under their key or a
// former one, as they are known before they are made.
func intended(b *blueprint.Blueprint, place blueprint.Place, recorded map[string]Record) map[string]Record {
	r, err := newResolver(b, place, recorded, func(string) kinds.Attributes { return nil })
	if err != nil {
		return nil // The apply comes to the same and tells.
	}
	out := map[string]Record{}
	for _, p := range b.Parts {
		if _, known := record(recorded, p); !known {
			out[p.Key] = intend(b, p, r.names[p.Key])
		}
	}
	return out
}

// unfinished are the keys of the recorded parts that were never finished, in order.
func (r *run) unfinished(of func(key string) bool) []string {
	return slices.DeleteFunc(sortedKeys(r.records), func(key string) bool { return r.records[key].made() || !of(key) })
}

// verify forgets those parts that do not exist, or are somebody else's. The kinds
// must be known to it, or it leaves the part to whoever deletes it.
func (r *run) verify(ctx context.Context, keys []string) {
	var own, inside []string
	for _, key := range keys {
		driver, known := r.engine.Kinds[r.records[key].Kind]
		switch {
		case !known:
		case driver.Facts().Ownership == kinds.OwnedByParent:
			inside = append(inside, key)
		default:
			own = append(own, key)
		}
	}
	none := func(string) []string { return nil }
	walk(ctx, r.engine.Width, own, none, func(ctx context.Context, key string) error {
		r.mu.Lock()
		rec := r.records[key]
		r.mu.Unlock()
		driver := r.engine.Kinds[rec.Kind]
		target := &kinds.Target{Key: key, Name: rec.Name, Tags: r.blue.Ownership(key)}
		live, err := driver.Observe(ctx, target)
		if err != nil && !errors.Is(err, kinds.ErrAbsent) {
			r.fail(r.ofPart("find", key, rec.Kind, rec.Name, err))
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil || r.ours(driver, target, live, false) != nil {
			delete(r.records, key)
			return nil // What is not there, or another's, is left alone.
		}
		rec.Attributes = live.Attributes
		r.records[key] = rec
		return nil
	})
	if len(r.failures) == 0 && ctx.Err() != nil {
		r.fail(r.of("find what was made", context.Cause(ctx)))
	}
	for _, key := range inside {
		// It is in what it needs, and was made only after that was; in another's
		// object there is nothing of ours. Deleting what is not there is success.
		if slices.ContainsFunc(r.records[key].After, func(on string) bool { _, there := r.records[on]; return !there }) {
			delete(r.records, key)
		}
	}
}
