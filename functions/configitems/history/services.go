package history

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// DeadLetters is the queue for what can be no entry.
type DeadLetters struct {
	calls awscall.Client
	url   string
}

// NewDeadLetters is the queue with that URL.
func NewDeadLetters(cfg aws.Config, url string) *DeadLetters {
	return &DeadLetters{awscall.Client{Config: cfg, Service: "sqs", Target: "AmazonSQS", JSON: "1.0"}, url}
}

// Send puts a message on the queue.
func (q *DeadLetters) Send(ctx context.Context, body string) error {
	in := struct{ QueueUrl, MessageBody string }{q.url, body} //nolint:revive // AWS's name
	if err := q.calls.Call(ctx, "SendMessage", in, &struct{}{}); err != nil {
		return fmt.Errorf("send to the dead-letter queue: %w", err)
	}
	return nil
}
