// Package sqs is SQS as far as functions use it (SQS API Reference). It is called by awscall, which says why the SDK's client is not used.
package sqs

import (
	"context"
	"crypto/md5" //nolint:gosec // What SQS answers with.
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// Client calls SQS. It may be used from several goroutines.
type Client struct{ client awscall.Client }

// New returns a client by a configuration.
func New(cfg aws.Config) *Client {
	return &Client{awscall.Client{Config: cfg, Service: "sqs", Target: "AmazonSQS", JSON: "1.0"}}
}

// Message is one to be sent (SQS API Reference, SendMessage).
type Message struct {
	Body string
	// Attributes are texts by their names.
	Attributes map[string]string
	// Group and Deduplication are for FIFO queues; empty for others.
	Group, Deduplication string
	// Delay is in seconds, at most MaxDelay; 0 for the queue's own. A FIFO queue takes none.
	Delay int
}

// MaxDelay is the longest delay of a message, in seconds (SQS API Reference, SendMessage).
const MaxDelay = 900

// SendMessage puts one message on the queue with an URL, and returns its id. A message that SQS took otherwise than it was sent, by its
// checksum, is an error, though it is on the queue.
func (c *Client) SendMessage(ctx context.Context, queue, body string) (id string, err error) {
	return c.Send(ctx, queue, Message{Body: body})
}

// Send is SendMessage of a message with attributes, or to a FIFO queue.
func (c *Client) Send(ctx context.Context, queue string, m Message) (id string, err error) {
	type attribute struct{ DataType, StringValue string }
	call := struct {
		QueueUrl, MessageBody  string               //nolint:revive // SQS's name.
		MessageAttributes      map[string]attribute `json:",omitempty"`
		MessageGroupId         string               `json:",omitempty"` //nolint:revive // SQS's name.
		MessageDeduplicationId string               `json:",omitempty"` //nolint:revive // SQS's name.
		DelaySeconds           int                  `json:",omitempty"`
	}{QueueUrl: queue, MessageBody: m.Body, MessageGroupId: m.Group, MessageDeduplicationId: m.Deduplication, DelaySeconds: m.Delay}
	for name, value := range m.Attributes {
		if call.MessageAttributes == nil {
			call.MessageAttributes = map[string]attribute{}
		}
		call.MessageAttributes[name] = attribute{"String", value}
	}
	var sent struct{ MessageId, MD5OfMessageBody string } //nolint:revive // SQS's name.
	if err := c.client.Call(ctx, "SendMessage", call, &sent); err != nil {
		return "", err
	}
	if sum := md5.Sum([]byte(m.Body)); sent.MD5OfMessageBody != hex.EncodeToString(sum[:]) { //nolint:gosec // No secret.
		return "", fmt.Errorf("message %s does not fit its checksum", sent.MessageId)
	}
	return sent.MessageId, nil
}

// URL looks up the URL of an account's queue (SQS API Reference, GetQueueUrl).
func (c *Client) URL(ctx context.Context, account, name string) (string, error) {
	var found struct{ QueueUrl string } //nolint:revive // SQS's name.
	err := c.client.Call(ctx, "GetQueueUrl", map[string]string{"QueueName": name, "QueueOwnerAWSAccountId": account}, &found)
	return found.QueueUrl, err
}

// BatchMessages is how many messages one call of SendMessages may have (SQS API Reference, SendMessageBatch).
const BatchMessages = 10

// SendMessages puts messages on the queue with an URL, and fails unless it took all.
func (c *Client) SendMessages(ctx context.Context, queue string, bodies []string) error {
	type entry struct{ Id, MessageBody string } //nolint:revive // SQS's name.
	entries := make([]entry, len(bodies))
	for i, body := range bodies {
		entries[i] = entry{strconv.Itoa(i), body}
	}
	var sent struct{ Failed []struct{ Code string } }
	if err := c.client.Call(ctx, "SendMessageBatch", map[string]any{"QueueUrl": queue, "Entries": entries}, &sent); err != nil {
		return err
	}
	if n := len(sent.Failed); n > 0 {
		return fmt.Errorf("%d of %d messages were refused, one with %s", n, len(bodies), sent.Failed[0].Code)
	}
	return nil
}

// Depth is how many messages a queue holds, approximately (SQS API Reference, GetQueueAttributes).
type Depth struct {
	Visible  int64 // To be received.
	InFlight int64 // Received, and neither deleted nor visible again.
	Delayed  int64 // Not to be received yet.
}

// Depth reads how many messages the queue with an URL holds.
func (c *Client) Depth(ctx context.Context, queue string) (Depth, error) {
	var depth Depth
	figures := map[string]*int64{
		"ApproximateNumberOfMessages":           &depth.Visible,
		"ApproximateNumberOfMessagesNotVisible": &depth.InFlight,
		"ApproximateNumberOfMessagesDelayed":    &depth.Delayed,
	}
	names := make([]string, 0, len(figures))
	for name := range figures {
		names = append(names, name)
	}
	var read struct{ Attributes map[string]string }
	if err := c.client.Call(ctx, "GetQueueAttributes", map[string]any{"QueueUrl": queue, "AttributeNames": names}, &read); err != nil {
		return Depth{}, err
	}
	for name, figure := range figures {
		var err error
		// A missing figure is not zero: it would look like a drained queue.
		if *figure, err = strconv.ParseInt(read.Attributes[name], 10, 64); err != nil {
			return Depth{}, fmt.Errorf("read %s: %w", name, err)
		}
	}
	return depth, nil
}
