package provider_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
)

// part is what the manifest has recorded of a part.
func (p *agency) part(key string) deploy.Record {
	p.t.Helper()
	engine, err := p.a.engine(home)
	if err != nil {
		p.t.Fatal(err)
	}
	m, err := engine.Manifest(p.t.Context(), blueprint.System{Name: "recommendation_pipeline", Slug: "reco"}, "homes")
	if err != nil {
		p.t.Fatal(err)
	}
	return m.Parts[key]
}

// falls keeps a role from all tables until heal is called.
func (p *agency) falls(role string) (heal func()) {
	p.t.Helper()
	roles := iam.NewFromConfig(p.a.aws(home))
	name, policy := aws.String(p.part(role).Name), aws.String("ill")
	must[*iam.PutRolePolicyOutput](p.t)(roles.PutRolePolicy(p.t.Context(), &iam.PutRolePolicyInput{
		RoleName: name, PolicyName: policy, PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"dynamodb:*","Resource":"*"}]}`),
	}))
	return func() {
		must[*iam.DeleteRolePolicyOutput](p.t)(roles.DeleteRolePolicy(p.t.Context(), &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: policy}))
	}
}

// givenUp waits for a message in a dead-letter queue.
func (p *agency) givenUp(queue string) (body string) {
	p.t.Helper()
	url := aws.String(stateTexts(p.t, p.state, "dead_letter_queue_urls")[queue])
	eventually(p.t, runEndsWithin, func() error {
		out, err := sqs.NewFromConfig(p.a.aws(home)).ReceiveMessage(p.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url})
		if err == nil && len(out.Messages) == 0 {
			err = errors.New("nothing was given up")
		}
		if err == nil {
			body = aws.ToString(out.Messages[0].Body)
		}
		return err
	})
	return body
}

// TestAccPipelineStartGivenUp: a message on which the lister fails three times is
// not lost, and starts its run when the lister is handed it again.
func TestAccPipelineStartGivenUp(t *testing.T) {
	p := newAgency(t, nil)
	heal := p.falls("lister-role")
	p.upload(map[string][]byte{"up/1.json": homeOf(1, "Carlton", 1), "up/2.json": homeOf(2, "Carlton", 2)})
	p.starts(`{"run":"r1","prefix":"up/"}`)
	body := p.givenUp("start-dead-letters")
	heal()
	if run := p.item("runs", "r1"); run != nil {
		t.Errorf("the run is %v before it has begun", run)
	}
	var kept struct {
		Event json.RawMessage `json:"requestPayload"`
	}
	if err := json.Unmarshal([]byte(body), &kept); err != nil {
		t.Fatal(err)
	}
	for range 2 { // Once more changes nothing.
		out := must[*lambda.InvokeOutput](t)(lambda.NewFromConfig(p.a.aws(home)).Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String(stateTexts(t, p.state, "function_names")["lister"]), Qualifier: aws.String("live"), Payload: kept.Event,
		}))
		if out.FunctionError != nil {
			t.Fatalf("lister answers %s", out.Payload)
		}
	}
	if r := p.report("r1"); r.Files != 2 || r.Ingested != 2 || r.Failed != 0 || r.Items != 2 {
		t.Errorf("the report is %+v", r)
	}
	p.gone(p.a)
}

// TestAccPipelineGivenUp: records that Lambda gives up wait in the dead-letter
// queue, and ingest takes them from the stream again when it is handed the
// message. Until then their run does not end.
func TestAccPipelineGivenUp(t *testing.T) {
	p := newAgency(t, nil)
	functions := lambda.NewFromConfig(p.a.aws(home))
	heal := p.falls("ingest-role")
	must[*lambda.UpdateEventSourceMappingOutput](t)(functions.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{
		UUID: aws.String(p.part("ingest-files").Attributes["id"]), MaximumRetryAttempts: aws.Int32(0),
	}))
	p.upload(map[string][]byte{"up/1.json": homeOf(1, "Carlton", 1), "up/2.json": homeOf(2, "Carlton", 2), "up/3.json": nil})
	p.starts(`{"run":"r1","prefix":"up/"}`)

	body := p.givenUp("files-dead-letters")
	if run := p.controls(pipeline.ControlRequest{Action: pipeline.ActionRuns, Run: "r1"}).Runs[0]; run.State != pipeline.Ingesting || run.Ingested+run.Failed != 0 {
		t.Errorf("meanwhile the run is %+v", run)
	}
	heal()

	event, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"messageId": "m1", "eventSource": "aws:sqs", "body": body}}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // Once more changes nothing.
		out := must[*lambda.InvokeOutput](t)(functions.Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String(stateTexts(t, p.state, "function_names")["ingest"]), Qualifier: aws.String("live"), Payload: event,
		}))
		var answer struct{ BatchItemFailures []any }
		if out.FunctionError != nil || json.Unmarshal(out.Payload, &answer) != nil || len(answer.BatchItemFailures) != 0 {
			t.Fatalf("ingest answers %s", out.Payload)
		}
	}
	if r := p.report("r1"); r.Files != 3 || r.Ingested != 2 || r.Failed != 1 || r.Items != 2 {
		t.Errorf("the report is %+v", r)
	}
	p.publishes("r1", map[string]int64{"Carlton": 2})
	p.gone(p.a)
}

// TestAccPipelineExistingBucket: a bucket of others is read below a prefix, and
// nothing of it is changed or deleted. What is gone from a later upload expires.
func TestAccPipelineExistingBucket(t *testing.T) {
	a := newAccount(t)
	client, bucket := s3Client(a.aws(home)), aws.String("agency-uploads")
	must[*s3.CreateBucketOutput](t)(client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: home}}))
	p := newAgencyIn(t, a, map[string]any{"source": map[string]any{"bucket": *bucket, "prefix": "homes/"}, "stale": "expire", "stale_days": 3, "stream": map[string]any{"on_demand": true}})
	p.upload(map[string][]byte{
		"homes/1/a.json": homeOf(1, "Carlton", 1), "homes/1/b.json": homeOf(2, "Carlton", 2), "homes/1/c.json": homeOf(3, "Carlton", 3), "private/d.json": homeOf(4, "Carlton", 4),
	})
	p.starts("homes/1/")
	eventually(t, runEndsWithin, func() error {
		runs := p.controls(pipeline.ControlRequest{Action: pipeline.ActionRuns, Last: 1}).Runs
		if len(runs) != 1 || runs[0].State != pipeline.Done || runs[0].Ingested != 3 {
			return fmt.Errorf("the run is %+v", runs)
		}
		return nil
	})
	p.upload(map[string][]byte{"homes/2/a.json": homeOf(1, "Carlton", 1), "homes/2/b.json": homeOf(2, "Carlton", 20)})
	p.starts(`{"run":"second","prefix":"homes/2/"}`)
	if r := p.report("second"); r.Files != 2 || r.Ingested != 2 || r.Gone != 1 || r.Segments != 1 {
		t.Errorf("the report is %+v", r)
	}
	p.publishes("second", map[string]int64{"Carlton": 2})
	if kept, gone := p.item("items", "home-1"), p.item("items", "home-3"); kept["expires"] != "" || gone["expires"] == "" {
		t.Errorf("home-1 is %v, home-3 %v", kept, gone)
	}

	// What is not below the prefix cannot be listed: nothing of it becomes an item.
	p.starts(`{"run":"nosy","prefix":"private/"}`)
	eventually(t, runEndsWithin, func() error {
		if local.Proof() == nil {
			return nil
		}
		for _, d := range local.Proof().Denials(string(a)) {
			if d.Action == "s3:ListBucket" {
				return nil
			}
		}
		return errors.New("nobody was refused")
	})
	if item := p.item("items", "home-4"); item != nil {
		t.Errorf("home-4 is %v", item)
	}

	// What was there and is not any more is told from what may not be read, also by a
	// role that may list below the prefix alone.
	p.upload(map[string][]byte{"homes/3/a.json": nil, "homes/3/b.json": nil, "homes/3/c.json": homeOf(5, "Carlton", 5)})
	p.starts(`{"run":"third","prefix":"homes/3/"}`)
	p.report("third")
	must[*s3.DeleteObjectOutput](t)(client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("homes/3/b.json")}))
	p.upload(map[string][]byte{"homes/3/a.json": homeOf(6, "Carlton", 6)})
	p.controls(pipeline.ControlRequest{Action: pipeline.ActionReplay, Run: "third", FailedOnly: true, As: "fourth"})
	p.report("fourth")
	if got, want := p.failures("fourth"), map[string]pipeline.Reason{"homes/3/b.json": pipeline.FileGone}; !maps.Equal(got, want) {
		t.Errorf("failed are %v, want %v", got, want)
	}
	p.settled(p.config)
	if text := p.destroy(); text != "" {
		t.Fatal(text)
	}
	if err := a.expectInventory(home, "bucket agency-uploads"); err != nil {
		t.Error(err)
	}
	left := must[*s3.ListObjectsV2Output](t)(client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket}))
	if len(left.Contents) != 8 {
		t.Errorf("the bucket has %d objects, want 8", len(left.Contents))
	}
	for _, object := range left.Contents {
		must[*s3.DeleteObjectOutput](t)(client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: object.Key}))
	}
	must[*s3.DeleteBucketOutput](t)(client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: bucket}))
}

// TestAccPipelineGrows: shards come and go, and a stream changes its mode, in
// place and with nothing lost.
func TestAccPipelineGrows(t *testing.T) {
	p := newAgency(t, nil)
	apply := func(more map[string]any) {
		t.Helper()
		maps.Copy(p.config, more)
		if text := p.apply(p.config); text != "" {
			t.Fatal(text)
		}
		p.settled(p.config)
	}
	for i, stream := range []map[string]any{{"shards": 5}, {"shards": 2, "retention_hours": 48}, {"on_demand": true}, {"shards": 1}} {
		apply(map[string]any{"stream": stream})
		run, prefix := fmt.Sprint("r", i), fmt.Sprintf("up/%d/", i)
		files := map[string][]byte{}
		for n := range 40 {
			files[fmt.Sprintf("%s%d.json", prefix, n)] = homeOf(n, "Carlton", i)
		}
		p.upload(files)
		p.starts(fmt.Sprintf(`{"run":%q,"prefix":%q}`, run, prefix))
		if r := p.report(run); r.Files != 40 || r.Ingested != 40 {
			t.Errorf("with %v the report is %+v", stream, r)
		}
	}
	p.gone(p.a)
}

// TestAccPipelineRetention: when a run has ended, the objects of older ones go.
func TestAccPipelineRetention(t *testing.T) {
	p := newAgency(t, map[string]any{"retention_days": 30})
	p.upload(map[string][]byte{"up/1.json": homeOf(1, "Carlton", 1), "up/2.json": homeOf(2, "Carlton", 2)})
	client, bucket := s3Client(p.a.aws(home)), aws.String(text(t, p.state, "results_bucket"))
	objects := func(run string) int {
		return len(must[*s3.ListObjectsV2Output](t)(client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket, Prefix: aws.String("runs/" + run + "/")})).Contents)
	}
	ends := func(run string) {
		t.Helper()
		p.starts(fmt.Sprintf(`{"run":%q,"prefix":"up/"}`, run))
		p.report(run)
		if n := objects(run); n < 3 { // A manifest, a report, a segment.
			t.Fatalf("run %s has %d objects", run, n)
		}
	}
	ends("first")
	// It was begun in another century.
	must[*dynamodb.UpdateItemOutput](t)(dynamodb.NewFromConfig(p.a.aws(home)).UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: aws.String(stateTexts(t, p.state, "table_names")["runs"]), Key: map[string]dynamotypes.AttributeValue{"id": &dynamotypes.AttributeValueMemberS{Value: pipeline.RecentID}},
		UpdateExpression: aws.String("SET #run = :at"), ExpressionAttributeNames: map[string]string{"#run": "run/first"},
		ExpressionAttributeValues: map[string]dynamotypes.AttributeValue{":at": &dynamotypes.AttributeValueMemberN{Value: "1"}},
	}))
	p.sweeps()
	if n := objects("first"); n < 3 {
		t.Errorf("the run that readers see has %d objects", n)
	}
	ends("second")
	p.sweeps()
	eventually(t, runEndsWithin, func() error {
		if n := objects("first"); n > 0 {
			return fmt.Errorf("the first run has %d objects", n)
		}
		return nil
	})
	p.publishes("second", map[string]int64{"Carlton": 2})
	p.gone(p.a)
}
