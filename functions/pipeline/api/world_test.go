package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/api"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

var (
	discard = slog.New(slog.NewTextHandler(io.Discard, nil))
	begin   = time.Date(2030, 5, 4, 18, 0, 0, 0, time.UTC)
)

// world is a pipeline with what readers see of it.
type world struct {
	*aws
	*testing.T
	clock    *hand
	options  api.Options
	bookings *bookings.Store
	api      *api.API
	ids      atomic.Int64
	caller   string // The JSON of the authorizer.
	metrics  *strings.Builder
}

const reader = `{"jwt":{"claims":{"sub":"ann","scope":"read book"},"scopes":null}}`

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		aws: &aws{tables: map[string]map[string]dynamodb.Item{"runs": {}, "bookings": {}}, objects: map[string]string{}}, T: t, clock: &hand{at: begin}, caller: reader,
		metrics: &strings.Builder{},
	}
	// Ids are in an order of their own, not that of the time.
	id := func() string { return strconv.FormatInt(w.ids.Add(1)*7919%10007+1_000_000_000, 10) }
	w.bookings = &bookings.Store{Client: w.aws, Table: "bookings", Clock: w.clock, NewID: id}
	store := &pipeline.Store{Client: w.aws, Runs: "runs", Clock: w.clock, Jitter: func() float64 { return 0 }}
	w.options = api.Options{
		Runs: &pipeline.RunReader{Store: store, Batch: w.aws}, Objects: w.aws, Bookings: w.bookings, Start: w.aws, Auth: api.AuthJWT, WriteScope: "book", NewID: id,
		Clock: w.clock, Log: discard, Metrics: telemetry.NewMetrics(w.metrics, telemetry.Source{System: "recommendation_pipeline", Name: "homes", Function: "api"}),
	}
	w.start()
	return w
}

// start starts the function anew, with the options as they are.
func (w *world) start() {
	w.Helper()
	started, err := api.New(w.options)
	if err != nil {
		w.Fatal(err)
	}
	w.api = started
}

// answer is an answer of the API.
type answer struct {
	Data   json.RawMessage
	Errors []struct {
		Message    string
		Path       []any
		Extensions struct{ Code api.Code }
	}
	status int
}

// codes are those of the errors with their paths, "run NOT_FOUND", or the data where there are none.
func (a answer) String() string {
	var lines []string
	for _, err := range a.Errors {
		path := strings.Trim(fmt.Sprint(err.Path), "[]")
		lines = append(lines, strings.TrimSpace(path+" "+string(err.Extensions.Code)))
	}
	if len(lines) == 0 {
		return string(a.Data)
	}
	return strings.Join(lines, ", ")
}

func (w *world) send(raw string) answer {
	w.Helper()
	request := api.Request{Body: raw, Headers: map[string]string{"content-type": "application/json"}}
	request.RequestContext.HTTP.Method = "POST"
	if err := json.Unmarshal([]byte(w.caller), &request.RequestContext.Authorizer); err != nil {
		w.Fatal(err)
	}
	return w.handle(request)
}

func (w *world) handle(request api.Request) (read answer) {
	w.Helper()
	response, err := w.api.Handle(w.Context(), request)
	if err != nil || response.Headers["Cache-Control"] != "no-store" || response.Headers["Content-Type"] != "application/json" {
		w.Fatalf("%+v, %v", response, err)
	}
	if err := json.Unmarshal([]byte(response.Body), &read); err != nil {
		w.Fatalf("%s: %v", response.Body, err)
	}
	read.status = response.StatusCode
	return read
}

func (w *world) ask(query string, variables map[string]any) answer {
	w.Helper()
	raw, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		w.Fatal(err)
	}
	return w.send(string(raw))
}

// data decodes the data of an answer without errors.
func (w *world) data(a answer, into any) {
	w.Helper()
	if len(a.Errors) > 0 {
		w.Fatalf("%+v", a.Errors)
	}
	if err := json.Unmarshal(a.Data, into); err != nil {
		w.Fatalf("%s: %v", a.Data, err)
	}
}

func (w *world) put(key string, what any) {
	w.Helper()
	text, err := json.Marshal(what)
	if err != nil {
		w.Fatal(err)
	}
	w.objects[key] = string(text)
}

// publish publishes a run's manifest with segments of these counts by value.
func (w *world) publish(run string, counts ...any) {
	w.Helper()
	manifest := pipeline.Manifest{Run: run, Prefix: "up/", At: begin.UnixMilli(), Made: begin.Add(time.Hour).UnixMilli(), Files: 12, Ingested: 10, Failed: 2, Items: 10}
	for i := 0; i < len(counts); i += 2 {
		value, count := fmt.Sprint(counts[i]), int64(counts[i+1].(int))
		id := pipeline.SegmentID(value)
		entry := pipeline.ManifestEntry{ID: id, Value: value, Count: count, Key: pipeline.MetadataObject(run, id)}
		manifest.Segments = append(manifest.Segments, entry)
		w.put(entry.Key, pipeline.Segment{Run: run, ID: id, Value: value, Count: count, Made: begin.Add(time.Minute).UnixMilli(), Metrics: map[string]pipeline.Figures{
			"price": {Count: 4, Sum: 100, Mean: 25, Min: 10, Max: 50, Percentiles: map[string]float64{"99.9": 50, "50": 20}, Histogram: []int64{3, 1}},
			"beds":  {Count: 1, Sum: 2, Mean: 2, Min: 2, Max: 2, Histogram: []int64{1}},
		}})
	}
	w.put(pipeline.RunManifestObject(run), manifest)
	w.put(pipeline.ManifestObject, manifest)
}

// run notes a run that was started so many minutes after the beginning.
func (w *world) run(id string, minute int, attributes dynamodb.Item) {
	started := dynamodb.Number(begin.Add(time.Duration(minute) * time.Minute).UnixMilli())
	item := dynamodb.Item{"id": dynamodb.String(id), "state": dynamodb.String("done"), "prefix": dynamodb.String("up/"), "started": started, "at": started}
	for name, value := range attributes {
		item[name] = value
	}
	w.tables["runs"]["|"+id] = item
	recent := w.tables["runs"]["|recent"]
	if recent == nil {
		recent = dynamodb.Item{"id": dynamodb.String("recent")}
		w.tables["runs"]["|recent"] = recent
	}
	recent["run/"+id] = started
}

// failures notes failed files of a run, in the table or in an object.
func (w *world) failures(run, chunk string, inObject bool, keys ...string) {
	w.Helper()
	var list []pipeline.Failure
	for _, key := range keys {
		list = append(list, pipeline.Failure{Key: key, Reason: pipeline.FileEmpty})
	}
	text, err := json.Marshal(list)
	if err != nil {
		w.Fatal(err)
	}
	id := run + "/failed/" + chunk
	item := dynamodb.Item{"id": dynamodb.String(id), "failures": dynamodb.String(string(text))}
	if inObject {
		key := "runs/" + id + ".json"
		w.objects[key] = string(text)
		item = dynamodb.Item{"id": dynamodb.String(id), "ref": dynamodb.String(key)}
	}
	w.tables["runs"]["|"+id] = item
}

// book books a segment straight in the store.
func (w *world) book(value string) bookings.Booking {
	w.Helper()
	made, err := w.bookings.Create(w.Context(), bookings.Request{Segment: pipeline.SegmentID(value), Value: value, Run: "r1", By: "bob"})
	if err != nil {
		w.Fatal(err)
	}
	return made
}
