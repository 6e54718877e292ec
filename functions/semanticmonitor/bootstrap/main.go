// The function of a semantic monitor: one binary, whose handler's name is the function's.
package main

import (
	"context"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/internal/bootstrap"
	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/secretref"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/semanticmonitor"
)

func main() { handlers.Serve() }

var handlers = bootstrap.Handlers{"probe": probe}

// secretsFor is how long a secret is kept, so that one that was rotated is in use soon.
const secretsFor = 5 * time.Minute

func probe(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[semanticmonitor.ProbeConfig](environ)
	if err != nil {
		return nil, err
	}
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	target, err := semanticmonitor.ReadTarget(cfg.Target)
	if err != nil {
		return nil, err
	}
	source := telemetry.Source{System: cfg.System, Name: cfg.Name, Function: "probe"}
	log := telemetry.Logger(os.Stdout, source)
	secrets := &secretref.Cache{Resolver: &secretref.AWS{Config: aws}, Refresh: secretsFor, Now: time.Now, Log: log}
	path, err := semanticmonitor.PathOf(aws, target, cfg.Limits, secrets, clock.System{})
	if err != nil {
		return nil, err
	}
	return (&semanticmonitor.Monitor{
		Limits: cfg.Limits, Path: path, Store: &semanticmonitor.Table{Client: dynamodb.New(aws), Name: cfg.Table}, Clock: clock.System{},
		Log: log, Metrics: telemetry.NewMetrics(os.Stdout, source),
	}).Handle, nil
}
