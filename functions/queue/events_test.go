package queue_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

// eventOf reads a real event from testdata.
func eventOf[T any](t *testing.T, name string) (event T) {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &event); err != nil {
		t.Fatal(err)
	}
	return event
}

// The events of testdata, in the order of a fan's way.
func TestEventsAsLambdaGivesThem(t *testing.T) {
	opened := sale()
	opened.OpensAt = 1_904_155_380_000
	w := newWorld(opened.OpensAt, opened)
	tables := tableNames
	tables.Joins = "joins"
	w.tables["joins"] = map[string]dynamodb.Item{}
	store := &queue.Store{Client: w.memory, Tables: tables}

	joined, _ := w.join().Handle(t.Context(), eventOf[queue.Request](t, "join"))
	if joined.StatusCode != 202 || len(w.joins) != 1 {
		t.Errorf("join: %+v", joined)
	}
	placed, err := placerOf(w.memory, w.clock).Handle(t.Context(), eventOf[events.SQSEvent](t, "placer"))
	if err != nil || len(placed.BatchItemFailures) != 1 || placed.BatchItemFailures[0].ItemIdentifier != "2e1424d4-f796-459a-8184-9c92662be6da" {
		t.Errorf("placer: %+v %v", placed, err)
	}
	keeper := w.keeper("k")
	if err := keeper.Handle(t.Context(), eventOf[json.RawMessage](t, "keeper")); err != nil {
		t.Errorf("keeper: %v", err)
	}
	if called := w.called(); len(called) != 1 || called[0].ID != "gig/"+queue.FanID("gig", nonce) {
		t.Errorf("called %+v", called)
	}
	turned, _ := w.turn().Handle(t.Context(), eventOf[queue.Request](t, "turn"))
	if turned.StatusCode != 200 || !strings.Contains(turned.Body, `"state":"expired"`) { // The keeper ran for two minutes.
		t.Errorf("turn: %+v", turned)
	}
	service := &queue.Service{Sales: w.turn().Sales, Store: store, Passes: passes{}, Clock: w.clock, Log: discard}
	if served, _ := service.Handle(t.Context(), eventOf[queue.Request](t, "service")); served.StatusCode != 403 {
		t.Errorf("service: %+v", served)
	}
	control := &queue.Controller{Store: store, Clock: w.clock, Log: discard}
	if answer, err := control.Handle(t.Context(), eventOf[queue.ControlRequest](t, "control")); err != nil || fmt.Sprint(answer.Overridden) != "[rate windows]" {
		t.Errorf("control: %+v %v", answer, err)
	}
	if answer, err := w.revoker().Handle(t.Context(), eventOf[queue.RevokeRequest](t, "revoke")); err != nil || answer.Was != "expired" {
		t.Errorf("revoke: %+v %v", answer, err)
	}
	stream := &queue.Stream{Sales: w.turn().Sales, Store: store, Key: w.turn().Key, Joins: joinsQueue{w}, Aside: joinsQueue{w}, Clock: w.clock, Log: discard, Metrics: quiet}
	if answer, err := stream.Handle(t.Context(), eventOf[queue.StreamEvent](t, "stream")); err != nil || len(answer.BatchItemFailures) != 0 || len(w.joins) != 2 {
		t.Errorf("stream: %+v %v, %d messages", answer, err, len(w.joins))
	}
}
