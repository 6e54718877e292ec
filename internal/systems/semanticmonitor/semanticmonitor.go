// Package semanticmonitor is the resource serverless_semantic_monitor: a scheduled
// probe that goes in at the top of a system and must come out at its end in
// time, or the team is told.
package semanticmonitor

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/semanticmonitor"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// System names the monitor wherever AWS or a user sees it.
var System = blueprint.System{Name: "semantic_monitor", Slug: "mon"}

// Model is the resource's arguments and outputs.
type Model struct {
	composite.Common

	Interval     types.Int64  `tfsdk:"interval_minutes"`
	Within       types.Int64  `tfsdk:"within_seconds"`
	LostAfter    types.Int64  `tfsdk:"lost_after_seconds"`
	HTTP         types.Object `tfsdk:"http"`
	QueueToHTTP  types.Object `tfsdk:"queue_to_http"`
	QueueToTable types.Object `tfsdk:"queue_to_table"`
	WaitingRoom  types.Object `tfsdk:"waiting_room"`
	TargetKeys   types.Set    `tfsdk:"target_kms_key_arns"`
	LateAlarm    types.Object `tfsdk:"late_alarm"`
	SilentAfter  types.Int64  `tfsdk:"silent_after"`

	AlarmARNs     types.Map    `tfsdk:"alarm_arns"`
	TableName     types.String `tfsdk:"table_name"`
	FunctionNames types.Map    `tfsdk:"function_names"`
	FunctionARNs  types.Map    `tfsdk:"function_arns"`
	RoleARNs      types.Map    `tfsdk:"role_arns"`
}

// Resource returns serverless_semantic_monitor.
func Resource() composite.Resource { return composite.New(Definition()) }

// Example returns arguments of a plain monitor, beside its name.
func Example() map[string]any {
	return map[string]any{
		"within_seconds": 30,
		"queue_to_table": map[string]any{
			"queue_arn": "arn:aws:sqs:eu-central-1:123456789012:orders",
			"body":      `{"order": "{{probe}}", "items": []}`,
			"table_arn": "arn:aws:dynamodb:eu-central-1:123456789012:table/orders",
			"key":       map[string]any{"order": "{{probe}}"},
			"attribute": "state", "equals": "accepted",
		},
	}
}

// Definition is what the generic resource needs to know of a monitor.
func Definition() composite.Definition[Model] {
	return composite.Definition[Model]{
		System:      System,
		Description: description,
		Attributes:  attributes(),
		Common:      func(m *Model) *composite.Common { return &m.Common },
		Validate:    validate,
		Blueprint:   describe,
	}
}

// describe is the monitor's blueprint:
//
//	schedule → probe → the system → probe → alarms
func describe(m *Model, b *blueprint.Builder) error {
	target, err := m.target()
	if err != nil {
		return err
	}
	limits := m.limits()
	if err := limits.Check(); err != nil {
		return err
	}
	state := b.Table("state", blueprint.Table{Key: semanticmonitor.TableKey})
	probe := b.Function("probe", blueprint.Function{
		MemoryMB: 128, Timeout: timeout(target, limits),
		Environment: config.Environ(semanticmonitor.ProbeConfig{
			Base:  semanticmonitor.Base{System: System.Name, Name: b.Settings().Name},
			Table: state.Name(), Target: targetJSON(target), Limits: limits,
		}),
		Grants: append([][]blueprint.Grant{state.Get(), state.Put()}, m.grants(target)...),
	})
	b.Every("tick", probe, limits.Interval, "{}")
	m.watch(b, probe, limits)

	b.Output("table_name", state.Name())
	b.OutputMap("function_names", map[string]string{"probe": probe.Name()})
	b.OutputMap("function_arns", map[string]string{"probe": probe.LiveARN()})
	b.OutputMap("role_arns", map[string]string{"probe": probe.RoleARN()})
	load(b, target, limits, state, probe)
	return nil
}

const (
	// leastTimeout is enough for a function that only looks at what others left.
	leastTimeout = 30 * time.Second
	// overlap lets each call of the function watch until the next has begun, or its
	// probe is late: schedules fire in the same second of their minutes, more or
	// less.
	overlap = 20 * time.Second
	// mostTimeout is Lambda's (Lambda quotas).
	mostTimeout = 15 * time.Minute
)

// timeout lets somebody watch each probe for as long as it may take. What is
// answered at once is waited for by the function that has asked.
func timeout(t semanticmonitor.Target, l semanticmonitor.Limits) time.Duration {
	watched := l.Within
	if t.HTTP == nil {
		watched = min(l.Within, l.Interval)
	}
	return min(max(watched+overlap, leastTimeout), mostTimeout)
}

// Defaults of the alarms.
const (
	defaultLate   = 2
	defaultOf     = 3
	defaultSilent = 3
)

// watch are the alarms.
func (m *Model) watch(b *blueprint.Builder, probe blueprint.FunctionHandle, l semanticmonitor.Limits) {
	alarms := map[string]blueprint.AlarmHandle{
		"late": b.AlarmMetric("late", probe.Emitted("Late", "Sum"), blueprint.Limit{
			Period: l.Interval, Periods: composite.IntOf(m.LateAlarm, "of", defaultOf), Datapoints: composite.IntOf(m.LateAlarm, "probes", defaultLate),
		}, "Probes do not come out in time: what is monitored does not do its work, though it may look well. The log of probe says how far they came."),
		"silent": b.AlarmMetric("silent", probe.Emitted("Sent", "Sum"), blueprint.Limit{
			Comparison: "LessThanThreshold", Threshold: 1, Period: l.Interval, Periods: int(orInt(m.SilentAfter, defaultSilent)), Missing: blueprint.MissingBreaches,
		}, "No probe was sent: the monitor does not run, and nobody knows how the system is. See its schedule and the log of probe."),
		"errors": b.AlarmErrors("probe-errors", probe, "The function probe fails, so that probes may go uncounted; see its log."),
	}
	arns := map[string]string{}
	for name, alarm := range alarms {
		if arn := alarm.ARN(); arn != "" {
			arns[name] = arn
		}
	}
	b.OutputMap("alarm_arns", arns)
}
