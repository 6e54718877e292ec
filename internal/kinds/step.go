package kinds

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// step says in which of several calls an error arose; nil stays nil.
func step(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// together makes calls that do not depend on each other at the same time, and
// returns the first error. An error ends none of the others, so that there are
// always as many calls as the kind declares.
func together(ctx context.Context, calls ...func(context.Context) error) error {
	var group errgroup.Group
	for _, call := range calls {
		group.Go(func() error { return call(ctx) })
	}
	return group.Wait()
}

// arn puts together the ARN of an object in the client's account and region.
func (e Env) arn(ctx context.Context, service, resource string) (string, error) {
	account, err := e.AWS.Account(ctx)
	if err != nil {
		return "", err
	}
	return "arn:" + e.AWS.Partition() + ":" + service + ":" + e.AWS.Region() + ":" + account + ":" + resource, nil
}
