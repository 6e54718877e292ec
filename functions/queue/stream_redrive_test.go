package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/streams"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

// remembered are the records that a stream still has, by the first one's number.
type remembered map[string][]events.DynamoDBEventRecord

func (r remembered) Records(_ context.Context, batch streams.Batch) (all []json.RawMessage, err error) {
	for _, record := range r[batch.Start] {
		raw, err := json.Marshal(record)
		if err != nil {
			return nil, err
		}
		all = append(all, raw)
	}
	if all == nil {
		err = errors.New("the stream has forgotten them")
	}
	return all, err
}

// redrive hands messages to stream, and returns the ids of those that failed again.
func redrive(t *testing.T, s *queue.Stream, bodies ...string) string {
	t.Helper()
	event := queue.StreamEvent{}
	for i, body := range bodies {
		record := queue.StreamRecord{MessageID: fmt.Sprint("m", i+1), Body: body}
		record.EventSource = "aws:sqs"
		event.Records = append(event.Records, record)
	}
	response, err := s.Handle(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, failure := range response.BatchItemFailures {
		ids = append(ids, failure.ItemIdentifier)
	}
	return strings.Join(ids, " ")
}

// What was set aside or given up is tried again: whose cause is gone joins, with a ticket; all else stays with its reason.
func TestRedriveOfTheStream(t *testing.T) {
	late := sale()
	late.ID, late.OpensAt = "late", 160_000
	w := newWorld(150_000, sale(), late)
	w.tables["joins"] = map[string]dynamodb.Item{}
	for _, identity := range []string{"eu:1", "eu:2", "eu:4", "eu:7", "eu:9"} {
		w.tables["joins"][identity] = dynamodb.Item{"identity": dynamodb.String(identity)}
	}
	aside, joins := &slowQueue{world: w}, &slowQueue{world: w, broken: true}
	store := w.store()
	store.Tables.Joins = "joins"
	s := &queue.Stream{
		Sales: &queue.Sales{Store: store, Clock: w.clock}, Store: store, Key: make(queue.Key, queue.KeyBytes), Joins: joins, Aside: aside, Clock: w.clock, Log: discard, Metrics: quiet,
		GivenUp: remembered{"7": {streamRecord(7, "eu:7", "gig", nil), streamRecord(8, "", "gig", nil), streamRecord(9, "eu:9", "gig", nil)}},
	}
	large := streamRecord(3, "eu:3", "gig", nil)
	large.Change.SizeBytes = 300_000
	if _, err := s.Handle(t.Context(), streamed(streamRecord(1, "", "gig", nil), streamRecord(2, "eu:2", "soon", nil), large, streamRecord(4, "eu:4", "late", nil))); err != nil || len(aside.bodies) != 4 {
		t.Fatalf("set aside %q, %v", aside.bodies, err)
	}
	given := `{"DDBStreamBatchInfo":{"shardId":"s","startSequenceNumber":"%d","endSequenceNumber":"9","batchSize":3,"streamArn":"arn"}}`
	slow, err := json.Marshal(queue.SetAside{Reason: queue.AsideTimeout, Detail: "late", ID: "5", At: 150_000, Record: `{"identity":{"S":"eu:1"},"sale":{"S":"gig"},"attempt":{"N":"2"}}`})
	if err != nil {
		t.Fatal(err)
	}
	messages := slices.Concat(aside.bodies, []string{string(slow), fmt.Sprintf(given, 7), fmt.Sprintf(given, 1), "no JSON"})
	// The cause is not gone: all stay.
	if got := redrive(t, s, messages...); got != "m1 m2 m3 m4 m5 m6 m7 m8" {
		t.Errorf("failed again: %s", got)
	}
	joins.broken = false
	aside.bodies = nil
	soon := sale()
	soon.ID = "soon"
	w.putSale(soon)
	w.clock.pass(3 * time.Second)
	if got := redrive(t, s, messages...); got != "m1 m3 m4 m7 m8" {
		t.Errorf("failed again: %s", got)
	}
	want := []string{
		`{"sale":"soon","fan":"` + queue.FanID("soon", "eu:2") + `"}`, `{"sale":"gig","fan":"` + queue.FanID("gig", "eu:1") + `","attempt":2}`,
		`{"sale":"gig","fan":"` + queue.FanID("gig", "eu:7") + `"}`, `{"sale":"gig","fan":"` + queue.FanID("gig", "eu:9") + `"}`,
	}
	if got := strings.Join(joins.bodies, " "); got != strings.Join(want, " ") {
		t.Errorf("sent %s, want %s", got, want)
	}
	for _, identity := range []string{"eu:1", "eu:2", "eu:7", "eu:9"} {
		if ticket, err := s.Key.OpenTicket(w.tables["joins"][identity]["ticket"].Text()); err != nil || ticket.Fan == "" {
			t.Errorf("%s has the ticket %+v, %v", identity, ticket, err)
		}
	}
	// Of the batch that was given up, what is broken is set aside by itself.
	if len(aside.bodies) != 1 || !strings.Contains(aside.bodies[0], `"id":"8"`) {
		t.Errorf("set aside %q", aside.bodies)
	}
}
