package pipeline_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

func mapperOf(t *testing.T, mapping string) *pipeline.Mapper {
	t.Helper()
	mapper, err := pipeline.ReadMapping([]byte(mapping))
	if err != nil {
		t.Fatal(err)
	}
	return mapper
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.String()
}

var origin = pipeline.Origin{Run: "r1", At: 5, File: "up/a.json"}

// plainOf is an item without what every item has, as text: numbers as #1.
func plainOf(t *testing.T, item pipeline.Item) map[string]string {
	t.Helper()
	var read dynamodb.Item
	if err := json.Unmarshal(item.Encoded, &read); err != nil {
		t.Fatalf("%s: %v", item.Encoded, err)
	}
	if read["id"].Text() != item.Key || read["run"].Text() != "r1" || read["at"].Int() != 5 {
		t.Errorf("item %s has the key %q", item.Encoded, item.Key)
	}
	size := 0
	plain := map[string]string{}
	for name, value := range read {
		size += len(name) + len(value.Scalar())
		switch {
		case value.N != "":
			plain[name] = "#" + value.N
		case value.BOOL != nil:
			plain[name] = "?" + value.Scalar()
			size += 1 - len(value.Scalar())
		default:
			plain[name] = value.Text()
		}
	}
	if size += 8 - 1; item.Bytes != size { // The time of the upload is reckoned with as eight bytes.
		t.Errorf("%s has %d bytes, not %d", item.Encoded, size, item.Bytes)
	}
	delete(plain, "run")
	delete(plain, "at")
	return plain
}

func TestTypes(t *testing.T) {
	const bad = "wrong_type"
	for _, c := range []struct{ kind, value, want string }{
		{"string", `"plain"`, "plain"},
		{"string", `""`, ""},
		{"string", `"ä \u00e4 \n \ud83d\ude00 \" \\ \/"`, "ä ä \n 😀 \" \\ /"},
		{"string", `"\ud800"`, "\uFFFD"},
		{"string", "\"\xff\"", "\uFFFD"},
		{"string", `12.50`, "12.50"},
		{"string", `true`, "true"},
		{"string", `{"a":1}`, bad},
		{"string", `[1]`, bad},
		{"number", `12.50`, "#12.50"},
		{"number", `-0.1e-7`, "#-0.1e-7"},
		{"number", `"12.5"`, "#12.5"},
		{"number", `"twelve"`, bad},
		{"number", `""`, bad},
		{"number", `"0x1"`, bad},
		{"number", `"[1]"`, bad},
		{"number", `"NaN"`, bad},
		{"number", `true`, bad},
		{"number", `[1]`, bad},
		{"number", `12345678901234567890123456789012345678`, "#12345678901234567890123456789012345678"},
		{"number", `123456789012345678901234567890123456789`, bad},
		{"number", `1000000000000000000000000000000000000000`, "#1000000000000000000000000000000000000000"},
		{"number", `0.000000000000000000000000000000000000000012`, "#0.000000000000000000000000000000000000000012"},
		{"number", `9.9e125`, "#9.9e125"},
		{"number", `99E125`, bad},
		{"number", `1e126`, bad},
		{"number", `1e-130`, "#1e-130"},
		{"number", `0.1e-130`, bad},
		{"number", `1e99999999999999999999`, bad},
		{"number", `0e999999`, "#0e999999"},
		{"bool", `true`, "?true"},
		{"bool", `"false"`, "?false"},
		{"bool", `1`, bad},
		{"bool", `"yes"`, bad},
		{"json", `{ "a" : [ 1, "x\"y\\z" ] }`, `{"a":[1,"x\"y\\z"]}`},
		{"json", `"text"`, `"text"`},
		{"json", "\"\xff\"", "\"\uFFFD\""},
		{"json", `1`, `1`},
		{"timestamp", `"2026-11-20T08:00:00Z"`, "#1795161600000"},
		{"timestamp", `"2026-11-20T09:00:00.250+01:00"`, "#1795161600250"},
		{"timestamp", `"2026-11-20 08:00:00"`, "#1795161600000"},
		{"timestamp", `"2026-11-20"`, "#1795132800000"},
		{"timestamp", `1795161600`, "#1795161600000"},
		{"timestamp", `1795161600.5`, "#1795161600500"},
		{"timestamp", `1795161600250`, "#1795161600250"},
		{"timestamp", `-1`, "#-1000"},
		{"timestamp", `1e99`, bad},
		{"timestamp", `"tomorrow"`, bad},
		{"timestamp", `true`, bad},
	} {
		mapper := mapperOf(t, `{"key":["/id"],"attributes":{"v":{"pointer":"/v","type":"`+c.kind+`"}}}`)
		items, err := mapper.Items([]byte(`{"id":"k","v":`+c.value+`}`), 1<<20, origin)
		if c.want == bad {
			if failure, ok := pipeline.FailureOf("f", err); !ok || failure.Reason != pipeline.FileWrongType || !strings.HasPrefix(failure.Detail, "/v: ") {
				t.Errorf("%s of %s: %v, %v", c.kind, c.value, items, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s of %s: %v", c.kind, c.value, err)
			continue
		}
		if got := plainOf(t, items[0])["v"]; got != c.want {
			t.Errorf("%s of %s is %q, want %q", c.kind, c.value, got, c.want)
		}
	}
}

func TestItems(t *testing.T) {
	const suburbs = `{"key":["/id"],"attributes":{"suburb":{"pointer":"/place/suburb","type":"string","required":true},"n":{"pointer":"/n/1","type":"number","default":7},"all":{"pointer":"","type":"json"}}}`
	const lists = `{"key":["/a","/b"],"records":"/data/items"}`
	const tiny = `{"key":["/id"],"attributes":{"name":{"pointer":"/name","type":"string"},"all":{"pointer":"","type":"json"}},"max_bytes":100}`
	deep := strings.Repeat("[", 513) + strings.Repeat("]", 513)
	for name, c := range map[string]struct {
		mapping, body string
		want          []map[string]string
		reason        pipeline.Reason
		detail        string
	}{
		"one": {suburbs, ` {"id":"k","place":{"x":1,"suburb":"Fitzroy"},"n":[1, 2 ,3]} `, []map[string]string{
			{"id": "k", "suburb": "Fitzroy", "n": "#2", "all": `{"id":"k","place":{"x":1,"suburb":"Fitzroy"},"n":[1,2,3]}`},
		}, "", ""},
		"a default":           {suburbs, `{"id":1,"place":{"suburb":"a"},"n":[1,null]}`, []map[string]string{{"id": "1", "suburb": "a", "n": "#7", "all": `{"id":1,"place":{"suburb":"a"},"n":[1,null]}`}}, "", ""},
		"a byte order mark":   {lists, "\xEF\xBB\xBF" + `{"data":{"items":[{"a":1,"b":2}]}}`, []map[string]string{{"id": "1/2"}}, "", ""},
		"lines":               {`{"key":["/id"]}`, "{\"id\":1}\r\n\n {\"id\":2}\n", []map[string]string{{"id": "1"}, {"id": "2"}}, "", ""},
		"lines of lists":      {`{"key":["/id"]}`, "[{\"id\":1},{\"id\":2}]\n[]\n{\"id\":3}", []map[string]string{{"id": "1"}, {"id": "2"}, {"id": "3"}}, "", ""},
		"a list":              {`{"key":["/id"]}`, `[ {"id":1} , {"id":2} ]`, []map[string]string{{"id": "1"}, {"id": "2"}}, "", ""},
		"an empty list":       {`{"key":["/id"]}`, `[]`, nil, "", ""},
		"a list of keys":      {`{"key":[""]}`, `["a",1]`, []map[string]string{{"id": "a"}, {"id": "1"}}, "", ""},
		"escaped keys":        {lists, `{"data":{"items":{"a":"x/y","b":"~"}}}`, []map[string]string{{"id": "x~1y/~0"}}, "", ""},
		"gzip":                {`{"key":["/id"]}`, gzipped(t, `{"id":1}`), []map[string]string{{"id": "1"}}, "", ""},
		"gzip of lines":       {`{"key":["/id"]}`, gzipped(t, "{\"id\":1}\n{\"id\":2}"), []map[string]string{{"id": "1"}, {"id": "2"}}, "", ""},
		"two members":         {suburbs, `{"id":"k","place":{"suburb":"a"},"place":{"suburb":"b"},"n":[0,1],"n":[]}`, []map[string]string{{"id": "k", "suburb": "b", "n": "#7", "all": `{"id":"k","place":{"suburb":"a"},"place":{"suburb":"b"},"n":[0,1],"n":[]}`}}, "", ""},
		"an escaped member":   {suburbs, `{"\u0069d":"k","pl\u0061ce":{"suburb":"a"}}`, []map[string]string{{"id": "k", "suburb": "a", "n": "#7", "all": `{"\u0069d":"k","pl\u0061ce":{"suburb":"a"}}`}}, "", ""},
		"too large for all":   {tiny, `{"id":"k","name":"n","more":"` + strings.Repeat("x", 100) + `"}`, []map[string]string{{"id": "k", "name": "n", "ref": "up/a.json"}}, "", ""},
		"too large":           {tiny, `{"id":"k","name":"` + strings.Repeat("x", 100) + `"}`, nil, pipeline.FileTooLarge, "even without"},
		"nothing":             {suburbs, "", nil, pipeline.FileEmpty, ""},
		"space":               {suburbs, "\xEF\xBB\xBF \n", nil, pipeline.FileEmpty, ""},
		"gzip of nothing":     {suburbs, gzipped(t, ""), nil, pipeline.FileEmpty, ""},
		"broken":              {suburbs, `{"id":`, nil, pipeline.FileNotJSON, "line 1: unexpected end"},
		"a broken line":       {`{"key":["/id"]}`, "{\"id\":1}\n{\"id\":2\n", nil, pipeline.FileNotJSON, "line 2"},
		"no JSON":             {suburbs, "id,suburb\n1,a\n", nil, pipeline.FileNotJSON, "line 1"},
		"UTF-16":              {suburbs, "\xff\xfe{\x00}\x00", nil, pipeline.FileNotJSON, "line 1"},
		"gzip cut off":        {suburbs, gzipped(t, strings.Repeat("x", 1000))[:20], nil, pipeline.FileNotJSON, "unpack"},
		"gzip of too much":    {suburbs, gzipped(t, strings.Repeat(" ", 5000)), nil, pipeline.FileTooLarge, "4096"},
		"nested too deep":     {`{"key":["/id"]}`, `{"id":` + deep + `}`, nil, pipeline.FileTooDeep, "512"},
		"records too deep":    {`{"key":["/id"]}`, `[` + deep + `]`, nil, pipeline.FileTooDeep, "512"},
		"no records":          {lists, `{"data":{}}`, nil, pipeline.FileMissing, "/data/items"},
		"without a key":       {suburbs, `{"place":{"suburb":"a"}}`, nil, pipeline.FileNoKey, "/id is not there"},
		"a key of null":       {suburbs, `{"id":null}`, nil, pipeline.FileNoKey, "/id is not there"},
		"an empty key":        {suburbs, `{"id":""}`, nil, pipeline.FileNoKey, "empty"},
		"a key of a list":     {suburbs, `{"id":[1]}`, nil, pipeline.FileNoKey, "neither"},
		"a long key":          {suburbs, `{"id":"` + strings.Repeat("x", 2049) + `","place":{"suburb":"a"}}`, nil, pipeline.FileNoKey, "2048"},
		"without a value":     {suburbs, `{"id":"k","place":"Fitzroy"}`, nil, pipeline.FileMissing, "/place/suburb"},
		"one of many missing": {suburbs, "{\"id\":1,\"place\":{\"suburb\":\"a\"}}\n{\"id\":2}", nil, pipeline.FileMissing, "record 2"},
		"a number, no object": {suburbs, `12`, nil, pipeline.FileNoKey, ""},
	} {
		t.Run(name, func(t *testing.T) {
			items, err := mapperOf(t, c.mapping).Items([]byte(c.body), 4096, origin)
			if c.reason != "" {
				failure, ok := pipeline.FailureOf("f", err)
				if !ok || failure.Reason != c.reason || !strings.Contains(failure.Detail, c.detail) {
					t.Errorf("%v, want %s", err, c.reason)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []map[string]string
			for _, item := range items {
				got = append(got, plainOf(t, item))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMappingsThatAreNone(t *testing.T) {
	many := map[string]pipeline.Attribute{}
	for i := range 201 {
		many[fmt.Sprint("a", i)] = pipeline.Attribute{Pointer: "/a", Type: pipeline.TypeString}
	}
	tooMany, err := json.Marshal(pipeline.Mapping{Key: []string{"/id"}, Attributes: many})
	if err != nil {
		t.Fatal(err)
	}
	for want, mapping := range map[string]string{
		"1 to 10":                   `{"key":[]}`,
		"begin with a slash":        `{"key":["id"]}`,
		"neither ~0 nor ~1":         `{"key":["/a~2"]}`,
		"a ~ that":                  `{"key":["/a~"]}`,
		"unknown field":             `{"key":["/id"],"keys":1}`,
		"something follows":         `{"key":["/id"]} 1`,
		"max_bytes is at most":      `{"key":["/id"],"max_bytes":409601}`,
		"at most 200":               string(tooMany),
		"the name is taken":         `{"key":["/id"],"attributes":{"run":{"pointer":"","type":"json"}}}`,
		"a name begins":             `{"key":["/id"],"attributes":{"a\"b":{"pointer":"","type":"json"}}}`,
		"has at most 255":           `{"key":["/id"],"attributes":{"` + strings.Repeat("a", 256) + `":{"pointer":"","type":"json"}}}`,
		`"1a": a name begins`:       `{"key":["/id"],"attributes":{"1a":{"pointer":"","type":"json"}}}`,
		"the type is one of":        `{"key":["/id"],"attributes":{"a":{"pointer":"","type":"text"}}}`,
		"needs no default":          `{"key":["/id"],"attributes":{"a":{"pointer":"","type":"json","required":true,"default":1}}}`,
		"the default: wrong_type":   `{"key":["/id"],"attributes":{"a":{"pointer":"","type":"number","default":"x"}}}`,
		`segment names`:             `{"key":["/id"],"segment":"a"}`,
		`"a" is none`:               `{"key":["/id"],"attributes":{"a":{"pointer":"","type":"number"}},"segment":"a"}`,
		"or begin with a slash":     `{"key":["/id"],"records":"x"}`,
		`attribute "a": the JSON p`: `{"key":["/id"],"attributes":{"a":{"pointer":"x","type":"json"}}}`,
	} {
		if _, err := pipeline.ReadMapping([]byte(mapping)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", mapping, err, want)
		}
	}
}

func TestValidRun(t *testing.T) {
	for id, want := range map[string]bool{
		"a": true, "2026-11-20": true, strings.Repeat("a", 63): true, "": false, "-a": false, "A": false, "a_b": false, "a/b": false, strings.Repeat("a", 64): false, "ä": false,
	} {
		if pipeline.ValidRun(id) != want {
			t.Errorf("%q: %v", id, !want)
		}
	}
}
