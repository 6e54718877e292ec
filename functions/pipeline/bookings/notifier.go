package bookings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// Event is what is told of how a booking ended, to the topic and to the webhook.
type Event struct {
	ID       string    `json:"id"`   // The same each time that it is told: it may come more than once.
	Type     string    `json:"type"` // "booking.uploaded" or "booking.failed".
	Time     time.Time `json:"time"` // When the booking ended.
	System   string    `json:"system"`
	Booking  string    `json:"booking"`
	Segment  string    `json:"segment"`
	Value    string    `json:"value"` // Of the attribute that the segment's items share.
	Status   Status    `json:"status"`
	Reason   string    `json:"reason,omitempty"` // Why it failed.
	Key      string    `json:"idempotency_key,omitempty"`
	Items    int64     `json:"items"`
	Bytes    int64     `json:"bytes"`
	Attempts int64     `json:"attempts"`
}

// eventOf is how a booking ended. Another end, after a retry, has another id.
func eventOf(b Booking, system string) Event {
	id := b.ID + "-" + string(b.Status)
	if b.Retries > 0 {
		id = fmt.Sprintf("%s-%d", id, b.Retries+1)
	}
	return Event{
		ID: id, Type: "booking." + string(b.Status), Time: time.UnixMilli(b.EndedAt).UTC(), System: system, Booking: b.ID,
		Segment: b.Segment, Value: b.Value, Status: b.Status, Reason: b.Reason, Key: b.Key, Items: b.Items, Bytes: b.Bytes, Attempts: b.Attempts,
	}
}

// Notifier tells how bookings end: a topic, a webhook, or both, each at least once. What it cannot tell it puts off as the uploader does.
type Notifier struct {
	Store    *Store
	System   string             // Its name.
	Topic    pipeline.Publisher // nil for none.
	Webhook  *Webhook           // nil for none.
	Outcomes Queue
	Lease    time.Duration // Longer than a try: after it somebody else tells.
	GiveUp   time.Duration // After the booking ended.
	Clock    clock.Clock
	Jitter   func() float64
	Log      *slog.Logger
	Metrics  *telemetry.Metrics
}

// Handle tells of the bookings of a batch, and gives back the messages that it could not look at.
func (n *Notifier) Handle(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
	return each(ctx, event, n.Clock, n.Log, n.look)
}

func (n *Notifier) look(ctx context.Context, id string) error {
	b, found, err := n.Store.Get(ctx, id)
	if err != nil {
		return err
	}
	now := n.Clock.Now()
	if !found || b.who() != notifierName || b.Next > now.UnixMilli() {
		n.Log.InfoContext(ctx, "a booking of which there is nothing to tell now", "booking", id, "status", b.Status)
		return nil
	}
	b.holder, b.Next, b.sent, b.tries = n.Store.NewID(), now.Add(n.Lease).UnixMilli(), 0, b.tries+1
	b, held, err := n.Store.move(ctx, b, b.Status)
	if err != nil || !held {
		return err
	}
	latest := time.UnixMilli(b.EndedAt).Add(n.GiveUp)
	telling, cancel := clock.ToAnswer(ctx)
	err = n.tell(telling, &b)
	cancel()
	figure := telemetry.Metric{Name: "Notified", Unit: telemetry.Count, Value: 1}
	switch now = n.Clock.Now(); {
	case err != nil && now.Before(latest):
		n.Log.WarnContext(ctx, "how a booking ended could not be told", "booking", b.ID, "try", b.tries, "error", err)
		return n.Store.later(ctx, b, n.Outcomes, backOff(b.tries, n.Jitter()), latest.UnixMilli())
	case err != nil:
		n.Log.ErrorContext(ctx, "telling how a booking ended is given up", "booking", b.ID, "tries", b.tries, "error", err)
		figure.Name = "NotifyFailed"
	}
	b.untold, b.Next = false, 0
	if _, held, err = n.Store.move(ctx, b, b.Status); err != nil || !held {
		return err
	}
	return n.Metrics.Emit(now, figure)
}

// tell tells whom it was not told yet, and notes it.
func (n *Notifier) tell(ctx context.Context, b *Booking) error {
	event := eventOf(*b, n.System)
	text, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("encode the event: %w", err)
	}
	var errs []error
	if n.Topic != nil && !b.toldTopic {
		err := n.Topic.Publish(ctx, string(text))
		b.toldTopic = err == nil
		errs = append(errs, err)
	}
	if n.Webhook != nil && !b.toldWebhook {
		err := n.Webhook.tell(ctx, event.ID, text, n.Clock.Now())
		b.toldWebhook = err == nil
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
