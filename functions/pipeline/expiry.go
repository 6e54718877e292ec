package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
)

// keptRecent is how many runs the list of recent ones keeps.
const keptRecent = 1000

// forgottenAtOnce bounds how many runs one update takes from the list.
const forgottenAtOnce = 100

// Shelf is the bucket of the pipeline's own objects, from which some are taken away.
type Shelf interface {
	GetObject(ctx context.Context, key string) ([]byte, error)
	ListObjects(ctx context.Context, prefix, after string, into []s3.Object) (objects []s3.Object, more bool, err error)
	DeleteObjects(ctx context.Context, keys []string) error
}

// Expiry deletes the objects of runs that were begun long ago, whose items DynamoDB deletes by itself, and keeps the list of recent runs short. It never touches
// the run whose manifest readers read, one that is under way, or one of which the failures are being taken again.
type Expiry struct {
	Store   *Store
	Objects Shelf
	After   time.Duration // 0 for never.
	Clock   clock.Clock
	Log     *slog.Logger
}

// Handle looks at all runs, given those that are under way.
func (e *Expiry) Handle(ctx context.Context, active []Run) error {
	recent, err := e.Store.Notes(ctx, RecentID)
	if err != nil {
		return err
	}
	runs := slices.SortedFunc(maps.Keys(recent), func(a, b string) int { return cmp.Or(cmp.Compare(recent[a], recent[b]), cmp.Compare(a, b)) })
	old := max(0, len(runs)-keptRecent) // The list is to stay an item.
	if e.After == 0 {
		if old == 0 {
			return nil
		}
		return e.Store.forget(ctx, RecentID, runs[:min(old, forgottenAtOnce)])
	}
	for since := ms(e.Clock.Now().Add(-e.After)); old < len(runs) && recent[runs[old]] < since; {
		old++
	}
	if old == 0 {
		return nil
	}
	return e.delete(ctx, runs[:old], active)
}

// delete deletes the objects of runs, as far as there is time, and forgets those of which none is left.
func (e *Expiry) delete(ctx context.Context, old []string, active []Run) error {
	spared, err := e.spared(ctx, active)
	if err != nil || spared == nil {
		return err
	}
	var gone []string
	for _, run := range old {
		if spared[run] {
			continue
		}
		if len(gone) == forgottenAtOnce || NearDeadline(ctx, e.Clock) {
			break
		}
		if err := e.deleteRun(ctx, run); err != nil {
			return err
		}
		gone = append(gone, run)
	}
	if len(gone) == 0 {
		return nil
	}
	e.Log.InfoContext(ctx, "deleted the objects of old runs", "runs", gone)
	return e.Store.forget(ctx, RecentID, gone)
}

// spared are the runs that are not touched. It is nil while a manifest may be being published: then it is not certain which one readers read.
func (e *Expiry) spared(ctx context.Context, active []Run) (map[string]bool, error) {
	spared := map[string]bool{}
	for _, run := range active {
		if run.State == Describing {
			return nil, nil
		}
		spared[run.ID], spared[run.ReplayOf] = true, true
	}
	current, err := e.Store.get(ctx, currentID)
	if err != nil {
		return nil, err
	}
	spared[current["run"].Text()] = true
	text, err := e.Objects.GetObject(ctx, ManifestObject)
	if err != nil {
		return nil, err
	}
	var manifest struct{ Run string }
	if text != nil {
		if err := json.Unmarshal(text, &manifest); err != nil {
			return nil, fmt.Errorf("read %s: %w", ManifestObject, err)
		}
		spared[manifest.Run] = true
	}
	return spared, nil
}

func (e *Expiry) deleteRun(ctx context.Context, run string) error {
	var objects []s3.Object
	for more, after := true, ""; more; {
		var err error
		if objects, more, err = e.Objects.ListObjects(ctx, runPrefix(run), after, objects[:0]); err != nil {
			return err
		}
		keys := make([]string, len(objects))
		for i, object := range objects {
			keys[i], after = object.Key, object.Key
		}
		if len(keys) > 0 {
			if err := e.Objects.DeleteObjects(ctx, keys); err != nil {
				return err
			}
		}
	}
	return nil
}
