package votingwindow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awsjson"
)

// Queue is an SQS queue.
type Queue struct {
	Client *sqs.Client
	URL    string
}

// Send puts one message on the queue and returns its id.
func (q *Queue) Send(ctx context.Context, body string) (string, error) {
	sent, err := q.Client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.URL, MessageBody: &body})
	if err != nil {
		return "", fmt.Errorf("send message to %s: %w", q.URL, err)
	}
	return aws.ToString(sent.MessageId), nil
}

// Depth reads how many messages the queue holds, approximately.
func (q *Queue) Depth(ctx context.Context) (Depth, error) {
	read, err := q.Client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &q.URL,
		AttributeNames: []types.QueueAttributeName{
			types.QueueAttributeNameApproximateNumberOfMessages,
			types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
			types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
		},
	})
	if err != nil {
		return Depth{}, fmt.Errorf("read depth of %s: %w", q.URL, err)
	}
	var depth Depth
	for attribute, into := range map[types.QueueAttributeName]*int64{
		types.QueueAttributeNameApproximateNumberOfMessages:           &depth.Visible,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible: &depth.InFlight,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed:    &depth.Delayed,
	} {
		// A missing figure is not zero: it would look like a drained queue.
		if *into, err = strconv.ParseInt(read.Attributes[string(attribute)], 10, 64); err != nil {
			return Depth{}, fmt.Errorf("read %s of %s: %w", attribute, q.URL, err)
		}
	}
	return depth, nil
}

// Mapping is a Lambda event source mapping.
type Mapping struct {
	client awsjson.Client
	id     string
}

// NewMapping uses the mapping with an UUID.
func NewMapping(cfg aws.Config, id string) *Mapping {
	return &Mapping{awsjson.Client{Config: cfg, Service: "lambda", Retryer: cfg.Retryer()}, id}
}

// mapping is what is read of a mapping (Lambda API Reference, GetEventSourceMapping).
type mapping struct {
	State         string
	ScalingConfig struct{ MaximumConcurrency int }
}

func (m *Mapping) path() string { return "/2015-03-31/event-source-mappings/" + url.PathEscape(m.id) }

func (m *Mapping) get(ctx context.Context) (mapping, error) {
	var found mapping
	if err := m.client.Get(ctx, m.path(), &found); err != nil {
		return mapping{}, fmt.Errorf("get event source mapping %s: %w", m.id, err)
	}
	return found, nil
}

// update changes what it names and leaves the rest (Lambda API Reference, UpdateEventSourceMapping).
func (m *Mapping) update(ctx context.Context, change map[string]any) error {
	if err := m.client.Put(ctx, m.path(), change, &mapping{}); err != nil {
		return fmt.Errorf("update event source mapping %s: %w", m.id, err)
	}
	return nil
}

// MappingState is Lambda's own word for the mapping's state.
func (m *Mapping) MappingState(ctx context.Context) (string, error) {
	found, err := m.get(ctx)
	return found.State, err
}

// SetMapping switches the mapping on or off, which takes Lambda some seconds to a minute.
func (m *Mapping) SetMapping(ctx context.Context, enabled bool) error {
	return m.update(ctx, map[string]any{"Enabled": enabled})
}

// Bucket is the results bucket.
type Bucket struct {
	Client *s3.Client
	Name   string
}

// maxObjectBytes bounds what GetObject reads. Results with thousands of answers have some 100 KB.
const maxObjectBytes = 4 << 20

// GetObject returns an object, or nil where there is none. S3 says so only to who may list the bucket; others are denied.
func (b *Bucket) GetObject(ctx context.Context, key string) ([]byte, error) {
	found, err := b.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.Name, Key: &key})
	var missing *s3types.NoSuchKey
	if errors.As(err, &missing) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get object %s from %s: %w", key, b.Name, err)
	}
	defer found.Body.Close() //nolint:errcheck // Nothing was written.
	body, err := io.ReadAll(io.LimitReader(found.Body, maxObjectBytes))
	if err != nil {
		return nil, fmt.Errorf("read object %s from %s: %w", key, b.Name, err)
	}
	return body, nil
}

// PutObject writes an object.
func (b *Bucket) PutObject(ctx context.Context, key string, body []byte, contentType, cacheControl string) error {
	_, err := b.Client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.Name, Key: &key, Body: bytes.NewReader(body), ContentType: &contentType, CacheControl: &cacheControl,
	})
	if err != nil {
		return fmt.Errorf("put object %s into %s: %w", key, b.Name, err)
	}
	return nil
}

// DeleteObject removes an object; one that is not there is none the less removed.
func (b *Bucket) DeleteObject(ctx context.Context, key string) error {
	if _, err := b.Client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.Name, Key: &key}); err != nil {
		return fmt.Errorf("delete object %s from %s: %w", key, b.Name, err)
	}
	return nil
}
