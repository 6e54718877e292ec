package semanticmonitor

import (
	"maps"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

const description = `A probe on a schedule that goes in at the top of a system and must come out at its end in time, or the team is told.

It finds what no metric of a single part shows: that a message which went in does not come out. It monitors an HTTP endpoint, a queue whose messages show up in a table or at an address, or a waiting room. Probes are marked, so that those who receive them can leave them out.`

// Limits of the arguments.
const (
	// maxInterval and maxPeriods keep the periods of an alarm within a day
	// (CloudWatch API Reference, PutMetricAlarm, EvaluationPeriods).
	maxInterval = 60
	maxPeriods  = 20
	// maxWithin is how long probes may take, in seconds; maxAnswer the same of an
	// HTTP endpoint, whose answer the function waits for.
	maxWithin = 3600
	maxAnswer = 300
	// maxBody and maxURL keep the target within a function's environment.
	maxBody = 1000
	maxURL  = 500
)

// Defaults of the times, in minutes and in seconds.
const (
	defaultInterval = 1
	defaultWithin   = 30
)

var (
	httpURL   = regexp.MustCompile(`^https?://[^\s]+$`)
	method    = regexp.MustCompile(`^[A-Z]{3,10}$`)
	header    = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$")
	queueARN  = regexp.MustCompile(`^arn:[a-z0-9-]+:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,80}(\.fifo)?$`)
	tableARN  = regexp.MustCompile(`^arn:[a-z0-9-]+:dynamodb:[a-z0-9-]+:[0-9]{12}:table/[A-Za-z0-9_.-]{3,255}$`)
	secretARN = regexp.MustCompile(`^arn:[a-z0-9-]+:(ssm:[a-z0-9-]+:[0-9]{12}:parameter/.+|secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+)$`)
	keyARN    = regexp.MustCompile(`^arn:[a-z0-9-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$`)
	saleID    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)
)

// secretIs says what a reference to a secret is.
const secretIs = "must be the ARN of a parameter (arn:aws:ssm:...:parameter/...) or of a secret (arn:aws:secretsmanager:...:secret:...)" //nolint:gosec // a reference, and no secret

func attributes() map[string]schema.Attribute {
	out := map[string]schema.Attribute{
		"interval_minutes": withDefault("Minutes from one probe to the next: 1 to 60, default 1.", defaultInterval, 1, maxInterval),
		"within_seconds":   withDefault("Seconds in which a probe must come out: 1 to 3,600, default 30; for `http` at most 300. Later it counts as late. A waiting room whose sale is not near looks for probes once a minute: give it at least 150.", defaultWithin, 1, maxWithin),
		"lost_after_seconds": schema.Int64Attribute{
			Optional:            true,
			MarkdownDescription: "Seconds after which a probe that was late and has not come counts as lost; until then it is looked for with each new probe. At least `within_seconds` and at most 60 intervals. Default: ten times `within_seconds`, at least 300, as far as that is allowed.",
			Validators:          []validator.Int64{int64validator.Between(1, 60*60*maxInterval)},
		},
		"http": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "An HTTP endpoint: the probe is a request, and its answer the end. A redirection is an answer, too.",
			Attributes:          requestSchema(),
		},
		"queue_to_http": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "An SQS queue whose messages show up at an address, which is asked until the probe is seen.",
			Attributes: merged(queueSchema(), map[string]schema.Attribute{
				"look": schema.SingleNestedAttribute{Required: true, MarkdownDescription: "The request. Where `expect` asks for neither `json_pointer` nor `matches`, the probe's id must be in the body.", Attributes: requestSchema()},
			}),
		},
		"queue_to_table": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "An SQS queue whose messages become items of a DynamoDB table.",
			Attributes: merged(queueSchema(), map[string]schema.Attribute{
				"table_arn": arn("ARN of the table, in the monitor's account.", tableARN, "must be the ARN of a DynamoDB table"),
				"key": schema.MapAttribute{
					Required: true, ElementType: types.StringType, Validators: []validator.Map{mapvalidator.SizeBetween(1, 2)},
					MarkdownDescription: "The item's key: the attributes, which must be strings, and their values as templates, such as `{ order = \"{{probe}}\" }`.",
				},
				"attribute": text("Name of an attribute that the item must have. Without it any item will do.", 255),
				"equals":    text("What that attribute must be, as text: a template. Without it anything will do.", maxURL),
			}),
		},
		"waiting_room": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "A `serverless_queue`: the probe joins, gets a place in a line of its own, and must be called. It takes no window, and goes at any time, whether the sale is open or not.",
			Attributes: map[string]schema.Attribute{
				"join_url":      required(url("The waiting room's output `join_url`.")),
				"turn_url":      required(url("Its output `turn_url`.")),
				"status_url":    url("The sale's address in the output `status_urls`. With it, the published status must be there, and while the sale goes on be no older than `within_seconds`."),
				"probe_key_arn": arn("Its output `probe_key_arn`. Where the waiting room has a KMS key of its own, name that in `target_kms_key_arns`.", secretARN, secretIs),
				"sale":          schema.StringAttribute{Required: true, MarkdownDescription: "Id of the sale: the waiting room's name, or a key of its `sales`.", Validators: []validator.String{stringvalidator.RegexMatches(saleID, "must be the id of a sale")}},
			},
		},
		"target_kms_key_arns": schema.SetAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "ARNs of KMS keys that encrypt the queue, the table or the secrets of the target. The monitor may use them.",
			Validators:          []validator.Set{setvalidator.SizeAtMost(5), setvalidator.ValueStringsAre(stringvalidator.RegexMatches(keyARN, "must be the ARN of a KMS key"))},
		},
		"late_alarm": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "When the alarm `late` rings: by default when 2 of the last 3 probes are late or lost.",
			Attributes: map[string]schema.Attribute{
				"probes": integer("How many probes must be late. Default 2.", 1, maxPeriods),
				"of":     integer("Of how many. Default 3.", 1, maxPeriods),
			},
		},
		"silent_after": withDefault("After how many intervals without a probe the alarm `silent` rings: 2 to 20, default 3.", defaultSilent, 2, maxPeriods),
	}
	maps.Copy(out, composite.Outputs(map[string]string{
		"table_name": "Name of the table with what is on the way and the totals.",
	}, map[string]string{
		"alarm_arns":     "ARNs of the alarms `late`, `silent` and `errors`; empty where `alarms` makes none.",
		"function_names": "Names of the functions.",
		"function_arns":  "ARNs of the functions' live aliases.",
		"role_arns":      "ARNs of the functions' roles.",
	}))
	return out
}

// requestSchema is a request and what is expected of its answer.
func requestSchema() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"url": required(url("The address, http or https: a template.")),
		"method": schema.StringAttribute{Optional: true, MarkdownDescription: "The method. Default `GET`.",
			Validators: []validator.String{stringvalidator.RegexMatches(method, "must be a method in capitals")}},
		"headers": schema.MapAttribute{
			Optional: true, ElementType: types.StringType, MarkdownDescription: "Headers by their names, at most 10: templates. `X-Serverless-Probe` with the probe's id comes by itself.",
			Validators: headersAre(stringvalidator.LengthBetween(1, maxURL)),
		},
		"secret_headers": schema.MapAttribute{
			Optional: true, ElementType: types.StringType, MarkdownDescription: "Headers whose values are secret, at most 10: their names, and ARNs of the parameters of Systems Manager or the secrets of Secrets Manager whose texts are the whole values. They are read again every five minutes.",
			Validators: headersAre(stringvalidator.RegexMatches(secretARN, secretIs)),
		},
		"body": text("The body: a template.", maxBody),
		"expect": schema.SingleNestedAttribute{
			Optional: true, MarkdownDescription: "What the answer must be: by default a status of 200 to 299.",
			Attributes: map[string]schema.Attribute{
				"status":       integer("The status.", 100, 599),
				"json_pointer": text("Where in the body, a JSON text, something other than null must be: a JSON pointer (RFC 6901) such as `/orders/0/id`.", maxURL),
				"equals":       text("What that must be, as text: a template. Only with `json_pointer`.", maxURL),
				"matches":      text("A regular expression (RE2) that the body must match: a template.", maxURL),
			},
		},
	}
}

func headersAre(values validator.String) []validator.Map {
	return []validator.Map{
		mapvalidator.SizeAtMost(10), mapvalidator.KeysAre(stringvalidator.RegexMatches(header, "must be the name of a header")), mapvalidator.ValueStringsAre(values),
	}
}

// queueSchema is the top of a funnel.
func queueSchema() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"queue_arn": arn("ARN of the queue, standard or FIFO. The message has the attribute `probe` with the probe's id.", queueARN, "must be the ARN of an SQS queue"),
		"body":      text("The message: a template. Default `"+defaultBody+"`.", maxBody),
	}
}

func merged(one, other map[string]schema.Attribute) map[string]schema.Attribute {
	for name, a := range other {
		one[name] = a
	}
	return one
}

func text(description string, most int) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: description, Validators: []validator.String{stringvalidator.LengthBetween(1, most)}}
}

func url(description string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: description,
		Validators: []validator.String{stringvalidator.RegexMatches(httpURL, "must be an http or https address"), stringvalidator.LengthAtMost(maxURL)}}
}

func required(a schema.StringAttribute) schema.StringAttribute {
	a.Optional, a.Required = false, true
	return a
}

func arn(description string, pattern *regexp.Regexp, message string) schema.StringAttribute {
	return schema.StringAttribute{Required: true, MarkdownDescription: description, Validators: []validator.String{stringvalidator.RegexMatches(pattern, message)}}
}

func integer(description string, least, most int64) schema.Int64Attribute {
	return schema.Int64Attribute{Optional: true, MarkdownDescription: description, Validators: []validator.Int64{int64validator.Between(least, most)}}
}

func withDefault(description string, otherwise, least, most int64) schema.Int64Attribute {
	a := integer(description, least, most)
	a.Computed, a.Default = true, int64default.StaticInt64(otherwise)
	return a
}
