package pipeline_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// objectsOf are the runs that have objects.
func (w *world) objectsOf() []string {
	runs := map[string]bool{}
	for key := range w.objects.objects {
		if rest, ok := strings.CutPrefix(key, "runs/"); ok {
			run, _, _ := strings.Cut(rest, "/")
			runs[run] = true
		}
	}
	return slices.Sorted(maps.Keys(runs))
}

// Of runs that were begun longer ago than asked for the objects go, but never of the one that readers read, of one under way, or of one that is being replayed;
// and none while a manifest is being published.
func TestExpiry(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		after          time.Duration
		current, shown string
		active         []pipeline.Run
		want, recent   []string
	}{
		"never":                     {0, "d", "d", nil, []string{"a", "b", "c", "d"}, []string{"a", "b", "c", "d"}},
		"the old ones":              {2 * day, "d", "d", nil, []string{"c", "d"}, []string{"c", "d"}},
		"all but the current":       {time.Hour, "d", "d", nil, []string{"d"}, []string{"d"}},
		"the current is the oldest": {2 * day, "a", "a", nil, []string{"a", "c", "d"}, []string{"a", "c", "d"}},
		"shown is another":          {time.Hour, "d", "b", nil, []string{"b", "d"}, []string{"b", "d"}},
		"nothing is shown":          {time.Hour, "", "", nil, nil, nil},
		"under way":                 {time.Hour, "d", "d", []pipeline.Run{{ID: "b", State: pipeline.Ingesting}}, []string{"b", "d"}, []string{"b", "d"}},
		"replayed":                  {time.Hour, "d", "d", []pipeline.Run{{ID: "c", State: pipeline.Listing, ReplayOf: "a"}}, []string{"a", "c", "d"}, []string{"a", "c", "d"}},
		"being published":           {time.Hour, "d", "d", []pipeline.Run{{ID: "c", State: pipeline.Describing}}, []string{"a", "b", "c", "d"}, []string{"a", "b", "c", "d"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			for _, run := range []string{"a", "b", "c", "d"} { // A day after each other; each has two pages of objects.
				if _, err := w.store().CreateRun(t.Context(), pipeline.Start{Run: run, Prefix: "up/"}, 1); err != nil {
					t.Fatal(err)
				}
				for i := range 5 {
					w.objects.objects[fmt.Sprintf("runs/%s/segments/%d.json", run, i)] = []byte("{}")
				}
				w.clock.pass(day)
			}
			if c.shown != "" {
				w.objects.objects[pipeline.ManifestObject] = fmt.Appendf(nil, `{"run":%q}`, c.shown)
				w.tables["runs"]["current"] = dynamodb.Item{"id": dynamodb.String("current"), "run": dynamodb.String(c.current)}
			}
			w.clock.pass(-time.Hour) // Run d is 23 hours old.
			expiry := pipeline.Expiry{Store: w.store(), Objects: w.objects, After: c.after, Clock: w.clock, Log: discard}
			if err := expiry.Handle(t.Context(), c.active); err != nil {
				t.Fatal(err)
			}
			recent, err := w.store().Notes(t.Context(), pipeline.RecentID)
			if err != nil {
				t.Fatal(err)
			}
			if got, listed := w.objectsOf(), slices.Sorted(maps.Keys(recent)); !slices.Equal(got, c.want) || !slices.Equal(listed, c.recent) {
				t.Errorf("left are %v, listed %v; want %v, %v", got, listed, c.want, c.recent)
			}
		})
	}
}

// What fails half-way is done the next time, and a run is not forgotten before.
func TestExpiryFails(t *testing.T) {
	for call := 1; ; call++ {
		w := newWorld()
		for _, run := range []string{"a", "b"} {
			if _, err := w.store().CreateRun(t.Context(), pipeline.Start{Run: run, Prefix: "up/"}, 1); err != nil {
				t.Fatal(err)
			}
			for i := range 4 {
				w.objects.objects[fmt.Sprintf("runs/%s/segments/%d.json", run, i)] = []byte("{}")
			}
		}
		w.clock.pass(time.Hour)
		expiry := pipeline.Expiry{Store: w.store(), Objects: w.objects, After: time.Minute, Clock: w.clock, Log: discard}
		owner := &life{dies: call, lost: call%2 == 0}
		err := expiry.Handle(owner.of(t.Context()), nil)
		recent, _ := w.store().Notes(t.Context(), pipeline.RecentID)
		for _, run := range w.objectsOf() {
			if _, listed := recent[run]; !listed {
				t.Errorf("after call %d run %s has objects and is forgotten", call, run)
			}
		}
		if err == nil {
			if call < 8 {
				t.Errorf("there were %d calls", call)
			}
			return
		}
		if err := expiry.Handle(t.Context(), nil); err != nil || len(w.objectsOf()) != 0 {
			t.Errorf("after call %d: left are %v, %v", call, w.objectsOf(), err)
		}
	}
}
