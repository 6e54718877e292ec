package votingwindow

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

const (
	// leaseFor is how long results can freeze after a publisher died. It is renewed every round.
	leaseFor = 15 * time.Second
	// roundEvery is the longest time between two rounds of the holder: a third of the lease, so that one lost round loses nothing.
	roundEvery = 5 * time.Second
	// leaseRetry is how often a waiting publisher asks for the lease.
	leaseRetry = 2 * time.Second
	// stopBefore its deadline a publisher hands over, so that no time-out cuts it off between two writes.
	stopBefore = 10 * time.Second
	// endBefore its deadline a publisher gives up what it is still doing.
	endBefore = 3 * time.Second
	// runWithoutDeadline is how long it works where the context has no deadline: the same as under a time-out of 125 s.
	runWithoutDeadline = 115 * time.Second
	// leadTime before the opening publishers begin to loop: a schedule fires anywhere within its minute (EventBridge Scheduler User Guide).
	leadTime = 90 * time.Second
	// scanEvery is how often the ballots themselves are counted for the live figures, which heals what workers lost. Where ballots are
	// replaced it is done all the time.
	scanEvery = time.Minute
	// stepsPerRound bounds the steps towards finality that follow one another without waiting; there are fewer phases and actions.
	stepsPerRound = 16

	contentJSON = "application/json"
	// cacheLive lets a CDN answer a page that asks every five seconds, and never shows it the same figures twice.
	cacheLive    = "max-age=4"
	cacheFinal   = "max-age=60"
	cachePrivate = "no-store"
)

// PublisherStore is what a publisher reads and writes in the tables.
type PublisherStore interface {
	Tables
	RateStore
	// Counters returns the sum of all workers' counters, of the real votes or of the rehearsal's.
	Counters(ctx context.Context, rehearsal bool) (Counts, error)
	// WindowState returns the window's state, strongly consistent; the zero State where there is none.
	WindowState(ctx context.Context) (State, error)
	// PutWindowState writes a state where the one before it, of Version one less, stands, and says whether it did.
	PutWindowState(ctx context.Context, state State) (bool, error)
	// TakeLease takes or renews the lease where nobody else holds it at now, and says whether it did. Where a newer version holds it, held
	// it while the candidate was at work, or claimed it, it does not.
	TakeLease(ctx context.Context, candidate Candidate, now, until time.Time) (bool, error)
	// ClaimLease claims the lease from an older version: that one cannot renew it any more. It says whether there was one to claim it from.
	ClaimLease(ctx context.Context, version int64) (bool, error)
	// ReleaseLease ends the lease at now if holder has it.
	ReleaseLease(ctx context.Context, holder string, now time.Time) error
	// ReplaceControl puts a control in the place of the one that was read. It says whether it did: not where another stands there by now.
	ReplaceControl(ctx context.Context, former, next Control) (bool, error)
}

// Candidate is a publisher that asks for the lease.
type Candidate struct {
	Holder  string
	Version int64     // Of the function; see Publisher.
	Began   time.Time // Its invocation.
}

// DepthReader reads how many messages a queue holds, approximately.
type DepthReader interface {
	Depth(ctx context.Context) (Depth, error)
}

// MappingSwitch is the event source mapping from the queue to the recorder.
type MappingSwitch interface {
	// MappingState is Lambda's own word: Enabled, Enabling, Disabled, Disabling, Updating, Creating or Deleting.
	MappingState(ctx context.Context) (string, error)
	SetMapping(ctx context.Context, enabled bool) error
}

// ObjectStore is the results bucket.
type ObjectStore interface {
	// GetObject returns an object, or nil where there is none.
	GetObject(ctx context.Context, key string) ([]byte, error)
	PutObject(ctx context.Context, key string, body []byte, contentType, cacheControl string) error
}

// StatusBoard shows one line to all viewers.
type StatusBoard interface {
	Write(ctx context.Context, line string) error
}

// Publisher writes the results while the window is live and takes it to its final figures.
//
// One tick a minute starts a publisher that lives for almost two, so that in steady state one holds the lease and another
// waits for it: one that dies is replaced within the lease.
//
// After an apply it is not left to the old configuration to work on until its time is over. The new one claims the lease; the old one
// finds at its next round that it cannot renew it, gives it back and ends. Neither interrupts the other: as ever only the holder of the
// lease publishes. Which one is newer tells the function's published version: the numbers only grow, also where the function was deleted
// and made again (AWS Lambda Developer Guide, "Manage Lambda function versions"). An older one gets the lease only where it began after
// the newer one's had ended: then somebody went back to it.
//
// The live figure of an answer is the greatest of what was published before, the sum of the workers' counters, and the
// last scan of the ballots. Ballots are never deleted, so each of the three is a lower bound of the truth, and so is
// their maximum: the figure never exceeds the truth, never goes back, and, by the scan of each minute, reaches it within a
// minute whatever a worker lost. A window that was moved to another opening starts its maximum again.
//
// Where revote is replace there are no such bounds: a ballot that is displaced goes away from its answer, and neither a former
// figure nor a counter knows. There the live figures are those of the latest scan, which is begun anew in each round unless one is
// running: of a million ballots each costs a fifth of a cent.
//
// Before the opening, where there are votes of a rehearsal, its figures are shown, from a scan. They need no bound: a reset takes them away.
//
// The final figures come from the ballots alone; see Next.
type Publisher struct {
	Rules           *Rules
	InForce         *Clocked // The window with the closing time in force.
	Store           PublisherStore
	Votes           DepthReader
	DeadLetters     DepthReader
	Mapping         MappingSwitch
	Bucket          ObjectStore
	Status          StatusBoard // Where viewers read the results beside the object; nil where they do not.
	Clock           clock.Clock
	Holder          string // A random id of this execution environment, which runs one invocation at a time.
	Version         int64  // The function's published version; 0 for one that is not published, older than any.
	RecorderTimeout time.Duration
	PublishEvery    time.Duration
	AfterClose      bool // The figures are kept back until they are final.
	PerAddress      int  // How many votes of one address in a minute are not suspicious; 0 for any number.
	Log             *slog.Logger
	Metrics         *telemetry.Metrics
}

// Handle is one tick. The event is not looked at. It returns an error where nothing could be published all along; a round that
// fails is logged, and the next tries again.
func (p *Publisher) Handle(ctx context.Context, _ json.RawMessage) error {
	began := p.Clock.Now()
	stop := began.Add(runWithoutDeadline)
	if deadline, ok := ctx.Deadline(); ok {
		stop = deadline.Add(-stopBefore)
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-endBefore))
		defer cancel()
	}
	tenure := &tenure{Publisher: p, began: began, stop: stop}
	if quiet, err := tenure.quiet(ctx); quiet {
		return err
	}
	for tenure.waitForLease(ctx, stop) {
		if done := tenure.hold(ctx); done {
			break
		}
	}
	if !tenure.published && tenure.fault != nil {
		return fmt.Errorf("publish results: %w", tenure.fault)
	}
	return nil
}

// quiet does what there is to do outside the time when results are live, and says whether this was such a time.
func (t *tenure) quiet(ctx context.Context) (bool, error) {
	window, err := t.InForce.InForce(ctx)
	if err != nil {
		t.Log.WarnContext(ctx, "read the closing time in force", "error", err) // Go on: the loop reads it again.
		return false, nil
	}
	state, err := t.Store.WindowState(ctx)
	if err != nil {
		t.Log.WarnContext(ctx, "read the window's state", "error", err)
		return false, nil
	}
	t.window = window
	t.endControl(ctx)
	if !t.idle(state) {
		return false, nil
	}
	return t.once(ctx, state)
}

// endControl takes away a control that the argument has ended. It would be in force again where an apply set the argument back.
func (t *tenure) endControl(ctx context.Context) {
	over, is := t.InForce.over()
	if !is {
		return
	}
	if _, err := t.Store.ReplaceControl(ctx, over, Control{}); err != nil {
		t.Log.WarnContext(ctx, "take away a control that is over", "error", err)
		return
	}
	t.Log.InfoContext(ctx, "took away a control that is over", "closes_at", clockText(over.ClosesAt), "of", clockText(over.Of))
}

// idle says whether there is nothing to do but to see that the object is right.
func (t *tenure) idle(state State) bool {
	early := t.Clock.Now().Before(t.window.OpensAt.Add(-leadTime))
	final := state.Phase == PhaseFinal && state.ClosesAt.Equal(t.window.ClosesAt)
	return (early || final) && !state.MappingOff
}

// waitForLease takes the lease as soon as it is free, and claims it from an older version. It returns false where that has not come by a
// moment.
func (t *tenure) waitForLease(ctx context.Context, by time.Time) bool {
	for t.Clock.Now().Before(by) {
		if t.take(ctx) {
			return true
		}
		t.claim(ctx)
		if !t.wait(ctx, leaseRetry) {
			return false
		}
	}
	return false
}

// wait returns after d, or with false as soon as the context is done.
func (p *Publisher) wait(ctx context.Context, d time.Duration) bool {
	return clock.Wait(ctx, p.Clock, d) == nil
}
