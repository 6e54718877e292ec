package votingwindow

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
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
	found, err := t.Client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &t.Name})
	if err != nil {
		return Throughput{}, wrap(err, "describe table %s", t.Name)
	}
	capacity := found.Table.ProvisionedThroughput
	if capacity == nil || aws.ToInt64(capacity.WriteCapacityUnits) == 0 {
		return Throughput{}, fmt.Errorf("table %s has no provisioned capacity: it is paid on demand, and needs no orchestrator", t.Name)
	}
	t.reads = aws.ToInt64(capacity.ReadCapacityUnits)
	return Throughput{
		Units: aws.ToInt64(capacity.WriteCapacityUnits), Updating: found.Table.TableStatus != types.TableStatusActive,
		Decreases: int(aws.ToInt64(capacity.NumberOfDecreasesToday)), Decreased: aws.ToTime(capacity.LastDecreaseDateTime),
	}, nil
}

// SetUnits asks for so many write units a second, and for the read units that Throughput saw.
func (t *ProvisionedTable) SetUnits(ctx context.Context, units int64) error {
	_, err := t.Client.UpdateTable(ctx, &dynamodb.UpdateTableInput{
		TableName:             &t.Name,
		ProvisionedThroughput: &types.ProvisionedThroughput{ReadCapacityUnits: &t.reads, WriteCapacityUnits: &units},
	})
	return wrap(err, "update table %s", t.Name)
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
	_, err := s.Client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Tallies, Item: put})
	return wrap(err, "put item in %s", s.Tallies)
}
