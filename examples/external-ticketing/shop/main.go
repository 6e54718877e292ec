// Command shop is a ticketing service that takes fans from a waiting room: each gets
// a seat at an address of the shop's own.
//
//	shop -queue "$(terraform output -raw line_queue_url)" -service "$(terraform output -raw service_url)" -shop https://tickets.example.com/seat
//
// It signs with the credentials that the AWS CLI would use.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/burstline/terraform-provider-serverless/examples/external-ticketing/consumer"
)

func main() {
	queue := flag.String("queue", "", "the room's line_queue_url")
	service := flag.String("service", "", "the room's service_url")
	shop := flag.String("shop", "", "address of the shop, by https; the fan's id is added to its path")
	minutes := flag.Int("minutes", 10, "how long a seat is kept")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *queue, *service, *shop, time.Duration(*minutes)*time.Minute); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:gocritic // Nothing is left to stop.
	}
}

func run(ctx context.Context, queue, service, shop string, keep time.Duration) error {
	address, err := url.Parse(shop)
	if err != nil || address.Scheme != "https" || queue == "" || service == "" {
		return errors.New("give -queue, -service and, by https, -shop; -help explains them")
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("the credentials of the environment: %w", err)
	}
	c := &consumer.Consumer{
		Queue: sqs.NewFromConfig(cfg), QueueURL: queue, ServiceURL: service, Region: cfg.Region, Credentials: cfg.Credentials,
		HTTP: &http.Client{Timeout: 10 * time.Second}, Now: time.Now, Log: slog.New(slog.NewJSONHandler(os.Stdout, nil)),
		Open: func(_ context.Context, c consumer.Call) (consumer.Seat, error) {
			// The same fan has the same seat, however often it is asked for.
			return consumer.Seat{URL: address.JoinPath(c.Sale, c.Fan).String(), Until: time.Now().Add(keep)}, nil
		},
	}
	return c.Run(ctx)
}
