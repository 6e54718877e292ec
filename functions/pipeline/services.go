package pipeline

import (
	"context"
	"fmt"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/kinesis"
	"github.com/burstline/terraform-provider-serverless/functions/internal/sns"
)

// Publisher is a topic.
type Publisher interface {
	Publish(ctx context.Context, message string) error
}

// Topic is an SNS topic.
type Topic struct {
	Client *sns.Client
	ARN    string
}

// Publish sends one message.
func (t *Topic) Publish(ctx context.Context, message string) error {
	if _, err := t.Client.Publish(ctx, t.ARN, message); err != nil {
		return fmt.Errorf("publish to %s: %w", t.ARN, err)
	}
	return nil
}

// Objects is the bucket of the pipeline's own objects.
type Objects interface {
	// GetObject returns an object, or nil where there is none.
	GetObject(ctx context.Context, key string) ([]byte, error)
	PutObject(ctx context.Context, key string, body []byte, contentType, cacheControl string) error
}

// RecordPutter is a stream as its client takes records: those that are left it did not take.
type RecordPutter interface {
	PutRecords(ctx context.Context, stream string, records []kinesis.Record) (left []kinesis.Record, reason string, err error)
}

// Stream is a Kinesis stream.
type Stream struct {
	Client RecordPutter
	Name   string
	Clock  clock.Clock
	Jitter func() float64
}

// putTries bounds how often records are put that the stream did not take: with the waits between, for about half a minute. A shard takes 1 MB a second
// (Kinesis Data Streams Developer Guide, "Quotas and limits").
const putTries = 12

// Put puts records, and fails unless the stream took all. It returns how many calls that took.
func (s *Stream) Put(ctx context.Context, records []kinesis.Record) (calls int64, err error) {
	for len(records) > 0 {
		n, size := 0, 0
		for n < len(records) && n < kinesis.PutRecords {
			if size += len(records[n].Data) + len(records[n].PartitionKey); size > kinesis.PutBytes {
				break
			}
			n++
		}
		left := records[:n]
		for try := 0; len(left) > 0; try++ {
			var reason string
			calls++
			if left, reason, err = s.Client.PutRecords(ctx, s.Name, left); err != nil {
				return calls, fmt.Errorf("put records into %s: %w", s.Name, err)
			}
			if len(left) == 0 {
				break
			}
			if try+1 == putTries {
				return calls, fmt.Errorf("put records into %s: %d are left, one with %s", s.Name, len(left), reason)
			}
			if err := wait(ctx, s.Clock, s.Jitter, try); err != nil {
				return calls, fmt.Errorf("put records into %s: %d are left, one with %s: %w", s.Name, len(left), reason, err)
			}
		}
		records = records[n:]
	}
	return calls, nil
}
