package localaws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// mapped is what the tests of mappings work with: a queue that the function sends its events to, and the function.
type mapped struct {
	*testing.T
	cfg       aws.Config
	queues    *sqs.Client
	functions *lambda.Client
	events    string // the queue's URL
}

// reader is the policy of a function that may poll everything and send to where discarded batches are told of.
const reader = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":[
	"sqs:ReceiveMessage","sqs:DeleteMessage","sqs:GetQueueAttributes","sqs:SendMessage",
	"kinesis:GetRecords","kinesis:GetShardIterator","kinesis:DescribeStream","kinesis:ListShards",
	"dynamodb:GetRecords","dynamodb:GetShardIterator","dynamodb:DescribeStream"]}]}`

// deployMapped makes the queue "allowed" and the function "relay", which fails with an event that has "poison" in it.
func deployMapped(t *testing.T, policy string) mapped {
	t.Helper()
	cfg, _ := fresh(t)
	m := mapped{T: t, cfg: cfg, queues: sqs.NewFromConfig(cfg), functions: lambda.NewFromConfig(cfg)}
	m.events = m.queue("allowed", nil)
	deployRelay(t, cfg, relayBundle(t), "relay", m.events)
	if policy != "" {
		m.permit(policy)
	}
	must[*lambda.UpdateFunctionConfigurationOutput](t)(m.functions.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("relay"), Environment: &types.Environment{Variables: map[string]string{"QUEUE_URL": m.events, "AWS_SDK_UA_APP_ID": "relay", "POISON": "poison"}},
	}))
	if err := lambda.NewFunctionUpdatedV2Waiter(m.functions).Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("relay")}, time.Minute); err != nil {
		t.Fatal(err)
	}
	return m
}

// permit gives the function's role a policy.
func (m mapped) permit(policy string) {
	m.Helper()
	must[*iam.PutRolePolicyOutput](m.T)(iam.NewFromConfig(m.cfg).PutRolePolicy(m.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String("relay"), PolicyName: aws.String("polls"), PolicyDocument: &policy,
	}))
}

func (m mapped) queue(name string, attributes map[string]string) string {
	m.Helper()
	return aws.ToString(must[*sqs.CreateQueueOutput](m.T)(m.queues.CreateQueue(m.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})).QueueUrl)
}

func arnOfQueue(name string) *string {
	return aws.String("arn:aws:sqs:" + testRegion + ":000000000000:" + name)
}

// create makes a mapping of the function, and checks that AWS's states are passed through.
func (m mapped) create(in *lambda.CreateEventSourceMappingInput) string {
	m.Helper()
	in.FunctionName = aws.String("relay")
	out := must[*lambda.CreateEventSourceMappingOutput](m.T)(m.functions.CreateEventSourceMapping(m.Context(), in))
	if state := aws.ToString(out.State); state != "Creating" {
		m.Errorf("a new mapping is %s", state)
	}
	m.stays(*out.UUID, "Enabled")
	return *out.UUID
}

// stays waits until the mapping has the state.
func (m mapped) stays(id, state string) *lambda.GetEventSourceMappingOutput {
	m.Helper()
	var have *lambda.GetEventSourceMappingOutput
	m.until("the mapping is "+state, func() bool {
		have = must[*lambda.GetEventSourceMappingOutput](m.T)(m.functions.GetEventSourceMapping(m.Context(), &lambda.GetEventSourceMappingInput{UUID: &id}))
		return aws.ToString(have.State) == state
	})
	return have
}

// until asks until something is so.
func (m mapped) until(what string, so func() bool) {
	m.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-deadline:
			m.Fatalf("waiting until %s", what)
		case <-tick.C:
		}
	}
}

// depth is what the queue holds: visible, in flight.
func (m mapped) depth(url string) [2]string {
	m.Helper()
	out := must[*sqs.GetQueueAttributesOutput](m.T)(m.queues.GetQueueAttributes(m.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{"All"}}))
	return [2]string{out.Attributes["ApproximateNumberOfMessages"], out.Attributes["ApproximateNumberOfMessagesNotVisible"]}
}

// send sends messages, ten at a time.
func (m mapped) send(url string, bodies ...string) {
	m.Helper()
	for ten := range slices.Chunk(bodies, 10) {
		in := &sqs.SendMessageBatchInput{QueueUrl: &url}
		for i, body := range ten {
			in.Entries = append(in.Entries, sqstypes.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: &body})
		}
		must[*sqs.SendMessageBatchOutput](m.T)(m.queues.SendMessageBatch(m.Context(), in))
	}
}

// take takes the next message of a queue.
func (m mapped) take(url string) string {
	m.Helper()
	ctx, cancel := context.WithTimeout(m.Context(), 30*time.Second)
	defer cancel()
	for {
		out := must[*sqs.ReceiveMessageOutput](m.T)(m.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 20}))
		if len(out.Messages) > 0 {
			must[*sqs.DeleteMessageOutput](m.T)(m.queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: out.Messages[0].ReceiptHandle}))
			return aws.ToString(out.Messages[0].Body)
		}
	}
}

// batch is the event that the function was given next: the messages' bodies, or the records' keys.
func (m mapped) batch() []string {
	m.Helper()
	var event struct {
		Records []struct {
			Body           string `json:"body"`
			EventSourceARN string `json:"eventSourceARN"`
			Kinesis        struct {
				PartitionKey string `json:"partitionKey"`
			} `json:"kinesis"`
			DynamoDB struct {
				Keys map[string]map[string]string `json:"Keys"`
			} `json:"dynamodb"`
		}
	}
	text := m.take(m.events)
	m.Logf("the function was given %s", text)
	if err := json.Unmarshal([]byte(text), &event); err != nil {
		m.Fatal(err)
	}
	var batch []string
	for _, r := range event.Records {
		if r.EventSourceARN == "" {
			m.Errorf("a record without its source: %+v", r)
		}
		batch = append(batch, r.Body+r.Kinesis.PartitionKey+r.DynamoDB.Keys["voter"]["S"])
	}
	return batch
}

// calls are those of mappings since the mark.
func (m mapped) calls(mark Mark, service, operation string) Figures {
	return local.Gate().Meter().Since(mark).Sum(Key{Service: service, Operation: operation, Caller: MappingCaller})
}

func TestQueueMappingBatchesAboveTen(t *testing.T) {
	m := deployMapped(t, reader)
	votes := m.queue("votes", map[string]string{"VisibilityTimeout": "30"})
	mark := local.Gate().Meter().Mark()
	id := m.create(&lambda.CreateEventSourceMappingInput{EventSourceArn: arnOfQueue("votes"), BatchSize: aws.Int32(100), MaximumBatchingWindowInSeconds: aws.Int32(1)})
	var sent []string
	for i := range 200 {
		sent = append(sent, fmt.Sprintf("vote %03d", i))
	}
	m.send(votes, sent...)
	var got []string
	batches := 0
	for ; len(got) < len(sent); batches++ {
		got = append(got, m.batch()...)
	}
	if slices.Sort(got); !slices.Equal(got, sent) {
		t.Errorf("the function was given %d messages, not the 200 sent: %v", len(got), got)
	}
	if batches > 15 {
		t.Errorf("%d batches for 200 messages, want batches well above ten", batches)
	}
	m.until("the queue is empty", func() bool { return m.depth(votes) == [2]string{"0", "0"} })
	if receives := m.calls(mark, "sqs", "ReceiveMessage"); receives.Calls < 20 || receives.Errors != 0 {
		t.Errorf("the meter has %+v receives, want 20 or more", receives)
	}
	if deletes := m.calls(mark, "sqs", "DeleteMessageBatch"); deletes.Calls < 20 || deletes.Calls > 40 || deletes.Errors != 0 {
		t.Errorf("the meter has %+v deletes, want 20 or somewhat more", deletes)
	}
	if invokes := m.calls(mark, "lambda", "Invoke"); invokes.Calls != int64(batches) || invokes.Errors != 0 {
		t.Errorf("the meter has %+v invocations, want %d", invokes, batches)
	}
	if result := aws.ToString(m.stays(id, "Enabled").LastProcessingResult); result != "OK" {
		t.Errorf("the last result is %q", result)
	}
}

func TestQueueMappingLifecycle(t *testing.T) {
	m := deployMapped(t, reader)
	votes := m.queue("votes", nil)
	id := m.create(&lambda.CreateEventSourceMappingInput{EventSourceArn: arnOfQueue("votes"), ScalingConfig: &types.ScalingConfig{MaximumConcurrency: aws.Int32(2)}})
	update := func(in *lambda.UpdateEventSourceMappingInput) string {
		t.Helper()
		in.UUID = &id
		return aws.ToString(must[*lambda.UpdateEventSourceMappingOutput](t)(m.functions.UpdateEventSourceMapping(t.Context(), in)).State)
	}
	m.send(votes, "one")
	if batch := m.batch(); !slices.Equal(batch, []string{"one"}) {
		t.Errorf("the first batch is %q", batch)
	}
	if state := update(&lambda.UpdateEventSourceMappingInput{Enabled: aws.Bool(false)}); state != "Disabling" {
		t.Errorf("the mapping is %s", state)
	}
	m.stays(id, "Disabled")
	// Nobody polls any more: the message can be had by another, at once.
	m.send(votes, "two")
	if body := m.take(votes); body != "two" {
		t.Errorf("took %q", body)
	}
	if state := update(&lambda.UpdateEventSourceMappingInput{Enabled: aws.Bool(true)}); state != "Enabling" {
		t.Errorf("the mapping is %s", state)
	}
	m.stays(id, "Enabled")
	filter := &types.FilterCriteria{Filters: []types.Filter{{Pattern: aws.String(`{"body":["four"]}`)}}}
	if state := update(&lambda.UpdateEventSourceMappingInput{FilterCriteria: filter, ScalingConfig: &types.ScalingConfig{}}); state != "Updating" {
		t.Errorf("the mapping is %s", state)
	}
	if have := m.stays(id, "Enabled"); have.ScalingConfig != nil || have.FilterCriteria == nil {
		t.Errorf("the mapping has scaling %+v, filters %+v", have.ScalingConfig, have.FilterCriteria)
	}
	m.send(votes, "three", "four")
	if batch := m.batch(); !slices.Equal(batch, []string{"four"}) {
		t.Errorf("the batch is %q", batch)
	}
	m.until("what the filter dropped is deleted", func() bool { return m.depth(votes) == [2]string{"0", "0"} })

	// What the function fails with stays in the queue.
	update(&lambda.UpdateEventSourceMappingInput{FilterCriteria: &types.FilterCriteria{}})
	m.stays(id, "Enabled")
	m.send(votes, "poison")
	m.until("the failure shows", func() bool {
		return aws.ToString(m.stays(id, "Enabled").LastProcessingResult) == "PROBLEM: Function call failed"
	})
	if depth := m.depth(votes); depth[1] != "1" {
		t.Errorf("the queue has %v, want one in flight", depth)
	}

	out := must[*lambda.DeleteEventSourceMappingOutput](t)(m.functions.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: &id}))
	if state := aws.ToString(out.State); state != "Deleting" {
		t.Errorf("the mapping is %s", state)
	}
	var missing *types.ResourceNotFoundException
	if _, err := m.functions.GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: &id}); !errors.As(err, &missing) {
		t.Errorf("the mapping is there, or %v", err)
	}
	m.send(votes, "five")
	if body := m.take(votes); body != "five" {
		t.Errorf("took %q", body)
	}
}

func TestMappingRefusals(t *testing.T) {
	const mayNot = "The provided execution role does not have permissions to call "
	m := deployMapped(t, "")
	m.queue("votes", map[string]string{"VisibilityTimeout": "20"})
	m.queue("short", map[string]string{"VisibilityTimeout": "19"})
	m.queue("votes.fifo", map[string]string{"FifoQueue": "true"})
	must[*kinesis.CreateStreamOutput](t)(kinesis.NewFromConfig(m.cfg).CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("votes"), ShardCount: aws.Int32(1)}))
	stream := aws.String("arn:aws:kinesis:" + testRegion + ":000000000000:stream/votes")
	create := func(in *lambda.CreateEventSourceMappingInput) string {
		in.FunctionName = aws.String("relay")
		_, err := m.functions.CreateEventSourceMapping(t.Context(), in)
		var refused smithy.APIError
		if !errors.As(err, &refused) || refused.ErrorCode() != "InvalidParameterValueException" {
			t.Fatalf("creating %+v gave %v", in, err)
		}
		return refused.ErrorMessage()
	}
	polls := func(actions ...string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":["` + strings.Join(actions, `","`) + `"]}]}`
	}
	for _, c := range []struct {
		actions []string
		want    string
	}{
		{[]string{"sqs:ListQueues"}, mayNot + "ReceiveMessage on SQS"},
		{[]string{"sqs:ReceiveMessage"}, mayNot + "DeleteMessage on SQS"},
		{[]string{"sqs:ReceiveMessage", "sqs:DeleteMessage"}, mayNot + "GetQueueAttributes on SQS"},
	} {
		m.permit(polls(c.actions...))
		if have := create(&lambda.CreateEventSourceMappingInput{EventSourceArn: arnOfQueue("votes")}); have != c.want {
			t.Errorf("a role with %v gave %q", c.actions, have)
		}
	}
	if have := create(&lambda.CreateEventSourceMappingInput{EventSourceArn: stream, StartingPosition: "LATEST"}); !strings.Contains(have, "Please ensure the role can perform the GetRecords") {
		t.Errorf("a role that may not read the stream gave %q", have)
	}
	m.permit(reader)
	for name, c := range map[string]struct {
		in   *lambda.CreateEventSourceMappingInput
		want string
	}{
		"a large batch without a window":     {&lambda.CreateEventSourceMappingInput{EventSourceArn: arnOfQueue("votes"), BatchSize: aws.Int32(11)}, "batch window"},
		"a large batch of a FIFO queue":      {&lambda.CreateEventSourceMappingInput{EventSourceArn: arnOfQueue("votes.fifo"), BatchSize: aws.Int32(11)}, "FIFO"},
		"a window of a FIFO queue":           {&lambda.CreateEventSourceMappingInput{EventSourceArn: arnOfQueue("votes.fifo"), MaximumBatchingWindowInSeconds: aws.Int32(1)}, "FIFO"},
		"no queue":                           {&lambda.CreateEventSourceMappingInput{EventSourceArn: arnOfQueue("nobody")}, "NonExistentQueue"},
		"a stream's settings on a queue":     {&lambda.CreateEventSourceMappingInput{EventSourceArn: arnOfQueue("votes"), BisectBatchOnFunctionError: aws.Bool(true)}, "Unsupported source parameter"},
		"a visibility timeout too short":     {&lambda.CreateEventSourceMappingInput{EventSourceArn: arnOfQueue("short")}, "Queue visibility timeout: 19 seconds is less than Function timeout: 20 seconds"},
		"a stream without starting position": {&lambda.CreateEventSourceMappingInput{EventSourceArn: stream}, "StartingPosition"},
		"a stream with concurrency":          {&lambda.CreateEventSourceMappingInput{EventSourceArn: stream, StartingPosition: "LATEST", ScalingConfig: &types.ScalingConfig{MaximumConcurrency: aws.Int32(2)}}, "ScalingConfig"},
		"a record age of half a minute":      {&lambda.CreateEventSourceMappingInput{EventSourceArn: stream, StartingPosition: "LATEST", MaximumRecordAgeInSeconds: aws.Int32(30)}, "MaximumRecordAgeInSeconds"},
		"a filter that is no pattern":        {&lambda.CreateEventSourceMappingInput{EventSourceArn: arnOfQueue("votes"), FilterCriteria: &types.FilterCriteria{Filters: []types.Filter{{Pattern: aws.String("body")}}}}, "Invalid filter pattern"},
	} {
		if have := create(c.in); !strings.Contains(have, c.want) {
			t.Errorf("%s gave %q, want %q", name, have, c.want)
		}
	}
}

// TestMappingLosesItsRight takes a permission away from a mapping's role, and the queue from the mapping.
func TestMappingLosesItsRight(t *testing.T) {
	m := deployMapped(t, reader)
	votes := m.queue("votes", nil)
	id := m.create(&lambda.CreateEventSourceMappingInput{EventSourceArn: arnOfQueue("votes"), BatchSize: aws.Int32(1)})
	must[*iam.DeleteRolePolicyOutput](t)(iam.NewFromConfig(m.cfg).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: aws.String("relay"), PolicyName: aws.String("polls")}))
	problem := func(text string) func() bool {
		return func() bool {
			result := aws.ToString(m.stays(id, "Enabled").LastProcessingResult)
			return strings.HasPrefix(result, "PROBLEM: ") && strings.Contains(result, text)
		}
	}
	// Receives under way were begun with the right: each takes one more.
	sent := []string{"a", "b", "c", "d", "e", "f", "g"}
	m.send(votes, sent...)
	m.until("the mapping has a problem", problem("AccessDenied"))
	m.permit(reader)
	var got []string
	for len(got) < len(sent) {
		got = append(got, m.batch()...)
	}
	if slices.Sort(got); !slices.Equal(got, sent) {
		t.Errorf("the function was given %q", got)
	}
	must[*sqs.DeleteQueueOutput](t)(m.queues.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &votes}))
	m.until("the mapping has no queue", problem("queue does not exist"))
}

func TestStreamMappingsSetPoisonAside(t *testing.T) {
	m := deployMapped(t, reader)
	aside := m.queue("aside", nil)
	ctx := t.Context()
	stream := kinesis.NewFromConfig(m.cfg)
	must[*kinesis.CreateStreamOutput](t)(stream.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("votes"), ShardCount: aws.Int32(2)}))
	ballots := dynamodb.NewFromConfig(m.cfg)
	table := must[*dynamodb.CreateTableOutput](t)(ballots.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: aws.String("ballots"), BillingMode: ddbtypes.BillingModePayPerRequest,
		KeySchema:            []ddbtypes.KeySchemaElement{{AttributeName: aws.String("voter"), KeyType: ddbtypes.KeyTypeHash}},
		AttributeDefinitions: []ddbtypes.AttributeDefinition{{AttributeName: aws.String("voter"), AttributeType: ddbtypes.ScalarAttributeTypeS}},
		StreamSpecification:  &ddbtypes.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: ddbtypes.StreamViewTypeNewAndOldImages},
	}))
	voters := []string{"ann", "bob", "poison", "eve", "joe", "kim"}
	for _, c := range []struct {
		name, arn, info, service string
		put                      func()
	}{
		{"Kinesis", "arn:aws:kinesis:" + testRegion + ":000000000000:stream/votes", "KinesisBatchInfo", "kinesis", func() {
			in := &kinesis.PutRecordsInput{StreamName: aws.String("votes")}
			for _, voter := range voters { // all in one shard
				in.Records = append(in.Records, kinesistypes.PutRecordsRequestEntry{Data: []byte("{}"), PartitionKey: aws.String(voter), ExplicitHashKey: aws.String("0")})
			}
			must[*kinesis.PutRecordsOutput](t)(stream.PutRecords(ctx, in))
		}},
		{"DynamoDB", aws.ToString(table.TableDescription.LatestStreamArn), "DDBStreamBatchInfo", "dynamodbstreams", func() {
			for _, voter := range voters {
				must[*dynamodb.PutItemOutput](t)(ballots.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("ballots"), Item: map[string]ddbtypes.AttributeValue{
					"voter": &ddbtypes.AttributeValueMemberS{Value: voter},
				}}))
			}
		}},
	} {
		mark := local.Gate().Meter().Mark()
		id := m.create(&lambda.CreateEventSourceMappingInput{
			EventSourceArn: &c.arn, StartingPosition: "LATEST", BatchSize: aws.Int32(100), BisectBatchOnFunctionError: aws.Bool(true),
			MaximumRetryAttempts: aws.Int32(1), MaximumBatchingWindowInSeconds: aws.Int32(1),
			DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: arnOfQueue("aside")}},
		})
		c.put()
		var got []string
		for !slices.Contains(got, "kim") {
			got = append(got, m.batch()...)
		}
		// A stream's records are given at least once, in their order: on a busy machine the function's own call is now and then made twice.
		if want := []string{"ann", "bob", "eve", "joe", "kim"}; !slices.Equal(slices.Compact(got), want) {
			t.Errorf("%s: the function was given %q, want %q; it was called %d times", c.name, got, want, m.calls(mark, "lambda", "Invoke").Calls)
		}
		var document map[string]json.RawMessage
		if err := json.Unmarshal([]byte(m.take(aside)), &document); err != nil {
			t.Fatal(err)
		}
		var info struct {
			BatchSize int    `json:"batchSize"`
			StreamARN string `json:"streamArn"`
			Start     string `json:"startSequenceNumber"`
			End       string `json:"endSequenceNumber"`
		}
		if err := json.Unmarshal(document[c.info], &info); err != nil || info.BatchSize != 1 || info.StreamARN != c.arn || info.Start != info.End || info.Start == "" {
			t.Errorf("%s: set aside was %s: %+v (%v)", c.name, document, info, err)
		}
		if reads := m.calls(mark, c.service, "GetRecords"); reads.Calls < 2 || reads.Errors != 0 {
			t.Errorf("%s: the meter has %+v reads", c.name, reads)
		}
		// All six, three, the poison and two, the poison twice, two; where all came within one window.
		if invokes := m.calls(mark, "lambda", "Invoke"); invokes.Calls < 5 || invokes.Errors != 0 {
			t.Errorf("%s: the meter has %+v invocations", c.name, invokes)
		}
		if age, ok := local.IteratorAge(id); !ok || age <= 0 || age > time.Minute {
			t.Errorf("%s: the iterator's age is %s, %v", c.name, age, ok)
		}
		must[*lambda.DeleteEventSourceMappingOutput](t)(m.functions.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: &id}))
	}
}

// TestIdleMappingsCostLittle has twenty mappings and no messages.
func TestIdleMappingsCostLittle(t *testing.T) {
	m := deployMapped(t, reader)
	const mappings = 20
	var made sync.WaitGroup
	ids := make([]string, mappings)
	for i := range mappings {
		m.queue(fmt.Sprint("idle", i), nil)
		made.Go(func() {
			out, err := m.functions.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("relay"), EventSourceArn: arnOfQueue(fmt.Sprint("idle", i))})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = aws.ToString(out.UUID)
		})
	}
	if made.Wait(); t.Failed() {
		return
	}
	for _, id := range ids {
		m.stays(id, "Enabled")
	}
	mark := local.Gate().Meter().Mark()
	began := time.Now()
	m.until("two seconds are over", func() bool { return time.Since(began) > 2*time.Second })
	if calls := local.Gate().Meter().Since(mark).Total(); calls != 0 {
		t.Errorf("%d calls of idle mappings in two seconds, want none", calls)
	}
	began = time.Now()
	for _, id := range ids {
		must[*lambda.DeleteEventSourceMappingOutput](t)(m.functions.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: &id}))
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("deleting %d mappings took %s", mappings, took)
	}
	if receives := m.calls(mark, "sqs", "ReceiveMessage"); receives.Calls > 2*5*mappings {
		t.Errorf("%d receives when %d mappings ended", receives.Calls, mappings)
	}
	// Reset ends what is left, and the mapping of a function that is gone.
	id := m.create(&lambda.CreateEventSourceMappingInput{EventSourceArn: arnOfQueue("idle0")})
	must[*lambda.DeleteFunctionOutput](t)(m.functions.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("relay")}))
	m.stays(id, "Enabled")
	if err := local.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	local.mappings.mu.Lock()
	defer local.mappings.mu.Unlock()
	if n := len(local.mappings.running); n != 0 {
		t.Errorf("%d mappings are polled for after the reset", n)
	}
}
