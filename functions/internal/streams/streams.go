// Package streams reads records of DynamoDB streams again that Lambda has given up.
package streams

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// Batch are records that Lambda has given up, as its message about them says (Lambda Developer Guide, "Retain discarded batch records for a
// DynamoDB event source in Lambda").
type Batch struct {
	ShardID   string `json:"shardId"`
	Start     string `json:"startSequenceNumber"`
	End       string `json:"endSequenceNumber"`
	Size      int    `json:"batchSize"`
	StreamARN string `json:"streamArn"`
}

// Client reads streams.
type Client struct{ calls awscall.Client }

// New reads streams in the configuration's region. They have an endpoint of their own, and DynamoDB's name in signatures (AWS General
// Reference, "Amazon DynamoDB endpoints and quotas").
func New(cfg aws.Config) *Client {
	if cfg.BaseEndpoint == nil {
		suffix := "amazonaws.com"
		if strings.HasPrefix(cfg.Region, "cn-") {
			suffix += ".cn"
		}
		cfg = cfg.Copy()
		cfg.BaseEndpoint = aws.String("https://streams.dynamodb." + cfg.Region + "." + suffix)
	}
	return &Client{awscall.Client{Config: cfg, Service: "dynamodb", Target: "DynamoDBStreams_20120810", JSON: "1.0"}}
}

// Records reads the records of a batch. A stream forgets them after 24 hours.
func (s *Client) Records(ctx context.Context, b Batch) ([]json.RawMessage, error) {
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
			var r struct {
				DynamoDB struct{ SequenceNumber string } `json:"dynamodb"`
			}
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
