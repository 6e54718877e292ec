package s3_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
)

// answering is a configuration whose calls are answered by a handler.
func answering(t *testing.T, handler http.HandlerFunc) aws.Config {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", "token"),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }, HTTPClient: server.Client(),
	}
}

func TestObjects(t *testing.T) {
	objects := map[string]string{}
	bucket := s3.New(answering(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if !strings.Contains(r.Header.Get("Authorization"), "x-amz-content-sha256") {
			t.Errorf("signed by %s", r.Header.Get("Authorization"))
		}
		switch found, exists := objects[r.RequestURI]; {
		case r.Method == http.MethodPut:
			objects[r.RequestURI] = string(body) + " " + r.Header.Get("Content-Type") + " " + r.Header.Get("Cache-Control")
		case r.Method == http.MethodDelete:
			delete(objects, r.RequestURI)
			w.WriteHeader(http.StatusNoContent)
		case strings.HasSuffix(r.RequestURI, "/large"):
			w.Header().Set("Content-Length", strconv.Itoa(128<<20+1))
		case strings.HasSuffix(r.RequestURI, "/denied"):
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<Error><Code>AccessDenied</Code><Message>not yours</Message></Error>`)
		case !exists:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `<Error><Code>NoSuchKey</Code><Message>none</Message></Error>`)
		default:
			fmt.Fprint(w, found)
		}
	}), "results")
	const key, path = "export/a b+c.json", "/results/export/a%20b%2Bc.json"
	if body, err := bucket.GetObject(t.Context(), key); body != nil || err != nil {
		t.Errorf("got %q, %v of none", body, err)
	}
	if err := bucket.PutObject(t.Context(), key, []byte(`{}`), "application/json", "max-age=4"); err != nil || objects[path] != "{} application/json max-age=4" {
		t.Errorf("%v, wrote %q", err, objects)
	}
	body, size, err := bucket.OpenObject(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if read, err := io.ReadAll(body); err != nil || string(read) != objects[path] || size != int64(len(read)) || body.Close() != nil {
		t.Errorf("read %q of %d, %v", read, size, err)
	}
	if read, err := bucket.GetObject(t.Context(), key); err != nil || string(read) != objects[path] {
		t.Errorf("got %q, %v", read, err)
	}
	if err := errors.Join(bucket.DeleteObject(t.Context(), key), bucket.DeleteObject(t.Context(), key)); err != nil || len(objects) != 0 {
		t.Errorf("%v, left %q", err, objects)
	}
	var refused *awscall.Refusal
	if body, err := bucket.GetObject(t.Context(), "large"); !errors.Is(err, s3.ErrTooLarge) {
		t.Errorf("got %d bytes of a part, %v", len(body), err)
	}
	if _, err := bucket.GetObject(t.Context(), "denied"); !errors.As(err, &refused) || refused.Code != "AccessDenied" {
		t.Errorf("got %v", err)
	}
}

// asked is where a request goes to, and nothing comes back.
type asked struct{ address string }

func (a *asked) Do(r *http.Request) (*http.Response, error) {
	a.address = r.URL.String()
	return nil, errors.New("nobody there")
}

// TestAddress: a bucket is in the host name, but for one whose dots no certificate covers.
func TestAddress(t *testing.T) {
	for bucket, want := range map[string]string{
		"results":     "https://results.s3.eu-west-1.amazonaws.com/results.json",
		"results.org": "https://s3.eu-west-1.amazonaws.com/results.org/results.json",
	} {
		to := &asked{}
		cfg := aws.Config{
			Region: "eu-west-1", HTTPClient: to, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
			Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		}
		if _, err := s3.New(cfg, bucket).GetObject(t.Context(), "results.json"); err == nil || to.address != want {
			t.Errorf("%v, asked %s, want %s", err, to.address, want)
		}
	}
}
