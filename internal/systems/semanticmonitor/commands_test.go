package semanticmonitor

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/semanticmonitor"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

// standIn is a deployed monitor whose function answers as a test says.
type standIn struct {
	command.Deployed
	asked  string
	report semanticmonitor.Report
}

func (s *standIn) Invoke(_ context.Context, function string, event, answer any) error {
	text, err := json.Marshal(event)
	if err != nil {
		return err
	}
	s.asked = function + " " + string(text)
	if text, err = json.Marshal(s.report); err != nil {
		return err
	}
	return json.Unmarshal(text, answer)
}

// now is when the tests look, in milliseconds.
const now = 1_900_000_000_000

var outcomes = []semanticmonitor.Outcome{
	{ID: "probe-4", Result: semanticmonitor.Arrived, Sent: now - 30_000, Took: 1234},
	{ID: "probe-3", Result: semanticmonitor.Lost, Sent: now - 90_000, Reason: "the probe was refused"},
	{ID: "probe-2", Result: semanticmonitor.Came, Sent: now - 150_000, Took: 45_000},
	{ID: "probe-1", Result: semanticmonitor.Late, Sent: now - 210_000, Stage: "placed", Reason: "the probe waits"},
}

func TestFacts(t *testing.T) {
	s := &standIn{report: semanticmonitor.Report{Totals: semanticmonitor.Totals{Sent: 100, Arrived: 96, Late: 3, Lost: 1}, InFlight: 2, Last: outcomes}}
	facts, err := Facts(t.Context(), s, time.UnixMilli(now))
	if err != nil || s.asked != `probe {"action":"report"}` {
		t.Fatalf("asked %s: %v", s.asked, err)
	}
	if diff := cmp.Diff([]command.Fact{
		{Name: "probes", Value: "100 sent, 96 in time, 3 late, of these 1 lost; 2 on the way"},
		{Name: "last probe", Value: "in time, after 1.23s, sent 30s ago"},
		{Name: "before it", Value: "lost: the probe was refused, sent 1m30s ago"},
		{Name: "before it", Value: "late, after 45s, sent 2m30s ago"},
	}, facts); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	if facts, err = Facts(t.Context(), &standIn{}, time.UnixMilli(now)); err != nil || len(facts) != 1 {
		t.Errorf("before the first probe the facts are %+v: %v", facts, err)
	}
}

func TestProbeCommand(t *testing.T) {
	for id, want := range map[string]command.Answer{
		"probe-4": {JSON: outcomes[0], Text: "in time, after 1.23s"},
		"probe-3": {JSON: outcomes[1], Text: "lost: the probe was refused", Unwell: true},
		"probe-1": {JSON: outcomes[3], Text: "late: it came as far as placed: the probe waits", Unwell: true},
	} {
		s := &standIn{report: semanticmonitor.Report{Probe: id, Last: outcomes}}
		got, err := Commands()[0].Run(t.Context(), &command.Call{Open: func(context.Context) (command.Deployed, error) { return s, nil }})
		if err != nil || s.asked != `probe {"action":"probe"}` {
			t.Fatalf("asked %s: %v", s.asked, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("want -, have +:\n%s", diff)
		}
	}
	s := &standIn{report: semanticmonitor.Report{Probe: "probe-5", Last: outcomes, InFlight: 1}}
	got, err := Commands()[0].Run(t.Context(), &command.Call{Open: func(context.Context) (command.Deployed, error) { return s, nil }})
	if err != nil || !got.Unwell || got.Text != "the probe is still on the way; status tells later what became of it" {
		t.Errorf("of a probe on the way it says %+v: %v", got, err)
	}
}
