package history

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

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

// Streams reads streams.
type Streams struct{ calls awscall.Client }

// NewStreams reads streams in the configuration's region. They have an endpoint of their own, and DynamoDB's name in signatures (AWS General
// Reference, "Amazon DynamoDB endpoints and quotas").
func NewStreams(cfg aws.Config) *Streams {
	if cfg.BaseEndpoint == nil {
		suffix := "amazonaws.com"
		if strings.HasPrefix(cfg.Region, "cn-") {
			suffix += ".cn"
		}
		cfg = cfg.Copy()
		cfg.BaseEndpoint = aws.String("https://streams.dynamodb." + cfg.Region + "." + suffix)
	}
	return &Streams{awscall.Client{Config: cfg, Service: "dynamodb", Target: "DynamoDBStreams_20120810", JSON: "1.0"}}
}

// Records reads the records of a batch. A stream forgets them after 24 hours.
func (s *Streams) Records(ctx context.Context, b Batch) ([]json.RawMessage, error) {
	var at struct{ ShardIterator string }
	err := s.calls.Call(ctx, "GetShardIterator", map[string]string{
		"StreamArn": b.StreamARN, "ShardId": b.ShardID, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": b.Start,
	}, &at)
	if err != nil {
		return nil, fmt.Errorf("find the records in the stream, which forgets them after 24 hours: %w", err)
	}
	var out []json.RawMessage
	for at.ShardIterator != "" {
		var page struct {
			Records           []json.RawMessage
			NextShardIterator string
		}
		if err := s.calls.Call(ctx, "GetRecords", map[string]any{"ShardIterator": at.ShardIterator}, &page); err != nil {
			return nil, fmt.Errorf("read the records from the stream: %w", err)
		}
		for _, raw := range page.Records {
			var r record
			if err := json.Unmarshal(raw, &r); err != nil {
				return nil, fmt.Errorf("read the records from the stream: %w", err)
			}
			out = append(out, raw)
			if r.DynamoDB.SequenceNumber == b.End {
				return out, nil
			}
		}
		if len(out) >= b.Size {
			return out, nil
		}
		at.ShardIterator = page.NextShardIterator
	}
	return out, nil
}
