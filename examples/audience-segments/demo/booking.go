package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/burstline/terraform-provider-serverless/internal/demo"
)

// bookingTakes bounds the way to the third party, its bad days included.
const bookingTakes = 5 * time.Minute

// largest is the country with the most places: of several the first by name.
func largest(places []Place) (country string) {
	counts := map[string]int{}
	for i := range places {
		counts[places[i].Country.Name]++
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if counts[name] > counts[country] {
			country = name
		}
	}
	return country
}

// book books a segment through the API, and waits until the third party has it: once,
// and with exactly its places.
func (u *upload) book(ctx context.Context) error {
	booked := largest(u.places)
	segment, err := u.find(ctx, booked)
	if err != nil {
		return err
	}
	const create = `mutation($segment: ID!, $at: Time, $key: String) { createBooking(input: {segment: $segment, at: $at, idempotencyKey: $key}) { id status } }`
	var first, again, later struct{ CreateBooking booking }
	now := map[string]any{"segment": segment, "key": "demo-1"}
	if err := errors.Join(u.ask(ctx, create, now, &first), u.ask(ctx, create, now, &again)); err != nil {
		return err
	}
	id := first.CreateBooking.ID
	if id == "" || again.CreateBooking.ID != id {
		return fmt.Errorf("the same request made the bookings %q and %q", id, again.CreateBooking.ID)
	}
	u.Say("booked %s: %s; the same request again is the same booking", booked, id)
	if err := u.ask(ctx, create, map[string]any{"segment": segment, "at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}, &later); err != nil {
		return err
	}
	var cancelled struct{ CancelBooking booking }
	if err := u.ask(ctx, `mutation($id: ID!) { cancelBooking(id: $id) { id status } }`, map[string]any{"id": later.CreateBooking.ID}, &cancelled); err != nil {
		return err
	}
	if cancelled.CancelBooking.Status != "CANCELLED" {
		return fmt.Errorf("the booking %s was cancelled, and is %s", later.CreateBooking.ID, cancelled.CancelBooking.Status)
	}
	u.Say("booked it for in an hour too, and cancelled that")
	// The schedule's next tick may be hours away. Here it is given by hand.
	_, err = lambda.NewFromConfig(u.Local.Config(demo.Region, "test")).Invoke(ctx, &lambda.InvokeInput{
		FunctionName: aws.String(u.Entry("functions", "creator")), Qualifier: aws.String("live"), Payload: []byte("{}"), InvocationType: types.InvocationTypeEvent,
	})
	if err != nil {
		return fmt.Errorf("call creator: %w", err)
	}
	b, err := u.sent(ctx, id)
	if err != nil {
		return err
	}
	return u.delivered(b, booked)
}

// booking is one as the API shows it.
type booking struct {
	ID, Status, Reason string
	Items, Attempts    int64
}

// find is the id of the segment of a country.
func (u *upload) find(ctx context.Context, country string) (string, error) {
	var found struct {
		Segments struct{ Nodes []struct{ ID, Value string } }
	}
	if err := u.ask(ctx, `query($search: String) { segments(search: $search) { nodes { id value } } }`, map[string]any{"search": country}, &found); err != nil {
		return "", err
	}
	for _, s := range found.Segments.Nodes {
		if s.Value == country {
			return s.ID, nil
		}
	}
	return "", fmt.Errorf("the API knows no segment %s: %+v", country, found.Segments.Nodes)
}

// sent waits until a booking is uploaded, and shows its way.
func (u *upload) sent(ctx context.Context, id string) (booking, error) {
	deadline := time.Now().Add(bookingTakes)
	shown := ""
	for {
		var now struct{ Booking booking }
		if err := u.ask(ctx, `query($id: ID!) { booking(id: $id) { id status reason items attempts } }`, map[string]any{"id": id}, &now); err != nil {
			return booking{}, err
		}
		b := now.Booking
		if line := strings.TrimSpace(fmt.Sprintf("%-10s %d places, %d tries %s", strings.ToLower(b.Status), b.Items, b.Attempts, b.Reason)); line != shown {
			u.Say("%s", line)
			shown = line
		}
		switch {
		case b.Status == "UPLOADED":
			return b, nil
		case slices.Contains([]string{"FAILED", "CANCELLED"}, b.Status), time.Now().After(deadline):
			return booking{}, fmt.Errorf("the booking %s is not uploaded; last: %s", id, shown)
		}
		if err := demo.Pause(ctx, time.Second); err != nil {
			return booking{}, err
		}
	}
}

// delivered compares what the third party has with the places of the segment.
func (u *upload) delivered(b booking, booked string) error {
	want := map[string]int64{}
	for i := range u.places {
		if u.places[i].Country.Name == booked {
			want[strconv.FormatInt(u.places[i].ID, 10)] = u.places[i].Population
		}
	}
	asked, taken, err := u.third.state()
	if err != nil {
		return fmt.Errorf("the third party was asked what it must refuse: %w", err)
	}
	if err := only(taken, b.ID, want); err != nil {
		return err
	}
	if int64(asked) != b.Attempts || b.Items != int64(len(want)) {
		return fmt.Errorf("the third party was asked %d times for %d places; the booking says %d times and %d", asked, len(want), b.Attempts, b.Items)
	}
	u.Say("the third party was asked %d times, was down once and broke off once, and has the %d places of %s once, under one idempotency key", asked, len(want), booked)
	return nil
}

// only checks that one booking alone was taken, with these places.
func only(taken map[string]delivery, booking string, want map[string]int64) error {
	if len(taken) != 1 {
		return fmt.Errorf("the third party has taken %d idempotency keys, want 1", len(taken))
	}
	for key, d := range taken {
		if d.booking != booking || len(d.places) != len(want) {
			return fmt.Errorf("under %s the third party has %d places of the booking %s, want %d of %s", key, len(d.places), d.booking, len(want), booking)
		}
		for id, population := range want {
			if got, ok := d.places[id]; !ok || got != population {
				return fmt.Errorf("the place %s has %d people, and at the third party %d", id, population, got)
			}
		}
	}
	return nil
}

// ask asks the GraphQL API.
func (u *upload) ask(ctx context.Context, query string, variables map[string]any, answer any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.Text("api_url"), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask the API: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Api-Key", u.secrets.apiKey)
	resp, err := u.Local.HTTPClient().Do(request)
	if err != nil {
		return fmt.Errorf("ask the API: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("ask the API: %w", err)
	}
	var told struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(text, &told); err != nil || resp.StatusCode != http.StatusOK || len(told.Errors) > 0 {
		return fmt.Errorf("ask the API: %s: %s", resp.Status, text)
	}
	return json.Unmarshal(told.Data, answer)
}
