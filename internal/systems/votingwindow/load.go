package votingwindow

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

const (
	defaultPoll   = 15
	defaultEvents = 1
)

func expectedLoad() schema.Attribute {
	count := func(least int64, description string) schema.Int64Attribute {
		return schema.Int64Attribute{Optional: true, MarkdownDescription: description, Validators: []validator.Int64{int64validator.AtLeast(least)}}
	}
	votes := count(1, "Votes in one event: one opening of the window.")
	votes.Optional, votes.Required = false, true
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "What is expected of one event. With it, a plan warns of quotas of the account that would not carry the event, and `cost` tells what it costs. " +
			"It changes no part. Plans then ask `lambda:GetAccountSettings` and, where needed, `servicequotas:GetServiceQuota`; without these permissions AWS's defaults are assumed.",
		Attributes: map[string]schema.Attribute{
			"votes":                 votes,
			"duplicates":            count(0, "Votes among them that are somebody's second. They do not count, and each costs a write more. Default 0."),
			"peak_votes_per_second": count(1, "Votes in the busiest second. Without it the mean over the window is taken, which the peak exceeds."),
			"viewers":               count(0, "People who watch the results at the same time. Default 0."),
			"poll_seconds":          count(1, "How often each viewer's page reads the results, in seconds. Default 15."),
			"events_per_month":      count(0, "Events in a month. Default 1."),
		},
	}
}

// Sizes and durations that no call shows, as the cost is computed with. Sizes
// are in bytes; durations are of warm functions with AWS close by.
const (
	voteBytes    = 100 // A vote as JSON.
	messageBytes = 400 // The same as received, with its attributes.
	answerBytes  = 400 // Intake's answer, headers included.
	entryBytes   = 150 // An entry in the ledger.
	ballotBytes  = 140 // Five attributes with their names: two hashes, an answer, a message id, a time.
	tallyBytes   = 100 // A worker's counters, or the window's state, without its answers.
	pollBytes    = 700 // The results without their answers, headers included.
	figureBytes  = 10  // One answer's figure in these, beside the answer's id.
	lineBytes    = 600 // A line of metrics in the log.

	intakeTakes   = 10 * time.Millisecond // One message sent.
	recorderTakes = 60 * time.Millisecond // A hundred ballots, sixteen at a time.
	tickTakes     = 30 * time.Millisecond // Three reads, outside an event.
	// publisherTakes is a publisher's life during an event: it hands over ten
	// seconds before its time-out.
	publisherTakes = publisherTimeout - 10*time.Second
	// publishersBegin before the opening, and go on after the grace until the
	// queue was empty for a minute.
	publishersBegin = 90 * time.Second
	emptyFor        = time.Minute
	// workers is how many recorders keep counters that each round adds up.
	workers = 30
	// waiting is how often in a round the publisher in waiting asks for the lease.
	waiting = 2.5

	recorderMetrics, publisherMetrics = 7, 5
)

// ExampleLoad is an expected load for the example: a television show with a
// million votes in ten minutes.
var ExampleLoad = map[string]any{"votes": 1_000_000, "peak_votes_per_second": 4000, "viewers": 100_000}

// used are the parts that a load concerns.
type used struct {
	intake, recorder, publisher blueprint.FunctionHandle
	votes, deadLetters          blueprint.QueueHandle
	mapping                     blueprint.MappingHandle
	ballots, ledger, tallies    blueprint.TableHandle
	results                     blueprint.BucketHandle
}

// uses says what a vote, a viewer and the clock cost.
func (m *Model) uses(b *blueprint.Builder, w votingwindow.Window, p used) {
	figures := 0.0
	for _, id := range w.Choices() {
		figures += float64(len(id) + figureBytes)
	}
	tally, results := tallyBytes+figures, pollBytes+figures
	b.PerMonth(blueprint.Load{Unit: "tick", Count: blueprint.Month.Minutes()},
		p.publisher.Invocations(1, tickTakes), p.tallies.Gets(2, tally), p.results.Gets(1))
	expected := func(field string, otherwise int64) float64 {
		return composite.Expected(m.ExpectedLoad, field, otherwise)
	}
	cast := expected("votes", 0)
	if cast == 0 {
		return
	}
	duplicates := min(expected("duplicates", 0), cast)
	counted := cast - duplicates
	open := w.ClosesAt.Sub(w.OpensAt)
	live := publishersBegin + open + w.Grace + emptyFor + b.Timeout("recorder", recorderTimeout)
	b.Event(blueprint.Event{Unit: "vote", Units: counted, PerMonth: expected("events_per_month", defaultEvents)})

	votes := blueprint.Load{Unit: "vote", Count: cast, Over: open, Peak: expected("peak_votes_per_second", 0)}
	batch := 1 / p.mapping.Fill(votes)
	b.PerEvent(votes,
		p.intake.Invocations(1, intakeTakes), p.intake.Answers(1, answerBytes),
		p.votes.Sends(1, voteBytes), p.mapping.Takes(votes, messageBytes, recorderTakes),
		p.ballots.Puts(1, ballotBytes),
		p.tallies.Puts(batch, tally), p.recorder.Logs(batch, lineBytes))

	b.PerEvent(blueprint.Load{Unit: "duplicate", Count: duplicates, Over: open}, p.ledger.Puts(1, entryBytes), p.ledger.Keeps(1, entryBytes))

	polls := expected("viewers", 0) * live.Seconds() / expected("poll_seconds", defaultPoll)
	b.PerEvent(blueprint.Load{Unit: "poll", Count: polls, Over: live}, p.results.Serves(1, results))

	b.PerEvent(blueprint.Load{Unit: "round", Count: live.Seconds() / publishEvery.Seconds(), Over: live},
		p.tallies.Puts(1+waiting, tally), p.tallies.Gets(2, tally), blueprint.Eventually(p.tallies.Scans(1, workers*tally)),
		p.votes.Depths(1), p.deadLetters.Depths(1), p.results.Puts(2), p.publisher.Logs(1, lineBytes))
	// Every minute the ballots so far are counted, half of all on the mean.
	b.PerEvent(blueprint.Load{Unit: "minute", Count: live.Minutes(), Over: live},
		p.publisher.Invocations(1, publisherTakes), blueprint.Eventually(p.ballots.Scans(1, counted*ballotBytes/2)))
	b.PerEvent(blueprint.Load{Unit: "event", Count: 1},
		p.ballots.Keeps(counted, ballotBytes), p.ballots.Scans(1, counted*ballotBytes), p.ledger.Scans(1, duplicates*entryBytes),
		p.recorder.Metrics(recorderMetrics, live), p.publisher.Metrics(publisherMetrics, live))
}
