package release

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

// Versions are Lambda's aliases and versions.
type Versions interface {
	Alias(ctx context.Context, arn string) (a Alias, there bool, err error)
	Digest(ctx context.Context, arn, version string) (digest string, there bool, err error)
	Move(ctx context.Context, m Move) error
}

// Watch is CloudWatch's alarms.
type Watch interface {
	Rings(ctx context.Context, names []string) (map[string]Ring, error)
}

// Metrics takes figures.
type Metrics interface {
	Emit(at time.Time, figures ...telemetry.Metric) error
}

// The metrics of steer.
const (
	// MetricRolledBack is 1 for each release that was rolled back.
	MetricRolledBack = "RolledBack"
	// MetricMinutes is for how long the running release has been so.
	MetricMinutes = "ReleaseMinutes"
)

// Steer moves aliases to what is wanted. It is called each minute, when a release is wanted, and by operators.
type Steer struct {
	Store    Store
	Versions Versions
	Watch    Watch
	Metrics  Metrics
	Log      *slog.Logger
	Now      func() time.Time
}

// The values of Request.Action.
const (
	ActionStatus   = "status"
	ActionHistory  = "history"
	ActionRollback = "rollback"
)

// Request is an operator's event: `{"action":"status"}`, `{"action":"history","last":20}` or `{"action":"rollback","by":"arn..."}`. Any other
// event, of the schedule or of the table's stream, is a minute gone by.
type Request struct {
	Action string `json:"action"`
	By     string `json:"by,omitempty"`
	// Last is how many releases of the history are wanted, the newest first.
	Last int `json:"last,omitempty"`
}

// Answer is what operators get: status for status and rollback, releases for history.
type Answer struct {
	Status   *Status  `json:"status,omitempty"`
	Releases []Record `json:"releases,omitempty"`
}

// Status is how the newest release stands.
type Status struct {
	// Pending is true where another release is wanted and was not taken up yet.
	Pending bool   `json:"pending"`
	Current Record `json:"current"`
	Phase   Phase  `json:"phase,omitempty"`
	Live    int    `json:"live"`
	// Ends is when the canary may end.
	Ends    time.Time `json:"ends,omitzero"`
	Trouble string    `json:"trouble,omitempty"`
	// Elsewhere are the functions whose alias is not where the newest release that is done has put it.
	Elsewhere []string `json:"elsewhere,omitempty"`
}

// Handle takes an event.
func (s *Steer) Handle(ctx context.Context, r Request) (Answer, error) {
	switch r.Action {
	case "":
		return Answer{}, s.run(ctx)
	case ActionStatus:
		return s.status(ctx)
	case ActionHistory:
		releases, err := s.Store.History(ctx, r.Last)
		return Answer{Releases: releases}, err
	case ActionRollback:
		if err := s.rollback(ctx, r.By); err != nil {
			return Answer{}, err
		}
		if err := s.run(ctx); err != nil {
			return Answer{}, err
		}
		return s.status(ctx)
	}
	return Answer{}, fmt.Errorf("there is no action %q", r.Action)
}

// mostSteps bounds one run: a release that begins and is live at once takes five. What is left comes a minute later.
const mostSteps = 12

// run takes steps until nothing is left to do for now.
func (s *Steer) run(ctx context.Context) error {
	for range mostSteps {
		more, err := s.step(ctx)
		if errors.Is(err, errOvertaken) {
			continue // By another steer. What it has done is seen now.
		}
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// step takes one step, and says whether there may be another.
func (s *Steer) step(ctx context.Context) (more bool, err error) {
	state, err := s.Store.State(ctx)
	if err != nil {
		return false, err
	}
	look, err := s.look(ctx, state)
	if err != nil {
		return false, err
	}
	next, ended, moves := Next(state, look)
	changed := !reflect.DeepEqual(state, next)
	if changed {
		if next, err = s.save(ctx, state, next, ended); err != nil {
			return false, err
		}
	}
	if next.Phase != Done && !changed {
		s.emit(telemetry.Metric{Name: MetricMinutes, Unit: telemetry.Count, Value: look.Now.Sub(next.Current.Started).Minutes()})
	}
	if err := s.move(ctx, next, moves); err != nil {
		return false, err
	}
	return changed || len(moves) > 0, nil
}

// save keeps what was decided, before anything is done about it.
func (s *Steer) save(ctx context.Context, before, next State, ended []Record) (State, error) {
	next.Revision = before.Revision + 1
	if err := s.Store.Save(ctx, next, ended); err != nil {
		return next, err
	}
	r := next.Current
	if before.Phase != next.Phase || before.Current.Number != r.Number {
		s.Log.InfoContext(ctx, "release", "number", r.Number, "phase", next.Phase, "outcome", r.Outcome, "why", r.Why)
	}
	if r.Outcome == RolledBack && (before.Current.Outcome != RolledBack || before.Current.Number != r.Number) {
		s.emit(telemetry.Metric{Name: MetricRolledBack, Unit: telemetry.Count, Value: 1})
	}
	return next, nil
}

func (s *Steer) emit(m telemetry.Metric) {
	if err := s.Metrics.Emit(s.Now(), m); err != nil {
		s.Log.Warn("a metric could not be written", "error", err)
	}
}

// move moves aliases. What AWS refuses for good ends a release that is under way: versions with other roles take no canary, and a version may
// have been deleted (Lambda Developer Guide, "Implement Lambda canary deployments using a weighted alias").
func (s *Steer) move(ctx context.Context, state State, moves []Move) error {
	for _, m := range moves {
		err := s.Versions.Move(ctx, m)
		switch code(err) {
		case "PreconditionFailedException":
			return nil // Somebody else has moved it: it is looked at again.
		case missing, "InvalidParameterValueException":
			refused := Refused(state, err.Error())
			refused.Trouble = err.Error()
			if reflect.DeepEqual(state, refused) {
				return err
			}
			_, err = s.save(ctx, state, refused, nil)
			return err
		}
		if err != nil {
			return err
		}
		s.Log.InfoContext(ctx, "moved an alias", "alias", m.Alias, "version", m.To.Version, "canary", m.To.Canary, "share", m.To.Share)
	}
	return nil
}

// look reads what there is to decide by, and nothing that is not needed: a release that is done and settled costs no call to Lambda.
func (s *Steer) look(ctx context.Context, state State) (Look, error) {
	look := Look{Now: s.Now().UTC().Truncate(time.Millisecond), Aliases: map[string]Alias{}, Digests: map[string]string{}}
	var err error
	if look.Wanted, err = s.Store.Wanted(ctx); err != nil {
		return look, err
	}
	fresh := look.Wanted != nil && look.Wanted.ID() != state.Wanted
	targets := state.Current.Targets
	if fresh {
		targets = look.Wanted.Targets
	} else if state.Phase == Done && !look.Now.Before(state.Current.Ended.Add(settling)) {
		return look, nil
	}
	for _, key := range slices.Sorted(maps.Keys(targets)) {
		t := targets[key]
		a, there, err := s.Versions.Alias(ctx, t.Alias)
		if err != nil {
			return look, err
		}
		if !there {
			continue
		}
		look.Aliases[t.Alias] = a
		if !fresh {
			continue
		}
		digest, there, err := s.Versions.Digest(ctx, t.Alias, t.Version)
		if err != nil {
			return look, err
		}
		if there {
			look.Digests[t.Alias] = digest
		}
	}
	if look.Wanted == nil || look.Wanted.Canary == nil || !fresh && state.Phase != OnTrial {
		return look, nil
	}
	look.Alarms, err = s.Watch.Rings(ctx, look.Wanted.Canary.Alarms)
	if err != nil && !fresh {
		// The canary waits where it is.
		s.Log.WarnContext(ctx, "the alarms could not be read", "error", err)
		return look, nil
	}
	return look, err
}

// rollback goes back, in the name of who asks for it.
func (s *Steer) rollback(ctx context.Context, by string) error {
	for range mostSteps {
		state, err := s.Store.State(ctx)
		if err != nil {
			return err
		}
		history, err := s.Store.History(ctx, 0)
		if err != nil {
			return err
		}
		next, ended, err := Rollback(state, history, by, s.Now().UTC().Truncate(time.Millisecond))
		if err != nil || reflect.DeepEqual(state, next) {
			return err
		}
		if _, err = s.save(ctx, state, next, ended); !errors.Is(err, errOvertaken) {
			return err
		}
	}
	return errors.New("the release changes all the time: look at its status, and try again")
}

// status tells how things stand.
func (s *Steer) status(ctx context.Context) (Answer, error) {
	state, err := s.Store.State(ctx)
	if err != nil {
		return Answer{}, err
	}
	wanted, err := s.Store.Wanted(ctx)
	if err != nil {
		return Answer{}, err
	}
	out := Status{
		Pending: wanted != nil && wanted.ID() != state.Wanted, Current: state.Current, Phase: state.Phase, Live: state.Live, Trouble: state.Trouble,
	}
	if state.Phase == OnTrial && !state.Since.IsZero() && wanted != nil && wanted.Canary != nil {
		out.Ends = state.Since.Add(time.Duration(wanted.Canary.Minutes) * time.Minute)
	}
	if state.Phase == Done {
		for _, key := range slices.Sorted(maps.Keys(state.Current.Targets)) {
			arn := state.Current.Targets[key].Alias
			a, there, err := s.Versions.Alias(ctx, arn)
			if err != nil {
				return Answer{}, err
			}
			if !there || !a.at(Alias{Version: state.Stable[arn]}) {
				out.Elsewhere = append(out.Elsewhere, key)
			}
		}
	}
	return Answer{Status: &out}, nil
}
