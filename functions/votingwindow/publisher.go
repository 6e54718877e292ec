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
	Clock           Clock
	Holder          string // A random id of this execution environment, which runs one invocation at a time.
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
	stop := p.Clock.Now().Add(runWithoutDeadline)
	if deadline, ok := ctx.Deadline(); ok {
		stop = deadline.Add(-stopBefore)
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-endBefore))
		defer cancel()
	}
	tenure := &tenure{Publisher: p, stop: stop}
	if quiet, err := tenure.quiet(ctx); quiet {
		return err
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
	if !t.idle(state) {
		return false, nil
	}
	return t.once(ctx, state)
}

// idle says whether there is nothing to do but to see that the object is right.
func (t *tenure) idle(state State) bool {
	early := t.Clock.Now().Before(t.window.OpensAt.Add(-leadTime))
	final := state.Phase == PhaseFinal && state.ClosesAt.Equal(t.window.ClosesAt)
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

	window    Window  // With the closing time in force, as this round read it.
	rehearsal *Counts // A rehearsal's figures, before the opening; nil where there is none.
	votes     *Depth  // Of the queues, as this round read them; nil where that failed.
	dead      *Depth

	known    bool      // What was published before was read, in this hold of the lease.
	version  int64     // Of the last results.
	lastAsOf time.Time // Of the last results; zero where there are none.
	last     Results
	live     Counts // The live figures.
	due      time.Time

	scans    chan scan
	scanning bool
	scanned  time.Time // When the last scan began.
}

type scan struct {
	ballots Counts
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
// of the year. It leaves a rehearsal that goes on to the loop, which shows it as it will be on the night.
func (t *tenure) once(ctx context.Context, state State) (quiet bool, err error) {
	due, err := t.look(ctx, state)
	if err != nil || !due {
		return true, err
	}
	if t.rehearsal != nil {
		return false, nil
	}
	if !t.take(ctx) {
		return true, t.fault // Somebody else is at it, or it could not be taken.
	}
	defer t.release(ctx)
	if state, err = t.Store.WindowState(ctx); err != nil {
		return true, fmt.Errorf("read the window's state: %w", err)
	}
	if due, err = t.look(ctx, state); err != nil || !due { // Again: another may have been at it in between.
		return true, err
	}
	t.readDepths(ctx)
	return true, t.publish(ctx, state)
}

// look says whether results are due outside the time when they are live. They are not where that time has just begun: then the next
// tick loops.
func (t *tenure) look(ctx context.Context, state State) (bool, error) {
	t.known = false
	if err := t.recall(ctx); err != nil {
		return false, err
	}
	if err := t.rehearse(ctx); err != nil {
		return false, err
	}
	return t.idle(state) && !t.last.says(t.results(t.Clock.Now(), state)), nil
}

// rehearse reads the figures of a rehearsal, before the opening. Where no worker counted any vote of one, that is one small read.
func (t *tenure) rehearse(ctx context.Context) error {
	t.rehearsal = nil
	if !t.Clock.Now().Before(t.window.OpensAt) {
		return nil
	}
	figures, err := t.Store.Counters(ctx, true)
	if err != nil {
		return fmt.Errorf("read the rehearsal's counters: %w", err)
	}
	if figures.Accepted() == 0 {
		return nil
	}
	ballots, err := t.Store.CountBallots(ctx, false)
	if err != nil {
		return fmt.Errorf("count the rehearsal's ballots: %w", err)
	}
	figures.Answers, figures.Quarantined = ballots.Rehearsal.Answers, ballots.Rehearsal.Quarantined
	t.rehearsal = &figures
	return nil
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
	if t.window, err = t.InForce.InForce(ctx); err != nil {
		return false, err
	}
	if err := t.recall(ctx); err != nil {
		return false, err // Without what was published before, the figures could go back.
	}
	t.readDepths(ctx)
	published := t.lastAsOf
	defer func() { t.emit(ctx, !t.lastAsOf.Equal(published)) }()
	t.scanLive(ctx, scanCtx)
	// Faults on the way to finality must not stop the results, nor the other way round.
	state, advanceErr := t.advance(ctx)
	if state.Phase == PhaseFinal { // The last step published.
		return !state.MappingOff && advanceErr == nil, advanceErr
	}
	if state.Phase == "" || t.Clock.Now().Before(t.due) || t.finalShown() {
		return false, advanceErr
	}
	if err := t.rehearse(ctx); err != nil {
		return false, errors.Join(advanceErr, err)
	}
	t.due = t.Clock.Now().Add(t.PublishEvery)
	return false, errors.Join(advanceErr, t.publish(ctx, state))
}

// readDepths reads how many messages wait in both queues. SQS's own metrics lag by minutes and sleep on queues that are idle.
func (t *tenure) readDepths(ctx context.Context) {
	read := func(queue DepthReader) *Depth {
		depth, err := queue.Depth(ctx)
		if err != nil {
			t.Log.WarnContext(ctx, "read queue depth", "error", err)
			return nil
		}
		return &depth
	}
	t.votes, t.dead = read(t.Votes), read(t.DeadLetters)
}

// finalShown says whether final results were published though the state does not say final yet, or not any more, since ballots were
// released: nobody may see provisional ones after them.
func (t *tenure) finalShown() bool {
	return t.last.Status == StatusFinal && t.last.ClosesAt == clockText(t.window.ClosesAt)
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
	last := ReadResults(object)
	t.version, t.last, t.live = max(t.version, last.Version), last, Counts{}
	if asOf, err := time.Parse(time.RFC3339Nano, last.AsOf); err == nil {
		t.lastAsOf = asOf
	}
	if last.stands(t.window) {
		t.live = Counts{Answers: last.Answers()}
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
			if t.window.replaces() {
				t.live.Answers = found.ballots.Answers
			} else {
				t.live = t.live.AtLeast(Counts{Answers: found.ballots.Answers})
			}
			// A release takes from the one and adds to the other, so these are no bounds.
			t.live.Quarantined, t.live.Released = found.ballots.Quarantined, found.ballots.Released
		default:
		}
	}
	now := t.Clock.Now()
	if t.scanning || now.Before(t.window.OpensAt) || (now.Sub(t.scanned) < scanEvery && !t.window.replaces()) {
		return
	}
	t.scanning, t.scanned = true, now
	scans := t.scans
	go func() {
		ballots, err := t.Store.CountBallots(scanCtx, false)
		scans <- scan{ballots.Real, err}
	}()
}
