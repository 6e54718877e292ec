package pipeline_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// resolved is what encoding/json finds at a JSON pointer, by the letter of RFC 6901, section 4.
func resolved(document any, pointer string) (any, bool) {
	if pointer == "" {
		return document, true
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch at := document.(type) {
		case map[string]any:
			member, ok := at[token]
			if !ok {
				return nil, false
			}
			document = member
		case []any:
			index, err := strconv.Atoi(token)
			if err != nil || strconv.Itoa(index) != token || index < 0 || index >= len(at) {
				return nil, false
			}
			document = at[index]
		default:
			return nil, false
		}
	}
	return document, true
}

func FuzzPointers(f *testing.F) {
	for _, document := range []string{
		`{"a":{"b":[1,{"c":"x"}],"b/d":2},"~":null}`, `[1,[2,{"a":3}]]`, `{"a":1,"a":{"b":[0]}}`, ` {"\u0061" : { } , "b":"}" }`, `"a"`, `{"":{"":1}}`, `{"a":{"b":1},"a":{}}`,
	} {
		f.Add([]byte(document))
	}
	pointers := []string{"", "/a", "/a/b", "/a/b/1/c", "/a/b~1d", "/~0", "/0", "/1/1/a", "/", "//", "/b", "/a/b/0"}
	f.Fuzz(func(t *testing.T, document []byte) {
		if !json.Valid(document) || depth(document) > pipeline.MaxDepth {
			t.Skip()
		}
		var whole any
		if err := json.Unmarshal(document, &whole); err != nil {
			t.Skip() // A number that no float64 holds.
		}
		found, err := pipeline.Find(document, pointers)
		if err != nil {
			t.Fatal(err)
		}
		for i, pointer := range pointers {
			want, there := resolved(whole, pointer)
			if there != (found[i] != nil) {
				t.Fatalf("%q in %q: %q", pointer, document, found[i])
			}
			if !there {
				continue
			}
			var have any
			if err := json.Unmarshal(found[i], &have); err != nil || !cmp.Equal(have, want) {
				t.Fatalf("%q in %q is %q, %v", pointer, document, found[i], err)
			}
			if trimmed := bytes.TrimSpace(found[i]); len(trimmed) != len(found[i]) {
				t.Fatalf("%q in %q is %q", pointer, document, found[i])
			}
		}
	})
}

// depth is how deep a valid document is nested.
func depth(document []byte) (deepest int) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	now := 0
	for {
		token, err := decoder.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			now++
			deepest = max(deepest, now)
		case json.Delim('}'), json.Delim(']'):
			now--
		}
	}
}

func FuzzItems(f *testing.F) {
	mapper, err := pipeline.ReadMapping([]byte(`{"key":["/id","/b"],"attributes":{"s":{"pointer":"/s","type":"string"},"n":{"pointer":"/n","type":"number"},"j":{"pointer":"","type":"json"},"b":{"pointer":"/b","type":"bool","default":true},"t":{"pointer":"/t","type":"timestamp"}},"records":"","max_bytes":2000}`))
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range []string{`{"id":1,"b":true,"s":"x\ud800","n":"1e5","t":"2026-01-01"}`, "{\"id\":\"a/\",\"b\":\"~\"}\n{\"id\":2,\"b\":3}", "\x1f\x8b", "\xEF\xBB\xBF[]", `[{"id":"é","b":1,"n":-0.0}]`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		items, err := mapper.Items(bytes.Clone(body), 1<<16, origin)
		if err != nil {
			if _, ok := pipeline.FailureOf("f", err); !ok || items != nil {
				t.Fatalf("%d items, %v", len(items), err)
			}
			return
		}
		for _, item := range items {
			var read dynamodb.Item
			if err := json.Unmarshal(item.Encoded, &read); err != nil {
				t.Fatalf("%s: %v", item.Encoded, err)
			}
			if read["id"].Text() != item.Key || item.Key == "" || len(item.Key) > 2048 || item.Bytes > 2000 {
				t.Fatalf("the item %s has the key %q and %d bytes", item.Encoded, item.Key, item.Bytes)
			}
			if text := read["j"].Text(); text != "" && !json.Valid([]byte(text)) {
				t.Fatalf("%q is no JSON", text)
			}
			if number := read["n"].N; number != "" && !json.Valid([]byte(number)) {
				t.Fatalf("%q is no number", number)
			}
		}
	})
}

func FuzzMapping(f *testing.F) {
	f.Add([]byte(plainMapping))
	f.Add([]byte(`{"key":["/a~0"],"records":"/x","attributes":{"a":{"pointer":"/0","type":"timestamp","default":"2026-01-01"}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		mapper, err := pipeline.ReadMapping(text)
		if err != nil {
			return
		}
		if _, err := mapper.Items([]byte(`{"id":"a"}`), 1<<16, origin); err != nil {
			if _, ok := pipeline.FailureOf("f", err); !ok {
				t.Fatal(err)
			}
		}
	})
}

func FuzzMessages(f *testing.F) {
	f.Add(`{"run":"r1","prefix":"up/","marker":"up/a","step":3}`)
	f.Add(`{"run":"r1","stage":"segments"}`)
	f.Add(`up/2026/`)
	f.Fuzz(func(t *testing.T, text string) {
		if start, err := pipeline.ReadStart(events.SNSEntity{Message: text, MessageID: "m"}); err == nil && (!pipeline.ValidRun(start.Run) || start.Step > pipeline.ChainSteps || len(start.Prefix) > 1024) {
			t.Fatalf("%+v", start)
		}
		if stage, err := pipeline.ReadStage(text); err == nil && !pipeline.ValidRun(stage.Run) {
			t.Fatalf("%+v", stage)
		}
	})
}

// FuzzChunks: what a lister packs, ingest reads; and whatever else there is in the stream, it does not take for a chunk that is none.
func FuzzChunks(f *testing.F) {
	f.Add("up/a.json\nup/b \"ä\".json\nup/\x01", []byte(`{"run":"r1","chunk":"0123456789012345678901","at":1,"bucket":"b","keys":["x"]}`))
	f.Add("ä\nâ", []byte(`{"run":"r1"}`))
	f.Add("", []byte(`{"run":"r1","chunk":"0123456789012345678901","at":1,"keys":["x"]}`))
	f.Fuzz(func(t *testing.T, text string, other []byte) {
		if chunk, err := pipeline.ReadChunk(other, "b"); err == nil {
			if len(chunk.Keys) == 0 || !pipeline.ValidRun(chunk.Run) || chunk.Bucket != "b" || chunk.Key(0) == "" {
				t.Fatalf("%+v", chunk)
			}
		}
		var keys []string
		for key := range strings.SplitSeq(strings.ToValidUTF8(text, "?"), "\n") {
			if key != "" {
				keys = append(keys, key)
			}
		}
		records, err := pipeline.Pack(pipeline.Chunk{Run: "r1", At: 7, Bucket: "b"}, "marker", keys, nil, 3)
		if err != nil {
			t.Fatal(err)
		}
		var back []string
		ids := map[string]bool{}
		for _, record := range records {
			chunk, err := pipeline.ReadChunk(record.Data, "b")
			if err != nil || chunk.Run != "r1" || chunk.At != 7 || len(chunk.Keys) > 3 || ids[chunk.ID] || record.PartitionKey != chunk.ID {
				t.Fatalf("%s: %v", record.Data, errors.Join(err))
			}
			ids[chunk.ID] = true
			for i := range chunk.Keys {
				back = append(back, chunk.Key(i))
			}
		}
		if !cmp.Equal(back, keys) {
			t.Fatalf("%q came back as %q", keys, back)
		}
	})
}
