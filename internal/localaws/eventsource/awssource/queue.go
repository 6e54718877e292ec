package awssource

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/burstline/terraform-provider-serverless/internal/localaws/eventsource"
)

const (
	// graceful is how long a receive may go on when polling ends: cut off, it could hide messages that nobody got.
	graceful = 2 * time.Second
	// early is the pause after a receive that ended without messages before its time, as those of a mapping do that is going.
	early = 50 * time.Millisecond
)

// Queue is an SQS queue.
type Queue struct {
	client *sqs.Client
	url    string
}

// NewQueue is the queue of an URL.
func NewQueue(cfg aws.Config, url string) *Queue { return &Queue{sqs.NewFromConfig(cfg), url} }

// Visibility asks for the queue's visibility timeout.
func (q *Queue) Visibility(ctx context.Context) (time.Duration, error) {
	out, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameVisibilityTimeout},
	})
	if err != nil {
		return 0, err
	}
	seconds, err := strconv.Atoi(out.Attributes[string(types.QueueAttributeNameVisibilityTimeout)])
	if err != nil {
		return 0, fmt.Errorf("read the visibility timeout: %w", err)
	}
	return time.Duration(seconds) * time.Second, nil
}

// Receive waits for messages.
func (q *Queue) Receive(ctx context.Context, r eventsource.Receive) ([]eventsource.Message, error) {
	call, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(graceful, cancel)
		context.AfterFunc(call, func() { timer.Stop() })
	})()
	in := &sqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: int32(r.Max), WaitTimeSeconds: int32(r.Wait / time.Second), //nolint:gosec // ten, and 20 s
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}, MessageAttributeNames: []string{"All"},
	}
	if r.Visibility > 0 {
		in.VisibilityTimeout = int32(r.Visibility / time.Second) //nolint:gosec // SQS allows twelve hours
	}
	began := time.Now()
	out, err := q.client.ReceiveMessage(call, in)
	if err != nil {
		return nil, err
	}
	if len(out.Messages) == 0 && time.Since(began) < r.Wait/2 {
		select {
		case <-ctx.Done():
		case <-time.After(early):
		}
	}
	messages := make([]eventsource.Message, len(out.Messages))
	for i, m := range out.Messages {
		messages[i] = eventsource.Message{
			MessageId: aws.ToString(m.MessageId), ReceiptHandle: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body),
			Md5OfBody: aws.ToString(m.MD5OfBody), Md5OfMessageAttributes: aws.ToString(m.MD5OfMessageAttributes),
			Attributes: m.Attributes, MessageAttributes: map[string]events.SQSMessageAttribute{},
		}
		for name, a := range m.MessageAttributes {
			messages[i].MessageAttributes[name] = events.SQSMessageAttribute{
				StringValue: a.StringValue, BinaryValue: a.BinaryValue, DataType: aws.ToString(a.DataType),
				StringListValues: []string{}, BinaryListValues: [][]byte{},
			}
		}
	}
	return messages, nil
}

// Delete removes at most ten messages.
func (q *Queue) Delete(ctx context.Context, messages []eventsource.Message) error {
	in := &sqs.DeleteMessageBatchInput{QueueUrl: &q.url}
	for i, m := range messages {
		in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &m.ReceiptHandle})
	}
	out, err := q.client.DeleteMessageBatch(ctx, in)
	if err != nil {
		return err
	}
	var failed error
	for _, f := range out.Failed {
		failed = errors.Join(failed, fmt.Errorf("delete a message: %s: %s", aws.ToString(f.Code), aws.ToString(f.Message)))
	}
	return failed
}
