package awssource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/burstline/terraform-provider-serverless/internal/localaws/eventsource"
)

// DynamoDB is the stream of a table.
type DynamoDB struct {
	client *dynamodbstreams.Client
	arn    string
}

// NewDynamoDB is the table's stream of an ARN.
func NewDynamoDB(cfg aws.Config, arn string) *DynamoDB {
	return &DynamoDB{dynamodbstreams.NewFromConfig(cfg), arn}
}

// Shards lists the shards.
func (d *DynamoDB) Shards(ctx context.Context) ([]eventsource.Shard, error) {
	var shards []eventsource.Shard
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: &d.arn}
	for {
		out, err := d.client.DescribeStream(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, s := range out.StreamDescription.Shards {
			shard := eventsource.Shard{ID: aws.ToString(s.ShardId)}
			if s.ParentShardId != nil {
				shard.Parents = []string{*s.ParentShardId}
			}
			shards = append(shards, shard)
		}
		if in.ExclusiveStartShardId = out.StreamDescription.LastEvaluatedShardId; in.ExclusiveStartShardId == nil {
			return shards, nil
		}
	}
}

// Iterator is where reading a shard begins.
func (d *DynamoDB) Iterator(ctx context.Context, shard string, from eventsource.Position) (string, error) {
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &d.arn, ShardId: &shard, ShardIteratorType: types.ShardIteratorType(from.Type)}
	if from.Sequence != "" {
		in.SequenceNumber = &from.Sequence
	}
	out, err := d.client.GetShardIterator(ctx, in)
	if err != nil {
		return "", dynamoDBError(err)
	}
	return aws.ToString(out.ShardIterator), nil
}

// Read returns records. A record's key is the item's.
func (d *DynamoDB) Read(ctx context.Context, iterator string, limit int) (eventsource.Page, error) {
	out, err := d.client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: &iterator, Limit: aws.Int32(int32(limit))}) //nolint:gosec // at most 1,000
	if err != nil {
		return eventsource.Page{}, dynamoDBError(err)
	}
	page := eventsource.Page{Next: aws.ToString(out.NextShardIterator)}
	for _, r := range out.Records {
		change := aws.ToString(r.Dynamodb.SequenceNumber)
		key, err := json.Marshal(image(r.Dynamodb.Keys)) // sorted
		if err != nil {
			return eventsource.Page{}, fmt.Errorf("write the key of record %s: %w", change, err)
		}
		arrived := aws.ToTime(r.Dynamodb.ApproximateCreationDateTime)
		record := events.DynamoDBEventRecord{
			AWSRegion: aws.ToString(r.AwsRegion), EventID: aws.ToString(r.EventID), EventName: string(r.EventName),
			EventSource: aws.ToString(r.EventSource), EventVersion: aws.ToString(r.EventVersion), EventSourceArn: d.arn,
			Change: events.DynamoDBStreamRecord{
				ApproximateCreationDateTime: events.SecondsEpochTime{Time: arrived}, Keys: image(r.Dynamodb.Keys),
				NewImage: image(r.Dynamodb.NewImage), OldImage: image(r.Dynamodb.OldImage), SequenceNumber: change,
				SizeBytes: aws.ToInt64(r.Dynamodb.SizeBytes), StreamViewType: string(r.Dynamodb.StreamViewType),
			},
		}
		if r.UserIdentity != nil {
			record.UserIdentity = &events.DynamoDBUserIdentity{PrincipalID: aws.ToString(r.UserIdentity.PrincipalId), Type: aws.ToString(r.UserIdentity.Type)}
		}
		if page.Records, err = appended(page.Records, change, string(key), arrived, record); err != nil {
			return eventsource.Page{}, err
		}
	}
	return page, nil
}

// image is an item as events have it; nil for none.
func image(item map[string]types.AttributeValue) map[string]events.DynamoDBAttributeValue {
	if item == nil {
		return nil
	}
	converted := make(map[string]events.DynamoDBAttributeValue, len(item))
	for name, value := range item {
		converted[name] = attribute(value)
	}
	return converted
}

func attribute(value types.AttributeValue) events.DynamoDBAttributeValue {
	switch v := value.(type) {
	case *types.AttributeValueMemberB:
		return events.NewBinaryAttribute(v.Value)
	case *types.AttributeValueMemberBOOL:
		return events.NewBooleanAttribute(v.Value)
	case *types.AttributeValueMemberBS:
		return events.NewBinarySetAttribute(v.Value)
	case *types.AttributeValueMemberL:
		list := make([]events.DynamoDBAttributeValue, len(v.Value))
		for i, one := range v.Value {
			list[i] = attribute(one)
		}
		return events.NewListAttribute(list)
	case *types.AttributeValueMemberM:
		return events.NewMapAttribute(image(v.Value))
	case *types.AttributeValueMemberN:
		return events.NewNumberAttribute(v.Value)
	case *types.AttributeValueMemberNS:
		return events.NewNumberSetAttribute(v.Value)
	case *types.AttributeValueMemberS:
		return events.NewStringAttribute(v.Value)
	case *types.AttributeValueMemberSS:
		return events.NewStringSetAttribute(v.Value)
	default:
		return events.NewNullAttribute()
	}
}

func dynamoDBError(err error) error {
	var expired *types.ExpiredIteratorException
	var trimmed *types.TrimmedDataAccessException
	var gone *types.ResourceNotFoundException
	switch {
	case errors.As(err, &expired):
		return fmt.Errorf("%w: %w", eventsource.ErrExpired, err)
	case errors.As(err, &trimmed):
		return fmt.Errorf("%w: %w", eventsource.ErrTrimmed, err)
	case errors.As(err, &gone):
		return fmt.Errorf("%w: %w", eventsource.ErrGone, err)
	}
	return err
}
