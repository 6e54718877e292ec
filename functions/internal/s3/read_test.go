package s3_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
)

func TestGetChanged(t *testing.T) {
	body := "one"
	bucket := s3.New(answering(t, func(w http.ResponseWriter, r *http.Request) {
		tag := `"` + body + `"`
		switch {
		case r.URL.Path == "/results/denied":
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<Error><Code>AccessDenied</Code><Message>not yours</Message></Error>`)
		case body == "":
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `<Error><Code>NoSuchKey</Code><Message>none</Message></Error>`)
		case r.Header.Get("If-None-Match") == tag:
			w.WriteHeader(http.StatusNotModified)
		default:
			w.Header().Set("ETag", tag)
			fmt.Fprint(w, body)
		}
	}), "results")
	etag := ""
	for i, step := range []struct {
		there, want string
		changed     bool
	}{{"one", "one", true}, {"one", "", false}, {"two", "two", true}, {"two", "", false}, {"", "", true}, {"two", "two", true}} {
		body = step.there
		got, now, changed, err := bucket.GetChanged(t.Context(), "manifest.json", etag)
		if err != nil || string(got) != step.want || changed != step.changed {
			t.Errorf("step %d: got %q, %t, %v", i, got, changed, err)
		}
		etag = now
	}
	var refused *awscall.Refusal
	if _, _, _, err := bucket.GetChanged(t.Context(), "denied", etag); !errors.As(err, &refused) || refused.Code != "AccessDenied" {
		t.Errorf("got %v", err)
	}
}
