package semanticmonitor

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/semanticmonitor"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// Nested arguments, read by name.
var (
	known    = composite.Known
	textOf   = composite.TextOf
	objectOf = composite.ObjectOf
)

// defaultBody of a message that a queue gets.
const defaultBody = `{"probe":"{{probe}}","time":"{{time}}"}`

// targets are the arguments of which a monitor has one.
func (m *Model) targets() map[string]types.Object {
	return map[string]types.Object{"http": m.HTTP, "queue_to_http": m.QueueToHTTP, "queue_to_table": m.QueueToTable, "waiting_room": m.WaitingRoom}
}

// target is what the function takes.
func (m *Model) target() (semanticmonitor.Target, error) {
	var t semanticmonitor.Target
	switch {
	case known(m.HTTP):
		t.HTTP = request(m.HTTP)
	case known(m.QueueToHTTP):
		t.Queue, t.Look = queue(m.QueueToHTTP), request(objectOf(m.QueueToHTTP, "look"))
		if e := t.Look.Expect; e.Pointer == "" && e.Matches == "" {
			t.Look.Expect.HasID = true
		}
	case known(m.QueueToTable):
		o := m.QueueToTable
		t.Queue = queue(o)
		t.Item = &semanticmonitor.Item{
			Table: textOf(o, "table_arn", ""), Key: composite.TextsOf(o.Attributes()["key"]),
			Attribute: textOf(o, "attribute", ""), Equals: textOf(o, "equals", ""),
		}
	case known(m.WaitingRoom):
		o := m.WaitingRoom
		t.Room = &semanticmonitor.Room{
			Join: textOf(o, "join_url", ""), Turn: textOf(o, "turn_url", ""), Status: textOf(o, "status_url", ""),
			ProbeKey: textOf(o, "probe_key_arn", ""), Sale: textOf(o, "sale", ""),
		}
	default:
		return t, errors.New("the monitor has nothing to monitor: give one of http, queue_to_http, queue_to_table and waiting_room")
	}
	return t, t.Check()
}

func queue(o types.Object) *semanticmonitor.Queue {
	return &semanticmonitor.Queue{ARN: textOf(o, "queue_arn", ""), Body: textOf(o, "body", defaultBody)}
}

func request(o types.Object) *semanticmonitor.HTTP {
	e := objectOf(o, "expect")
	return &semanticmonitor.HTTP{
		Method: textOf(o, "method", "GET"), URL: textOf(o, "url", ""), Body: textOf(o, "body", ""),
		Headers: composite.TextsOf(o.Attributes()["headers"]), Secrets: composite.TextsOf(o.Attributes()["secret_headers"]),
		Expect: semanticmonitor.Expect{
			Status: composite.IntOf(e, "status", 0), Pointer: textOf(e, "json_pointer", ""), Equals: textOf(e, "equals", ""), Matches: textOf(e, "matches", ""),
		},
	}
}

// targetJSON is the target as the function reads it.
func targetJSON(t semanticmonitor.Target) string {
	text, err := json.Marshal(t)
	if err != nil {
		panic(err) // It has nothing that JSON has not.
	}
	return string(text)
}

// grants are what the function may do with what it monitors.
func (m *Model) grants(t semanticmonitor.Target) [][]blueprint.Grant {
	var out [][]blueprint.Grant
	if t.Queue != nil {
		out = append(out, blueprint.SendTo(t.Queue.ARN))
	}
	if t.Item != nil {
		out = append(out, blueprint.GetFrom(t.Item.Table))
	}
	arns := t.Secrets()
	slices.Sort(arns)
	for _, arn := range slices.Compact(arns) {
		out = append(out, blueprint.ReadReference(arn))
	}
	return append(out, blueprint.UseKeys(composite.ElementsOf(m.TargetKeys)...))
}

const (
	// leastLostAfter gives a late probe some minutes to come, though it should take
	// seconds.
	leastLostAfter = 5 * time.Minute
	// lostAfterTimes is after how many times its time a probe is given up.
	lostAfterTimes = 10
)

// orInt is a number, or what it is otherwise: a configuration has no defaults yet.
func orInt(v types.Int64, otherwise int64) int64 {
	if known(v) {
		return v.ValueInt64()
	}
	return otherwise
}

// limits are the monitor's times.
func (m *Model) limits() semanticmonitor.Limits {
	l := semanticmonitor.Limits{
		Interval: time.Duration(orInt(m.Interval, defaultInterval)) * time.Minute,
		Within:   time.Duration(orInt(m.Within, defaultWithin)) * time.Second,
	}
	if known(m.LostAfter) {
		l.LostAfter = time.Duration(m.LostAfter.ValueInt64()) * time.Second
		return l
	}
	l.LostAfter = max(l.Within, min(max(lostAfterTimes*l.Within, leastLostAfter), semanticmonitor.MaxInFlight*l.Interval))
	return l
}
