package bookings

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// DynamoDB is the part of DynamoDB's client that Store uses.
type DynamoDB interface {
	GetItem(ctx context.Context, get *dynamodb.GetItem) (dynamodb.Item, error)
	PutItem(ctx context.Context, put *dynamodb.PutItem) error
	DeleteItem(ctx context.Context, remove *dynamodb.DeleteItem) error
	TransactPut(ctx context.Context, puts []dynamodb.PutItem) error
	Query(ctx context.Context, query *dynamodb.Query) (dynamodb.Page, error)
}

// Store keeps bookings.
type Store struct {
	Client    DynamoDB
	Table     string
	Clock     clock.Clock
	Retention time.Duration // Of bookings, from when they end; 0 for ever.
	Notify    bool          // How a booking ends is to be told.
	GiveUp    time.Duration // After which data that the third party does not take is given up. Retry needs it.
	NewID     func() string // Random, of letters and digits.
}

// Get reads a booking, strongly consistent; false where there is none.
func (s *Store) Get(ctx context.Context, id string) (Booking, bool, error) {
	item, err := s.get(ctx, kindBooking, id)
	if err != nil || len(item) == 0 {
		return Booking{}, false, err
	}
	return readBooking(item), true, nil
}

func (s *Store) get(ctx context.Context, kind, id string) (dynamodb.Item, error) {
	if id == "" { // DynamoDB takes no empty key.
		return nil, nil
	}
	item, err := s.Client.GetItem(ctx, &dynamodb.GetItem{TableName: s.Table, Key: keyOf(kind, id), ConsistentRead: true})
	if err != nil {
		return nil, fmt.Errorf("get item from %s: %w", s.Table, err)
	}
	return item, nil
}

// move writes a booking, changed and with a status to which it may go, where nobody wrote it since it was read. It returns the booking as it is then, and says
// whether it wrote: where the first answer was lost, the second tells a failed condition for what this one wrote itself.
func (s *Store) move(ctx context.Context, b Booking, to Status) (Booking, bool, error) {
	if !b.Status.May(to) {
		return b, false, fmt.Errorf("booking %s is %s and cannot become %s", b.ID, b.Status, to)
	}
	now := s.Clock.Now()
	if to.Over() && !b.Status.Over() {
		b.EndedAt, b.Next, b.sent, b.tries, b.untold = now.UnixMilli(), 0, 0, 0, s.Notify && to != Cancelled
		if s.Retention > 0 {
			b.expires = now.Add(s.Retention).Unix()
		}
	}
	const where = "#version = :version"
	put := dynamodb.PutItem{
		TableName: s.Table, ConditionExpression: where, ExpressionAttributeNames: dynamodb.Names(where),
		ExpressionAttributeValues: dynamodb.Item{":version": dynamodb.Number(b.version)},
	}
	b.Status = to
	b.version++
	put.Item = b.item()
	err := s.Client.PutItem(ctx, &put)
	var refused *dynamodb.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		stands, _, err := s.Get(ctx, b.ID)
		return b, err == nil && stands == b, err
	}
	if err != nil {
		return b, false, fmt.Errorf("put item into %s: %w", s.Table, err)
	}
	return b, true, nil
}

// fail ends a booking that cannot succeed.
func (s *Store) fail(ctx context.Context, b Booking, reason string) (Booking, bool, error) {
	b.Reason = reason
	return s.move(ctx, b, Failed)
}
