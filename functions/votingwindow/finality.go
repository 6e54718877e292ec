package votingwindow

import "time"

// Phase is how far a window is on its way to final figures.
type Phase string

// The phases, in order.
const (
	PhaseOpen      Phase = "open"      // Votes count. Also before the opening.
	PhaseClosing   Phase = "closing"   // Closed, in grace: trailing votes are processed.
	PhaseDraining  Phase = "draining"  // Grace is over: waiting for the queue to be empty for drainedFor.
	PhaseDisabling Phase = "disabling" // The recorder's mapping is being switched off.
	PhaseSettling  Phase = "settling"  // It is off: waiting until no recorder can be at work any more.
	PhaseSealed    Phase = "sealed"    // Recorders make no more ballots: marking those of suspicious addresses.
	PhaseCounting  Phase = "counting"  // Counting for good; once more after ballots were released from quarantine.
	PhaseFinal     Phase = "final"     // Counted, published.
)

const (
	// drainedFor is how long the queue must be empty: SQS's depths are eventually consistent and exact about one minute after
	// the last send (SQS Developer Guide, "CloudWatch metrics for Amazon SQS").
	drainedFor = 60 * time.Second
	// drainGap is the longest time between two looks at an empty queue that still counts as looking all the while. It is
	// more than a lease takes to change hands.
	drainGap = 30 * time.Second
	// drainAtMost ends the wait: a sender can delay a message by 15 minutes at most (SQS API Reference, SendMessage,
	// DelaySeconds), so after 16 a queue that is not empty holds votes that no wait will bring.
	drainAtMost = 16 * time.Minute
	// settleMargin is added to the recorder's time-out, for the invocation that began as the mapping went off.
	settleMargin = 5 * time.Second
)

// mappingEnabled and mappingDisabled are the states in which an event source mapping stays (Lambda API Reference,
// GetEventSourceMapping, State).
const (
	mappingEnabled  = "Enabled"
	mappingDisabled = "Disabled"
)

// State is the durable state of a window's way to final figures, one item of the tallies table. Each step is a conditional
// write on the version, so any publisher can take the next one after any other stopped anywhere.
type State struct {
	Version      int64     // Counts writes; zero where there was none.
	Phase        Phase     // Empty where there was no write.
	ClosesAt     time.Time // The closing time that all this is about.
	EmptySince   time.Time // When the queue was first seen empty, in this run of being so.
	EmptySeen    time.Time // When it was last seen empty.
	MappingOff   bool      // The mapping was switched off, or may have been, and is not known to be on again.
	MappingOffAt time.Time // When it was first seen disabled.
	SealedAt     time.Time
	FinalAt      time.Time // When the ballots were counted for good, the last time; zero where they never were.
	Final        Counts    // The figures then, from the ballots themselves.
	LiveTotal    int64     // How many ballots the live figures said there were, when the window was sealed.
}

// Counted says whether the ballots were counted for good, though they may be counted again.
func (s State) Counted() bool { return !s.FinalAt.IsZero() }

// SealedFor says whether no more ballots are made for a closing time.
func (s State) SealedFor(closesAt time.Time) bool {
	return s.ClosesAt.Equal(closesAt) && (s.Phase == PhaseSealed || s.Phase == PhaseCounting || s.Phase == PhaseFinal)
}

// Depth is what a queue holds, approximately: numbers of messages.
type Depth struct{ Visible, InFlight, Delayed int64 }

// total is the number of messages in a queue.
func (d Depth) total() int64 { return d.Visible + d.InFlight + d.Delayed }

// Observation is what Next goes by.
type Observation struct {
	Now             time.Time
	Window          Window
	RecorderTimeout time.Duration
	Queue           *Depth  // nil where it could not be read or was not asked for.
	Mapping         string  // The mapping's state; empty where it could not be read or was not asked for.
	PerAddress      int     // How many votes of one address in a minute are not suspicious; 0 for any number.
	Marked          bool    // QuarantineRates has been done.
	Count           *Counts // The figures, once CountForGood has been done, else nil.
	LiveTotal       int64   // How many ballots the live figures say there are.
}

// Action is something to be done before the next state is written. All are safe to repeat.
type Action string

// The actions.
const (
	DisableMapping Action = "disable mapping"
	EnableMapping  Action = "enable mapping"
	// QuarantineRates marks the ballots of addresses that voted too often, to be observed as Marked.
	QuarantineRates Action = "quarantine rates"
	CountForGood    Action = "count for good" // A strongly consistent count of ballots and ledger, to be observed as Count.
	PublishFinal    Action = "publish final"  // Final results and ledger summary.
)

// wants says which readings Next needs in a state.
func (s State) wants() (queue, mapping bool) {
	switch s.Phase {
	case PhaseDraining:
		return true, false
	case PhaseDisabling, PhaseSettling:
		return false, true
	default:
		return false, s.MappingOff
	}
}

// Next takes at most one step from a state: it returns the state to be written after the actions were done. Where both
// are as before there is nothing to do until something else is observed.
//
// The order makes the count exact. Sealing comes after every recorder that did not know of it must have ended, so no
// ballot appears after the count began; a recorder that starts later reads the seal first. MappingOff is written
// before the mapping is first switched off, so that no crash leaves it off for good. Marking comes between the two, so that it sees every ballot and
// the count sees every mark. Whoever releases ballots later goes back to PhaseCounting.
func Next(state State, seen Observation) (State, []Action) {
	if state.Phase == "" || !state.ClosesAt.Equal(seen.Window.ClosesAt) {
		return State{
			Version: state.Version, Phase: PhaseOpen, ClosesAt: seen.Window.ClosesAt, MappingOff: state.MappingOff,
		}, nil
	}
	graceEnds := seen.Window.graceEnds()
	switch state.Phase {
	case PhaseOpen, PhaseClosing:
		return untilGrace(state, seen, graceEnds)
	case PhaseDraining:
		state = drain(state, seen)
		if state.drained() || !seen.Now.Before(graceEnds.Add(drainAtMost)) {
			state.Phase, state.MappingOff = PhaseDisabling, true
		}
		return state, nil
	case PhaseDisabling:
		switch seen.Mapping {
		case mappingDisabled:
			state.Phase, state.MappingOffAt = PhaseSettling, seen.Now
			return state, nil
		case mappingEnabled:
			return state, []Action{DisableMapping}
		}
		return state, nil // On its way, or unknown: look again.
	case PhaseSettling:
		switch {
		case seen.Mapping == "":
		case seen.Mapping != mappingDisabled: // Somebody switched it on behind our back.
			state.Phase, state.MappingOffAt = PhaseDisabling, time.Time{}
		case !seen.Now.Before(state.MappingOffAt.Add(seen.RecorderTimeout + settleMargin)):
			// Before ballots are marked: the live figures know of that too, some sooner than others.
			state.Phase, state.SealedAt, state.LiveTotal = PhaseSealed, seen.Now, seen.LiveTotal
		}
		return state, nil
	case PhaseSealed:
		if seen.PerAddress > 0 && !seen.Marked {
			return state, []Action{QuarantineRates}
		}
		state.Phase = PhaseCounting
		return state, nil
	case PhaseCounting:
		if seen.Count == nil {
			return state, []Action{CountForGood}
		}
		state.Phase, state.FinalAt, state.Final = PhaseFinal, seen.Now, *seen.Count
		return state, []Action{PublishFinal}
	case PhaseFinal:
		return restoreMapping(state, seen)
	default: // Written by a later version of this program: leave it to that.
		return state, nil
	}
}

func untilGrace(state State, seen Observation, graceEnds time.Time) (State, []Action) {
	switch {
	case state.MappingOff: // The window was moved while the mapping was off.
		return restoreMapping(state, seen)
	case state.Phase == PhaseClosing && !seen.Now.Before(graceEnds):
		state.Phase = PhaseDraining
	case state.Phase == PhaseOpen && !seen.Now.Before(seen.Window.ClosesAt):
		state.Phase = PhaseClosing
	}
	return state, nil
}

// drain notes whether the queue is empty. A look that failed proves nothing, so it starts the minute again.
func drain(state State, seen Observation) State {
	if seen.Queue == nil || seen.Queue.total() > 0 {
		state.EmptySince, state.EmptySeen = time.Time{}, time.Time{}
		return state
	}
	if state.EmptySince.IsZero() || seen.Now.Sub(state.EmptySeen) > drainGap {
		state.EmptySince = seen.Now
	}
	state.EmptySeen = seen.Now
	return state
}

func (s State) drained() bool {
	return !s.EmptySince.IsZero() && s.EmptySeen.Sub(s.EmptySince) >= drainedFor
}

func restoreMapping(state State, seen Observation) (State, []Action) {
	switch {
	case !state.MappingOff:
	case seen.Mapping == mappingEnabled:
		state.MappingOff = false
	case seen.Mapping == mappingDisabled:
		return state, []Action{EnableMapping}
	}
	return state, nil
}
