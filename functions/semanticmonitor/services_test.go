package semanticmonitor_test

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/semanticmonitor"
)

// cloud answers calls by their operations: a status and a body.
type cloud map[string]func(call map[string]any) (int, any)

// at is a configuration whose calls the cloud answers.
func (c cloud) at(t *testing.T) aws.Config {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		var call map[string]any
		if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
			t.Error(err)
		}
		status, answer := c[operation](call)
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: &s.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }, HTTPClient: s.Client(),
	}
}

// A queue is found by its ARN, once, and gets the probe with its mark. What SQS refuses is a refusal; after another fault the probe may be on the way.
func TestSendToSQS(t *testing.T) {
	for name, c := range map[string]struct {
		queue         string
		found, taken  int
		refused, sent bool
	}{
		"a standard queue": {"orders", 200, 200, false, true},
		"a FIFO queue":     {"orders.fifo", 200, 200, false, true},
		"no queue":         {"orders", 400, 200, true, false},
		"SQS is down":      {"orders", 503, 200, false, false},
		"access denied":    {"orders", 200, 403, true, false},
		"no answer":        {"orders", 200, 500, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			finds, message := 0, map[string]any{}
			cfg := cloud{
				"GetQueueUrl": func(call map[string]any) (int, any) {
					finds++
					if call["QueueName"] != c.queue || call["QueueOwnerAWSAccountId"] != "123456789012" {
						t.Errorf("looked for %v", call)
					}
					return c.found, map[string]any{"QueueUrl": "https://sqs/" + c.queue}
				},
				"SendMessage": func(call map[string]any) (int, any) {
					message = call
					body, _ := call["MessageBody"].(string)
					sum := md5.Sum([]byte(body))
					return c.taken, map[string]any{"MessageId": "m", "MD5OfMessageBody": hex.EncodeToString(sum[:])}
				},
			}.at(t)
			path, err := semanticmonitor.PathOf(cfg, semanticmonitor.Target{
				Queue: &semanticmonitor.Queue{ARN: "arn:aws:sqs:eu-west-1:123456789012:" + c.queue, Body: "{{probe}}"}, Item: &semanticmonitor.Item{Table: "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"},
			}, minutely, nil, newWorld())
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err = path.Send(t.Context(), sent); (err == nil) != c.sent || errors.Is(err, semanticmonitor.ErrRefused) != c.refused {
					t.Errorf("sent: %v", err)
				}
			}
			if !c.sent {
				return
			}
			want := `{"MessageAttributes":{"probe":{"DataType":"String","StringValue":"` + sent.ID + `"}},"MessageBody":"` + sent.ID + `"`
			if c.queue == "orders.fifo" {
				want += `,"MessageDeduplicationId":"` + sent.ID + `","MessageGroupId":"probe"`
			}
			if got, _ := json.Marshal(message); string(got) != want+`,"QueueUrl":"https://sqs/`+c.queue+`"}` || finds != 1 {
				t.Errorf("sent %s after looking %d times", got, finds)
			}
		})
	}
}

// The state is written where nobody else has, and read as it was written.
func TestTable(t *testing.T) {
	var item map[string]any
	version := func(v any) any {
		attribute, _ := v.(map[string]any)
		return attribute["N"]
	}
	cfg := cloud{
		"GetItem": func(call map[string]any) (int, any) {
			if call["ConsistentRead"] != true {
				t.Errorf("the state is not read strongly consistent: %v", call)
			}
			return 200, map[string]any{"Item": item}
		},
		"PutItem": func(call map[string]any) (int, any) {
			values, _ := call["ExpressionAttributeValues"].(map[string]any)
			if call["ConditionExpression"] != "attribute_not_exists(#version) OR #version = :version" {
				t.Errorf("the condition is %v", call["ConditionExpression"])
			}
			if item != nil && version(item["version"]) != version(values[":version"]) {
				return 400, map[string]any{"__type": "ConditionalCheckFailedException"}
			}
			item, _ = call["Item"].(map[string]any)
			return 200, map[string]any{}
		},
	}.at(t)
	table := &semanticmonitor.Table{Client: dynamodb.New(cfg), Name: "state"}
	first, err := table.Read(t.Context())
	if err != nil || first.Version != 0 || first.Totals.Sent != 0 {
		t.Fatalf("without an item the state is %+v: %v", first, err)
	}
	first.Begin(minutely, "probe-1", 1000, false)
	if err := table.Write(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	second, err := table.Read(t.Context())
	if err != nil || second.Version != 1 || second.Totals.Sent != 1 || second.InFlight[0] != (semanticmonitor.Probe{ID: "probe-1", Sent: 1000}) {
		t.Fatalf("the state is %+v: %v", second, err)
	}
	if err := table.Write(t.Context(), first); !errors.Is(err, semanticmonitor.ErrOvertaken) {
		t.Errorf("a state that somebody else has changed is overwritten: %v", err)
	}
	if err := table.Write(t.Context(), second); err != nil {
		t.Error(err)
	}
}
