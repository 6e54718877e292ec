package bookings_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/burstline/terraform-provider-serverless/functions/internal/sqs"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

// eventOf reads a real event from the pipeline's testdata.
func eventOf[T any](t *testing.T, name string) (event T) {
	t.Helper()
	raw, err := os.ReadFile("../testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &event); err != nil {
		t.Fatal(err)
	}
	return event
}

// The events of testdata, in the order of a booking's way. What one function sends is what the next one's event has.
func TestEventsAsLambdaGivesThem(t *testing.T) {
	const id = "20300504-182400-000-id00000001"
	for _, starts := range []string{"creator", "creator-booking"} {
		w := newWorld(t)
		w.clock.at.Store(time.Date(2030, 5, 4, 18, 24, 0, 0, time.UTC).UnixMilli())
		w.fill(80, "Fitzroy")
		w.items.takes = 10 * time.Second
		if b := w.book(t, "Fitzroy"); b.ID != id {
			t.Fatal(b.ID)
		}
		if err := w.creator().Handle(w.within(50*time.Second), eventOf[json.RawMessage](t, starts)); err != nil {
			t.Fatal(err)
		}
		goesOn := eventOf[events.SNSEvent](t, "creator-pass")
		if len(w.stage.sent) != 1 || w.stage.sent[0] != goesOn.Records[0].SNS.Message {
			t.Fatalf("creator sent %q", w.stage.sent)
		}
		if err := w.creator().Handle(t.Context(), eventOf[json.RawMessage](t, "creator-pass")); err != nil {
			t.Fatal(err)
		}
		for _, to := range []struct {
			name  string
			queue *queue
			do    func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
		}{{"uploader", w.uploads, w.uploader().Handle}, {"notifier", w.outcomes, w.notifier().Handle}} {
			event := eventOf[events.SQSEvent](t, to.name)
			if len(to.queue.messages) != 1 || to.queue.messages[0].body != event.Records[0].Body {
				t.Fatalf("%s is sent %+v", to.name, to.queue.messages)
			}
			if answer, err := to.do(t.Context(), event); err != nil || len(answer.BatchItemFailures) != 0 {
				t.Errorf("%s: %+v, %v", to.name, answer, err)
			}
		}
		if b := w.booking(t, id); b.Status != bookings.Uploaded || b.Items != 80 || len(w.told.sent) != 1 {
			t.Errorf("%+v, told %q", b, w.told.sent)
		}
	}
}

// A delay that is no whole second is a second longer: a message must not come before its booking is due.
func TestSQSDelays(t *testing.T) {
	var asked struct {
		QueueUrl, MessageBody string //nolint:revive // SQS's name.
		DelaySeconds          int
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.DelaySeconds = 0
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		_, _ = w.Write([]byte(`{"MessageId":"m","MD5OfMessageBody":"99914b932bd37a50b983c5e7c90ae93b"}`))
	}))
	t.Cleanup(server.Close)
	queue := &bookings.SQS{URL: "https://sqs/uploads", Client: sqs.New(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""), HTTPClient: server.Client(),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	})}
	for delay, want := range map[time.Duration]int{0: 0, time.Millisecond: 1, 4 * time.Second: 4, 4001 * time.Millisecond: 5, bookings.MaxDelay: 900} {
		if err := queue.Send(t.Context(), "{}", delay); err != nil || asked.DelaySeconds != want || asked.QueueUrl != "https://sqs/uploads" {
			t.Errorf("%s: %+v, %v", delay, asked, err)
		}
	}
}
