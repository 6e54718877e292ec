package pipeline_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// eventOf reads a real event from testdata.
func eventOf[T any](t *testing.T, name string) (event T) {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &event); err != nil {
		t.Fatal(err)
	}
	return event
}

// The events of testdata, in the order of a run's way. What one function sends is what the next one's event has.
func TestEventsAsLambdaGivesThem(t *testing.T) {
	const id = "upload-2030-05-04"
	w := newWorld()
	w.clock.at.Store(1_904_155_380_000)
	w.upload(map[string]string{
		"homes/2030-05-04/0001.json": `{"id":1,"suburb":"Fitzroy","price":100}`, "homes/2030-05-04/0002.json": `{"id":2,"suburb":"Fitzroy","price":200}`,
	})
	if err := w.lister().Handle(t.Context(), eventOf[events.SNSEvent](t, "lister")); err != nil {
		t.Fatal(err)
	}
	files := eventOf[events.KinesisEvent](t, "ingest")
	if sent := w.batch(); len(sent.Records) != 1 || string(sent.Records[0].Kinesis.Data) != string(files.Records[0].Kinesis.Data) {
		t.Errorf("the lister sent %s", sent.Records[0].Kinesis.Data)
	}
	if answer, err := w.ingest().Handle(t.Context(), files); err != nil || len(answer.BatchItemFailures) != 0 || w.run(t, id).Ingested != 2 {
		t.Errorf("ingest: %+v, %v, %+v", answer, err, w.run(t, id))
	}
	segmenter := w.segmenter()
	segmenter.Percentiles = nil
	if err := segmenter.Handle(t.Context(), eventOf[events.SNSEvent](t, "segmenter")); err != nil {
		t.Fatal(err)
	}
	segments := eventOf[events.KinesisEvent](t, "metadata")
	if sent := w.segments.shards[0]; len(sent) != 1 || string(sent[0].Kinesis.Data) != string(segments.Records[0].Kinesis.Data) {
		t.Errorf("the segmenter sent %+v", w.sent(t))
	}
	if answer, err := w.metadata().Handle(t.Context(), segments); err != nil || len(answer.BatchItemFailures) != 0 {
		t.Errorf("metadata: %+v, %v", answer, err)
	}
	if err := w.publication().Handle(t.Context(), eventOf[events.SNSEvent](t, "manifest")); err != nil || w.run(t, id).State != pipeline.Done {
		t.Errorf("manifest: %v, %+v", err, w.run(t, id))
	}
	eventOf[json.RawMessage](t, "sweeper") // Which takes nothing of it.
	w.sweep(t)
	for i, want := range []string{`{"run":"upload-2030-05-04","stage":"segments"}`, `{"run":"upload-2030-05-04","stage":"manifest"}`} {
		if w.stage.sent[i].SNS.Message != want {
			t.Errorf("message %d is %s", i, w.stage.sent[i].SNS.Message)
		}
	}
}
