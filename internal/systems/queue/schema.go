package queue

import (
	"maps"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/float64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/systems/lists"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

const description = `A waiting room before a ticket sale, however many people come at the second of opening.

Each fan joins once and gets one place in the line, by the time at which SQS took the join. As windows become free, fans are called in turn, take the window within a time, and go to the shop with a signed pass.
Never more windows are open than there are, whoever crashes. Fans before the opening can be drawn so that anybody can check the draw. Pausing, the rate and the number of windows change within seconds, without a deployment.`

// The values of arguments that choose.
const (
	joinTicket   = "ticket"
	joinIdentity = "identity"

	assignerManaged  = "managed"
	assignerExternal = "external"
)

// Defaults of arguments, in seconds but for the renewals.
const (
	defaultWindowTTL = 600
	// defaultClaimTTL leaves a hidden tab, which browsers let ask once a minute, two
	// more.
	defaultClaimTTL  = 180
	defaultRenewals  = 1
	defaultHeartbeat = 60
)

// Limits of the arguments.
const (
	// maxWindows bounds what the keeper reads each second, strongly consistent: a
	// thousand windows cost about 45 cents an hour.
	maxWindows = 2000
	maxSales   = 50
	// maxRenewals and maxRetention are more than anybody should need.
	maxRenewals  = 100
	maxRetention = 3650
)

var (
	httpsURL  = regexp.MustCompile(`^https://[^\s]+$`)
	issuerURL = regexp.MustCompile(`^https://[^\s]*[^\s/]$`)
	saleID    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)
	chain     = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

func attributes() map[string]schema.Attribute {
	out := map[string]schema.Attribute{
		"sales": schema.MapNestedAttribute{
			Optional: true,
			MarkdownDescription: "More sales in the same deployment, by their id: 1 to 31 lower-case letters, digits and dashes. Each has its own line, windows and page, at no cost of its own while it is not open. " +
				"What a sale does not give is as in the resource itself, whose sale has the resource's name.",
			Validators:   []validator.Map{mapvalidator.SizeAtMost(maxSales), mapvalidator.KeysAre(stringvalidator.RegexMatches(saleID, "must be 1 to 31 lower-case letters, digits and dashes, beginning with a letter or digit"))},
			NestedObject: schema.NestedAttributeObject{Attributes: furtherSale()},
		},
		"join": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(joinTicket),
			MarkdownDescription: "How fans join: `ticket` (default: a function's URL, which gives each a signed ticket) or `identity` (the browser writes its own record into a table under a Cognito identity). " +
				"Cognito gives 25 identities a second: 100,000 fans would need more than an hour.",
			Validators: []validator.String{stringvalidator.OneOf(joinTicket, joinIdentity)},
		},
		"join_codes": lists.Attribute("List of the codes with which fans join, one a line, kept as keyed hashes: one place for each code. Others are refused."),
		"jwt": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Lets fans join by the organiser's own JSON Web Tokens, signed with RS256: one place for each subject (`sub`). Join checks signature, issuer, audience and expiry by the keys at `ISSUER/.well-known/jwks.json`, where Cognito user pools and Auth0 have them.",
			Attributes: map[string]schema.Attribute{
				"issuer":    schema.StringAttribute{Required: true, MarkdownDescription: "The issuer's address, as in the claim `iss`, without a slash at its end.", Validators: []validator.String{stringvalidator.RegexMatches(issuerURL, "must be an https address without a slash at its end")}},
				"audience":  schema.StringAttribute{Required: true, MarkdownDescription: "The audience that a token must be for.", Validators: []validator.String{stringvalidator.LengthBetween(1, 200)}},
				"client_id": schema.StringAttribute{Optional: true, MarkdownDescription: "Client id with which the page signs fans in (authorization code with PKCE). Without it the page takes a token from its address, after `#token=`."},
				"scope":     schema.StringAttribute{Optional: true, MarkdownDescription: "Scope that the page asks for. Default `openid`."},
			},
		},
		"assigner": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(assignerManaged),
			MarkdownDescription: "Who sends called fans to the shop: `managed` (default) or `external`: the ticketing service takes fans from the queue `line_queue_url` in their order, and assigns each a URL of its own by `service_url`, signed by IAM. The guide has the contract.",
			Validators:          []validator.String{stringvalidator.OneOf(assignerManaged, assignerExternal)},
		},
		"token": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "The passes with which fans go to the shop: JSON Web Tokens, signed with RS256, whose keys are published beside the page.",
			Attributes: map[string]schema.Attribute{
				"audience": schema.StringAttribute{Optional: true, MarkdownDescription: "What passes are for, claim `aud`, for all sales. Default: the resource's name, a slash and the sale's id.", Validators: []validator.String{stringvalidator.LengthBetween(1, 200)}},
				"kms":      schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether the keys are in KMS, which never gives them out: each costs $1 a month, of which two or three are published, and each pass a call of $0.000003. Default false: in SSM parameters, at no cost."},
				"edge": schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether fans also bring a pass that CloudFront can check before a request reaches your shop: signed with HS256, as the query's `edge`. " +
					"Associate the function `edge_function_arn` with the viewer requests of your own distribution, in the same account; the guide shows how. Default false."},
				"edge_waiting_url": schema.StringAttribute{Optional: true, MarkdownDescription: "Where the edge sends whoever has no good pass, with `edge`. Default: `page_url`; where the page is not deployed, they are answered 403.",
					Validators: []validator.String{stringvalidator.RegexMatches(httpsURL, "must be an https address"), stringvalidator.LengthAtMost(1000)}},
				"key_generation": schema.Int64Attribute{Optional: true, MarkdownDescription: "Which key signs, from 1, the default. The one before it and the next one are published, too: go on by one for a new key at any time, by two where a key was stolen.",
					Validators: []validator.Int64{int64validator.Between(1, 10_000)}},
			},
		},
		"retention_days": schema.Int64Attribute{
			Optional: true, MarkdownDescription: "Days after joining when DynamoDB begins to delete what is known of a fan. Without it that stays.",
			Validators: []validator.Int64{int64validator.Between(1, maxRetention)},
		},
		"warm_writes": schema.Int64Attribute{Optional: true, MarkdownDescription: "Warm throughput of the table of fans: joins a second that it must take at once, at least 4,000. AWS never lowers it, and bills a raise once.",
			Validators: []validator.Int64{int64validator.AtLeast(4000)}},
		"site": siteSchema(),
		"dashboard": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Whether to make a CloudWatch dashboard. Beyond the first three of an account one costs $3 a month. Default false.",
		},
		"expected_load": expectedLoad(),
	}
	for name, a := range firstSale() {
		out[name] = a
	}
	for name, a := range outputs() {
		out[name] = a
	}
	return out
}

// integer is a whole number within bounds.
func integer(description string, least, most int64) schema.Int64Attribute {
	return schema.Int64Attribute{Optional: true, MarkdownDescription: description, Validators: []validator.Int64{int64validator.Between(least, most)}}
}

func moment(description string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, CustomType: timetypes.RFC3339Type{}, MarkdownDescription: description}
}

// saleSchema is what every sale has, all optional and without defaults.
func saleSchema() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"opens_at":  moment("When the sale opens, RFC 3339: `2027-05-22T10:00:00+02:00`. Join refuses whoever comes before, to the millisecond of the servers' clock; an operator's `open` holds until this argument changes."),
		"closes_at": moment("When the sale closes, RFC 3339: nobody joins or is called from then on, and windows run to their end. An operator's `close` holds until this argument changes."),
		"purchase_url": schema.StringAttribute{Optional: true, MarkdownDescription: "Where called fans go, by https. The pass takes the place of `{token}` in it, or is added as the query's `token`.",
			Validators: []validator.String{stringvalidator.RegexMatches(httpsURL, "must be an https address"), stringvalidator.LengthAtMost(1000)}},
		"windows": integer("How many fans can be in the shop at the same time: 0 to 2,000. Fewer than before let the last ones run out; nobody is sent away.", 0, maxWindows),
		"admission_rate": schema.Float64Attribute{Optional: true, MarkdownDescription: "How many fans are called a second at most, such as 2.5. Without it, or 0: as many as there are windows free.",
			Validators: []validator.Float64{float64validator.Between(0, maxWindows)}},
		"window_ttl_seconds": integer("How long a fan has a window from taking it on, in seconds: 10 to 86,400, default 600.", queue.MinTTL, queue.MaxTTL),
		"claim_ttl_seconds":  integer("How long a called fan has to take the window, in seconds: 10 to 86,400, default 180. Less than 120 may pass a tab by that browsers have put to sleep.", queue.MinTTL, queue.MaxTTL),
		"max_renewals":       integer("How often a fan may have a window for another `window_ttl_seconds`: 0 to 100, default 1.", 0, maxRenewals),
		"heartbeat_seconds": schema.Int64Attribute{Optional: true, MarkdownDescription: "Fans about three minutes before their turn must have been there within so many seconds, or are passed over and may join again: 20 to 86,400, default 60; 0 passes nobody over.",
			Validators: []validator.Int64{int64validator.Any(int64validator.OneOf(0), int64validator.Between(queue.MinHeartbeat, queue.MaxTTL))}},
		"paused": schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether nobody is called. Fans join, take and keep windows as always. An operator's `pause` and `resume` hold until this argument changes."},
		"pre_queue": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Lets fans come before the opening. Without it join refuses them, and the page joins for them at the opening.",
			Attributes: map[string]schema.Attribute{
				"from": schema.StringAttribute{Required: true, CustomType: timetypes.RFC3339Type{}, MarkdownDescription: "From when on, RFC 3339."},
				"order": schema.StringAttribute{Optional: true, MarkdownDescription: "`shuffle` (default): their places are drawn at the opening, so that coming early is no advantage. `fifo`: they are served in the order in which they came.",
					Validators: []validator.String{stringvalidator.OneOf(queue.Shuffle, queue.FIFO)}},
				"beacon": schema.SingleNestedAttribute{
					Optional:            true,
					MarkdownDescription: "A public source of randomness for the draw, by drand's protocol. With it nobody, the organiser included, can have chosen the order; without it that is not proven. `{}` takes drand's own network.",
					Attributes: map[string]schema.Attribute{
						"url":                 schema.StringAttribute{Optional: true, MarkdownDescription: "Address of its API. Default `https://api.drand.sh`.", Validators: []validator.String{stringvalidator.RegexMatches(httpsURL, "must be an https address")}},
						"chain":               schema.StringAttribute{Optional: true, MarkdownDescription: "Hash of its chain, 64 hexadecimal digits. Default: drand's quicknet, a round every three seconds. It must sign each round by itself, on the curve BLS12-381 (`bls-unchained-g1-rfc9380` or `pedersen-bls-unchained`): the keeper and `verify-draw` check the signatures.", Validators: []validator.String{stringvalidator.RegexMatches(chain, "must be 64 hexadecimal digits")}},
						"round_after_seconds": integer("The round is the first at least so many seconds after the opening: 0 to 3,600, default 60.", 0, 3600),
					},
				},
			},
		},
	}
}

// firstSale is the resource's own sale, with what it must give, and defaults.
func firstSale() map[string]schema.Attribute {
	out := saleSchema()
	for _, name := range []string{"opens_at", "closes_at", "purchase_url"} {
		if a, ok := out[name].(schema.StringAttribute); ok {
			a.Optional, a.Required = false, true
			out[name] = a
		}
	}
	for name, value := range map[string]int64{
		"window_ttl_seconds": defaultWindowTTL, "claim_ttl_seconds": defaultClaimTTL, "max_renewals": defaultRenewals, "heartbeat_seconds": defaultHeartbeat,
	} {
		if a, ok := out[name].(schema.Int64Attribute); ok {
			a.Computed, a.Default = true, int64default.StaticInt64(value)
			out[name] = a
		}
	}
	if a, ok := out["windows"].(schema.Int64Attribute); ok {
		a.Optional, a.Required = false, true
		out["windows"] = a
	}
	if a, ok := out["paused"].(schema.BoolAttribute); ok {
		a.Computed, a.Default = true, booldefault.StaticBool(false)
		out["paused"] = a
	}
	return out
}

// furtherSale is another sale.
func furtherSale() map[string]schema.Attribute {
	out := saleSchema()
	out["title"] = title()
	return out
}

func title() schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: "Title of the page. At most 100 characters.", Validators: []validator.String{stringvalidator.UTF8LengthBetween(1, 100)}}
}

func siteSchema() schema.Attribute {
	attributes := pages.Attributes("Whether CloudFront serves the page and the status, and nobody else may read the bucket. Needed from some ten thousand fans on: S3 answers 5,500 requests a second. Default false.", "tickets.example.com")
	maps.Copy(attributes, map[string]schema.Attribute{
		"enabled": schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether the page is deployed. Default true; with false you serve your own, with the client library."},
		"title":   title(),
		"links": schema.MapAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Links at the foot of the page: label → https address.",
			Validators: []validator.Map{mapvalidator.SizeAtMost(10), mapvalidator.ValueStringsAre(stringvalidator.RegexMatches(httpsURL, "must be an https address"))}},
		"status_from": schema.StringAttribute{Optional: true, MarkdownDescription: "Where pages read the status: from the `site` (default), as an object by CloudFront or S3; or from a `table`, of which each page reads an item by a request that it signs itself, " +
			"for a sixteenth of the price of CloudFront's and however many ask. The object stays for pages that cannot.",
			Validators: []validator.String{stringvalidator.OneOf(pages.FromSite, pages.FromTable)}},
		"warm_reads": schema.Int64Attribute{Optional: true, MarkdownDescription: "Warm throughput of that table: read units a second that it must take at once; a page's read is half of one. AWS never lowers it, and bills a raise once.",
			Validators: []validator.Int64{int64validator.AtLeast(12_000)}},
	})
	return schema.SingleNestedAttribute{Optional: true, MarkdownDescription: "The page. Without this argument it is served by S3 in plain style.", Attributes: attributes}
}

func outputs() map[string]schema.Attribute {
	out := map[string]schema.Attribute{}
	maps.Copy(out, composite.Outputs(map[string]string{
		"page_url":                 "Address of the page; empty where the page is not deployed.",
		"join_url":                 "Address to which fans send their join; empty with `join = \"identity\"`.",
		"turn_url":                 "Address at which fans ask for their turn, take the window, keep it and leave.",
		"service_url":              "Address at which the ticketing service redeems and renews passes and frees windows; with `assigner = \"external\"` it also assigns them there, signed by IAM.",
		"issuer":                   "Issuer of the passes, for authorizers: the keys are below it.",
		"edge_function_arn":        "ARN of the CloudFront function that lets in who has a pass, with `token.edge`; else empty.",
		"edge_key_value_store_arn": "ARN of the CloudFront key value store with the keys of the edge's passes; else empty. Who may read it can make passes.",
		"site_domain_target":       "Host name to which the DNS record of `site.domain` must point; empty without `cdn`.",
		"pages_bucket":             "Name of the bucket with the page, the status and the keys.",
		"joins_queue_url":          "URL of the queue of joins.",
		"joins_queue_arn":          "ARN of the queue of joins.",
		"dead_letter_queue_url":    "URL of the queue of joins that could not be placed.",
		"dead_letter_queue_arn":    "ARN of the queue of joins that could not be placed.",
		"line_queue_url":           "URL of the queue of fans in their order, with `assigner = \"external\"`; else empty.",
		"line_queue_arn":           "ARN of that queue; else empty.",
		"probe_key_arn":            "ARN of the SSM parameter with the key by which a semantic monitor marks its probes: they go the whole way and take no window.",
		"identity_pool_id":         "Id of the Cognito identity pool, with `join = \"identity\"`; else empty.",
	}, map[string]string{
		"page_urls":      "Addresses of the pages by sale; empty where the page is not deployed.",
		"status_urls":    "Addresses of the status by sale, public JSON.",
		"audiences":      "What passes are for, by sale: claim `aud`.",
		"table_names":    "Names of the tables: `sales`, `fans`, `line`, `windows`, `state`; with `join = \"identity\"` also `identities`, with `site.status_from = \"table\"` also `status`.",
		"table_arns":     "ARNs of the tables.",
		"function_names": "Names of the functions.",
		"function_arns":  "ARNs of the functions' live aliases.",
		"role_arns":      "ARNs of the functions' roles.",
	}))
	return out
}
