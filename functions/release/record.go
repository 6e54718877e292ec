package release

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Wanted is a release as an apply asks for it.
type Wanted struct {
	Pipeline string `json:"pipeline"`
	Commit   string `json:"commit"`
	// Digests are the hex SHA-256 of each system's functions.
	Digests map[string]string `json:"digests"`
	// Targets are the functions by "system/function".
	Targets map[string]Target `json:"targets"`
	Canary  *Canary           `json:"canary,omitempty"`
	// By is the ARN of who applied it. It is no part of the text.
	By string `json:"-"`
}

// Target is a version that an alias is to point to.
type Target struct {
	Alias   string `json:"alias"` // ARN.
	Version string `json:"version"`
	Digest  string `json:"digest"` // Hex SHA-256 of the version's code.
}

// Canary says how a release goes live bit by bit.
type Canary struct {
	Percent int      `json:"percent"` // Of calls, 1 to 99, that the new version takes.
	Minutes int      `json:"minutes"` // For how long.
	Alarms  []string `json:"alarms"`  // Names, or ARNs, of CloudWatch alarms; a Store reads names.
}

// ID tells one wanted release from another. How it goes live is no part of it.
func (w Wanted) ID() string {
	w.Canary = nil
	text, err := json.Marshal(w)
	if err != nil {
		panic(fmt.Sprintf("release: a wanted release is not plain data: %v", err))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Outcome is what became of a release.
type Outcome string

// The outcomes.
const (
	Running    Outcome = "running"
	Live       Outcome = "live"        // All aliases point to it; a later release may have followed.
	RolledBack Outcome = "rolled_back" // All aliases point to what they did before.
	Superseded Outcome = "superseded"  // Another release began before it was live.
)

// Record is one release in the history.
type Record struct {
	Number   int               `json:"number"` // From 1.
	Pipeline string            `json:"pipeline"`
	Commit   string            `json:"commit"`
	Digests  map[string]string `json:"digests"`
	Targets  map[string]Target `json:"targets"`
	By       string            `json:"by"`
	Started  time.Time         `json:"started"`
	Ended    time.Time         `json:"ended,omitzero"`
	Outcome  Outcome           `json:"outcome"`
	Why      string            `json:"why,omitempty"`
	// Restores is the number of the release that a roll back by an operator has brought back; 0 for a release by an apply.
	Restores int `json:"restores,omitempty"`
}

// end ends a release.
func (r *Record) end(outcome Outcome, why string, now time.Time) {
	r.Outcome, r.Ended = outcome, now
	if why != "" {
		r.Why = why
	}
}

// aliases are those of the release, in order.
func (r *Record) aliases() []string {
	var out []string
	for _, t := range r.Targets {
		out = append(out, t.Alias)
	}
	slices.Sort(out)
	return out
}

// versions are what each alias is to point to.
func (r *Record) versions() map[string]string {
	out := map[string]string{}
	for _, t := range r.Targets {
		out[t.Alias] = t.Version
	}
	return out
}

// Phase is how far the newest release is.
type Phase string

// The phases.
const (
	Done      Phase = ""
	OnTrial   Phase = "canary"
	Promoting Phase = "promoting"
	Reverting Phase = "reverting"
)

// State is all that steer remembers.
type State struct {
	Revision int64 `json:"revision"`
	// Wanted is the ID of the wanted release that was taken up last.
	Wanted string `json:"wanted"`
	// Current is the newest release.
	Current Record `json:"current"`
	Phase   Phase  `json:"phase,omitempty"`
	// Stable is the version that each alias goes back to.
	Stable map[string]string `json:"stable"`
	// Live is the number of the release that all aliases point to; 0 before the first.
	Live int `json:"live"`
	// Since is when all aliases had their canary.
	Since time.Time `json:"since,omitzero"`
	// Trouble is why the last attempt to move an alias failed.
	Trouble string `json:"trouble,omitempty"`
}

// clone is a copy of which nothing is shared.
func (s State) clone() State {
	s.Stable = maps.Clone(s.Stable)
	s.Current.Targets, s.Current.Digests = maps.Clone(s.Current.Targets), maps.Clone(s.Current.Digests)
	return s
}
