package operator

import (
	"context"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/kinds"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

const redriveLine = "redrive voting_window tv-final dead-letters"

// send puts messages on a queue and returns their ids.
func (n *night) send(t *testing.T, key string, bodies ...string) []string {
	t.Helper()
	var ids []string
	for _, body := range bodies {
		out, err := n.client.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{
			QueueUrl: aws.String(n.url(key)), MessageBody: &body,
			MessageAttributes: map[string]types.MessageAttributeValue{"from": {DataType: aws.String("String"), StringValue: aws.String("test")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, *out.MessageId)
	}
	return ids
}

// visible is the number of messages of a queue that can be received.
func (n *night) visible(t *testing.T, key string) int {
	t.Helper()
	depth, err := depthOf(t.Context(), n.client.SQS, n.url(key))
	if err != nil {
		t.Fatal(err)
	}
	return depth.Visible
}

// ballots are the messages that became ballots, each of a voter of its own.
func (n *night) ballots(t *testing.T) map[string]bool {
	t.Helper()
	out, err := n.client.DynamoDB.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(n.partName("ballots")), ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	votes := map[string]bool{}
	for _, item := range out.Items {
		message, ok := item["m"].(*dynamodbtypes.AttributeValueMemberB) // A UUID as its bytes.
		if !ok || len(message.Value) != 16 {
			t.Fatalf("the ballot %v has no message", item)
		}
		id := message.Value
		text := fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
		if votes[text] {
			t.Fatalf("the ballot %v has another's message", item)
		}
		votes[text] = true
	}
	return votes
}

// Votes that were cast before the window closed, and redriven after, count: by
// their own ids and times.
func TestRedriveVotesKeepTheirTimes(t *testing.T) {
	n := deployNight(t, map[string]any{"opens_at": time.Now().Add(-time.Hour).Format(time.RFC3339)})
	want := map[string]bool{}
	for i := range 12 {
		want[n.send(t, "dead-letters", fmt.Sprintf(`{"voter":"%08d","answer":"anna"}`, i))[0]] = true
	}
	n.arguments["closes_at"] = time.Now().Add(time.Millisecond).Format(time.RFC3339Nano)
	n.apply(t, false)

	dry := fromJSON[redriven](t, run(t, redriveLine+" --dry-run --output json"))
	if diff := cmp.Diff(redriven{System: "voting_window", Name: "tv-final", Queue: "dead-letters", Redrive: "consume", To: "recorder", DryRun: true, Left: 12}, dry); diff != "" {
		t.Errorf("dry run: want -, have +:\n%s", diff)
	}
	first := fromJSON[redriven](t, run(t, redriveLine+" --max 5 --output json"))
	if first.Redriven != 5 || first.Left != 7 || first.Stopped {
		t.Errorf("of --max 5 it says %+v", first)
	}
	rest := run(t, redriveLine)
	if rest.code != 0 || rest.out != "7 messages of dead-letters went to the function recorder; 0 failed again; about 0 are left\n" {
		t.Errorf("the rest: %+v", rest)
	}
	if diff := cmp.Diff(want, n.ballots(t)); diff != "" {
		t.Errorf("ballots: want -, have +:\n%s", diff)
	}
	again := run(t, redriveLine)
	if again.code != 0 || again.out != "0 messages of dead-letters went to the function recorder; 0 failed again; about 0 are left\n" {
		t.Errorf("of an empty queue it says %+v", again)
	}
}

// answers are what stands in for a function: its answer, and whether it failed
// as a whole.
type answers func(event events.SQSEvent) (payload string, failed bool)

// standIn answers the calls of one account's functions.
type standIn struct {
	account string

	mu      sync.Mutex
	answers answers
	events  []events.SQSEvent
}

// standing answers the calls of the shared system's functions in a test, and
// leaves the dead-letter queue empty for it.
func standing(t *testing.T, a answers) (*night, *standIn) {
	t.Helper()
	n, s := shared(t)
	n.drain(t, "dead-letters")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers, s.events = a, nil
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.answers = nil
	})
	return n, s
}

func (s *standIn) Before(_ context.Context, c *localaws.Call, r *http.Request) *localaws.Answer {
	s.mu.Lock()
	answers := s.answers
	s.mu.Unlock()
	if c.Service != "lambda" || c.Operation != "Invoke" || c.AccessKey != s.account || answers == nil {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	var event events.SQSEvent
	if err == nil {
		err = json.Unmarshal(body, &event)
	}
	if err != nil {
		return &localaws.Answer{Status: http.StatusBadRequest, Body: []byte(err.Error())}
	}
	s.mu.Lock()
	s.events = append(s.events, event)
	s.mu.Unlock()
	payload, failed := answers(event)
	header := http.Header{"Content-Type": {"application/json"}}
	if failed {
		header.Set("X-Amz-Function-Error", "Unhandled")
	}
	return &localaws.Answer{Status: http.StatusOK, Header: header, Body: []byte(payload)}
}

func (*standIn) After(*localaws.Call, *http.Response) {}

// What a function answers decides which messages are gone, as it does for
// Lambda's own poller.
func TestRedriveByAnswer(t *testing.T) {
	failing := func(bodies ...string) answers {
		return func(e events.SQSEvent) (string, bool) {
			response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
			for _, r := range e.Records {
				if slices.Contains(bodies, r.Body) {
					response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: r.MessageId})
				}
			}
			out, err := json.Marshal(response)
			if err != nil {
				panic(err) // plain data
			}
			return string(out), false
		}
	}
	always := func(payload string, failed bool) answers {
		return func(events.SQSEvent) (string, bool) { return payload, failed }
	}
	for name, c := range map[string]struct {
		answer answers
		code   int
		left   []string
		calls  int
		says   string
	}{
		"all succeed":         {answer: failing(), calls: 1},
		"null":                {answer: always("null", false), calls: 1},
		"no list":             {answer: always("{}", false), calls: 1},
		"two fail":            {answer: failing("b", "d"), code: 3, left: []string{"b", "d"}, calls: 1},
		"unknown id":          {answer: always(`{"batchItemFailures":[{"itemIdentifier":"x"}]}`, false), code: 3, left: []string{"a", "b", "c", "d"}, calls: 1},
		"empty id":            {answer: always(`{"batchItemFailures":[{"itemIdentifier":""}]}`, false), code: 3, left: []string{"a", "b", "c", "d"}, calls: 1},
		"another key":         {answer: always(`{"batchItemFailures":[{"id":"x"}]}`, false), code: 3, left: []string{"a", "b", "c", "d"}, calls: 1},
		"no JSON":             {answer: always(`oops`, false), code: 3, left: []string{"a", "b", "c", "d"}, calls: 1},
		"the function broken": {answer: always(`{"errorMessage":"no table"}`, true), code: 1, left: []string{"a", "b", "c", "d"}, calls: 6, says: `Error: recorder: the function failed: Unhandled: {"errorMessage":"no table"}`},
		"one message kills it": {
			answer: func(e events.SQSEvent) (string, bool) {
				return "{}", slices.ContainsFunc(e.Records, func(r events.SQSMessage) bool { return r.Body == "c" })
			},
			code: 3, left: []string{"c"}, calls: 5,
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, s := standing(t, c.answer)
			n.send(t, "dead-letters", "a", "b", "c", "d")
			got := run(t, redriveLine)
			if got.code != c.code || !strings.Contains(got.errs, c.says) || c.says == "" && got.errs != "" {
				t.Errorf("exit code %d, errors %q; want %d, %q", got.code, got.errs, c.code, c.says)
			}
			if len(s.events) != c.calls {
				t.Errorf("%d calls, should be %d", len(s.events), c.calls)
			}
			if left := n.drain(t, "dead-letters"); !slices.Equal(left, c.left) {
				t.Errorf("%q are left, should be %q", left, c.left)
			}
		})
	}
}

// drain receives and deletes all that can be received, and returns the bodies
// in order.
func (n *night) drain(t *testing.T, key string) []string {
	t.Helper()
	var bodies []string
	for {
		out, err := n.client.SQS.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(n.url(key)), MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			slices.Sort(bodies)
			return bodies
		}
		for _, m := range out.Messages {
			bodies = append(bodies, *m.Body)
			if _, err := n.client.SQS.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: aws.String(n.url(key)), ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The function sees a message as its own queue would deliver it.
func TestRedriveEvent(t *testing.T) {
	n, s := standing(t, func(events.SQSEvent) (string, bool) { return "", false })
	before := time.Now().Add(-time.Second).UnixMilli()
	id := n.send(t, "dead-letters", "a vote")[0]
	if got := run(t, redriveLine); got.code != 0 || len(s.events) != 1 || len(s.events[0].Records) != 1 {
		t.Fatalf("%+v; events %+v", got, s.events)
	}
	r := s.events[0].Records[0]
	have := []string{r.MessageId, r.Body, r.EventSource, r.EventSourceARN, r.AWSRegion, r.Md5OfBody, r.Attributes["ApproximateReceiveCount"], *r.MessageAttributes["from"].StringValue, r.MessageAttributes["from"].DataType}
	want := []string{id, "a vote", "aws:sqs", "arn:aws:sqs:eu-central-1:" + n.account + ":tv-final-vote-votes-euc1", "eu-central-1", fmt.Sprintf("%x", md5.Sum([]byte("a vote"))), "6", "test", "String"}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	sent, err := strconv.ParseInt(r.Attributes["SentTimestamp"], 10, 64)
	if err != nil || sent < before || sent > time.Now().Add(time.Second).UnixMilli() {
		t.Errorf("the sent time is %q", r.Attributes["SentTimestamp"])
	}
}

// An interrupt lets the batch at hand come to its end and leaves the rest; the
// same command goes on.
func TestRedriveInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	n, _ := standing(t, func(events.SQSEvent) (string, bool) {
		interrupt()
		return "{}", false
	})
	var bodies []string
	for i := range 130 {
		bodies = append(bodies, strconv.Itoa(i))
	}
	n.send(t, "dead-letters", bodies...)
	got := commandIn(ctx, redriveLine+" --output json")
	have := fromJSON[redriven](t, got)
	if have.Redriven != 100 || have.Left != 30 || !have.Stopped || got.code != 1 || !strings.Contains(got.errs, "interrupted; the same command goes on") {
		t.Errorf("interrupted: %d %+v %q", got.code, have, got.errs)
	}
	if left := n.visible(t, "dead-letters"); left != 30 {
		t.Errorf("%d messages can be received, should be 30", left)
	}
	if have = fromJSON[redriven](t, run(t, redriveLine+" --output json")); have.Redriven != 30 || have.Left != 0 || have.Stopped {
		t.Errorf("the same command again: %+v", have)
	}
}

// What cannot be deleted is told, and comes again.
func TestRedriveCannotDelete(t *testing.T) {
	n, _ := standing(t, func(events.SQSEvent) (string, bool) { return "{}", false })
	n.send(t, "dead-letters", "a", "b")
	var over atomic.Bool
	if _, err := local.Gate().Faults().Add(localaws.Fault{
		Service: "sqs", Operation: "DeleteMessageBatch", Kind: localaws.FaultError, Code: "AccessDeniedException", Status: 403,
		Match: func(c localaws.Call) bool { return c.AccessKey == n.account && !over.Load() },
	}); err != nil {
		t.Fatal(err)
	}
	got := run(t, redriveLine)
	over.Store(true)
	if got.code != 1 || !strings.Contains(got.errs, "delete from dead-letters what has succeeded; run the command again, which changes nothing twice") {
		t.Errorf("%+v", got)
	}
	if left := n.drain(t, "dead-letters"); !slices.Equal(left, []string{"a", "b"}) {
		t.Errorf("%q are left, should be a and b", left)
	}
}

// Messages that may be sent anew go to their queue, with their attributes.
func TestResend(t *testing.T) {
	n, _ := standing(t, nil)
	old := n.send(t, "dead-letters", "a", "b", "c")
	other, err := n.client.SQS.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("orders")})
	if err != nil {
		t.Fatal(err)
	}
	// A queue that no function consumes, so that the messages can be looked at.
	d := *n.deployed
	m := *n.manifest
	d.manifest, m.Parts = &m, maps.Clone(m.Parts)
	m.Parts["orders"] = deploy.Record{Attributes: kinds.Attributes{"url": *other.QueueUrl}}
	route := blueprint.RedriveRoute{Redrive: blueprint.RedriveResend, DeadLetters: "dead-letters", Source: "orders", MaxReceives: 5}
	r := newRedriver(&d, route, 2, func(string) {})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.succeeded != 2 || r.failed != 0 || n.visible(t, "dead-letters") != 1 {
		t.Errorf("%d of 2 were sent, %d failed, %d are left", r.succeeded, r.failed, n.visible(t, "dead-letters"))
	}
	got, err := n.client.SQS.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: other.QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Messages) != 2 {
		t.Fatalf("%d messages arrived, should be 2", len(got.Messages))
	}
	for _, m := range got.Messages {
		if slices.Contains(old, *m.MessageId) || aws.ToString(m.MessageAttributes["from"].StringValue) != "test" {
			t.Errorf("message %s %q has the attributes %v", *m.MessageId, *m.Body, m.MessageAttributes)
		}
	}
}

func TestFitting(t *testing.T) {
	batch := []types.Message{{Body: aws.String(strings.Repeat("x", 600))}, {Body: aws.String(strings.Repeat("x", 600))}, {Body: aws.String("x")}}
	one, err := json.Marshal(batch[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ count, bytes, want int }{{10, 100_000, 3}, {2, 100_000, 2}, {10, 2 * len(one), 2}, {10, 2*len(one) - 1, 1}, {10, 1, 1}} {
		if got := fitting(batch, c.count, c.bytes); got != c.want {
			t.Errorf("of at most %d messages and %d bytes %d fit, should be %d", c.count, c.bytes, got, c.want)
		}
	}
}

func TestRedriveUsage(t *testing.T) {
	shared(t)
	for line, says := range map[string]string{
		"redrive voting_window tv-final":                         "Error: QUEUE is missing; see terraform-provider-serverless redrive --help\n",
		"redrive voting_window tv-final votes":                   "Error: QUEUE: \"votes\" is no dead-letter queue; its dead letters are in dead-letters\n",
		"redrive voting_window tv-final dead":                    "Error: QUEUE: there is no dead-letter queue \"dead\"; there are [dead-letters]\n",
		"redrive voting_window tv-final dead-letters --max -1":   "Error: --max: -1 is negative; give a number of messages, or 0 for all\n",
		"redrive voting_window tv-final dead-letters --max ten":  "Error: invalid argument \"ten\" for \"--max\" flag: ",
		"redrive voting_window tv-final dead-letters more":       "Error: \"more\" is one argument too many: redrive takes SYSTEM NAME QUEUE\n",
		"redrive voting_window tv-final dead-letters --output x": "Error: --output: there is no form \"x\"; give text or json\n",
	} {
		if got := run(t, line); got.code != 2 || !strings.HasPrefix(got.errs, says) || got.out != "" {
			t.Errorf("%s: %+v; want exit code 2 and %q", line, got, says)
		}
	}
}
