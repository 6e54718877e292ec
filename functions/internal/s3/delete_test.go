package s3_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
)

func TestDeleteObjects(t *testing.T) {
	keys := []string{"runs/a/1.json", `a & <b> "c" 'd' ä`}
	stays := ""
	bucket := s3.New(answering(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var asked struct {
			Quiet  bool
			Object []struct{ Key string }
		}
		if err != nil || xml.Unmarshal(body, &asked) != nil || !asked.Quiet || r.Method != http.MethodPost || r.RequestURI != "/up/?delete=" {
			t.Errorf("%s %s %s: %v", r.Method, r.RequestURI, body, err)
		}
		var got []string
		for _, object := range asked.Object {
			got = append(got, object.Key)
		}
		sum := sha256.Sum256(body)
		if !slices.Equal(got, keys) || r.Header.Get("X-Amz-Checksum-Sha256") != base64.StdEncoding.EncodeToString(sum[:]) {
			t.Errorf("asked to delete %q with %v", got, r.Header)
		}
		fmt.Fprint(w, `<?xml version="1.0" encoding="UTF-8"?><DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`+stays+`</DeleteResult>`)
	}), "up")
	if err := bucket.DeleteObjects(t.Context(), keys); err != nil {
		t.Error(err)
	}
	stays = `<Error><Key>runs/a/1.json</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`
	if err := bucket.DeleteObjects(t.Context(), keys); err == nil || !strings.Contains(err.Error(), "runs/a/1.json: AccessDenied") {
		t.Errorf("one that stays: %v", err)
	}
}
