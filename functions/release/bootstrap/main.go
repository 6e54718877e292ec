// The function of a serverless_release: one binary, whose handler's name is the function's.
package main

import (
	"context"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/internal/bootstrap"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/release"
)

func main() { handlers.Serve() }

var handlers = bootstrap.Handlers{"steer": steer}

func steer(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := config.Load[release.Config](environ)
	if err != nil {
		return nil, err
	}
	source := telemetry.Source{System: cfg.System, Name: cfg.Name, Function: "steer"}
	function := &release.Steer{
		Store: release.Tables{Config: cfg, Items: dynamodb.New(aws)}, Versions: release.NewLambda(aws), Watch: release.NewCloudWatch(aws),
		Metrics: telemetry.NewMetrics(os.Stdout, source), Log: telemetry.Logger(os.Stdout, source), Now: time.Now,
	}
	return function.Handle, nil
}
