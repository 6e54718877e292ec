package schema

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		schema string
		value  any
		says   []string
	}{
		"fits":            {`{"type":"integer","minimum":1}`, json.Number("5"), nil},
		"too small":       {`{"type":"integer","minimum":1}`, json.Number("0"), []string{"the value: minimum"}},
		"no integer":      {`{"type":"integer"}`, json.Number("2.5"), []string{"the value: got number, want integer"}},
		"format":          {`{"format":"uri"}`, "not a uri", []string{"the value:", "uri"}},
		"within":          {`{"properties":{"a":{"items":{"type":"string"}}}}`, map[string]any{"a": []any{"x", json.Number("1")}}, []string{"/a/1: got number, want string"}},
		"several":         {`{"required":["a"],"properties":{"b":{"const":1}}}`, map[string]any{"b": json.Number("2")}, []string{"missing property 'a'", "/b: value must be 1", "; "}},
		"a number's size": {`{"maximum":12345678901234567890}`, json.Number("12345678901234567891"), []string{"the value: maximum"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Read(c.schema)
			if err != nil {
				t.Fatal(err)
			}
			err = s.Check(c.value)
			if (err == nil) != (c.says == nil) {
				t.Fatalf("it gives %v", err)
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestRead(t *testing.T) {
	for text, says := range map[string]string{
		`{`:                                     "the schema is no JSON",
		`{"type":"figure"}`:                     "the schema cannot be used: /type: value must be one of",
		`{"$ref":"https://example.com/a"}`:      "write what is meant into the schema itself",
		`{"$ref":"file:///etc/passwd"}`:         "write what is meant into the schema itself",
		`{"pattern":"("}`:                       "the schema cannot be used",
		`{"$defs":{"a":{}},"$ref":"#/$defs/a"}`: "",
	} {
		_, err := Read(text)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s gives %v, want %q", text, err, says)
		}
	}
}
