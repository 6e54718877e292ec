package pipeline

import (
	"errors"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/preflight/forecast"
)

// What no configuration tells, as the forecast is made with; the durations of
// calls and the sizes are those of the cost.
const (
	// coldStart is what an environment's first call takes more.
	coldStart = 150 * time.Millisecond
	// writeAttempts is about how often a call of ingest tries to write what the table
	// throttles before its time is over and the batch comes again, with waits from
	// firstWait to lastWait.
	writeAttempts = 50
	firstWait     = 100 * time.Millisecond
	lastWait      = 5 * time.Second
	// uploading is how long a forecast's upload lasts where nothing is said.
	uploading = time.Minute
	// inTime is when an upload's files are items at the latest where no overdue_hours
	// say it.
	inTime = time.Hour
)

// design is the pipeline as an upload meets it: from the message that it is
// complete to the last file's item. Segments come after that.
func design(m *Model, b *blueprint.Blueprint) (forecast.Design, error) {
	files, shards, streamErr := forecast.StreamOf(b, "files")
	items, tableErr := forecast.TableOf(b, "items")
	lister, listerErr := forecast.FunctionOf(b, "lister", coldStart)
	ingest, ingestErr := forecast.FunctionOf(b, "ingest", coldStart)
	mapping, mappingErr := forecast.MappingOf(b, "ingest-files")
	if err := errors.Join(streamErr, tableErr, listerErr, ingestErr, mappingErr); err != nil {
		return forecast.Design{}, err
	}
	mapping.Shards, mapping.Batch = shards*m.parallel(), m.batchSize()*pipeline.ChunkKeys
	mapping.Each, mapping.Table = fileTakes, items.Name
	mapping.Retry = forecast.Retry{Attempts: writeAttempts, Base: firstWait, Most: lastWait}
	grace := inTime
	if known(m.OverdueHours) {
		grace = time.Duration(m.OverdueHours.ValueInt64()) * time.Hour
	}
	return forecast.Design{
		Functions: []forecast.Function{lister, ingest}, Queues: []forecast.Queue{files}, Tables: []forecast.Table{items},
		Stages: []forecast.Stage{
			forecast.Lister{Function: lister.Name, Page: pageOf, Takes: pageTakes, Lives: listerTimeout, Stream: files.Name, Rate: shards * forecast.ShardBytes / keyBytes},
			mapping,
		},
		Grace: grace, Length: uploading,
		Load: forecast.Load{Units: "files"},
		Assumptions: []forecast.Assumption{
			{Name: "files arrive until the upload is complete", Value: "then they are listed", Source: "the message that starts a run comes after the last file"},
			{Name: "a page of 1,000 files takes", Value: pageTakes.String(), Source: "one listing, one call to the stream, one note; stated, as in the cost"},
			{Name: "a file takes", Value: fileTakes.String(), Source: "its share of its chunk, of which many are read at the same time; stated, as in the cost"},
			{Name: "a file becomes", Value: "one item of up to 1 KB", Source: "the mapping and the files decide it"},
			{Name: "a cold start takes", Value: coldStart.String(), Source: "Go, some clients; stated"},
		},
	}, nil
}
