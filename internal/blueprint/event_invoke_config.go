package blueprint

import "time"

// Retries and age of an event that a function was handed without anybody waiting
// for the answer (Lambda Developer Guide, "How Lambda handles errors and retries
// with asynchronous invocation"). Both are Lambda's greatest, and what it does
// where nothing is said.
const (
	eventRetries = 2
	eventAge     = 6 * time.Hour
)

// EventInvokeConfigSpec is the spec of what becomes of the events that a function's
// alias fails on.
type EventInvokeConfigSpec struct {
	Function   string `json:"function" fixed:"true"`
	Alias      string `json:"alias" fixed:"true"`
	MaxRetries int    `json:"maximum_retry_attempts"`
	MaxAge     int    `json:"maximum_event_age" unit:"s"`
	OnFailure  string `json:"on_failure_destination"`
}

// Kind implements Spec.
func (EventInvokeConfigSpec) Kind() string { return "event_invoke_config" }

// KeepFailed sends what the function failed on, of the events that a topic, a
// schedule or a bucket hands it, to a queue: a document for each event, with the
// event itself and the error. Its role must hold the queue's Send grant.
func (b *Builder) KeepFailed(key string, f FunctionHandle, q QueueHandle) Handle {
	return b.add(key, f.Name()+":"+LiveAlias, EventInvokeConfigSpec{
		Function: f.Name(), Alias: LiveAlias, MaxRetries: eventRetries, MaxAge: int(eventAge / time.Second), OnFailure: q.ARN(),
	}, f.Key(), q.Key())
}

// eventInvokeConfig checks what Lambda would refuse.
func (c *checker) eventInvokeConfig(s EventInvokeConfigSpec) {
	const source = "Lambda API Reference, PutFunctionEventInvokeConfig"
	c.between("maximum of retries", s.MaxRetries, 0, eventRetries, "", source, nil)
	c.between("maximum event age", s.MaxAge, 60, int(eventAge/time.Second), "s", source, nil)
}
