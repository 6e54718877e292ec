package awssource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/burstline/terraform-provider-serverless/internal/localaws/eventsource"
)

// Kinesis is a Kinesis data stream.
type Kinesis struct {
	client      *kinesis.Client
	arn, region string
	role        string
}

// NewKinesis is the data stream of an ARN. Its records name the role that reads them.
func NewKinesis(cfg aws.Config, arn, role string) *Kinesis {
	return &Kinesis{kinesis.NewFromConfig(cfg), arn, cfg.Region, role}
}

// Shards lists the shards.
func (k *Kinesis) Shards(ctx context.Context) ([]eventsource.Shard, error) {
	var shards []eventsource.Shard
	for in := (&kinesis.ListShardsInput{StreamARN: &k.arn}); in != nil; {
		page, err := k.client.ListShards(ctx, in)
		if err != nil {
			return nil, err
		}
		if in = nil; page.NextToken != nil {
			in = &kinesis.ListShardsInput{NextToken: page.NextToken} // which names the stream
		}
		for _, s := range page.Shards {
			shard := eventsource.Shard{ID: aws.ToString(s.ShardId)}
			for _, parent := range []*string{s.ParentShardId, s.AdjacentParentShardId} {
				if parent != nil {
					shard.Parents = append(shard.Parents, *parent)
				}
			}
			shards = append(shards, shard)
		}
	}
	return shards, nil
}

// Iterator is where reading a shard begins.
func (k *Kinesis) Iterator(ctx context.Context, shard string, from eventsource.Position) (string, error) {
	in := &kinesis.GetShardIteratorInput{StreamARN: &k.arn, ShardId: &shard, ShardIteratorType: types.ShardIteratorType(from.Type)}
	if from.Sequence != "" {
		in.StartingSequenceNumber = &from.Sequence
	}
	if in.ShardIteratorType == types.ShardIteratorTypeAtTimestamp {
		in.Timestamp = &from.Time
	}
	out, err := k.client.GetShardIterator(ctx, in)
	if err != nil {
		return "", kinesisError(err)
	}
	return aws.ToString(out.ShardIterator), nil
}

// Read returns records.
func (k *Kinesis) Read(ctx context.Context, iterator string, limit int) (eventsource.Page, error) {
	out, err := k.client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: &iterator, Limit: aws.Int32(int32(limit)), StreamARN: &k.arn}) //nolint:gosec // at most 1,000
	if err != nil {
		return eventsource.Page{}, kinesisError(err)
	}
	page := eventsource.Page{Next: aws.ToString(out.NextShardIterator)}
	for _, r := range out.Records {
		arrived := aws.ToTime(r.ApproximateArrivalTimestamp)
		record := events.KinesisEventRecord{
			AwsRegion: k.region, EventID: aws.ToString(r.SequenceNumber), EventName: "aws:kinesis:record", EventSource: "aws:kinesis",
			EventSourceArn: k.arn, EventVersion: "1.0", InvokeIdentityArn: k.role,
			Kinesis: events.KinesisRecord{
				ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: arrived}, Data: r.Data, EncryptionType: string(r.EncryptionType),
				PartitionKey: aws.ToString(r.PartitionKey), SequenceNumber: aws.ToString(r.SequenceNumber), KinesisSchemaVersion: "1.0",
			},
		}
		page.Records, err = appended(page.Records, aws.ToString(r.SequenceNumber), aws.ToString(r.PartitionKey), arrived, record)
		if err != nil {
			return eventsource.Page{}, err
		}
	}
	return page, nil
}

// appended adds a record in the form in which the function gets it.
func appended(records []eventsource.Record, sequence, key string, arrived time.Time, event any) ([]eventsource.Record, error) {
	text, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("write record %s: %w", sequence, err)
	}
	return append(records, eventsource.Record{Sequence: sequence, Key: key, Arrived: arrived, Event: text}), nil
}

func kinesisError(err error) error {
	var expired *types.ExpiredIteratorException
	var gone *types.ResourceNotFoundException
	switch {
	case errors.As(err, &expired):
		return fmt.Errorf("%w: %w", eventsource.ErrExpired, err)
	case errors.As(err, &gone):
		return fmt.Errorf("%w: %w", eventsource.ErrGone, err)
	}
	return err
}
