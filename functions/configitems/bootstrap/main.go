// The functions of a serverless_config: one binary, whose handler's name is the function's.
package main

import (
	"context"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/configitems/history"
	"github.com/burstline/terraform-provider-serverless/functions/internal/bootstrap"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/streams"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

func main() { handlers.Serve() }

var handlers = bootstrap.Handlers{
	"control": control,
	"history": keeper,
}

func keeper(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[history.Config](environ)
	if err != nil {
		return nil, err
	}
	function := &history.History{
		Config: cfg, Table: dynamodb.New(aws), Aside: history.NewDeadLetters(aws, cfg.DeadLetterURL), Stream: streams.New(aws),
		Log: telemetry.Logger(os.Stdout, telemetry.Source{System: cfg.System, Name: cfg.Name, Function: "history"}),
	}
	return function.Handle, nil
}

func control(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[history.ControlConfig](environ)
	if err != nil {
		return nil, err
	}
	return (&history.Control{Config: cfg, Tables: dynamodb.New(aws), Now: time.Now}).Handle, nil
}
