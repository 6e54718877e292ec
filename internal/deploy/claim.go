package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/user"
	"strings"
	"syscall"
	"time"
)

// A claim is written anew every heartbeat, and counts as dead when it has not
// been for staleAfter. Both go by AWS's clock (the parameter's modification
// date against the answer's Date), so wrong clocks of machines do no harm.
const (
	heartbeat  = 10 * time.Second
	staleAfter = 45 * time.Second
)

// Self describes this process as the holder of claims.
func Self() Holder {
	host, _ := os.Hostname()
	name := "somebody"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return Holder{Who: fmt.Sprintf("%s@%s, process %d", name, host, os.Getpid()), Machine: machine(), PID: os.Getpid()}
}

// machine identifies the boot and the process namespace of this process, which
// is where its PID means something. Where the system does not tell, it is
// empty, and only heartbeats decide.
func machine() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + " " + namespace
}

// gone reports whether the holder is known to be dead: a process of this very
// machine that is no more.
func (h Holder) gone(self Holder) bool {
	if h.Machine == "" || h.Machine != self.Machine || h.PID == self.PID {
		return false
	}
	p, err := os.FindProcess(h.PID)
	return err != nil || errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// session is the exclusive right to work on one system, from claim to release.
type session struct {
	engine   *Engine
	store    *store
	manifest *Manifest
	claim    *Claim
	// fresh: the manifest was made by this session, so that no part is expected
	// to exist.
	fresh bool
	// before is the manifest's status before the session.
	before Status
	// shown is when the session last showed that it is alive. It has no monotonic
	// reading, which stands still while a machine sleeps.
	shown time.Time
	// overtaken is true once somebody else has the claim.
	overtaken bool

	// intend returns the parts that the session may make, beside the recorded ones;
	// nil where it makes none.
	intend func(recorded map[string]Record) map[string]Record

	stop context.CancelFunc
	done chan struct{}
}

// errBusy is a claim of somebody else that is alive.
type errBusy struct{ claim Claim }

func (e *errBusy) Error() string {
	return fmt.Sprintf("%s is at work on it (%s) since %s", e.claim.Who, e.claim.Operation, e.claim.Since.UTC().Format(time.RFC3339))
}

// errFinished is a system of that name that is deployed already.
type errFinished struct{ status Status }

func (e *errFinished) Error() string { return "a system of that name is deployed already" }

// errReplaced is a system of that name that is not the one the state means: it
// was destroyed and deployed anew.
var errReplaced = errors.New("another deployment has taken its name")

// open claims the system. For a create a finished system of the same name is
// errFinished; for the rest a missing manifest is made anew, with status.
// intend is the session's. The returned context ends when the claim is lost.
func (e *Engine) open(ctx context.Context, s *store, initial *Manifest, operation string, create bool, intend func(map[string]Record) map[string]Record) (context.Context, *session, error) {
	se := &session{engine: e, store: s, intend: intend, claim: &Claim{ID: e.NewID(), Operation: operation, Since: e.Clock.Now().UTC(), Holder: e.Holder}}
	if err := se.acquire(ctx, initial, create); err != nil {
		return ctx, nil, err
	}
	se.alive()
	ctx, cancel := context.WithCancelCause(ctx)
	beat, stop := context.WithCancel(context.WithoutCancel(ctx))
	se.stop, se.done = stop, make(chan struct{})
	go se.beat(beat, cancel)
	return ctx, se, nil
}

func (se *session) acquire(ctx context.Context, initial *Manifest, create bool) error {
	for {
		m, old, err := se.store.read(ctx)
		if errors.Is(err, errNoManifest) {
			initial.Claim = se.claim
			if initial.ID == "" {
				initial.ID = se.engine.NewID()
			}
			switch err := se.store.create(ctx, se.begun(initial)); {
			case err == nil:
				se.manifest, se.fresh, se.before = initial, true, initial.Status
				return nil
			case errors.Is(err, errTaken):
				continue
			default:
				return err
			}
		}
		if err != nil {
			return err
		}
		if create && m.Status != Creating {
			return &errFinished{m.Status}
		}
		if !create && initial.ID != "" && m.ID != "" && m.ID != initial.ID {
			return errReplaced
		}
		if m.Claim != nil {
			changed, err := se.outlive(ctx, m, old)
			if err != nil {
				return err
			}
			if changed {
				continue
			}
		}
		m.Claim = se.claim
		if create {
			// What was half-made belongs to this deployment from now on.
			m.ID = se.engine.NewID()
		}
		se.before = m.Status
		if m.Status == Ready {
			m.Status = initial.Status
		} else if initial.Status == Destroying {
			m.Status = Destroying
		}
		se.manifest = m
		if err := se.store.write(ctx, se.begun(m), se.claim.ID); errors.Is(err, errOvertaken) {
			return &errBusy{Claim{Holder: Holder{Who: "another process"}, Operation: "its claim came at the same moment", Since: se.claim.Since}}
		} else if err != nil {
			return err
		}
		return nil
	}
}

// begun returns the manifest as it is while the session works.
func (se *session) begun(m *Manifest) *Manifest {
	if se.intend == nil {
		return m
	}
	working := *m
	working.Begun = maps.Clone(m.Begun)
	if working.Begun == nil {
		working.Begun = map[string]Record{}
	}
	maps.Copy(working.Begun, se.intend(m.Parts))
	return &working
}

// outlive returns when the holder of the claim in m is dead, or errBusy when it
// shows a sign of life. changed means that the manifest must be read again: its
// holder has just finished.
func (se *session) outlive(ctx context.Context, m *Manifest, old age) (changed bool, err error) {
	if m.Claim.gone(se.engine.Holder) {
		return false, nil
	}
	version, began := se.store.version, se.engine.Clock.Now()
	for time.Duration(old) < staleAfter {
		if m.Claim.Machine != "" && m.Claim.Machine == se.engine.Holder.Machine {
			// The process lives; no need to wait for its next heartbeat.
			return false, &errBusy{*m.Claim}
		}
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("waiting to see whether %s is still at work: %w", m.Claim.Who, context.Cause(ctx))
		case <-se.engine.Clock.After(heartbeat / 4):
		}
		now, newer, err := se.store.read(ctx)
		if errors.Is(err, errNoManifest) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if now.Claim == nil {
			return true, nil
		}
		if se.store.version != version {
			return false, &errBusy{*now.Claim}
		}
		// Where an endpoint sends no date, our own watch tells how long the
		// claim has not moved.
		old = max(newer, age(se.engine.Clock.Now().Sub(began)))
	}
	return false, nil
}

// beat shows that the session is alive, until it is closed. Losing the claim
// ends the work.
func (se *session) beat(ctx context.Context, lost context.CancelCauseFunc) {
	defer close(se.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-se.engine.Clock.After(heartbeat):
		}
		err := se.held(ctx)
		if err == nil {
			err = se.store.touch(ctx, se.claim.ID)
		}
		if errors.Is(err, errOvertaken) {
			se.overtaken = true
			lost(fmt.Errorf("the claim was lost: %w", err))
			return
		}
		if err == nil {
			se.alive()
		}
		// Any other error is worth another try at the next beat: the claim
		// stays good until it is stale.
	}
}

// alive notes that the session has just shown that it is alive.
func (se *session) alive() { se.shown = se.engine.Clock.Now().Round(0) }

// held returns errOvertaken where the claim is somebody else's. It looks only
// where the last sign of life is old, as after a machine has slept: until then
// nobody takes the claim over.
func (se *session) held(ctx context.Context) error {
	if se.overtaken {
		return errOvertaken
	}
	if se.engine.Clock.Now().Round(0).Sub(se.shown) < 2*heartbeat {
		return nil
	}
	return se.store.look(ctx, se.claim.ID)
}

// quiet ends the heartbeat, so that the manifest has one writer.
func (se *session) quiet() {
	se.stop()
	<-se.done
}

// remove deletes the manifest, and gives up the claim with it.
func (se *session) remove(ctx context.Context) error {
	se.quiet()
	if err := se.held(ctx); err != nil {
		return err
	}
	return se.store.remove(ctx)
}

// close writes the manifest as it is now and gives up the claim. Where that was
// lost, the manifest is somebody else's.
func (se *session) close(ctx context.Context) error {
	se.quiet()
	if err := se.held(ctx); err != nil {
		return err
	}
	se.manifest.Claim = nil
	return se.store.write(ctx, se.manifest, se.claim.ID)
}
