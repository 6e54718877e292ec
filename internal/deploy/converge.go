package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/kinds"
)

// patience bounds how long a part's transient errors are waited out: longer
// than the 60 s after which SQS gives a deleted queue's name free, and than IAM
// takes to spread a new role.
const patience = 2 * time.Minute

// waiting is how long a part's transient errors have lasted.
type waiting struct{ attempt, since time.Time }

// begin notes that an attempt begins.
func (w *waiting) begin(now time.Time) { w.attempt = now }

// failed notes that the attempt met an error. One that lasted longer than our patience has
// got somewhere, as with a distribution that all edges must know first, or a bucket
// of a million objects: its error is the first again.
func (w *waiting) failed(now time.Time) {
	if w.since.IsZero() || now.Sub(w.attempt) > patience {
		w.since = now
	}
}

// converge creates the part, or observes it and changes what differs, until it
// is as wanted. known says that the part is recorded as made, observe that it is to be
// looked at first. begun says whether an object may exist afterwards.
func (r *run) converge(ctx context.Context, p *blueprint.Part, t *kinds.Target, want blueprint.Spec, known, observe bool) (a kinds.Attributes, begun bool, err error) {
	driver, ok := r.engine.Kinds[p.Spec.Kind()]
	if !ok {
		return nil, false, fmt.Errorf("there is no kind %q", p.Spec.Kind())
	}
	var patient waiting
	for pause := first; ; pause = min(2*pause, longest) {
		patient.begin(r.engine.Clock.Now())
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
		case driver.Transient(err), errors.Is(err, kinds.ErrAbsent):
			// Or what was made a moment ago is not known everywhere yet.
			begun = true
		default:
			var foreign *foreignError
			return nil, begun && !errors.As(err, &foreign), err
		}
		wait := pause
		if errors.Is(err, kinds.ErrPresent) && pause == first {
			// What is there can be looked at without waiting.
			wait = 0
		}
		if err := r.engine.waitOut(ctx, &patient, wait, err); err != nil {
			return nil, begun, err
		}
	}
}

// waitOut waits before the next attempt at a part, or returns why there is none:
// the error has lasted longer than our patience, or the context has ended.
func (e *Engine) waitOut(ctx context.Context, w *waiting, pause time.Duration, err error) error {
	now := e.Clock.Now()
	w.failed(now)
	if now.Sub(w.since) > patience {
		return fmt.Errorf("still so after %s: %w", patience, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w; the last answer was: %w", context.Cause(ctx), err)
	case <-e.Clock.After(pause):
		return nil
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
// What the manifest has recorded as made is ours, whatever became of its tags.
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
