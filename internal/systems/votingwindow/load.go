package votingwindow

import (
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
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
// are in bytes; durations are of warm functions with AWS close by. Answers are
// counted as HTTP/1.1 has them, every header included; the handshakes of TLS and
// TCP are not, of which AWS's price lists say nothing.
const (
	voteBytes    = 100 // A vote as JSON.
	messageBytes = 400 // The same as received, with its attributes.
	requestBytes = 800 // A vote with its headers, as an API counts it.
	entryBytes   = 150 // An entry in the ledger.
	// answerBytes is intake's answer: a message id as JSON, and Lambda's headers.
	answerBytes = 410
	// sentBytes is SQS's answer to a form: 378 of XML, with the elements of the
	// example in the SQS API Reference, SendMessage, and its headers with those for
	// other origins. The page's guide compares it with JSON.
	sentBytes = 682
	// tokenPreflightBytes is the answer of an API to the OPTIONS that a browser
	// sends before a request with a token.
	tokenPreflightBytes = 280
	// identityBytes are Cognito's answers that make a guest: an id, credentials,
	// and one to OPTIONS, whose answer holds for both.
	identityBytes = 400 + 1900 + 480
	// credentialBytes is the published credential, headers included: its session
	// token has most of it.
	credentialBytes = 1900
	tallyBytes      = 100 // A worker's counters, or the window's state, without its answers.
	figureBytes     = 10  // One answer's figure in these, beside the answer's id.
	lineBytes       = 600 // A line of metrics in the log.

	intakeTakes   = 10 * time.Millisecond // One message sent.
	recorderTakes = 70 * time.Millisecond // A hundred ballots: four calls at the same time, and 20 ms of its share of a processor.
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
	// floodRecorders are those at work while batches are full, at least: as many as
	// pollers of the queue, each of which calls one at a time (Lambda Developer
	// Guide, "Using Lambda with Amazon SQS", polling and scaling).
	floodRecorders = 5.0
	// waiting is how often in a round the publisher in waiting asks for the lease.
	waiting = 2.5

	// Faults have metrics of their own, which an event without any does not have.
	recorderMetrics, publisherMetrics = 5, 5
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
	tally, ballot := tallyBytes+figures, w.ballotBytes()
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
	told := w.told(votes)
	w.PerEvent(votes, w.taken(), w.votes.Sends(1, voteBytes), w.mapping.Takes(votes, messageBytes, recorderTakes),
		w.ballots.Puts(1, ballot), w.tallies.Puts(told, tally), recorder.Logs(told, lineBytes))
	w.PerEvent(blueprint.Load{Unit: "duplicate", Count: duplicates, Over: open}, w.ballots.Gets(1, ballot), w.ledger.Puts(1, entryBytes), w.ledger.Keeps(1, entryBytes))
	every := time.Duration(orInt(w.m.PublishEvery, defaultPublishEvery)) * time.Second
	w.viewers(expected("viewers", 0), open, closing, figures)
	w.shows(live, every, figures)

	w.PerEvent(blueprint.Load{Unit: "round", Count: live.Seconds() / every.Seconds(), Over: live},
		w.tallies.Puts(1+waiting, tally), w.tallies.Gets(2, tally), blueprint.Eventually(w.tallies.Scans(1, workers*tally)),
		w.votes.Depths(1), w.deadLetters.Depths(1), w.results.Puts(2), publisher.Logs(1, lineBytes))
	// Every minute the ballots so far are counted, where a vote can replace
	// another in every round. On the mean that is half of all while the window is
	// open, and all of them after.
	standing := counted * (open/2 + closing).Seconds() / live.Seconds()
	counts := live.Minutes()
	if w.rules.Revote == revoteReplace {
		counts = live.Seconds() / every.Seconds()
	}
	w.PerEvent(blueprint.Load{Unit: "count", Count: counts, Over: live}, blueprint.Eventually(w.ballots.Scans(1, standing*ballot)))
	// Each publisher claims the lease when it begins and gives it back at its end.
	w.PerEvent(blueprint.Load{Unit: "minute", Count: live.Minutes(), Over: live},
		publisher.Invocations(1, publisherTakes), w.tallies.Updates(2, tally))
	w.PerEvent(blueprint.Load{Unit: "event", Count: 1},
		w.ballots.Keeps(counted, ballot), w.ballots.Scans(2, counted*ballot), w.ledger.Scans(2, duplicates*entryBytes),
		w.functions["export"].Invocations(1, exportTakes),
		recorder.Metrics(recorderMetrics, live), publisher.Metrics(publisherMetrics, live))
}

// told is how often, for each vote, a recorder writes its counters and its line of
// metrics: with each batch, but where batches are full at most every second.
func (w *window) told(votes blueprint.Load) float64 {
	fill, rate := w.mapping.Fill(votes), votes.Mean()
	if fill < votingwindow.BatchSize || rate == 0 {
		return 1 / fill
	}
	recorders := max(floodRecorders, rate/fill*recorderTakes.Seconds())
	return min(1/fill, recorders/rate/votingwindow.TellEvery.Seconds())
}

// exportTakes is a stated time for a million ballots.
const exportTakes = 30 * time.Second

// standing is what the clock costs outside an event.
func (w *window) standing(tally float64) {
	w.PerMonth(blueprint.Load{Unit: "tick", Count: blueprint.Month.Minutes()},
		w.functions["publisher"].Invocations(1, tickTakes), w.tallies.Gets(2, tally), w.results.Gets(1))
	w.PerMonth(blueprint.Load{Unit: "look for an export", Count: blueprint.Month.Minutes() / exportEvery.Minutes()},
		w.functions["export"].Invocations(1, tickTakes), w.tallies.Gets(1, tally))
	for _, key := range []string{"credentials", "viewers"} {
		if f, there := w.functions[key]; there {
			w.PerMonth(blueprint.Load{Unit: "look for a credential", Count: blueprint.Month.Minutes()}, f.Invocations(1, tickTakes), w.tallies.Gets(1, tally), w.results.Gets(1))
		}
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
			out = append(append(out, w.pool.Identities(1)...), w.pool.Answers(1, identityBytes)...)
		}
		return out
	}
	intake := w.functions["intake"]
	out := append(intake.Invocations(1, intakeTakes), intake.Answers(1, answerBytes)...)
	if w.api != nil {
		out = append(out, w.api.Requests(1, requestBytes)...)
	}
	if w.door.JWT != nil {
		// A token is a header that a browser asks leave for. The API answers OPTIONS
		// itself (API Gateway Developer Guide, "Configure CORS for HTTP APIs"); API
		// Gateway's prices make no exception for it.
		out = append(append(out, w.api.Requests(1, requestBytes)...), intake.Answers(1, tokenPreflightBytes)...)
	}
	return out
}

// ballotBytes is the mean size of a ballot, each answer as frequent as another.
func (w *window) ballotBytes() float64 {
	const hash, address, id = 24, 16, "00000000-0000-0000-0000-000000000000" // A voter's, an address's, and a message's as SQS gives it.
	ballot := votingwindow.Ballot{Message: id, Sent: w.rules.OpensAt}
	if w.door.Kind != intakeDirect {
		ballot.Address = strings.Repeat("a", address)
	}
	if known(w.m.RetentionDays) {
		ballot.Expires = w.rules.ClosesAt
	}
	size, choices := 0.0, w.rules.Choices()
	for _, choice := range choices {
		question, _, _ := strings.Cut(choice, "/")
		ballot.Key, ballot.Answer = votingwindow.BallotKey(strings.Repeat("v", hash), question, 0, false), choice
		size += float64(votingwindow.BallotBytes(ballot)) / float64(len(choices))
	}
	return size
}
