package bookings

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// DataKept is for how much longer a booking's data is kept than it is tried to send it.
const DataKept = 7 * 24 * time.Hour

// retriesAttribute is how often a booking was retried, in its item and in that of the list of open ones.
const retriesAttribute = "retries"

// Errors of retries.
var (
	ErrNotFailed = errors.New("the booking has not failed")
	ErrDataGone  = errors.New("the booking's data is gone: book the segment again")
)

// retryPass stands for the pass of a booking that is to be begun again: there is none, so that creator takes what is due.
const retryPass = "retry"

// retried is a booking that failed as it begins again: with the same data under the same idempotency key, so that a third party that has it after all does not get
// it twice; or, where there never was any data, from the beginning. Data stays for giveUp and DataKept from when it was generated, and is not sent for longer.
func retried(b Booking, now time.Time, giveUp time.Duration) (Booking, error) {
	if b.Status != Failed {
		return b, ErrNotFailed
	}
	b.Retries++
	b.EndedAt, b.Next, b.sent, b.tries, b.Attempts, b.denials, b.untold, b.toldTopic, b.toldWebhook, b.expires = 0, now.UnixMilli(), 0, 0, 0, 0, false, false, false, 0
	b.version++
	if b.Key == "" {
		b.Status, b.holder, b.generations = Booked, retryPass, 0
		return b, nil
	}
	gone := time.UnixMilli(b.GeneratedAt).Add(giveUp + DataKept)
	if !now.Before(gone) {
		return b, ErrDataGone
	}
	b.Status, b.Deadline = Generated, min(now.Add(giveUp).UnixMilli(), gone.UnixMilli())
	return b, nil
}

// Retry begins a booking again that failed. The sweeper sends the message with which it goes on, within a minute. Errors that are the user's are ErrNotFound,
// ErrNotFailed and ErrDataGone, with the latter two of which the booking is returned as it is.
func (s *Store) Retry(ctx context.Context, id string) (Booking, error) {
	for {
		is, found, err := s.Get(ctx, id)
		if err != nil {
			return Booking{}, err
		}
		if !found {
			return Booking{}, ErrNotFound
		}
		b, err := retried(is, s.Clock.Now(), s.GiveUp)
		if err != nil {
			return is, err
		}
		const where = "#version = :version"
		listed := keyOf(kindOpen, id)
		listed[retriesAttribute] = dynamodb.Number(b.Retries)
		err = s.Client.TransactPut(ctx, []dynamodb.PutItem{
			{
				TableName: s.Table, Item: b.item(), ConditionExpression: where, ExpressionAttributeNames: dynamodb.Names(where),
				ExpressionAttributeValues: dynamodb.Item{":version": dynamodb.Number(is.version)},
			},
			{TableName: s.Table, Item: listed},
		})
		if err == nil {
			return b, nil
		}
		var canceled *dynamodb.TransactionCanceledException
		if !errors.As(err, &canceled) || ctx.Err() != nil {
			return Booking{}, fmt.Errorf("put items into %s: %w", s.Table, err)
		}
		// Somebody else wrote it, or this one did and the answer was lost.
		if stands, _, err := s.Get(ctx, id); err != nil || stands == b {
			return stands, err
		}
	}
}

// RetryLine retries a booking for operators.
func (s *Store) RetryLine(ctx context.Context, id string) (pipeline.BookingLine, error) {
	b, err := s.Retry(ctx, id)
	if errors.Is(err, ErrNotFailed) {
		err = fmt.Errorf("%w: booking %s is %s", ErrNotFailed, id, b.Status)
	}
	return pipeline.BookingLine{Booking: b.ID, Status: string(b.Status), Value: b.Value, Reason: b.Reason, Retries: b.Retries, Deadline: b.Deadline}, err
}
