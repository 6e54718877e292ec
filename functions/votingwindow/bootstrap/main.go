// The functions of a voting window: one binary, whose handler's name is the function's.
package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/internal/awsconfig"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

func main() {
	handle, err := handler(environment(os.Environ()))
	if err != nil {
		slog.New(slog.NewJSONHandler(os.Stderr, nil)).Error("start", "error", err)
		os.Exit(1)
	}
	lambda.Start(handle)
}

func environment(lines []string) map[string]string {
	environ := make(map[string]string, len(lines))
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		environ[name] = value
	}
	return environ
}

// handlers by name, as _HANDLER gives it. Each builds only what it uses: clients cost at every cold start.
var handlers = map[string]func(environ map[string]string, aws aws.Config) (any, error){
	"intake":    intake,
	"recorder":  recorder,
	"publisher": publisher,
	"recount":   recount,
}

func handler(environ map[string]string) (any, error) {
	name := environ["_HANDLER"]
	build, ok := handlers[name]
	if !ok {
		return nil, fmt.Errorf("there is no handler %q: _HANDLER is one of intake, recorder, publisher and recount", name)
	}
	cfg, err := awsconfig.FromEnvironment(environ)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	handle, err := build(environ, cfg)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return handle, nil
}

func intake(environ map[string]string, aws aws.Config) (any, error) {
	cfg, rules, err := load(environ, func(c votingwindow.IntakeConfig) votingwindow.Window { return c.Window })
	if err != nil {
		return nil, err
	}
	source := telemetry.Source{System: cfg.System, Name: cfg.Name, Function: "intake"}
	function := &votingwindow.Intake{
		Rules: rules,
		Queue: &votingwindow.Queue{Client: sqs.NewFromConfig(aws), URL: cfg.QueueURL},
		Clock: votingwindow.SystemClock{},
		Log:   telemetry.Logger(os.Stdout, source),
	}
	return function.Handle, nil
}

func recorder(environ map[string]string, aws aws.Config) (any, error) {
	cfg, rules, err := load(environ, func(c votingwindow.RecorderConfig) votingwindow.Window { return c.Window })
	if err != nil {
		return nil, err
	}
	source := telemetry.Source{System: cfg.System, Name: cfg.Name, Function: "recorder"}
	function := &votingwindow.Recorder{
		Rules:   rules,
		Store:   store(aws, cfg.BallotsTable, cfg.LedgerTable, cfg.TalliesTable),
		Clock:   votingwindow.SystemClock{},
		Worker:  rand.Text(),
		Log:     telemetry.Logger(os.Stdout, source),
		Metrics: telemetry.NewMetrics(os.Stdout, source),
	}
	return function.Handle, nil
}

func publisher(environ map[string]string, aws aws.Config) (any, error) {
	cfg, rules, err := load(environ, func(c votingwindow.PublisherConfig) votingwindow.Window { return c.Window })
	if err != nil {
		return nil, err
	}
	if cfg.PublishEvery <= 0 || cfg.RecorderTimeout <= 0 {
		return nil, errors.New("PUBLISH_EVERY and RECORDER_TIMEOUT must be more than zero")
	}
	source := telemetry.Source{System: cfg.System, Name: cfg.Name, Function: "publisher"}
	queues := sqs.NewFromConfig(aws)
	function := &votingwindow.Publisher{
		Rules:       rules,
		Store:       store(aws, cfg.BallotsTable, cfg.LedgerTable, cfg.TalliesTable),
		Votes:       &votingwindow.Queue{Client: queues, URL: cfg.QueueURL},
		DeadLetters: &votingwindow.Queue{Client: queues, URL: cfg.DeadLetterURL},
		Mapping:     &votingwindow.Mapping{Client: awslambda.NewFromConfig(aws), ID: cfg.MappingID},
		Bucket: &votingwindow.Bucket{Name: cfg.ResultsBucket, Client: s3.NewFromConfig(aws, func(o *s3.Options) {
			o.UsePathStyle = aws.BaseEndpoint != nil // An endpoint of one's own has no host name per bucket.
		})},
		Clock:           votingwindow.SystemClock{},
		Holder:          rand.Text(),
		RecorderTimeout: cfg.RecorderTimeout,
		PublishEvery:    cfg.PublishEvery,
		Log:             telemetry.Logger(os.Stdout, source),
		Metrics:         telemetry.NewMetrics(os.Stdout, source),
	}
	return function.Handle, nil
}

func recount(environ map[string]string, aws aws.Config) (any, error) {
	cfg, rules, err := load(environ, func(c votingwindow.RecountConfig) votingwindow.Window { return c.Window })
	if err != nil {
		return nil, err
	}
	function := &votingwindow.Recount{
		Rules: rules,
		Store: store(aws, cfg.BallotsTable, cfg.LedgerTable, cfg.TalliesTable),
		Clock: votingwindow.SystemClock{},
	}
	return function.Handle, nil
}

// load reads a function's configuration and compiles its window's rules.
func load[T any](environ map[string]string, window func(T) votingwindow.Window) (T, *votingwindow.Rules, error) {
	cfg, err := config.Load[T](environ)
	if err != nil {
		return cfg, nil, err
	}
	rules, err := votingwindow.NewRules(window(cfg))
	return cfg, rules, err
}

func store(aws aws.Config, ballots, ledger, tallies string) *votingwindow.Store {
	return &votingwindow.Store{Client: dynamodb.NewFromConfig(aws), Ballots: ballots, Ledger: ledger, Tallies: tallies}
}
