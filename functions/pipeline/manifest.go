package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

// ManifestObject is the key of the manifest that readers read.
const ManifestObject = "manifest.json"

// cacheManifest lets readers see a new manifest within five seconds.
const cacheManifest = "max-age=5"

// runPrefix is how the keys of all objects of a run begin.
func runPrefix(run string) string { return "runs/" + run + "/" }

// RunManifestObject is the key of one run's manifest, and ReportObject of its report.
func RunManifestObject(run string) string { return runPrefix(run) + "manifest.json" }

// ReportObject is the key of a run's report.
func ReportObject(run string) string { return runPrefix(run) + "report.json" }

// Manifest is what readers read: a run's segments, all of which have their metadata. Times are in milliseconds since 1970.
type Manifest struct {
	Run      string          `json:"run"`
	Prefix   string          `json:"prefix"`
	At       int64           `json:"at"` // When the upload was started.
	Made     int64           `json:"made"`
	Files    int64           `json:"files"`
	Ingested int64           `json:"ingested"`
	Failed   int64           `json:"failed"`
	Items    int64           `json:"items"`
	Segments []ManifestEntry `json:"segments"` // Those with the most items first.
}

// ManifestEntry is a segment in a manifest.
type ManifestEntry struct {
	ID    string `json:"segment"`
	Value string `json:"value"`
	Count int64  `json:"count"`
	Key   string `json:"key"` // Of the object with its metadata.
}

// Report is what is told of a run that is done. Times are in milliseconds since 1970.
type Report struct {
	Run        string           `json:"run"`
	ReplayOf   string           `json:"replay_of,omitempty"`
	Prefix     string           `json:"prefix"`
	Started    int64            `json:"started"`
	ListedAt   int64            `json:"listed_at"`
	IngestedAt int64            `json:"ingested_at"`
	DoneAt     int64            `json:"done_at"`
	Files      int64            `json:"files"`
	Chunks     int64            `json:"chunks"`
	Ingested   int64            `json:"ingested"`
	Failed     int64            `json:"failed"`
	ByReason   map[Reason]int64 `json:"failed_by_reason,omitempty"`
	Items      int64            `json:"items"`
	Gone       int64            `json:"gone"` // Items of earlier uploads that this one did not have.
	Segments   int64            `json:"segments"`
	Bytes      int64            `json:"bytes"`       // Of the files.
	Calls      int64            `json:"calls"`       // Of AWS's services by lister and ingest.
	WriteUnits int64            `json:"write_units"` // Of DynamoDB, for items.
	CostUSD    float64          `json:"cost_usd"`    // Of the reads of files and the writes of items, by the list of prices of when the pipeline was applied.
}

// Publication writes a run's manifest and report, and then publishes the manifest: by one write, so that readers see the run before or this one whole. A run of an
// earlier upload never takes the place of a later one's.
type Publication struct {
	Store   *Store
	Objects Objects
	Prices  Prices
	Clock   clock.Clock
	Log     *slog.Logger
	Metrics *telemetry.Metrics
}

// Handle works for each message of the stage manifest.
func (p *Publication) Handle(ctx context.Context, event events.SNSEvent) error {
	var errs []error
	for _, record := range event.Records {
		stage, err := ReadStage(record.SNS.Message)
		if err != nil {
			p.Log.ErrorContext(ctx, "refused a message", "message", record.SNS.MessageID, "error", err)
			continue
		}
		if stage.Stage == StageManifest {
			errs = append(errs, p.finish(ctx, stage.Run))
		}
	}
	return errors.Join(errs...)
}

func (p *Publication) finish(ctx context.Context, id string) error {
	run, found, err := p.Store.ReadRun(ctx, id)
	if err != nil {
		return err
	}
	if !found || !run.described() {
		p.Log.InfoContext(ctx, "a run whose manifest is not asked for", "run", id, "state", run.State)
		return nil
	}
	text, err := p.manifest(ctx, run)
	if err != nil {
		return err
	}
	run.DoneAt, run.Cost = ms(p.Clock.Now()), p.Prices.of(run)
	report, err := json.Marshal(report(run))
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	err = errors.Join(p.Objects.PutObject(ctx, RunManifestObject(id), text, contentJSON, cacheForEver),
		p.Objects.PutObject(ctx, ReportObject(id), report, contentJSON, cacheForEver))
	if err != nil {
		return err
	}
	if err := p.publish(ctx, run); err != nil {
		return err
	}
	held, err := p.Store.Move(ctx, id, Describing, Done, ", #done_at = :done, #cost = :cost", "", dynamodb.Item{":done": dynamodb.Number(run.DoneAt), ":cost": dynamodb.Number(run.Cost)})
	if err != nil || !held {
		return err
	}
	p.Log.InfoContext(ctx, "a run is done", "run", id, "files", run.Files, "ingested", run.Ingested, "failed", run.Failures, "items", run.Items, "segments", run.Segments)
	return p.Metrics.Emit(p.Clock.Now(), telemetry.Metric{Name: "DoneRuns", Unit: telemetry.Count, Value: 1},
		telemetry.Metric{Name: "RunSeconds", Unit: telemetry.Seconds, Value: float64(run.DoneAt-run.Started) / 1000})
}

// manifest is a run's, as JSON.
func (p *Publication) manifest(ctx context.Context, run Run) ([]byte, error) {
	segments, err := readSegments(ctx, p.Objects, run)
	if err != nil {
		return nil, err
	}
	manifest := Manifest{
		Run: run.ID, Prefix: run.Prefix, At: run.At, Made: ms(p.Clock.Now()), Files: run.Files, Ingested: run.Ingested, Failed: run.Failures, Items: run.Items,
		Segments: make([]ManifestEntry, len(segments)),
	}
	for i, segment := range segments {
		manifest.Segments[i] = ManifestEntry{segment.ID, segment.Value, segment.Count, MetadataObject(run.ID, segment.ID)}
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		return nil, fmt.Errorf("encode the manifest: %w", err)
	}
	return text, nil
}

func report(run Run) Report {
	return Report{
		Run: run.ID, ReplayOf: run.ReplayOf, Prefix: run.Prefix, Started: run.Started, ListedAt: run.ListedAt, IngestedAt: run.IngestedAt, DoneAt: run.DoneAt,
		Files: run.Files, Chunks: run.Chunks, Ingested: run.Ingested, Failed: run.Failures, ByReason: run.ByReason, Items: run.Items, Gone: run.Expired,
		Segments: run.Segments, Bytes: run.Bytes, Calls: run.Calls, WriteUnits: run.WriteUnits, CostUSD: run.Dollars(),
	}
}

// currentID is the item that tells whose manifest readers read.
const currentID = "current"

// publishTries bounds how often a manifest is written that another run's took the place of meanwhile.
const publishTries = 10

// publish claims the manifest for a run, unless a later upload's has it, and writes that of the run which has it in the end: two that publish at the same
// time could otherwise write in another order than they claimed.
func (p *Publication) publish(ctx context.Context, run Run) error {
	claim := p.Store.change(currentID, "SET #run = :run, #at = :at", "attribute_not_exists(#id) OR #at <= :at", dynamodb.Item{
		":run": dynamodb.String(run.ID), ":at": dynamodb.Number(run.At),
	})
	if held, err := p.Store.update(ctx, claim); err != nil {
		return err
	} else if !held {
		p.Log.InfoContext(ctx, "a later upload's manifest is published already", "run", run.ID)
	}
	written := ""
	for range publishTries {
		current, err := p.Store.get(ctx, currentID)
		if err != nil {
			return err
		}
		owner := current["run"].Text()
		if owner == written {
			return nil
		}
		text, err := p.Objects.GetObject(ctx, RunManifestObject(owner))
		if err != nil {
			return err
		}
		if text == nil {
			return fmt.Errorf("the manifest of run %s is gone", owner)
		}
		if err := p.Objects.PutObject(ctx, ManifestObject, text, contentJSON, cacheManifest); err != nil {
			return err
		}
		written = owner
	}
	return errors.New("other runs publish all the time")
}
