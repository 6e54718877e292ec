package bookings_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

// hand is a clock that is set by hand.
type hand struct{ at atomic.Int64 }

func (h *hand) Now() time.Time                         { return time.UnixMilli(h.at.Load()) }
func (h *hand) After(d time.Duration) <-chan time.Time { return time.After(d) }
func (h *hand) pass(d time.Duration)                   { h.at.Add(d.Milliseconds()) }

// dated is a context with a deadline by the test's clock, and does not end by the machine's.
type dated struct {
	context.Context
	deadline time.Time
}

func (d dated) Deadline() (time.Time, bool) { return d.deadline, true }

// queue is SQS: a message stays until it is handled.
type queue struct {
	*faults
	name     string
	clock    *hand
	messages []queued
	sent     int
}

type queued struct {
	body string
	at   int64
}

func (q *queue) Send(ctx context.Context, body string, delay time.Duration) error {
	happens, err := q.begin(ctx, "send "+q.name)
	defer q.mu.Unlock()
	if delay < 0 || delay > bookings.MaxDelay {
		panic(delay)
	}
	if happens != before {
		q.sent++
		q.messages = append(q.messages, queued{body, q.clock.at.Load() + delay.Milliseconds()})
	}
	return err
}

// take is a message that has arrived, and what deletes it.
func (q *queue) take(which func(n int) int) (events.SQSEvent, func(), bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var there []int
	for i, m := range q.messages {
		if m.at <= q.clock.at.Load() {
			there = append(there, i)
		}
	}
	if len(there) == 0 {
		return events.SQSEvent{}, nil, false
	}
	taken := q.messages[there[which(len(there))]]
	event := events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: taken.body}}}
	return event, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if i := slices.Index(q.messages, taken); i >= 0 {
			q.messages = slices.Delete(q.messages, i, i+1)
		}
	}, true
}

// topic is an SNS topic with what was published.
type topic struct {
	*faults
	name  string
	sent  []string
	taken int
}

func (p *topic) Publish(ctx context.Context, message string) error {
	happens, err := p.begin(ctx, "publish "+p.name)
	defer p.mu.Unlock()
	if happens != before {
		p.sent = append(p.sent, message)
	}
	return err
}

// world is everything around the functions of bookings.
type world struct {
	*memory
	clock             *hand
	items             *table
	bucket            *bucket
	uploads, outcomes *queue
	stage, told       *topic
	third             *third
	hook              *third // The webhook's receiver.
	ids               atomic.Int64
	log, metrics      bytes.Buffer
	most              int
	rows              bookings.Rows
	giveUp            time.Duration
	jitter            func() float64
	timeout           time.Duration
}

const begun = 1_790_000_000_000 // When tests begin.

func newWorld(t *testing.T) *world {
	t.Helper()
	w := newWorldAlone()
	w.third, w.hook = newThird(t), newThird(t)
	w.hook.forgets = true
	return w
}

// newWorldAlone has no third party.
func newWorldAlone() *world {
	a := &faults{calls: map[string]int{}}
	clock := &hand{}
	clock.at.Store(begun)
	return &world{
		memory: &memory{faults: a, kinds: map[string]map[string]dynamodb.Item{}, page: 4, past: map[string][]string{}}, clock: clock,
		items:   &table{faults: a, clock: clock, items: map[string]dynamodb.Item{}, page: 5},
		bucket:  &bucket{faults: a, objects: map[string][]byte{}, uploads: map[string]map[int][]byte{}},
		uploads: &queue{faults: a, name: "uploads", clock: clock}, outcomes: &queue{faults: a, name: "outcomes", clock: clock},
		stage: &topic{faults: a, name: "stage"}, told: &topic{faults: a, name: "told"}, most: 3,
		rows: bookings.Rows{
			Columns: []pipeline.Column{{Name: "all", Type: pipeline.TypeJSON}, {Name: "price", Type: pipeline.TypeNumber}, {Name: "suburb", Type: pipeline.TypeString}},
			Format:  bookings.JSONLines, Gzip: true,
		},
		giveUp: 24 * time.Hour, jitter: func() float64 { return 0.5 }, timeout: 5 * time.Second,
	}
}

func (w *world) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(&w.log, nil)) }

func (w *world) telemetry() *telemetry.Metrics {
	return telemetry.NewMetrics(&w.metrics, telemetry.Source{})
}

// figure is the sum of a metric's figures.
func (w *world) figure(t *testing.T, name string) (sum float64) {
	t.Helper()
	for line := range bytes.Lines(w.metrics.Bytes()) {
		var read map[string]any
		if err := json.Unmarshal(line, &read); err != nil {
			t.Fatal(err)
		}
		if value, ok := read[name].(float64); ok {
			sum += value
		}
	}
	return sum
}

func (w *world) store() *bookings.Store {
	return &bookings.Store{
		Client: w.memory, Table: "bookings", Clock: w.clock, Retention: 24 * time.Hour, Notify: true, GiveUp: w.giveUp,
		NewID: func() string { return fmt.Sprintf("ID%08d", w.ids.Add(1)) },
	}
}

func (w *world) creator() *bookings.Creator {
	return &bookings.Creator{
		Store: w.store(), Items: w.items, ItemsTable: "items", Segment: "suburb", Rows: w.rows, Objects: w.bucket, Uploads: w.uploads, Outcomes: w.outcomes,
		Stage: w.stage, Most: w.most, Lease: 16 * time.Minute, GiveUp: w.giveUp, Clock: w.clock, Log: w.logger(), Metrics: w.telemetry(),
	}
}

// Get reads what references lead to.
func (w *world) Get(ctx context.Context, arn string) (string, error) {
	happens, err := w.begin(ctx, "secret")
	defer w.mu.Unlock()
	if happens != fine {
		return "", err
	}
	return map[string]string{"arn:target": secretValue + "\n", "arn:hook": "whsec_" + webhookKey}[arn], nil
}

// line is a way out that is cut when its life ends.
type line struct {
	*faults
	to http.RoundTripper
}

func (l line) RoundTrip(request *http.Request) (*http.Response, error) {
	happens, err := l.begin(request.Context(), "third")
	l.mu.Unlock()
	if happens == before {
		return nil, err
	}
	response, lost := l.to.RoundTrip(request)
	if happens == after && lost == nil {
		_ = response.Body.Close()
		return nil, err
	}
	return response, lost
}

func (w *world) client() *http.Client {
	client := bookings.NewClient()
	client.Transport = line{w.faults, client.Transport}
	return client
}

func (w *world) uploader() *bookings.Uploader {
	return &bookings.Uploader{
		Store: w.store(), Delivery: &bookings.Delivery{
			Target: bookings.Target{URL: w.third.URL + "/in/{booking}?segment={segment}", Method: http.MethodPut, Header: "Authorization", Secret: "arn:target"},
			Client: w.client(), Source: w.bucket, Secrets: w, ContentType: w.rows.ContentType(), Timeout: w.timeout,
		},
		Uploads: w.uploads, Outcomes: w.outcomes, Lease: 6 * time.Minute, Clock: w.clock, Jitter: w.jitter, Log: w.logger(), Metrics: w.telemetry(),
	}
}

func (w *world) notifier() *bookings.Notifier {
	return &bookings.Notifier{
		Store: w.store(), System: "homes", Topic: w.told, Outcomes: w.outcomes, Lease: 2 * time.Minute, GiveUp: w.giveUp, Clock: w.clock, Jitter: w.jitter,
		Webhook: &bookings.Webhook{URL: w.hook.URL, Secret: "arn:hook", Client: w.client(), Secrets: w, Timeout: w.timeout},
		Log:     w.logger(), Metrics: w.telemetry(),
	}
}

func (w *world) sweeper() *bookings.Sweeper {
	return &bookings.Sweeper{
		Store: w.store(), Stage: w.stage, Uploads: w.uploads, Outcomes: w.outcomes, Clock: w.clock, Log: w.logger(), Metrics: w.telemetry(),
	}
}

// fill puts items into the table: n of each value.
func (w *world) fill(n int, values ...string) {
	for _, value := range values {
		for i := range n {
			id := fmt.Sprintf("%s-%04d", value, i)
			w.items.items[id] = dynamodb.Item{
				"id": dynamodb.String(id), "suburb": dynamodb.String(value), "price": dynamodb.Number(int64(i)), "run": dynamodb.String("r1"),
				"all": dynamodb.String(`{"n":` + strconv.Itoa(i) + `}`),
			}
			w.items.keys = append(w.items.keys, id)
		}
	}
	slices.Sort(w.items.keys)
}

func (w *world) book(t testing.TB, value string) bookings.Booking {
	t.Helper()
	b, err := w.store().Create(context.Background(), bookings.Request{Segment: pipeline.SegmentID(value), Value: value, Run: "r1", By: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (w *world) booking(t testing.TB, id string) bookings.Booking {
	t.Helper()
	b, found, err := w.store().Get(context.Background(), id)
	if err != nil || !found {
		t.Fatalf("booking %s: %v, %v", id, found, err)
	}
	return b
}

// create is an invocation of creator by a schedule.
func (w *world) create(t testing.TB) {
	t.Helper()
	if err := w.creator().Handle(context.Background(), json.RawMessage(`{"source":"aws.scheduler"}`)); err != nil {
		t.Fatal(err)
	}
}

func stageEvent(message string) json.RawMessage {
	text, err := json.Marshal(events.SNSEvent{Records: []events.SNSEventRecord{{SNS: events.SNSEntity{Message: message}}}})
	if err != nil {
		panic(err)
	}
	return text
}

func firstOf(int) int { return 0 }

// deliver lets a function have each message that has arrived, once.
func deliver(t testing.TB, q *queue, handle func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)) {
	t.Helper()
	for {
		event, done, ok := q.take(firstOf)
		if !ok {
			return
		}
		response, err := handle(context.Background(), event)
		if err != nil || len(response.BatchItemFailures) > 0 {
			t.Fatalf("%s gives back %v, %v", q.name, response, err)
		}
		done()
	}
}

// minute lets a minute pass, and all that is on its way happen.
func (w *world) minute(t testing.TB) {
	t.Helper()
	w.clock.pass(time.Minute)
	if err := w.sweeper().Handle(context.Background()); err != nil {
		t.Fatal(err)
	}
	for w.stage.taken < len(w.stage.sent) {
		w.stage.taken++
		if err := w.creator().Handle(context.Background(), stageEvent(w.stage.sent[w.stage.taken-1])); err != nil {
			t.Fatal(err)
		}
	}
	deliver(t, w.uploads, w.uploader().Handle)
	deliver(t, w.outcomes, w.notifier().Handle)
}

// rowsOf are the rows of data, sorted.
func rowsOf(data string) []string {
	rows := strings.Split(strings.TrimSuffix(data, "\n"), "\n")
	slices.Sort(rows)
	return rows
}

// expected are the rows that a value's items make.
func (w *world) expected(value string) (rows []string) {
	for id, item := range w.items.items {
		if item["suburb"].Text() == value {
			rows = append(rows, fmt.Sprintf(`{"id":%q,"all":%s,"price":%s,"suburb":%q}`, id, item["all"].Text(), item["price"].N, value))
		}
	}
	slices.Sort(rows)
	return rows
}
