package api

import (
	"context"
	"errors"
	"strings"

	"github.com/graph-gophers/graphql-go"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

// bookingsCursor is after a page of bookings.
type bookingsCursor struct {
	Status string `json:"status,omitempty"`
	After  string `json:"after"`
}

// BookingConnection is the schema's.
type BookingConnection struct {
	Nodes    []*Booking
	PageInfo PageInfo
}

type bookingsArguments struct {
	First  *int32
	After  *string
	Status *string
}

// Bookings answers Query.bookings.
func (r *resolver) Bookings(ctx context.Context, asked bookingsArguments) (*BookingConnection, error) {
	first, after, err := readPaging[bookingsCursor](paging{asked.First, asked.After})
	if err != nil {
		return nil, err
	}
	here := bookingsCursor{}
	if asked.Status != nil {
		here.Status = *asked.Status
	}
	if after != nil {
		if after.Status != here.Status || after.After == "" {
			return nil, errCursor()
		}
		here.After = after.After
	}
	connection := &BookingConnection{Nodes: []*Booking{}}
	if r.bookings == nil {
		return connection, nil
	}
	found, next, err := r.bookings.List(ctx, bookings.Page{Status: bookings.Status(strings.ToLower(here.Status)), After: here.After, Limit: first})
	if errors.Is(err, bookings.ErrInvalid) {
		return nil, errCursor()
	}
	if err != nil {
		return nil, err
	}
	for _, booking := range found {
		connection.Nodes = append(connection.Nodes, r.bookingOf(booking))
	}
	if here.After = next; next != "" {
		connection.PageInfo = pageOf(&here)
	}
	return connection, nil
}

// maxBookingID is more bytes than any booking's id has; DynamoDB takes no key of more than 1024.
const maxBookingID = 256

// Booking answers Query.booking.
func (r *resolver) Booking(ctx context.Context, asked idArguments) (*Booking, error) {
	if r.bookings == nil || len(asked.ID) > maxBookingID {
		return nil, errBooking(string(asked.ID))
	}
	found, there, err := r.bookings.Get(ctx, string(asked.ID))
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, errBooking(string(asked.ID))
	}
	return r.bookingOf(found), nil
}

func errBooking(id string) error {
	return fail(NotFound, "There is no booking %s, or no more. Ask for bookings to see those there are.", quoted(id))
}

// Booking is the schema's.
type Booking struct {
	ID                   graphql.ID
	Status               string
	SegmentID            graphql.ID
	SegmentValue         string
	RunID                graphql.ID
	At, CreatedAt        Time
	GeneratedAt, EndedAt *Time
	NextAttemptAt        *Time
	Items, Bytes         Int64
	Attempts             int32
	Reason               *string
	resolver             *resolver
}

func (r *resolver) bookingOf(b bookings.Booking) *Booking {
	shown := &Booking{
		ID: graphql.ID(b.ID), Status: strings.ToUpper(string(b.Status)), SegmentID: graphql.ID(b.Segment), SegmentValue: b.Value, RunID: graphql.ID(b.Run), At: Time(b.At),
		CreatedAt: Time(b.Made), GeneratedAt: timeOf(b.GeneratedAt), EndedAt: timeOf(b.EndedAt), Items: Int64(b.Items), Bytes: Int64(b.Bytes),
		Attempts: int32(b.Attempts), Reason: textOf(b.Reason), resolver: r, //nolint:gosec // One every some minutes, for days.
	}
	if b.Status == bookings.Generated || b.Status == bookings.Uploading {
		shown.NextAttemptAt = timeOf(b.Next)
	}
	return shown
}

// Segment answers Booking.segment.
func (b *Booking) Segment(ctx context.Context) (*Segment, error) {
	return b.resolver.find(ctx, string(b.SegmentID))
}
