package semanticmonitor

import (
	"slices"
	"strings"
	"time"
)

// Probe is one that is on the way.
type Probe struct {
	ID   string `json:"id"`
	Sent int64  `json:"sent"` // Milliseconds since 1970, just before it was sent.
	// Late says that it was not there in time.
	Late bool `json:"late,omitempty"`
	// Stage is how far it has been seen to come, Reason what was in the way when last looked at.
	Stage  string `json:"stage,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Ticket is a waiting room's.
	Ticket string `json:"ticket,omitempty"`
}

// Totals count probes since the monitor was made. Sent is Arrived and Late and those that are on the way in time; Late is Lost and those that came late or
// are still watched.
type Totals struct {
	Sent    int64 `json:"sent"`
	Arrived int64 `json:"arrived"`
	Late    int64 `json:"late"`
	Lost    int64 `json:"lost"`
}

// Result is what became of a probe.
type Result string

// The results.
const (
	Sent    Result = "sent"
	Arrived Result = "arrived" // In time.
	Late    Result = "late"    // Not in time; it may come yet.
	Came    Result = "came"    // After it was late.
	Lost    Result = "lost"    // Given up.
)

// Outcome is a result with its circumstances.
type Outcome struct {
	ID     string `json:"id"`
	Result Result `json:"result"`
	Sent   int64  `json:"sent"`           // Milliseconds since 1970.
	Took   int64  `json:"took,omitempty"` // Milliseconds from sending until it was seen; of arrived and came.
	Stage  string `json:"stage,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// longestReason keeps the state, with a reason for each probe, far below DynamoDB's 400 KB, in bytes.
const longestReason = 300

// cut shortens a reason. What it leaves of a character is dropped.
func cut(reason string) string {
	return strings.ToValidUTF8(reason[:min(len(reason), longestReason)], "")
}

// kept is how many outcomes the state remembers.
const kept = 10

// State is all that a monitor knows. Every change of it is one conditional write, so that each result of each probe is counted once, whoever crashes and
// whatever is invoked twice.
type State struct {
	InFlight []Probe   `json:"in_flight,omitempty"`
	Totals   Totals    `json:"totals"`
	Last     []Outcome `json:"last,omitempty"` // The newest first, one for each probe.
	Began    int64     `json:"began,omitempty"`
	// Version counts the writes; Writer is who made the last.
	Version int64  `json:"-"`
	Writer  string `json:"writer,omitempty"`
}

// Begin puts a probe on the way, and says so, unless it is too early: a schedule may fire twice, and anywhere within its minute (EventBridge Scheduler
// User Guide, "Schedule types"). An operator's probe, forced, goes whenever there is room.
func (s *State) Begin(l Limits, id string, now int64, forced bool) []Outcome {
	if !forced && s.Began != 0 && now < s.Began+(l.Interval/2).Milliseconds() || len(s.InFlight) >= MaxInFlight {
		return nil
	}
	s.Began = now
	s.InFlight = append(s.InFlight, Probe{ID: id, Sent: now})
	s.Totals.Sent++
	return []Outcome{{ID: id, Result: Sent, Sent: now}}
}

// Note keeps what was seen of a probe that is on the way.
func (s *State) Note(id string, seen Seen) {
	if i := s.find(id); i >= 0 {
		p := &s.InFlight[i]
		p.Stage, p.Reason, p.Ticket = seen.Stage, cut(seen.Reason), seen.Ticket
	}
}

// Out says that a probe was seen at the end at a time in milliseconds.
func (s *State) Out(l Limits, id string, now int64) []Outcome {
	i := s.find(id)
	if i < 0 {
		return nil
	}
	p := s.InFlight[i]
	took := max(0, now-p.Sent)
	outcome := Outcome{ID: id, Result: Arrived, Sent: p.Sent, Took: took, Stage: p.Stage}
	if !p.Late && took <= l.Within.Milliseconds() {
		s.Totals.Arrived++
		s.end(i, outcome)
		return []Outcome{outcome}
	}
	late := s.late(i)
	outcome.Result = Came
	s.end(i, outcome)
	return append(late, outcome)
}

// Give gives a probe up at once, for a reason.
func (s *State) Give(id, reason string) []Outcome {
	i := s.find(id)
	if i < 0 {
		return nil
	}
	s.InFlight[i].Reason = cut(reason)
	return s.lose(i)
}

// Due judges by the time, in milliseconds, the probes that were not seen to come out.
func (s *State) Due(l Limits, now int64) (outcomes []Outcome) {
	for i := len(s.InFlight) - 1; i >= 0; i-- {
		age := time.Duration(now-s.InFlight[i].Sent) * time.Millisecond
		switch {
		case age > l.LostAfter:
			outcomes = append(outcomes, s.lose(i)...)
		case age > l.Within:
			outcomes = append(outcomes, s.late(i)...)
		}
	}
	return outcomes
}

func (s *State) find(id string) int {
	return slices.IndexFunc(s.InFlight, func(p Probe) bool { return p.ID == id })
}

// late counts a probe as late, unless it was.
func (s *State) late(i int) []Outcome {
	p := &s.InFlight[i]
	if p.Late {
		return nil
	}
	p.Late = true
	s.Totals.Late++
	outcome := Outcome{ID: p.ID, Result: Late, Sent: p.Sent, Stage: p.Stage, Reason: p.Reason}
	s.remember(outcome)
	return []Outcome{outcome}
}

func (s *State) lose(i int) []Outcome {
	late := s.late(i)
	p := s.InFlight[i]
	s.Totals.Lost++
	outcome := Outcome{ID: p.ID, Result: Lost, Sent: p.Sent, Stage: p.Stage, Reason: p.Reason}
	s.end(i, outcome)
	return append(late, outcome)
}

// end takes a probe from the way.
func (s *State) end(i int, outcome Outcome) {
	s.InFlight = slices.Delete(s.InFlight, i, i+1)
	s.remember(outcome)
}

// remember puts an outcome in the place of the probe's former one, or before all others.
func (s *State) remember(outcome Outcome) {
	if i := slices.IndexFunc(s.Last, func(o Outcome) bool { return o.ID == outcome.ID }); i >= 0 {
		s.Last[i] = outcome
		return
	}
	s.Last = slices.Insert(s.Last, 0, outcome)
	s.Last = s.Last[:min(len(s.Last), kept)]
}
