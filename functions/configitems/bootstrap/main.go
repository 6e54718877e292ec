// The functions of a serverless_config: one binary, whose handler's name is the function's.
package main

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/configitems/history"
	"github.com/burstline/terraform-provider-serverless/functions/internal/awsconfig"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
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

// handlers by name, as _HANDLER gives it.
var handlers = map[string]func(environ map[string]string, aws aws.Config) (any, error){
	"control": control,
	"history": keeper,
}

func handler(environ map[string]string) (any, error) {
	name := environ["_HANDLER"]
	build, ok := handlers[name]
	if !ok {
		return nil, fmt.Errorf("there is no handler %q: _HANDLER is one of %s", name, strings.Join(slices.Sorted(maps.Keys(handlers)), ", "))
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

func keeper(environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[history.Config](environ)
	if err != nil {
		return nil, err
	}
	function := &history.History{
		Config: cfg, Table: dynamodb.New(aws), Aside: history.NewDeadLetters(aws, cfg.DeadLetterURL), Stream: history.NewStreams(aws),
		Log: telemetry.Logger(os.Stdout, telemetry.Source{System: cfg.System, Name: cfg.Name, Function: "history"}),
	}
	return function.Handle, nil
}

func control(environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[history.ControlConfig](environ)
	if err != nil {
		return nil, err
	}
	return (&history.Control{Config: cfg, Tables: dynamodb.New(aws), Now: time.Now}).Handle, nil
}
