package deploy

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWalkOrder(t *testing.T) {
	before := map[string][]string{"c": {"a", "b"}, "d": {"c", "unknown"}, "e": {"d"}}
	var mu sync.Mutex
	var order []string
	walk(t.Context(), 8, []string{"e", "d", "c", "b", "a"}, func(k string) []string { return before[k] }, func(_ context.Context, k string) error {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, k)
		return nil
	})
	if len(order) != 5 || !slices.Equal(order[2:], []string{"c", "d", "e"}) {
		t.Errorf("the order was %q", order)
	}
}

func TestWalkWidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := make([]string, 20)
		for i := range keys {
			keys[i] = string(rune('a' + i))
		}
		var now, most, done atomic.Int64
		began := time.Now()
		walk(t.Context(), 4, keys, func(string) []string { return nil }, func(context.Context, string) error {
			most.Store(max(most.Load(), now.Add(1)))
			<-time.After(time.Second)
			now.Add(-1)
			done.Add(1)
			return nil
		})
		if most.Load() != 4 || done.Load() != 20 || time.Since(began) != 5*time.Second {
			t.Errorf("%d visits, %d at once, in %s; want 20, 4, 5s", done.Load(), most.Load(), time.Since(began))
		}
	})
}

func TestWalkFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var visited, finished atomic.Int64
		keys := []string{"bad", "long", "after-bad", "after-long"}
		before := map[string][]string{"after-bad": {"bad"}, "after-long": {"long"}}
		walk(t.Context(), 4, keys, func(k string) []string { return before[k] }, func(_ context.Context, k string) error {
			visited.Add(1)
			if k == "bad" {
				<-time.After(time.Millisecond)
				return errors.New("no")
			}
			<-time.After(time.Second)
			finished.Add(1)
			return nil
		})
		if visited.Load() != 2 || finished.Load() != 1 {
			t.Errorf("%d were begun and %d finished; want 2 and 1: nothing new after a failure, and what runs is waited for", visited.Load(), finished.Load())
		}
	})
}

func TestWalkCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var visited atomic.Int64
	walk(ctx, 1, []string{"a", "b", "c"}, func(string) []string { return nil }, func(context.Context, string) error {
		visited.Add(1)
		cancel()
		return nil
	})
	if visited.Load() != 1 {
		t.Errorf("%d were begun, not 1, though the first one's visit cancelled", visited.Load())
	}
}
