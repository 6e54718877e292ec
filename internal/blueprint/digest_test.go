package blueprint

import (
	"fmt"
	"strings"
	"testing"
)

// digestOf returns the digest of a part with that spec.
func digestOf(t *testing.T, spec Spec, tags map[string]string, runtimeOwned ...string) string {
	t.Helper()
	s := testSettings()
	s.Tags = tags
	b := NewBuilder(s)
	b.add("part", "part", spec).part.RuntimeOwned = runtimeOwned
	digest, ok := b.Blueprint().Digest(b.Blueprint().Part("part"))
	if !ok {
		t.Fatalf("the digest of %+v is unknown", spec)
	}
	return digest
}

// TestDigestStays pins a digest: manifests hold them, so that a release that
// changed how they are made would update every part of every user.
func TestDigestStays(t *testing.T) {
	have := digestOf(t, LogGroupSpec{RetentionDays: 30}, map[string]string{"team": "shows"})
	if want := "da6c-1c2527f8"; have != want {
		t.Errorf("the digest is %s, was %s", have, want)
	}
}

func TestDigestOfMaps(t *testing.T) {
	filled := func(up bool) (Spec, map[string]string) {
		environment, tags := map[string]string{}, map[string]string{}
		for i := range 40 {
			if !up {
				i = 39 - i
			}
			k := fmt.Sprintf("K%02d", i)
			environment[k], tags[k] = "v", "v"
		}
		return FunctionSpec{Environment: environment}, tags
	}
	spec, tags := filled(true)
	want := digestOf(t, spec, tags)
	for range 20 {
		if spec, tags = filled(false); digestOf(t, spec, tags) != want {
			t.Fatal("the order of a map changes the digest")
		}
	}
}

func TestDigestCounts(t *testing.T) {
	base := MappingSpec{Source: "q", Function: "f", BatchSize: 10, Enabled: true}
	before := digestOf(t, base, nil, "enabled")
	other, moved, off := base, base, base
	other.BatchSize, moved.Source, off.Enabled = 11, "r", false
	for name, c := range map[string]struct {
		digest           string
		same, sameObject bool
	}{
		"nothing":                 {digestOf(t, base, nil, "enabled"), true, true},
		"what changes in place":   {digestOf(t, other, nil, "enabled"), false, true},
		"what is fixed":           {digestOf(t, moved, nil, "enabled"), false, false},
		"what belongs to runtime": {digestOf(t, off, nil, "enabled"), true, true},
		"a tag":                   {digestOf(t, base, map[string]string{"team": "shows"}, "enabled"), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			if same := c.digest == before; same != c.same {
				t.Errorf("%s and %s: equal is %t, should be %t", before, c.digest, same, c.same)
			}
			if same := SameObject(c.digest, before); same != c.sameObject {
				t.Errorf("%s and %s: same object is %t, should be %t", before, c.digest, same, c.sameObject)
			}
		})
	}
	if off.Enabled == base.Enabled || digestOf(t, off, nil) == digestOf(t, base, nil) {
		t.Error("a field that nobody owns at run time does not count")
	}
	if prefix, rest, ok := strings.Cut(before, "-"); !ok || len(prefix) != 4 || len(rest) != 8 {
		t.Errorf("the digest %s is not four digits, a dash and eight", before)
	}
}

func TestDigestOfDifferentKinds(t *testing.T) {
	if digestOf(t, RoleSpec{}, nil) == digestOf(t, LogGroupSpec{}, nil) {
		t.Error("two kinds share a digest")
	}
}

func TestDigestUnknown(t *testing.T) {
	tags := map[string]string{"stage": Unknown("tags")}
	for name, c := range map[string]struct {
		spec Spec
		tags map[string]string
	}{
		"in a string": {LogGroupSpec{KMSKeyARN: Unknown("kms_key_arn")}, nil},
		"in a map":    {FunctionSpec{Environment: map[string]string{"AT": "t" + Unknown("closes_at")}}, nil},
		"in a list":   {AlarmSpec{Actions: []string{"a", Unknown("alarm_actions")}}, nil},
		"in a policy": {RoleSpec{Policy: NewPolicy(Statement{Resource: []string{Unknown("kms_key_arn")}})}, nil},
		"in a tag":    {LogGroupSpec{}, tags},
	} {
		t.Run(name, func(t *testing.T) {
			s := testSettings()
			s.Tags = c.tags
			b := NewBuilder(s)
			b.add("part", "part", c.spec)
			if digest, ok := b.Blueprint().Digest(b.Blueprint().Part("part")); ok || digest != "" {
				t.Errorf("the digest is %q, known %t", digest, ok)
			}
		})
	}
	// A reference to another part is known: only its value comes later.
	digestOf(t, LogGroupSpec{KMSKeyARN: Ref("key", "id")}, nil)
}

func TestSameObject(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"aaaa-11111111", "aaaa-22222222", true},
		{"aaaa-11111111", "aaab-11111111", false},
		{"", "aaaa-11111111", false},
		{"aaaa-11111111", "", false},
		{"", "", false},
	} {
		if have := SameObject(c.a, c.b); have != c.want {
			t.Errorf("%q, %q: %t", c.a, c.b, have)
		}
	}
}
