package provider_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// readFrom is what cast.mjs says of where results were read.
var readFrom = regexp.MustCompile(`results were read (\d+) times from results.json, (\d+) times from the status board`)

// TestAccWindowStatus: a page reads results from the status table, with a
// credential that is good for nothing else, and from the object where there is no
// such table any more.
func TestAccWindowStatus(t *testing.T) {
	e := newEvening(t, "bytable", map[string]any{"site": map[string]any{"results_from": "table"}})
	defer e.end()
	e.call("viewers", "{}", nil)
	said := e.page("--voter", "90000001", "--answer", "anna", "--watch", "1")
	if reads := readFrom.FindStringSubmatch(said); reads == nil || reads[1] != "1" || reads[2] == "0" {
		t.Errorf("the page says %s", said)
	}
	e.books(1)

	status, body := e.get("https://" + e.output("results_bucket") + ".s3." + home + ".amazonaws.com/viewers.json")
	equal(t, "the status of viewers.json", status, http.StatusOK)
	var published votingwindow.PublishedViewers
	if err := json.Unmarshal(body, &published); err != nil {
		t.Fatal(err)
	}
	tables := stateTexts(t, e.state, "table_names")
	equal(t, "the published table", published.Table, tables["status"])
	viewer := local.ConfigWith(published.Region, credentials.NewStaticCredentialsProvider(published.AccessKeyID, published.SecretAccessKey, published.SessionToken))
	line := e.onlyReadsStatus(viewer, tables)
	if !strings.Contains(line, "vote/anna=1,bruno=0") {
		t.Errorf("the last shard says %q", line)
	}
	e.settled(e.config)

	e.change(map[string]any{"site": map[string]any{"results_from": "site"}})
	if name := stateTexts(t, e.state, "table_names")["status"]; name != "" {
		t.Errorf("there is still a table %s", name)
	}
	said = e.page("--voter", "90000002", "--answer", "anna", "--watch", "2")
	if reads := readFrom.FindStringSubmatch(said); reads == nil || reads[1] == "1" || reads[2] != "0" {
		t.Errorf("the page says %s", said)
	}
	e.books(2)
	e.settled(e.config)
}

// onlyReadsStatus checks that a viewer's credentials are refused everything but to
// see what a shard of the status table says, and returns what the last one does.
func (e *evening) onlyReadsStatus(viewer aws.Config, tables map[string]string) string {
	e.t.Helper()
	return onlyReads(e.session, viewer, tables["status"], "99", tables["tallies"], "id", e.output("votes_queue_url"))
}

// onlyReads checks the same of a status table, beside another table and a queue.
func onlyReads(s *session, reader aws.Config, table, last, other, otherKey, queueURL string) string {
	s.t.Helper()
	ctx, client := s.t.Context(), dynamodb.NewFromConfig(reader)
	key := func(name, value string) map[string]types.AttributeValue {
		return map[string]types.AttributeValue{name: &types.AttributeValueMemberS{Value: value}}
	}
	shard := &dynamodb.GetItemInput{TableName: aws.String(table), Key: key("shard", last), ProjectionExpression: aws.String("s")}
	found, err := client.GetItem(ctx, shard)
	if err != nil {
		s.t.Fatal(err)
	}
	for what, call := range map[string]func() error{
		"GetItem of all attributes": func() error {
			_, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: shard.TableName, Key: shard.Key})
			return err
		},
		"GetItem of another attribute": func() error {
			_, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: shard.TableName, Key: shard.Key, ProjectionExpression: aws.String("other")})
			return err
		},
		"GetItem of another table": func() error {
			_, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(other), Key: key(otherKey, "window"), ProjectionExpression: aws.String("s")})
			return err
		},
		"BatchGetItem": func() error {
			_, err := client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
				table: {Keys: []map[string]types.AttributeValue{shard.Key}, ProjectionExpression: shard.ProjectionExpression},
			}})
			return err
		},
		"Scan": func() error {
			_, err := client.Scan(ctx, &dynamodb.ScanInput{TableName: shard.TableName, ProjectionExpression: shard.ProjectionExpression})
			return err
		},
		"PutItem": func() error {
			_, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: shard.TableName, Item: shard.Key})
			return err
		},
		"SendMessage": func() error {
			_, err := sqs.NewFromConfig(reader).SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(queueURL), MessageBody: aws.String("{}")})
			return err
		},
	} {
		refused(s.t, what, call())
	}
	text, _ := found.Item["s"].(*types.AttributeValueMemberS)
	if text == nil || len(found.Item) != 1 {
		s.t.Fatalf("the last shard is %v", found.Item)
	}
	return text.Value
}
