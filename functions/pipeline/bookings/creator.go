package bookings

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
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// Items is the part of DynamoDB's client by which items are read.
type Items interface {
	Scan(ctx context.Context, scan *dynamodb.Scan) (dynamodb.Page, error)
}

// Creator generates the data of all bookings that are due, in one pass through the items: who is in which segment is kept nowhere, since an index of it would double
// what each item costs to be written. Data goes to S3 as it is read. Where its time ends before the items, it keeps how far it is and lets the next invocation go
// on.
//
// A schedule starts it, an event {"booking": ID}, or a message on the topic stage.
type Creator struct {
	Store      *Store
	Items      Items
	ItemsTable string
	Segment    string // The attribute by whose values items are grouped.
	Rows       Rows
	Objects    Objects
	Uploads    Queue
	Outcomes   Queue // nil where nobody is told how a booking ends.
	Stage      pipeline.Publisher
	Most       int           // Bookings of one pass: a part of the data of each is in memory.
	Lease      time.Duration // Longer than an invocation: after it somebody else takes its bookings.
	GiveUp     time.Duration // After which data that the third party does not take is given up.
	Clock      clock.Clock
	Log        *slog.Logger
	Metrics    *telemetry.Metrics
}

// ask is what an invocation is asked to do beside what is due.
type ask struct {
	booking string
	passes  []pipeline.Stage
}

// readAsk reads an event: of a schedule, of a booking, or of the topic stage.
func readAsk(event json.RawMessage) (asked ask, err error) {
	var read struct {
		Booking string `json:"booking"`
		events.SNSEvent
	}
	if err := json.Unmarshal(event, &read); err != nil {
		return ask{}, fmt.Errorf("read the event: %w", err)
	}
	if len(read.Booking) > maxText {
		return ask{}, errMessage
	}
	asked.booking = read.Booking
	for _, record := range read.Records {
		stage, err := pipeline.ReadStage(record.SNS.Message)
		if err != nil {
			return ask{}, err
		}
		asked.passes = append(asked.passes, stage)
	}
	return asked, nil
}

// Handle goes on with the pass that it is asked to, or else with one booking, and with all that are due.
func (c *Creator) Handle(ctx context.Context, event json.RawMessage) error {
	asked, err := readAsk(event)
	if err != nil {
		return err
	}
	if len(asked.passes) == 0 {
		return c.due(ctx, asked.booking, func(b Booking, now time.Time) bool {
			return asked.booking == b.ID || asked.booking == "" && b.due(now)
		})
	}
	for _, stage := range asked.passes {
		if stage.Stage != pipeline.StageBookings {
			continue
		}
		if err := c.goOn(ctx, stage); err != nil {
			return err
		}
	}
	return nil
}

// due says whether a booking's data is to be begun, as far as no message is known to be on its way that goes on with it.
func (b Booking) due(now time.Time) bool {
	return b.Status == Booked && b.At <= now.UnixMilli() || b.Status == Generating && b.idle(now)
}

// goOn goes on with a pass where it was kept, unless the message is of an earlier step and came again. What of its bookings was not kept is begun anew, and so is
// what else is due.
func (c *Creator) goOn(ctx context.Context, stage pipeline.Stage) error {
	p, kept, err := c.read(ctx, stage.Run)
	if err != nil {
		return err
	}
	if kept && stage.Step != p.saved.Step && stage.Step != 0 {
		return nil
	}
	if kept {
		if err := p.resume(ctx); err != nil {
			return err
		}
		if err := c.work(ctx, p, stage.Step); err != nil {
			return err
		}
	}
	return c.due(ctx, "", func(b Booking, now time.Time) bool {
		lost := b.Status == Generating && b.holder == stage.Run && (!kept || !p.has(b.ID))
		return lost || b.due(now)
	})
}

// due makes the data of all bookings that are chosen and free, of those whose time has come and of the one that is named.
func (c *Creator) due(ctx context.Context, named string, chosen func(b Booking, now time.Time) bool) error {
	for !pipeline.NearDeadline(ctx, c.Clock) {
		p, err := c.begin(ctx, named, chosen)
		if err != nil || p == nil {
			return err
		}
		if err := c.work(ctx, p, 0); err != nil {
			return err
		}
	}
	return nil
}

// begin takes bookings for a pass; nil where there are none.
func (c *Creator) begin(ctx context.Context, named string, chosen func(b Booking, now time.Time) bool) (*pass, error) {
	open, err := c.Store.open(ctx, named)
	if err != nil {
		return nil, err
	}
	p := &pass{Creator: c, saved: savedPass{ID: strings.ToLower(c.Store.NewID())}}
	for _, b := range open {
		now := c.Clock.Now()
		free := (b.Status == Booked || b.Status == Generating) && b.Next <= now.UnixMilli()
		if !free || !chosen(b, now) || len(p.data) == c.Most {
			continue
		}
		if b.generations >= maxGenerations {
			if err := c.fail(ctx, b, "generating its data took too long, or ended before its end, too often"); err != nil {
				return nil, err
			}
			continue
		}
		if b.At > now.UnixMilli() {
			if err := c.Store.list(ctx, b); err != nil {
				return nil, err
			}
		}
		b.holder, b.Next, b.sent, b.tries, b.generations = p.saved.ID, now.Add(c.Lease).UnixMilli(), 0, 0, b.generations+1
		b, held, err := c.Store.move(ctx, b, Generating)
		if err != nil {
			return nil, err
		}
		if held {
			p.data = append(p.data, newData(b, c.Rows, c.Objects))
		}
	}
	if len(p.data) == 0 {
		return nil, nil
	}
	return p, nil
}

// work goes on with a pass, and ends it or hands it over.
func (c *Creator) work(ctx context.Context, p *pass, step int) error {
	if len(p.data) == 0 {
		return nil
	}
	if err := p.scan(ctx); err != nil {
		return err
	}
	if !p.over() {
		return p.handOver(ctx, step)
	}
	var errs []error
	for _, d := range p.data {
		errs = append(errs, p.end(ctx, d))
	}
	return errors.Join(errs...)
}

// end makes a booking's object, and lets it be sent.
func (p *pass) end(ctx context.Context, d *data) error {
	b, err := d.end(ctx)
	if err != nil {
		return p.release(ctx, d, err)
	}
	now := p.Clock.Now()
	b.GeneratedAt, b.Next, b.sent, b.Deadline, b.Reason = now.UnixMilli(), now.UnixMilli(), now.UnixMilli(), now.Add(p.GiveUp).UnixMilli(), ""
	b, held, err := p.Store.move(ctx, b, Generated)
	if err != nil {
		return err
	}
	if !held { // It was cancelled, or taken by another.
		return p.Objects.DeleteObject(ctx, d.object)
	}
	p.Log.InfoContext(ctx, "a booking's data is generated", "booking", b.ID, "segment", b.Segment, "items", b.Items, "bytes", b.Bytes)
	if err := p.Metrics.Emit(now, telemetry.Metric{Name: "Generated", Unit: telemetry.Count, Value: 1},
		telemetry.Metric{Name: "GeneratedItems", Unit: telemetry.Count, Value: float64(b.Items)}); err != nil {
		return err
	}
	return send(ctx, p.Uploads, b.ID, 0)
}

// fail ends a booking and lets it be told.
func (c *Creator) fail(ctx context.Context, b Booking, reason string) error {
	b, held, err := c.Store.fail(ctx, b, reason)
	if err != nil || !held {
		return err
	}
	c.Log.ErrorContext(ctx, "a booking failed", "booking", b.ID, "reason", reason)
	if err := c.Metrics.Emit(c.Clock.Now(), telemetry.Metric{Name: "GenerateFailed", Unit: telemetry.Count, Value: 1}); err != nil || c.Outcomes == nil {
		return err
	}
	return send(ctx, c.Outcomes, b.ID, 0)
}
