package bookings

import (
	"context"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// Move is a move of the state machine, as functions make them.
func Move(s *Store, b Booking, to Status) (Booking, bool, error) {
	return s.move(context.Background(), b, to)
}

// MoveIn is Move in a context.
func MoveIn(ctx context.Context, s *Store, b Booking, to Status) (Booking, bool, error) {
	return s.move(ctx, b, to)
}

// What the tests of rules and decoders reach.
var (
	Judge       = judge
	RetryAfter  = retryAfter
	Printable   = printable
	BackOff     = backOff
	ReadMessage = readMessage
	Hide        = hide
	CheckURL    = checkURL
	Retried     = retried
)

// OpenItem lists a booking as one about which something is to be done.
func OpenItem(id string) dynamodb.Item { return keyOf(kindOpen, id) }

// ReadAsk reads an event of creator.
func ReadAsk(event []byte) (booking string, passes int, err error) {
	asked, err := readAsk(event)
	return asked.booking, len(asked.passes), err
}

// Data is what of a row is written.
func (r Rows) Data(items ...dynamodb.Item) (string, error) {
	text, err := r.head()
	for _, item := range items {
		row, rowErr := r.row(item)
		if rowErr != nil {
			return "", rowErr
		}
		text = append(text, row...)
	}
	return string(text), err
}
