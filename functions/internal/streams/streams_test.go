package streams_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/internal/streams"
)

// A batch is read from its first record to its last, over as many pages as it has.
func TestRecords(t *testing.T) {
	pages := map[string]string{
		"one":   `{"Records":[{"dynamodb":{"SequenceNumber":"7"}}],"NextShardIterator":"two"}`,
		"two":   `{"Records":[],"NextShardIterator":"three"}`,
		"three": `{"Records":[{"dynamodb":{"SequenceNumber":"8"}},{"dynamodb":{"SequenceNumber":"9"}}],"NextShardIterator":"four"}`,
	}
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "DynamoDBStreams_20120810.")
		asked = append(asked, operation)
		var request struct{ ShardIterator, SequenceNumber string }
		switch err := json.Unmarshal(body, &request); {
		case err != nil:
			t.Error(err)
		case operation == "GetRecords":
			fmt.Fprint(w, pages[request.ShardIterator])
		case request.SequenceNumber == "7":
			fmt.Fprint(w, `{"ShardIterator":"one"}`)
		default:
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"TrimmedDataAccessException"}`)
		}
	}))
	t.Cleanup(server.Close)
	client := streams.New(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", "token"),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }, HTTPClient: server.Client(),
	})
	records, err := client.Records(t.Context(), streams.Batch{StreamARN: "arn", ShardID: "shard", Start: "7", End: "8", Size: 2})
	if err != nil || len(records) != 2 || string(records[1]) != `{"dynamodb":{"SequenceNumber":"8"}}` {
		t.Errorf("%s, %v", records, err)
	}
	if diff := cmp.Diff([]string{"GetShardIterator", "GetRecords", "GetRecords", "GetRecords"}, asked); diff != "" {
		t.Errorf("calls: want -, have +:\n%s", diff)
	}
	if _, err := client.Records(t.Context(), streams.Batch{StreamARN: "arn", ShardID: "shard", Start: "1", End: "1", Size: 1}); err == nil || !strings.Contains(err.Error(), "forgets them after 24 hours") {
		t.Errorf("records that are gone: %v", err)
	}
}
