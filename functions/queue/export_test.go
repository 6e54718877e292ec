package queue

import (
	"context"
	"time"
)

// Take takes or renews the lease, as Handle does before each round.
func (k *Keeper) Take(ctx context.Context) bool { return k.take(ctx) }

// Believe makes a keeper think that it has the lease, as one does that was frozen and thaws on a machine whose clock stood still.
func (k *Keeper) Believe(until time.Time) { k.leaseUntil, k.leaseTaken = until, until }
