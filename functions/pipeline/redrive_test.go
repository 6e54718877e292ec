package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/internal/kinesis"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// remembered is a stream as it is read again.
type remembered struct{ *stream }

func (r remembered) Records(_ context.Context, b kinesis.Batch) (found []kinesis.Got, err error) {
	if b.StreamARN != "arn:files" {
		return nil, errors.New("there is no such stream")
	}
	for _, record := range r.shards[0] {
		if n := record.Kinesis.SequenceNumber; n >= b.Start && n <= b.End {
			found = append(found, kinesis.Got{SequenceNumber: n, Data: record.Kinesis.Data, PartitionKey: record.Kinesis.PartitionKey, ApproximateArrivalTimestamp: begun / 1000})
		}
	}
	return found, nil
}

// What Lambda gave up is taken again by a redrive, once, whatever was taken between.
func TestRedrive(t *testing.T) {
	w := listed(t, plainFiles(40))
	redrive := &pipeline.Redrive{Stream: remembered{w.files}, Take: w.ingest().Handle, Log: discard}
	shard := w.files.shards[0]
	if len(shard) < 2 {
		t.Fatalf("the shard has %d records", len(shard))
	}
	message := func(id, arn string) map[string]any {
		body := fmt.Sprintf(`{"requestContext":{"condition":"RetryAttemptsExhausted"},"KinesisBatchInfo":{"shardId":"s","startSequenceNumber":%q,"endSequenceNumber":%q,"batchSize":1,"streamArn":%q}}`,
			shard[0].Kinesis.SequenceNumber, shard[len(shard)-1].Kinesis.SequenceNumber, arn)
		return map[string]any{"messageId": id, "body": body, "eventSource": "aws:sqs"}
	}
	for range 2 {
		event, err := json.Marshal(map[string]any{"Records": []any{message("m1", "arn:files"), message("m2", "arn:other"), map[string]any{"messageId": "m3", "body": "{}", "eventSource": "aws:sqs"}}})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := redrive.Handle(t.Context(), event)
		if err != nil || len(answer.BatchItemFailures) != 2 || answer.BatchItemFailures[0].ItemIdentifier != "m2" || answer.BatchItemFailures[1].ItemIdentifier != "m3" {
			t.Errorf("the answer is %+v, %v", answer, err)
		}
		if run := w.run(t, "r1"); run.ChunksDone != int64(len(shard)) {
			t.Errorf("done are %d chunks, want %d", run.ChunksDone, len(shard))
		}
	}
	// Its own records it takes as always.
	event, err := json.Marshal(w.batch())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := redrive.Handle(t.Context(), event); err != nil || w.run(t, "r1").Ingested != 40 {
		t.Errorf("%v: %+v", err, w.run(t, "r1"))
	}
}
