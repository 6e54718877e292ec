package awssource

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/burstline/terraform-provider-serverless/internal/localaws/eventsource"
)

// Function is a function of Lambda, invoked and waited for.
type Function struct {
	client *lambda.Client
	arn    string
}

// NewFunction is the function of an ARN, with alias or version or without.
func NewFunction(cfg aws.Config, arn string) *Function {
	return &Function{lambda.NewFromConfig(cfg, func(o *lambda.Options) { o.RetryMaxAttempts = 1 }), arn} // the poller tries again
}

// Invoke gives the function an event and waits for its answer.
func (f *Function) Invoke(ctx context.Context, event []byte) (eventsource.Answer, error) {
	out, err := f.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &f.arn, Payload: event})
	if err != nil {
		return eventsource.Answer{}, err
	}
	id, _ := middleware.GetRequestIDMetadata(out.ResultMetadata)
	return eventsource.Answer{RequestID: id, Version: aws.ToString(out.ExecutedVersion), FunctionError: aws.ToString(out.FunctionError), Payload: out.Payload}, nil
}

// DestinationQueue is a queue that takes documents about discarded batches.
type DestinationQueue struct {
	client *sqs.Client
	url    string
}

// NewDestinationQueue is the queue of an URL.
func NewDestinationQueue(cfg aws.Config, url string) DestinationQueue {
	return DestinationQueue{sqs.NewFromConfig(cfg), url}
}

// Send sends a document.
func (d DestinationQueue) Send(ctx context.Context, document string) error {
	_, err := d.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &d.url, MessageBody: &document})
	return err
}

// DestinationTopic is a topic that takes documents about discarded batches.
type DestinationTopic struct {
	client *sns.Client
	arn    string
}

// NewDestinationTopic is the topic of an ARN.
func NewDestinationTopic(cfg aws.Config, arn string) DestinationTopic {
	return DestinationTopic{sns.NewFromConfig(cfg), arn}
}

// Send publishes a document.
func (d DestinationTopic) Send(ctx context.Context, document string) error {
	_, err := d.client.Publish(ctx, &sns.PublishInput{TopicArn: &d.arn, Message: &document})
	return err
}
