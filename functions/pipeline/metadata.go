package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/parallel"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

const (
	putAtOnce = 16
	// describeAtOnce is how many segments one transaction counts. One has at most 100 items (DynamoDB API Reference, TransactWriteItems); fewer stand less in
	// one another's way.
	describeAtOnce = 25
	// cacheForEver is for objects whose key is of one run: what is in them never changes.
	cacheForEver = "max-age=86400"
)

// MetadataObject is the key of the object with a segment's metadata.
func MetadataObject(run, segment string) string {
	return runPrefix(run) + "segments/" + segment + ".json"
}

// Metadata writes each segment's metadata, and then counts it.
type Metadata struct {
	Store     *Store
	Objects   Objects
	Completer *Completer
	Clock     clock.Clock
	Log       *slog.Logger
	Metrics   *telemetry.Metrics
}

// described is one record.
type described struct {
	Segment
	record string // Its sequence number.
	err    error
}

// Handle writes one batch, and names the records that must come again.
func (m *Metadata) Handle(ctx context.Context, event events.KinesisEvent) (events.KinesisEventResponse, error) {
	ctx, cancel := clock.ToAnswer(ctx)
	defer cancel()
	response := events.KinesisEventResponse{BatchItemFailures: []events.KinesisBatchItemFailure{}}
	byRun := map[string][]*described{}
	var all []*described
	for _, record := range event.Records {
		one := &described{record: record.Kinesis.SequenceNumber}
		if err := json.Unmarshal(record.Kinesis.Data, &one.Segment); err != nil || !ValidRun(one.Run) || len(one.ID) != idLength {
			m.Log.ErrorContext(ctx, "refused a record", "record", one.record, "error", err)
			continue
		}
		all = append(all, one)
		byRun[one.Run] = append(byRun[one.Run], one)
	}
	written := 0
	for run, segments := range byRun {
		n, err := m.describe(ctx, run, segments)
		if err != nil {
			m.Log.ErrorContext(ctx, "write metadata", "run", run, "error", err)
		}
		written += n
	}
	for _, one := range all {
		if one.err != nil {
			response.BatchItemFailures = append(response.BatchItemFailures, events.KinesisBatchItemFailure{ItemIdentifier: one.record})
		}
	}
	err := m.Metrics.Emit(m.Clock.Now(), telemetry.Metric{Name: "Described", Unit: telemetry.Count, Value: float64(written)})
	if err != nil {
		m.Log.WarnContext(ctx, "emit metrics", "error", err)
	}
	return response, nil
}

// describe writes and counts segments of one run, and says how many it counted. Each that must come again has its error.
func (m *Metadata) describe(ctx context.Context, id string, segments []*described) (counted int, err error) {
	run, _, err := m.Store.ReadRun(ctx, id)
	if err != nil {
		for _, segment := range segments {
			segment.err = err
		}
		return 0, err
	}
	if run.State != Describing { // Over, or it was cancelled.
		return 0, nil
	}
	made := ms(m.Clock.Now())
	err = parallel.Each(len(segments), putAtOnce, func(i int) error {
		segments[i].Made = made
		text, err := json.Marshal(segments[i].Segment)
		if err == nil {
			err = m.Objects.PutObject(ctx, MetadataObject(id, segments[i].ID), text, contentJSON, cacheForEver)
		}
		segments[i].err = err
		return err
	})
	for from := 0; from < len(segments); from += describeAtOnce {
		part := segments[from:min(from+describeAtOnce, len(segments))]
		n, countErr := m.count(ctx, id, part)
		counted += n
		if countErr != nil {
			err = errors.Join(err, countErr)
			for _, segment := range part {
				segment.err = countErr
			}
		}
	}
	m.Completer.Look(ctx, id)
	return counted, err
}

// count counts those segments that are written and were not counted before.
func (m *Metadata) count(ctx context.Context, run string, segments []*described) (int, error) {
	wanted := map[string]bool{}
	var ids []string
	for _, segment := range segments {
		if segment.err == nil && !wanted[segment.ID] {
			wanted[segment.ID] = true
			ids = append(ids, segment.ID)
		}
	}
	for len(ids) > 0 {
		updates := make([]dynamodb.UpdateItem, 0, len(ids)+1)
		for _, id := range ids {
			updates = append(updates, m.Store.keep(segmentItem(run, id), "SET #made = :made", "attribute_not_exists(#id)", dynamodb.Item{":made": dynamodb.Number(ms(m.Clock.Now()))}))
		}
		updates = append(updates, m.Store.change(run, "SET #touched = :now REMOVE #stuck, #pokes ADD #described :n", "attribute_exists(#id)", dynamodb.Item{
			":now": dynamodb.Number(ms(m.Clock.Now())), ":n": dynamodb.Number(int64(len(ids))),
		}))
		unmet, err := m.Store.transact(ctx, updates...)
		if err != nil || len(unmet) == 0 {
			return len(ids), err
		}
		left := ids[:0]
		for i, id := range ids {
			if len(unmet) > 0 && unmet[0] == i {
				unmet = unmet[1:] // It was counted before.
				continue
			}
			left = append(left, id)
		}
		if len(unmet) > 0 { // The run itself is gone.
			return 0, nil
		}
		ids = left
	}
	return 0, nil
}
