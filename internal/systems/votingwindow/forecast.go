package votingwindow

import (
	"errors"
	"slices"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/preflight/forecast"
)

// What no configuration tells, as the forecast is made with; the durations of
// calls are those of the cost.
const (
	// coldStart is what an environment's first call takes more: a Go function
	// with one client and 256 MB.
	coldStart = 100 * time.Millisecond
	// A page sends a refused vote again, pageAttempts times in all.
	pageAttempts  = 5
	pageFirstWait = time.Second
	pageLastWait  = 20 * time.Second
	// recorderAttempts and the waits between them are the recorder's own: ten times
	// many in a call within some twelve seconds. Here they are by chance, and of the
	// same means.
	recorderAttempts  = 10
	recorderFirstWait = 200 * time.Millisecond
	recorderLastWait  = 4 * time.Second
	// tableChanges is how long a change of a table's capacity takes, stated. It is
	// the least that AWS speaks of: an increase typically takes from minutes to
	// hours (Amazon DynamoDB FAQs).
	tableChanges = time.Minute
)

// design is the voting window as a burst meets it.
func design(m *Model, b *blueprint.Blueprint) (forecast.Design, error) {
	w, err := m.window()
	if err != nil {
		return forecast.Design{}, err
	}
	votes, queueErr := forecast.QueueOf(b, "votes")
	ballots, tableErr := forecast.TableOf(b, "ballots")
	recorder, recorderErr := forecast.FunctionOf(b, "recorder", coldStart)
	publisher, publisherErr := forecast.FunctionOf(b, "publisher", coldStart)
	mapping, mappingErr := forecast.MappingOf(b, "recorder-votes")
	if err := errors.Join(queueErr, tableErr, recorderErr, publisherErr, mappingErr); err != nil {
		return forecast.Design{}, err
	}
	mapping.Takes, mapping.Table = recorderTakes, ballots.Name
	mapping.Retry = forecast.Retry{Attempts: recorderAttempts, Base: recorderFirstWait, Most: recorderLastWait}

	d := forecast.Design{
		Functions: []forecast.Function{recorder, publisher}, Queues: []forecast.Queue{votes}, Tables: []forecast.Table{ballots},
		Grace: w.Grace, Length: w.ClosesAt.Sub(w.OpensAt),
		Load: forecast.Load{Units: "votes", Peak: "peak_votes_per_second"},
		Assumptions: []forecast.Assumption{
			{Name: "a batch of votes takes", Value: recorderTakes.String(), Source: "a hundred ballots in four calls; stated, as in the cost"},
			{Name: "a cold start takes", Value: coldStart.String(), Source: "Go, one client, 256 MB; stated"},
			{Name: "a throttled write is tried", Value: "10 times", Source: "the recorder, within some twelve seconds"},
		},
	}
	door := forecast.Door{Kind: forecast.Direct, Queue: votes.Name}
	if b.Part("intake") != nil {
		intake, err := forecast.FunctionOf(b, "intake", coldStart)
		if err != nil {
			return forecast.Design{}, err
		}
		d.Functions = append(d.Functions, intake)
		door = forecast.Door{
			Kind: forecast.API, Function: intake.Name, Takes: intakeTakes, Queue: votes.Name,
			Retry: forecast.Retry{Attempts: pageAttempts, Base: pageFirstWait, Most: pageLastWait},
		}
		if slices.ContainsFunc(b.Parts, func(p *blueprint.Part) bool { return p.Spec.Kind() == blueprint.URLSpec{}.Kind() }) {
			door.Kind = forecast.URL
		}
		d.Assumptions = append(d.Assumptions,
			forecast.Assumption{Name: "taking a vote takes", Value: intakeTakes.String(), Source: "one message sent; stated, as in the cost"},
			forecast.Assumption{Name: "a page sends a refused vote", Value: "5 times", Source: "after at most 1 s, 2 s, 4 s and 8 s, by chance; stated"})
	}
	var orchestrators []forecast.Stage
	if b.Part("orchestrator") != nil {
		function, limits, err := orchestrated(b)
		if err != nil {
			return forecast.Design{}, err
		}
		// It has raised both a quarter of an hour before the opening.
		d.Tables[0].Units = int(max(limits.Min.Units, limits.Opening.Units))
		mapping.MaxConcurrency = max(limits.Min.Workers, limits.Opening.Workers)
		d.Functions = append(d.Functions, function)
		orchestrators = append(orchestrators, forecast.Orchestrator{
			Function: function.Name, Every: time.Minute, Takes: tickTakes, Queue: votes.Name, Table: ballots.Name, Scales: tableChanges,
			Rules: func() func(forecast.Seen) forecast.Capacity { return scaleRules(w, limits) },
		})
		d.Assumptions = append(d.Assumptions, forecast.Assumption{
			Name: "a change of the table's capacity takes", Value: tableChanges.String(), Source: "Amazon DynamoDB FAQs: an increase typically takes from minutes to hours; the least of it, stated",
		})
	}
	d.Stages = append([]forecast.Stage{door, mapping}, orchestrators...)
	d.Stages = append(d.Stages,
		forecast.Publisher{Function: publisher.Name, Tick: time.Minute, Every: time.Duration(orInt(m.PublishEvery, defaultPublishEvery)) * time.Second, Lives: publisherTakes})
	return d, nil
}

// orchestrated is the orchestrator, and the limits that it is deployed with.
func orchestrated(b *blueprint.Blueprint) (forecast.Function, votingwindow.Limits, error) {
	function, err := forecast.FunctionOf(b, "orchestrator", coldStart)
	if err != nil {
		return function, votingwindow.Limits{}, err
	}
	spec, ok := b.Part(function.Name).Spec.(blueprint.FunctionSpec)
	if !ok {
		return function, votingwindow.Limits{}, errors.New("the orchestrator is no function")
	}
	c, err := config.Load[votingwindow.OrchestratorConfig](spec.Environment)
	return function, c.Limits(), err
}

// scaleRules decide as the deployed orchestrator does, and keep what that one
// knows from one call to the next.
func scaleRules(w votingwindow.Window, limits votingwindow.Limits) func(forecast.Seen) forecast.Capacity {
	var lowSince, decreased time.Time
	decreases := 0
	return func(seen forecast.Seen) forecast.Capacity {
		now := w.OpensAt.Add(seen.At)
		decision := votingwindow.Scale(votingwindow.Load{
			Now: now, Window: w,
			Depth:   votingwindow.Depth{Visible: int64(seen.Waiting), InFlight: int64(seen.InFlight)},
			Have:    votingwindow.Capacity{Units: int64(seen.Have.Units), Workers: seen.Have.Batches},
			Raising: seen.Changing, Decreases: decreases, Decreased: decreased, LowSince: lowSince,
		}, limits)
		lowSince = decision.LowSince
		if units := decision.Set.Units; units > 0 && units < int64(seen.Have.Units) {
			decreases, decreased = decreases+1, now
		}
		return forecast.Capacity{Units: int(decision.Set.Units), Batches: decision.Set.Workers}
	}
}
