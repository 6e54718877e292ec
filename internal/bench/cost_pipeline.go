package main

import (
	"context"

	"github.com/burstline/terraform-provider-serverless/internal/preflight"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
	reco "github.com/burstline/terraform-provider-serverless/internal/systems/pipeline"
)

// pipelineBar is what a million files of at most 1 KB may cost, in dollars: from the
// listing to the manifest, with what is stored, the hours of the streams and the
// uploads by the source apart.
const pipelineBar = 1.5

// pipelineCost estimates what an upload costs, with as many calls as a test holds
// against those that the functions really make (TestEstimateIsMetered).
func (b *bench) pipelineCost(ctx context.Context) error {
	room, _ := systems.Find(reco.System.Name)
	e, err := described(ctx, room, map[string]any{"expected_load": map[string]any{"files": million, "file_bytes": 1000}})
	if err != nil {
		return err
	}
	is := func(dimension string) func(preflight.Line) bool {
		return func(l preflight.Line) bool { return l.Service+"."+l.Name == dimension && !storage(l) }
	}
	writes, reads := sum(e, is("dynamodb.write_units")), sum(e, is("s3.get_requests"))
	all := sum(e, func(l preflight.Line) bool { return !storage(l) })
	b.atMost("pipeline.cost_million_files", all, "USD per million files", pipelineBar)
	b.add("pipeline.cost_writes", writes, "USD of them, writes to DynamoDB")
	b.add("pipeline.cost_reads", reads, "USD of them, reads from S3")
	b.add("pipeline.cost_rest", all-writes-reads, "USD of them, everything else")
	b.add("pipeline.cost_storage", sum(e, storage), "USD a month, for a million files")
	var streams float64
	for _, l := range e.Lines {
		if l.Period == preflight.Month && l.Service == "kinesis" {
			streams += l.Amount
		}
	}
	b.add("pipeline.stream_hours", streams, "USD a month, two provisioned shards")
	b.add("pipeline.idle_month", e.Idle-streams, "USD a month, stream hours apart")
	return nil
}
