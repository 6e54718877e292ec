package kinds

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
)

// manyObjects answers as S3 does for a bucket with objects some of which it does
// not delete when it is asked first.
type manyObjects struct {
	t *testing.T
	// refusals are, by key, the codes with which it refuses to delete an object, one
	// after the other.
	refusals map[string][]string
	left     []string
	gone     bool
	calls    int
}

func (s *manyObjects) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodGet && query.Has("versions"):
		fmt.Fprint(w, "<ListVersionsResult>")
		for _, key := range s.left {
			fmt.Fprintf(w, "<Version><Key>%s</Key><VersionId>null</VersionId></Version>", key)
		}
		fmt.Fprint(w, "<IsTruncated>false</IsTruncated></ListVersionsResult>")
	case r.Method == http.MethodGet && query.Has("uploads"):
		fmt.Fprint(w, "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>")
	case r.Method == http.MethodPost && query.Has("delete"):
		s.calls++
		var asked struct {
			Objects []struct{ Key string } `xml:"Object"`
		}
		if err := xml.NewDecoder(r.Body).Decode(&asked); err != nil {
			s.t.Error(err)
		}
		fmt.Fprint(w, "<DeleteResult>")
		for _, o := range asked.Objects {
			if codes := s.refusals[o.Key]; len(codes) > 0 {
				s.refusals[o.Key] = codes[1:]
				fmt.Fprintf(w, "<Error><Key>%s</Key><Code>%s</Code><Message>refused</Message></Error>", o.Key, codes[0])
				continue
			}
			s.left = slices.DeleteFunc(s.left, func(key string) bool { return key == o.Key })
		}
		fmt.Fprint(w, "</DeleteResult>")
	case r.Method == http.MethodDelete:
		s.gone = true
		w.WriteHeader(http.StatusNoContent)
	default:
		s.t.Errorf("unexpected %s %s", r.Method, r.URL)
	}
}

// leaping is a clock that does not wait.
type leaping struct{}

func (leaping) Now() time.Time { return time.Now() }

func (leaping) After(time.Duration) <-chan time.Time {
	c := make(chan time.Time, 1)
	c <- time.Now()
	return c
}

// TestBucketWithManyObjects: of a batch that S3 deletes, single objects may be
// refused for the moment (S3 API Reference, DeleteObjects and error codes).
func TestBucketWithManyObjects(t *testing.T) {
	for name, c := range map[string]struct {
		refusals map[string][]string
		want     string
		calls    int
	}{
		"busy":   {map[string][]string{"b": {"SlowDown", "InternalError"}, "c": {"ServiceUnavailable"}}, "", 3},
		"denied": {map[string][]string{"a": {"SlowDown"}, "b": {"AccessDenied"}}, "AccessDenied: refused (object b; 2 of a batch", 1},
		"always": {map[string][]string{"c": slices.Repeat([]string{"SlowDown"}, 1000)}, "SlowDown", deletions},
	} {
		t.Run(name, func(t *testing.T) {
			s := &manyObjects{t: t, refusals: c.refusals, left: []string{"a", "b", "c"}}
			server := httptest.NewServer(s)
			defer server.Close()
			client, failure := awsclient.New(context.Background(), awsclient.Config{
				Region: testRegion, AccessKey: "test", SecretKey: "test", Endpoint: server.URL, PathStyle: true,
			})
			if failure != nil {
				t.Fatal(failure)
			}
			driver := adapt(bucket{Env{AWS: client, Clock: leaping{}}})
			err := driver.Delete(t.Context(), &Target{Name: "results", Force: true})
			if c.want == "" && (err != nil || !s.gone || len(s.left) > 0) || err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) || err == nil && c.want != "" {
				t.Errorf("delete: %v, want %q; left are %v, the bucket is gone: %t", err, c.want, s.left, s.gone)
			}
			if s.calls != c.calls {
				t.Errorf("S3 was asked %d times to delete objects, want %d", s.calls, c.calls)
			}
			if name == "always" && !driver.Transient(err) {
				t.Errorf("%v does not pass", err)
			}
		})
	}
}
