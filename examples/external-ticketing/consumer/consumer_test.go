package consumer_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/burstline/terraform-provider-serverless/examples/external-ticketing/consumer"
)

// line is a queue in memory: what is not deleted is there again.
type line struct {
	bodies  []string
	deleted []string
	back    []string
	fails   error
}

func (l *line) ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	out := &sqs.ReceiveMessageOutput{}
	for _, body := range l.bodies {
		if !slices.Contains(l.deleted, body) {
			out.Messages = append(out.Messages, types.Message{Body: &body, ReceiptHandle: &body, MessageId: aws.String("id")})
		}
	}
	return out, l.fails
}

func (l *line) DeleteMessage(_ context.Context, in *sqs.DeleteMessageInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error) {
	l.deleted = append(l.deleted, *in.ReceiptHandle)
	return &sqs.DeleteMessageOutput{}, nil
}

func (l *line) ChangeMessageVisibility(_ context.Context, in *sqs.ChangeMessageVisibilityInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error) {
	l.back = append(l.back, *in.ReceiptHandle)
	return &sqs.ChangeMessageVisibilityOutput{}, nil
}

func call(fan string) string { return `{"sale":"arena","fan":"` + fan + `","line":"queue","place":1}` }

// TestOnce: a fan who has a seat, or waits no longer, is taken from the queue; one
// whose seat or whose assignment failed comes again.
func TestOnce(t *testing.T) {
	var asked []map[string]any
	room := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "/eu-central-1/lambda/aws4_request") {
			t.Errorf("the request is not signed for Lambda: %v", r.Header)
		}
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		asked = append(asked, body)
		w.WriteHeader(map[string]int{"good": 200, "bought": 200, "gone": 409, "never": 404, "down": 503}[body["fan"].(string)])
	}))
	defer room.Close()
	queue := &line{bodies: []string{call("good"), call("gone"), call("down"), call("busy"), call("never"), "{}", "no JSON"}}
	until := time.Date(2027, 5, 22, 12, 0, 0, 0, time.UTC)
	c := &consumer.Consumer{
		Queue: queue, QueueURL: "line", ServiceURL: room.URL, Region: "eu-central-1", HTTP: room.Client(), Now: time.Now,
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Open: func(_ context.Context, c consumer.Call) (consumer.Seat, error) {
			if c.Fan == "busy" {
				return consumer.Seat{}, consumer.ErrBusy
			}
			return consumer.Seat{URL: "https://shop.example.com/seat/" + c.Fan, Until: until}, nil
		},
	}
	assigned, err := c.Once(t.Context())
	if err != nil || assigned != 1 {
		t.Errorf("%d were assigned: %v", assigned, err)
	}
	if want := []string{call("good"), call("gone"), call("never"), "{}", "no JSON"}; !slices.Equal(queue.deleted, want) {
		t.Errorf("deleted are %q, want %q", queue.deleted, want)
	}
	if want := []string{call("down"), call("busy")}; !slices.Equal(queue.back, want) {
		t.Errorf("given back are %q, want %q", queue.back, want)
	}
	if len(asked) != 4 || asked[0]["do"] != "assign" || asked[0]["purchase_url"] != "https://shop.example.com/seat/good" || asked[0]["until"] != float64(until.UnixMilli()) {
		t.Errorf("the room was asked %v", asked)
	}
	if err := c.Bought(t.Context(), "arena", "bought"); err != nil {
		t.Error(err)
	}
	if err := c.Bought(t.Context(), "arena", "gone"); err == nil || !strings.Contains(err.Error(), "409") {
		t.Errorf("the release of one who has no window gives %v", err)
	}
}

// TestRun ends with its context, though SQS fails.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("closing time")
	failed := make(chan struct{}, 1)
	c := &consumer.Consumer{Queue: &line{fails: errors.New("SQS is down")}, Now: time.Now, Log: slog.New(slog.NewTextHandler(told{failed}, nil))}
	go func() {
		<-failed
		cancel(over)
	}()
	if err := c.Run(ctx); !errors.Is(err, over) {
		t.Errorf("Run ends with %v", err)
	}
}

// told says when something was written.
type told struct{ c chan struct{} }

func (t told) Write(p []byte) (int, error) {
	select {
	case t.c <- struct{}{}:
	default:
	}
	return len(p), nil
}
