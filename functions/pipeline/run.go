package pipeline

import (
	"strings"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// State is how far a run is.
type State string

// The states. The last three are ends.
const (
	Listing    State = "listing"    // Its files are being listed, and those that are listed ingested.
	Ingesting  State = "ingesting"  // All files are listed.
	Segmenting State = "segmenting" // All files are ingested or failures.
	Describing State = "describing" // All segments are known.
	Done       State = "done"       // The manifest is published, or that of a later upload is.
	Failed     State = "failed"
	Cancelled  State = "cancelled"
)

// Over says whether nothing more happens.
func (s State) Over() bool { return s == Done || s == Failed || s == Cancelled }

// Run is one upload's way through. Times are in milliseconds since 1970, 0 for not yet.
type Run struct {
	ID       string
	State    State
	Reason   string // Why it failed.
	Stuck    string // What it waits for longer than it should; empty where it does not.
	Prefix   string
	ReplayOf string
	Failed   bool   // Of ReplayOf, the failures alone.
	Marker   string // The checkpoint: what was listed last.
	Listed   bool   // All is listed.
	Holder   string // Who wrote the checkpoint.
	Step     int64  // How many invocations listed.
	Pokes    int64  // How often the sweeper began its step again since something happened.

	Files      int64
	Chunks     int64
	ChunksDone int64
	Ingested   int64
	Failures   int64
	ByReason   map[Reason]int64 // Failures.
	Items      int64
	Segments   int64
	Described  int64
	Expired    int64 // Items that are gone from this upload.
	// SegmentsObject is the key of the object with the segments.
	SegmentsObject string

	Bytes      int64 // Of the files.
	Calls      int64 // Of AWS's services, for which one pays by call or by unit.
	WriteUnits int64 // Of DynamoDB, for items.
	Cost       int64 // Of the reads of the files and the writes of the items, in nano-dollars; 0 until the run is done.

	At         int64 // When the upload was started: of a replay, the run's that it replays.
	Started    int64
	ListedAt   int64
	IngestedAt int64
	DoneAt     int64
	PagedAt    int64 // When a page was listed last; 0 asks the sweeper to begin the next chain at once.
	Touched    int64 // When something happened last.
	Expires    int64 // When DynamoDB deletes it, in seconds since 1970; 0 for never.
}

// Ids in the table of runs.
const (
	RunsKey  = "id"
	activeID = "active" // Has an attribute for each run that is not over.
	RecentID = "recent" // Has an attribute for each run: its id, and when it was started.
)

func chunkItem(run, chunk string) string     { return run + "/chunk/" + chunk }
func triedItem(run, chunk string) string     { return run + "/tried/" + chunk }
func segmentItem(run, segment string) string { return run + "/segment/" + segment }
func failedPrefix(run string) string         { return run + "/failed/" }
func failedItem(run, chunk string) string    { return failedPrefix(run) + chunk }

const failedBy = "failed_" // And the reason: the attribute that counts failures.

// listingDone is the attribute listing once all is listed.
const listingDone = "done"

func readRun(item dynamodb.Item) Run {
	run := Run{
		ID: item[RunsKey].Text(), State: State(item["state"].Text()), Reason: item["reason"].Text(), Stuck: item["stuck"].Text(),
		Prefix: item["prefix"].Text(), ReplayOf: item["replay_of"].Text(), Failed: item["failed_only"].True(),
		Marker: item["marker"].Text(), Listed: item["listing"].Text() == listingDone, Holder: item["holder"].Text(), Step: item["step"].Int(), Pokes: item["pokes"].Int(),
		Files: item["files"].Int(), Chunks: item["chunks"].Int(), ChunksDone: item["chunks_done"].Int(),
		Ingested: item["ingested"].Int(), Failures: item["failed"].Int(), Items: item["items"].Int(),
		Segments: item["segments"].Int(), Described: item["described"].Int(), Expired: item["expired"].Int(),
		SegmentsObject: item["segments_object"].Text(),
		Bytes:          item["bytes"].Int(), Calls: item["calls"].Int(), WriteUnits: item["write_units"].Int(), Cost: item["cost"].Int(),
		At: item["at"].Int(), Started: item["started"].Int(), ListedAt: item["listed_at"].Int(), IngestedAt: item["ingested_at"].Int(),
		DoneAt: item["done_at"].Int(), PagedAt: item["paged_at"].Int(), Touched: item["touched"].Int(), Expires: item["expires"].Int(), ByReason: map[Reason]int64{},
	}
	for name, value := range item {
		if reason, ok := strings.CutPrefix(name, failedBy); ok && value.N != "" {
			run.ByReason[Reason(reason)] = value.Int()
		}
	}
	return run
}

// ingested says whether all that was listed is ingested or a failure.
func (r Run) ingested() bool { return r.State == Ingesting && r.Listed && r.ChunksDone >= r.Chunks }

// described says whether all segments have their metadata.
func (r Run) described() bool { return r.State == Describing && r.Described >= r.Segments }

// Dollars is Cost in dollars.
func (r Run) Dollars() float64 { return float64(r.Cost) / 1e9 }

func ms(at time.Time) int64 { return at.UnixMilli() }
