package bookings

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// Uploader sends bookings' data to the third party, one request a booking at a time, and again with the same idempotency key until the data is taken, refused, or
// given up.
//
// A message says which booking to look at, and is done with as soon as it was looked at. What is to be tried again is put off in the booking itself, and gets a new
// message with a delay, or where that is longer than a queue's delay, or the circuit is open, one by the sweeper. So no message is received over and over while the
// third party is down, and none ends among the dead letters for it.
type Uploader struct {
	Store    *Store
	Delivery *Delivery
	Uploads  Queue
	Outcomes Queue         // nil where nobody is told how a booking ends.
	Lease    time.Duration // Longer than a try: after it somebody else takes the booking.
	Clock    clock.Clock
	Jitter   func() float64 // From 0 to 1.
	Log      *slog.Logger
	Metrics  *telemetry.Metrics
}

// Handle looks at the bookings of a batch, one after another. It gives back the messages that it could not look at.
func (u *Uploader) Handle(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
	return each(ctx, event, u.Clock, u.Log, u.look)
}

// each handles the messages of a batch one after another, and says which have to come again.
func each(ctx context.Context, event events.SQSEvent, with clock.Clock, log *slog.Logger, look func(ctx context.Context, booking string) error) (response events.SQSEventResponse, err error) {
	for i := range event.Records {
		message := &event.Records[i]
		booking, err := readMessage(message.Body)
		if err == nil && i > 0 && pipeline.NearDeadline(ctx, with) {
			err = context.DeadlineExceeded
		}
		if err == nil {
			err = look(ctx, booking)
		}
		if err != nil {
			log.ErrorContext(ctx, "a message has to come again", "message", message.MessageId, "booking", booking, "error", err)
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
		}
	}
	return response, nil
}

// look does what is to be done with a booking.
func (u *Uploader) look(ctx context.Context, id string) error {
	b, found, err := u.Store.Get(ctx, id)
	if err != nil {
		return err
	}
	now := u.Clock.Now()
	if !found || b.who() != uploaderName || b.Next > now.UnixMilli() {
		u.Log.InfoContext(ctx, "a booking with which there is nothing to do now", "booking", id, "status", b.Status)
		return nil
	}
	if now.UnixMilli() >= b.Deadline {
		return u.end(ctx, b, Failed, fmt.Sprintf("given up after %d tries: %s", b.Attempts, b.Reason))
	}
	circuit, err := u.Store.Circuit(ctx)
	if err != nil {
		return err
	}
	if circuit.Open(now) {
		return u.wait(ctx, b, circuit)
	}
	probe := circuit.Opened > 0
	if probe {
		held, err := u.Store.saveCircuit(ctx, circuit.Probing(now, u.Lease))
		if err != nil {
			return err
		}
		if !held { // Another is the one that tries.
			return u.wait(ctx, b, circuit.Probing(now, u.Lease))
		}
	}
	b.holder, b.Next, b.sent, b.Attempts = u.Store.NewID(), now.Add(u.Lease).UnixMilli(), 0, b.Attempts+1
	b, held, err := u.Store.move(ctx, b, Uploading)
	if err != nil || !held {
		return err
	}
	return u.try(ctx, b, probe)
}

// wait puts a booking off until the circuit is half open, and each a little longer, so that they do not all come at once. The sweeper sends a message then. While one
// tries it is put off for that little alone: how long that takes the third party says.
func (u *Uploader) wait(ctx context.Context, b Booking, c Circuit) error {
	if c.Tried {
		c.Until = u.Clock.Now().UnixMilli()
	}
	b.Next, b.sent = c.Until+int64(u.Jitter()*float64(openFirst.Milliseconds())), 0
	b.Next = min(b.Next, b.Deadline)
	_, _, err := u.Store.move(ctx, b, b.Status)
	return err
}

// try tries once.
func (u *Uploader) try(ctx context.Context, b Booking, probe bool) error {
	trying, cancel := clock.ToAnswer(ctx)
	verdict, err := u.Delivery.send(trying, b, u.Clock.Now())
	cancel()
	if err != nil { // Of AWS: the third party is not to blame.
		u.Log.ErrorContext(ctx, "a booking's data or the secret could not be read", "booking", b.ID, "try", b.Attempts, "error", err)
		b.Reason = printable("its data or the secret could not be read: " + err.Error())
		return u.Store.later(ctx, b, u.Uploads, backOff(b.Attempts, u.Jitter()), b.Deadline)
	}
	now := u.Clock.Now()
	circuit, err := u.Store.changeCircuit(ctx, func(c Circuit) Circuit {
		if verdict.Outcome == Again {
			return c.Failed(now, probe, verdict.Wait, u.Jitter())
		}
		return c.Succeeded()
	})
	if err != nil {
		return err
	}
	switch verdict.Outcome {
	case Taken:
		return u.end(ctx, b, Uploaded, "")
	case Refused:
		return u.end(ctx, b, Failed, verdict.Reason)
	}
	u.Log.WarnContext(ctx, "a booking's data was not taken", "booking", b.ID, "try", b.Attempts, "reason", verdict.Reason, "circuit_open", circuit.Open(now))
	if err := u.Metrics.Emit(now, telemetry.Metric{Name: "UploadRetries", Unit: telemetry.Count, Value: 1}); err != nil {
		return err
	}
	b.Reason = verdict.Reason
	if b.denials++; !verdict.Denied {
		b.denials = 0
	}
	if circuit.Open(now) {
		return u.wait(ctx, b, circuit)
	}
	return u.Store.later(ctx, b, u.Uploads, max(verdict.Wait, backOff(b.Attempts, u.Jitter())), b.Deadline)
}

// end ends a booking and lets it be told.
func (u *Uploader) end(ctx context.Context, b Booking, status Status, reason string) error {
	b.Reason = printable(reason)
	b, held, err := u.Store.move(ctx, b, status)
	if err != nil || !held {
		return err
	}
	now := u.Clock.Now()
	name := "Uploaded"
	if status == Failed {
		name = "UploadFailed"
		u.Log.ErrorContext(ctx, "a booking failed", "booking", b.ID, "tries", b.Attempts, "reason", b.Reason)
	} else {
		u.Log.InfoContext(ctx, "a booking's data is uploaded", "booking", b.ID, "tries", b.Attempts)
	}
	err = u.Metrics.Emit(now, telemetry.Metric{Name: name, Unit: telemetry.Count, Value: 1},
		telemetry.Metric{Name: "UploadDelay", Unit: telemetry.Seconds, Value: float64(now.UnixMilli()-b.GeneratedAt) / 1000})
	if err != nil || u.Outcomes == nil {
		return err
	}
	return send(ctx, u.Outcomes, b.ID, 0)
}
