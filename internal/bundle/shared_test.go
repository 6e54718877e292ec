package bundle

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// counting counts how often each content is read.
type counting struct {
	mu    sync.Mutex
	reads map[string]int
	fail  error
}

func (c *counting) SHA256(context.Context, string, string) (string, error) { return "", nil }

func (c *counting) Content(_ context.Context, sha256 string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads[sha256]++
	return []byte(sha256), c.fail
}

func TestSharedReadsOnce(t *testing.T) {
	from := &counting{reads: map[string]int{}}
	shared := &Shared{Bundles: from}
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if got, err := shared.Content(t.Context(), "a"); string(got) != "a" || err != nil {
				t.Errorf("content is %q, %v", got, err)
			}
		})
	}
	all.Wait()
	if from.reads["a"] != 1 {
		t.Errorf("the bundle was read %d times, want once", from.reads["a"])
	}
	if got, err := shared.Content(t.Context(), "b"); string(got) != "b" || err != nil {
		t.Errorf("another content is %q, %v", got, err)
	}
}

func TestSharedForgetsFailures(t *testing.T) {
	from := &counting{reads: map[string]int{}, fail: errors.New("cut off")}
	shared := &Shared{Bundles: from}
	if _, err := shared.Content(t.Context(), "a"); err == nil {
		t.Fatal("a failed read gave content")
	}
	from.fail = nil
	if got, err := shared.Content(t.Context(), "a"); string(got) != "a" || err != nil {
		t.Errorf("the second read gave %q, %v", got, err)
	}
}
