// The functions of a ticket presale's waiting room: one binary, whose handler's name is the function's.
package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/internal/allowlist"
	"github.com/burstline/terraform-provider-serverless/functions/internal/bootstrap"
	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
	"github.com/burstline/terraform-provider-serverless/functions/internal/sqs"
	"github.com/burstline/terraform-provider-serverless/functions/internal/status"
	"github.com/burstline/terraform-provider-serverless/functions/internal/streams"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

func main() { handlers.Serve() }

var handlers = bootstrap.Handlers{
	"bypass":  bypass,
	"control": control,
	"join":    join,
	"keeper":  keeper,
	"placer":  placer,
	"readers": readers,
	"revoke":  revoke,
	"service": service,
	"stream":  stream,
	"turn":    turn,
}

func join(ctx context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[queue.JoinConfig](environ)
	if err != nil {
		return nil, err
	}
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	function := &queue.Join{
		Sales: sales(store(aws, cfg.Tables)), Queue: queueAt(aws, cfg.JoinsURL), Clock: clock.System{}, Log: logger(cfg.Base, "join"),
	}
	if function.Key, err = key(ctx, aws, cfg.KeyParameter); err != nil {
		return nil, err
	}
	if cfg.ProbeKeyParameter != "" {
		if function.ProbeKey, err = key(ctx, aws, cfg.ProbeKeyParameter); err != nil {
			return nil, err
		}
	}
	if cfg.TokenIssuer != "" {
		function.Tokens = newOrganiser(cfg.TokenIssuer, cfg.TokenAudience)
	}
	if cfg.ReadersBucket != "" {
		function.Watching = &queue.Watching{
			Objects: s3.New(aws, cfg.ReadersBucket), Store: store(aws, cfg.Tables), Clock: clock.System{}, Log: function.Log,
			Shard: mathrand.IntN(cfg.StatusShards), //nolint:gosec // Spreads reads; no secret.
		}
	}
	if cfg.AllowKey != "" {
		object, size, err := s3.New(aws, cfg.AllowBucket).OpenObject(ctx, cfg.AllowKey)
		if err != nil {
			return nil, err
		}
		defer object.Close() //nolint:errcheck // Nothing was written.
		if function.Codes, err = allowlist.Read(object, size); err != nil {
			return nil, err
		}
	}
	return function.Handle, nil
}

func placer(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[queue.PlacerConfig](environ)
	if err != nil {
		return nil, err
	}
	tables := store(aws, cfg.Tables)
	return (&queue.Placer{
		Sales: sales(tables), Store: tables, Clock: clock.System{}, NewID: rand.Text, Retention: days(cfg.RetentionDays),
		Log: logger(cfg.Base, "placer"), Metrics: metrics(cfg.Base, "placer"),
	}).Handle, nil
}

func keeper(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[queue.KeeperConfig](environ)
	if err != nil {
		return nil, err
	}
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	function := &queue.Keeper{
		Store: store(aws, cfg.Tables), Joins: queueAt(aws, cfg.JoinsURL), Objects: s3.New(aws, cfg.Bucket), Beacons: &queue.Drand{Client: http.DefaultClient},
		Clock: clock.System{}, Random: secret, Holder: rand.Text(), PlacerTimeout: cfg.PlacerTimeout, Retention: days(cfg.RetentionDays),
		Shards: cfg.StatusShards, Log: logger(cfg.Base, "keeper"), Metrics: metrics(cfg.Base, "keeper"),
	}
	if cfg.LineURL != "" {
		function.Line = queueAt(aws, cfg.LineURL)
	}
	if cfg.StatusTable != "" {
		function.Board = &status.Board{Client: dynamodb.New(aws), Table: cfg.StatusTable, Shards: cfg.BoardShards}
	}
	return function.Handle, nil
}

func readers(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[queue.ReadersConfig](environ)
	if err != nil {
		return nil, err
	}
	sessions := queue.ReaderSessions(aws, cfg)
	sessions.Objects, sessions.Clock, sessions.Log = s3.New(aws, cfg.Bucket), clock.System{}, logger(cfg.Base, "readers")
	return (&queue.Readers{Sales: store(aws, cfg.Tables), Publication: sessions}).Handle, nil
}

// secret is 32 random bytes.
func secret() []byte {
	bytes := make([]byte, queue.KeyBytes)
	_, _ = rand.Read(bytes) // It never fails (crypto/rand).
	return bytes
}

func control(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[queue.ControlConfig](environ)
	if err != nil {
		return nil, err
	}
	return (&queue.Controller{Store: store(aws, cfg.Tables), Clock: clock.System{}, Log: logger(cfg.Base, "control")}).Handle, nil
}

func stream(ctx context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[queue.StreamConfig](environ)
	if err != nil {
		return nil, err
	}
	tables := store(aws, cfg.Tables)
	function := &queue.Stream{
		Sales: sales(tables), Store: tables, Joins: queueAt(aws, cfg.JoinsURL), Aside: queueAt(aws, cfg.AsideURL), GivenUp: streams.New(aws), Clock: clock.System{},
		Retention: days(cfg.RetentionDays), Log: logger(cfg.Base, "stream"), Metrics: metrics(cfg.Base, "stream"),
	}
	function.Key, err = key(ctx, aws, cfg.KeyParameter)
	return function.Handle, err
}

func turn(ctx context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[queue.TurnConfig](environ)
	if err != nil {
		return nil, err
	}
	tables := store(aws, cfg.Tables)
	function := &queue.Turn{
		Sales: sales(tables), Store: tables, Clock: clock.System{}, Shard: mathrand.IntN(max(1, cfg.StatusShards)), //nolint:gosec // Spreads reads; no secret.
		Assigned: cfg.External, Log: logger(cfg.Base, "turn"),
	}
	if function.Key, err = key(ctx, aws, cfg.KeyParameter); err != nil {
		return nil, err
	}
	function.Passes, function.Edge, err = signing(ctx, aws, cfg.Base, cfg.Passes, cfg.PassKey, cfg.EdgeKey)
	return function.Handle, err
}

func bypass(ctx context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[queue.BypassConfig](environ)
	if err != nil {
		return nil, err
	}
	function := &queue.Bypass{
		Sales: sales(store(aws, cfg.Tables)), Issued: cfg.Passes, Base: cfg.Base, Clock: clock.System{}, Log: logger(cfg.Base, "bypass"), Metrics: metrics(cfg.Base, "bypass"),
	}
	function.Passes, function.Edge, err = signing(ctx, aws, cfg.Base, cfg.Passes, cfg.PassKey, cfg.EdgeKey)
	return function.Handle, err
}

func revoke(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[queue.RevokeConfig](environ)
	if err != nil {
		return nil, err
	}
	tables := store(aws, cfg.Tables)
	return (&queue.Revoker{Sales: sales(tables), Store: tables, Clock: clock.System{}, Log: logger(cfg.Base, "revoke")}).Handle, nil
}

func service(ctx context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[queue.ServiceConfig](environ)
	if err != nil {
		return nil, err
	}
	tables := store(aws, cfg.Tables)
	function := &queue.Service{
		Sales: sales(tables), Store: tables, External: cfg.External, Clock: clock.System{}, Log: logger(cfg.Base, "service"),
	}
	if function.Key, err = key(ctx, aws, cfg.KeyParameter); err != nil {
		return nil, err
	}
	function.Passes, err = verifying(cfg)
	return function.Handle, err
}

func store(aws aws.Config, tables queue.Tables) *queue.Store {
	return &queue.Store{Client: dynamodb.New(aws), Tables: tables}
}

func sales(store *queue.Store) *queue.Sales {
	return &queue.Sales{Store: store, Clock: clock.System{}}
}

func queueAt(aws aws.Config, url string) *queue.SQS {
	return &queue.SQS{Client: sqs.New(aws), URL: url}
}

func key(ctx context.Context, aws aws.Config, parameter string) (queue.Key, error) {
	text, err := queue.ReadSecret(ctx, aws, parameter)
	if err != nil {
		return nil, err
	}
	return queue.ReadKey(text)
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func source(base queue.Base, function string) telemetry.Source {
	return telemetry.Source{System: base.System, Name: base.Name, Function: function}
}

func logger(base queue.Base, function string) *slog.Logger {
	return telemetry.Logger(os.Stdout, source(base, function))
}

func metrics(base queue.Base, function string) *telemetry.Metrics {
	return telemetry.NewMetrics(os.Stdout, source(base, function))
}
