package bookings

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/sqs"
)

// Message is what the queues uploads and outcomes carry: which booking to look at.
type Message struct {
	Booking string `json:"booking"`
}

// Queue is a queue of messages.
type Queue interface {
	// Send sends a message that arrives after a delay of at most MaxDelay.
	Send(ctx context.Context, body string, delay time.Duration) error
}

// MaxDelay is the longest delay of a message.
const MaxDelay = sqs.MaxDelay * time.Second

// SQS is a queue of SQS.
type SQS struct {
	Client *sqs.Client
	URL    string
}

// Send implements Queue. SQS counts delays in whole seconds.
func (q *SQS) Send(ctx context.Context, body string, delay time.Duration) error {
	if _, err := q.Client.Send(ctx, q.URL, sqs.Message{Body: body, Delay: int((delay + time.Second - 1) / time.Second)}); err != nil {
		return fmt.Errorf("send a message to %s: %w", q.URL, err)
	}
	return nil
}

// send tells a queue's function to look at a booking.
func send(ctx context.Context, to Queue, booking string, delay time.Duration) error {
	text, err := json.Marshal(Message{booking})
	if err != nil {
		return fmt.Errorf("encode the message: %w", err)
	}
	return to.Send(ctx, string(text), delay)
}

// later puts a booking off, and sends the message with which it comes again. Where a queue's delay is too short for that, the sweeper does, at the time.
func (s *Store) later(ctx context.Context, b Booking, to Queue, delay time.Duration, latest int64) error {
	at := min(s.Clock.Now().Add(delay).UnixMilli(), latest)
	delay += time.Second // No earlier than it is due.
	if b.Next, b.sent = at, 0; delay <= MaxDelay {
		b.sent = at
	}
	_, held, err := s.move(ctx, b, b.Status)
	if err != nil || !held || delay > MaxDelay {
		return err
	}
	return send(ctx, to, b.ID, delay)
}

var errMessage = errors.New(`a message is {"booking": ID}`)

func readMessage(body string) (string, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(body)))
	decoder.DisallowUnknownFields()
	var m Message
	if err := decoder.Decode(&m); err != nil {
		return "", fmt.Errorf("%w: %w", errMessage, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) || m.Booking == "" || len(m.Booking) > maxText {
		return "", errMessage
	}
	return m.Booking, nil
}
