package votingwindow

import (
	"maps"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/systems/lists"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

const description = `A vote that opens, closes and is counted exactly, however many people vote at once.

Voters use the page that comes with it, or yours. Votes are taken by a function URL, an HTTP API or by SQS itself, wait in a queue and are recorded as ballots in DynamoDB, under a keyed hash of the voter's identifier. Results are
published to S3 every few seconds. After closing, the final figures are counted from the ballots themselves, and every accepted vote is accounted for as counted, quarantined, duplicate, replaced, late or rejected.`

// The values of arguments that choose.
const (
	intakeURL    = "url"
	intakeAPI    = "api"
	intakeDirect = "direct"

	credentialsPublished = "published"
	credentialsCognito   = "cognito"

	revoteReject  = "reject"
	revoteReplace = "replace"

	resultsLive       = "live"
	resultsAfterClose = "after_close"

	capacityOnDemand    = "on_demand"
	capacityProvisioned = "provisioned"

	identifiersHashed = "hashed"
	identifiersNone   = "none"
)

// Defaults of arguments.
const (
	// defaultGrace leaves trailing votes two minutes.
	defaultGrace        = 120
	defaultPublishEvery = 5
	defaultVoterClaim   = "sub"
	// defaultSpendAlarm is the number of messages in a minute that rings where the
	// door is open to whoever reads the page: about seven dollars an hour of sends.
	defaultSpendAlarm = 300_000
)

// Limits of the arguments.
const (
	maxQuestions           = 20
	minAnswers, maxAnswers = 2, 100
	maxAnswerID            = 24
	maxLabel               = 200
	maxQuestion            = 500
	// maxPattern is room for any sensible identifier within the environment.
	maxPattern = 200
	// maxGrace is the longest that SQS lets a sender delay a message.
	maxGrace         = 900
	maxVotesPerVoter = 20
	maxAssets        = 20
	// maxRetention is the longest that anybody should keep ballots, in days.
	maxRetention = 3650
)

var (
	answerID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)
	httpsURL = regexp.MustCompile(`^https://[^\s]+$`)
	assetKey = regexp.MustCompile(`^assets/[A-Za-z0-9._/-]+$`)
)

// ids are validators of the keys of questions and answers.
func ids() validator.Map {
	return mapvalidator.KeysAre(stringvalidator.LengthBetween(1, maxAnswerID),
		stringvalidator.RegexMatches(answerID, "must hold only letters, digits, dashes and underscores, and begin with a letter or digit"))
}

func answersSchema(required bool) schema.MapAttribute {
	return schema.MapAttribute{
		Required: required, Optional: !required, ElementType: types.StringType,
		MarkdownDescription: "The answers: id → label. 2 to 100. An id has at most 24 letters, digits, dashes and underscores and is what a vote carries; the label is what voters read.",
		Validators:          []validator.Map{mapvalidator.SizeBetween(minAnswers, maxAnswers), ids(), mapvalidator.ValueStringsAre(stringvalidator.UTF8LengthBetween(1, maxLabel))},
	}
}

func attributes() map[string]schema.Attribute {
	out := map[string]schema.Attribute{
		"question": schema.StringAttribute{
			Optional: true, MarkdownDescription: "The question, as voters read it: at most 500 characters. With `answers`; or give `questions`.",
			Validators: []validator.String{stringvalidator.UTF8LengthBetween(1, maxQuestion)},
		},
		"answers": answersSchema(false),
		"questions": schema.MapNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Several questions instead of `question` and `answers`: id → question, 1 to 20. Each voter answers each of them.",
			Validators:          []validator.Map{mapvalidator.SizeBetween(1, maxQuestions), ids()},
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"text": schema.StringAttribute{Required: true, MarkdownDescription: "The question, as voters read it: at most 500 characters.",
					Validators: []validator.String{stringvalidator.UTF8LengthBetween(1, maxQuestion)}},
				"answers": answersSchema(true),
			}},
		},
		"opens_at": schema.StringAttribute{
			Required: true, CustomType: timetypes.RFC3339Type{},
			MarkdownDescription: "When the window opens, RFC 3339: `2027-05-22T20:15:00+02:00`. Can be changed at any time; votes already refused stay refused.",
		},
		"closes_at": schema.StringAttribute{
			Required: true, CustomType: timetypes.RFC3339Type{},
			MarkdownDescription: "When the window closes, RFC 3339. A vote that SQS took at or after this moment is late. Can be changed at any time; votes already late stay late. An operator's `close` or `extend` holds until this argument changes; `closes_at_in_force` shows it.",
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
		"allow_list": lists.Attribute("List of the identifiers that may vote, one a line, kept as keyed hashes. Others are rejected by the recorder and told nothing, so that nobody can try out which identifiers are on it."),
		"ticket_public_key": schema.StringAttribute{
			Optional: true, MarkdownDescription: "Ed25519 public key, PEM. With it each vote must bring a ticket: the signature of the window's name and the voter's identifier by the private key, which you keep. The recorder checks it before it writes anything.",
		},
		"votes_per_voter": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(1),
			MarkdownDescription: "How many votes of a voter count for each question: 1 to 20, default 1. Each vote after the first costs one more write to find its place.",
			Validators:          []validator.Int64{int64validator.Between(1, maxVotesPerVoter)},
		},
		"revote": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(revoteReject),
			MarkdownDescription: "What becomes of a voter's further vote: `reject` (default: it is a duplicate) or `replace` (the last one sent counts, by the time at which SQS took it).",
			Validators:          []validator.String{stringvalidator.OneOf(revoteReject, revoteReplace)},
		},
		"intake": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(intakeURL),
			MarkdownDescription: "Where votes are sent: `url` (default: a function URL), `api` (an HTTP API, for JWT or an address of your own) or `direct` (the browser sends to SQS itself: cheapest, and no function's concurrency stands between). It can be changed at any time; votes accepted before stay accepted.",
			Validators:          []validator.String{stringvalidator.OneOf(intakeURL, intakeAPI, intakeDirect)},
		},
		"jwt":    jwtSchema(),
		"direct": directSchema(),
		"api_domain": pages.Domain("Host name of your own for the HTTP API, with `intake = \"api\"`. Point its DNS record to the output `api_domain_target`.",
			"ARN of the ACM certificate for it, in the system's region.", "vote.example.com"),
		"capacity": capacitySchema(),
		"results": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(resultsLive),
			MarkdownDescription: "When figures are published: `live` (default) or `after_close`, once they are final.",
			Validators:          []validator.String{stringvalidator.OneOf(resultsLive, resultsAfterClose)},
		},
		"publish_every_seconds": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(defaultPublishEvery),
			MarkdownDescription: "How often results are published while the window is open: every 1 to 60 seconds, default 5.",
			Validators:          []validator.Int64{int64validator.Between(1, 60)},
		},
		"quarantine": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Votes to set aside. They keep their voter's place, do not count, and are not deleted; `quarantine` and `release` of the operator's commands show them and let them count.",
			Attributes: map[string]schema.Attribute{
				"voter_pattern": schema.StringAttribute{Optional: true, MarkdownDescription: "Regular expression (RE2) of identifiers, as a whole, whose votes are set aside.",
					Validators: []validator.String{stringvalidator.LengthBetween(1, maxPattern)}},
				"votes_per_address": schema.Int64Attribute{Optional: true, MarkdownDescription: "Most votes from one address in one minute. At close, all votes of that address in a minute with more are set aside. Not with `intake = \"direct\"`: SQS does not tell addresses.",
					Validators: []validator.Int64{int64validator.AtLeast(1)}},
			},
		},
		"retention_days": schema.Int64Attribute{
			Optional: true, MarkdownDescription: "Days after closing when DynamoDB begins to delete ballots and ledger, at most 3,650. Without it they stay.",
			Validators: []validator.Int64{int64validator.Between(1, maxRetention)},
		},
		"export": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "The ballots and the ledger as CSV and JSON lines with a manifest of SHA-256 sums, written to the private bucket once the figures are final.",
			Attributes: map[string]schema.Attribute{
				"sign": schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether a KMS key of the system signs the manifest, so that `verify` proves who made it. A key costs $1 a month, and AWS deletes it only 7 days after the system. Default false."},
				"identifiers": schema.StringAttribute{Optional: true, MarkdownDescription: "`hashed` (default): rows carry the keyed hash of the identifier. `none`: they carry nothing of it.",
					Validators: []validator.String{stringvalidator.OneOf(identifiersHashed, identifiersNone)}},
			},
		},
		"site": siteSchema(),
		"dashboard": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Whether to make a CloudWatch dashboard. Beyond the first three of an account one costs $3 a month. Default false.",
		},
		"expected_load": expectedLoad(),
	}
	for name, a := range outputs() {
		out[name] = a
	}
	return out
}

func jwtSchema() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Takes voters from JSON Web Tokens, with `intake = \"api\"`: the API checks the token, and the voter is one of its claims.",
		Attributes: map[string]schema.Attribute{
			"issuer": schema.StringAttribute{Required: true, MarkdownDescription: "The issuer's address, as in the claim `iss`; its OpenID configuration must be public.",
				Validators: []validator.String{stringvalidator.RegexMatches(httpsURL, "must be an https address")}},
			"audience": schema.SetAttribute{Required: true, ElementType: types.StringType, MarkdownDescription: "Accepted audiences: a token must be for one of them.",
				Validators: []validator.Set{setvalidator.SizeBetween(1, 10)}},
			"voter_claim": schema.StringAttribute{Optional: true, MarkdownDescription: "The claim that identifies the voter. Default `sub`.",
				Validators: []validator.String{stringvalidator.LengthBetween(1, 100)}},
			"client_id": schema.StringAttribute{Optional: true, MarkdownDescription: "Client id with which the page signs voters in (authorization code with PKCE). Without it the page takes a token from its address, after `#token=`."},
			"scope":     schema.StringAttribute{Optional: true, MarkdownDescription: "Scope that the page asks for. Default `openid`."},
		},
	}
}

func directSchema() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "How browsers send to SQS, with `intake = \"direct\"`.",
		Attributes: map[string]schema.Attribute{
			"credentials": schema.StringAttribute{Optional: true,
				MarkdownDescription: "`published` (default): a function publishes a credential of one hour beside the page, good for sending to this one queue, and renews it every 20 minutes. `cognito`: each browser asks an identity pool, whose 25 identities a second will not carry an opening.",
				Validators:          []validator.String{stringvalidator.OneOf(credentialsPublished, credentialsCognito)}},
			"spend_alarm": schema.Int64Attribute{Optional: true,
				MarkdownDescription: "Messages in a minute from which an alarm rings, since whoever reads the page can send. Default 300,000, which is $7 an hour.",
				Validators:          []validator.Int64{int64validator.AtLeast(1)}},
		},
	}
}

func capacitySchema() schema.Attribute {
	number := func(description string, validators ...validator.Int64) schema.Attribute {
		return schema.Int64Attribute{Optional: true, MarkdownDescription: description, Validators: validators}
	}
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Capacity of the table of ballots and of the recorders. Without it the table is on demand and recorders grow with the queue.",
		Attributes: map[string]schema.Attribute{
			"mode": schema.StringAttribute{Optional: true, MarkdownDescription: "`on_demand` (default) or `provisioned`, where a function reads the queue's depth every minute and scales table and recorders in proportion. AWS lets a table go back to on demand at most four times a day.",
				Validators: []validator.String{stringvalidator.OneOf(capacityOnDemand, capacityProvisioned)}},
			"warm_writes":    number("Warm throughput: writes a second that the table must take at once. AWS never lowers it, and bills a raise once. With `on_demand`.", int64validator.AtLeast(4000)),
			"min_writes":     number("Least write capacity, and that outside of the window. Default 5. With `provisioned`.", int64validator.AtLeast(1)),
			"max_writes":     number("Greatest write capacity. Default 4,000. With `provisioned`.", int64validator.Between(1, 40_000)),
			"opening_writes": number("Write capacity from shortly before the opening. Default `min_writes`. With `provisioned`.", int64validator.Between(1, 40_000)),
			"min_workers":    number("Fewest recorders that may run at once: 2 to 1,000. Default 2. With `provisioned`.", int64validator.Between(2, 1000)),
			"max_workers":    number("Most recorders that may run at once: 2 to 1,000. Default 100. With `provisioned`.", int64validator.Between(2, 1000)),
			"drain_seconds":  number("Seconds in which the depth of the queue is to be worked off. Default 60. With `provisioned`.", int64validator.Between(10, 900)),
		},
	}
}

func siteSchema() schema.Attribute {
	text := func(description string, most int) schema.Attribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: description, Validators: []validator.String{stringvalidator.UTF8LengthBetween(1, most)}}
	}
	attributes := pages.Attributes("Whether CloudFront serves the page and the results, and nobody else may read the bucket. Needed from a few thousand viewers on: S3 answers 5,500 requests a second. Default false.", "vote.example.com")
	maps.Copy(attributes, map[string]schema.Attribute{
		"enabled":     schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether the page is deployed. Default true; with false you serve your own."},
		"title":       text("Title, above the question. At most 100 characters.", 100),
		"voter_label": text("What the identifier is called: \"Your code\". At most 100 characters.", 100),
		"assets": schema.MapAttribute{Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Files of your own beside the page: object key, beginning with `assets/` → path. At most 20.",
			Validators:          []validator.Map{mapvalidator.SizeAtMost(maxAssets), mapvalidator.KeysAre(stringvalidator.RegexMatches(assetKey, "must begin with assets/ and hold letters, digits, dots, dashes, underscores and slashes"))}},
		"refresh_seconds": schema.Int64Attribute{Optional: true, MarkdownDescription: "How often each page asks for results, in seconds. Without it: every 5 for half a minute, then every 15. A flat 5 costs three times as much.",
			Validators: []validator.Int64{int64validator.Between(1, 300)}},
		"results_from": schema.StringAttribute{Optional: true, MarkdownDescription: "Where pages read results while they are live: from the `site` (default), as the object `results.json`; or from a `table`, of which each page reads an item by a request that it signs itself, " +
			"with a credential that is good for nothing else and is published beside the page. A read costs a quarter of an object's, bytes included, and there can be 600,000 in a second.",
			Validators: []validator.String{stringvalidator.OneOf(pages.FromSite, pages.FromTable)}},
		"warm_reads": schema.Int64Attribute{Optional: true, MarkdownDescription: "Warm throughput of that table: read units a second that it must take at once; a page's read is half of one. AWS never lowers it, and bills a raise once.",
			Validators: []validator.Int64{int64validator.AtLeast(12_000)}},
	})
	return schema.SingleNestedAttribute{Optional: true, MarkdownDescription: "The page and its studio view. Without this argument they are served by S3 in plain style.", Attributes: attributes}
}

func outputs() map[string]schema.Attribute {
	return composite.Outputs(map[string]string{
		"page_url":              "Address of the page; empty where the page is not deployed.",
		"studio_url":            "Address of the studio view; empty where the page is not deployed.",
		"vote_url":              "Address to which votes are sent: POST `{\"voter\": \"...\", \"answer\": \"...\"}`. With `intake = \"direct\"` that is the queue's URL, and a vote is the body of a message.",
		"results_url":           "Address of the results, public JSON.",
		"window_url":            "Address of the questions, answers and times, public JSON.",
		"site_domain_target":    "Host name to which the DNS record of `site.domain` must point; empty without `cdn`.",
		"api_domain_target":     "Host name to which the DNS record of `api_domain` must point; empty without one.",
		"closes_at_in_force":    "The closing time in force, as last read: that of `closes_at`, or what an operator has set with `close` or `extend`.",
		"results_bucket":        "Name of the bucket with the page and the results, and with `ledger.json`, which is private.",
		"records_bucket":        "Name of the private bucket with the exports.",
		"votes_queue_url":       "URL of the queue of votes.",
		"votes_queue_arn":       "ARN of the queue of votes.",
		"dead_letter_queue_url": "URL of the queue of votes that could not be recorded.",
		"dead_letter_queue_arn": "ARN of the queue of votes that could not be recorded.",
		"signing_key_arn":       "ARN of the key that signs exports; empty without one.",
	}, map[string]string{
		"table_names":    "Names of the tables: `ballots`, `ledger`, `tallies`; with `site.results_from = \"table\"` also `status`.",
		"table_arns":     "ARNs of the tables.",
		"function_names": "Names of the functions.",
		"function_arns":  "ARNs of the functions' live aliases.",
		"role_arns":      "ARNs of the functions' roles.",
	})
}
