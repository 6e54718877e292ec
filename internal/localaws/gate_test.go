package localaws

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func TestMeterCountsByCaller(t *testing.T) {
	cfg, mark := fresh(t)
	other := cfg.Copy()
	other.AppID = "other"
	client := sqs.NewFromConfig(cfg)
	url := must[*sqs.CreateQueueOutput](t)(client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("votes")})).QueueUrl
	for _, body := range []string{"a", strings.Repeat("b", 64<<10), strings.Repeat("c", 100<<10)} {
		must[*sqs.SendMessageOutput](t)(client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: url, MessageBody: &body}))
	}
	if _, err := sqs.NewFromConfig(other).GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("none")}); err == nil {
		t.Error("a queue that was never made has a URL")
	}
	counts := local.Gate().Meter().Since(mark)
	if counts.Total() != 5 {
		t.Errorf("%d calls, want 5: %v", counts.Total(), counts)
	}
	sent := counts.Sum(Key{Operation: "SendMessage"})
	// 1 + 2 + 2: the second message's envelope takes it over 64 KiB.
	if sent.Calls != 3 || sent.Chunks != 5 || sent.Errors != 0 || sent.Bytes < 164<<10 || sent.AnswerBytes == 0 {
		t.Errorf("sent %+v", sent)
	}
	if failed := counts[Key{"sqs", "GetQueueUrl", "other"}]; failed.Calls != 1 || failed.Errors != 1 {
		t.Errorf("the other caller's figures are %+v", failed)
	}
	if cost := counts.Cost(func(_ Key, f Figures) float64 { return float64(f.Chunks) * 0.4 }); cost < 2.79 || cost > 2.81 {
		t.Errorf("seven chunks at 0.40 cost %g", cost)
	}
	last := local.Gate().Meter().Calls(mark)[4]
	if last.Operation != "GetQueueUrl" || last.Status != http.StatusBadRequest || last.ErrorCode != "QueueDoesNotExist" || last.Duration <= 0 {
		t.Errorf("the last call was kept as %+v", last)
	}
	if later := local.Gate().Meter().Since(local.Gate().Meter().Mark()); len(later) != 0 {
		t.Errorf("since now there were %v", later)
	}
}

func TestMeterKeepsTheLatestCalls(t *testing.T) {
	m := newMeter()
	m.After(&Call{Service: "first", Status: 200}, nil)
	mark := m.Mark()
	for range keptCalls + 5 {
		m.After(&Call{Service: "s", Status: 200}, nil)
	}
	m.After(&Call{Service: "last", Status: 200}, nil)
	calls := m.Calls(mark)
	if len(calls) != keptCalls || calls[len(calls)-1].Service != "last" || calls[0].Service != "s" {
		t.Errorf("%d calls from %q to %q", len(calls), calls[0].Service, calls[len(calls)-1].Service)
	}
	if n := m.Since(mark).Total(); n != keptCalls+6 {
		t.Errorf("counted %d, want all %d", n, keptCalls+6)
	}
}

// TestGateLeavesObjectsAlone sends what is likely to break in a proxy: long bodies with and without a length, streamed
// with a checksum behind them, and awkward keys.
func TestGateLeavesObjectsAlone(t *testing.T) {
	cfg, _ := fresh(t)
	client := s3.NewFromConfig(cfg)
	bucket := aws.String("objects")
	must[*s3.CreateBucketOutput](t)(client.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: testRegion},
	}))
	for key, size := range map[string]int{"empty": 0, "a/b c+d=é&.json": 100, "exactly": maxIdentifiedBody, "long": 3*maxIdentifiedBody + 7, "dir/": 1} {
		want := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
		must[*s3.PutObjectOutput](t)(client.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: bucket, Key: &key, Body: bytes.NewReader(want), ChecksumAlgorithm: s3types.ChecksumAlgorithmCrc32,
		}))
		got := must[*s3.GetObjectOutput](t)(client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: &key}))
		if body := must[[]byte](t)(io.ReadAll(got.Body)); !bytes.Equal(body, want) {
			t.Errorf("%q came back with %d bytes, want %d", key, len(body), len(want))
		}
		if err := got.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRulesSeeEveryCallAndMayAnswer(t *testing.T) {
	target, _ := fresh(t)
	gate := must[*Gate](t)(NewGate(0, nil, nil))
	t.Cleanup(func() { _ = gate.Close() })
	gate.Forward(local.target)
	seen := &recorder{}
	gate.Use(seen)
	target.BaseEndpoint = aws.String(gate.URL())
	client := sqs.NewFromConfig(quick(target, 1))
	must[*sqs.ListQueuesOutput](t)(client.ListQueues(t.Context(), &sqs.ListQueuesInput{}))
	if _, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("q")}); err == nil || !strings.Contains(err.Error(), "418") {
		t.Errorf("the rule's answer arrived as %v", err)
	}
	if want := []string{"before ListQueues", "after ListQueues 200", "before GetQueueUrl", "after GetQueueUrl 418"}; !reflect.DeepEqual(seen.notes, want) {
		t.Errorf("the rule saw %q, want %q", seen.notes, want)
	}
}

// recorder is a rule that notes what it sees, and answers GetQueueUrl.
type recorder struct{ notes []string }

func (r *recorder) Before(_ context.Context, c *Call, _ *http.Request) *Answer {
	r.notes = append(r.notes, "before "+c.Operation)
	if c.Operation == "GetQueueUrl" {
		return &Answer{Kind: "rule", Status: http.StatusTeapot}
	}
	return nil
}

func (r *recorder) After(c *Call, _ *http.Response) {
	r.notes = append(r.notes, "after "+c.Operation+" "+map[int]string{200: "200", 418: "418"}[c.Status])
}

func TestAdmin(t *testing.T) {
	cfg, mark := fresh(t)
	client := sqs.NewFromConfig(quick(cfg, 1))
	admin := func(method, path, body string) (int, string) {
		request := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), method, local.Endpoint()+"/_gate/"+path, strings.NewReader(body)))
		resp := must[*http.Response](t)(http.DefaultClient.Do(request))
		defer resp.Body.Close()
		return resp.StatusCode, string(must[[]byte](t)(io.ReadAll(resp.Body)))
	}
	if status, text := admin("POST", "faults", `{"operation":"ListQueues","kind":"error","code":"InternalError","status":500}`); status != http.StatusCreated {
		t.Fatalf("arm: %d %s", status, text)
	}
	if _, err := client.ListQueues(t.Context(), &sqs.ListQueuesInput{}); codeOf(err) != "InternalError" {
		t.Errorf("the fault did not hit: %v", err)
	}
	var hits []Call
	if _, text := admin("GET", "faults", ""); json.Unmarshal([]byte(text), &hits) != nil || len(hits) != 1 {
		t.Errorf("the hits are %s", text)
	}
	if status, _ := admin("DELETE", "faults", ""); status != http.StatusNoContent {
		t.Errorf("clear: %d", status)
	}
	must[*sqs.ListQueuesOutput](t)(client.ListQueues(t.Context(), &sqs.ListQueuesInput{}))
	var meter struct {
		Total  int64
		Counts []counted
	}
	if _, text := admin("GET", "meter", ""); json.Unmarshal([]byte(text), &meter) != nil || meter.Total < 2 || len(meter.Counts) == 0 {
		t.Errorf("the meter is %s", text)
	}
	for _, bad := range []string{`{"operatoin":"ListQueues","kind":"timeout"}`, `{"kind":"kill"}`, `{`} {
		if status, _ := admin("POST", "faults", bad); status != http.StatusBadRequest {
			t.Errorf("%s was answered with %d", bad, status)
		}
	}
	if status, _ := admin("GET", "nothing", ""); status != http.StatusNotFound {
		t.Errorf("an unknown path was answered with %d", status)
	}
	if n := local.Gate().Meter().Since(mark).Total(); n != 2 {
		t.Errorf("the meter counted %d calls, want 2 without the administration", n)
	}
}
