package votingwindow

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

const description = `A vote that opens, closes and is counted exactly, however many people vote at once.

Votes are taken by a function behind a function URL, wait in an SQS queue and are recorded as ballots in DynamoDB, one for each voter. Live results are
published to S3 every five seconds. After closing, the final figures are counted from the ballots themselves, and every accepted vote is accounted for as counted, duplicate, late or rejected.`

// defaultGrace leaves trailing votes two minutes.
const defaultGrace = 120

// Limits of the arguments.
const (
	minAnswers, maxAnswers = 2, 100
	// maxAnswerID keeps a hundred ids within Lambda's 4 KB of environment.
	maxAnswerID = 24
	maxLabel    = 200
	maxQuestion = 500
	// maxPattern is room for any sensible identifier within the environment.
	maxPattern = 200
	// maxGrace is the longest that SQS lets a sender delay a message.
	maxGrace = 900
)

var answerID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

func attributes() map[string]schema.Attribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	texts := func(description string) schema.MapAttribute {
		return schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description}
	}
	return map[string]schema.Attribute{
		"question": schema.StringAttribute{
			Required: true, MarkdownDescription: "The question, as voters read it. At most 500 characters.",
			Validators: []validator.String{stringvalidator.UTF8LengthBetween(1, maxQuestion)},
		},
		"answers": schema.MapAttribute{
			Required: true, ElementType: types.StringType,
			MarkdownDescription: "The answers: id → label. 2 to 100. An id has at most 24 letters, digits, dashes and underscores and is what a vote carries; the label is what voters read.",
			Validators: []validator.Map{
				mapvalidator.SizeBetween(minAnswers, maxAnswers),
				mapvalidator.KeysAre(stringvalidator.LengthBetween(1, maxAnswerID), stringvalidator.RegexMatches(answerID, "must hold only letters, digits, dashes and underscores, and begin with a letter or digit")),
				mapvalidator.ValueStringsAre(stringvalidator.UTF8LengthBetween(1, maxLabel)),
			},
		},
		"opens_at": schema.StringAttribute{
			Required: true, CustomType: timetypes.RFC3339Type{},
			MarkdownDescription: "When the window opens, RFC 3339: `2027-05-22T20:15:00+02:00`. Can be changed at any time; votes already refused stay refused.",
		},
		"closes_at": schema.StringAttribute{
			Required: true, CustomType: timetypes.RFC3339Type{},
			MarkdownDescription: "When the window closes, RFC 3339. A vote that SQS took at or after this moment is late. Can be changed at any time; votes already late stay late.",
		},
		"grace_seconds": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(defaultGrace),
			MarkdownDescription: "Seconds after closing for which late votes are still taken, so that they are in the ledger, and trailing votes are processed. 5 to 900, default 120.",
			Validators:          []validator.Int64{int64validator.Between(5, maxGrace)},
		},
		"voter_pattern": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Regular expression (RE2) that a voter's identifier must match as a whole, for instance `[0-9]{8}`. Without it any text of 1 to 128 bytes will do.",
			Validators:          []validator.String{stringvalidator.LengthBetween(1, maxPattern)},
		},
		"revote": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString("reject"),
			MarkdownDescription: "What becomes of a second vote of the same voter: `reject` (the first recorded one counts).",
			Validators:          []validator.String{stringvalidator.OneOf("reject")},
		},
		"expected_load":         expectedLoad(),
		"vote_url":              text("Address to which votes are sent: POST `{\"voter\": \"...\", \"answer\": \"...\"}`."),
		"results_url":           text("Address of the results, public JSON."),
		"window_url":            text("Address of the question, answers and times, public JSON."),
		"results_bucket":        text("Name of the bucket with `results.json` (public) and `ledger.json` (private)."),
		"votes_queue_url":       text("URL of the queue of votes."),
		"votes_queue_arn":       text("ARN of the queue of votes."),
		"dead_letter_queue_url": text("URL of the queue of votes that could not be recorded."),
		"dead_letter_queue_arn": text("ARN of the queue of votes that could not be recorded."),
		"table_names":           texts("Names of the tables: `ballots`, `ledger`, `tallies`."),
		"table_arns":            texts("ARNs of the tables."),
		"function_names":        texts("Names of the functions: `intake`, `recorder`, `publisher`, `recount`."),
		"function_arns":         texts("ARNs of the functions' live aliases."),
		"role_arns":             texts("ARNs of the functions' roles."),
	}
}

// validate checks what needs no AWS. Values may be unknown.
func validate(_ context.Context, m *Model) diag.Diagnostics {
	var diags diag.Diagnostics
	if v := m.VoterPattern; !v.IsNull() && !v.IsUnknown() {
		if _, err := regexp.Compile(v.ValueString()); err != nil {
			diags.AddAttributeError(path.Root("voter_pattern"), "Invalid regular expression", fmt.Sprintf("%s. The syntax is RE2: no look-around and no back-references.", err))
		}
	}
	for id, label := range m.Answers.Elements() {
		s, ok := label.(types.String)
		if ok && s.ValueString() != "" && (strings.TrimSpace(s.ValueString()) == "" || !printable(s.ValueString())) {
			diags.AddAttributeError(path.Root("answers").AtMapKey(id), "Invalid label", "A label must show something and hold no control characters.")
		}
	}
	// An empty text has its own diagnostic from the attribute's validators.
	if q := m.Question; q.ValueString() != "" && (strings.TrimSpace(q.ValueString()) == "" || !printable(q.ValueString())) {
		diags.AddAttributeError(path.Root("question"), "Invalid question", "The question must show something and hold no control characters.")
	}
	if m.OpensAt.IsUnknown() || m.ClosesAt.IsUnknown() || m.OpensAt.IsNull() || m.ClosesAt.IsNull() {
		return diags
	}
	opens, d1 := m.OpensAt.ValueRFC3339Time()
	closes, d2 := m.ClosesAt.ValueRFC3339Time()
	// A text that is no time has its own diagnostic from the attribute's type.
	if !d1.HasError() && !d2.HasError() && !closes.After(opens) {
		diags.AddAttributeError(path.Root("closes_at"), "The window closes before it opens",
			fmt.Sprintf("opens_at is %s and closes_at is %s. Give a closes_at after opens_at.", m.OpensAt.ValueString(), m.ClosesAt.ValueString()))
	}
	return diags
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
