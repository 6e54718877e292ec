// Package kinesis is Kinesis Data Streams as far as functions use it (Kinesis Data Streams API Reference). It is called by awscall, which says why the
// SDK's client is not used.
package kinesis

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// The bounds of one PutRecords (Kinesis Data Streams API Reference, PutRecords).
const (
	PutRecords     = 500     // Records.
	PutRecordBytes = 1 << 20 // Data and partition key of one record, the default bound of a stream.
	PutBytes       = 5 << 20 // Data and partition keys of all, which streams with the default bound take.
)

// Record is one record to be put. Its partition key decides about the shard.
type Record struct {
	Data         []byte
	PartitionKey string // 1 to 256 characters.
}

// Client calls Kinesis. It may be used from several goroutines.
type Client struct{ client awscall.Client }

// New returns a client by a configuration.
func New(cfg aws.Config) *Client {
	return &Client{awscall.Client{Config: cfg, Service: "kinesis", Target: "Kinesis_20131202", JSON: "1.1"}}
}

// PutRecords puts records on the stream with a name. It returns those that the stream did not take, in their order: a shard that is written too fast takes
// some of them only (Kinesis Data Streams API Reference, PutRecords, ErrorCode). reason is the code of the first of these.
func (c *Client) PutRecords(ctx context.Context, stream string, records []Record) (left []Record, reason string, err error) {
	var done struct {
		Records []struct{ ErrorCode string }
	}
	in := struct {
		StreamName string
		Records    []Record
	}{stream, records}
	if err := c.client.Call(ctx, "PutRecords", in, &done); err != nil {
		return nil, "", err
	}
	if len(done.Records) != len(records) {
		return nil, "", fmt.Errorf("%d answers to %d records", len(done.Records), len(records))
	}
	for i, record := range done.Records {
		if record.ErrorCode == "" {
			continue
		}
		if len(left) == 0 {
			reason = record.ErrorCode
		}
		left = append(left, records[i])
	}
	return left, reason, nil
}
