package blueprint

import (
	"fmt"
	"time"
)

// Batch says how a function takes messages from a queue.
type Batch struct {
	// Size is the greatest number of messages a call; Window how long to gather
	// them. More than ten need a window (Lambda API Reference,
	// CreateEventSourceMapping).
	Size   int
	Window time.Duration
	// MaxConcurrency bounds the concurrent calls, 2 to 1,000; 0 for no bound.
	MaxConcurrency int
	// Scaled leaves the bound to a function that changes it at run time; it is
	// then what the mapping begins with.
	Scaled bool
}

// MappingSpec is the spec of an event source mapping.
type MappingSpec struct {
	Source         string `json:"source" fixed:"true"`
	Function       string `json:"function"`
	BatchSize      int    `json:"batch_size"`
	Window         int    `json:"batching_window" unit:"s"`
	MaxConcurrency int    `json:"maximum_concurrency"`
	PartialBatch   bool   `json:"report_batch_item_failures"`
	// Enabled is changed at run time by functions that stop and start intake.
	Enabled bool `json:"enabled"`
	// Filters are event patterns; the function gets what one of them matches, or
	// all where there is none.
	Filters []string `json:"filters,omitempty"`
	// The rest is for streams, and empty for a queue. MaxRetries and MaxAge are
	// -1 for no bound.
	StartingPosition string `json:"starting_position,omitempty" fixed:"true"`
	Parallelization  int    `json:"parallelization_factor,omitempty"`
	Bisect           bool   `json:"bisect_batch_on_function_error,omitempty"`
	MaxRetries       int    `json:"maximum_retry_attempts,omitempty"`
	MaxAge           int    `json:"maximum_record_age,omitempty" unit:"s"`
	OnFailure        string `json:"on_failure_destination,omitempty"`
}

// Kind implements Spec.
func (MappingSpec) Kind() string { return "event_source_mapping" }

// MappingHandle refers to an event source mapping.
type MappingHandle struct {
	Handle
	function FunctionHandle
	queue    QueueHandle
	batch    Batch
}

// Consume lets a function take messages from a queue. Its role must hold the
// queue's Consume grants. Whether the mapping is enabled belongs to run time.
func (b *Builder) Consume(key string, f FunctionHandle, q QueueHandle, batch Batch) MappingHandle {
	h := b.add(key, f.Name()+":"+q.Name(), MappingSpec{
		Source: q.ARN(), Function: f.LiveARN(),
		BatchSize: batch.Size, Window: int(batch.Window / time.Second), MaxConcurrency: batch.MaxConcurrency,
		PartialBatch: true, Enabled: true,
	}, f.Key(), q.Key())
	h.part.RuntimeOwned = []string{"enabled"}
	if batch.Scaled {
		h.part.RuntimeOwned = append(h.part.RuntimeOwned, "maximum_concurrency")
	}
	return MappingHandle{Handle: h, function: f, queue: q, batch: batch}
}

// ID returns a reference to the mapping's UUID.
func (m MappingHandle) ID() string { return Ref(m.Key(), "id") }

// Switch grants turning the mapping off and on and seeing whether it is.
func (m MappingHandle) Switch() []Grant { return m.change() }

// Scale grants changing the bound of concurrent calls and seeing what it is.
func (m MappingHandle) Scale() []Grant { return m.change() }

// change is for every change alike: IAM tells none from another (Service
// Authorization Reference, AWS Lambda, UpdateEventSourceMapping).
func (m MappingHandle) change() []Grant {
	return []Grant{{
		Actions:   []string{"lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"},
		Resources: []string{arn("lambda", "event-source-mapping:"+m.ID())},
	}}
}

// ScheduleSpec is the spec of an EventBridge schedule that calls a function.
type ScheduleSpec struct {
	Expression string `json:"expression"`
	TargetARN  string `json:"target"`
	RoleARN    string `json:"role"`
	Input      string `json:"input"`
	// Retries and MaxAge bound what Scheduler does when a call fails.
	Retries int `json:"maximum_retry_attempts"`
	MaxAge  int `json:"maximum_event_age" unit:"s"`
	// Description carries the marks of ownership: schedules take no tags.
	Description string `json:"description"`
}

// Kind implements Spec.
func (ScheduleSpec) Kind() string { return "schedule" }

// EveryMinute calls a function each minute; see Every.
func (b *Builder) EveryMinute(key string, f FunctionHandle, input string) Handle {
	return b.Every(key, f, time.Minute, input)
}

// Every calls a function once in each interval, of whole minutes; within the
// minute AWS chooses the second. A call that could not be made is dropped rather
// than made later, as the next interval brings another.
func (b *Builder) Every(key string, f FunctionHandle, interval time.Duration, input string) Handle {
	name := b.name(key)
	role := b.role(key+"-role", "scheduler.amazonaws.com",
		"Lets the schedule "+key+" of "+b.settings.System.Name+" "+b.settings.Name+" call its function",
		// The confused deputy (EventBridge Scheduler User Guide, "Confused deputy prevention").
		map[string]map[string][]string{"StringEquals": {"aws:SourceAccount": {Account()}}},
		[]Grant{{Actions: []string{"lambda:InvokeFunction"}, Resources: []string{f.LiveARN()}}})
	return b.add(key, name, ScheduleSpec{
		Expression: rate(interval), TargetARN: f.LiveARN(), RoleARN: role.ARN(), Input: input,
		Retries: 0, MaxAge: 60,
		Description: Mark(b.settings.System, b.settings.Name, key),
	}, role.Key(), f.Key())
}

// rate is an interval as EventBridge Scheduler writes it (EventBridge Scheduler
// User Guide, "Schedule types", rate-based schedules).
func rate(interval time.Duration) string {
	if n := int(interval / time.Minute); n != 1 {
		return fmt.Sprintf("rate(%d minutes)", n)
	}
	return "rate(1 minute)"
}
