package votingwindow

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

const defaultEvents = 1

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
			"duplicates":            count(0, "Votes among them that are somebody's second. They do not count, and each costs a read and a write more. Default 0."),
			"peak_votes_per_second": count(1, "Votes in the busiest second. Without it the mean over the window is taken, which the peak exceeds."),
			"viewers":               count(0, "People who watch the results at the same time. Default 0."),
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
	recorderTakes = 60 * time.Millisecond // A hundred ballots, in four calls at the same time.
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
	// A page asks every quickPoll for half a minute and every slowPoll after; see
	// the guide on the page.
	quickPoll, slowPoll, quickFor = 5 * time.Second, 15 * time.Second, 30 * time.Second
	// edgeHits is the share of polls that the distribution answers itself: an
	// object of four seconds is asked for by many in each.
	edgeHits = 0.99
	// compressed is what is left of the page at the distribution, which
	// compresses; S3 serves it as it is.
	compressed = 0.35
	// waiting is how often in a round the publisher in waiting asks for the lease.
	waiting = 2.5

	recorderMetrics, publisherMetrics = 7, 5
)

// ExampleLoad is an expected load for the example: a television show with a
// million votes in ten minutes.
var ExampleLoad = map[string]any{"votes": 1_000_000, "peak_votes_per_second": 4000, "viewers": 100_000}

// load says what a vote, a viewer and the clock cost.
func (w *window) load() {
	figures := 0.0
	for _, id := range w.rules.Choices() {
		figures += float64(len(id) + figureBytes)
	}
	tally, results := tallyBytes+figures, pollBytes+figures
	publisher, recorder := w.functions["publisher"], w.functions["recorder"]
	w.standing(tally)
	expected := func(field string, otherwise int64) float64 {
		return composite.Expected(w.m.ExpectedLoad, field, otherwise)
	}
	cast := expected("votes", 0)
	if cast == 0 {
		return
	}
	duplicates := min(expected("duplicates", 0), cast)
	counted := cast - duplicates
	open := w.rules.ClosesAt.Sub(w.rules.OpensAt)
	closing := w.rules.Grace + emptyFor + w.Timeout("recorder", recorderTimeout)
	live := publishersBegin + open + closing
	w.Event(blueprint.Event{Unit: "vote", Units: counted, PerMonth: expected("events_per_month", defaultEvents)})

	votes := blueprint.Load{Unit: "vote", Count: cast, Over: open, Peak: expected("peak_votes_per_second", 0)}
	batch := 1 / w.mapping.Fill(votes)
	w.PerEvent(votes, w.taken(), w.votes.Sends(1, voteBytes), w.mapping.Takes(votes, messageBytes, recorderTakes),
		w.ballots.Puts(1, ballotBytes), w.tallies.Puts(batch, tally), recorder.Logs(batch, lineBytes))
	w.PerEvent(blueprint.Load{Unit: "duplicate", Count: duplicates, Over: open}, w.ballots.Gets(1, ballotBytes), w.ledger.Puts(1, entryBytes), w.ledger.Keeps(1, entryBytes))
	w.viewers(expected("viewers", 0), open, closing, results)

	every := time.Duration(orInt(w.m.PublishEvery, defaultPublishEvery)) * time.Second
	w.PerEvent(blueprint.Load{Unit: "round", Count: live.Seconds() / every.Seconds(), Over: live},
		w.tallies.Puts(1+waiting, tally), w.tallies.Gets(2, tally), blueprint.Eventually(w.tallies.Scans(1, workers*tally)),
		w.votes.Depths(1), w.deadLetters.Depths(1), w.results.Puts(2), publisher.Logs(1, lineBytes))
	// Every minute the ballots so far are counted, half of all on the mean; where
	// a vote can replace another, in every round.
	counts := live.Minutes()
	if w.rules.Revote == revoteReplace {
		counts = live.Seconds() / every.Seconds()
	}
	w.PerEvent(blueprint.Load{Unit: "count", Count: counts, Over: live}, blueprint.Eventually(w.ballots.Scans(1, counted*ballotBytes/2)))
	// Each publisher claims the lease when it begins and gives it back at its end.
	w.PerEvent(blueprint.Load{Unit: "minute", Count: live.Minutes(), Over: live},
		publisher.Invocations(1, publisherTakes), w.tallies.Updates(2, tally))
	w.PerEvent(blueprint.Load{Unit: "event", Count: 1},
		w.ballots.Keeps(counted, ballotBytes), w.ballots.Scans(2, counted*ballotBytes), w.ledger.Scans(2, duplicates*entryBytes),
		w.functions["export"].Invocations(1, exportTakes),
		recorder.Metrics(recorderMetrics, live), publisher.Metrics(publisherMetrics, live))
}

// exportTakes is a stated time for a million ballots.
const exportTakes = 30 * time.Second

// standing is what the clock costs outside an event.
func (w *window) standing(tally float64) {
	w.PerMonth(blueprint.Load{Unit: "tick", Count: blueprint.Month.Minutes()},
		w.functions["publisher"].Invocations(1, tickTakes), w.tallies.Gets(2, tally), w.results.Gets(1))
	w.PerMonth(blueprint.Load{Unit: "look for an export", Count: blueprint.Month.Minutes() / exportEvery.Minutes()},
		w.functions["export"].Invocations(1, tickTakes), w.tallies.Gets(1, tally))
	if f, there := w.functions["credentials"]; there {
		w.PerMonth(blueprint.Load{Unit: "look for a credential", Count: blueprint.Month.Minutes() / renewEvery.Minutes()},
			f.Invocations(1, tickTakes), w.tallies.Gets(1, tally), w.results.Gets(1))
	}
	if f, there := w.functions["orchestrator"]; there {
		w.PerMonth(blueprint.Load{Unit: "look at the queue", Count: blueprint.Month.Minutes()}, f.Invocations(1, tickTakes), w.tallies.Gets(1, tally))
	}
}

// taken is what it costs to take one vote, beside its message.
func (w *window) taken() []blueprint.Operation {
	if w.door.Kind == intakeDirect {
		out := w.votes.Answers(1, sentBytes)
		if w.pool != nil {
			out = append(out, w.pool.Identities(1)...)
		}
		return out
	}
	intake := w.functions["intake"]
	out := append(intake.Invocations(1, intakeTakes), intake.Answers(1, answerBytes)...)
	if w.api != nil {
		out = append(out, w.api.Requests(1, requestBytes)...)
	}
	return out
}

const (
	sentBytes    = 500 // SQS's answer to a message, headers included.
	requestBytes = 800 // A vote with its headers, as an API counts it.
)

// viewers is what the pages ask: each once for itself, and for results as often
// as the page does.
func (w *window) viewers(n float64, open, closing time.Duration, results float64) {
	if n == 0 {
		return
	}
	watched := open + closing
	polls := quickFor.Seconds()/quickPoll.Seconds() + max(0, watched-quickFor).Seconds()/slowPoll.Seconds()
	switch refresh := intOf(w.m.Site, "refresh_seconds", 0); {
	case orText(w.m.Results, resultsLive) == resultsAfterClose:
		polls = closing.Seconds() / slowPoll.Seconds()
	case refresh > 0:
		polls = watched.Seconds() / float64(refresh)
	}
	look := blueprint.Load{Unit: "poll", Count: n * polls, Over: watched}
	visit := blueprint.Load{Unit: "visit", Count: n, Over: watched}
	if w.cdn != nil {
		w.PerEvent(look, w.cdn.Serves(1, results, edgeHits))
		w.PerEvent(visit, w.cdn.Serves(2, w.pageBytes*compressed/2, edgeHits))
		return
	}
	w.PerEvent(look, w.results.Serves(1, results))
	w.PerEvent(visit, w.results.Serves(2, w.pageBytes/2))
}
