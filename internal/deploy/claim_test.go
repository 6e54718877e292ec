package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// elsewhere is a holder on another machine: only its heartbeats tell whether it
// is alive.
var elsewhere = Holder{Who: "anna@runner-7, process 4711", Machine: "another boot pid:[1]", PID: 4711}

// held writes a manifest with the claim of somebody.
func held(t *testing.T, e *Engine, h Holder, status Status) *store {
	t.Helper()
	s := storeOf(e)
	m := claimed("theirs")
	m.Status, m.Claim.Holder, m.Claim.Operation, m.Claim.Since = status, h, "create", time.Now().UTC().Truncate(time.Second)
	if err := s.create(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return s
}

func open(t *testing.T, e *Engine, create bool) (context.Context, *session, error) {
	t.Helper()
	ctx, se, err := e.open(t.Context(), storeOf(e), &Manifest{System: tiny.Name, Name: "one", Status: Creating}, "create", create, nil)
	if err == nil {
		t.Cleanup(se.quiet)
	}
	return ctx, se, err
}

// pausing lets a test act whenever somebody waits.
type pausing struct {
	*fakeClock
	onWait func()
}

func (p pausing) After(d time.Duration) <-chan time.Time {
	p.onWait()
	return p.fakeClock.After(d)
}

func TestClaimAliveElsewhere(t *testing.T) {
	e, _ := newEngine(t, 3)
	theirs := held(t, e, elsewhere, Creating)
	beats := 0
	e.Clock = pausing{newClock(), func() {
		if beats++; beats == 2 {
			if err := theirs.touch(t.Context(), "theirs"); err != nil {
				t.Error(err)
			}
		}
	}}
	_, _, err := open(t, e, true)
	var busy *errBusy
	if !errors.As(err, &busy) {
		t.Fatalf("a claim with a heartbeat: %v", err)
	}
	f := diagnosis{system: tiny, name: "one", create: true}.of("create", err)
	for _, part := range []string{elsewhere.Who, "since 20", "Nothing was changed", "45s"} {
		if !strings.Contains(f.Detail, part) {
			t.Errorf("the failure does not say %q: %s", part, f.Detail)
		}
	}
}

func TestClaimDeadElsewhere(t *testing.T) {
	e, _ := newEngine(t, 3)
	held(t, e, elsewhere, Creating)
	clock := newClock()
	e.Clock = clock
	began := clock.Now()
	_, se, err := open(t, e, true)
	if err != nil {
		t.Fatal(err)
	}
	if waited := clock.Now().Sub(began); waited < staleAfter || waited > 2*staleAfter {
		t.Errorf("the claim was taken over after %s without a heartbeat, not after %s", waited, staleAfter)
	}
	if se.fresh {
		t.Error("the session takes the manifest for its own new one: half-made parts would not be looked for")
	}
}

func TestClaimOnThisMachine(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	dead, alive := Self(), Self()
	dead.PID, alive.PID = cmd.Process.Pid, os.Getppid()
	for name, c := range map[string]struct {
		holder Holder
		free   bool
	}{"dead process": {dead, true}, "living process": {alive, false}} {
		t.Run(name, func(t *testing.T) {
			e, _ := newEngine(t, 3)
			held(t, e, c.holder, Creating)
			e.Clock = pausing{newClock(), func() {}}
			began := e.Clock.Now()
			_, se, err := open(t, e, true)
			if c.free && (err != nil || se.fresh) {
				t.Errorf("not taken over: %v", err)
			}
			var busy *errBusy
			if !c.free && !errors.As(err, &busy) {
				t.Errorf("a living process's claim: %v", err)
			}
			if waited := e.Clock.Now().Sub(began); !c.free && waited != 0 {
				t.Errorf("it took %s to see that a process of this machine lives", waited)
			}
		})
	}
}

func TestClaimFinished(t *testing.T) {
	e, _ := newEngine(t, 3)
	s := storeOf(e)
	if err := s.create(t.Context(), &Manifest{System: tiny.Name, Name: "one", Status: Ready}); err != nil {
		t.Fatal(err)
	}
	_, _, err := open(t, e, true)
	var done *errFinished
	if !errors.As(err, &done) {
		t.Fatalf("create over a finished system: %v", err)
	}
	f := diagnosis{system: tiny, name: "one", create: true}.of("create", err)
	if len(f.Argument) != 1 || f.Argument[0] != "name" || !strings.Contains(f.Detail, "terraform import <address> one") {
		t.Errorf("the failure is %+v", f)
	}
	if _, se, err := open(t, e, false); err != nil || se.manifest.Claim == nil {
		t.Errorf("an update of a finished system: %v", err)
	}
}

// TestHeartbeat: a session writes its manifest again and again, and loses its
// work's context when somebody else has written it.
func TestHeartbeat(t *testing.T) {
	e, _ := newEngine(t, 3)
	ticks := make(chan time.Time)
	e.Clock = ticking{newClock(), ticks}
	ctx, se, err := open(t, e, true)
	if err != nil {
		t.Fatal(err)
	}
	before := version(t, e)
	ticks <- time.Now()
	ticks <- time.Now() // taken only when the first beat is done
	if after := version(t, e); after <= before {
		t.Errorf("after a heartbeat the parameter has version %d, before %d", after, before)
	}
	other := storeOf(e)
	if _, _, err := other.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := other.write(t.Context(), claimed("theirs"), "theirs"); err != nil && !errors.Is(err, errOvertaken) {
		t.Fatal(err)
	}
	deadline := time.After(20 * time.Second)
	for ctx.Err() == nil {
		select {
		case ticks <- time.Now():
		case <-ctx.Done():
		case <-deadline:
			t.Fatal("the work goes on though its claim is lost")
		}
	}
	if cause := context.Cause(ctx); !errors.Is(cause, errOvertaken) || !strings.Contains(cause.Error(), "the claim was lost") {
		t.Errorf("the work ended because of %v", cause)
	}
	if err := se.close(t.Context()); !errors.Is(err, errOvertaken) {
		t.Errorf("closing a lost session: %v", err)
	}
}

// TestSleeperLeavesTheManifest: a process that was suspended for longer than its
// claim is good, and wakes, neither takes the manifest back from whoever has it
// now nor brings back one that is gone.
func TestSleeperLeavesTheManifest(t *testing.T) {
	for name, meanwhile := range map[string]func(context.Context, *store) error{
		"taken over": func(ctx context.Context, s *store) error {
			return s.write(ctx, &Manifest{System: tiny.Name, Name: "one", Status: Ready, Provider: "theirs", Arguments: long(20_000)}, "theirs")
		},
		"destroyed": func(ctx context.Context, s *store) error { return s.remove(ctx) },
		"destroyed and made anew": func(ctx context.Context, s *store) error {
			if err := s.remove(ctx); err != nil {
				return err
			}
			return s.create(ctx, &Manifest{System: tiny.Name, Name: "one", Status: Creating, Provider: "theirs", Claim: &Claim{ID: "theirs"}})
		},
	} {
		for _, beats := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, beats first: %t", name, beats), func(t *testing.T) {
				e, _ := newEngine(t, 3)
				clock := ticking{newClock(), make(chan time.Time)}
				e.Clock = clock
				ctx, se, err := open(t, e, true)
				if err != nil {
					t.Fatal(err)
				}
				other := storeOf(e)
				if _, _, err := other.read(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := meanwhile(t.Context(), other); err != nil {
					t.Fatal(err)
				}
				<-clock.fakeClock.After(time.Hour)
				if beats {
					clock.ticks <- time.Now()
					select {
					case <-ctx.Done():
					case <-time.After(20 * time.Second):
						t.Fatal("the work goes on though its claim is lost")
					}
				}
				if err := se.close(t.Context()); !errors.Is(err, errOvertaken) {
					t.Errorf("closing a lost session: %v", err)
				}
				switch m, _, err := storeOf(e).read(t.Context()); {
				case name == "destroyed":
					if !errors.Is(err, errNoManifest) {
						t.Errorf("of a system that was destroyed there is the manifest %+v (%v)", m, err)
					}
				case err != nil:
					t.Errorf("the others' manifest cannot be read any more: %v", err)
				case m.Provider != "theirs":
					t.Errorf("the others' manifest was overwritten by %+v", m)
				}
			})
		}
	}
}

// ticking is a clock whose waits end when a test says so.
type ticking struct {
	*fakeClock
	ticks chan time.Time
}

func (c ticking) After(time.Duration) <-chan time.Time { return c.ticks }

func version(t *testing.T, e *Engine) int64 {
	t.Helper()
	s := storeOf(e)
	if _, _, err := s.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s.version
}
