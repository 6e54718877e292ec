package provider_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// badInput is one wrong argument, and the diagnostic that it must get.
type badInput struct {
	// argument is at fault; value is HCL. The diagnostic points to the argument,
	// or to the whole resource where the value is inside an argument.
	argument, value string
	// summary of the diagnostic, and a phrase of its detail.
	summary, detail string
}

// Summaries that the validators of attributes give.
const (
	attributeValue       = "Invalid Attribute Value"
	attributeValueLength = "Invalid Attribute Value Length"
	attributeValueMatch  = "Invalid Attribute Value Match"
)

// nested reports whether the fault is inside the argument: Terraform's output
// then shows no line of its own for it.
func (b badInput) nested() bool { return b.argument == "functions" || b.argument == "alarms" }

var badInputs = map[string]badInput{
	"opens_no_time":       {"opens_at", `"tonight"`, "Invalid RFC3339 String Value", "tonight"},
	"opens_local_time":    {"opens_at", `"2099-05-22T20:15:00"`, "Invalid RFC3339 String Value", "2099-05-22T20:15:00"},
	"closes_no_date":      {"closes_at", `"20:15"`, "Invalid RFC3339 String Value", "20:15"},
	"closes_before_opens": {"closes_at", `"2099-05-22T20:14:59Z"`, "The window closes before it opens", "closes_at after opens_at"},
	"closes_when_opens":   {"closes_at", `"2099-05-22T22:15:00+02:00"`, "The window closes before it opens", "closes_at after opens_at"},
	"grace_short":         {"grace_seconds", "4", attributeValue, "between 5 and 900"},
	"grace_long":          {"grace_seconds", "901", attributeValue, "between 5 and 900"},
	"question_empty":      {"question", `""`, attributeValueLength, "between 1 and 500"},
	"question_blank":      {"question", `"  "`, "Invalid text", "must show something"},
	"question_control":    {"question", `"Who\u0007?"`, "Invalid text", "no control characters"},
	"question_long":       {"question", `join("", [for i in range(501) : "x"])`, attributeValueLength, "between 1 and 500"},
	"question_reserved":   {"question", `"Who\ue000?"`, "Unusable characters", "question"},
	"answers_none":        {"answers", `{}`, attributeValue, "at least 2"},
	"answers_one":         {"answers", `{ anna = "Anna" }`, attributeValue, "at least 2"},
	"answers_101":         {"answers", `{ for i in range(101) : "a${i}" => "A" }`, attributeValue, "at most 100"},
	"answers_thousands":   {"answers", `{ for i in setproduct(range(60), range(60)) : "a${i[0]}-${i[1]}" => "A" }`, attributeValue, "at most 100"},
	"answer_id_space":     {"answers", `{ anna = "Anna", "b o" = "Bo" }`, attributeValueMatch, "letters, digits, dashes and underscores"},
	"answer_id_comma":     {"answers", `{ anna = "Anna", "b,o" = "Bo" }`, attributeValueMatch, "letters, digits, dashes and underscores"},
	"answer_id_unicode":   {"answers", `{ anna = "Anna", "bö" = "Bo" }`, attributeValueMatch, "letters, digits, dashes and underscores"},
	"answer_id_dash":      {"answers", `{ anna = "Anna", "-bo" = "Bo" }`, attributeValueMatch, "letters, digits, dashes and underscores"},
	"answer_id_long":      {"answers", `{ anna = "Anna", "abcdefghijklmnopqrstuvwxy" = "Bo" }`, attributeValueLength, "between 1 and 24"},
	"label_blank":         {"answers", `{ anna = "Anna", bo = " " }`, "Invalid text", "must show something"},
	"label_control":       {"answers", `{ anna = "Anna", bo = "B\no" }`, "Invalid text", "no control characters"},
	"pattern_bad":         {"voter_pattern", `"[0-9"`, "Invalid regular expression", "RE2"},
	"pattern_lookahead":   {"voter_pattern", `"(?=a)b"`, "Invalid regular expression", "RE2"},
	"revote_unknown":      {"revote", `"maybe"`, attributeValueMatch, "reject"},
	"name_upper":          {"name", `"Vote"`, "Invalid name", "lower-case"},
	"name_long":           {"name", `"abcdefghijklmnopqrstuvwxy"`, "Invalid name", "25 characters"},
	"name_trailing_dash":  {"name", `"vote-"`, "Invalid name", "not end with a dash"},
	"name_double_dash":    {"name", `"vo--te"`, "Invalid name", "single dashes"},
	"name_digit":          {"name", `"1vote"`, "Invalid name", "begin with a letter"},
	"name_unicode":        {"name", `"wähl"`, "Invalid name", "lower-case"},
	"name_empty":          {"name", `""`, "Invalid name", "empty"},
	"function_unknown":    {"functions", `{ counter = { memory_mb = 256 } }`, "Invalid value", `no function "counter"`},
	"memory_small":        {"functions", `{ recorder = { memory_mb = 127 } }`, attributeValue, "between 128 and 10240"},
	"timeout_long":        {"functions", `{ recorder = { timeout_seconds = 901 } }`, attributeValue, "between 1 and 900"},
	"reserved_negative":   {"functions", `{ recorder = { reserved_concurrency = -2 } }`, attributeValue, "at least -1"},
	"tag_aws":             {"tags", `{ "aws:x" = "y" }`, "Invalid value", "reserved by AWS"},
	"tag_ours":            {"tags", `{ "serverless:name" = "y" }`, "Invalid value", "set by the provider"},
	"tags_48":             {"tags", `{ for i in range(48) : "t${i}" => "v" }`, "Invalid value", "at most 47"},
	"kms_alias":           {"kms_key_arn", `"alias/votes"`, attributeValueMatch, "ARN of a KMS key"},
	"boundary_name":       {"permissions_boundary_arn", `"boundary"`, attributeValueMatch, "ARN of an IAM policy"},
	"retention_13":        {"log_retention_days", "13", attributeValueMatch, "got: 13"},
	"role_path_open":      {"role_path", `"votes"`, attributeValueMatch, "slash"},
	"role_path_no_end":    {"role_path", `"/votes"`, attributeValueMatch, "slash"},
	"architecture":        {"architecture", `"amd64"`, attributeValueMatch, "x86_64"},
	"alarm_email":         {"alarms", `{ emails = ["night"] }`, attributeValueMatch, "e-mail address"},
	"alarm_emails_alone":  {"alarms", `{ topic = false, emails = ["a@example.com"] }`, "Invalid value", "need a topic"},
	"alarm_actions_six":   {"alarms", `{ topic = true, actions = [for i in range(5) : "arn:aws:sns:eu-central-1:123456789012:t${i}"] }`, "Invalid value", "their own topic"},
	"alarm_action":        {"alarms", `{ actions = ["night"] }`, attributeValueMatch, "ARN of an SNS topic"},
}

// TestAccBadInput plans one configuration in which each resource has one wrong
// argument: each gets its own diagnostic, at that argument, and no other.
func TestAccBadInput(t *testing.T) {
	a := newAccount(t)
	mark := local.Gate().Meter().Mark()
	config := a.provider()
	for _, label := range slices.Sorted(maps.Keys(badInputs)) {
		bad := badInputs[label]
		config += base("vote").with(bad.argument, bad.value).resource(label)
	}
	var diagnostics map[string][]diagnostic
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps:                    []resource.TestStep{{Config: config, PlanOnly: true}},
		ErrorCheck: func(err error) error {
			diagnostics = diagnosticsIn(err.Error())
			return nil
		},
	})
	for label, bad := range badInputs {
		got := diagnostics[label]
		if len(got) != 1 {
			t.Errorf("%s: %d diagnostics, should be one: %+v", label, len(got), got)
			continue
		}
		if got[0].summary != bad.summary || got[0].argument != bad.argument && !bad.nested() || !strings.Contains(got[0].detail, bad.detail) {
			t.Errorf("%s: the diagnostic is %+v\nshould be %q at %s with %q", label, got[0], bad.summary, bad.argument, bad.detail)
		}
	}
	if others := diagnostics[""]; len(others) > 0 {
		t.Errorf("diagnostics that belong to no resource: %+v", others)
	}
	for _, c := range a.calls(mark) {
		t.Errorf("validation calls %s:%s", c.Service, c.Operation)
	}
}

// diagnostic is an error as Terraform shows it.
type diagnostic struct{ summary, argument, detail string }

var (
	diagnosticPlace = regexp.MustCompile(`with (?:provider\[|serverless_voting_window\.(\w+),)`)
	diagnosticLine  = regexp.MustCompile(`(?m)^\s*\d+:\s+(\w+) = `)
)

// diagnosticsIn reads Terraform's errors by the label of their resource; those
// of the provider's own block are under "".
func diagnosticsIn(output string) map[string][]diagnostic {
	var blocks []string
	for _, block := range strings.Split(output, "\n\nError: ")[1:] {
		if len(blocks) > 0 && !diagnosticPlace.MatchString(block) {
			// A detail that quotes another error.
			blocks[len(blocks)-1] += "\n" + block
			continue
		}
		blocks = append(blocks, block)
	}
	out := map[string][]diagnostic{}
	for _, block := range blocks {
		summary, rest, _ := strings.Cut(block, "\n")
		d, label := diagnostic{summary: strings.TrimSpace(summary)}, ""
		if m := diagnosticPlace.FindStringSubmatch(rest); m != nil {
			label = m[1]
		}
		if m := diagnosticLine.FindStringSubmatch(rest); m != nil {
			d.argument = m[1]
		}
		d.detail = strings.Join(strings.Fields(rest), " ")
		out[label] = append(out[label], d)
	}
	return out
}

// expectError matches a diagnostic by its summary and phrases of its detail,
// in this order, wherever Terraform breaks the lines.
func expectError(phrases ...string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("(?s)")
	for i, p := range phrases {
		if i > 0 {
			b.WriteString(".*")
		}
		for j, word := range strings.Fields(p) {
			if j > 0 {
				b.WriteString(`[\s│]+`)
			}
			fmt.Fprint(&b, regexp.QuoteMeta(word))
		}
	}
	return regexp.MustCompile(b.String())
}
