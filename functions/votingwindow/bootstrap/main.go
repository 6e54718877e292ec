// The functions of a voting window: one binary, whose handler's name is the function's.
package main

import (
	"context"
	"crypto/rand"
	"os"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/internal/bootstrap"
	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
	"github.com/burstline/terraform-provider-serverless/functions/internal/sqs"
	"github.com/burstline/terraform-provider-serverless/functions/internal/status"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

func main() { handlers.Serve() }

var handlers = bootstrap.Handlers{
	"control":      control,
	"credentials":  credentials,
	"export":       export,
	"intake":       intake,
	"orchestrator": orchestrator,
	"publisher":    publisher,
	"quarantine":   quarantine,
	"recorder":     recorder,
	"recount":      recount,
	"reset":        reset,
	"viewers":      viewers,
}

func intake(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[votingwindow.IntakeConfig](environ)
	if err != nil {
		return nil, err
	}
	rules, err := votingwindow.NewRules(cfg.Base, cfg.Window, cfg.Admission)
	if err != nil {
		return nil, err
	}
	function := &votingwindow.Intake{
		Rules:      rules,
		InForce:    &votingwindow.Clocked{Window: rules.Window, Clock: clock.System{}},
		VoterClaim: cfg.VoterClaim,
		Queue:      &votingwindow.Queue{Client: sqs.New(aws), URL: cfg.QueueURL},
		Clock:      clock.System{},
		Log:        telemetry.Logger(os.Stdout, telemetry.Source{System: cfg.System, Name: cfg.Name, Function: "intake"}),
	}
	if cfg.TalliesTable != "" {
		function.InForce.Store = &laterControl{store: sync.OnceValue(func() *votingwindow.Store { return store(aws, "", "", cfg.TalliesTable) })}
	}
	return function.Handle, nil
}

// laterControl makes its client when it is first asked, which for most of intake's lives is never.
type laterControl struct{ store func() *votingwindow.Store }

func (c *laterControl) ReadControl(ctx context.Context) (votingwindow.Control, error) {
	return c.store().ReadControl(ctx)
}

func recorder(ctx context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[votingwindow.RecorderConfig](environ)
	if err != nil {
		return nil, err
	}
	rules, err := votingwindow.NewRules(cfg.Base, cfg.Window, cfg.Admission)
	if err != nil {
		return nil, err
	}
	judge, err := votingwindow.LoadJudge(ctx, rules, cfg,
		votingwindow.NewParameters(aws),
		func() votingwindow.Lists { return s3.New(aws, cfg.AllowBucket) })
	if err != nil {
		return nil, err
	}
	source := telemetry.Source{System: cfg.System, Name: cfg.Name, Function: "recorder"}
	tables := store(aws, cfg.BallotsTable, cfg.LedgerTable, cfg.TalliesTable)
	function := &votingwindow.Recorder{
		Judge:   judge,
		InForce: &votingwindow.Clocked{Window: rules.Window, Store: tables, Clock: clock.System{}},
		Store:   tables,
		Clock:   clock.System{},
		Worker:  rand.Text(),
		Log:     telemetry.Logger(os.Stdout, source),
		Metrics: telemetry.NewMetrics(os.Stdout, source),
	}
	return function.Handle, nil
}

func publisher(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[votingwindow.PublisherConfig](environ)
	if err != nil {
		return nil, err
	}
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	rules, err := votingwindow.NewRules(cfg.Base, cfg.Window, votingwindow.Admission{})
	if err != nil {
		return nil, err
	}
	source := telemetry.Source{System: cfg.System, Name: cfg.Name, Function: "publisher"}
	queues := sqs.New(aws)
	tables := store(aws, cfg.BallotsTable, cfg.LedgerTable, cfg.TalliesTable)
	function := &votingwindow.Publisher{
		Rules:           rules,
		InForce:         &votingwindow.Clocked{Window: rules.Window, Store: tables, Clock: clock.System{}},
		Store:           tables,
		Votes:           &votingwindow.Queue{Client: queues, URL: cfg.QueueURL},
		DeadLetters:     &votingwindow.Queue{Client: queues, URL: cfg.DeadLetterURL},
		Mapping:         votingwindow.NewMapping(aws, cfg.MappingID),
		Bucket:          s3.New(aws, cfg.ResultsBucket),
		Clock:           clock.System{},
		Holder:          rand.Text(),
		Version:         publishedVersion(environ),
		RecorderTimeout: cfg.RecorderTimeout,
		PublishEvery:    cfg.PublishEvery,
		AfterClose:      cfg.Results == votingwindow.ResultsAfterClose,
		PerAddress:      cfg.QuarantinePerAddress,
		Log:             telemetry.Logger(os.Stdout, source),
		Metrics:         telemetry.NewMetrics(os.Stdout, source),
	}
	if cfg.StatusTable != "" {
		function.Status = &status.Board{Client: dynamodb.New(aws), Table: cfg.StatusTable, Shards: votingwindow.StatusShards}
	}
	return function.Handle, nil
}

// publishedVersion is the function's version that runs; 0 for `$LATEST`, which is none (AWS Lambda Developer Guide, "Working with Lambda
// environment variables", defined runtime environment variables).
func publishedVersion(environ map[string]string) int64 {
	version, err := strconv.ParseInt(environ["AWS_LAMBDA_FUNCTION_VERSION"], 10, 64)
	if err != nil {
		return 0
	}
	return version
}

func recount(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	rules, tables, err := counting(environ, aws)
	if err != nil {
		return nil, err
	}
	return (&votingwindow.Recount{Rules: rules, Store: tables, Clock: clock.System{}}).Handle, nil
}

func quarantine(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	_, tables, err := counting(environ, aws)
	if err != nil {
		return nil, err
	}
	return (&votingwindow.Quarantine{Store: tables}).Handle, nil
}

func reset(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	rules, tables, err := counting(environ, aws)
	if err != nil {
		return nil, err
	}
	return (&votingwindow.Reset{Rules: rules, Store: tables, Clock: clock.System{}}).Handle, nil
}

// counting is what the functions share that an operator invokes.
func counting(environ map[string]string, aws aws.Config) (*votingwindow.Rules, *votingwindow.Store, error) {
	cfg, err := config.Load[votingwindow.RecountConfig](environ)
	if err != nil {
		return nil, nil, err
	}
	rules, err := votingwindow.NewRules(cfg.Base, cfg.Window, votingwindow.Admission{})
	return rules, store(aws, cfg.BallotsTable, cfg.LedgerTable, cfg.TalliesTable), err
}

func store(aws aws.Config, ballots, ledger, tallies string) *votingwindow.Store {
	return &votingwindow.Store{Client: dynamodb.New(aws), Ballots: ballots, Ledger: ledger, Tallies: tallies}
}
