package pipeline

import (
	"maps"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/float64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

const description = `A pipeline that makes items of an upload's JSON files, however many there are, and segments of the items with figures.

A message with a prefix starts a run. A function lists the files and goes on in as many invocations as it takes; functions behind a stream read them and write items; each file is counted once, as ingested or as failed with its reason.
When all are in, items are grouped by an attribute, each segment's figures become an object, and one write publishes the manifest: readers see a run whole or not at all.`

// What becomes of items that are gone from an upload.
const (
	staleKeep   = "keep"
	staleExpire = "expire"
)

// By what a run goes on once its files are listed.
const (
	completeByCount = "count"
	completeByIdle  = "idle"
)

// Defaults of arguments.
const (
	defaultRetention = 24 // Hours.
	defaultReads     = 16
	// defaultFileBytes are in memory once as they are and once unpacked.
	defaultFileBytes = 16 << 20
	defaultBatch     = 4
	// defaultParallel leaves an account of ten concurrent executions room for the
	// other functions.
	defaultParallel  = 4
	defaultIdle      = 15 // Minutes, as long as the story's alarm waited.
	defaultStaleDays = 7
	defaultFailed    = 100
)

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	keyARN     = regexp.MustCompile(`^arn:[a-z0-9-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$`)
)

func attributes() map[string]schema.Attribute {
	out := map[string]schema.Attribute{
		"source":   sourceSchema(),
		"item":     itemSchema(),
		"stream":   streamSchema(),
		"ingest":   ingestSchema(),
		"segments": segmentsSchema(),
		"completion": schema.SingleNestedAttribute{
			Optional: true, MarkdownDescription: "When a run goes on to its next stage.",
			Attributes: map[string]schema.Attribute{
				"by": schema.StringAttribute{Optional: true, MarkdownDescription: "`count` (default): when as many files are ingested or failed as were listed, each counted once. `idle`: also when nothing has happened for `idle_minutes`, with the files that are there; its report tells how many are missing.",
					Validators: []validator.String{stringvalidator.OneOf(completeByCount, completeByIdle)}},
				"idle_minutes": integer("After how many minutes without progress a run is stuck, for which an alarm rings: 5 to 1,440, default 15. A message or a function that was lost is made good before that.", 5, 1440),
			},
		},
		"stale": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(staleKeep),
			MarkdownDescription: "What becomes of items that are gone from today's upload: `keep` (default) or `expire`, which counts them out of all segments and deletes them after `stale_days`. A file that failed counts as gone: replay the failures within that time.",
			Validators:          []validator.String{stringvalidator.OneOf(staleKeep, staleExpire)},
		},
		"stale_days": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(defaultStaleDays),
			MarkdownDescription: "Days after which DynamoDB begins to delete an item that is gone, with `stale = \"expire\"`. Default 7.", Validators: []validator.Int64{int64validator.Between(1, 3650)},
		},
		"retention_days": integer("Days after its start for which a run is kept: what is known of it, its failures, and its objects below `runs/`. When the next run has ended, the objects of older ones are deleted, and DynamoDB deletes the rest; the run that readers see stays, however old. A thousand runs are kept at most. Without it all stays.", 1, 3650),
		"failed_files_alarm": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(defaultFailed),
			MarkdownDescription: "How many files may fail within five minutes before an alarm rings. Default 100.", Validators: []validator.Int64{int64validator.AtLeast(0)},
		},
		"overdue_hours": integer("Hours within which a run must have been done, 1 to 24, else an alarm rings. Without it nobody waits for a run.", 1, 24),
		"dashboard": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Whether to make a CloudWatch dashboard. Beyond the first three of an account one costs $3 a month. Default false.",
		},
		"expected_load": expectedLoad(),
	}
	maps.Copy(out, readerArguments())
	maps.Copy(out, outputs())
	maps.Copy(out, readerOutputs())
	return out
}

// integer is a whole number within bounds.
func integer(description string, least, most int64) schema.Int64Attribute {
	return schema.Int64Attribute{Optional: true, MarkdownDescription: description, Validators: []validator.Int64{int64validator.Between(least, most)}}
}

func sourceSchema() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true, MarkdownDescription: "Where the uploads are. Without it in a bucket of the pipeline's own.",
		Attributes: map[string]schema.Attribute{
			"bucket": schema.StringAttribute{Optional: true, MarkdownDescription: "Name of a bucket that is there already. The pipeline lists and reads it, and changes nothing in it or of it.",
				Validators: []validator.String{stringvalidator.RegexMatches(bucketName, "must be the name of a bucket")}},
			"prefix": schema.StringAttribute{Optional: true, MarkdownDescription: "Below which prefix all uploads are, such as `homes/`: the functions may read nothing else. A start message names the whole prefix of its upload, this one included.",
				Validators: []validator.String{stringvalidator.LengthBetween(1, 512)}},
			"kms_key_arn": schema.StringAttribute{Optional: true, MarkdownDescription: "ARN of the KMS key that encrypts the bucket that is there already.",
				Validators: []validator.String{stringvalidator.RegexMatches(keyARN, "must be the ARN of a KMS key")}},
		},
	}
}

func itemSchema() schema.Attribute {
	return schema.SingleNestedAttribute{
		Required:            true,
		MarkdownDescription: "What of a JSON document becomes an item. Places are JSON pointers (RFC 6901), such as `/address/suburb`. A file may be a document, an array of them or JSON lines, with or without gzip.",
		Attributes: map[string]schema.Attribute{
			"key": schema.ListAttribute{Required: true, ElementType: types.StringType, MarkdownDescription: "Where the item's key is. Several values are joined by slashes. A later item of the same key takes the place of an earlier one.",
				Validators: []validator.List{listvalidator.SizeBetween(1, 10)}},
			"attributes": schema.MapNestedAttribute{
				Optional: true, MarkdownDescription: "The item's other attributes, by their names.",
				Validators: []validator.Map{mapvalidator.SizeAtMost(200)},
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"pointer": schema.StringAttribute{Required: true, MarkdownDescription: "Where the value is."},
					"type": schema.StringAttribute{Optional: true, MarkdownDescription: "`string` (default), `number`, `bool`, `json` (any value, as text) or `timestamp` (kept as milliseconds since 1970).",
						Validators: []validator.String{stringvalidator.OneOf(string(pipeline.TypeString), string(pipeline.TypeNumber), string(pipeline.TypeBool), string(pipeline.TypeJSON), string(pipeline.TypeTimestamp))}},
					"default":  schema.StringAttribute{Optional: true, MarkdownDescription: "The value where there is none, or null. Without it the attribute is left out."},
					"required": schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether a file without the value fails. Default false."},
				}},
			},
			"records":   schema.StringAttribute{Optional: true, MarkdownDescription: "Where in a document an array is whose elements are items. Without it the document itself is an item, or each element of a document that is an array."},
			"max_bytes": integer("How large an item may be, up to DynamoDB's 409,600 bytes, the default. A larger one has no attributes of the type `json`, and the key of its file as `ref`.", 1024, pipeline.MaxItemBytes),
		},
	}
}

func streamSchema() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true, MarkdownDescription: "The stream of files. One shard takes the names of some ten thousand files a second. The stream of segments always has one shard.",
		Attributes: map[string]schema.Attribute{
			"shards":          integer("Shards of a provisioned stream, each about $11 a month. Default 1. More let more ingest functions work at the same time.", 1, 500),
			"on_demand":       schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether the stream is on demand, for about $29 a month and what goes through it. Default false. AWS changes the mode twice in 24 hours at most."},
			"retention_hours": integer("Hours for which the stream has its records: 24 (default) to 8,760. Longer costs more.", 24, 8760),
		},
	}
}

func ingestSchema() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true, MarkdownDescription: "How files are ingested.",
		Attributes: map[string]schema.Attribute{
			"parallelization_factor": integer("How many ingest functions work on one shard at the same time: 1 to 10, default 4.", 1, 10),
			"batch_size":             integer("How many records of the stream, of up to 250 files each, a call gets at most: 1 to 100, default 4.", 1, 100),
			"reads":                  integer("How many files a call reads at the same time: 1 to 256, default 16.", 1, 256),
			"max_file_bytes":         integer("How large a file may be, as it is and as it unpacks: up to 134,217,728 bytes, default 16,777,216. Above 33,554,432 give ingest more than 512 MB of memory.", 1024, 128<<20),
		},
	}
}

func segmentsSchema() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true, MarkdownDescription: "The segments: items that share an attribute's value. Without it a run ends with its items.",
		Attributes: map[string]schema.Attribute{
			"attribute": schema.StringAttribute{Required: true, MarkdownDescription: "The attribute of the type `string` by which items are grouped. It may have up to 50,000 values; with more than two metrics, 100,000 divided by how many they are. A run that finds more fails and says so."},
			"min_size":  integer("How many items a segment has at least. Default 1.", 1, 1_000_000_000),
			"top":       integer("How many segments are taken, those with the most items. Default: all.", 1, 50_000),
			"metrics": schema.SetAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Attributes of the type `number` or `timestamp` of which each segment has count, sum, mean, least, greatest and percentiles.",
				Validators: []validator.Set{setvalidator.SizeAtMost(20)}},
			"percentiles": schema.SetAttribute{Optional: true, ElementType: types.Float64Type, MarkdownDescription: "Which percentiles, above 0 and below 100. Default 50, 90 and 99. Each is within a hundredth of the true one.",
				Validators: []validator.Set{setvalidator.SizeBetween(1, 20), setvalidator.ValueFloat64sAre(float64validator.Between(0.01, 99.99))}},
		},
	}
}

func outputs() map[string]schema.Attribute {
	out := map[string]schema.Attribute{}
	maps.Copy(out, composite.Outputs(map[string]string{
		"source_bucket":   "Name of the bucket with the uploads.",
		"start_topic_arn": "ARN of the SNS topic that starts a run: publish the upload's prefix, or `{\"run\": \"...\", \"prefix\": \"...\"}`.",
		"results_bucket":  "Name of the bucket with the manifest, the segments' metadata and the runs' reports.",
		"manifest_key":    "Key of the manifest in that bucket.",
	}, map[string]string{
		"table_names":            "Names of the tables: `items`, `runs`; with `bookings` also `bookings`.",
		"table_arns":             "ARNs of the tables.",
		"stream_names":           "Names of the Kinesis streams: `files`, `segments`.",
		"stream_arns":            "ARNs of the Kinesis streams.",
		"dead_letter_queue_urls": "URLs of the queues of what was given up: `start-dead-letters`, `files-dead-letters`, `segments-dead-letters`; with `bookings` also `uploads-dead-letters`, with `notifications` also `outcomes-dead-letters`.",
		"dead_letter_queue_arns": "ARNs of these queues.",
		"function_names":         "Names of the functions.",
		"function_arns":          "ARNs of the functions' live aliases.",
		"role_arns":              "ARNs of the functions' roles.",
	}))
	return out
}
