package bookings

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// sendAgain is for how long a message may be on its way before another is sent.
const sendAgain = 5 * time.Minute

// atAttribute is before when nothing is to be done about a booking, in the list of open ones.
const atAttribute = "at"

// open returns the bookings about which something is to be done, in the order in which they were made, and one whose time has not come, where it is named. Those that
// are at their end it takes off the list.
func (s *Store) open(ctx context.Context, named string) (open []Booking, err error) {
	now := s.Clock.Now().UnixMilli()
	for item, err := range dynamodb.Items(ctx, s.Client.Query, s.query(kindOpen)) {
		if err != nil {
			return nil, fmt.Errorf("query %s: %w", s.Table, err)
		}
		id := item[IDKey].Text()
		if item[atAttribute].Int() > now && id != named {
			continue
		}
		b, found, err := s.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		if found && (!b.Status.Over() || b.untold && s.Notify) {
			open = append(open, b)
			continue
		}
		if err := s.close(ctx, item); err != nil {
			return nil, err
		}
	}
	return open, nil
}

// list puts a booking that is taken before its time among those about which something is to be done now.
func (s *Store) list(ctx context.Context, b Booking) error {
	listed := keyOf(kindOpen, b.ID)
	dynamodb.SetNumber(listed, retriesAttribute, b.Retries)
	if err := s.Client.PutItem(ctx, &dynamodb.PutItem{TableName: s.Table, Item: listed}); err != nil {
		return fmt.Errorf("put item into %s: %w", s.Table, err)
	}
	return nil
}

// close takes a booking off the list, unless it was retried since the list was read.
func (s *Store) close(ctx context.Context, listed dynamodb.Item) error {
	remove := dynamodb.DeleteItem{TableName: s.Table, Key: keyOf(kindOpen, listed[IDKey].Text()), ConditionExpression: "attribute_not_exists(#retries)"}
	if retries, retried := listed[retriesAttribute]; retried {
		remove.ConditionExpression = "#retries = :retries"
		remove.ExpressionAttributeValues = dynamodb.Item{":retries": retries}
	}
	remove.ExpressionAttributeNames = dynamodb.Names(remove.ConditionExpression)
	err := s.Client.DeleteItem(ctx, &remove)
	var again *dynamodb.ConditionalCheckFailedException
	if err != nil && !errors.As(err, &again) {
		return fmt.Errorf("delete item from %s: %w", s.Table, err)
	}
	return nil
}

// who is the function that does what is next with a booking; empty where a schedule or nobody does.
func (b Booking) who() string {
	switch {
	case b.Status == Generating, b.Status == Booked && (b.generations > 0 || b.Retries > 0):
		return creatorName
	case b.Status == Generated, b.Status == Uploading:
		return uploaderName
	case b.untold:
		return notifierName
	}
	return ""
}

// idle says whether nobody is at a booking, it is not put off, and no message about it is on its way.
func (b Booking) idle(now time.Time) bool {
	return b.Next <= now.UnixMilli() && b.sent <= now.Add(-sendAgain).UnixMilli()
}

// The functions.
const (
	creatorName  = "creator"
	uploaderName = "uploader"
	notifierName = "notifier"
)
