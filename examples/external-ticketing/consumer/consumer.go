// Package consumer is how a ticketing service takes fans from a waiting room with
// assigner = "external": a reference to copy from, and to run as it is.
//
// The room puts each called fan on a queue, in their order, at least once. The
// service makes a place in its shop for the fan and tells the room the address;
// from then on the fan's page leads there. A message is deleted only after that,
// so whatever crashes, nobody who was called is forgotten.
package consumer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Call is a message of the queue: the fan whose turn it is. Place counts from 1
// within its line, which is draw or queue.
type Call struct {
	Sale  string `json:"sale"`
	Fan   string `json:"fan"`
	Line  string `json:"line"`
	Place int64  `json:"place"`
}

// Seat is what the shop has for a fan: its address, by https, and until when it is
// kept. A zero Until leaves that to the room's claim_ttl_seconds.
type Seat struct {
	URL   string
	Until time.Time
}

// ErrBusy is what a shop returns that has no seat at the moment: the fan is asked
// for again.
var ErrBusy = errors.New("the shop has no seat at the moment")

// Queue is what is used of SQS.
type Queue interface {
	ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, options ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessage(ctx context.Context, in *sqs.DeleteMessageInput, options ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
	ChangeMessageVisibility(ctx context.Context, in *sqs.ChangeMessageVisibilityInput, options ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error)
}

// Consumer takes fans from the queue, as fast as the shop makes seats. Any number
// may run at the same time.
type Consumer struct {
	Queue Queue
	// QueueURL and ServiceURL are the outputs line_queue_url and service_url.
	QueueURL, ServiceURL string
	Region               string
	Credentials          aws.CredentialsProvider
	HTTP                 *http.Client
	// Open makes a seat for a fan. It is called again for the same fan where
	// something failed in between, and should then return the same seat.
	Open func(ctx context.Context, c Call) (Seat, error)
	Now  func() time.Time
	Log  *slog.Logger
}

const (
	// received is the most messages of one receive, and wait the longest that it
	// waits for one (SQS API Reference, ReceiveMessage).
	received = 10
	wait     = 20
	// again is when a fan whose seat failed is asked for again, in seconds. It is
	// short: the window that the fan was called for runs out after the room's
	// claim_ttl_seconds.
	again = 2
	// answerBytes bounds what is read of an answer.
	answerBytes = 4096
)

// Run takes fans until the context ends, and returns its cause. While SQS cannot
// be asked it waits, longer each time up to a minute.
func (c *Consumer) Run(ctx context.Context) error {
	pause := time.Second
	for ctx.Err() == nil {
		_, err := c.Once(ctx)
		if err == nil {
			pause = time.Second
			continue
		}
		c.Log.ErrorContext(ctx, "receive", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Minute)
	}
	return context.Cause(ctx)
}

// Once receives once and serves what came, in its order. It returns how many fans
// were assigned a seat.
func (c *Consumer) Once(ctx context.Context) (assigned int, err error) {
	out, err := c.Queue.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &c.QueueURL, MaxNumberOfMessages: received, WaitTimeSeconds: wait})
	if err != nil {
		return 0, fmt.Errorf("receive: %w", err)
	}
	for _, m := range out.Messages {
		done, err := c.serve(ctx, aws.ToString(m.Body))
		if err != nil {
			c.Log.ErrorContext(ctx, "assign", "message", aws.ToString(m.MessageId), "error", err)
			c.later(ctx, m)
			continue
		}
		if done {
			assigned++
		}
		if _, err := c.Queue.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &c.QueueURL, ReceiptHandle: m.ReceiptHandle}); err != nil {
			// It comes again, and the room answers that it is done.
			c.Log.ErrorContext(ctx, "delete", "message", aws.ToString(m.MessageId), "error", err)
		}
	}
	return assigned, nil
}

// later has SQS deliver a message again soon.
func (c *Consumer) later(ctx context.Context, m types.Message) {
	if _, err := c.Queue.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &c.QueueURL, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: again}); err != nil {
		c.Log.ErrorContext(ctx, "give back", "message", aws.ToString(m.MessageId), "error", err)
	}
}

// serve opens a seat for one fan and assigns it. It is not done where the room says
// that the fan waits no longer; then nothing is left to do either.
func (c *Consumer) serve(ctx context.Context, body string) (done bool, err error) {
	call, ok := read(body)
	if !ok {
		// Nothing that is sent again would make sense of it.
		c.Log.ErrorContext(ctx, "the message is no fan", "body", body)
		return false, nil
	}
	seat, err := c.Open(ctx, call)
	if err != nil {
		return false, fmt.Errorf("open a seat for %s: %w", call.Fan, err)
	}
	request := map[string]any{"do": "assign", "sale": call.Sale, "fan": call.Fan, "purchase_url": seat.URL}
	if !seat.Until.IsZero() {
		request["until"] = seat.Until.UnixMilli()
	}
	switch status, answer, err := c.Ask(ctx, request); {
	case err != nil:
		return false, err
	case status == http.StatusOK:
		return true, nil
	case status == http.StatusConflict || status == http.StatusNotFound:
		c.Log.InfoContext(ctx, "the fan waits no longer", "fan", call.Fan, "answer", answer)
		return false, nil
	default:
		return false, fmt.Errorf("assign %s: %d %s", call.Fan, status, answer)
	}
}

// read decodes a message.
func read(body string) (call Call, ok bool) {
	err := json.Unmarshal([]byte(body), &call)
	return call, err == nil && call.Fan != "" && call.Sale != ""
}

// Bought tells the room that a fan has bought, which frees the window. It may be
// said twice.
func (c *Consumer) Bought(ctx context.Context, sale, fan string) error {
	status, answer, err := c.Ask(ctx, map[string]any{"do": "release", "sale": sale, "fan": fan})
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("release %s: %d %s", fan, status, answer)
	}
	return err
}

// Ask sends a request to the room's service_url, signed by IAM: the caller needs
// lambda:InvokeFunctionUrl on the live alias of the function service.
func (c *Consumer) Ask(ctx context.Context, request map[string]any) (status int, answer string, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return 0, "", fmt.Errorf("encode: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.ServiceURL, bytes.NewReader(body))
	if err != nil {
		return 0, "", fmt.Errorf("service_url: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	given, err := c.Credentials.Retrieve(ctx)
	if err != nil {
		return 0, "", fmt.Errorf("credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, given, r, hex.EncodeToString(sum[:]), "lambda", c.Region, c.Now()); err != nil {
		return 0, "", fmt.Errorf("sign: %w", err)
	}
	resp, err := c.HTTP.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close() //nolint:errcheck // Nothing was written.
	text, err := io.ReadAll(io.LimitReader(resp.Body, answerBytes))
	if err != nil {
		return resp.StatusCode, "", fmt.Errorf("read the answer: %w", err)
	}
	return resp.StatusCode, string(text), nil
}
