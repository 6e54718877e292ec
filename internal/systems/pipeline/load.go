package pipeline

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

func expectedLoad() schema.Attribute {
	count := func(least int64, description string) schema.Int64Attribute {
		return schema.Int64Attribute{Optional: true, MarkdownDescription: description, Validators: []validator.Int64{int64validator.AtLeast(least)}}
	}
	files := count(1, "Files of one upload.")
	files.Optional, files.Required = false, true
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "What is expected of one upload. With it, a plan warns of quotas of the account that would not carry it, and `cost` tells what it costs. " +
			"It changes no part. Plans then ask `lambda:GetAccountSettings` and, where needed, `servicequotas:GetServiceQuota`; without these permissions AWS's defaults are assumed.",
		Attributes: map[string]schema.Attribute{
			"files":                  files,
			"file_bytes":             count(1, "Bytes of a file on the mean. Default 1,000."),
			"item_bytes":             count(1, "Bytes of a file's items together on the mean. Default: those of the file."),
			"segments":               count(0, "Segments of a run. Default 500, or none without `segments`."),
			"uploads_per_month":      count(0, "Uploads in a month. Default 30."),
			"bookings_per_month":     count(0, "Bookings in a month, with `bookings`. Default 0."),
			"api_requests_per_month": count(0, "Requests to the API in a month, with `api`. Default 0."),
		},
	}
}

// Sizes and durations that no call shows, as the cost is computed with. Sizes are
// in bytes; durations are of warm functions with AWS close by.
const (
	defaultBytes    = 1000
	defaultSegments = 500
	defaultUploads  = 30

	pageOf       = 1000 // Files of one listing (S3 API Reference, ListObjectsV2).
	keyBytes     = 40   // A file's key in a record, what all have in common cut off.
	runBytes     = 900  // A run, a marker, a transaction's item.
	segmentBytes = 700  // A segment's record.
	logBytes     = 500  // A line of metrics in the log.

	pageTakes  = 150 * time.Millisecond // A page listed, sent and noted.
	fileTakes  = 4 * time.Millisecond   // A file's share of its chunk, of which many are read at the same time.
	mbTakes    = 60 * time.Millisecond  // A megabyte of items scanned.
	groupTakes = 40 * time.Millisecond  // A segment's share of its batch.
	stageTakes = 500 * time.Millisecond
	sweepTakes = 15 * time.Millisecond
	// runTakes is how long a run of a million files takes with the defaults.
	runTakes = 20 * time.Minute

	emitted = 12 // Metrics that the functions write.

	bookingBytes = 800 // A booking, and a message about one.
	requestBytes = 900 // A query with its headers.
	answerBytes  = 6000
	// bookingMoves are how often a booking is read and written until it is told how it
	// ended.
	bookingMoves = 8
	uploadTakes  = 2 * time.Second       // The third party's time, most of all.
	answerTakes  = 40 * time.Millisecond // A page of segments.
	perVerdict   = 1.0 / 12              // Of a page that is watched.
)

// ExampleLoad is an expected load for the example: the story's million files a
// day.
var ExampleLoad = map[string]any{"files": 1_000_000, "file_bytes": 1000}

// load says what a file, a segment and the clock cost.
func (l *line) load() {
	sweeper := l.functions["sweeper"]
	l.PerMonth(blueprint.Load{Unit: "tick", Count: blueprint.Month.Minutes()}, sweeper.Invocations(1, sweepTakes), l.runs.Gets(1, runBytes))
	expected := func(field string, otherwise float64) float64 {
		return composite.Expected(l.m.ExpectedLoad, field, int64(otherwise))
	}
	files := expected("files", 0)
	if files == 0 {
		return
	}
	bytes := expected("file_bytes", defaultBytes)
	items := expected("item_bytes", bytes)
	uploads := expected("uploads_per_month", defaultUploads)
	l.Event(blueprint.Event{Unit: "file", Units: files, PerMonth: uploads})

	over := time.Duration(max(1, files/1e6) * float64(runTakes))
	lister, ingest := l.functions["lister"], l.functions["ingest"]
	l.PerEvent(blueprint.Load{Unit: "page of files", Count: files / pageOf, Over: over},
		l.lists(1), lister.Invocations(pageTakes.Seconds()/listerTimeout.Seconds(), listerTimeout), l.runs.Updates(1, runBytes))
	l.PerEvent(blueprint.Load{Unit: "file", Count: files, Over: over}, l.fetches(1), l.items.Puts(1, items))
	// A chunk's marker is read, and for each batch the run, before and after. It is counted in a transaction of two items, each of which counts twice.
	each := max(1, min(pipeline.ChunkKeys, pipeline.ChunkFileBytes/bytes))
	chunks, batch := files/each, float64(l.m.batchSize())
	l.PerEvent(blueprint.Load{Unit: "chunk of files", Count: chunks, Over: over},
		l.files.Puts(1, each*keyBytes), l.ingesting.Takes(batch, time.Duration(batch*each)*fileTakes), l.runs.Gets(1+2/batch, runBytes), l.runs.Updates(4, runBytes),
		ingest.Logs(1/batch, logBytes))
	l.stages(files*items, over, expected)
	l.bookingLoad(files*items, expected("segments", defaultSegments))
	l.apiLoad()
	l.PerEvent(blueprint.Load{Unit: "upload", Count: 1}, ingest.Metrics(emitted, over), l.start.Publishes(1, runBytes), l.runs.Keeps(chunks, runBytes),
		l.items.Keeps(files/max(1, uploads), items)) // The next upload writes the same items anew.
}

// stages is what the segments of a run cost.
func (l *line) stages(bytes float64, over time.Duration, expected func(string, float64) float64) {
	segmenter, metadata := l.functions["segmenter"], l.functions["metadata"]
	l.PerEvent(blueprint.Load{Unit: "stage", Count: 2, Over: over}, l.stage.Publishes(1, runBytes), l.functions["manifest"].Invocations(1, stageTakes), l.results.Puts(2.5), l.results.Gets(2))
	if !known(l.m.Segments) && !l.m.expires() {
		return
	}
	megabytes := max(1, bytes/(1<<20))
	l.PerEvent(blueprint.Load{Unit: "megabyte of items", Count: megabytes, Over: over},
		l.items.Scans(1, 1<<20), segmenter.Invocations(mbTakes.Seconds()/segmenterTimeout.Seconds(), segmenterTimeout))
	if segments := expected("segments", defaultSegments); segments > 0 && known(l.m.Segments) {
		l.PerEvent(blueprint.Load{Unit: "segment", Count: segments, Over: over},
			l.segments.Puts(1, segmentBytes), l.describing.Takes(batchOf, batchOf*groupTakes), l.results.Puts(1), l.runs.Updates(2, runBytes), metadata.Logs(1.0/batchOf, logBytes))
	}
}

// lists is what it costs to list the source, and fetches to read it. The calls are
// on the account's bill, whosever bucket it is.
func (l *line) lists(n float64) []blueprint.Operation { return l.bucket().Puts(n) }

func (l *line) fetches(n float64) []blueprint.Operation { return l.bucket().Gets(n) }

func (l *line) bucket() blueprint.BucketHandle {
	if l.source != nil {
		return *l.source
	}
	return l.results
}
