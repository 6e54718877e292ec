package provider_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// wrongWindow is arguments that cannot be, and the one diagnostic that they must
// get: where it points, its summary, and a phrase of its detail.
type wrongWindow struct {
	more              map[string]any
	at, summary, says string
}

func nested(pairs ...any) map[string]any {
	out := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i].(string)] = pairs[i+1]
	}
	return out
}

// twoAnswers are answers that are as they should be.
var twoAnswers = nested("a", "Anna", "b", "Bruno")

var wrongWindows = map[string]wrongWindow{
	"one question and several": {nested("questions", nested("q", nested("text", "Who?", "answers", twoAnswers))), "questions", "One question and several", "either"},
	"no question":              {nested("question", nil, "answers", nil), "question", "No question", "questions for more than one"},
	"no answers":               {nested("answers", nil), "answers", "No answers", "id → label"},
	"answers to nothing":       {nested("question", nil), "question", "No question", "that the answers are to"},
	"a blank question": {nested("question", nil, "answers", nil, "questions", nested("q", nested("text", " ", "answers", twoAnswers))),
		"questions.q.text", "Invalid text", "must show something"},
	"a control character": {nested("question", nil, "answers", nil, "questions", nested("q", nested("text", "Who?", "answers", nested("a", "An\x07na", "b", "Bruno")))),
		"questions.q.answers.a", "Invalid text", "no control characters"},
	"a question's id":              {nested("question", nil, "answers", nil, "questions", nested("q/1", nested("text", "Who?", "answers", twoAnswers))), "questions.q/1", attributeValueMatch, "letters, digits"},
	"one answer":                   {nested("question", nil, "answers", nil, "questions", nested("q", nested("text", "Who?", "answers", nested("a", "Anna")))), "questions.q.answers", attributeValue, "at least 2"},
	"no question at all":           {nested("question", nil, "answers", nil, "questions", nested()), "questions", attributeValue, "at least 1"},
	"no votes":                     {nested("votes_per_voter", 0), "votes_per_voter", attributeValue, "between 1 and 20"},
	"too many votes":               {nested("votes_per_voter", 21), "votes_per_voter", attributeValue, "between 1 and 20"},
	"several votes replaced":       {nested("votes_per_voter", 2, "revote", "replace"), "revote", "Which vote would be replaced?", "votes_per_voter = 2"},
	"a ticket key that is none":    {nested("ticket_public_key", "key"), "ticket_public_key", "Invalid key", "it is no PEM"},
	"no list":                      {nested("allow_list", nested()), "allow_list", "Which list?", "either file or s3_uri"},
	"two lists":                    {nested("allow_list", nested("file", "acc_test.go", "s3_uri", "s3://bucket/key")), "allow_list", "Which list?", "either file or s3_uri"},
	"a list that is not there":     {nested("allow_list", nested("file", "nowhere.txt")), "allow_list.file", "The list cannot be read", "nowhere.txt"},
	"a version of a file":          {nested("allow_list", nested("file", "acc_test.go", "version_id", "1")), "allow_list", "Only with s3_uri", "leave them out"},
	"version and etag":             {nested("allow_list", nested("s3_uri", "s3://bucket/key", "version_id", "1", "etag", "2")), "allow_list.etag", "Twice told", "either"},
	"a list by https":              {nested("allow_list", nested("s3_uri", "https://bucket/key")), "allow_list.s3_uri", attributeValueMatch, "s3://bucket/key"},
	"an unknown intake":            {nested("intake", "pigeon"), "intake", attributeValueMatch, "direct"},
	"JWT without API":              {nested("jwt", nested("issuer", "https://issuer.example", "audience", []any{"show"})), "jwt", `Only with intake = "api"`, `intake is "url"`},
	"JWT of http":                  {nested("intake", "api", "jwt", nested("issuer", "http://issuer.example", "audience", []any{"show"})), "jwt.issuer", attributeValueMatch, "https"},
	"JWT for nobody":               {nested("intake", "api", "jwt", nested("issuer", "https://issuer.example", "audience", []any{})), "jwt.audience", attributeValue, "at least 1"},
	"a domain without API":         {nested("api_domain", nested("name", "vote.example.com", "certificate_arn", "arn:aws:acm:eu-central-1:123456789012:certificate/1")), "api_domain", `Only with intake = "api"`, "leave api_domain out"},
	"credentials without direct":   {nested("direct", nested("credentials", "cognito")), "direct", `Only with intake = "direct"`, "leave direct out"},
	"unknown credentials":          {nested("intake", "direct", "direct", nested("credentials", "shared")), "direct.credentials", attributeValueMatch, "cognito"},
	"no spend":                     {nested("intake", "direct", "direct", nested("spend_alarm", 0)), "direct.spend_alarm", attributeValue, "at least 1"},
	"addresses in SQS":             {nested("intake", "direct", "quarantine", nested("votes_per_address", 5)), "quarantine.votes_per_address", "No addresses", "does not tell"},
	"no rule":                      {nested("quarantine", nested()), "quarantine", "No rule", "leave quarantine out"},
	"a rule that is no pattern":    {nested("quarantine", nested("voter_pattern", "[0-9")), "quarantine.voter_pattern", "Invalid regular expression", "RE2"},
	"an unknown mode":              {nested("capacity", nested("mode", "huge")), "capacity.mode", attributeValueMatch, "provisioned"},
	"warm and provisioned":         {nested("capacity", nested("mode", "provisioned", "warm_writes", 8000)), "capacity.warm_writes", "Only on demand", "opening_writes"},
	"writes on demand":             {nested("capacity", nested("max_writes", 100)), "capacity.max_writes", "Only provisioned", "max_writes"},
	"least writes above most":      {nested("capacity", nested("mode", "provisioned", "min_writes", 200, "max_writes", 100, "opening_writes", 100)), "capacity.min_writes", "The least is above the most", "200"},
	"opening writes above most":    {nested("capacity", nested("mode", "provisioned", "max_writes", 100, "opening_writes", 200)), "capacity.opening_writes", "Out of the range", "between min_writes (5) and max_writes (100)"},
	"fewest workers above most":    {nested("capacity", nested("mode", "provisioned", "min_workers", 20, "max_workers", 10)), "capacity.min_workers", "The least is above the most", "20"},
	"one worker":                   {nested("capacity", nested("mode", "provisioned", "min_workers", 1)), "capacity.min_workers", attributeValue, "between 2 and 1000"},
	"cold":                         {nested("capacity", nested("warm_writes", 10)), "capacity.warm_writes", attributeValue, "at least 4000"},
	"unknown results":              {nested("results", "never"), "results", attributeValueMatch, "after_close"},
	"publishing all the time":      {nested("publish_every_seconds", 0), "publish_every_seconds", attributeValue, "between 1 and 60"},
	"a retention of no day":        {nested("retention_days", 0), "retention_days", attributeValue, "between 1 and 3650"},
	"unknown identifiers":          {nested("export", nested("identifiers", "plain")), "export.identifiers", attributeValueMatch, "hashed"},
	"the title of no page":         {nested("site", nested("enabled", false, "title", "Final")), "site.title", "No page", "Leave it out"},
	"warm reads of no table":       {nested("site", nested("warm_reads", 50_000)), "site.warm_reads", "Only with a table", "results_from"},
	"results from nowhere":         {nested("site", nested("results_from", "queue")), "site.results_from", attributeValueMatch, "table"},
	"fewer reads than a new table": {nested("site", nested("results_from", "table", "warm_reads", 100)), "site.warm_reads", attributeValue, "12000"},
	"a domain without CDN":         {nested("site", nested("cdn", false, "web_acl_arn", "arn:aws:wafv2:us-east-1:123456789012:global/webacl/a/1")), "site.web_acl_arn", "Only with cdn", "cdn = true"},
	"a blank title":                {nested("site", nested("title", " ")), "site.title", "Invalid text", "must show something"},
	"a colour by name":             {nested("site", nested("primary", "green")), "site.primary", attributeValueMatch, "#0a7d4f"},
	"a language in words":          {nested("site", nested("languages", []any{"german"})), "site.languages.0", attributeValueMatch, "two letters"},
	"texts in no language":         {nested("site", nested("texts", nested("german", nested("submit", "Ja")))), "site.texts.german", "Invalid language", "two letters"},
	"an asset elsewhere":           {nested("site", nested("assets", nested("index.html", "x"))), "site.assets.index.html", attributeValueMatch, "assets/"},
	"a refresh of never":           {nested("site", nested("refresh_seconds", 0)), "site.refresh_seconds", attributeValue, "between 1 and 300"},
}

// TestWindowWrongArguments: each wrong argument gets its own diagnostic where it
// is, before anything is asked of AWS.
func TestWindowWrongArguments(t *testing.T) {
	a := newAccount(t)
	s := newSession(t, a, options{system: "voting_window"}, nil)
	mark := local.Gate().Meter().Mark()
	for what, c := range wrongWindows {
		resp, err := s.server.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{
			TypeName: s.typeName, Config: s.dynamic(fill(t, s.schema.Block, exampleOf(votingWindow(t), c.more))),
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(resp.Diagnostics) != 1 {
			t.Errorf("%s: %d diagnostics, should be one: %s", what, len(resp.Diagnostics), failure(resp.Diagnostics))
			continue
		}
		d := resp.Diagnostics[0]
		if at := placeOf(d); at != c.at || d.Summary != c.summary || !strings.Contains(d.Detail, c.says) {
			t.Errorf("%s: the diagnostic at %s is %q: %s\nshould be at %s, %q with %q", what, at, d.Summary, d.Detail, c.at, c.summary, c.says)
		}
	}
	for _, c := range a.calls(mark) {
		t.Errorf("validation calls %s:%s", c.Service, c.Operation)
	}
}

// placeOf is where a diagnostic points, as an argument's name with dots.
func placeOf(d *tfprotov6.Diagnostic) string {
	r := strings.NewReplacer("AttributeName(\"", "", "ElementKeyString(\"", "", "ElementKeyInt(", "", "\")", "", ")", "")
	return r.Replace(d.Attribute.String())
}
