package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

const (
	// perCall is the greatest number of messages in one call of SQS (SQS API
	// Reference, ReceiveMessage, SendMessageBatch, DeleteMessageBatch).
	perCall = 10
	// maxPayload keeps an event below the 6 MB of a synchronous call (Lambda
	// quotas), maxSend a batch below SQS's 1 MiB (SQS quotas, "Message size").
	// Both are in bytes.
	maxPayload = 5_000_000
	maxSend    = 1_000_000
	// emptyAfter is how long a receive waits: any wait asks all of SQS's servers,
	// so that what it finds empty is empty (SQS Developer Guide, "Amazon SQS short
	// and long polling").
	emptyAfter = time.Second
	// margin hides messages for longer than their function may take.
	margin = time.Minute
	// callTimeout bounds the calls that end a redrive.
	callTimeout = 30 * time.Second
	// brokenAfter is the number of single messages on which a function must have
	// failed, with no message succeeding, before it counts as broken.
	brokenAfter = 3
	// mostStale is how many receives in a row may bring nothing but messages that
	// this run has tried. Each hides them again, so that others come to light.
	mostStale = 100
)

// redriver tries the messages of one dead-letter queue again. Every message is
// deleted after it succeeded and not before; those that fail stay hidden until
// the end, so that none is tried twice, and are then shown again.
type redriver struct {
	*deployed
	route blueprint.RedriveRoute
	// url of the dead-letter queue; most is the greatest number of messages to
	// try, 0 for all.
	url      string
	most     int
	progress func(line string)

	seen              map[string]bool
	held              []types.Message
	succeeded, failed int
	stopped           bool
}

func newRedriver(d *deployed, route blueprint.RedriveRoute, most int, progress func(string)) *redriver {
	return &redriver{
		deployed: d, route: route, most: most, progress: progress,
		url: d.manifest.Parts[route.DeadLetters].Attributes["url"], seen: map[string]bool{},
	}
}

// finishing returns a context that an interrupt does not end: what was begun
// with messages is brought to an end within the limit.
func (r *redriver) finishing(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), limit)
}

// run tries all messages once, or as many as asked for.
func (r *redriver) run(ctx context.Context) (err error) {
	defer func() {
		r.progress("")
		closing, cancel := r.finishing(ctx, callTimeout)
		defer cancel()
		err = errors.Join(err, r.show(closing, r.held))
		r.stopped = r.stopped || err != nil
	}()
	for {
		if ctx.Err() != nil {
			r.stopped = true
			return errors.New("interrupted; the same command goes on")
		}
		batch, more, err := r.gather(ctx)
		if err == nil && len(batch) > 0 {
			err = r.try(ctx, batch)
		}
		if err != nil || !more {
			return err
		}
		r.progress(fmt.Sprintf("%s: %d done, %d failed again", r.route.DeadLetters, r.succeeded, r.failed))
	}
}

// gather receives a batch of messages that this run has not seen. more is false
// when there are none after it.
func (r *redriver) gather(ctx context.Context) (batch []types.Message, more bool, err error) {
	size := max(r.route.BatchSize, perCall)
	if r.most > 0 {
		size = min(size, r.most-len(r.seen))
	}
	for stale := 0; len(batch) < size && ctx.Err() == nil; {
		got, err := r.receive(ctx, min(perCall, size-len(batch)))
		if err != nil {
			return nil, false, errors.Join(fmt.Errorf("receive from %s: %w", r.route.DeadLetters, err), r.giveBack(ctx, batch))
		}
		fresh := 0
		for _, m := range got {
			if id := text(m.MessageId); r.seen[id] {
				// Its time hidden is over: it failed or could not be deleted.
				r.held = append(r.held, m)
			} else {
				r.seen[id] = true
				batch = append(batch, m)
				fresh++
			}
		}
		if stale++; fresh > 0 {
			stale = 0
		}
		if len(got) == 0 || stale == mostStale {
			return batch, false, nil
		}
	}
	return batch, r.most == 0 || len(r.seen) < r.most, nil
}

// receive takes up to n messages, hidden for as long as they may be at work.
func (r *redriver) receive(ctx context.Context, n int) ([]types.Message, error) {
	ctx, cancel := r.finishing(ctx, callTimeout)
	defer cancel()
	out, err := r.client.SQS.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &r.url, MaxNumberOfMessages: int32(n), WaitTimeSeconds: int32(emptyAfter / time.Second), //nolint:gosec // at most ten
		VisibilityTimeout:           int32((r.route.Timeout + margin) / time.Second), //nolint:gosec // at most 16 minutes
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		MessageAttributeNames:       []string{"All"},
	})
	if err != nil {
		return nil, err
	}
	return out.Messages, nil
}

// giveBack shows messages again that were not tried.
func (r *redriver) giveBack(ctx context.Context, batch []types.Message) error {
	ctx, cancel := r.finishing(ctx, callTimeout)
	defer cancel()
	return r.show(ctx, batch)
}

// try gives one batch to where it goes, in as many calls as its size needs.
func (r *redriver) try(ctx context.Context, batch []types.Message) error {
	// Bisecting a batch takes at most two calls a message.
	ctx, cancel := r.finishing(ctx, callTimeout+time.Duration(2*len(batch))*(r.route.Timeout+time.Second))
	defer cancel()
	attempt, count, bytes := r.consume, max(r.route.BatchSize, perCall), maxPayload
	switch r.route.Redrive {
	case blueprint.RedriveInvoke:
		count = 1
	case blueprint.RedriveResend:
		attempt, count, bytes = r.resend, perCall, maxSend
	}
	for len(batch) > 0 {
		n := fitting(batch, count, bytes)
		if err := attempt(ctx, batch[:n]); err != nil {
			r.stopped = true
			return errors.Join(err, r.show(ctx, batch))
		}
		batch = batch[n:]
	}
	return nil
}

// fitting is the number of messages, at least one, that go into one call.
func fitting(batch []types.Message, count, bytes int) int {
	used := 0
	for i, m := range batch[:min(count, len(batch))] {
		encoded, _ := json.Marshal(m) // Plain data.
		if used += len(encoded); used > bytes && i > 0 {
			return i
		}
	}
	return min(count, len(batch))
}

// errFunction is a call that the function did not survive.
type errFunction struct{ kind, answer string }

func (e *errFunction) Error() string { return "the function failed: " + e.kind + ": " + e.answer }

// consume calls the consumer with messages and deletes those that succeeded. A
// call that fails as a whole is halved, so that one message does not hold the
// others back.
func (r *redriver) consume(ctx context.Context, batch []types.Message) error {
	failed, err := r.call(ctx, batch)
	var broken *errFunction
	switch {
	case errors.As(err, &broken) && len(batch) > 1:
		half := len(batch) / 2
		if err := r.consume(ctx, batch[:half]); err != nil {
			return err
		}
		return r.consume(ctx, batch[half:])
	case errors.As(err, &broken):
		if r.succeeded == 0 && r.failed+1 >= brokenAfter {
			return fmt.Errorf("%s: %w", r.route.Function, broken)
		}
		failed = map[string]bool{text(batch[0].MessageId): true}
	case err != nil:
		return fmt.Errorf("call %s: %w", r.route.Function, err)
	}
	var done []types.Message
	for _, m := range batch {
		if failed[text(m.MessageId)] {
			r.held = append(r.held, m)
			r.failed++
		} else {
			done = append(done, m)
		}
	}
	return r.remove(ctx, done)
}

// call hands messages to the function in the form in which Lambda's own poller
// does, or the event of a single one, and returns the ids of those that failed.
func (r *redriver) call(ctx context.Context, batch []types.Message) (failed map[string]bool, err error) {
	var event []byte
	if r.route.Redrive == blueprint.RedriveInvoke {
		if event, err = failedEvent(batch[0]); err != nil {
			return map[string]bool{text(batch[0].MessageId): true}, nil //nolint:nilerr // this message stays, the others go on
		}
	} else if event, err = json.Marshal(r.event(batch)); err != nil {
		return nil, err
	}
	answer, err := r.client.Lambda.Invoke(ctx, &lambda.InvokeInput{
		FunctionName: aws.String(r.manifest.Parts[r.route.Function].Name), Qualifier: aws.String(blueprint.LiveAlias), Payload: event,
	})
	if err != nil {
		return nil, err
	}
	if answer.FunctionError != nil {
		return nil, &errFunction{*answer.FunctionError, string(answer.Payload)}
	}
	if !r.route.PartialBatch {
		return nil, nil
	}
	return failures(answer.Payload, batch), nil
}

// failedEvent is the event in what Lambda sends to the destination of failures
// (Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations",
// requestPayload).
func failedEvent(m types.Message) ([]byte, error) {
	var record struct {
		Event json.RawMessage `json:"requestPayload"`
	}
	if err := json.Unmarshal([]byte(text(m.Body)), &record); err != nil {
		return nil, fmt.Errorf("read the message: %w", err)
	}
	if record.Event == nil {
		return nil, errors.New("read the message: it holds no event")
	}
	return record.Event, nil
}

// event renders messages for the consumer of the source queue. They were
// received there MaxReceives times, which a count that began anew in the
// dead-letter queue leaves out.
func (r *redriver) event(batch []types.Message) events.SQSEvent {
	source := fmt.Sprintf("arn:%s:sqs:%s:%s:%s", r.client.Partition(), r.client.Region(), r.account, r.manifest.Parts[r.route.Source].Name)
	var out events.SQSEvent
	for _, m := range batch {
		attributes := map[string]string{}
		for name, value := range m.Attributes {
			attributes[name] = value
		}
		const received = string(types.MessageSystemAttributeNameApproximateReceiveCount)
		if n, err := strconv.Atoi(attributes[received]); err == nil {
			attributes[received] = strconv.Itoa(n + r.route.MaxReceives)
		}
		record := events.SQSMessage{
			MessageId: text(m.MessageId), ReceiptHandle: text(m.ReceiptHandle), Body: text(m.Body), Md5OfBody: text(m.MD5OfBody),
			Md5OfMessageAttributes: text(m.MD5OfMessageAttributes), Attributes: attributes, MessageAttributes: map[string]events.SQSMessageAttribute{},
			EventSource: "aws:sqs", EventSourceARN: source, AWSRegion: r.client.Region(),
		}
		for name, value := range m.MessageAttributes {
			record.MessageAttributes[name] = events.SQSMessageAttribute{StringValue: value.StringValue, BinaryValue: value.BinaryValue, DataType: text(value.DataType)}
		}
		out.Records = append(out.Records, record)
	}
	return out
}

// failures reads which messages failed as Lambda's poller does: an answer that
// is no list, or that names a message which is not in the batch, means all
// (Lambda Developer Guide, "Handling errors for an SQS event source in Lambda",
// "Success and failure conditions").
func failures(answer []byte, batch []types.Message) map[string]bool {
	all, failed := map[string]bool{}, map[string]bool{}
	for _, m := range batch {
		all[text(m.MessageId)] = true
	}
	var response events.SQSEventResponse
	if len(answer) > 0 && json.Unmarshal(answer, &response) != nil {
		return all
	}
	for _, f := range response.BatchItemFailures {
		if !all[f.ItemIdentifier] {
			return all
		}
		failed[f.ItemIdentifier] = true
	}
	return failed
}

// resend sends messages anew to the source queue and deletes those that it
// took.
func (r *redriver) resend(ctx context.Context, batch []types.Message) error {
	in := &sqs.SendMessageBatchInput{QueueUrl: aws.String(r.manifest.Parts[r.route.Source].Attributes["url"])}
	for i, m := range batch {
		in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: m.Body, MessageAttributes: m.MessageAttributes})
	}
	out, err := r.client.SQS.SendMessageBatch(ctx, in)
	if err != nil {
		return fmt.Errorf("send to %s: %w", r.route.Source, err)
	}
	refused := map[string]bool{}
	for _, f := range out.Failed {
		refused[text(f.Id)] = true
	}
	var done []types.Message
	for i, m := range batch {
		if refused[strconv.Itoa(i)] {
			r.held = append(r.held, m)
			r.failed++
		} else {
			done = append(done, m)
		}
	}
	return r.remove(ctx, done)
}

// remove deletes messages that succeeded.
func (r *redriver) remove(ctx context.Context, done []types.Message) error {
	for some := range slices.Chunk(done, perCall) {
		in := &sqs.DeleteMessageBatchInput{QueueUrl: &r.url}
		for i, m := range some {
			in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
		}
		out, err := r.client.SQS.DeleteMessageBatch(ctx, in)
		if err == nil && len(out.Failed) > 0 {
			err = fmt.Errorf("%d of %d messages: %s", len(out.Failed), len(some), text(out.Failed[0].Message))
		}
		if err != nil {
			return fmt.Errorf("delete from %s what has succeeded; run the command again, which changes nothing twice: %w", r.route.DeadLetters, err)
		}
		r.succeeded += len(some)
	}
	return nil
}

// show ends the time for which messages are hidden. One that is gone already is
// none to be shown.
func (r *redriver) show(ctx context.Context, messages []types.Message) error {
	for some := range slices.Chunk(messages, perCall) {
		in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &r.url}
		for i, m := range some {
			in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0})
		}
		if _, err := r.client.SQS.ChangeMessageVisibilityBatch(ctx, in); err != nil {
			return fmt.Errorf("show the messages of %s again, which otherwise come back by themselves within %s: %w", r.route.DeadLetters, r.route.Timeout+margin, err)
		}
	}
	return nil
}
