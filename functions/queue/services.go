package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awsjson"
)

// SQS is an SQS queue.
type SQS struct {
	Client *sqs.Client
	URL    string
}

// Send puts one message on the queue.
func (q *SQS) Send(ctx context.Context, body string) error {
	if _, err := q.Client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.URL, MessageBody: &body}); err != nil {
		return fmt.Errorf("send message to %s: %w", q.URL, err)
	}
	return nil
}

// SendBatch sends messages, at most ten in a call, and fails unless the queue took all.
func (q *SQS) SendBatch(ctx context.Context, bodies []string) error {
	return each((len(bodies)+sendAtOnce-1)/sendAtOnce, func(call int) error {
		part := bodies[call*sendAtOnce : min((call+1)*sendAtOnce, len(bodies))]
		entries := make([]types.SendMessageBatchRequestEntry, len(part))
		for i := range part {
			entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &part[i]}
		}
		sent, err := q.Client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.URL, Entries: entries})
		if err == nil && len(sent.Failed) > 0 {
			err = fmt.Errorf("%d of %d were refused, one with %s", len(sent.Failed), len(part), aws.ToString(sent.Failed[0].Code))
		}
		if err != nil {
			return fmt.Errorf("send messages to %s: %w", q.URL, err)
		}
		return nil
	})
}

// Bucket is the bucket beside the page.
type Bucket struct {
	Client *s3.Client
	Name   string
}

// maxObjectBytes bounds what GetObject reads: a list of four million drawn has 92 MB.
const maxObjectBytes = 100 << 20

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

// OpenObject returns an object to be read and closed, and its length in bytes, -1 where that is unknown.
func (b *Bucket) OpenObject(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	found, err := b.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.Name, Key: &key})
	if err != nil {
		return nil, 0, fmt.Errorf("get object %s from %s: %w", key, b.Name, err)
	}
	size := int64(-1)
	if found.ContentLength != nil {
		size = *found.ContentLength
	}
	return found.Body, size, nil
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

// ReadSecret returns a parameter's value, decrypted (SSM API Reference, GetParameter). It waits for its turn: GetParameter has 40 calls a second by default (AWS General
// Reference, "AWS Systems Manager endpoints and quotas"), and at an opening hundreds of functions start at once.
func ReadSecret(ctx context.Context, cfg aws.Config, name string) (string, error) {
	client := awsjson.Client{Config: cfg, Service: "ssm", Target: "AmazonSSM", Retryer: retry.NewStandard(func(r *retry.StandardOptions) {
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
