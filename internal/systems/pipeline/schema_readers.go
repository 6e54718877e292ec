package pipeline

import (
	"maps"
	"net/http"
	"regexp"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline/api"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

// Defaults of bookings.
const (
	defaultEvery         = 60 // Minutes.
	defaultGiveUp        = 24 // Hours.
	defaultTargetTimeout = 60 // Seconds.
	defaultMethod        = http.MethodPut
	// defaultConcurrency is the least that AWS takes (Lambda API Reference,
	// ScalingConfig).
	defaultConcurrency = 2
	// maxTargetTimeout leaves uploader half of the minute that is left of Lambda's
	// fifteen.
	maxTargetTimeout = 840
	// notifyFor is for how long it is tried to tell how a booking ended.
	notifyFor = 24 * time.Hour
)

var (
	// targetURL is https, or http to the machine itself, where tests have it.
	targetURL = regexp.MustCompile(`^(https://[^\s@]+|http://(localhost|127\.0\.0\.1)[:/][^\s@]*)$`)
	httpsURL  = regexp.MustCompile(`^https://[^\s]+$`)
	secretARN = regexp.MustCompile(`^arn:[a-z0-9-]+:(ssm:[a-z0-9-]+:[0-9]{12}:parameter/.+|secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+)$`)
	topicARN  = regexp.MustCompile(`^arn:[a-z0-9-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$`)
	headerOf  = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	scopeOf   = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]{1,100}$`) // RFC 6749, section 3.3, scope-token.
)

func readerArguments() map[string]schema.Attribute {
	return map[string]schema.Attribute{"bookings": bookingsSchema(), "notifications": notificationsSchema(), "api": apiSchema(), "site": siteSchema()}
}

// matching is a text of a form.
func matching(description string, form *regexp.Regexp, must string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: description, Validators: []validator.String{stringvalidator.RegexMatches(form, must)}}
}

// required makes an attribute one that must be given.
func required(a schema.StringAttribute) schema.StringAttribute {
	a.Optional, a.Required = false, true
	return a
}

func secretAttribute(description string) schema.StringAttribute {
	return matching(description, secretARN, "must be the ARN of a parameter (arn:aws:ssm:...:parameter/...) or of a secret (arn:aws:secretsmanager:...:secret:...)")
}

func foreignKeys(of string) schema.SetAttribute {
	return schema.SetAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "ARNs of the KMS keys that encrypt " + of + ", where they are your own.",
		Validators: []validator.Set{setvalidator.SizeBetween(1, 10), setvalidator.ValueStringsAre(stringvalidator.RegexMatches(keyARN, "must be the ARN of a KMS key"))}}
}

func bookingsSchema() schema.Attribute {
	const address = "must be an https address without a user and a password"
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Lets segments be booked: the items of a booked segment are sent to a third party. Bookings are made by the `api`. Without it there are none.",
		Attributes: map[string]schema.Attribute{
			"target": schema.SingleNestedAttribute{
				Required: true, MarkdownDescription: "The third party. It gets one request a booking, with an idempotency key; the guide on bookings has the contract.",
				Attributes: map[string]schema.Attribute{
					"url": required(matching("Its address, by https. `{booking}` and `{segment}` in it stand for the ids.", targetURL, address)),
					"method": schema.StringAttribute{Optional: true, MarkdownDescription: "`PUT` (default) or `POST`.",
						Validators: []validator.String{stringvalidator.OneOf(http.MethodPut, http.MethodPost)}},
					"secret_arn":      secretAttribute("ARN of the secret of Secrets Manager, or parameter of Systems Manager, whose text a request has as `header`. Only the reference is kept. Without it requests have none."),
					"header":          matching("The header with the secret. Default `Authorization`.", headerOf, "must be the name of a header"),
					"expect":          schema.StringAttribute{Optional: true, MarkdownDescription: "What the answer of a success must have in it. Without it the status decides.", Validators: []validator.String{stringvalidator.LengthBetween(1, 200)}},
					"timeout_seconds": integer("How long one request may take: 1 to 840 seconds, default 60.", 1, maxTargetTimeout),
					"kms_key_arns":    foreignKeys("the secret"),
				},
			},
			"every_minutes": integer("How often the data of bookings that are due is generated: every 1 to 1,440 minutes, default 60. Each time that there are any, all items are read once.", 1, 1440),
			"format": schema.StringAttribute{Optional: true, MarkdownDescription: "How the data is written: `jsonl` (default; an object a line) or `csv` (with a header).",
				Validators: []validator.String{stringvalidator.OneOf(string(bookings.JSONLines), string(bookings.CSV))}},
			"gzip":          schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether the data is packed by gzip. Default false."},
			"give_up_hours": integer("After how many hours data that the third party does not take is given up: 1 to 336, default 24.", 1, 336),
			"concurrency":   integer("How many bookings are sent at the same time: 2 to 1,000, default 2.", defaultConcurrency, 1000),
		},
	}
}

func notificationsSchema() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true, MarkdownDescription: "Who is told how a booking ended, with `bookings`: a topic, a webhook or both.",
		Attributes: map[string]schema.Attribute{
			"topic_arn": matching("ARN of an SNS topic of yours.", topicARN, "must be the ARN of an SNS topic"),
			"webhook": schema.SingleNestedAttribute{
				Optional: true, MarkdownDescription: "A webhook, signed as Standard Webhooks says.",
				Attributes: map[string]schema.Attribute{
					"url":        required(matching("Its address, by https.", targetURL, "must be an https address without a user and a password")),
					"secret_arn": required(secretAttribute("ARN of the secret of Secrets Manager, or parameter of Systems Manager, with the key of its signature: `whsec_` and base64, or any text.")),
				},
			},
			"kms_key_arns": foreignKeys("the topic and the webhook's secret"),
		},
	}
}

func apiSchema() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true, MarkdownDescription: "A GraphQL API for readers of the segments and the runs, and for bookings. Without it there is none. The guide on the API has its schema.",
		Attributes: map[string]schema.Attribute{
			"auth": schema.StringAttribute{Required: true, MarkdownDescription: "Who lets callers in: `jwt` (tokens of an issuer), `iam` (signed requests) or `api_key` (keys that a secret lists).",
				Validators: []validator.String{stringvalidator.OneOf(api.AuthJWT, api.AuthIAM, api.AuthKey)}},
			"jwt": schema.SingleNestedAttribute{
				Optional: true, MarkdownDescription: "Who signs the tokens, with `auth = \"jwt\"`. They are JSON Web Tokens signed by RSA.",
				Attributes: map[string]schema.Attribute{
					"issuer": required(matching("The issuer's address, as in the claim `iss`; its OpenID configuration must be public.", httpsURL, "must be an https address")),
					"audience": schema.SetAttribute{Required: true, ElementType: types.StringType, MarkdownDescription: "Accepted audiences: a token must be for one of them, by `aud` or `client_id`.",
						Validators: []validator.Set{setvalidator.SizeBetween(1, 10), setvalidator.ValueStringsAre(stringvalidator.LengthBetween(1, 200))}},
					"client_id": schema.StringAttribute{Optional: true, MarkdownDescription: "Client id with which the page signs visitors in (authorization code with PKCE). A `site` needs it.", Validators: []validator.String{stringvalidator.LengthBetween(1, 200)}},
					"scope":     schema.StringAttribute{Optional: true, MarkdownDescription: "Scopes that the page asks for, separated by spaces. Default `openid`.", Validators: []validator.String{stringvalidator.LengthBetween(1, 500)}},
				},
			},
			"keys_arn":      secretAttribute("ARN of the secret of Secrets Manager, or parameter of Systems Manager, with the keys, with `auth = \"api_key\"`: `{\"partner\": {\"sha256\": \"...\", \"scopes\": [\"book\"]}}`."),
			"kms_key_arns":  foreignKeys("the secret of `keys_arn`"),
			"write_scope":   matching("The scope that a token or key needs to book, cancel and replay. Without it whoever is let in may.", scopeOf, "must be one scope"),
			"introspection": schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether callers may ask for the schema. Default false."},
			"domain": pages.Domain("Host name of your own for the API, which is then the only one. Point its DNS record to the output `api_domain_target`.",
				"ARN of the ACM certificate for it, in the system's region.", "api.example.com"),
		},
	}
}

func siteSchema() schema.Attribute {
	attributes := pages.Attributes("Whether CloudFront serves the page, and nobody else may read its bucket. Default false.", "segments.example.com")
	maps.Copy(attributes, map[string]schema.Attribute{
		"title": schema.StringAttribute{Optional: true, MarkdownDescription: "Title of the page. At most 100 characters.", Validators: []validator.String{stringvalidator.UTF8LengthBetween(1, 100)}},
		"links": schema.MapAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Links at the foot of the page: label → https address.",
			Validators: []validator.Map{mapvalidator.SizeAtMost(10), mapvalidator.ValueStringsAre(stringvalidator.RegexMatches(httpsURL, "must be an https address"))}},
	})
	return schema.SingleNestedAttribute{Optional: true, MarkdownDescription: "A page in which readers browse segments, make bookings and watch runs, with `api`. Without it there is none; `{}` takes all defaults.", Attributes: attributes}
}

// readerOutputs are those of bookings, API and page.
func readerOutputs() map[string]schema.Attribute {
	return composite.Outputs(map[string]string{
		"api_url":            "Address to which queries are sent; empty without `api`.",
		"api_domain_target":  "Host name to which the DNS record of `api.domain` must point; empty without it.",
		"page_url":           "Address of the page; empty without `site`.",
		"site_domain_target": "Host name to which the DNS record of `site.domain` must point; empty without `site.cdn`.",
	}, nil)
}
