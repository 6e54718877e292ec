package s3_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
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
		"nothing":                    {0, nil, []string{"put application/gzip no-store"}},
		"small":                      {megabyte, nil, []string{"put application/gzip no-store"}},
		"large":                      {12 * megabyte, nil, []string{"begin application/gzip", "part", "part", "part", "complete"}},
		"small, broken":              {megabyte, errors.New("the tables do not hold it"), nil},
		"as large as a part":         {5 * megabyte, nil, []string{"begin application/gzip", "part", "complete"}},
		"broken, as if it had ended": {megabyte, fmt.Errorf("read the answer: %w", io.ErrUnexpectedEOF), nil},
		"broken, as if at its end":   {megabyte, fmt.Errorf("read the answer: %w", io.EOF), nil},
		"large, broken":              {12 * megabyte, errors.New("the tables do not hold it"), []string{"abort"}},
	} {
		t.Run(name, func(t *testing.T) {
			server := &uploads{}
			bucket := s3.New(answering(t, server.ServeHTTP), "results")
			content := bytes.Repeat([]byte("0123456789abcdef"), c.bytes/16)
			read, write := io.Pipe()
			go func() {
				_, _ = write.Write(content)
				write.CloseWithError(c.fault)
			}()
			err := bucket.Upload(t.Context(), "export/ballots.jsonl.gz", "application/gzip", "no-store", read)
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
			if !bytes.Equal(server.object, content) {
				t.Errorf("%d bytes appeared, should be %d", len(server.object), len(content))
			}
		})
	}
}

func TestBucketPartsGoOn(t *testing.T) {
	server := &uploads{}
	bucket := s3.New(answering(t, server.ServeHTTP), "results")
	parts, err := bucket.BeginParts(t.Context(), "bookings/1", "application/gzip", "no-store")
	if err != nil {
		t.Fatal(err)
	}
	if err := bucket.AddPart(t.Context(), parts, []byte("one ")); err != nil {
		t.Fatal(err)
	}
	kept, err := json.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	for _, second := range []string{"lost", "two"} { // Whoever went on first died before he kept it.
		var resumed s3.Parts
		if err := json.Unmarshal(kept, &resumed); err != nil {
			t.Fatal(err)
		}
		if err := bucket.AddPart(t.Context(), &resumed, []byte(second)); err != nil {
			t.Fatal(err)
		}
		parts = &resumed
	}
	if err := bucket.CompleteParts(t.Context(), parts); err != nil {
		t.Fatal(err)
	}
	want := &s3.Parts{Key: "bookings/1", Upload: "1", Parts: []s3.Part{{PartNumber: 1, ETag: "1"}, {PartNumber: 2, ETag: "2"}}}
	if diff := cmp.Diff(want, parts); diff != "" || string(server.object) != "one two" {
		t.Errorf("the object is %q; want -, have +:\n%s", server.object, diff)
	}
	if err := bucket.AbortParts(t.Context(), parts); err != nil || server.calls[len(server.calls)-1] != "abort" {
		t.Errorf("got %v, calls %q", err, server.calls)
	}
}
