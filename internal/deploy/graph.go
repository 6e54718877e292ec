package deploy

import (
	"context"
	"sync"
)

// walk calls visit for every key, each as soon as all keys that it waits for
// are done, at most width at a time. After a failure nothing new is begun; what
// is under way is waited for. before gives the keys that a key waits for;
// unknown ones are ignored.
func walk(ctx context.Context, width int, keys []string, before func(string) []string, visit func(context.Context, string) error) {
	done := make(map[string]chan struct{}, len(keys))
	for _, key := range keys {
		done[key] = make(chan struct{})
	}
	slots := make(chan struct{}, max(width, 1))
	stop := make(chan struct{})
	var once sync.Once
	var all sync.WaitGroup
	for _, key := range keys {
		all.Go(func() {
			for _, other := range before(key) {
				if ready, ok := done[other]; ok {
					select {
					case <-ready:
					case <-stop:
						return
					}
				}
			}
			select {
			case slots <- struct{}{}:
			case <-stop:
				return
			}
			defer func() { <-slots }()
			select {
			case <-stop:
				return
			default:
			}
			if ctx.Err() != nil || visit(ctx, key) != nil {
				once.Do(func() { close(stop) })
				return
			}
			close(done[key])
		})
	}
	all.Wait()
}
