package main

import (
	"cmp"
	"context"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
	"github.com/burstline/terraform-provider-serverless/functions/internal/session"
	"github.com/burstline/terraform-provider-serverless/functions/internal/sqs"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

func export(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[votingwindow.ExportConfig](environ)
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
	tables := store(aws, cfg.BallotsTable, cfg.LedgerTable, cfg.TalliesTable)
	function := &votingwindow.Export{
		Name:        cfg.Name,
		InForce:     &votingwindow.Clocked{Window: rules.Window, Store: tables, Clock: clock.System{}},
		Store:       tables,
		Results:     s3.New(aws, cfg.ResultsBucket),
		Bucket:      s3.New(aws, cfg.ExportBucket),
		Identifiers: cmp.Or(cfg.Identifiers, votingwindow.IdentifiersHashed),
		Clock:       clock.System{},
		Log:         telemetry.Logger(os.Stdout, telemetry.Source{System: cfg.System, Name: cfg.Name, Function: "export"}),
	}
	if cfg.SigningKey != "" {
		function.Signer = votingwindow.NewSigningKey(aws, cfg.SigningKey)
	}
	return function.Handle, nil
}

func control(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[votingwindow.ControlConfig](environ)
	if err != nil {
		return nil, err
	}
	rules, err := votingwindow.NewRules(cfg.Base, cfg.Window, votingwindow.Admission{})
	if err != nil {
		return nil, err
	}
	function := &votingwindow.Controller{
		Rules:         rules,
		Store:         store(aws, "", "", cfg.TalliesTable),
		RetentionDays: cfg.RetentionDays,
		Clock:         clock.System{},
		Log:           telemetry.Logger(os.Stdout, telemetry.Source{System: cfg.System, Name: cfg.Name, Function: "control"}),
	}
	return function.Handle, nil
}

func credentials(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[votingwindow.CredentialsConfig](environ)
	if err != nil {
		return nil, err
	}
	function, err := handingOut(cfg.Base, cfg.Window, aws, "credentials", cfg.TalliesTable, cfg.ResultsBucket, votingwindow.VoterSessions(aws, cfg))
	if err != nil {
		return nil, err
	}
	return function.Handle, nil
}

func viewers(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[votingwindow.ViewersConfig](environ)
	if err != nil {
		return nil, err
	}
	function, err := handingOut(cfg.Base, cfg.Window, aws, "viewers", cfg.TalliesTable, cfg.ResultsBucket, votingwindow.ViewerSessions(aws, cfg))
	if err != nil {
		return nil, err
	}
	function.Stays = votingwindow.ViewersStay
	return function.Handle, nil
}

// handingOut is what the functions share that publish credentials.
func handingOut(base votingwindow.Base, window votingwindow.Window, aws aws.Config, name, tallies, results string, sessions *session.Publication) (*votingwindow.Credentials, error) {
	rules, err := votingwindow.NewRules(base, window, votingwindow.Admission{})
	if err != nil {
		return nil, err
	}
	sessions.Objects, sessions.Clock = s3.New(aws, results), clock.System{}
	sessions.Log = telemetry.Logger(os.Stdout, telemetry.Source{System: base.System, Name: base.Name, Function: name})
	return &votingwindow.Credentials{
		InForce:     &votingwindow.Clocked{Window: rules.Window, Store: store(aws, "", "", tallies), Clock: clock.System{}},
		Publication: sessions,
	}, nil
}

func orchestrator(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[votingwindow.OrchestratorConfig](environ)
	if err != nil {
		return nil, err
	}
	if err := cfg.Limits().Check(); err != nil {
		return nil, err
	}
	rules, err := votingwindow.NewRules(cfg.Base, cfg.Window, votingwindow.Admission{})
	if err != nil {
		return nil, err
	}
	tables := dynamodb.New(aws)
	tallies := &votingwindow.Store{Client: tables, Tallies: cfg.TalliesTable}
	function := &votingwindow.Orchestrator{
		InForce: &votingwindow.Clocked{Window: rules.Window, Store: tallies, Clock: clock.System{}},
		Limits:  cfg.Limits(),
		Votes:   &votingwindow.Queue{Client: sqs.New(aws), URL: cfg.QueueURL},
		Table:   &votingwindow.ProvisionedTable{Client: tables, Name: cfg.BallotsTable},
		Mapping: votingwindow.NewMapping(aws, cfg.MappingID),
		Store:   tallies,
		Clock:   clock.System{},
		Log:     telemetry.Logger(os.Stdout, telemetry.Source{System: cfg.System, Name: cfg.Name, Function: "orchestrator"}),
	}
	return function.Handle, nil
}
