// Package pipeline is the resource serverless_recommendation_pipeline: files of an
// upload become items, and segments of them with figures, in runs that add up.
package pipeline

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// System names the pipeline wherever AWS or a user sees it.
var System = blueprint.System{Name: "recommendation_pipeline", Slug: "reco"}

// Model is the resource's arguments and outputs.
type Model struct {
	composite.Common

	Source        types.Object `tfsdk:"source"`
	Item          types.Object `tfsdk:"item"`
	Stream        types.Object `tfsdk:"stream"`
	Ingest        types.Object `tfsdk:"ingest"`
	Segments      types.Object `tfsdk:"segments"`
	Completion    types.Object `tfsdk:"completion"`
	Bookings      types.Object `tfsdk:"bookings"`
	Notifications types.Object `tfsdk:"notifications"`
	API           types.Object `tfsdk:"api"`
	Site          types.Object `tfsdk:"site"`
	Stale         types.String `tfsdk:"stale"`
	StaleDays     types.Int64  `tfsdk:"stale_days"`
	RetentionDays types.Int64  `tfsdk:"retention_days"`
	FailedFiles   types.Int64  `tfsdk:"failed_files_alarm"`
	OverdueHours  types.Int64  `tfsdk:"overdue_hours"`
	Dashboard     types.Bool   `tfsdk:"dashboard"`
	ExpectedLoad  types.Object `tfsdk:"expected_load"`

	SourceBucket        types.String `tfsdk:"source_bucket"`
	StartTopicARN       types.String `tfsdk:"start_topic_arn"`
	ResultsBucket       types.String `tfsdk:"results_bucket"`
	ManifestKey         types.String `tfsdk:"manifest_key"`
	APIURL              types.String `tfsdk:"api_url"`
	APIDomainTarget     types.String `tfsdk:"api_domain_target"`
	PageURL             types.String `tfsdk:"page_url"`
	SiteDomainTarget    types.String `tfsdk:"site_domain_target"`
	TableNames          types.Map    `tfsdk:"table_names"`
	TableARNs           types.Map    `tfsdk:"table_arns"`
	StreamNames         types.Map    `tfsdk:"stream_names"`
	StreamARNs          types.Map    `tfsdk:"stream_arns"`
	DeadLetterQueueURLs types.Map    `tfsdk:"dead_letter_queue_urls"`
	DeadLetterQueueARNs types.Map    `tfsdk:"dead_letter_queue_arns"`
	FunctionNames       types.Map    `tfsdk:"function_names"`
	FunctionARNs        types.Map    `tfsdk:"function_arns"`
	RoleARNs            types.Map    `tfsdk:"role_arns"`
}

// Resource returns serverless_recommendation_pipeline.
func Resource() composite.Resource { return composite.New(Definition()) }

// Example returns arguments of a plain pipeline, beside its name.
func Example() map[string]any {
	return map[string]any{
		"item": map[string]any{
			"key": []any{"/id"},
			"attributes": map[string]any{
				"suburb":    map[string]any{"pointer": "/address/suburb", "type": "string"},
				"price":     map[string]any{"pointer": "/price", "type": "number"},
				"listed_at": map[string]any{"pointer": "/listed_at", "type": "timestamp"},
			},
		},
		"segments": map[string]any{"attribute": "suburb", "min_size": 10, "top": 500, "metrics": []any{"price"}},
	}
}

// Definition is what the generic resource needs to know of a pipeline.
func Definition() composite.Definition[Model] {
	return composite.Definition[Model]{
		System:      System,
		Description: description,
		Attributes:  attributes(),
		Common:      func(m *Model) *composite.Common { return &m.Common },
		Validate:    validate,
		Blueprint:   describe,
		Forecast:    design,
	}
}

// Time-outs of the functions, and what follows from them.
const (
	// listerTimeout lists some hundred thousand files before it hands over to the
	// next invocation.
	listerTimeout = 5 * time.Minute
	// ingestTimeout leaves a batch of a few thousand small files time for attempts
	// at what AWS throttles.
	ingestTimeout    = 2 * time.Minute
	segmenterTimeout = 5 * time.Minute
	metadataTimeout  = time.Minute
	shortTimeout     = time.Minute
	// giveUp is after how long files that AWS does not let be read or written are
	// failures, which a replay mends. Until then their chunk is tried again, at most
	// retries times, and at last it lies in the dead-letter queue: half of the day for
	// which a stream has its records is left for a redrive.
	giveUp  = time.Hour
	retries = 100
	maxAge  = 12 * time.Hour
	// maxSteps bounds the invocations that list for one run: hundreds of millions of
	// files.
	maxSteps = 1000
	// visibilityFactor is AWS's advice for queues behind Lambda (Lambda Developer
	// Guide, "Configuring a queue to use with Lambda").
	visibilityFactor = 6
	// batchOf segments are described by one call, some calls at a time.
	batchOf, describers = 100, 2
)

// Objects of the results' bucket.
const (
	runObjects    = "runs/*"
	failedObjects = "runs/*/failed/*"
)

// line is a pipeline being described: its parts, as far as they are.
type line struct {
	*blueprint.Builder
	m    *Model
	base pipeline.Base

	mapping pipeline.ItemMapping
	// source is the own bucket with the uploads; nil where it is somebody else's.
	source                 *blueprint.BucketHandle
	sourceBucket           string
	listSource, readSource []blueprint.Grant

	results         blueprint.BucketHandle
	start, stage    blueprint.TopicHandle
	files, segments blueprint.StreamHandle
	runs, items     blueprint.TableHandle
	aside           map[string]blueprint.QueueHandle
	functions       map[string]blueprint.FunctionHandle
	ingesting       blueprint.StreamMappingHandle
	describing      blueprint.StreamMappingHandle

	// booked, door and page are nil where a pipeline has no bookings, API or page.
	booked *booking
	door   *door
	page   *browser
}

// describe is the pipeline's blueprint:
//
//	upload → start → lister → files → ingest → items → stage → segmenter → segments → metadata → manifest
func describe(m *Model, b *blueprint.Builder) error {
	mapping, err := m.mapping()
	if err != nil {
		return err
	}
	l := &line{
		Builder: b, m: m, base: pipeline.Base{System: System.Name, Name: b.Settings().Name},
		functions: map[string]blueprint.FunctionHandle{}, aside: map[string]blueprint.QueueHandle{},
	}
	l.stores()
	l.mapped(mapping)
	l.lister()
	l.ingest()
	l.segmenter()
	l.metadata()
	l.manifest()
	if err := l.bookings(); err != nil {
		return err
	}
	l.sweeper()
	l.control()
	l.api()
	if err := l.site(); err != nil {
		return err
	}
	l.watch()
	l.outputs()
	l.load()
	return nil
}

// function describes one function by the name of its handler.
func (l *line) function(key string, f blueprint.Function) blueprint.FunctionHandle {
	h := l.Function(key, f)
	l.functions[key] = h
	return h
}

// stores are where uploads come, what is handed on waits, and what became of it
// lies.
func (l *line) stores() {
	l.uploads()
	l.results = l.Bucket("results", blueprint.Bucket{})
	l.start = l.Topic("start", "")
	l.stage = l.Topic("stage", "")
	l.files = l.Stream("files", l.m.filesStream())
	l.segments = l.Stream("segments", blueprint.Stream{Shards: 1})
	expires := ""
	if known(l.m.RetentionDays) {
		expires = runsExpire
	}
	l.runs = l.Table("runs", blueprint.Table{Key: pipeline.RunsKey, TTL: expires})
	stale := ""
	if l.m.expires() {
		stale = pipeline.ItemExpires
	}
	l.items = l.Table("items", blueprint.Table{Key: pipeline.ItemKey, TTL: stale, Data: true})
}

// uploads are in a bucket that is there already, of which nothing is changed, or in
// one of the pipeline's own.
func (l *line) uploads() {
	prefix := l.m.prefix()
	if l.sourceBucket = textOf(l.m.Source, "bucket", ""); l.sourceBucket == "" {
		own := l.Bucket("source", blueprint.Bucket{Data: true})
		l.source, l.sourceBucket, l.readSource = &own, own.Name(), own.Get(prefix+"*")
		l.listSource = blueprint.ListObjects(own.ARN(), prefix)
		return
	}
	bucket := blueprint.BucketARN(l.sourceBucket)
	l.listSource, l.readSource = blueprint.ListObjects(bucket, prefix), blueprint.ReadObjects(bucket, prefix, textOf(l.m.Source, "kms_key_arn", ""))
}

// runsExpire is the attribute of the table of runs with the time at which DynamoDB
// deletes an item.
const runsExpire = "expires"

// mapped puts the item mapping where ingest finds it.
func (l *line) mapped(text string) {
	if len(text) <= maxInEnvironment {
		l.mapping.Mapping = text
		return
	}
	// A mapping of its own key makes a new version of the function with each change.
	l.mapping.MappingKey = "mapping/" + digest(text) + ".json"
	l.File("mapping", l.results, l.mapping.MappingKey, blueprint.File{Bytes: []byte(text), CacheControl: "no-store"})
}

// lister lists an upload's files into the stream files.
func (l *line) lister() {
	aside := l.deadLetters("start-dead-letters", "lister", listerTimeout)
	f := l.function("lister", blueprint.Function{
		MemoryMB: 256, Timeout: listerTimeout,
		Environment: config.Environ(pipeline.ListerConfig{
			Base: l.base, Runs: l.runsTable(), SourceBucket: l.sourceBucket, Bucket: l.results.Name(), FilesStream: l.files.Name(),
			StartTopic: l.start.ARN(), StageTopic: l.stage.ARN(), MaxSteps: maxSteps, RetentionDays: l.m.retention(),
		}),
		Grants: [][]blueprint.Grant{
			l.listSource, l.runs.Get(), l.runs.Update(), l.files.Put(),
			blueprint.Rarely("used where an upload takes more than one invocation", l.start.Publish()),
			blueprint.Rarely("used where ingest is done before the last page is noted", l.stage.Publish()),
			blueprint.Rarely("used where the failures of a run are taken again", l.runs.Scan()),
			blueprint.Rarely("used where Lambda has given a message up", aside.Send()),
			blueprint.Rarely("used where so many files of a chunk failed that they are listed in an object", l.results.Get(failedObjects)),
		},
	})
	l.Hand("lister-start", l.start, f)
	// Of a run that has not begun nobody knows but its message. What else is handed
	// over is begun again by the sweeper, or by the next tick.
	l.KeepFailed("lister-failed", f, aside)
}

// ingest makes items of files.
func (l *line) ingest() {
	aside := l.deadLetters("files-dead-letters", "ingest", ingestTimeout)
	grants := [][]blueprint.Grant{
		l.files.Read(), l.readSource, l.runs.Get(), l.runs.Update(), l.items.PutMany(), l.stage.Publish(),
		// S3 tells it only to who may list (S3 API Reference, GetObject, "Permissions"), and
		// where that is so below a prefix alone, ingest asks for a list itself.
		blueprint.Rarely("used to tell a file that is gone from one that may not be read", l.listSource),
		blueprint.Rarely("used where a later upload's run has begun", l.items.Put()),
		blueprint.Rarely("used where Lambda has given a chunk up", aside.Send()),
		blueprint.Rarely("used where so many files of a chunk fail that they are listed in an object", l.results.Put(failedObjects)),
	}
	if l.mapping.MappingKey != "" {
		grants = append(grants, l.results.Get(l.mapping.MappingKey))
	}
	f := l.function("ingest", blueprint.Function{
		MemoryMB: 512, Timeout: ingestTimeout,
		Environment: config.Environ(pipeline.IngestConfig{
			Base: l.base, Runs: l.runsTable(), ItemMapping: l.mapping, ItemsTable: l.items.Name(), SourceBucket: l.sourceBucket, Bucket: l.results.Name(),
			StageTopic: l.stage.ARN(), Reads: l.m.reads(), MaxFileBytes: l.m.maxFileBytes(), GiveUpAfter: giveUp, RetentionDays: l.m.retention(),
		}),
		Grants: grants,
	})
	l.ingesting = l.ConsumeStream("ingest-files", f, l.files, blueprint.StreamBatch{
		Size: l.m.batchSize(), Parallel: l.m.parallel(), Retries: retries, MaxAge: maxAge, OnFailure: &aside,
	})
}

// control is what operators call.
func (l *line) control() {
	c := pipeline.ControlConfig{Base: l.base, Runs: l.runsTable(), Bucket: l.results.Name(), StartTopic: l.start.ARN()}
	var retrying []blueprint.Grant
	if b := l.booked; b != nil {
		c.BookingsTable, c.GiveUpAfter = b.table.Name(), l.m.giveUpBooking()
		retrying = blueprint.Rarely("used where a booking is retried", append(b.table.Get(), b.table.Put()...))
	}
	l.function("control", blueprint.Function{
		MemoryMB: 256, Timeout: shortTimeout, Environment: config.Environ(c),
		Grants: [][]blueprint.Grant{
			retrying, l.runs.Get(), l.runs.GetMany(), l.runs.Scan(), blueprint.Rarely("used where a run is cancelled or resumed", l.runs.Update()), l.start.Publish(),
			blueprint.Rarely("used where so many files of a chunk failed that they are listed in an object", l.results.Get(failedObjects)),
		},
	})
}

func (l *line) runsTable() pipeline.Runs { return pipeline.Runs{RunsTable: l.runs.Name()} }

// deadLetters is the queue of what Lambda has given up that was for a function.
func (l *line) deadLetters(key, function string, timeout time.Duration) blueprint.QueueHandle {
	q := l.Queue(key, blueprint.Queue{Visibility: visibilityFactor * l.Timeout(function, timeout), Data: true})
	l.aside[key] = q
	return q
}
