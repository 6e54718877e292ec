package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/kinesis"
	"github.com/burstline/terraform-provider-serverless/functions/internal/s3"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

// handOverMargin is how long before its deadline an invocation hands over to the next one: a page takes well under a second, and calls that have to be tried
// again some more.
const handOverMargin = 30 * time.Second

// Lists is a bucket whose objects are listed.
type Lists interface {
	// ListObjects appends to into the objects whose keys begin with prefix and follow after, in their order. more says whether others follow.
	ListObjects(ctx context.Context, prefix, after string, into []s3.Object) (objects []s3.Object, more bool, err error)
}

// Lister lists an upload's files into the stream files, a page at a time. After each page it writes down how far it is, where nobody else did: so one run is
// listed once, whoever starts it how often. A page that was sent and not written down is sent again, as the same chunks.
//
// An upload is complete when its run starts. A file that comes below the prefix later may be in the run or not; where that makes a page that is sent again another
// than before, the run's figures do not add up, and it fails rather than to go on with files missing.
type Lister struct {
	Store     *Store
	Source    Lists
	Bucket    string // The source's.
	Objects   Objects
	Files     *Stream
	Start     Publisher
	Completer *Completer
	ChunkKeys int // Keys of a chunk, at most.
	Pages     int // Pages that one invocation lists; 0 for as many as its time allows.
	MaxSteps  int // Invocations that may list for one run.
	NewID     func() string
	Clock     clock.Clock
	Log       *slog.Logger
	Metrics   *telemetry.Metrics

	page  []s3.Object // Used again for each page: an environment has one invocation at a time.
	keys  []string
	sizes []int64 // Of the files, by their places in keys.
}

// Handle lists for each message. A message that is none is logged and forgotten: it would be none the next time.
func (l *Lister) Handle(ctx context.Context, event events.SNSEvent) error {
	var errs []error
	for _, record := range event.Records {
		start, err := readStart(record.SNS)
		if err != nil {
			l.Log.ErrorContext(ctx, "refused a message", "message", record.SNS.MessageID, "error", err)
			errs = append(errs, l.Metrics.Emit(l.Clock.Now(), telemetry.Metric{Name: "Refused", Unit: telemetry.Count, Value: 1}))
			continue
		}
		errs = append(errs, l.list(ctx, start))
	}
	return errors.Join(errs...)
}

// list goes on with a run, from its checkpoint.
func (l *Lister) list(ctx context.Context, start Start) error {
	run, err := l.open(ctx, start)
	if err != nil {
		return err
	}
	switch {
	case run.ID == "":
		return nil
	case run.State != Listing, run.Marker != start.Marker:
		l.Log.InfoContext(ctx, "somebody else lists this run, or did", "run", run.ID, "state", run.State)
		return nil
	case run.Step >= int64(l.MaxSteps):
		return l.Store.Fail(ctx, run.ID, Listing, fmt.Sprintf("listing took more than %d invocations", l.MaxSteps))
	}
	holder, listed := l.NewID(), int64(0)
	for pages := 0; ; pages++ {
		if pages > 0 && l.spent(ctx, pages) {
			err = l.handOver(ctx, run, start.Step)
			break
		}
		page, err := l.sendPage(ctx, run)
		if err != nil {
			return err
		}
		if page.holder = holder; pages == 0 {
			page.step = 1
		}
		held, err := l.Store.Checkpoint(ctx, run, page)
		if err != nil {
			return err
		}
		if !held {
			l.Log.InfoContext(ctx, "somebody else lists this run", "run", run.ID)
			return nil
		}
		run.Marker, run.Files = page.marker, run.Files+page.files
		listed += page.files
		if page.last {
			l.Completer.Look(ctx, run.ID)
			break
		}
	}
	return errors.Join(err, l.Metrics.Emit(l.Clock.Now(), telemetry.Metric{Name: "Listed", Unit: telemetry.Count, Value: float64(listed)}))
}

// open returns the run that a message is about, which it makes where it is not there; none where the message is not about it.
func (l *Lister) open(ctx context.Context, start Start) (Run, error) {
	run, found, err := l.Store.ReadRun(ctx, start.Run)
	if err != nil {
		return Run{}, err
	}
	if !found {
		if start.Marker != "" { // Of a run that is deleted.
			l.Log.WarnContext(ctx, "there is no such run", "run", start.Run)
			return Run{}, nil
		}
		at := ms(start.uploaded(l.Clock.Now()))
		if start.ReplayOf != "" {
			of, found, err := l.Store.ReadRun(ctx, start.ReplayOf)
			if err != nil {
				return Run{}, err
			}
			if !found {
				l.Log.ErrorContext(ctx, "there is no run to be replayed", "run", start.Run, "replay_of", start.ReplayOf)
				return Run{}, nil
			}
			if at = of.At; start.Prefix == "" {
				start.Prefix = of.Prefix
			}
		}
		if run, err = l.Store.CreateRun(ctx, start, at); err != nil {
			return Run{}, err
		}
	}
	if run.Prefix != start.Prefix && start.ReplayOf == "" || run.ReplayOf != start.ReplayOf || run.Failed != start.Failed {
		l.Log.ErrorContext(ctx, "a run of this id lists something else", "run", run.ID, "prefix", run.Prefix, "asked", start.Prefix)
		return Run{}, nil
	}
	return run, nil
}

// spent says whether it is time to hand over.
func (l *Lister) spent(ctx context.Context, pages int) bool {
	if l.Pages > 0 && pages >= l.Pages {
		return true
	}
	return NearDeadline(ctx, l.Clock)
}

// NearDeadline says whether so little of an invocation's time is left that what it does is to be handed over to the next.
func NearDeadline(ctx context.Context, with clock.Clock) bool {
	deadline, ok := ctx.Deadline()
	return ok && with.Now().Add(handOverMargin).After(deadline)
}

// handOver lets the next invocation go on: by a message, or at the end of a chain of them by the sweeper.
func (l *Lister) handOver(ctx context.Context, run Run, step int) error {
	if step+1 >= ChainSteps {
		_, err := l.Store.Touch(ctx, run.ID, Listing, "paged_at", 0)
		return err
	}
	message, err := encode(startOf(run, step+1))
	if err != nil {
		return err
	}
	return l.Start.Publish(ctx, message)
}

// startOf is the message with which a run's listing goes on from its checkpoint.
func startOf(run Run, step int) Start {
	return Start{Run: run.ID, Prefix: run.Prefix, Marker: run.Marker, Step: step, ReplayOf: run.ReplayOf, Failed: run.Failed}
}

// head is what all chunks of a run have in common.
func (l *Lister) head(run Run) Chunk { return Chunk{Run: run.ID, At: run.At, Bucket: l.Bucket} }

// sendPage lists one page, and sends its chunks.
func (l *Lister) sendPage(ctx context.Context, run Run) (checkpoint, error) {
	page := checkpoint{marker: run.Marker, calls: 2} // The listing, and the checkpoint itself.
	packed := l.packListing
	if run.Failed {
		packed = l.packFailures
	}
	records, err := packed(ctx, run, &page)
	if err != nil {
		return page, err
	}
	calls, err := l.Files.Put(ctx, records)
	page.chunks, page.calls = int64(len(records)), page.calls+calls
	return page, err
}

// packListing makes chunks of a page of the source's listing.
func (l *Lister) packListing(ctx context.Context, run Run, page *checkpoint) ([]kinesis.Record, error) {
	objects, more, err := l.Source.ListObjects(ctx, run.Prefix, run.Marker, l.page[:0])
	if err != nil {
		return nil, err
	}
	l.page, l.keys, l.sizes = objects, l.keys[:0], l.sizes[:0]
	for _, object := range objects {
		page.marker = object.Key
		if object.Size > 0 || !strings.HasSuffix(object.Key, "/") { // What consoles make of a folder is no file.
			l.keys, l.sizes = append(l.keys, object.Key), append(l.sizes, object.Size)
		}
	}
	if more && page.marker == run.Marker {
		return nil, errors.New("S3 says that more follows and lists nothing")
	}
	page.files, page.last = int64(len(l.keys)), !more
	return pack(l.head(run), run.Marker, l.keys, l.sizes, l.ChunkKeys)
}
