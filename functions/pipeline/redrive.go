package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/kinesis"
)

// Given is where records that Lambda has given up are read again.
type Given interface {
	Records(ctx context.Context, batch kinesis.Batch) ([]kinesis.Got, error)
}

// Redrive lets a function that takes the records of a stream take the messages of its dead-letter queue, too, which tell of records that Lambda has given up.
type Redrive struct {
	Stream Given
	Take   func(ctx context.Context, event events.KinesisEvent) (events.KinesisEventResponse, error)
	Log    *slog.Logger
}

// Handle takes an event of either source.
func (r *Redrive) Handle(ctx context.Context, event json.RawMessage) (events.KinesisEventResponse, error) {
	var head struct {
		Records []struct {
			EventSource string `json:"eventSource"`
		}
	}
	if err := json.Unmarshal(event, &head); err != nil {
		return events.KinesisEventResponse{}, fmt.Errorf("read the event: %w", err)
	}
	if len(head.Records) > 0 && head.Records[0].EventSource == "aws:sqs" {
		return r.messages(ctx, event)
	}
	var records events.KinesisEvent
	if err := json.Unmarshal(event, &records); err != nil {
		return events.KinesisEventResponse{}, fmt.Errorf("read the event: %w", err)
	}
	return r.Take(ctx, records)
}

// messages takes the records that messages tell of, and names those messages that must come again.
func (r *Redrive) messages(ctx context.Context, event json.RawMessage) (events.KinesisEventResponse, error) {
	response := events.KinesisEventResponse{BatchItemFailures: []events.KinesisBatchItemFailure{}}
	var messages events.SQSEvent
	if err := json.Unmarshal(event, &messages); err != nil {
		return response, fmt.Errorf("read the event: %w", err)
	}
	for _, message := range messages.Records {
		if err := r.again(ctx, message.Body); err != nil {
			r.Log.WarnContext(ctx, "records that were given up failed again", "message", message.MessageId, "error", err)
			response.BatchItemFailures = append(response.BatchItemFailures, events.KinesisBatchItemFailure{ItemIdentifier: message.MessageId})
		}
	}
	return response, nil
}

func (r *Redrive) again(ctx context.Context, body string) error {
	var told struct {
		Batch *kinesis.Batch `json:"KinesisBatchInfo"`
	}
	if err := json.Unmarshal([]byte(body), &told); err != nil {
		return fmt.Errorf("read the message: %w", err)
	}
	if told.Batch == nil {
		return errors.New("read the message: it tells of no records of a stream")
	}
	found, err := r.Stream.Records(ctx, *told.Batch)
	if err != nil {
		return err
	}
	var event events.KinesisEvent
	for _, got := range found {
		var record events.KinesisEventRecord
		record.Kinesis.Data, record.Kinesis.PartitionKey, record.Kinesis.SequenceNumber = got.Data, got.PartitionKey, got.SequenceNumber
		record.Kinesis.ApproximateArrivalTimestamp.Time = time.UnixMilli(int64(got.ApproximateArrivalTimestamp * 1000))
		event.Records = append(event.Records, record)
	}
	response, err := r.Take(ctx, event)
	if err == nil && len(response.BatchItemFailures) > 0 {
		err = fmt.Errorf("%d of %d records failed", len(response.BatchItemFailures), len(event.Records))
	}
	return err
}
