package votingwindow

import (
	"context"
	"fmt"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// scalingID is the item of the tallies table where the orchestrator remembers since when the queue is low.
const (
	scalingID    = "scaling"
	attrLowSince = "low_since" // Milliseconds since 1970; missing where it is not low.
)

// ProvisionedTable is a DynamoDB table with provisioned capacity.
type ProvisionedTable struct {
	Client *dynamodb.Client
	Name   string

	reads int64 // Read units a second, as Throughput saw them: a request names both, and reads are not ours to change.
}

// Throughput reads the table's write capacity.
func (t *ProvisionedTable) Throughput(ctx context.Context) (Throughput, error) {
	found, err := t.Client.DescribeThroughput(ctx, t.Name)
	if err != nil {
		return Throughput{}, wrap(err, "describe table %s", t.Name)
	}
	if found.Writes == 0 {
		return Throughput{}, fmt.Errorf("table %s has no provisioned capacity: it is paid on demand, and needs no orchestrator", t.Name)
	}
	t.reads = found.Reads
	return Throughput{Units: found.Writes, Updating: !found.Active, Decreases: int(found.DecreasesToday), Decreased: found.LastDecrease}, nil
}

// SetUnits asks for so many write units a second, and for the read units that Throughput saw.
func (t *ProvisionedTable) SetUnits(ctx context.Context, units int64) error {
	return wrap(t.Client.UpdateThroughput(ctx, t.Name, t.reads, units), "update table %s", t.Name)
}

// Workers returns the mapping's maximum concurrency, zero where it has none, and its state.
func (m *Mapping) Workers(ctx context.Context) (int, string, error) {
	found, err := m.get(ctx)
	return found.ScalingConfig.MaximumConcurrency, found.State, err
}

// SetWorkers sets the mapping's maximum concurrency, and leaves it switched on or off as it is.
func (m *Mapping) SetWorkers(ctx context.Context, workers int) error {
	return m.update(ctx, map[string]any{"ScalingConfig": map[string]int{"MaximumConcurrency": min(workers, MaxWorkers)}})
}

// LowSince returns what PutLowSince wrote; the zero time where there is none.
func (s *Store) LowSince(ctx context.Context) (time.Time, error) {
	found, err := s.get(ctx, s.Tallies, TalliesKey, scalingID)
	return moment(found, attrLowSince), err
}

// PutLowSince remembers since when the queue is low; the zero time says that it is not.
func (s *Store) PutLowSince(ctx context.Context, since time.Time) error {
	put := item{TalliesKey: str(scalingID)}
	putTime(put, attrLowSince, since)
	return wrap(s.Client.PutItem(ctx, &dynamodb.PutItem{TableName: s.Tallies, Item: put}), "put item in %s", s.Tallies)
}
