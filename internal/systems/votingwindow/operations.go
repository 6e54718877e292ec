package votingwindow

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// silence is for how long the publisher may say nothing while votes come.
const silence = 3 * time.Minute

// staleResults is the age of results, in seconds, at which the alarm rings.
const staleResults = 60

// recordingDelay is how long, in milliseconds, votes may take from the queue to
// their ballots.
const recordingDelay = 60_000

// watch are the alarms, the dashboard, and what an operator may override.
func (w *window) watch() {
	publisher, recorder := w.functions["publisher"], w.functions["recorder"]
	alarms := []blueprint.AlarmHandle{
		w.AlarmNotEmpty("dead-letters-present", w.deadLetters, "Votes could not be recorded and wait in the dead-letter queue. Nothing is lost; see the recorder's log for the cause."),
		w.AlarmAge("votes-waiting", w.votes, oldestVote, "Votes have waited for more than a minute: the recorder does not keep up, or fails."),
		w.AlarmMetric("recording-late", recorder.Emitted("RecordingDelay", "Maximum"), blueprint.Limit{Threshold: recordingDelay, Periods: 2},
			"Votes take more than a minute to become ballots. None is lost: their time is when SQS took them."),
		w.AlarmMetric("results-late", publisher.Emitted("ResultsLag", "Maximum"), blueprint.Limit{Threshold: staleResults, Periods: 2},
			"Published results are older than a minute: the publisher fails to write, or to read the tables; see its log."),
	}
	// SQS sends metrics only of queues in use, so that this rings on the night and
	// not all year.
	arriving := w.AlarmMetric("votes-arriving", w.votes.Metric("NumberOfMessagesSent", "Sum"), blueprint.Limit{}, "Votes arrive. By itself this is no cause for alarm.").Silent()
	quiet := w.AlarmMetric("publisher-quiet", publisher.Emitted("Published", "Sum"), blueprint.Limit{
		Comparison: "LessThanThreshold", Threshold: 1, Periods: int(silence / time.Minute), Missing: blueprint.MissingBreaches,
	}, "The publisher publishes nothing. While no window is open that is as it should be.").Silent()
	alarms = append(alarms, w.AlarmWhen("publisher-silent", blueprint.AllOf(quiet.Rings(), arriving.Rings()),
		"Votes arrive and no results are published: the publisher does not run. See its log, its reserved concurrency and its schedule."))
	for _, key := range slices.Sorted(maps.Keys(w.functions)) {
		switch key {
		case "export":
			alarms = append(alarms, w.AlarmErrors(key+"-errors", w.functions[key], "The function "+key+" fails; see its log."))
		case "intake", "recorder", "publisher", "credentials", "viewers", "orchestrator":
			alarms = append(alarms,
				w.AlarmErrors(key+"-errors", w.functions[key], "The function "+key+" fails; see its log."),
				w.AlarmThrottles(key+"-throttles", w.functions[key], "Calls of the function "+key+" are refused: the account's concurrency, or the function's, is used up."))
		}
	}
	if w.door.Kind == intakeDirect {
		limit := intOf(w.m.Direct, "spend_alarm", defaultSpendAlarm)
		alarms = append(alarms, w.AlarmMetric("spend", w.votes.Metric("NumberOfMessagesSent", "Sum"), blueprint.Limit{Threshold: float64(limit)},
			fmt.Sprintf("More than %d messages a minute are sent to the queue, which whoever reads the page can do. The operator's command revoke refuses all credentials issued so far.", limit)))
	}
	if w.m.Dashboard.ValueBool() {
		w.dashboard(alarms)
	}
	closing := w.Control("closes_at", blueprint.ControlOptions{
		Table: w.tallies, Item: votingwindow.ControlID, Field: "closes_at", Configured: blueprint.Time(w.rules.ClosesAt), Moment: true,
		Clear: "extend --clear",
	})
	w.Output("closes_at_in_force", closing.Value())
}

// dashboard shows the night at a glance.
func (w *window) dashboard(alarms []blueprint.AlarmHandle) {
	recorder, publisher := w.functions["recorder"], w.functions["publisher"]
	sent := w.votes.Metric("NumberOfMessagesSent", "Sum")
	errors := []blueprint.Series{}
	for _, key := range slices.Sorted(maps.Keys(w.functions)) {
		errors = append(errors, w.functions[key].Metric("Errors", "Sum").Labelled(key+" errors"), w.functions[key].Metric("Throttles", "Sum").Labelled(key+" throttled"))
	}
	w.Dashboard("dashboard",
		blueprint.AlarmStates("Alarms", alarms...),
		blueprint.Figures("Now", publisher.Emitted("Counted", "Maximum").Labelled("counted"), publisher.Emitted("QueueDepth", "Maximum").Labelled("waiting"),
			publisher.Emitted("DeadLetters", "Maximum").Labelled("dead letters"), publisher.Emitted("ResultsLag", "Maximum").Labelled("results' age (s)")),
		blueprint.Figures("Cost so far, in dollars", sent.As("sent"), blueprint.Math("cost of votes", fmt.Sprintf("RUNNING_SUM(sent) * %.8f", perVote[w.door.Kind]))),
		blueprint.Graph("Votes a minute", sent.Labelled("accepted"), recorder.Emitted("Counted", "Sum").Labelled("counted"), recorder.Emitted("Duplicate", "Sum").Labelled("duplicate"),
			recorder.Emitted("Replaced", "Sum").Labelled("replaced"), recorder.Emitted("Quarantined", "Sum").Labelled("quarantined"),
			recorder.Emitted("Late", "Sum").Labelled("late"), recorder.Emitted("Rejected", "Sum").Labelled("rejected")),
		blueprint.Graph("Queue", publisher.Emitted("QueueDepth", "Maximum").Labelled("depth"), publisher.Emitted("DeadLetters", "Maximum").Labelled("dead letters")),
		blueprint.Graph("Age", w.votes.Metric("ApproximateAgeOfOldestMessage", "Maximum").Labelled("oldest vote (s)"), publisher.Emitted("ResultsLag", "Maximum").Labelled("results (s)"),
			recorder.Emitted("RecordingDelay", "Maximum").Labelled("recording (ms)")),
		blueprint.Graph("Errors", errors...),
		blueprint.Graph("Table of ballots", w.ballots.Metric("ConsumedWriteCapacityUnits", "Sum").Labelled("written"), w.ballots.Metric("WriteThrottleEvents", "Sum").Labelled("throttled")),
		blueprint.Graph("Recorders", recorder.Metric("ConcurrentExecutions", "Maximum").Labelled("at once"), recorder.Metric("Duration", "Maximum").Labelled("duration (ms)")),
	)
}

// perVote is what a vote costs in dollars, in us-east-1 and without viewers, by
// intake: the bars that the bench holds.
var perVote = map[string]float64{intakeURL: 1.5e-6, intakeAPI: 2.5e-6, intakeDirect: 1.2e-6}
