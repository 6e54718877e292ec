package kinds

import (
	"context"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// eachWidth bounds the concurrent calls of one batch.
const eachWidth = 16

// each observes every target of a batch at the same time, in the targets'
// order; nil stands for what is absent.
func each[S blueprint.Spec](ctx context.Context, targets []*Target, observe func(context.Context, *Target) (*Live[S], error)) ([]*Live[S], error) {
	out := make([]*Live[S], len(targets))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(eachWidth)
	for i, t := range targets {
		group.Go(func() error {
			live, err := observe(ctx, t)
			out[i] = live
			return err
		})
	}
	return out, group.Wait()
}

// one observes a single target of a kind that observes many together.
func one[S blueprint.Spec](ctx context.Context, t *Target, all func(context.Context, []*Target) ([]*Live[S], error)) (*Live[S], error) {
	lives, err := all(ctx, []*Target{t})
	if err != nil {
		return nil, err
	}
	if lives[0] == nil {
		return nil, ErrAbsent
	}
	return lives[0], nil
}

// sortedNames returns the keys of a map in order, so that requests are stable.
func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
