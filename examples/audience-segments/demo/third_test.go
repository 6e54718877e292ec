package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// sends puts data as uploader does, and returns the status; 0 for no answer.
func sends(t *testing.T, to *thirdParty, secret, key string, data []byte) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, to.url+"/audiences/b1", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	request.Header.Set("Content-Type", "application/gzip")
	request.Header.Set("Authorization", secret)
	request.Header.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	request.Header.Set("Idempotency-Key", strings.ReplaceAll(key, "SUM", hex.EncodeToString(sum[:])))
	request.GetBody = nil // No second try by the client itself.
	resp, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// The third party is down, breaks off, and takes each key once all the same.
func TestThirdParty(t *testing.T) {
	third, err := startThirdParty(t.Context(), "s3cret")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := third.close(); err != nil {
			t.Error(err)
		}
	})
	data := compress([]byte("{\"id\":\"1\",\"population\":20}\n{\"id\":\"2\",\"population\":30}\n"))
	for i, want := range []int{http.StatusServiceUnavailable, 0, http.StatusCreated, http.StatusCreated} {
		if got := sends(t, third, "s3cret", "b1-SUM", data); got != want {
			t.Errorf("try %d is answered %d, want %d", i+1, got, want)
		}
	}
	asked, taken, err := third.state()
	if err != nil || asked != 4 || len(taken) != 1 {
		t.Fatalf("asked %d times, taken %v, %v", asked, taken, err)
	}
	for key, d := range taken {
		if !strings.HasPrefix(key, "b1-") || d.booking != "b1" || d.times != 3 || !maps.Equal(d.places, map[string]int64{"1": 20, "2": 30}) {
			t.Errorf("%s is %+v", key, d)
		}
	}
	for name, c := range map[string]struct {
		secret, key string
		data        []byte
		status      int
		fault       string
	}{
		"another secret": {"other", "b1-SUM", data, http.StatusUnauthorized, "the secret is wrong"},
		"another key":    {"s3cret", "b1-00", data, http.StatusBadRequest, "the idempotency key is"},
		"no gzip":        {"s3cret", "b1-SUM", []byte(`{"id":"1"}`), http.StatusBadRequest, "unpack the data"},
		"a place twice":  {"s3cret", "b1-SUM", compress([]byte("{\"id\":\"1\"}\n{\"id\":\"1\"}\n")), http.StatusBadRequest, "is twice in the data"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := sends(t, third, c.secret, c.key, c.data); got != c.status {
				t.Errorf("it is answered %d, want %d", got, c.status)
			}
			if _, taken, err := third.state(); len(taken) != 1 || err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("taken are %d, told is %v, want %q", len(taken), err, c.fault)
			}
		})
	}
}
