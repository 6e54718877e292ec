package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
	"github.com/burstline/terraform-provider-serverless/functions/internal/sqs"
)

// SQS is an SQS queue.
type SQS struct {
	Client *sqs.Client
	URL    string
}

// Send puts one message on the queue.
func (q *SQS) Send(ctx context.Context, body string) error {
	if _, err := q.Client.SendMessage(ctx, q.URL, body); err != nil {
		return fmt.Errorf("send message to %s: %w", q.URL, err)
	}
	return nil
}

// SendBatch sends messages, at most sqs.BatchMessages in a call, and fails unless the queue took all.
func (q *SQS) SendBatch(ctx context.Context, bodies []string) error {
	return each((len(bodies)+sqs.BatchMessages-1)/sqs.BatchMessages, func(call int) error {
		part := bodies[call*sqs.BatchMessages : min((call+1)*sqs.BatchMessages, len(bodies))]
		if err := q.Client.SendMessages(ctx, q.URL, part); err != nil {
			return fmt.Errorf("send messages to %s: %w", q.URL, err)
		}
		return nil
	})
}

// ReadSecret returns a parameter's value, decrypted (SSM API Reference, GetParameter). It waits for its turn: GetParameter has 40 calls a second by default (AWS General
// Reference, "AWS Systems Manager endpoints and quotas"), and at an opening hundreds of functions start at once.
func ReadSecret(ctx context.Context, cfg aws.Config, name string) (string, error) {
	client := awscall.Client{Config: cfg, Service: "ssm", Target: "AmazonSSM", JSON: "1.1", Retryer: retry.NewStandard(func(r *retry.StandardOptions) {
		r.MaxAttempts = 10
		r.MaxBackoff = 2 * time.Second
		r.RateLimiter = ratelimit.None
	})}
	var found struct{ Parameter struct{ Value string } }
	if err := client.Call(ctx, "GetParameter", map[string]any{"Name": name, "WithDecryption": true}, &found); err != nil {
		return "", fmt.Errorf("get parameter %s: %w", name, err)
	}
	if found.Parameter.Value == "" {
		return "", fmt.Errorf("get parameter %s: the answer has none", name)
	}
	return found.Parameter.Value, nil
}
