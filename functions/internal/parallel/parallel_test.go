package parallel_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/parallel"
)

func TestEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most, done atomic.Int64
		begin := time.Now()
		err := parallel.Each(10, 4, func(int) error {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Second)
			now.Add(-1)
			done.Add(1)
			return nil
		})
		if err != nil || done.Load() != 10 || most.Load() != 4 || time.Since(begin) != 3*time.Second {
			t.Errorf("%v, %d done, %d at once, in %s", err, done.Load(), most.Load(), time.Since(begin))
		}
	})
}

func TestEachFails(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	for _, n := range []int{1, 3} {
		var done atomic.Int64
		err := parallel.Each(n, 2, func(i int) error {
			done.Add(1)
			if i == 2 {
				return two
			}
			if i == 1 {
				panic("in a goroutine")
			}
			return one
		})
		if !errors.Is(err, one) || done.Load() != int64(n) || errors.Is(err, two) != (n == 3) {
			t.Errorf("%d: %v after %d", n, err, done.Load())
		}
	}
	if err := parallel.Each(0, 2, func(int) error { return one }); err != nil {
		t.Errorf("nothing to do: %v", err)
	}
}
