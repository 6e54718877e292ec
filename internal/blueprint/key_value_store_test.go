package blueprint

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stored describes a store of some secrets' values, and a function that reads it.
func stored(form SecretForm, keys ...string) *Builder {
	b := NewBuilder(testSettings())
	secrets := map[string]SecretHandle{}
	secret := b.Secret("edge-key", Secret{Form: form, Replaceable: true})
	for _, key := range keys {
		secrets[key] = secret
	}
	store := b.KeyValueStore("keys", KeyValueStore{Secrets: secrets})
	b.EdgeFunction("gate", EdgeFunction{Code: "x", Store: &store})
	return b
}

func TestKeyValueStore(t *testing.T) {
	blue := stored(Random32, "1", "2").Blueprint()
	if problems := blue.Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	for key, want := range map[string][]string{"keys": {"edge-key"}, "gate": {"keys"}} {
		if diff := cmp.Diff(want, blue.Dependencies(blue.Part(key))); diff != "" {
			t.Errorf("%s: want -, have +:\n%s", key, diff)
		}
	}
	if blue.Part("edge-key").Data {
		t.Error("a replaceable secret bears data")
	}
	for _, edge := range []string{`n_edge_key -.->|"is copied to"| n_keys`, `n_keys -.->|"is read by"| n_gate`} {
		if !strings.Contains(blue.Diagram(), edge) {
			t.Errorf("%s is not in the diagram\n%s", edge, blue.Diagram())
		}
	}
}

// TestStoreContents: another key, another parameter and another version are another
// content, and nothing else is.
func TestStoreContents(t *testing.T) {
	contents := func(values map[string]string) string {
		s, _ := KeyValueStoreSpec{Values: values}.Resolved().(KeyValueStoreSpec)
		if len(s.Values) > 0 || len(s.Copies) != len(values) {
			t.Errorf("the resolved spec has the values %v and the copies %v", s.Values, s.Copies)
		}
		return s.Contents
	}
	base := contents(map[string]string{"1": "/a 1 of x", "2": "/b 1 of x"})
	if got := contents(map[string]string{"2": "/b 1 of x", "1": "/a 1 of x"}); got != base || len(got) != 64 {
		t.Errorf("the same values have the content %s, and %s", got, base)
	}
	for name, values := range map[string]map[string]string{
		"key": {"1": "/a 1 of x", "3": "/b 1 of x"}, "parameter": {"1": "/a 1 of x", "2": "/c 1 of x"}, "version": {"1": "/a 1 of x", "2": "/b 2 of x"},
	} {
		if contents(values) == base {
			t.Errorf("another %s is the same content", name)
		}
	}
}

func TestValidateKeyValueStore(t *testing.T) {
	many := make([]string, 51)
	for i := range many {
		many[i] = strings.Repeat("k", i+1)
	}
	for name, c := range map[string]struct {
		builder *Builder
		says    string
	}{
		"no values":      {stored(Random32), "number of values"},
		"51 values":      {stored(Random32, many...), "number of values"},
		"a long key":     {stored(Random32, strings.Repeat("k", 513)), "up to 513 bytes"},
		"an RSA key":     {stored(RSA2048, "1"), "private RSA key"},
		"as long as can": {stored(Random32, strings.Repeat("k", 512)), ""},
	} {
		problems := c.builder.Blueprint().Validate()
		if c.says == "" && len(problems) == 0 {
			continue
		}
		if len(problems) != 1 || problems[0].Part != "keys" || !strings.Contains(problems[0].Message, c.says) {
			t.Errorf("%s: the problems are %v, want one that says %q", name, problems, c.says)
		}
	}
}
