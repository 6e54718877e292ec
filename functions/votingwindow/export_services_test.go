package votingwindow_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// uploads is S3 as far as uploads go. It notes each call, and keeps what would appear.
type uploads struct {
	mu     sync.Mutex
	calls  []string
	parts  map[string][]byte
	object []byte
}

func (u *uploads) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	u.mu.Lock()
	defer u.mu.Unlock()
	query := r.URL.Query()
	switch part := query.Get("partNumber"); {
	case r.Method == http.MethodPost && query.Has("uploads"):
		u.calls, u.parts = append(u.calls, "begin "+r.Header.Get("Content-Type")), map[string][]byte{}
		_, _ = fmt.Fprint(w, `<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>`)
	case r.Method == http.MethodPut && part != "":
		u.calls, u.parts[part] = append(u.calls, "part"), body
		w.Header().Set("ETag", part)
	case r.Method == http.MethodPut:
		u.calls, u.object = append(u.calls, "put "+r.Header.Get("Content-Type")+" "+r.Header.Get("Cache-Control")), body
	case r.Method == http.MethodPost:
		u.calls = append(u.calls, "complete")
		for part := 1; u.parts[fmt.Sprint(part)] != nil; part++ {
			u.object = append(u.object, u.parts[fmt.Sprint(part)]...)
		}
		_, _ = fmt.Fprint(w, `<CompleteMultipartUploadResult></CompleteMultipartUploadResult>`)
	case r.Method == http.MethodDelete:
		u.calls = append(u.calls, "abort")
	}
}

func TestBucketUpload(t *testing.T) {
	const megabyte = 1 << 20
	for name, c := range map[string]struct {
		bytes int
		fault error // At the end of reading.
		calls []string
	}{
		"nothing":       {0, nil, []string{"put application/gzip no-store"}},
		"small":         {megabyte, nil, []string{"put application/gzip no-store"}},
		"large":         {12 * megabyte, nil, []string{"begin application/gzip", "part", "part", "part", "complete"}},
		"small, broken": {megabyte, errors.New("the tables do not hold it"), nil},
		"large, broken": {12 * megabyte, errors.New("the tables do not hold it"), []string{"abort"}},
	} {
		t.Run(name, func(t *testing.T) {
			server := &uploads{}
			cfg := answering(t, server.ServeHTTP)
			bucket := &votingwindow.Bucket{Name: "results", Client: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })}
			content := bytes.Repeat([]byte("0123456789abcdef"), c.bytes/16)
			read, write := io.Pipe()
			go func() {
				_, _ = write.Write(content)
				write.CloseWithError(c.fault)
			}()
			err := bucket.Upload(t.Context(), "export/ballots.jsonl.gz", "application/gzip", read)
			server.mu.Lock()
			defer server.mu.Unlock()
			if c.fault != nil {
				if err == nil || !strings.Contains(err.Error(), c.fault.Error()) || server.object != nil || slices.Contains(server.calls, "complete") {
					t.Errorf("got %v, %q, %d bytes", err, server.calls, len(server.object))
				}
				if len(c.calls) > 0 && server.calls[len(server.calls)-1] != "abort" {
					t.Errorf("calls were %q", server.calls)
				}
				return
			}
			if err != nil || !slices.Equal(server.calls, c.calls) {
				t.Errorf("got %v, calls %q, should be %q", err, server.calls, c.calls)
			}
			if !bytes.Contains(server.object, content) || c.bytes >= 5*megabyte && len(server.object) != len(content) {
				t.Errorf("%d bytes appeared, should be %d", len(server.object), len(content))
			}
		})
	}
}

func TestSigningKey(t *testing.T) {
	var target string
	var asked map[string]any
	cfg := answering(t, func(w http.ResponseWriter, r *http.Request) {
		target = r.Header.Get("X-Amz-Target")
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = fmt.Fprint(w, `{"Signature":"c2lnbmVk","PublicKey":"a2V5"}`)
	})
	key := votingwindow.NewSigningKey(cfg, "arn:aws:kms:eu-west-1:123456789012:key/1234")
	digest := sha256.Sum256([]byte("manifest"))
	signature, err := key.Sign(t.Context(), digest[:])
	if err != nil || string(signature) != "signed" {
		t.Fatal(signature, err)
	}
	want := map[string]any{"KeyId": key.ID(), "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
	for member, value := range want {
		if asked[member] != value {
			t.Errorf("%s is %v, should be %v", member, asked[member], value)
		}
	}
	if target != "TrentService.Sign" || asked["Message"] != base64Of(digest[:]) {
		t.Errorf("asked %s for %v, the digest is %s", target, asked["Message"], hex.EncodeToString(digest[:]))
	}
	if public, err := key.PublicKey(t.Context()); err != nil || string(public) != "key" || target != "TrentService.GetPublicKey" {
		t.Error(public, err, target)
	}
}

func base64Of(body []byte) string {
	encoded, _ := json.Marshal(body)
	return strings.Trim(string(encoded), `"`)
}

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
