package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/kinesis"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

// Segmenter groups all items by an attribute's values, and sends the groups that are segments to the stream segments. It scans the table in parallel, and where
// its time ends before the table it keeps what it counted and lets the next invocation go on.
//
// It also finds the items that are gone from an upload: those of an earlier one that this one did not write again.
type Segmenter struct {
	Store       *Store
	Objects     Objects
	Stream      *Stream
	Completer   *Completer
	Segment     string // The attribute; empty for no segments.
	Metrics     []string
	Percentiles []float64
	MinSize     int
	Top         int
	ExpireAfter time.Duration // Until items that are gone from an upload are deleted; 0 for keeping them.
	NewID       func() string
	Clock       clock.Clock
	Log         *slog.Logger
	Telemetry   *telemetry.Metrics
}

func scanObject(run string) string { return runPrefix(run) + "work/scan.json" }

// segmentsObject is one for each who finds a run's segments: two at the same time may find others, and the run goes by those of one of them.
func segmentsObject(run, finder string) string {
	return runPrefix(run) + "work/segments-" + finder + ".json"
}

// Handle works for each message of the stage segments.
func (s *Segmenter) Handle(ctx context.Context, event events.SNSEvent) error {
	var errs []error
	for _, record := range event.Records {
		stage, err := ReadStage(record.SNS.Message)
		if err != nil {
			s.Log.ErrorContext(ctx, "refused a message", "message", record.SNS.MessageID, "error", err)
			continue
		}
		if stage.Stage == StageSegments {
			errs = append(errs, s.work(ctx, stage))
		}
	}
	return errors.Join(errs...)
}

func (s *Segmenter) work(ctx context.Context, stage Stage) error {
	run, found, err := s.Store.ReadRun(ctx, stage.Run)
	switch {
	case err != nil:
		return err
	case !found || run.State != Segmenting && run.State != Describing:
		s.Log.InfoContext(ctx, "a run whose segments are not asked for", "run", stage.Run, "state", run.State)
		return nil
	case run.State == Describing: // Records were lost, or the one before died between.
		return s.send(ctx, run)
	}
	segments, gone, over, err := s.find(ctx, run, stage.Step)
	if err != nil || !over {
		return err
	}
	object := segmentsObject(run.ID, s.NewID())
	if err := s.save(ctx, object, segments); err != nil {
		return err
	}
	_, err = s.Store.Move(ctx, run.ID, Segmenting, Describing, ", #segments = :segments, #expired = :expired, #segments_object = :object", "", dynamodb.Item{
		":segments": dynamodb.Number(int64(len(segments))), ":expired": dynamodb.Number(gone), ":object": dynamodb.String(object),
	})
	if err != nil {
		return err
	}
	if run, _, err = s.Store.ReadRun(ctx, run.ID); err != nil || run.State != Describing || run.SegmentsObject != object {
		return err // Where it is another's, that one sends what it found.
	}
	err = s.Telemetry.Emit(s.Clock.Now(), telemetry.Metric{Name: "Segments", Unit: telemetry.Count, Value: float64(len(segments))},
		telemetry.Metric{Name: "Gone", Unit: telemetry.Count, Value: float64(gone)})
	return errors.Join(s.send(ctx, run), err)
}

// find returns a run's segments, and how many items are gone from its upload, once all is scanned.
func (s *Segmenter) find(ctx context.Context, run Run, step int) (segments []Segment, gone int64, over bool, err error) {
	if s.Segment == "" && s.ExpireAfter == 0 {
		return nil, 0, true, nil
	}
	if s.ExpireAfter > 0 && run.Items == 0 && run.ReplayOf == "" { // Completer does so where no file is ingested. What is replayed has items of its upload.
		return nil, 0, false, s.Store.Fail(ctx, run.ID, Segmenting, "no file of the upload has an item, so that all items would be taken for gone")
	}
	scan, err := s.resume(ctx, run)
	if err != nil {
		return nil, 0, false, err
	}
	if err := scan.goOn(ctx); errors.Is(err, errGroups) {
		return nil, 0, false, s.Store.Fail(ctx, run.ID, Segmenting, err.Error())
	} else if err != nil {
		return nil, 0, false, err
	}
	if err := s.save(ctx, scanObject(run.ID), scan.saved); err != nil {
		return nil, 0, false, err
	}
	if !scan.over() {
		return nil, 0, false, s.handOver(ctx, run, step)
	}
	segments, err = scan.saved.Groups.segments(run.ID, s.Percentiles, s.MinSize, s.Top)
	return segments, scan.saved.Gone, err == nil, err
}

// resume is the scan where the invocation before left it.
func (s *Segmenter) resume(ctx context.Context, run Run) (*scan, error) {
	found, err := newGroups(s.Metrics)
	if err != nil {
		return nil, err
	}
	resumed := &scan{Segmenter: s, run: run, saved: savedScan{scanOf: scanOf{s.Segment, s.Metrics}, Groups: found}}
	text, err := s.Objects.GetObject(ctx, scanObject(run.ID))
	if err != nil || text == nil {
		return resumed, err
	}
	var of scanOf
	if err := json.Unmarshal(text, &of); err != nil {
		return nil, fmt.Errorf("read %s: %w", scanObject(run.ID), err)
	}
	if of.Segment != s.Segment || !slices.Equal(of.Metrics, s.Metrics) {
		s.Log.WarnContext(ctx, "the segments are of something else than before: all items are scanned again", "run", run.ID, "before", of, "now", resumed.saved.scanOf)
		return resumed, nil
	}
	if err := json.Unmarshal(text, &resumed.saved); err != nil {
		return nil, fmt.Errorf("read %s: %w", scanObject(run.ID), err)
	}
	return resumed, nil
}

func (s *Segmenter) save(ctx context.Context, key string, what any) error {
	text, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	return s.Objects.PutObject(ctx, key, text, contentJSON, cachePrivate)
}

// handOver lets the next invocation go on, as the lister does.
func (s *Segmenter) handOver(ctx context.Context, run Run, step int) error {
	if step+1 >= ChainSteps {
		_, err := s.Store.Touch(ctx, run.ID, Segmenting, "touched", 0)
		return err
	}
	if held, err := s.Store.Touch(ctx, run.ID, Segmenting, "touched", ms(s.Clock.Now())); err != nil || !held {
		return err
	}
	return s.Completer.publish(ctx, run.ID, StageSegments, step+1)
}

// send sends a run's segments, as they were written down before its state said that they are known. One whose metadata is there changes nothing.
func (s *Segmenter) send(ctx context.Context, run Run) error {
	segments, err := readSegments(ctx, s.Objects, run)
	if err != nil {
		return err
	}
	records := make([]kinesis.Record, len(segments))
	for i := range segments {
		data, err := json.Marshal(segments[i])
		if err != nil {
			return fmt.Errorf("encode a segment: %w", err)
		}
		records[i] = kinesis.Record{Data: data, PartitionKey: segments[i].ID}
	}
	if _, err := s.Stream.Put(ctx, records); err != nil {
		return err
	}
	if len(segments) == 0 {
		s.Completer.Look(ctx, run.ID)
	}
	return nil
}

// readSegments reads the segments of a run whose segments are known.
func readSegments(ctx context.Context, objects Objects, run Run) (segments []Segment, err error) {
	text, err := objects.GetObject(ctx, run.SegmentsObject)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &segments); err != nil {
		return nil, fmt.Errorf("read %s: %w", run.SegmentsObject, err)
	}
	return segments, nil
}
