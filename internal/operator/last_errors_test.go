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
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
)

// busyLog answers as CloudWatch Logs does for a log group with many lines: pages may
// be empty and not the last, and the events come the oldest first unless the newest
// are asked for (CloudWatch Logs API Reference, FilterLogEvents).
type busyLog struct {
	// empty pages come before those with the events, which are errors 1 to n.
	empty, n int
	calls    int
}

func (l *busyLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".FilterLogEvents") {
		fmt.Fprint(w, `{"Name": "live", "FunctionVersion": "1"}`)
		return
	}
	l.calls++
	in := struct {
		Limit         int
		StartFromHead *bool
		NextToken     int `json:",string"`
	}{Limit: 10_000}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	type event struct {
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	type answer struct {
		Events    []event `json:"events"`
		NextToken string  `json:"nextToken,omitempty"`
	}
	var out answer
	if in.NextToken < l.empty {
		out.NextToken = fmt.Sprint(in.NextToken + 1)
	} else {
		from := in.NextToken - l.empty
		for i := from; i < min(l.n, from+in.Limit); i++ {
			number := i + 1
			if in.StartFromHead != nil && !*in.StartFromHead {
				number = l.n - i
			}
			out.Events = append(out.Events, event{int64(number), fmt.Sprintf("ERROR %d", number)})
		}
		if from+in.Limit < l.n {
			out.NextToken = fmt.Sprint(in.NextToken + in.Limit)
		}
	}
	_ = json.NewEncoder(w).Encode(out)
}

// TestLastErrors: the last error of a function is the newest, however much its log
// holds.
func TestLastErrors(t *testing.T) {
	for name, c := range map[string]struct {
		log    busyLog
		errors int
		last   string
		calls  int
	}{
		"none":                   {busyLog{}, 0, "", 1},
		"behind empty pages":     {busyLog{empty: 3, n: 2}, 2, "ERROR 2", 4},
		"more than are read":     {busyLog{n: 250}, maxErrors, "ERROR 250", 1},
		"nothing but empty ones": {busyLog{empty: 1000}, 0, "", maxPages},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(&c.log)
			defer server.Close()
			client, failure := awsclient.New(t.Context(), awsclient.Config{Region: "eu-central-1", AccessKey: "test", SecretKey: "test", Endpoint: server.URL})
			if failure != nil {
				t.Fatal(failure)
			}
			v := &viewer{now: time.Now(), deployed: &deployed{client: client, manifest: &deploy.Manifest{Parts: map[string]deploy.Record{"recorder": {Name: "tv-vote-recorder-euc1"}}}}}
			v.Functions = map[string]functionStatus{}
			v.function(t.Context(), "recorder")
			got := v.Functions["recorder"]
			if got.Errors != c.errors || got.LastError != c.last || c.log.calls != c.calls {
				t.Errorf("status tells of %d errors, the last %q, after %d calls; want %d, %q, %d", got.Errors, got.LastError, c.log.calls, c.errors, c.last, c.calls)
			}
			if unread := len(v.Unread) > 0; unread != (c.calls == maxPages) {
				t.Errorf("unread is %q", v.Unread)
			}
		})
	}
}
