package operator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
)

// resurfacing answers as SQS does for a dead-letter queue so long that messages
// which failed are no longer hidden before the last ones were received: each of its
// answers is one call of ReceiveMessage, then there is nothing.
type resurfacing struct {
	t       *testing.T
	answers [][]string
	// refused are the bodies that the source queue does not take.
	refused map[string]bool
	deleted int
}

func (s *resurfacing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	type entry struct {
		ID          string `json:"Id"`
		MessageBody string
	}
	var in struct{ Entries []entry }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		s.t.Error(err)
	}
	out := map[string]any{"Successful": []any{}}
	switch operation := r.Header.Get("X-Amz-Target"); {
	case strings.HasSuffix(operation, ".ReceiveMessage"):
		var messages []map[string]string
		if len(s.answers) > 0 {
			for _, id := range s.answers[0] {
				messages = append(messages, map[string]string{"MessageId": id, "ReceiptHandle": id, "Body": id})
			}
			s.answers = s.answers[1:]
		}
		out = map[string]any{"Messages": messages}
	case strings.HasSuffix(operation, ".SendMessageBatch"):
		var failed []map[string]any
		for _, e := range in.Entries {
			if s.refused[e.MessageBody] {
				failed = append(failed, map[string]any{"Id": e.ID, "Code": "InternalError", "SenderFault": false})
			}
		}
		out["Failed"] = failed
	case strings.HasSuffix(operation, ".DeleteMessageBatch"):
		s.deleted += len(in.Entries)
	case strings.HasSuffix(operation, ".ChangeMessageVisibilityBatch"):
	default:
		s.t.Errorf("unexpected %s", operation)
	}
	_ = json.NewEncoder(w).Encode(out)
}

// TestRedriveGoesOnBehindFailed: a receive that brings nothing but messages that
// have failed in this run is not the end of the queue.
func TestRedriveGoesOnBehindFailed(t *testing.T) {
	var failed, good, more []string
	for i := range 10 {
		failed, good, more = append(failed, fmt.Sprint("failed", i)), append(good, fmt.Sprint("good", i)), append(more, fmt.Sprint("more", i))
	}
	s := &resurfacing{t: t, answers: [][]string{failed, good, failed, failed, more}, refused: map[string]bool{}}
	for _, id := range failed {
		s.refused[id] = true
	}
	server := httptest.NewServer(s)
	defer server.Close()
	client, failure := awsclient.New(t.Context(), awsclient.Config{Region: "eu-central-1", AccessKey: "test", SecretKey: "test", Endpoint: server.URL})
	if failure != nil {
		t.Fatal(failure)
	}
	d := &deployed{client: client, manifest: &deploy.Manifest{Parts: map[string]deploy.Record{}}}
	r := newRedriver(d, blueprint.RedriveRoute{Redrive: blueprint.RedriveResend, DeadLetters: "dead-letters", Source: "votes", Timeout: time.Second, BatchSize: 10}, 0, func(string) {})
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.succeeded != 20 || r.failed != 10 || s.deleted != 20 {
		t.Errorf("%d succeeded, %d failed and %d were deleted; want 20, 10 and 20", r.succeeded, r.failed, s.deleted)
	}
}
