package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

const (
	// maxRecordBytes bounds what a browser's own record may hold in all, in bytes. DynamoDB takes 400 KB; a fan needs a hundred.
	maxRecordBytes = 1024
	// recordTime is how long one record may take.
	recordTime = 3 * time.Second
	// maxAsideBytes bounds what is kept of a record that is set aside.
	maxAsideBytes = 4096
)

// Attributes of the joins table, which browsers write under their identity, each its own item: a policy by leading key binds the writer. The key is the identity, or
// identity and sale with a slash between for who waits for several.
const (
	IdentityKey     = "identity"
	identitySale    = "sale"
	identityAttempt = "attempt"
	identityTicket  = "ticket" // Written back: the browser reads it from its own item.
)

// TicketStore is where a browser's ticket is written back.
type TicketStore interface {
	// PutTicket writes the ticket to a browser's item, unless it has one. The item expires then, in seconds since 1970; 0 for never.
	PutTicket(ctx context.Context, key, ticket string, expires int64) error
}

// Stream takes the records that browsers wrote under their own identity from the table's stream to the joins queue, and writes each its ticket back. A record that is
// none, too large, or that takes too long is set aside with its reason, and the others go on.
type Stream struct {
	Sales     *Sales
	Store     TicketStore
	Key       Key
	Joins     Joiner
	Aside     Joiner // The queue of what was set aside.
	GivenUp   GivenUp
	Clock     clock.Clock
	Retention time.Duration // From joining until a browser's item expires; 0 for never.
	Log       *slog.Logger
	Metrics   *telemetry.Metrics
}

// SetAside is a message on the queue of what was set aside.
type SetAside struct {
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	ID     string `json:"id"`               // Of the stream's record: its sequence number.
	At     int64  `json:"at,omitempty"`     // When it was written, milliseconds since 1970, by the second.
	Record string `json:"record,omitempty"` // Its new image, cut at 4 KB.
}

// The reasons for which a record is set aside.
const (
	AsideMalformed = "malformed"
	AsideOversize  = "oversize"
	AsideTooEarly  = "not_open"
	AsideClosed    = "closed"
	AsideTimeout   = "timeout"
	AsidePanic     = "panic"
)

// reason is an error for which a record is set aside rather than tried again.
type reason struct {
	code string
	err  error
}

func (r *reason) Error() string { return r.code + ": " + r.err.Error() }

// Handle takes one batch of the stream, or, by a redrive, messages about records that were set aside or given up. It names what is to come again: by sequence number or
// message id.
func (s *Stream) Handle(ctx context.Context, event StreamEvent) (events.DynamoDBEventResponse, error) {
	ctx, cancel := clock.ToAnswer(ctx)
	defer cancel()
	if len(event.Records) > 0 && event.Records[0].EventSource == fromQueue {
		return s.redrive(ctx, event.Records), nil
	}
	return s.records(ctx, event.Records), nil
}

// records takes records of the stream. One that could be neither sent nor set aside ends it: the stream gives that and what follows again.
func (s *Stream) records(ctx context.Context, records []StreamRecord) events.DynamoDBEventResponse {
	var joined, aside int
	response := nothingFailed()
	for _, given := range records {
		record := given.DynamoDBEventRecord
		if _, answered := record.Change.NewImage[identityTicket]; answered || record.EventName == string(events.DynamoDBOperationTypeRemove) {
			continue // By this function itself, or gone.
		}
		err := s.take(ctx, record)
		var why *reason
		if errors.As(err, &why) {
			aside++
			s.Log.WarnContext(ctx, "set aside", "record", record.Change.SequenceNumber, "reason", why.code, "error", why.err)
			err = s.setAside(ctx, record, why)
		} else if err == nil {
			joined++
		}
		if err != nil {
			s.Log.ErrorContext(ctx, "take a record", "record", record.Change.SequenceNumber, "error", err)
			failed(&response, record.Change.SequenceNumber)
			break // A stream keeps its order: what follows comes again with it.
		}
	}
	err := s.Metrics.Emit(s.Clock.Now(), telemetry.Metric{Name: "Joined", Unit: telemetry.Count, Value: float64(joined)},
		telemetry.Metric{Name: "Aside", Unit: telemetry.Count, Value: float64(aside)})
	if err != nil {
		s.Log.WarnContext(ctx, "emit metrics", "error", err)
	}
	return response
}

// take sends one record, within its time.
func (s *Stream) take(ctx context.Context, record events.DynamoDBEventRecord) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &reason{AsidePanic, fmt.Errorf("%v", cause)}
		}
	}()
	within, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	message, err := s.read(within, record)
	if err != nil {
		return err
	}
	body, err := message.encode()
	if err != nil {
		return err
	}
	if err = s.Joins.Send(within, body); err == nil {
		now := ms(s.Clock.Now())
		ticket := s.Key.Seal(Ticket{Sale: message.Sale, Fan: message.Fan, Joined: now, Attempt: message.Attempt})
		err = s.Store.PutTicket(within, record.Change.NewImage[IdentityKey].String(), ticket, expiresAfter(s.Retention, now))
	}
	if err != nil && ctx.Err() == nil && errors.Is(within.Err(), context.DeadlineExceeded) {
		return &reason{AsideTimeout, err}
	}
	return err
}

// read is the message that a record becomes.
func (s *Stream) read(ctx context.Context, record events.DynamoDBEventRecord) (Message, error) {
	image := record.Change.NewImage
	malformed := func(cause string) error { return &reason{AsideMalformed, errors.New(cause)} }
	if record.Change.SizeBytes > 2*maxRecordBytes { // Of keys and images, old and new.
		return Message{}, &reason{AsideOversize, fmt.Errorf("it has %d bytes", record.Change.SizeBytes)}
	}
	text := func(name string) string {
		if value, ok := image[name]; ok && value.DataType() == events.DataTypeString {
			return value.String()
		}
		return ""
	}
	identity, of, bound := strings.Cut(text(IdentityKey), "/")
	id := text(identitySale)
	if identity == "" || bound && of != id || !ValidSale(id) {
		return Message{}, malformed("it has no identity or no sale")
	}
	attempt := int64(0)
	if value, ok := image[identityAttempt]; ok {
		if value.DataType() != events.DataTypeNumber {
			return Message{}, malformed("its attempt is no number")
		}
		n, err := value.Integer()
		if err != nil || n < 0 || n >= MaxAttempts {
			return Message{}, malformed("its attempt is no attempt")
		}
		attempt = n
	}
	sale, err := s.Sales.InForce(ctx, id)
	if errors.Is(err, ErrNoSale) {
		return Message{}, malformed("there is no such sale")
	}
	if err != nil {
		return Message{}, err
	}
	// By when DynamoDB took it, to the second it tells.
	switch at := ms(record.Change.ApproximateCreationDateTime.Time); sale.StateAt(Draw{}, at) {
	case Scheduled:
		return Message{}, &reason{AsideTooEarly, fmt.Errorf("written at %s", clockText(at))}
	case Closed:
		return Message{}, &reason{AsideClosed, fmt.Errorf("written at %s", clockText(at))}
	}
	return Message{Sale: id, Fan: FanID(id, identity), Attempt: int(attempt)}, nil
}

func (s *Stream) setAside(ctx context.Context, record events.DynamoDBEventRecord, why *reason) error {
	image, err := json.Marshal(record.Change.NewImage)
	if err != nil {
		image = nil
	}
	body, err := json.Marshal(SetAside{
		Reason: why.code, Detail: why.err.Error(), ID: record.Change.SequenceNumber, At: ms(record.Change.ApproximateCreationDateTime.Time), Record: string(image[:min(len(image), maxAsideBytes)]),
	})
	if err != nil {
		return fmt.Errorf("encode what is set aside: %w", err)
	}
	return s.Aside.Send(ctx, string(body))
}

// PutTicket writes the ticket to a browser's item, unless it has one, and when the item expires, in seconds since 1970; 0 for never.
func (s *Store) PutTicket(ctx context.Context, key, ticket string, expires int64) error {
	change, values := "SET #ticket = :ticket", dynamodb.Item{":ticket": dynamodb.String(ticket)}
	if expires != 0 {
		change, values = change+", #expires = :expires", with(values, ":expires", expires)
	}
	_, err := s.update(ctx, s.Tables.Joins, IdentityKey, key, change, condition{"attribute_exists(#identity) AND attribute_not_exists(#ticket)", values})
	return err
}
