package kinesis_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/burstline/terraform-provider-serverless/functions/internal/kinesis"
)

func TestPutRecords(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		left   []string
		reason string
		fails  bool
	}{
		"all taken":   {`{"FailedRecordCount":0,"Records":[{"SequenceNumber":"1","ShardId":"s"},{"SequenceNumber":"2","ShardId":"s"},{"SequenceNumber":"3","ShardId":"s"}]}`, nil, "", false},
		"some taken":  {`{"FailedRecordCount":2,"Records":[{"ErrorCode":"ProvisionedThroughputExceededException"},{"SequenceNumber":"2"},{"ErrorCode":"InternalFailure"}]}`, []string{"a", "c"}, "ProvisionedThroughputExceededException", false},
		"too few":     {`{"Records":[{"SequenceNumber":"1"}]}`, nil, "", true},
		"not of JSON": {`<html>`, nil, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			var target, asked string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				target, asked = r.Header.Get("X-Amz-Target"), string(body)
				io.WriteString(w, test.answer)
			}))
			t.Cleanup(server.Close)
			client := kinesis.New(aws.Config{
				Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""), HTTPClient: server.Client(),
				Retryer: func() aws.Retryer { return aws.NopRetryer{} },
			})
			left, reason, err := client.PutRecords(t.Context(), "files", []kinesis.Record{{Data: []byte("a"), PartitionKey: "1"}, {Data: []byte("b"), PartitionKey: "2"}, {Data: []byte("c"), PartitionKey: "3"}})
			if (err != nil) != test.fails || reason != test.reason || len(left) != len(test.left) {
				t.Fatalf("left %v, %q, %v", left, reason, err)
			}
			for i, want := range test.left {
				if string(left[i].Data) != want {
					t.Errorf("left %s, want %s", left[i].Data, want)
				}
			}
			want := `{"StreamName":"files","Records":[{"Data":"YQ==","PartitionKey":"1"},{"Data":"Yg==","PartitionKey":"2"},{"Data":"Yw==","PartitionKey":"3"}]}`
			if target != "Kinesis_20131202.PutRecords" || asked != want {
				t.Errorf("asked %s %s", target, asked)
			}
		})
	}
}
