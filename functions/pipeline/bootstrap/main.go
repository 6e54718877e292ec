// The functions of a recommendation pipeline: one binary, whose handler's name is the function's.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/internal/bootstrap"
	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/kinesis"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
	"github.com/burstline/terraform-provider-serverless/functions/internal/sns"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

func main() { handlers.Serve() }

var handlers = bootstrap.Handlers{
	"api":        graphAPI,
	"authorizer": authorizer,
	"control":    control,
	"creator":    creator,
	"ingest":     ingest,
	"lister":     lister,
	"manifest":   manifest,
	"metadata":   metadata,
	"notifier":   notifier,
	"segmenter":  segmenter,
	"sweeper":    sweeper,
	"uploader":   uploader,
}

func lister(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := load[pipeline.ListerConfig](environ)
	if err != nil {
		return nil, err
	}
	log := logger(cfg.Base, "lister")
	tables := store(aws, cfg.Runs, "", cfg.RetentionDays)
	return (&pipeline.Lister{
		Store: tables, Source: s3.New(aws, cfg.SourceBucket), Bucket: cfg.SourceBucket, Objects: s3.New(aws, cfg.Bucket), Files: stream(aws, cfg.FilesStream),
		Start: topic(aws, cfg.StartTopic), Completer: &pipeline.Completer{Store: tables, Stage: topic(aws, cfg.StageTopic), Log: log}, ChunkKeys: pipeline.ChunkKeys,
		Pages: cfg.PagesPerCall, MaxSteps: cfg.MaxSteps, NewID: rand.Text, Clock: clock.System{}, Log: log, Metrics: metrics(cfg.Base, "lister"),
	}).Handle, nil
}

func ingest(ctx context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := load[pipeline.IngestConfig](environ)
	if err != nil {
		return nil, err
	}
	objects := s3.New(aws, cfg.Bucket)
	mapper, err := mapping(ctx, objects, cfg.ItemMapping)
	if err != nil {
		return nil, err
	}
	log := logger(cfg.Base, "ingest")
	tables := store(aws, cfg.Runs, cfg.ItemsTable, cfg.RetentionDays)
	work := &pipeline.Ingest{
		Store: tables, Source: s3.New(aws, cfg.SourceBucket), Bucket: cfg.SourceBucket, Mapper: mapper, Objects: objects,
		Completer: &pipeline.Completer{Store: tables, Stage: topic(aws, cfg.StageTopic), Log: log}, Reads: cfg.Reads, MaxBytes: int64(cfg.MaxFileBytes),
		GiveUp: cfg.GiveUpAfter, Clock: clock.System{}, Jitter: mathrand.Float64, Log: log, Metrics: metrics(cfg.Base, "ingest"),
	}
	return (&pipeline.Redrive{Stream: kinesis.New(aws), Take: work.Handle, Log: log}).Handle, nil
}

// mapping reads the item mapping from where it is.
func mapping(ctx context.Context, objects *s3.Bucket, from pipeline.ItemMapping) (*pipeline.Mapper, error) {
	text := []byte(from.Mapping)
	if from.MappingKey != "" {
		var err error
		if text, err = objects.GetObject(ctx, from.MappingKey); err != nil {
			return nil, err
		}
		if text == nil {
			return nil, fmt.Errorf("there is no object %s: it is the item mapping", from.MappingKey)
		}
	}
	return pipeline.ReadMapping(text)
}

func sweeper(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := load[pipeline.SweeperConfig](environ)
	if err != nil {
		return nil, err
	}
	log := logger(cfg.Base, "sweeper")
	tables := store(aws, cfg.Runs, "", 0)
	runs := &pipeline.Sweeper{
		Expiry: &pipeline.Expiry{Store: tables, Objects: s3.New(aws, cfg.Bucket), After: days(cfg.ExpireDays), Clock: clock.System{}, Log: log},
		Store:  tables, Start: topic(aws, cfg.StartTopic), Completer: &pipeline.Completer{Store: tables, Stage: topic(aws, cfg.StageTopic), Log: log},
		StepTime: cfg.StepTime, StuckAfter: cfg.StuckAfter, Idle: cfg.Idle, MaxSteps: cfg.MaxSteps, Clock: clock.System{}, Log: log, Metrics: metrics(cfg.Base, "sweeper"),
	}
	return sweepBookings(environ, aws, cfg, runs)
}

func segmenter(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := load[pipeline.SegmenterConfig](environ)
	if err != nil {
		return nil, err
	}
	percentiles, err := pipeline.ReadPercentiles(cfg.Percentiles)
	if err != nil {
		return nil, err
	}
	log := logger(cfg.Base, "segmenter")
	tables := store(aws, cfg.Runs, cfg.ItemsTable, 0)
	return (&pipeline.Segmenter{
		Store: tables, Objects: s3.New(aws, cfg.Bucket), Stream: stream(aws, cfg.SegmentsStream),
		Completer: &pipeline.Completer{Store: tables, Stage: topic(aws, cfg.StageTopic), Log: log}, Segment: cfg.Segment, Metrics: cfg.Metrics,
		Percentiles: percentiles, MinSize: cfg.MinSize, Top: cfg.Top, ExpireAfter: days(cfg.ExpireDays), NewID: rand.Text, Clock: clock.System{}, Log: log,
		Telemetry: metrics(cfg.Base, "segmenter"),
	}).Handle, nil
}

func metadata(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := load[pipeline.MetadataConfig](environ)
	if err != nil {
		return nil, err
	}
	log := logger(cfg.Base, "metadata")
	tables := store(aws, cfg.Runs, "", cfg.RetentionDays)
	work := &pipeline.Metadata{
		Store: tables, Objects: s3.New(aws, cfg.Bucket), Completer: &pipeline.Completer{Store: tables, Stage: topic(aws, cfg.StageTopic), Log: log},
		Clock: clock.System{}, Log: log, Metrics: metrics(cfg.Base, "metadata"),
	}
	return (&pipeline.Redrive{Stream: kinesis.New(aws), Take: work.Handle, Log: log}).Handle, nil
}

func manifest(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := load[pipeline.ManifestConfig](environ)
	if err != nil {
		return nil, err
	}
	return (&pipeline.Publication{
		Store: store(aws, cfg.Runs, "", 0), Objects: s3.New(aws, cfg.Bucket), Prices: cfg.Prices, Clock: clock.System{}, Log: logger(cfg.Base, "manifest"),
		Metrics: metrics(cfg.Base, "manifest"),
	}).Handle, nil
}

func control(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := load[pipeline.ControlConfig](environ)
	if err != nil {
		return nil, err
	}
	controls := &pipeline.Control{
		Store: &pipeline.RunReader{Store: store(aws, cfg.Runs, "", 0), Batch: dynamodb.New(aws)}, Objects: s3.New(aws, cfg.Bucket), Start: topic(aws, cfg.StartTopic),
		Clock: clock.System{}, Log: logger(cfg.Base, "control"),
	}
	if cfg.BookingsTable != "" {
		booked := kept(aws, bookings.Kept{BookingsTable: cfg.BookingsTable})
		booked.GiveUp, controls.Retry = cfg.GiveUpAfter, booked.RetryLine
	}
	return controls.Handle, nil
}

// load reads a configuration, and checks it where it can.
func load[T any](environ map[string]string) (T, error) {
	cfg, err := config.Load[T](environ)
	if checked, ok := any(cfg).(interface{ Check() error }); ok && err == nil {
		err = checked.Check()
	}
	return cfg, err
}

func store(aws aws.Config, runs pipeline.Runs, items string, retentionDays int) *pipeline.Store {
	return &pipeline.Store{
		Client: dynamodb.New(aws), Runs: runs.RunsTable, Items: items, Clock: clock.System{}, Retention: days(retentionDays), Jitter: mathrand.Float64,
	}
}

func stream(aws aws.Config, name string) *pipeline.Stream {
	return &pipeline.Stream{Client: kinesis.New(aws), Name: name, Clock: clock.System{}, Jitter: mathrand.Float64}
}

func topic(aws aws.Config, arn string) *pipeline.Topic {
	return &pipeline.Topic{Client: sns.New(aws), ARN: arn}
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func source(base pipeline.Base, function string) telemetry.Source {
	return telemetry.Source{System: base.System, Name: base.Name, Function: function}
}

func logger(base pipeline.Base, function string) *slog.Logger {
	return telemetry.Logger(os.Stdout, source(base, function))
}

func metrics(base pipeline.Base, function string) *telemetry.Metrics {
	return telemetry.NewMetrics(os.Stdout, source(base, function))
}
