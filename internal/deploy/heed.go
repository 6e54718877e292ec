package deploy

import (
	"context"
	"fmt"
	"strings"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// heed refuses, before anything is changed, to take items away that somebody
// reads. Who reads is asked anew: the plan may be old.
func (r *run) heed(ctx context.Context) {
	readership := r.blue.Readership
	if readership == nil || r.session.manifest.ForceDestroy {
		return
	}
	items := r.resolver.names[readership.Items]
	var gone []string
	for _, name := range sortedKeys(r.records) {
		rec := r.records[name]
		if r.blue.Part(name) != nil || rec.Kind != (blueprint.TableItemSpec{}).Kind() {
			continue
		}
		table, rest, _ := strings.Cut(rec.Name, "/")
		if _, key, _ := strings.Cut(rest, "="); table == items && r.blue.Heeds(key) {
			gone = append(gone, key)
		}
	}
	if len(gone) == 0 {
		return
	}
	readers, err := r.engine.Readers(ctx, readership, r.resolver.names[readership.Table])
	if err != nil {
		r.fail(r.ofPart("read who reads the items of "+readership.Items+" from", readership.Table, r.blue.Part(readership.Table).Spec.Kind(), r.resolver.names[readership.Table], err))
		return
	}
	if f := InUse(gone, readers); f != nil {
		r.fail(*f)
	}
}

// InUse tells that items which are to be taken away are read; nil where none is.
func InUse(keys []string, readers map[string]string) *Failure {
	var used []string
	for _, key := range keys {
		if who := readers[key]; who != "" {
			used = append(used, fmt.Sprintf("%s, read by %s", key, who))
		}
	}
	if len(used) == 0 {
		return nil
	}
	return &Failure{
		Argument: []string{"items"},
		Summary:  "Cannot take away items that are in use",
		Detail: fmt.Sprintf("These were read within the last %.0f hours:\n  %s\n\nNothing was changed. Let the functions read them no longer and wait, or name the keys in force_remove.",
			blueprint.ReadingLasts.Hours(), strings.Join(used, "\n  ")),
	}
}
