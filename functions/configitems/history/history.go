package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/streams"
)

// Table is where entries are written.
type Table interface {
	PutItem(ctx context.Context, put *dynamodb.PutItem) error
}

// Queue takes what can be no entry.
type Queue interface {
	Send(ctx context.Context, body string) error
}

// Stream reads records again that Lambda has given up.
type Stream interface {
	Records(ctx context.Context, batch streams.Batch) ([]json.RawMessage, error)
}

// History keeps what changed. It takes the records of the items' stream and, by a redrive, the messages of the dead-letter queue.
type History struct {
	Config Config
	Table  Table
	Aside  Queue
	Stream Stream
	Log    *slog.Logger
}

// Failures are the items of a batch that are to be tried again, by sequence number or message id (Lambda Developer Guide, "Configuring partial
// batch response").
type Failures struct {
	BatchItemFailures []Failure `json:"batchItemFailures"`
}

// Failure names one.
type Failure struct {
	ItemIdentifier string `json:"itemIdentifier"`
}

// aside is a message of the dead-letter queue about a record that can be no entry.
type aside struct {
	Reason string          `json:"reason"`
	Record json.RawMessage `json:"record"`
}

// Handle takes an event of either source.
func (h *History) Handle(ctx context.Context, event json.RawMessage) (Failures, error) {
	var batch struct{ Records []json.RawMessage }
	if err := json.Unmarshal(event, &batch); err != nil {
		return Failures{}, fmt.Errorf("read the event: %w", err)
	}
	var head struct {
		EventSource string `json:"eventSource"`
	}
	if len(batch.Records) > 0 && json.Unmarshal(batch.Records[0], &head) == nil && head.EventSource == "aws:sqs" {
		return h.messages(ctx, batch.Records)
	}
	return h.records(ctx, batch.Records)
}

// records writes the entries of a batch in order, up to the first that is to be tried again. What can be no entry is kept aside, so that it holds
// nothing back.
func (h *History) records(ctx context.Context, records []json.RawMessage) (Failures, error) {
	for _, raw := range records {
		err := h.write(ctx, raw)
		if hopeless(err) {
			err = h.keepAside(ctx, raw, err)
		}
		if err == nil {
			continue
		}
		var r record
		if json.Unmarshal(raw, &r) != nil || r.DynamoDB.SequenceNumber == "" {
			return Failures{}, err // The batch as a whole: nothing tells which record it is.
		}
		h.Log.WarnContext(ctx, "a change could not be kept and is tried again", "sequence", r.DynamoDB.SequenceNumber, "error", err)
		return Failures{[]Failure{{r.DynamoDB.SequenceNumber}}}, nil
	}
	return Failures{[]Failure{}}, nil
}

// messages tries what lies in the dead-letter queue again.
func (h *History) messages(ctx context.Context, messages []json.RawMessage) (Failures, error) {
	failures := Failures{[]Failure{}}
	for _, raw := range messages {
		var m struct {
			MessageID string `json:"messageId"`
			Body      string `json:"body"`
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			return Failures{}, fmt.Errorf("read the event: %w", err)
		}
		if err := h.again(ctx, m.Body); err != nil {
			h.Log.WarnContext(ctx, "a change could not be kept again", "message", m.MessageID, "error", err)
			failures.BatchItemFailures = append(failures.BatchItemFailures, Failure{m.MessageID})
		}
	}
	return failures, nil
}

// again tries the records of one message: the one that is in it, or those that it names.
func (h *History) again(ctx context.Context, body string) error {
	var told struct {
		aside
		Batch *streams.Batch `json:"DDBStreamBatchInfo"`
	}
	if err := json.Unmarshal([]byte(body), &told); err != nil {
		return fmt.Errorf("read the message: %w", err)
	}
	records := []json.RawMessage{told.Record}
	if told.Batch != nil {
		var err error
		if records, err = h.Stream.Records(ctx, *told.Batch); err != nil {
			return err
		}
	}
	for _, raw := range records {
		if err := h.write(ctx, raw); err != nil {
			return err
		}
	}
	return nil
}

// write keeps the entries of one record.
func (h *History) write(ctx context.Context, raw json.RawMessage) error {
	entries, err := entriesOf(raw)
	if err != nil {
		return err
	}
	for _, e := range entries {
		item, err := e.item(time.Duration(h.Config.RetentionDays) * 24 * time.Hour)
		if err != nil {
			return err
		}
		if err := h.Table.PutItem(ctx, &dynamodb.PutItem{TableName: h.Config.HistoryTable, Item: item}); err != nil {
			return fmt.Errorf("write into table %s: %w", h.Config.HistoryTable, err)
		}
	}
	return nil
}

// hopeless reports whether an error is the record's own: trying again gives the same.
func hopeless(err error) bool {
	var refused smithy.APIError
	return errors.Is(err, errPoison) || errors.As(err, &refused) && refused.ErrorCode() == "ValidationException"
}

// maxAside bounds a message, in bytes: SQS takes 1 MiB (SQS quotas, "Message size").
const maxAside = 1_000_000

// keepAside puts a record into the dead-letter queue with the reason. One that is too long is named by its keys.
func (h *History) keepAside(ctx context.Context, raw json.RawMessage, why error) error {
	h.Log.ErrorContext(ctx, "a change can not be kept; its record is in the dead-letter queue", "error", why)
	if len(raw) > maxAside {
		var r record
		if json.Unmarshal(raw, &r) == nil {
			r.DynamoDB.NewImage, r.DynamoDB.OldImage = nil, nil
		}
		var err error
		if raw, err = json.Marshal(r); err != nil {
			return fmt.Errorf("shorten the record: %w", err)
		}
	}
	body, err := json.Marshal(aside{why.Error(), raw})
	if err != nil {
		return fmt.Errorf("render the record: %w", err)
	}
	return h.Aside.Send(ctx, string(body))
}
