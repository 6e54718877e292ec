package release

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// errNothingBefore is a roll back from the first release.
var errNothingBefore = errors.New("there is no release before the one that is live, with other versions, to go back to")

// Rollback says what to remember when an operator goes back: a release that is running ends, and one that is live gives way to the one before it,
// without a canary. history are the releases, the newest first. ended has the release that was live, which is rolled back from then on.
func Rollback(s State, history []Record, by string, now time.Time) (next State, ended []Record, err error) {
	next = s.clone()
	why := "rolled back by " + by
	switch next.Phase {
	case Reverting:
		return next, nil, nil
	case OnTrial, Promoting:
		next.revert(why)
		return next, nil, nil
	case Done:
	}
	at, was := next.Live, find(history, next.Live)
	if was == nil {
		return s, nil, errNothingBefore
	}
	if was.Restores > 0 {
		at = was.Restores
	}
	before, targets := earlier(history, at, was)
	if before == nil {
		return s, nil, errNothingBefore
	}
	number := next.Current.Number + 1
	left := *was
	left.end(RolledBack, fmt.Sprintf("%s, by release %d", why, number), now)
	next.Current = Record{
		Number: number, Pipeline: before.Pipeline, Commit: before.Commit, Digests: before.Digests, Targets: targets, By: by, Started: now,
		Outcome: Running, Why: fmt.Sprintf("rolled back to release %d", before.Number), Restores: before.Number,
	}
	next.Phase, next.Since, next.Trouble = Promoting, time.Time{}, ""
	return next, []Record{left}, nil
}

func find(history []Record, number int) *Record {
	for i := range history {
		if history[i].Number == number {
			return &history[i]
		}
	}
	return nil
}

// Standing are the releases of a history, the newest first, that went live and that nobody has gone back past since.
func Standing(history []Record) []Record {
	var standing []Record
	past := 0 // Nothing after it stands.
	for _, r := range history {
		if r.Outcome != Live || past > 0 && r.Number > past {
			continue
		}
		standing, past = append(standing, r), r.Restores
	}
	return standing
}

// earlier is the last release before a number that went live by an apply with other versions of the functions that are live, and what these then
// point to. A run of a pipeline that changed none of them is nothing to go back to, nor is what was gone back from before.
func earlier(history []Record, number int, live *Record) (before *Record, targets map[string]Target) {
	for _, r := range Standing(history) {
		if targets := past(live.Targets, r.Targets); r.Number < number && r.Restores == 0 && !maps.Equal(targets, live.Targets) {
			return &r, targets
		}
	}
	return nil, nil
}

// past are targets as they were before, as far as they were there.
func past(targets, before map[string]Target) map[string]Target {
	out := map[string]Target{}
	for key, t := range targets {
		for _, old := range before {
			if old.Alias == t.Alias {
				t = old
			}
		}
		out[key] = t
	}
	return out
}
