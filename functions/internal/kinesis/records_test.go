package kinesis_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/burstline/terraform-provider-serverless/functions/internal/kinesis"
)

// A batch is read from its first record to its last, over as many pages as it has, and no further than the shard goes.
func TestRecords(t *testing.T) {
	pages := map[string]string{
		"one":   `{"Records":[{"SequenceNumber":"998","PartitionKey":"p","Data":"YQ==","ApproximateArrivalTimestamp":1.5}],"NextShardIterator":"two","MillisBehindLatest":10}`,
		"two":   `{"Records":[],"NextShardIterator":"three","MillisBehindLatest":10}`,
		"three": `{"Records":[{"SequenceNumber":"999"},{"SequenceNumber":"1000"},{"SequenceNumber":"1001"}],"NextShardIterator":"four","MillisBehindLatest":0}`,
		"four":  `{"Records":[],"NextShardIterator":"five","MillisBehindLatest":0}`,
	}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		var in struct{ ShardIterator, StartingSequenceNumber, StreamARN, ShardId string }
		switch err := json.NewDecoder(r.Body).Decode(&in); {
		case err != nil || in.StreamARN != "arn":
			t.Errorf("%+v, %v", in, err)
		case strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetRecords"):
			fmt.Fprint(w, pages[in.ShardIterator])
		case in.StartingSequenceNumber == "998" && in.ShardId == "shard":
			fmt.Fprint(w, `{"ShardIterator":"one"}`)
		default:
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"InvalidArgumentException"}`)
		}
	}))
	t.Cleanup(server.Close)
	client := kinesis.New(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""), HTTPClient: server.Client(),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	})
	for end, want := range map[string]struct{ records, calls int }{"1000": {3, 4}, "998": {1, 4}, "2000": {4, 5}} {
		asked = 0
		got, err := client.Records(t.Context(), kinesis.Batch{StreamARN: "arn", ShardID: "shard", Start: "998", End: end})
		if err != nil || len(got) != want.records || asked != want.calls {
			t.Errorf("to %s: %d records by %d calls, %v; want %+v", end, len(got), asked, err, want)
		} else if got[0].PartitionKey != "p" || string(got[0].Data) != "a" || got[0].ApproximateArrivalTimestamp != 1.5 {
			t.Errorf("the first is %+v", got[0])
		}
	}
	if _, err := client.Records(t.Context(), kinesis.Batch{StreamARN: "arn", ShardID: "shard", Start: "1", End: "1"}); err == nil || !strings.Contains(err.Error(), "forgets them") {
		t.Errorf("records that are gone: %v", err)
	}
}
