package queue

import (
	"maps"
	"slices"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// silence is for how long the keeper may say nothing while fans join.
const silence = 3 * time.Minute

// watch are the alarms and the dashboard.
func (r *room) watch() {
	keeper := r.functions["keeper"]
	alarms := []blueprint.AlarmHandle{
		r.AlarmNotEmpty("dead-letters-present", r.deadLetters, "Joins could not be placed and wait in the dead-letter queue. Nothing is lost, and a redrive gives each its place; see the placer's log for the cause."),
		r.AlarmAge("joins-waiting", r.joins, oldestJoin, "Joins have waited for more than a minute: the placer does not keep up, or fails."),
	}
	if r.aside != nil {
		alarms = append(alarms, r.AlarmNotEmpty("aside-present", *r.aside, "Records of browsers were set aside, each with its reason, and hold nobody up; see the log of stream."))
	}
	// SQS sends metrics only of queues in use, so that this rings on the night and
	// not all year.
	arriving := r.AlarmMetric("joins-arriving", r.joins.Metric("NumberOfMessagesSent", "Sum"), blueprint.Limit{}, "Fans join. By itself this is no cause for alarm.").Silent()
	quiet := r.AlarmMetric("keeper-quiet", keeper.Emitted("Published", "Sum"), blueprint.Limit{
		Comparison: "LessThanThreshold", Threshold: 1, Periods: int(silence / time.Minute), Missing: blueprint.MissingBreaches,
	}, "The keeper publishes nothing. While no sale is open that is as it should be.").Silent()
	alarms = append(alarms, r.AlarmWhen("keeper-silent", blueprint.AllOf(quiet.Rings(), arriving.Rings()),
		"Fans join and nobody is called: the keeper does not run. See its log, its reserved concurrency and its schedule."))
	for _, key := range []string{"join", "stream", "placer", "keeper", "turn"} {
		f, there := r.functions[key]
		if !there {
			continue
		}
		alarms = append(alarms, r.AlarmErrors(key+"-errors", f, "The function "+key+" fails; see its log."))
		if key == "keeper" { // It has concurrency of its own, and keeper-silent tells of one that does not run.
			continue
		}
		alarms = append(alarms, r.AlarmThrottles(key+"-throttles", f, "Calls of the function "+key+" are refused: the account's concurrency, or the function's, is used up."))
	}
	alarms = append(alarms, r.AlarmErrors("service-errors", r.functions["service"], "The function service fails, by which windows are freed; see its log."))
	if f, there := r.functions["readers"]; there {
		alarms = append(alarms, r.AlarmErrors("readers-errors", f, "The function readers fails, by whose credentials fans read the status; they read the object meanwhile. See its log."))
	}
	if r.m.Dashboard.ValueBool() {
		r.dashboard(alarms)
	}
}

// dashboard shows the night at a glance.
func (r *room) dashboard(alarms []blueprint.AlarmHandle) {
	keeper, placer := r.functions["keeper"], r.functions["placer"]
	faults := []blueprint.Series{}
	for _, key := range slices.Sorted(maps.Keys(r.functions)) {
		faults = append(faults, r.functions[key].Metric("Errors", "Sum").Labelled(key+" errors"), r.functions[key].Metric("Throttles", "Sum").Labelled(key+" throttled"))
	}
	r.Dashboard("dashboard",
		blueprint.AlarmStates("Alarms", alarms...),
		blueprint.Figures("Now", keeper.Emitted("Waiting", "Maximum").Labelled("waiting"), keeper.Emitted("Open", "Maximum").Labelled("windows open")),
		blueprint.Graph("Fans a minute", r.joins.Metric("NumberOfMessagesSent", "Sum").Labelled("joined"), placer.Emitted("Placed", "Sum").Labelled("placed"), keeper.Emitted("Called", "Sum").Labelled("called")),
		blueprint.Graph("Line", keeper.Emitted("Waiting", "Maximum").Labelled("waiting"), keeper.Emitted("Open", "Maximum").Labelled("windows open")),
		blueprint.Graph("Age", r.joins.Metric("ApproximateAgeOfOldestMessage", "Maximum").Labelled("oldest join (s)")),
		blueprint.Graph("Errors", faults...),
		blueprint.Graph("Table of fans", r.fans.Metric("ConsumedWriteCapacityUnits", "Sum").Labelled("written"), r.fans.Metric("WriteThrottleEvents", "Sum").Labelled("throttled")),
	)
}
