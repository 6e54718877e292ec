package bookings

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// Errors of what users ask for.
var (
	ErrInvalid  = errors.New("the booking is not valid")
	ErrToken    = errors.New("the idempotency key was used for another booking; take a new one")
	ErrNotFound = errors.New("there is no such booking")
	ErrTooLate  = errors.New("the booking is too far to be cancelled")
)

// Request is a booking to be made.
type Request struct {
	Segment string // The id of a segment.
	Value   string // Its value, which must fit the id.
	Run     string // The run of the manifest that has it; may be empty.
	By      string // Who asks; may be empty.
	At      int64  // When its data is to be generated, at the earliest, in milliseconds since 1970; 0 for as soon as creator runs.
	// Token makes a request one that may be repeated: the same again by the same user returns the booking that is there. Empty for none.
	Token string
}

const (
	// maxAhead bounds for how far ahead one can book.
	maxAhead = 366 * 24 * time.Hour
	maxText  = 256 // Bytes of By and Token.
	// tokenRetention is for how long a token is known.
	tokenRetention = 24 * time.Hour
)

func (r Request) check(now time.Time) error {
	switch {
	case r.Segment == "" || r.Segment != pipeline.SegmentID(r.Value):
		return fmt.Errorf("%w: the segment %q is not that of its value", ErrInvalid, r.Segment)
	case r.Run != "" && !pipeline.ValidRun(r.Run):
		return fmt.Errorf("%w: %q is no run's id", ErrInvalid, r.Run)
	case len(r.By) > maxText || len(r.Token) > maxText:
		return fmt.Errorf("%w: an idempotency key and a user have at most %d bytes", ErrInvalid, maxText)
	case r.At < 0 || r.At > now.Add(maxAhead).UnixMilli():
		return fmt.Errorf("%w: the time must be within a year from now", ErrInvalid)
	}
	return nil
}

// Create makes a booking, which then is booked. Errors that are the user's are ErrInvalid and ErrToken.
func (s *Store) Create(ctx context.Context, r Request) (Booking, error) {
	now := s.Clock.Now()
	if err := r.check(now); err != nil {
		return Booking{}, err
	}
	b := Booking{
		ID: newID(now, s.NewID()), Segment: r.Segment, Value: r.Value, Run: r.Run, By: r.By, At: max(r.At, now.UnixMilli()), Status: Booked,
		Made: now.UnixMilli(), version: 1,
	}
	const absent = "attribute_not_exists(#id)"
	put := func(item dynamodb.Item) dynamodb.PutItem {
		return dynamodb.PutItem{TableName: s.Table, Item: item, ConditionExpression: absent, ExpressionAttributeNames: dynamodb.Names(absent)}
	}
	listed := keyOf(kindOpen, b.ID)
	listed[atAttribute] = dynamodb.Number(b.At)
	puts := []dynamodb.PutItem{put(b.item()), put(listed)}
	token := tokenID(r)
	if r.Token != "" {
		held := keyOf(kindToken, token)
		held["booking"], held["request"] = dynamodb.String(b.ID), dynamodb.String(r.digest())
		held[ExpiresAttribute] = dynamodb.Number(now.Add(tokenRetention).Unix())
		puts = append(puts, put(held))
	}
	err := s.Client.TransactPut(ctx, puts)
	var canceled *dynamodb.TransactionCanceledException
	if errors.As(err, &canceled) && r.Token != "" {
		if made, found, madeErr := s.Made(ctx, r); found || madeErr != nil {
			return made, madeErr
		}
	}
	if err != nil {
		return Booking{}, fmt.Errorf("put items into %s: %w", s.Table, err)
	}
	return b, nil
}

// Made is the booking that a request of the same user with the same token has made; false where none has. An error that is the user's is ErrToken.
func (s *Store) Made(ctx context.Context, r Request) (Booking, bool, error) {
	if r.Token == "" {
		return Booking{}, false, nil
	}
	held, err := s.get(ctx, kindToken, tokenID(r))
	switch {
	case err != nil || len(held) == 0:
		return Booking{}, false, err
	case held["request"].Text() != r.digest():
		return Booking{}, false, ErrToken
	}
	b, found, err := s.Get(ctx, held["booking"].Text())
	if err == nil && !found {
		err = ErrToken
	}
	return b, found, err
}

// newID begins with the time, to the millisecond.
func newID(now time.Time, random string) string {
	return strings.ReplaceAll(now.UTC().Format("20060102-150405.000"), ".", "-") + "-" + strings.ToLower(random[:min(len(random), 10)])
}

func tokenID(r Request) string { return digest(r.By + "\n" + r.Token) }

func (r Request) digest() string { return digest(fmt.Sprint(r.Segment, "\n", r.At)) }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Cancel ends a booking that is not being sent yet, and returns it; one that is cancelled stays so. Errors that are the user's are ErrNotFound and ErrTooLate,
// with which the booking is returned as it is.
func (s *Store) Cancel(ctx context.Context, id string) (Booking, error) {
	for {
		b, found, err := s.Get(ctx, id)
		switch {
		case err != nil:
			return Booking{}, err
		case !found:
			return Booking{}, ErrNotFound
		case b.Status == Cancelled:
			return b, nil
		case !b.Status.May(Cancelled):
			return b, ErrTooLate
		}
		if cancelled, done, err := s.move(ctx, b, Cancelled); err != nil || done {
			return cancelled, err
		}
		if err := ctx.Err(); err != nil {
			return b, err
		}
	}
}

// Page asks for bookings, the newest first.
type Page struct {
	Status Status // Only those with it; empty for all.
	After  string // The cursor that the page before has as Next; empty for the first page.
	Limit  int    // 1 to MaxPage.
}

// MaxPage is how many bookings a page may have.
const MaxPage = 100

// pageReads bounds how many reads one page takes, where few bookings have the status that is asked for.
const pageReads = 10

// List returns a page of bookings, and the cursor of the next; empty after the last. A page of bookings with a status may have fewer than its limit, and even none,
// though there is a next.
func (s *Store) List(ctx context.Context, page Page) (found []Booking, next string, err error) {
	if page.Limit < 1 || page.Limit > MaxPage || len(page.After) > maxText {
		return nil, "", fmt.Errorf("%w: a page has 1 to %d bookings, and begins after a cursor that was given", ErrInvalid, MaxPage)
	}
	query := s.query(kindBooking)
	newestFirst := false
	query.ScanIndexForward = &newestFirst
	if page.Status != "" {
		query.FilterExpression = "#status = :status"
		query.ExpressionAttributeNames = dynamodb.Names(query.KeyConditionExpression, query.FilterExpression)
		query.ExpressionAttributeValues[":status"] = dynamodb.String(string(page.Status))
	}
	if next = page.After; next != "" {
		query.ExclusiveStartKey = keyOf(kindBooking, next)
	}
	for reads := 0; len(found) < page.Limit && reads < pageReads; reads++ {
		query.Limit = page.Limit - len(found)
		if page.Status != "" { // The limit is of what is read, not of what the filter leaves.
			query.Limit = MaxPage
		}
		read, err := s.Client.Query(ctx, query)
		if err != nil {
			return nil, "", fmt.Errorf("query %s: %w", s.Table, err)
		}
		for i, item := range read.Items {
			found = append(found, readBooking(item))
			if len(found) == page.Limit && i+1 < len(read.Items) {
				return found, item[IDKey].Text(), nil
			}
		}
		if next = read.LastEvaluatedKey[IDKey].Text(); next == "" {
			return found, "", nil
		}
		query.ExclusiveStartKey = read.LastEvaluatedKey
	}
	return found, next, nil
}

// query asks for all items of a kind.
func (s *Store) query(kind string) *dynamodb.Query {
	const where = "#kind = :kind"
	return &dynamodb.Query{
		TableName: s.Table, ConsistentRead: true, KeyConditionExpression: where, ExpressionAttributeNames: dynamodb.Names(where),
		ExpressionAttributeValues: dynamodb.Item{":kind": dynamodb.String(kind)},
	}
}
