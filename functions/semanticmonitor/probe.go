package semanticmonitor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

// Seen is what was seen of a probe. Stage and Ticket replace what was known of it.
type Seen struct {
	Out    bool // It came out at the end.
	Stage  string
	Reason string // Why it did not yet.
	Ticket string
}

// ErrRefused says that a probe was not taken, so that it cannot come out.
var ErrRefused = errors.New("the probe was refused")

// Path is what probes go through.
type Path interface {
	// Send puts a probe in at the top. After an error that is no ErrRefused it may be on the way.
	Send(ctx context.Context, p Probe) (Seen, error)
	// Look looks whether a probe has come out.
	Look(ctx context.Context, p Probe) (Seen, error)
}

// Store keeps the state.
type Store interface {
	// Read returns the state, strongly consistent; the zero State where there is none.
	Read(ctx context.Context) (State, error)
	// Write replaces the state where its version is still that of s, or returns ErrOvertaken.
	Write(ctx context.Context, s State) error
}

// ErrOvertaken says that somebody else has changed the state.
var ErrOvertaken = errors.New("somebody else has changed the state")

const (
	// stopBefore is the time before the end of an invocation that is kept for its last calls, lookFor how long one look may take at most.
	stopBefore = 4 * time.Second
	lookFor    = 10 * time.Second
	// looksAtOnce is how many probes are looked at at the same time.
	looksAtOnce = 8
	// writes is how often a change is tried against others.
	writes = 10
	// A probe is looked for thirty times within its time, at least each ten seconds and at most twice a second.
	looksPerProbe           = 30
	looksLeast, looksAtMost = 500 * time.Millisecond, 10 * time.Second
)

// Monitor is the function probe: each call sends a probe and watches it, and all that others left on the way, until they are out, late, or the time is up.
type Monitor struct {
	Limits
	Path    Path
	Store   Store
	Clock   clock.Clock
	Log     *slog.Logger
	Metrics *telemetry.Metrics
}

// The actions of a request.
const (
	ActionReport = "report" // Nothing is sent.
	ActionProbe  = "probe"  // A probe is sent, however little time has passed since the last.
)

// Request is what probe is called with; empty from its schedule.
type Request struct {
	Action string `json:"action,omitempty"`
}

// Report is probe's answer.
type Report struct {
	Totals
	Probe    string    `json:"probe,omitempty"` // The id of the one that this call sent.
	InFlight int       `json:"in_flight"`
	Last     []Outcome `json:"last"` // The newest first, at most ten.
}

// Handle sends and watches. An error means that nothing is known of what is on the way; the next call goes on with it.
func (m *Monitor) Handle(ctx context.Context, r Request) (Report, error) {
	var stop time.Time // The zero time for never.
	if deadline, ok := ctx.Deadline(); ok {
		stop = deadline.Add(-stopBefore)
	}
	state, err := m.Store.Read(ctx)
	if err != nil || r.Action == ActionReport {
		return report(state, ""), err
	}
	if len(state.InFlight) > 0 {
		// What others left is looked at before it is judged: it may have come while nobody looked.
		if state, err = m.look(ctx, state.InFlight); err != nil {
			return Report{}, err
		}
	}
	id := NewID()
	state, err = m.change(ctx, func(s *State, now int64) []Outcome { return s.Begin(m.Limits, id, now, r.Action == ActionProbe) })
	if err != nil {
		return Report{}, err
	}
	if i := state.find(id); i < 0 {
		id = ""
	} else if state, err = m.send(ctx, state.InFlight[i]); err != nil {
		return Report{}, err
	}
	for watched := inTime(state); len(watched) > 0 && m.wait(ctx, stop); watched = inTime(state) {
		if state, err = m.look(ctx, watched); err != nil {
			return Report{}, err
		}
	}
	return report(state, id), nil
}

// NewID makes an id of 22 characters, as long as those of a waiting room's fans: 80 bits of it are random.
func NewID() string { return "probe-" + strings.ToLower(rand.Text()[:16]) }

func report(s State, id string) Report {
	return Report{Totals: s.Totals, Probe: id, InFlight: len(s.InFlight), Last: s.Last}
}

// inTime are the probes that are not late. Late ones are looked at once in each call.
func inTime(s State) (probes []Probe) {
	for _, p := range s.InFlight {
		if !p.Late {
			probes = append(probes, p)
		}
	}
	return probes
}

// wait returns true after a while, or false where there is no time for another look.
func (m *Monitor) wait(ctx context.Context, stop time.Time) bool {
	pause := min(max(m.Within/looksPerProbe, looksLeast), looksAtMost)
	if !stop.IsZero() && m.Clock.Now().Add(pause).After(stop) {
		return false
	}
	return clock.Wait(ctx, m.Clock, pause) == nil
}

// send puts a probe in at the top.
func (m *Monitor) send(ctx context.Context, p Probe) (State, error) {
	sending, cancel := context.WithTimeout(ctx, m.LostAfter)
	defer cancel()
	if deadline, ok := ctx.Deadline(); ok { // What became of it must be written, too.
		var end context.CancelFunc
		sending, end = context.WithDeadline(sending, deadline.Add(-stopBefore/2))
		defer end()
	}
	seen, err := m.Path.Send(sending, p)
	if err != nil {
		m.Log.WarnContext(ctx, "send probe", "probe", p.ID, "error", err)
		seen.Reason = err.Error()
	}
	return m.change(ctx, func(s *State, now int64) []Outcome {
		if errors.Is(err, ErrRefused) {
			return s.Give(p.ID, err.Error())
		}
		s.Note(p.ID, seen)
		if seen.Out {
			return s.Out(m.Limits, p.ID, now)
		}
		return nil
	})
}

// timeForLook is how long each of so many looks may take: where no look gets an answer, all of them leave half of the time that is left, to judge
// them by and to send the next probe.
func timeForLook(ctx context.Context, looks int) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return lookFor
	}
	rounds := (looks + looksAtOnce - 1) / looksAtOnce
	return min(lookFor, time.Until(deadline)/time.Duration(2*rounds))
}

// look looks at probes at the same time, and judges them and what else is due.
func (m *Monitor) look(ctx context.Context, probes []Probe) (State, error) {
	type sighting struct {
		Seen
		at int64
	}
	sightings := make([]sighting, len(probes))
	slots := make(chan struct{}, looksAtOnce)
	within := timeForLook(ctx, len(probes))
	var all sync.WaitGroup
	for i, p := range probes {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			looking, cancel := context.WithTimeout(ctx, within)
			defer cancel()
			seen, err := m.Path.Look(looking, p)
			if err != nil {
				m.Log.WarnContext(ctx, "look for probe", "probe", p.ID, "error", err)
				seen = Seen{Stage: p.Stage, Ticket: p.Ticket, Reason: err.Error()}
			}
			sightings[i] = sighting{seen, m.Clock.Now().UnixMilli()}
		})
	}
	all.Wait()
	return m.change(ctx, func(s *State, now int64) (outcomes []Outcome) {
		for i, p := range probes {
			s.Note(p.ID, sightings[i].Seen)
			if sightings[i].Out {
				outcomes = append(outcomes, s.Out(m.Limits, p.ID, sightings[i].at)...)
			}
		}
		return append(outcomes, s.Due(m.Limits, now)...)
	})
}

// change applies a rule to the state in one conditional write, and tells its outcomes. Where nothing changes, nothing is written.
func (m *Monitor) change(ctx context.Context, rule func(s *State, now int64) []Outcome) (State, error) {
	writer := rand.Text()
	var outcomes []Outcome
	for range writes {
		state, err := m.Store.Read(ctx)
		if err != nil {
			return State{}, err
		}
		if state.Writer == writer { // The write took effect, and its answer was lost.
			m.tell(ctx, outcomes)
			return state, nil
		}
		before := state.text()
		outcomes = rule(&state, m.Clock.Now().UnixMilli())
		if state.text() == before {
			return state, nil
		}
		state.Writer = writer
		switch err := m.Store.Write(ctx, state); {
		case err == nil:
			m.tell(ctx, outcomes)
			return state, nil
		case !errors.Is(err, ErrOvertaken):
			return State{}, err
		}
	}
	return State{}, fmt.Errorf("change the state %d times: %w", writes, ErrOvertaken)
}

// tell writes metrics and logs of outcomes that were counted. A function that dies before it has done so is seen by its errors.
func (m *Monitor) tell(ctx context.Context, outcomes []Outcome) {
	if len(outcomes) == 0 {
		return
	}
	counts := map[Result]float64{}
	for _, o := range outcomes {
		counts[o.Result]++
		log := m.Log.InfoContext
		if o.Result == Late || o.Result == Lost {
			log = m.Log.WarnContext
		}
		log(ctx, "probe "+string(o.Result), "probe", o.ID, "took_ms", o.Took, "stage", o.Stage, "reason", o.Reason)
		if o.Result == Arrived || o.Result == Came {
			m.emit(ctx, telemetry.Metric{Name: "Seconds", Unit: telemetry.Seconds, Value: float64(o.Took) / 1000})
		}
	}
	m.emit(ctx,
		telemetry.Metric{Name: "Sent", Unit: telemetry.Count, Value: counts[Sent]}, telemetry.Metric{Name: "Arrived", Unit: telemetry.Count, Value: counts[Arrived]},
		telemetry.Metric{Name: "Late", Unit: telemetry.Count, Value: counts[Late]}, telemetry.Metric{Name: "Lost", Unit: telemetry.Count, Value: counts[Lost]})
}

func (m *Monitor) emit(ctx context.Context, figures ...telemetry.Metric) {
	if err := m.Metrics.Emit(m.Clock.Now(), figures...); err != nil {
		m.Log.ErrorContext(ctx, "metrics", "error", err)
	}
}
