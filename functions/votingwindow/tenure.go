package votingwindow

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// tenure is one invocation's time as a publisher.
type tenure struct {
	*Publisher
	began      time.Time
	stop       time.Time // When to hand over.
	leaseUntil time.Time
	claimed    bool  // The lease was claimed, or was no older version's.
	superseded bool  // A newer version claimed the lease from this one.
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
	live     Counts  // The live figures.
	shown    Results // On the status board, by this publisher; zero where some of it may show something else.
	shownAt  time.Time
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
	held, err := t.Store.TakeLease(ctx, Candidate{Holder: t.Holder, Version: t.Version, Began: t.began}, now, until)
	if err != nil {
		t.fault = fmt.Errorf("take lease: %w", err)
		t.Log.WarnContext(ctx, "take lease", "error", err)
		return t.Clock.Now().Before(t.leaseUntil)
	}
	if held {
		t.leaseUntil = until
		return true
	}
	t.superseded = now.Before(t.leaseUntil) // Nobody else could take it.
	t.leaseUntil = time.Time{}
	return false
}

// claim claims the lease, once in an invocation: what is older than this one has begun by then. It says whether an older version has to give
// it back.
func (t *tenure) claim(ctx context.Context) bool {
	if t.claimed {
		return false
	}
	older, err := t.Store.ClaimLease(ctx, t.Version)
	if err != nil {
		t.Log.WarnContext(ctx, "claim lease", "error", err)
		return false
	}
	t.claimed = true
	if older {
		t.Log.InfoContext(ctx, "claimed the lease from an older version", "version", t.Version)
	}
	return older
}

func (t *tenure) release(ctx context.Context) {
	t.leaseUntil = time.Time{}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endBefore/2)
	defer cancel()
	if err := t.Store.ReleaseLease(ctx, t.Holder, t.Clock.Now()); err != nil {
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
	if held := t.take(ctx) || t.claim(ctx) && t.waitForLease(ctx, t.Clock.Now().Add(leaseFor+leaseRetry)); !held {
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
	counting, cancel := context.WithTimeout(ctx, leaseFor-roundEvery) // A busy table is not to cost the lease.
	defer cancel()
	ballots, err := t.Store.CountBallots(counting, false)
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
			t.release(ctx) // A newer version that claimed it need not wait until it runs out.
			return t.superseded
		}
		finished, err := t.round(ctx, scanCtx, began)
		switch {
		case errors.Is(err, errLeaseLost):
			t.fault = err
			t.release(ctx)
			return t.superseded
		case err != nil:
			t.fault = err
			t.Log.ErrorContext(ctx, "publish", "error", err)
		}
		every := min(roundEvery, t.PublishEvery)
		if left := t.due.Sub(began); left > 0 {
			every = min(every, left)
		}
		if finished || !t.Clock.Now().Add(every).Before(t.stop) || !t.wait(ctx, every-t.Clock.Now().Sub(began)) {
			t.release(ctx)
			return true
		}
	}
}

// round takes what steps are due towards finality and publishes. Results are due by when rounds began, not by how long one
// took to publish, or each second round would come too soon for them. It returns whether the window is final and nothing is left to do.
func (t *tenure) round(ctx, scanCtx context.Context, began time.Time) (finished bool, err error) {
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
	if state.Phase == "" || began.Before(t.due) || t.finalShown() {
		return false, advanceErr
	}
	if err := t.rehearse(ctx); err != nil {
		return false, errors.Join(advanceErr, err)
	}
	t.due = began.Add(t.PublishEvery)
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
