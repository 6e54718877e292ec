package blueprint

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestResolve(t *testing.T) {
	place := Place{Partition: "aws", Region: "eu-central-1", Account: "123456789012"}
	attribute := func(r Reference) (string, bool) {
		v, ok := map[Reference]string{
			{"votes", "url"}:    "https://sqs/votes",
			{"votes.eu", "url"}: "https://sqs/votes.eu",
			{"empty", "id"}:     "",
		}[r]
		return v, ok
	}
	for name, c := range map[string]struct{ in, want, fails string }{
		"plain text":                {"${votes.url} stays", "${votes.url} stays", ""},
		"a part's attribute":        {Ref("votes", "url"), "https://sqs/votes", ""},
		"amid text, twice":          {"<" + Ref("votes", "url") + "|" + Ref("votes", "url") + ">", "<https://sqs/votes|https://sqs/votes>", ""},
		"a key with a dot":          {Ref("votes.eu", "url"), "https://sqs/votes.eu", ""},
		"an attribute that is \"\"": {"[" + Ref("empty", "id") + "]", "[]", ""},
		"an ARN":                    {arn("sqs", "tv-"+RegionCode()), "arn:aws:sqs:eu-central-1:123456789012:tv-euc1", ""},
		"no such part":              {Ref("vote", "url"), "", `part "vote" has no attribute "url"`},
		"no such attribute":         {Ref("votes", "id"), "", `part "votes" has no attribute "id"`},
		"an unknown argument":       {"at " + Unknown("closes_at"), "", `argument "closes_at" is not known yet`},
	} {
		t.Run(name, func(t *testing.T) {
			have, err := Resolve(c.in, place, attribute)
			switch {
			case c.fails == "" && err != nil:
				t.Fatal(err)
			case c.fails != "" && (err == nil || err.Error() != c.fails):
				t.Fatalf("the error is %v, should be %s", err, c.fails)
			case c.fails == "" && have != c.want:
				t.Errorf("have %q, want %q", have, c.want)
			}
		})
	}
}

func TestResolveSpec(t *testing.T) {
	spec := BucketSpec{
		Encryption: "AES256", CORSOrigins: []string{"https://" + Region()},
		Policy: NewPolicy(Statement{
			Effect: "Allow", Principal: map[string][]string{"AWS": {Account()}}, Action: []string{"s3:GetObject"},
			Condition: map[string]map[string][]string{"StringEquals": {"aws:" + Region(): {Partition()}}},
		}),
	}
	before := string(canonical(spec))
	upper := map[string]string{Region(): "R", Account(): "A", Partition(): "P", "https://" + Region(): "https://R", "aws:" + Region(): "aws:R"}
	have, err := ResolveSpec(spec, func(s string) (string, error) {
		if v, ok := upper[s]; ok {
			return v, nil
		}
		return s, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := BucketSpec{
		Encryption: "AES256", CORSOrigins: []string{"https://R"},
		Policy: NewPolicy(Statement{
			Effect: "Allow", Principal: map[string][]string{"AWS": {"A"}}, Action: []string{"s3:GetObject"},
			Condition: map[string]map[string][]string{"StringEquals": {"aws:R": {"P"}}},
		}),
	}
	if diff := cmp.Diff(Spec(want), have); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	if after := string(canonical(spec)); after != before {
		t.Errorf("the original became %s", Readable(after))
	}
}

func TestResolveSpecFails(t *testing.T) {
	spec, err := ResolveSpec(LogGroupSpec{KMSKeyARN: Ref("key", "id")}, func(s string) (string, error) {
		return Resolve(s, Place{}, func(Reference) (string, bool) { return "", false })
	})
	if spec != nil || err == nil || err.Error() != `part "key" has no attribute "id"` {
		t.Errorf("have %v, %v", spec, err)
	}
}

func TestReadable(t *testing.T) {
	have := Readable(arn("sqs", Ref("votes", "name")) + Unknown("closes_at"))
	if want := "arn:${aws.partition}:sqs:${aws.region}:${aws.account}:${votes.name}${unknown:closes_at}"; have != want {
		t.Errorf("have %s, want %s", have, want)
	}
}

func TestKindsOfText(t *testing.T) {
	for name, c := range map[string]struct {
		text                     string
		token, unknown, reserved bool
	}{
		"plain":         {"votes", false, false, false},
		"shell syntax":  {"${votes.url}", false, false, false},
		"reference":     {"a" + Ref("votes", "url"), true, false, true},
		"pseudo":        {Region(), true, false, true},
		"unknown":       {"a" + Unknown("x"), true, true, true},
		"opening only":  {"\uE000", true, false, true},
		"closing only":  {"\uE001", false, false, true},
		"other private": {"\uE002 unknown:", false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			if HasToken(c.text) != c.token || HasUnknown(c.text) != c.unknown || Reserved(c.text) != c.reserved {
				t.Errorf("token %t, unknown %t, reserved %t; want %t, %t, %t",
					HasToken(c.text), HasUnknown(c.text), Reserved(c.text), c.token, c.unknown, c.reserved)
			}
		})
	}
}

func TestReferences(t *testing.T) {
	have := References(arn("sqs", Ref("votes", "name")) + Unknown("a.b") + Ref("role", "id") + Ref("votes", "name"))
	if diff := cmp.Diff([]Reference{{"votes", "name"}, {"role", "id"}, {"votes", "name"}}, have); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
}
