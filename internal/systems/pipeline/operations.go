package pipeline

import (
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

const (
	// late is the age of a record, in milliseconds, at which an alarm rings: half of
	// the day for which a stream has it is left then, and a quarter for what waits to
	// be given up.
	late = 3 * 60 * 60 * 1000
	// sweeps is for how many minutes a run must be stuck before the alarm rings.
	sweeps = 2
)

// watch are the alarms and the dashboard.
func (l *line) watch() {
	ingest, metadata := l.functions["ingest"], l.functions["metadata"]
	alarms := []blueprint.AlarmHandle{
		l.AlarmNotEmpty("starts-given-up", l.aside["start-dead-letters"], "lister failed three times on a message: its run has not begun, or does not go on. See the log of lister, mend the cause, and redrive."),
		l.AlarmNotEmpty("files-given-up", l.aside["files-dead-letters"], "Lambda has given records of files up: their run does not get whole. See the log of ingest for the cause, then redrive them within the stream's retention, or replay the run."),
		l.AlarmNotEmpty("segments-given-up", l.aside["segments-dead-letters"], "Lambda has given segments up. The run sends them again while it is stuck; see the log of metadata for the cause."),
		l.AlarmMetric("files-late", ingest.Metric("IteratorAge", "Maximum"), blueprint.Limit{Threshold: late}, "Files wait for hours to be ingested: ingest does not keep up, or fails. Give the stream more shards, raise ingest.parallelization_factor, or see the log of ingest."),
		l.AlarmMetric("segments-late", metadata.Metric("IteratorAge", "Maximum"), blueprint.Limit{Threshold: late}, "Segments wait for hours for their metadata; see the log of metadata."),
		l.AlarmMetric("files-failed", ingest.Emitted("Failed", "Sum"), blueprint.Limit{Period: 5 * time.Minute, Threshold: float64(l.m.FailedFiles.ValueInt64())}, "Many files could not become items. The command failed lists them with their reasons; replay --failed takes them again."),
		l.AlarmMetric("run-stuck", l.functions["sweeper"].Emitted("StuckRuns", "Maximum"), blueprint.Limit{Periods: sweeps}, "A run stands still, or segmenter or manifest fails; the command runs tells which, and what it waits for."),
	}
	if known(l.m.OverdueHours) {
		alarms = append(alarms, l.AlarmMetric("run-overdue", l.functions["manifest"].Emitted("DoneRuns", "Sum"), blueprint.Limit{
			Comparison: "LessThanThreshold", Threshold: 1, Period: time.Hour, Periods: int(l.m.OverdueHours.ValueInt64()), Missing: blueprint.MissingBreaches,
		}, "No run was done for longer than it should take from one to the next: no upload came, nobody published its prefix, or a run does not end. The command runs tells."))
	}
	// What lister fails on for good lies in its queue, and where segmenter or manifest
	// fails the run is stuck: each has one alarm, not two.
	for _, key := range []string{"ingest", "metadata", "sweeper"} {
		alarms = append(alarms, l.AlarmErrors(key+"-errors", l.functions[key], "The function "+key+" fails; see its log."))
	}
	alarms = append(append(alarms, l.bookingAlarms()...), l.apiAlarms()...)
	if l.m.Dashboard.ValueBool() {
		l.dashboard(alarms)
	}
}

// functionKeys are the functions that a run goes through, in its order.
var functionKeys = []string{"lister", "ingest", "segmenter", "metadata", "manifest", "sweeper"}

// dashboard shows the runs at a glance.
func (l *line) dashboard(alarms []blueprint.AlarmHandle) {
	lister, ingest, metadata, sweeper := l.functions["lister"], l.functions["ingest"], l.functions["metadata"], l.functions["sweeper"]
	var faults []blueprint.Series
	for _, key := range functionKeys {
		faults = append(faults, l.functions[key].Metric("Errors", "Sum").Labelled(key+" errors"), l.functions[key].Metric("Throttles", "Sum").Labelled(key+" throttled"))
	}
	widgets := []blueprint.Widget{
		blueprint.AlarmStates("Alarms", alarms...),
		blueprint.Figures("Runs", sweeper.Emitted("ActiveRuns", "Maximum").Labelled("under way"), sweeper.Emitted("StuckRuns", "Maximum").Labelled("stuck"), l.functions["manifest"].Emitted("DoneRuns", "Sum").Labelled("done")),
		blueprint.Graph("Files a minute", lister.Emitted("Listed", "Sum").Labelled("listed"), ingest.Emitted("Ingested", "Sum").Labelled("ingested"), ingest.Emitted("Failed", "Sum").Labelled("failed")),
		blueprint.Graph("Segments a minute", metadata.Emitted("Described", "Sum").Labelled("described")),
		blueprint.Graph("Age of records", ingest.Metric("IteratorAge", "Maximum").Labelled("files (ms)"), metadata.Metric("IteratorAge", "Maximum").Labelled("segments (ms)")),
		blueprint.Graph("Stream of files", l.files.Metric("IncomingRecords", "Sum").Labelled("records"), l.files.Metric("WriteProvisionedThroughputExceeded", "Sum").Labelled("refused")),
		blueprint.Graph("Errors", faults...),
		blueprint.Graph("Table of items", l.items.Metric("ConsumedWriteCapacityUnits", "Sum").Labelled("written"), l.items.Metric("WriteThrottleEvents", "Sum").Labelled("throttled")),
	}
	l.Dashboard("dashboard", append(append(widgets, l.bookingWidgets()...), l.apiWidgets()...)...)
}
