package bookings

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// Sweeper is started by a schedule, each minute, and is the second net under all bookings: where a message was lost or a function died, and where a booking was put
// off for longer than a message can be, it sends the message.
type Sweeper struct {
	Store    *Store
	Stage    pipeline.Publisher
	Uploads  Queue
	Outcomes Queue // nil where nobody is told how a booking ends.
	Clock    clock.Clock
	Log      *slog.Logger
	Metrics  *telemetry.Metrics
}

// Handle looks at all bookings about which something is to be done. What fails of one does not keep it from the others.
func (s *Sweeper) Handle(ctx context.Context) error {
	open, err := s.Store.open(ctx, "")
	if err != nil {
		return err
	}
	circuit, err := s.Store.Circuit(ctx)
	if err != nil {
		return err
	}
	if len(open) == 0 && circuit.Opened == 0 { // Metrics cost where nothing happens.
		return nil
	}
	now := s.Clock.Now()
	var errs []error
	var waiting, oldest int64
	passes := map[string]bool{}
	for _, b := range open {
		if who := b.who(); who == uploaderName {
			waiting++
			oldest = max(oldest, now.UnixMilli()-b.GeneratedAt)
		}
		if err := s.sweep(ctx, b, passes); err != nil {
			errs = append(errs, fmt.Errorf("booking %s: %w", b.ID, err))
		}
	}
	isOpen := 0.0
	if circuit.Opened > 0 {
		isOpen = 1
	}
	errs = append(errs, s.Metrics.Emit(now, telemetry.Metric{Name: "WaitingUploads", Unit: telemetry.Count, Value: float64(waiting)},
		telemetry.Metric{Name: "OldestUpload", Unit: telemetry.Seconds, Value: float64(oldest) / 1000},
		telemetry.Metric{Name: "CircuitOpen", Unit: telemetry.Count, Value: isOpen}))
	return errors.Join(errs...)
}

// sweep sends a message about one booking where one is missing. passes are those that a message was sent for: one is enough for all bookings of a pass.
func (s *Sweeper) sweep(ctx context.Context, b Booking, passes map[string]bool) error {
	now := s.Clock.Now()
	who := b.who()
	if who == "" || !b.idle(now) || who == notifierName && s.Outcomes == nil {
		return nil
	}
	b.sent = now.UnixMilli()
	b, held, err := s.Store.move(ctx, b, b.Status)
	if err != nil || !held {
		return err
	}
	s.Log.InfoContext(ctx, "a booking waited for a message", "booking", b.ID, "status", b.Status, "for", who)
	switch who {
	case uploaderName:
		return send(ctx, s.Uploads, b.ID, 0)
	case notifierName:
		return send(ctx, s.Outcomes, b.ID, 0)
	}
	if passes[b.holder] {
		return nil
	}
	passes[b.holder] = true
	return publishPass(ctx, s.Stage, b.holder, 0)
}
