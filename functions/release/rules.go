package release

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Alias is where an alias points to: a version, and maybe the share, above 0 and below 1, of another.
type Alias struct {
	Version string
	Canary  string
	Share   float64
	// Revision is of the alias as it was read; a move on another is refused.
	Revision string
}

// at reports whether two aliases send calls to the same versions, by shares of the same percentage.
func (a Alias) at(b Alias) bool {
	return a.Version == b.Version && a.Canary == b.Canary && math.Round(100*a.Share) == math.Round(100*b.Share)
}

// Ring is the state of an alarm.
type Ring string

// The states of an alarm, as CloudWatch has them, and of one that does not exist.
const (
	Quiet   Ring = "OK"
	Ringing Ring = "ALARM"
	NoData  Ring = "INSUFFICIENT_DATA"
	Gone    Ring = ""
)

// Look is what there is to decide by.
type Look struct {
	Now    time.Time
	Wanted *Wanted
	// Aliases has those that exist.
	Aliases map[string]Alias
	// Digests are the hex SHA-256 of the code of the wanted versions, by alias; one that is not there does not exist. It is read where Wanted is new.
	Digests map[string]string
	// Alarms are the states of the wanted canary's; nil where they were not read.
	Alarms map[string]Ring
}

// Move points an alias elsewhere. Its Revision is the one that it was decided on.
type Move struct {
	Alias string
	To    Alias
}

// settling is for how long after a release's end its aliases are kept where it put them: longer than a steer that began before, and was held up,
// can still move one, since Lambda ends it at its time-out.
const settling = 5 * time.Minute

// Next says what to remember, which other releases have ended by that, and which aliases to move then. It is called again and again, by several
// at once, and after any crash: what it says depends on what is there alone. When it changes nothing and moves nothing, all is done for now.
func Next(s State, look Look) (next State, ended []Record, moves []Move) {
	next = s.clone()
	if look.Wanted != nil && look.Wanted.ID() != s.Wanted {
		return next, begin(&next, look), nil
	}
	r := &next.Current
	switch next.Phase {
	case OnTrial:
		moves = next.try(look)
	case Promoting:
		if why := lost(r, look); why != "" {
			next.revert(why)
			break
		}
		if moves = movesTo(r, look, whole(r.versions())); len(moves) == 0 {
			next.live(look.Now)
		}
	case Reverting:
		if moves = movesTo(r, look, whole(next.Stable)); len(moves) == 0 {
			next.Phase = Done
			r.end(RolledBack, "", look.Now)
		}
	case Done:
		if look.Now.Before(r.Ended.Add(settling)) {
			moves = movesTo(r, look, whole(next.Stable))
		}
	}
	return next, nil, moves
}

// try looks after a release on trial.
func (s *State) try(look Look) []Move {
	if look.Wanted == nil {
		return nil
	}
	c := look.Wanted.Canary
	if why := cmp.Or(lost(&s.Current, look), unwell(c, look.Alarms)); why != "" {
		s.revert(why)
		return nil
	}
	if c == nil { // An apply has taken the canary away meanwhile.
		s.Phase = Promoting
		return nil
	}
	moves := movesTo(&s.Current, look, s.trial(c))
	switch {
	case len(moves) > 0:
	case s.Since.IsZero():
		s.Since = look.Now
	case look.Alarms != nil && !look.Now.Before(s.Since.Add(time.Duration(c.Minutes)*time.Minute)):
		s.Phase = Promoting
	}
	return moves
}

// Refused says what to remember where AWS refuses a move for good: a release that was under way goes back.
func Refused(s State, why string) State {
	next := s.clone()
	if next.Phase == OnTrial || next.Phase == Promoting {
		next.revert(why)
	}
	return next
}

// revert has the release's aliases go back.
func (s *State) revert(why string) { s.Phase, s.Current.Why = Reverting, why }

// begin takes up the wanted release, and returns the one that it takes the place of.
func begin(next *State, look Look) (ended []Record) {
	w, running := look.Wanted, next.Phase != Done
	if running {
		if next.Phase == Reverting {
			next.Current.end(RolledBack, "", look.Now)
		} else {
			next.Current.end(Superseded, fmt.Sprintf("release %d began", next.Current.Number+1), look.Now)
		}
		ended = append(ended, next.Current)
	}
	stable := map[string]string{}
	for _, t := range w.Targets {
		// What is tried out is not what to go back to.
		if before, known := next.Stable[t.Alias]; running && known {
			stable[t.Alias] = before
		} else if a, there := look.Aliases[t.Alias]; there {
			stable[t.Alias] = a.Version
		}
	}
	next.Wanted, next.Stable, next.Since, next.Trouble = w.ID(), stable, time.Time{}, ""
	next.Current = Record{
		Number: next.Current.Number + 1, Pipeline: w.Pipeline, Commit: w.Commit, Digests: maps.Clone(w.Digests), Targets: maps.Clone(w.Targets),
		By: w.By, Started: look.Now, Outcome: Running,
	}
	r := &next.Current
	switch why := refusal(r, look); {
	case why != "":
		// Of a release that it takes the place of, aliases may be on trial.
		next.revert(why + "; it was not begun")
	case w.Canary != nil && !maps.Equal(r.versions(), stable):
		next.Phase = OnTrial
	default:
		next.Phase = Promoting
	}
	return ended
}

// refusal says why a release can not begin; empty where it can.
func refusal(r *Record, look Look) string {
	if why := lost(r, look); why != "" {
		return why
	}
	for _, key := range slices.Sorted(maps.Keys(r.Targets)) {
		t := r.Targets[key]
		switch digest, there := look.Digests[t.Alias]; {
		case !there:
			return fmt.Sprintf("%s has no version %s", key, t.Version)
		case digest != t.Digest:
			return fmt.Sprintf("version %s of %s has the code %s, and not the %s that is to be released", t.Version, key, digest, t.Digest)
		}
	}
	return unwell(look.Wanted.Canary, look.Alarms)
}

// lost says which functions, or aliases of them, are gone; empty where all are there.
func lost(r *Record, look Look) string {
	var gone []string
	for _, key := range slices.Sorted(maps.Keys(r.Targets)) {
		if _, there := look.Aliases[r.Targets[key].Alias]; !there {
			gone = append(gone, key)
		}
	}
	if len(gone) == 0 {
		return ""
	}
	return "there is no function, or no alias of it, for " + strings.Join(gone, ", ")
}

// unwell says which alarms stand in the way; empty for none. An alarm without data does not: on a quiet night there is none. One that does not
// exist does, since nobody watches then.
func unwell(c *Canary, alarms map[string]Ring) string {
	if c == nil || alarms == nil {
		return ""
	}
	for _, name := range c.Alarms {
		switch alarms[name] {
		case Ringing:
			return fmt.Sprintf("the alarm %s rings", name)
		case Gone:
			return fmt.Sprintf("there is no alarm %s", name)
		case Quiet, NoData:
		}
	}
	return ""
}

// trial is where the aliases are while the release is on trial.
func (s *State) trial(c *Canary) map[string]Alias {
	out := whole(s.Stable)
	for alias, version := range s.Current.versions() {
		if version != s.Stable[alias] {
			out[alias] = Alias{Version: s.Stable[alias], Canary: version, Share: float64(c.Percent) / 100}
		}
	}
	return out
}

// whole are aliases with all calls at one version.
func whole(versions map[string]string) map[string]Alias {
	out := map[string]Alias{}
	for alias, version := range versions {
		out[alias] = Alias{Version: version}
	}
	return out
}

// movesTo are the moves of the release's aliases, as far as they exist, to where they should be.
func movesTo(r *Record, look Look, want map[string]Alias) []Move {
	var out []Move
	for _, alias := range r.aliases() {
		to, known := want[alias]
		now, there := look.Aliases[alias]
		if known && there && !now.at(to) {
			to.Revision = now.Revision
			out = append(out, Move{alias, to})
		}
	}
	return out
}

// live ends the release well.
func (s *State) live(now time.Time) {
	s.Phase, s.Live, s.Stable = Done, s.Current.Number, s.Current.versions()
	s.Current.end(Live, "", now)
}
