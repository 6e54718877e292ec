package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/streams"
)

// fromQueue is the source of SQS's messages (Lambda Developer Guide, "Using Lambda with Amazon SQS").
const fromQueue = "aws:sqs"

// StreamEvent is a batch of the stream's records, or of messages.
type StreamEvent struct {
	Records []StreamRecord `json:"Records"`
}

// StreamRecord is a record of the stream, or a message: then it has MessageID and Body.
type StreamRecord struct {
	events.DynamoDBEventRecord

	MessageID string `json:"messageId"`
	Body      string `json:"body"`
}

// GivenUp reads records again that Lambda has given up, since stream failed on them as often as it may.
type GivenUp interface {
	Records(ctx context.Context, batch streams.Batch) ([]json.RawMessage, error)
}

// nothingFailed is the answer whose list is empty.
func nothingFailed() events.DynamoDBEventResponse {
	return events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
}

func failed(response *events.DynamoDBEventResponse, id string) {
	response.BatchItemFailures = append(response.BatchItemFailures, events.DynamoDBBatchItemFailure{ItemIdentifier: id})
}

// redrive tries again what messages are about. Those that fail again stay where they are.
func (s *Stream) redrive(ctx context.Context, messages []StreamRecord) events.DynamoDBEventResponse {
	response := nothingFailed()
	for _, message := range messages {
		if err := s.again(ctx, message.Body); err != nil {
			s.Log.WarnContext(ctx, "redrive", "message", message.MessageID, "error", err)
			failed(&response, message.MessageID)
		}
	}
	return response
}

// again takes the record that a message has, or those that it names.
func (s *Stream) again(ctx context.Context, body string) error {
	var told struct {
		SetAside
		Batch *streams.Batch `json:"DDBStreamBatchInfo"`
	}
	if err := json.Unmarshal([]byte(body), &told); err != nil {
		return fmt.Errorf("read the message: %w", err)
	}
	if told.Batch == nil {
		record, err := told.record()
		if err != nil {
			return err
		}
		return s.take(ctx, record)
	}
	given, err := s.GivenUp.Records(ctx, *told.Batch)
	if err != nil {
		return err
	}
	records := make([]StreamRecord, len(given))
	for i, raw := range given {
		if err := json.Unmarshal(raw, &records[i]); err != nil {
			return fmt.Errorf("read a record: %w", err)
		}
	}
	if response := s.records(ctx, records); len(response.BatchItemFailures) > 0 {
		return fmt.Errorf("record %s failed again", response.BatchItemFailures[0].ItemIdentifier)
	}
	return nil
}

// record is what was set aside, as the stream gave it.
func (a SetAside) record() (events.DynamoDBEventRecord, error) {
	record := events.DynamoDBEventRecord{EventName: string(events.DynamoDBOperationTypeInsert)}
	if a.Reason == AsideOversize {
		return record, errors.New("an oversize record is not kept as a whole")
	}
	record.Change.SequenceNumber, record.Change.SizeBytes = a.ID, int64(len(a.Record))
	record.Change.ApproximateCreationDateTime = events.SecondsEpochTime{Time: time.UnixMilli(a.At)}
	if err := json.Unmarshal([]byte(a.Record), &record.Change.NewImage); err != nil {
		return record, fmt.Errorf("read the record that was set aside: %w", err)
	}
	return record, nil
}
