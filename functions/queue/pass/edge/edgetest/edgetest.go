// Package edgetest runs a CloudFront function in tests as its runtime would, by
// Node.
package edgetest

import (
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Value and Request are of the event structure (CloudFront Developer Guide,
// "CloudFront Functions event structure").
type Value struct {
	Value      string  `json:"value"`
	Attributes string  `json:"attributes,omitempty"`
	MultiValue []Value `json:"multiValue,omitempty"`
}

// Request is one of a viewer: GET /buy where method and URI are empty.
type Request struct {
	Method  string           `json:"method"`
	URI     string           `json:"uri"`
	Query   map[string]Value `json:"querystring"`
	Headers map[string]Value `json:"headers"`
	Cookies map[string]Value `json:"cookies"`
}

// Answer is a request that goes on, or a response.
type Answer struct {
	Request
	// Status is that of a response; 0 for a request.
	Status int `json:"statusCode"`
}

//go:embed run.mjs
var runner string

// helper is the store's, as far as it is used (CloudFront Developer Guide, "Helper
// methods for key value stores"): it throws where there is no such key.
const helper = `export default { kvs: () => ({ get: async (key) => {
	if (!Object.hasOwn(globalThis.edgeStore, key)) throw new Error('KeyNotFound');
	return globalThis.edgeStore[key];
} }) };`

// Run runs the code on requests at a time, with a key value store that has these
// values.
func Run(t *testing.T, code string, store map[string]string, now time.Time, requests ...Request) []Answer {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("node_modules/cloudfront/package.json", `{"name":"cloudfront","type":"module","exports":"./index.js"}`)
	write("node_modules/cloudfront/index.js", helper)
	for i := range requests {
		requests[i].complete()
	}
	events, err := json.Marshal(map[string]any{"store": store, "now": now.UnixMilli(), "events": requests})
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", write("run.mjs", runner), write("edge.mjs", code+"\nexport { handler };\n"), write("events.json", string(events))) //nolint:gosec // Files of this test.
	var stderr strings.Builder
	node.Stderr = &stderr
	out, err := node.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, stderr.String())
	}
	var answers []Answer
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatal(err)
	}
	return answers
}

// complete gives a request what every event has.
func (r *Request) complete() {
	if r.Method == "" {
		r.Method = "GET"
	}
	if r.URI == "" {
		r.URI = "/buy"
	}
	for _, m := range []*map[string]Value{&r.Query, &r.Headers, &r.Cookies} {
		if *m == nil {
			*m = map[string]Value{}
		}
	}
}
