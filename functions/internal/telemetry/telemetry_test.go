package telemetry_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

var source = telemetry.Source{System: "voting_window", Name: "final", Function: "recorder"}

func decode(t *testing.T, line []byte) map[string]any {
	t.Helper()
	if bytes.Count(line, []byte("\n")) != 1 || !bytes.HasSuffix(line, []byte("\n")) {
		t.Fatalf("not one line: %q", line)
	}
	var got map[string]any
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestLogger(t *testing.T) {
	var out bytes.Buffer
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r-1"})
	telemetry.Logger(&out, source).With("batch", 3).ErrorContext(ctx, "write counters", "error", "throttled")
	got := decode(t, out.Bytes())
	delete(got, "time")
	want := map[string]any{
		"level": "ERROR", "msg": "write counters", "system": "voting_window", "name": "final", "function": "recorder",
		"request_id": "r-1", "batch": 3.0, "error": "throttled",
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestLoggerOutsideAnInvocation(t *testing.T) {
	var out bytes.Buffer
	telemetry.Logger(&out, source).Info("start")
	if _, found := decode(t, out.Bytes())["request_id"]; found {
		t.Fatal("a request id without a request")
	}
}

func TestEmit(t *testing.T) {
	var out bytes.Buffer
	at := time.UnixMilli(1_900_000_000_123)
	err := telemetry.NewMetrics(&out, source).Emit(at,
		telemetry.Metric{Name: "Counted", Unit: telemetry.Count, Value: 97},
		telemetry.Metric{Name: "ResultsAge", Unit: telemetry.Seconds, Value: 4.5})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"System": "voting_window", "Name": "final", "Function": "recorder", "Counted": 97.0, "ResultsAge": 4.5,
		"_aws": map[string]any{
			"Timestamp": 1_900_000_000_123.0,
			"CloudWatchMetrics": []any{map[string]any{
				"Namespace":  "Serverless",
				"Dimensions": []any{[]any{"System", "Name", "Function"}},
				"Metrics": []any{
					map[string]any{"Name": "Counted", "Unit": "Count"},
					map[string]any{"Name": "ResultsAge", "Unit": "Seconds"},
				},
			}},
		},
	}
	if got := decode(t, out.Bytes()); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}
