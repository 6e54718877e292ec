package provider_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// TestAccWindowCapacity: a deep queue raises the table and the recorders within
// their bounds, no apply takes that back, and outside of the window they sink.
func TestAccWindowCapacity(t *testing.T) {
	e := newEvening(t, "scaled", map[string]any{"capacity": map[string]any{
		"mode": "provisioned", "min_writes": 10, "max_writes": 900, "max_workers": 20, "drain_seconds": 10,
	}})
	defer e.end()
	equal(t, "capacity at first", e.capacity(), "10 units, 2 workers")
	e.settled(e.config)

	// The recorder waits for the table, so that the queue stays deep.
	var stuck atomic.Bool
	stuck.Store(true)
	defer stuck.Store(false)
	if _, err := local.Gate().Faults().Add(localaws.Fault{
		Service: "dynamodb", Caller: "voting_window.recorder", Match: func(c localaws.Call) bool { return stuck.Load() && strings.Contains(c.Resource, e.name) },
		Kind: localaws.FaultDelay, Delay: 15 * time.Second,
	}); err != nil {
		t.Fatal(err)
	}
	const deep = 10_000 // In ten seconds that is more than the table may have.
	e.flood(deep)
	e.scaled("900 units, 3 workers") // Of 300 units each.
	e.settled(e.config)
	e.change(map[string]any{"tags": map[string]any{"show": "final"}})
	equal(t, "capacity after an apply", e.capacity(), "900 units, 3 workers")
	e.settled(e.config)

	stuck.Store(false)
	e.change(map[string]any{"opens_at": clockTime(time.Now().Add(2 * time.Hour)), "closes_at": clockTime(time.Now().Add(3 * time.Hour))})
	e.scaled("10 units, 2 workers")
	e.settled(e.config)
}

// flood puts messages on the queue.
func (e *evening) flood(n int) {
	e.t.Helper()
	client, queue := sqs.NewFromConfig(e.a.aws(home)), e.output("votes_queue_url")
	var entries []sqstypes.SendMessageBatchRequestEntry
	for i := range 10 {
		entries = append(entries, sqstypes.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: aws.String(ballotOf(voterNo(1), "anna"))})
	}
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for range n / senders / len(entries) {
				if out, err := client.SendMessageBatch(e.t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &queue, Entries: entries}); err != nil || len(out.Failed) > 0 {
					e.t.Errorf("fill the queue: %v", err)
					return
				}
			}
		})
	}
	all.Wait()
}

// capacity is what the table of ballots and the mapping have.
func (e *evening) capacity() string {
	e.t.Helper()
	table, err := dynamodb.NewFromConfig(e.a.aws(home)).DescribeTable(e.t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(stateTexts(e.t, e.state, "table_names")["ballots"])})
	if err != nil {
		e.t.Fatal(err)
	}
	mapping, err := lambda.NewFromConfig(e.a.aws(home)).GetEventSourceMapping(e.t.Context(), &lambda.GetEventSourceMappingInput{UUID: aws.String(e.a.manifest(e.t, e.name).Parts["recorder-votes"].Attributes["id"])})
	if err != nil {
		e.t.Fatal(err)
	}
	return fmt.Sprintf("%d units, %d workers", aws.ToInt64(table.Table.ProvisionedThroughput.WriteCapacityUnits), aws.ToInt32(mapping.ScalingConfig.MaximumConcurrency))
}

// scaled calls the orchestrator as its schedule does, if more often, until there
// is so much.
func (e *evening) scaled(want string) {
	e.t.Helper()
	eventually(e.t, endsWithin, func() error {
		e.call("orchestrator", "{}", nil)
		if have := e.capacity(); have != want {
			return fmt.Errorf("the capacity is %s, should be %s", have, want)
		}
		return nil
	})
}
