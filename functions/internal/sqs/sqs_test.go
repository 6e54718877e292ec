package sqs_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/burstline/terraform-provider-serverless/functions/internal/sqs"
)

const queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/votes"

// client has its calls answered, and notes the last.
func client(t *testing.T, status int, answer string) (client *sqs.Client, asked *map[string]any) {
	t.Helper()
	asked = new(map[string]any)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(asked); err != nil {
			t.Error(err)
		}
		(*asked)["target"] = r.Header.Get("X-Amz-Target") + " " + r.Header.Get("Content-Type")
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return sqs.New(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }, HTTPClient: server.Client(),
	}), asked
}

func TestSendMessage(t *testing.T) {
	for name, test := range map[string]struct {
		status       int
		answer, says string // says is of the error; empty for none.
	}{
		"taken":         {200, `{"MessageId":"m-1","MD5OfMessageBody":"99914b932bd37a50b983c5e7c90ae93b"}`, ""},
		"taken as less": {200, `{"MessageId":"m-1","MD5OfMessageBody":"d41d8cd98f00b204e9800998ecf8427e"}`, "message m-1 does not fit its checksum"},
		"no such queue": {400, `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"none"}`, "QueueDoesNotExist"},
	} {
		t.Run(name, func(t *testing.T) {
			client, asked := client(t, test.status, test.answer)
			id, err := client.SendMessage(t.Context(), queue, "{}")
			switch {
			case test.says == "" && (err != nil || id != "m-1"):
				t.Errorf("got %q, %v", id, err)
			case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
				t.Errorf("got %v, want %s", err, test.says)
			}
			if (*asked)["target"] != "AmazonSQS.SendMessage application/x-amz-json-1.0" || (*asked)["QueueUrl"] != queue || (*asked)["MessageBody"] != "{}" {
				t.Errorf("asked %v", *asked)
			}
		})
	}
}

func TestSendWithAttributes(t *testing.T) {
	client, asked := client(t, 200, `{"MessageId":"m-1","MD5OfMessageBody":"99914b932bd37a50b983c5e7c90ae93b"}`)
	id, err := client.Send(t.Context(), queue+".fifo", sqs.Message{Body: "{}", Attributes: map[string]string{"probe": "p-1"}, Group: "g", Deduplication: "d"})
	if err != nil || id != "m-1" {
		t.Errorf("got %q, %v", id, err)
	}
	got, _ := json.Marshal(*asked)
	if want := `{"MessageAttributes":{"probe":{"DataType":"String","StringValue":"p-1"}},"MessageBody":"{}","MessageDeduplicationId":"d","MessageGroupId":"g",` +
		`"QueueUrl":"` + queue + `.fifo","target":"AmazonSQS.SendMessage application/x-amz-json-1.0"}`; string(got) != want {
		t.Errorf("asked %s, want %s", got, want)
	}
}

func TestURL(t *testing.T) {
	client, asked := client(t, 200, `{"QueueUrl":"`+queue+`"}`)
	if got, err := client.URL(t.Context(), "123456789012", "votes"); err != nil || got != queue {
		t.Errorf("got %q, %v", got, err)
	}
	if (*asked)["QueueName"] != "votes" || (*asked)["QueueOwnerAWSAccountId"] != "123456789012" {
		t.Errorf("asked %v", *asked)
	}
}

func TestDepth(t *testing.T) {
	full, asked := client(t, 200, `{"Attributes":{"ApproximateNumberOfMessages":"7","ApproximateNumberOfMessagesNotVisible":"3","ApproximateNumberOfMessagesDelayed":"1"}}`)
	if got, err := full.Depth(t.Context(), queue); err != nil || got != (sqs.Depth{Visible: 7, InFlight: 3, Delayed: 1}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if names, _ := (*asked)["AttributeNames"].([]any); len(names) != 3 {
		t.Errorf("asked %v", *asked)
	}
	partial, _ := client(t, 200, `{"Attributes":{"ApproximateNumberOfMessages":"7","ApproximateNumberOfMessagesDelayed":"1"}}`)
	if got, err := partial.Depth(t.Context(), queue); err == nil || !strings.Contains(err.Error(), "ApproximateNumberOfMessagesNotVisible") {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSendMessages(t *testing.T) {
	for name, test := range map[string]struct{ answer, says string }{
		"taken":           {`{"Successful":[{"Id":"0"},{"Id":"1"}]}`, ""},
		"one was refused": {`{"Successful":[{"Id":"0"}],"Failed":[{"Id":"1","Code":"InternalError"}]}`, "1 of 2 messages were refused, one with InternalError"},
	} {
		t.Run(name, func(t *testing.T) {
			client, asked := client(t, 200, test.answer)
			err := client.SendMessages(t.Context(), queue, []string{"a", "b"})
			if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
			entries, _ := json.Marshal((*asked)["Entries"])
			if (*asked)["target"] != "AmazonSQS.SendMessageBatch application/x-amz-json-1.0" || string(entries) != `[{"Id":"0","MessageBody":"a"},{"Id":"1","MessageBody":"b"}]` {
				t.Errorf("asked %v", *asked)
			}
		})
	}
}

func TestSendDelay(t *testing.T) {
	for delay, want := range map[int]any{0: nil, 30: 30.0} {
		client, asked := client(t, 200, `{"MessageId":"m-1","MD5OfMessageBody":"99914b932bd37a50b983c5e7c90ae93b"}`)
		if _, err := client.Send(t.Context(), queue, sqs.Message{Body: "{}", Delay: delay}); err != nil {
			t.Fatal(err)
		}
		if have := (*asked)["DelaySeconds"]; have != want {
			t.Errorf("a delay of %d is sent as %v", delay, have)
		}
	}
}
