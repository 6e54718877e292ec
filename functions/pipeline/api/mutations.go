package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/graph-gophers/graphql-go"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

// maxKeyBytes bounds a caller's idempotency key.
const maxKeyBytes = 128

// write says who may change something, or why they may not.
func (r *resolver) write(ctx context.Context) (caller, error) {
	who := visitOf(ctx).caller
	if !r.mayWrite(who) {
		return who, fail(Forbidden, "This needs the scope %s, which your token or key has not.", r.writeScope)
	}
	return who, nil
}

// keyOf is the caller's idempotency key; empty for none.
func keyOf(key *string) (string, error) {
	if key == nil {
		return "", nil
	}
	if *key == "" || len(*key) > maxKeyBytes {
		return "", fail(BadInput, "idempotencyKey has 1 to %d bytes; leave it away where a call may be done twice.", maxKeyBytes)
	}
	return *key, nil
}

type createBookingArguments struct {
	Input struct {
		Segment        graphql.ID
		At             *Time
		IdempotencyKey *string
	}
}

// CreateBooking answers Mutation.createBooking.
func (r *resolver) CreateBooking(ctx context.Context, asked createBookingArguments) (*Booking, error) {
	who, err := r.write(ctx)
	if err != nil {
		return nil, err
	}
	if r.bookings == nil {
		return nil, fail(Conflict, "This pipeline takes no bookings.")
	}
	token, err := keyOf(asked.Input.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	segment, err := r.find(ctx, string(asked.Input.Segment))
	if err != nil {
		return nil, err
	}
	request := bookings.Request{Segment: string(asked.Input.Segment), By: who.name[:min(len(who.name), maxBookingID)], Token: token}
	if asked.Input.At != nil {
		request.At = max(1, int64(*asked.Input.At)) // Zero is none.
	}
	var made bookings.Booking
	var found bool
	if segment != nil {
		request.Value, request.Run = segment.Value, string(segment.RunID)
		made, err = r.bookings.Create(ctx, request)
	} else if made, found, err = r.bookings.Made(ctx, request); err == nil && !found { // It was booked while it was there, and the answer lost.
		return nil, errSegment(string(asked.Input.Segment))
	}
	switch {
	case errors.Is(err, bookings.ErrToken):
		return nil, fail(Conflict, "This idempotencyKey was used for another booking. Take a new one.")
	case errors.Is(err, bookings.ErrInvalid):
		return nil, fail(BadInput, "at is within a year from now.")
	case err != nil:
		return nil, err
	}
	r.log.InfoContext(ctx, "a booking was made", "booking", made.ID, "segment", made.Segment)
	return r.bookingOf(made), nil
}

// CancelBooking answers Mutation.cancelBooking.
func (r *resolver) CancelBooking(ctx context.Context, asked idArguments) (*Booking, error) {
	if _, err := r.write(ctx); err != nil {
		return nil, err
	}
	if r.bookings == nil || len(asked.ID) > maxBookingID {
		return nil, errBooking(string(asked.ID))
	}
	found, err := r.bookings.Cancel(ctx, string(asked.ID))
	switch {
	case errors.Is(err, bookings.ErrNotFound):
		return nil, errBooking(string(asked.ID))
	case errors.Is(err, bookings.ErrTooLate):
		return nil, fail(Conflict, "The booking is %s: it can be cancelled only until its upload begins.", found.Status)
	case err != nil:
		return nil, err
	}
	r.log.InfoContext(ctx, "a booking was cancelled", "booking", found.ID)
	return r.bookingOf(found), nil
}

// RetryBooking answers Mutation.retryBooking.
func (r *resolver) RetryBooking(ctx context.Context, asked idArguments) (*Booking, error) {
	if _, err := r.write(ctx); err != nil {
		return nil, err
	}
	if r.bookings == nil || len(asked.ID) > maxBookingID {
		return nil, errBooking(string(asked.ID))
	}
	found, err := r.bookings.Retry(ctx, string(asked.ID))
	switch {
	case errors.Is(err, bookings.ErrNotFound):
		return nil, errBooking(string(asked.ID))
	case errors.Is(err, bookings.ErrNotFailed):
		return nil, fail(Conflict, "The booking is %s: only one that failed can be tried again.", found.Status)
	case errors.Is(err, bookings.ErrDataGone):
		return nil, fail(Conflict, "The booking's data is gone. Book the segment again.")
	case err != nil:
		return nil, err
	}
	r.log.InfoContext(ctx, "a booking was begun again", "booking", found.ID)
	return r.bookingOf(found), nil
}

type replayArguments struct {
	ID             graphql.ID
	FailedOnly     *bool
	IdempotencyKey *string
}

// Replay is the schema's.
type Replay struct{ RunID graphql.ID }

// ReplayRun answers Mutation.replayRun.
func (r *resolver) ReplayRun(ctx context.Context, asked replayArguments) (*Replay, error) {
	who, err := r.write(ctx)
	if err != nil {
		return nil, err
	}
	key, err := keyOf(asked.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	failedOnly := asked.FailedOnly != nil && *asked.FailedOnly
	run, err := r.readRun(ctx, string(asked.ID))
	switch {
	case err != nil:
		return nil, err
	case run == nil:
		return nil, errRun(string(asked.ID))
	case !run.State.Over():
		return nil, fail(Conflict, "The run is %s. Replay it once it is over.", run.State)
	case failedOnly && run.Failures == 0:
		return nil, fail(Conflict, "No file of the run failed. Leave failedOnly away to take all files again.")
	}
	if key == "" {
		key = r.newID()
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%t\n%s", who.name, run.ID, failedOnly, key))
	start := pipeline.Start{Run: "replay-" + hex.EncodeToString(sum[:10]), Prefix: run.Prefix, ReplayOf: run.ID, Failed: failedOnly}
	message, err := json.Marshal(start)
	if err != nil {
		return nil, fmt.Errorf("encode the message: %w", err)
	}
	if err := r.start.Publish(ctx, string(message)); err != nil {
		return nil, err
	}
	r.log.InfoContext(ctx, "a replay was begun", "run", start.Run, "replay_of", run.ID, "failed_only", failedOnly)
	return &Replay{graphql.ID(start.Run)}, nil
}

// quoted is a caller's text as an answer repeats it: no longer than an id.
func quoted(text string) string {
	return fmt.Sprintf("%q", strings.ToValidUTF8(text[:min(len(text), 64)], ""))
}
