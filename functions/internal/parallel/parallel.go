// Package parallel does several things at the same time, and as few of them as a function's memory and the services bear.
package parallel

import (
	"errors"
	"fmt"
	"sync"
)

// Each does n things, at most atOnce of them at the same time, and returns all their errors. A panic is one of them, since one in a goroutine would
// end the process and all its work.
func Each(n, atOnce int, do func(i int) error) error {
	if n == 1 {
		return Guarded(func() error { return do(0) })
	}
	failed := make([]error, n)
	turns := make(chan int)
	var workers sync.WaitGroup
	for range min(n, atOnce) {
		workers.Go(func() {
			for i := range turns {
				failed[i] = Guarded(func() error { return do(i) })
			}
		})
	}
	for i := range n {
		turns <- i
	}
	close(turns)
	workers.Wait()
	return errors.Join(failed...)
}

// Guarded makes a panic an error.
func Guarded(do func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	return do()
}
