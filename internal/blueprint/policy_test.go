package blueprint

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParsePolicy(t *testing.T) {
	send := NewPolicy(Statement{Effect: "Allow", Action: []string{"sqs:SendMessage"}, Resource: []string{"*"}})
	principal := func(kind string, names ...string) Policy {
		return NewPolicy(Statement{Effect: "Allow", Action: []string{"a:B"}, Principal: map[string][]string{kind: names}})
	}
	condition := func(values ...string) Policy {
		return NewPolicy(Statement{Effect: "Deny", Action: []string{"a:B"}, Condition: map[string]map[string][]string{"Bool": {"aws:SecureTransport": values}}})
	}
	for name, c := range map[string]struct {
		document string
		want     Policy
	}{
		"lists":           {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:SendMessage"],"Resource":["*"]}]}`, send},
		"single values":   {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*"}}`, send},
		"URL-encoded":     {url.PathEscape(send.JSON()), send},
		"encoded spaces":  {"%7B%20%22Version%22%3A%20%222012-10-17%22%2C%20%22Statement%22%3A%20%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22sqs%3ASendMessage%22%2C%22Resource%22%3A%22%2A%22%7D%20%7D", send},
		"order":           {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["b:B","a:A"],"Resource":["y","x"]}]}`, NewPolicy(Statement{Effect: "Allow", Action: []string{"a:A", "b:B"}, Resource: []string{"x", "y"}})},
		"everyone":        {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:B","Principal":"*"}}`, principal("AWS", "*")},
		"everyone in AWS": {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:B","Principal":{"AWS":"*"}}}`, principal("AWS", "*")},
		"services":        {`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"a:B","Principal":{"Service":["b","a"]}}}`, principal("Service", "a", "b")},
		"a boolean":       {`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"a:B","Condition":{"Bool":{"aws:SecureTransport":false}}}}`, condition("false")},
		"a boolean text":  {`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"a:B","Condition":{"Bool":{"aws:SecureTransport":["false"]}}}}`, condition("false")},
		"numbers":         {`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"a:B","Condition":{"Bool":{"aws:SecureTransport":[2,10.5]}}}}`, condition("10.5", "2")},
		"null is nothing": {`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"a:B","Resource":null,"Principal":null,"Condition":null}}`, NewPolicy(Statement{Effect: "Deny", Action: []string{"a:B"}})},
		"no statements":   {`{"Version":"2012-10-17","Statement":null}`, NewPolicy()},
		"empty condition": {`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"a:B","Condition":{"Bool":{"aws:SecureTransport":[]}}}}`, NewPolicy(Statement{Effect: "Deny", Action: []string{"a:B"}})},
	} {
		t.Run(name, func(t *testing.T) {
			have, err := ParsePolicy(c.document)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, have); diff != "" {
				t.Errorf("want -, have +:\n%s", diff)
			}
		})
	}
}

func TestParsePolicyKeepsPlus(t *testing.T) {
	const document = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::b/a+b%2Bc"]}]}`
	have, err := ParsePolicy(document)
	if err != nil {
		t.Fatal(err)
	}
	if have.JSON() != document {
		t.Errorf("a document that was not encoded is decoded: %s", have.JSON())
	}
}

func TestParsePolicyFails(t *testing.T) {
	for _, document := range []string{
		"", "no JSON", "%7B", `[]`, `{"Statement":3}`,
		`{"Statement":{"Action":3}}`, `{"Statement":{"Principal":3}}`, `{"Statement":{"Principal":{"AWS":{}}}}`,
	} {
		if p, err := ParsePolicy(document); err == nil {
			t.Errorf("%q is read as %+v", document, p)
		}
	}
}

// aPolicy draws a document such as a system could describe.
func aPolicy(t *rapid.T) Policy {
	text := rapid.OneOf(rapid.StringMatching(`[a-z0-9:*/+%$-]{1,12}`), rapid.String())
	texts := rapid.SliceOfN(text, 1, 4)
	lists := rapid.MapOfN(text, texts, 1, 3)
	statement := rapid.Custom(func(t *rapid.T) Statement {
		s := Statement{
			Sid: rapid.StringMatching(`[A-Za-z0-9]{0,8}`).Draw(t, "sid"), Effect: rapid.SampledFrom([]string{"Allow", "Deny"}).Draw(t, "effect"),
			Action: texts.Draw(t, "actions"),
		}
		if rapid.Bool().Draw(t, "has resources") {
			s.Resource = texts.Draw(t, "resources")
		}
		if rapid.Bool().Draw(t, "has principals") {
			s.Principal = lists.Draw(t, "principals")
		}
		if rapid.Bool().Draw(t, "has conditions") {
			s.Condition = rapid.MapOfN(text, lists, 1, 3).Draw(t, "conditions")
		}
		return s
	})
	return NewPolicy(rapid.SliceOfN(statement, 1, 4).Draw(t, "statements")...)
}

// TestPolicySurvivesAWS checks that what is written is read back the same, as
// each service returns it: else a policy would drift for ever.
func TestPolicySurvivesAWS(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := aPolicy(t)
		for _, document := range []string{p.JSON(), url.PathEscape(p.JSON())} {
			have, err := ParsePolicy(document)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(p, have); diff != "" {
				t.Fatalf("want -, have +:\n%s", diff)
			}
		}
	})
}

// FuzzParsePolicy checks that no document breaks the parser, and that what it
// reads is in the normal form.
func FuzzParsePolicy(f *testing.F) {
	for _, document := range []string{
		"", `{}`, `null`, `{"Statement":{"Action":"a:B","Principal":"*"}}`,
		`{"Statement":[{"Action":["b","a"],"Condition":{"Bool":{"x":true,"y":[1,"z",null]}}}]}`,
		`%7B%22Statement%22%3A%5B%5D%7D`, `{"Statement":{"Action":null,"Principal":{"AWS":null}}}`,
		`{"Statement":{"Condition":{"Bool":{"x":[]}}}}`, `{"statement":[null]}`,
	} {
		f.Add(document)
	}
	f.Fuzz(func(t *testing.T, document string) {
		p, err := ParsePolicy(document)
		if err != nil {
			return
		}
		again, err := ParsePolicy(p.JSON())
		if err != nil {
			t.Fatalf("%s is not read again: %v", p.JSON(), err)
		}
		if again.JSON() != p.JSON() {
			t.Errorf("%s is read as %s", p.JSON(), again.JSON())
		}
	})
}

func TestStatements(t *testing.T) {
	once := map[string]map[string][]string{"StringEquals": {"aws:SourceAccount": {"1"}}}
	grants := []Grant{
		{Actions: []string{"sqs:SendMessage"}, Resources: []string{"q1"}},
		{Actions: []string{"kms:Decrypt"}, Resources: []string{"k"}},
		{Actions: []string{"sqs:ReceiveMessage", "sqs:SendMessage"}, Resources: []string{"q1"}},
		{Actions: []string{"sqs:SendMessage"}, Resources: []string{"q1"}, Condition: once},
		{Actions: []string{"s3:GetObject"}, Resources: []string{"y", "x"}},
		{Actions: []string{"s3:PutObject"}, Resources: []string{"x", "y"}},
	}
	want := []Statement{
		{Effect: "Allow", Action: []string{"sqs:ReceiveMessage", "sqs:SendMessage"}, Resource: []string{"q1"}},
		{Effect: "Allow", Action: []string{"kms:Decrypt"}, Resource: []string{"k"}},
		{Effect: "Allow", Action: []string{"sqs:SendMessage"}, Resource: []string{"q1"}, Condition: once},
		{Effect: "Allow", Action: []string{"s3:GetObject", "s3:PutObject"}, Resource: []string{"x", "y"}},
	}
	if diff := cmp.Diff(want, statements(grants)); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	if len(grants[0].Actions) != 1 || grants[4].Resources[0] != "y" {
		t.Errorf("the grants themselves became %+v", grants)
	}
	if have := statements(nil); have != nil {
		t.Errorf("no grants make %+v", have)
	}
}
