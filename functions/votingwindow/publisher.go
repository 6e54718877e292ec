package votingwindow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

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
	// scanEvery is how often the ballots themselves are counted for the live figures, which heals what workers lost.
	scanEvery = time.Minute
	// stepsPerRound bounds the steps towards finality that follow one another without waiting; there are fewer phases.
	stepsPerRound = 8

	contentJSON = "application/json"
	// cacheLive lets a CDN answer a page that asks every five seconds, and never shows it the same figures twice.
	cacheLive    = "max-age=4"
	cacheFinal   = "max-age=60"
	cachePrivate = "no-store"
)

// PublisherStore is what a publisher reads and writes in the tables.
type PublisherStore interface {
	Tables
	// Counters returns the sum of all workers' counters.
	Counters(ctx context.Context) (Counts, error)
	// WindowState returns the window's state, strongly consistent; the zero State where there is none.
	WindowState(ctx context.Context) (State, error)
	// PutWindowState writes a state where the one before it, of Version one less, stands, and says whether it did.
	PutWindowState(ctx context.Context, state State) (bool, error)
	// TakeLease takes or renews the lease for holder where nobody else holds it at now, and says whether it did.
	TakeLease(ctx context.Context, holder string, now, until time.Time) (bool, error)
	// ReleaseLease ends the lease if holder has it.
	ReleaseLease(ctx context.Context, holder string) error
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

// Publisher writes the results while the window is live and takes it to its final figures.
//
// One tick a minute starts a publisher that lives for almost two, so that in steady state one holds the lease and another
// waits for it: one that dies is replaced within the lease.
//
// The live figure of an answer is the greatest of what was published before, the sum of the workers' counters, and the
// last scan of the ballots. Ballots are never deleted, so each of the three is a lower bound of the truth, and so is
// their maximum: the figure never exceeds the truth, never goes back, and, by the scan of each minute, reaches it within a
// minute whatever a worker lost. A window that was moved to another closing time starts its maximum again.
//
// The final figures come from the ballots alone; see Next.
type Publisher struct {
	Rules           *Rules
	Store           PublisherStore
	Votes           DepthReader
	DeadLetters     DepthReader
	Mapping         MappingSwitch
	Bucket          ObjectStore
	Clock           Clock
	Holder          string // A random id of this execution environment, which runs one invocation at a time.
	RecorderTimeout time.Duration
	PublishEvery    time.Duration
	Log             *slog.Logger
	Metrics         *telemetry.Metrics
}

// Handle is one tick. The event is not looked at. It returns an error where nothing could be published all along; a round that
// fails is logged, and the next tries again.
func (p *Publisher) Handle(ctx context.Context, _ json.RawMessage) error {
	stop := p.Clock.Now().Add(runWithoutDeadline)
	if deadline, ok := ctx.Deadline(); ok {
		stop = deadline.Add(-stopBefore)
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-endBefore))
		defer cancel()
	}
	tenure := &tenure{Publisher: p, stop: stop}
	state, err := p.Store.WindowState(ctx)
	if err != nil {
		p.Log.WarnContext(ctx, "read the window's state", "error", err) // Go on: the loop reads it again.
	} else if p.idle(state) {
		return tenure.once(ctx)
	}
	for p.waitForLease(ctx, tenure) {
		if done := tenure.hold(ctx); done {
			break
		}
	}
	if !tenure.published && tenure.fault != nil {
		return fmt.Errorf("publish results: %w", tenure.fault)
	}
	return nil
}

// idle says whether there is nothing to do but to see that the object is right.
func (p *Publisher) idle(state State) bool {
	early := p.Clock.Now().Before(p.Rules.OpensAt.Add(-leadTime))
	final := state.Phase == PhaseFinal && state.ClosesAt.Equal(p.Rules.ClosesAt)
	return (early || final) && !state.MappingOff
}

// waitForLease takes the lease as soon as it is free. It returns false when its time is over before that.
func (p *Publisher) waitForLease(ctx context.Context, t *tenure) bool {
	for p.Clock.Now().Before(t.stop) {
		if t.take(ctx) {
			return true
		}
		if !p.wait(ctx, leaseRetry) {
			return false
		}
	}
	return false
}

// wait returns after d, or with false as soon as the context is done.
func (p *Publisher) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-p.Clock.After(d):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// tenure is one invocation's time as a publisher.
type tenure struct {
	*Publisher
	stop       time.Time // When to hand over.
	leaseUntil time.Time
	published  bool  // Something was, in this invocation.
	fault      error // The last round's.

	known    bool      // What was published before was read, in this hold of the lease.
	version  int64     // Of the last results.
	lastAsOf time.Time // Of the last results; zero where there are none.
	last     Results
	live     Counts // The live figures: only ever greater.
	due      time.Time

	scans    chan scan
	scanning bool
	scanned  time.Time // When the last scan began.
}

type scan struct {
	ballots map[string]int64
	err     error
}

var errLeaseLost = errors.New("the lease is over")

// take takes or renews the lease. A renewal that fails for a fault keeps what is left of the lease.
func (t *tenure) take(ctx context.Context) bool {
	now := t.Clock.Now()
	until := now.Add(leaseFor)
	held, err := t.Store.TakeLease(ctx, t.Holder, now, until)
	if err != nil {
		t.fault = fmt.Errorf("take lease: %w", err)
		t.Log.WarnContext(ctx, "take lease", "error", err)
		return t.Clock.Now().Before(t.leaseUntil)
	}
	if held {
		t.leaseUntil = until
	} else {
		t.leaseUntil = time.Time{}
	}
	return held
}

func (t *tenure) release(ctx context.Context) {
	t.leaseUntil = time.Time{}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endBefore/2)
	defer cancel()
	if err := t.Store.ReleaseLease(ctx, t.Holder); err != nil {
		t.Log.WarnContext(ctx, "release lease", "error", err) // It runs out by itself.
	}
}

// leased bounds what is written outside the tables by the lease: a publisher that was frozen and thaws must not
// write over its successor.
func (t *tenure) leased(ctx context.Context, write func(context.Context) error) error {
	left := t.leaseUntil.Sub(t.Clock.Now())
	if left <= 0 {
		return errLeaseLost
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	return write(ctx)
}

// once publishes if the object is missing or says something else than it should. A look costs no write: this runs every minute
// of the year.
func (t *tenure) once(ctx context.Context) error {
	if _, due, err := t.look(ctx); err != nil || !due {
		return err
	}
	if !t.take(ctx) {
		return t.fault // Somebody else is at it, or it could not be taken.
	}
	defer t.release(ctx)
	state, due, err := t.look(ctx) // Again: another may have been at it in between.
	if err != nil || !due {
		return err
	}
	return t.publish(ctx, state)
}

// look says whether results are due outside the time when they are live. They are not where that time has just begun: then the next
// tick loops.
func (t *tenure) look(ctx context.Context) (State, bool, error) {
	t.known = false
	if err := t.recall(ctx); err != nil {
		return State{}, false, err
	}
	state, err := t.Store.WindowState(ctx)
	if err != nil {
		return State{}, false, fmt.Errorf("read the window's state: %w", err)
	}
	now := t.Clock.Now()
	should := results(now, t.Rules.Window, statusOf(now, t.Rules.Window, state), t.figures(state), 0)
	return state, t.idle(state) && !t.last.says(should), nil
}

// hold works as the lease's holder until its time is over, the lease is lost, or all is done. It returns whether this publisher is
// finished; if not, it may wait for the lease again.
func (t *tenure) hold(ctx context.Context) (done bool) {
	t.known, t.scans, t.scanning, t.scanned, t.due = false, make(chan scan, 1), false, time.Time{}, time.Time{}
	scanCtx, endScan := context.WithCancel(ctx)
	defer func() {
		endScan()
		if t.scanning {
			<-t.scans // An invocation leaves no goroutine behind: Lambda would freeze it in mid-call.
		}
	}()
	for began := t.Clock.Now(); ; began = t.Clock.Now() {
		if !t.take(ctx) {
			return false
		}
		finished, err := t.round(ctx, scanCtx)
		switch {
		case errors.Is(err, errLeaseLost):
			t.fault = err
			return false
		case err != nil:
			t.fault = err
			t.Log.ErrorContext(ctx, "publish", "error", err)
		}
		every := min(roundEvery, t.PublishEvery)
		if finished || !t.Clock.Now().Add(every).Before(t.stop) || !t.wait(ctx, every-t.Clock.Now().Sub(began)) {
			t.release(ctx)
			return true
		}
	}
}

// round takes what steps are due towards finality and publishes. It returns whether the window is final and nothing is left to do.
func (t *tenure) round(ctx, scanCtx context.Context) (finished bool, err error) {
	if err := t.recall(ctx); err != nil {
		return false, err // Without what was published before, the figures could go back.
	}
	t.scanLive(ctx, scanCtx)
	// Faults on the way to finality must not stop the results, nor the other way round.
	state, advanceErr := t.advance(ctx)
	if state.Phase == PhaseFinal { // The last step published.
		return !state.MappingOff && advanceErr == nil, advanceErr
	}
	if state.Phase == "" || t.Clock.Now().Before(t.due) || t.finalShown() {
		return false, advanceErr
	}
	t.due = t.Clock.Now().Add(t.PublishEvery)
	return false, errors.Join(advanceErr, t.publish(ctx, state))
}

// finalShown says whether final results were published though the state does not say final yet: nobody may see provisional ones
// after them.
func (t *tenure) finalShown() bool {
	return t.last.Status == StatusFinal && t.last.ClosesAt == clockText(t.Rules.ClosesAt)
}

// recall reads what was published before, once after taking the lease.
func (t *tenure) recall(ctx context.Context) error {
	if t.known {
		return nil
	}
	object, err := t.Bucket.GetObject(ctx, ResultsObject)
	if err != nil {
		return fmt.Errorf("read %s: %w", ResultsObject, err)
	}
	last, same := readResults(object, t.Rules.Window)
	t.version, t.last, t.live = max(t.version, last.Version), last, Counts{}
	if asOf, err := time.Parse(time.RFC3339Nano, last.AsOf); err == nil {
		t.lastAsOf = asOf
	}
	if same {
		t.live = Counts{Answers: last.Answers}
	}
	t.known = true
	return nil
}

// scanLive counts the ballots beside the loop, once a minute and at once on taking the lease, and takes in the last such count.
func (t *tenure) scanLive(ctx, scanCtx context.Context) {
	if t.scanning {
		select {
		case found := <-t.scans:
			t.scanning = false
			if found.err != nil {
				t.Log.WarnContext(ctx, "count ballots for live results", "error", found.err)
				break
			}
			t.live = t.live.AtLeast(Counts{Answers: found.ballots})
		default:
		}
	}
	now := t.Clock.Now()
	if t.scanning || now.Before(t.Rules.OpensAt) || now.Sub(t.scanned) < scanEvery {
		return
	}
	t.scanning, t.scanned = true, now
	scans := t.scans
	go func() {
		ballots, err := t.Store.CountBallots(scanCtx, false)
		scans <- scan{ballots, err}
	}()
}
