package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awsconfig"
	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
	"github.com/burstline/terraform-provider-serverless/functions/internal/secretref"
	"github.com/burstline/terraform-provider-serverless/functions/internal/sqs"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

const (
	// partTimeout bounds a call that writes a part of 5 MB, or 25 of gathered rows.
	partTimeout = 30 * time.Second
	// leaseMargin is for how much longer than a try somebody has a booking: it reads before and writes after it.
	leaseMargin = time.Minute
	// webhookTimeout bounds one request of a webhook (Standard Webhooks, "Delivery": 15 to 30 seconds).
	webhookTimeout = 20 * time.Second
)

func creator(ctx context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := load[bookings.CreatorConfig](environ)
	if err != nil {
		return nil, err
	}
	objects := s3.New(awsconfig.WithCallTimeout(aws, partTimeout), cfg.Bucket)
	mapper, err := mapping(ctx, objects, cfg.ItemMapping)
	if err != nil {
		return nil, err
	}
	if mapper.Segment() == "" {
		return nil, errors.New("the item mapping names no segment: there is nothing to book")
	}
	return (&bookings.Creator{
		Store: kept(aws, cfg.Kept), Items: dynamodb.New(aws), ItemsTable: cfg.ItemsTable, Segment: mapper.Segment(),
		Rows: bookings.Rows{Columns: mapper.Columns(), Format: bookings.Format(cfg.Format), Gzip: cfg.Gzip}, Objects: objects, Uploads: queue(aws, cfg.UploadsQueue),
		Outcomes: queue(aws, cfg.OutcomesQueue), Stage: topic(aws, cfg.StageTopic), Most: cfg.AtOnce, Lease: cfg.Lease, GiveUp: cfg.GiveUpAfter,
		Clock: clock.System{}, Log: logger(cfg.Base, "creator"), Metrics: metrics(cfg.Base, "creator"),
	}).Handle, nil
}

func uploader(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := load[bookings.UploaderConfig](environ)
	if err != nil {
		return nil, err
	}
	log := logger(cfg.Base, "uploader")
	rows := bookings.Rows{Format: bookings.Format(cfg.Format), Gzip: cfg.Gzip}
	return (&bookings.Uploader{
		Store: kept(aws, cfg.Kept), Delivery: &bookings.Delivery{
			Target: bookings.Target{URL: cfg.URL, Method: cfg.Method, Header: cmp.Or(cfg.Header, "Authorization"), Secret: cfg.Secret, Expect: cfg.Expect},
			Client: bookings.NewClient(), Source: s3.New(awsconfig.WithCallTimeout(aws, cfg.Timeout), cfg.Bucket),
			Secrets:     &secretref.Cache{Resolver: &secretref.AWS{Config: aws}, Refresh: bookings.SecretRefresh, Now: time.Now, Log: log},
			ContentType: rows.ContentType(), Timeout: cfg.Timeout,
		},
		Uploads: queue(aws, cfg.UploadsQueue), Outcomes: queue(aws, cfg.OutcomesQueue), Lease: cfg.Timeout + leaseMargin, Clock: clock.System{}, Jitter: mathrand.Float64,
		Log: log, Metrics: metrics(cfg.Base, "uploader"),
	}).Handle, nil
}

func notifier(_ context.Context, environ map[string]string, aws aws.Config) (any, error) {
	cfg, err := load[bookings.NotifierConfig](environ)
	if err != nil {
		return nil, err
	}
	log := logger(cfg.Base, "notifier")
	tells := &bookings.Notifier{
		Store: kept(aws, cfg.Kept), System: cfg.Name, Outcomes: queue(aws, cfg.OutcomesQueue), Lease: webhookTimeout + leaseMargin, GiveUp: cfg.GiveUpAfter,
		Clock: clock.System{}, Jitter: mathrand.Float64, Log: log, Metrics: metrics(cfg.Base, "notifier"),
	}
	if cfg.Topic != "" {
		tells.Topic = topic(aws, cfg.Topic)
	}
	if cfg.WebhookURL != "" {
		tells.Webhook = &bookings.Webhook{
			URL: cfg.WebhookURL, Secret: cfg.WebhookSecret, Client: bookings.NewClient(), Timeout: webhookTimeout,
			Secrets: &secretref.Cache{Resolver: &secretref.AWS{Config: aws}, Refresh: bookings.SecretRefresh, Now: time.Now, Log: log},
		}
	}
	return tells.Handle, nil
}

// sweepBookings lets sweeper see to bookings, too, where the pipeline has them.
func sweepBookings(environ map[string]string, aws aws.Config, of pipeline.SweeperConfig, runs *pipeline.Sweeper) (any, error) {
	cfg, err := load[bookings.SweeperConfig](environ)
	if err != nil || cfg.BookingsTable == "" {
		return runs.Handle, err
	}
	booked := &bookings.Sweeper{
		Store: kept(aws, bookings.Kept{BookingsTable: cfg.BookingsTable, OutcomesQueue: cfg.OutcomesQueue}), Stage: topic(aws, of.StageTopic),
		Uploads: queue(aws, cfg.UploadsQueue), Outcomes: queue(aws, cfg.OutcomesQueue), Clock: clock.System{}, Log: runs.Log, Metrics: runs.Metrics,
	}
	return func(ctx context.Context) error { return errors.Join(runs.Handle(ctx), booked.Handle(ctx)) }, nil
}

func kept(aws aws.Config, in bookings.Kept) *bookings.Store {
	return &bookings.Store{
		Client: dynamodb.New(aws), Table: in.BookingsTable, Clock: clock.System{}, Retention: days(in.RetentionDays), Notify: in.OutcomesQueue != "", NewID: rand.Text,
	}
}

// queue is nil where there is no URL.
func queue(aws aws.Config, url string) bookings.Queue {
	if url == "" {
		return nil
	}
	return &bookings.SQS{Client: sqs.New(aws), URL: url}
}
