// Package sns is SNS as far as functions use it (SNS API Reference). It is called by awscall, which says why the SDK's client is not used.
package sns

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// version is the API's (SNS API Reference, "Common parameters").
const version = "2010-03-31"

// Client calls SNS. It may be used from several goroutines. Its calls tell the trace of their invocation, so that Lambda can stop a loop through a topic.
type Client struct{ client awscall.Client }

// New returns a client by a configuration.
func New(cfg aws.Config) *Client {
	return &Client{awscall.Client{Config: cfg, Service: "sns", Traced: true}}
}

// Publish sends one message to the topic with an ARN, and returns its id. A message has at most 256 KiB (SNS API Reference, Publish).
func (c *Client) Publish(ctx context.Context, topic, message string) (id string, err error) {
	var answer struct {
		PublishResult struct{ MessageId string } //nolint:revive // SNS's name.
	}
	err = c.client.Query(ctx, version, "Publish", map[string]string{"TopicArn": topic, "Message": message}, &answer)
	return answer.PublishResult.MessageId, err
}
