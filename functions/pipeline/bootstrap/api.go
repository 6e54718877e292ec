package main

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
	"github.com/burstline/terraform-provider-serverless/functions/internal/secretref"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/api"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

func graphAPI(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := load[api.Config](environ)
	if err != nil {
		return nil, err
	}
	tables := &pipeline.RunReader{Store: store(aws, cfg.Runs, "", 0), Batch: dynamodb.New(aws)}
	options := api.Options{
		Runs: tables, Objects: s3.New(aws, cfg.Bucket), Start: topic(aws, cfg.StartTopic), Auth: cfg.Auth, WriteScope: cfg.WriteScope,
		Introspection: cfg.Introspection, NewID: rand.Text, Clock: clock.System{}, Log: logger(cfg.Base, "api"), Metrics: metrics(cfg.Base, "api"),
	}
	if cfg.BookingsTable != "" {
		booked := kept(aws, bookings.Kept{BookingsTable: cfg.BookingsTable, RetentionDays: cfg.RetentionDays})
		booked.GiveUp = cfg.GiveUpAfter
		options.Bookings = booked
	}
	answers, err := api.New(options)
	if err != nil {
		return nil, err
	}
	return answers.Handle, nil
}

// keysRefresh is how long a key that is taken away still lets in, beside the time for which API Gateway keeps verdicts.
const keysRefresh = 5 * time.Minute

func authorizer(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := load[api.AuthorizerConfig](environ)
	if err != nil {
		return nil, err
	}
	log := logger(cfg.Base, "authorizer")
	keys := &secretref.Cache{Resolver: &secretref.AWS{Config: aws}, Refresh: keysRefresh, Now: time.Now, Log: log}
	return (&api.KeyAuthorizer{Secrets: keys, Keys: cfg.Keys, Log: log}).Handle, nil
}
