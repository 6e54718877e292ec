package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

// standIn is a deployed pipeline whose function answers as a test says, one answer
// after the other.
type standIn struct {
	command.Deployed
	asked   []string
	answers []pipeline.Controlling
}

func (s *standIn) Caller(context.Context) (string, error) {
	return "arn:aws:iam::123456789012:user/night", nil
}

func (s *standIn) Invoke(_ context.Context, function string, event, answer any) error {
	text, err := json.Marshal(event)
	if err != nil {
		return err
	}
	s.asked = append(s.asked, function+" "+string(text))
	if text, err = json.Marshal(s.answers[0]); err != nil {
		return err
	}
	s.answers = s.answers[1:]
	return json.Unmarshal(text, answer)
}

// now is when the tests look, in milliseconds.
const now = 1_900_000_000_000

var (
	stuck = pipeline.RunLine{Run: "second", State: pipeline.Ingesting, Files: 10, Ingested: 4, Failed: 1, Items: 5, Started: now - 3_600_000, Stuck: "1 of 2 chunks are not ingested"}
	done  = pipeline.RunLine{Run: "first", State: pipeline.Done, Files: 10, Ingested: 9, Failed: 1, Items: 9, Segments: 2, Described: 2, Started: now - 90_000_000, DoneAt: now - 89_400_000, CostUSD: 0.0104}
)

func TestFacts(t *testing.T) {
	s := &standIn{answers: []pipeline.Controlling{{Runs: []pipeline.RunLine{stuck, done}}, {}}}
	facts, err := Facts(t.Context(), s, time.UnixMilli(now))
	if err != nil || s.asked[0] != `control {"action":"runs","last":20}` {
		t.Fatalf("asked %s: %v", s.asked, err)
	}
	if diff := cmp.Diff([]command.Fact{
		{Name: "last run", Value: "second, begun 1h0m0s ago: ingesting; 10 files, 4 ingested, 1 failed, 5 items, 0 segments"},
		{Name: "stuck", Value: "second: 1 of 2 chunks are not ingested"},
	}, facts); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	if facts, err = Facts(t.Context(), s, time.UnixMilli(now)); err != nil || len(facts) != 1 || facts[0].Value != "none yet" {
		t.Errorf("before the first run the facts are %+v: %v", facts, err)
	}
}

func TestCommands(t *testing.T) {
	failure := pipeline.Failure{Key: "homes/7.json", Reason: pipeline.FileEmpty, Detail: "there is nothing in it"}
	begun := pipeline.RunLine{Run: "third", State: pipeline.Listing, ReplayOf: "first", FailedOnly: true}
	again := pipeline.BookingLine{Booking: "b1", Status: "generated", Value: "Kew", Retries: 1, Deadline: now}
	for name, c := range map[string]struct {
		command, argument string
		flags             map[string]any
		answers           []pipeline.Controlling
		asked             []string
		want              command.Answer
	}{
		"runs": {
			"runs", "", nil, []pipeline.Controlling{{Runs: []pipeline.RunLine{stuck, done}}}, []string{`control {"action":"runs","last":20}`},
			command.Answer{JSON: []pipeline.RunLine{stuck, done}, Unwell: true, Text: "" +
				"RUN     STATE      FILES  INGESTED  FAILED  ITEMS  SEGMENTS  COST     BEGUN                 TOOK  WHY\n" +
				"second  ingesting  10     4         1       5      0 of 0             2030-03-17T16:46:40Z        1 of 2 chunks are not ingested\n" +
				"first   done       10     9         1       9      2 of 2    $0.0104  2030-03-16T16:46:40Z  10m0s\n"},
		},
		"one run": {"runs", "first", map[string]any{"last": 1}, []pipeline.Controlling{{Runs: []pipeline.RunLine{done}}}, []string{`control {"action":"runs","run":"first","last":1}`}, command.Answer{
			JSON: []pipeline.RunLine{done}, Text: "RUN    STATE  FILES  INGESTED  FAILED  ITEMS  SEGMENTS  COST     BEGUN                 TOOK  WHY\nfirst  done   10     9         1       9      2 of 2    $0.0104  2030-03-16T16:46:40Z  10m0s\n",
		}},
		"failed": {
			"failed", "first", nil, []pipeline.Controlling{{After: "x"}, {Failures: []pipeline.Failure{failure}}}, []string{`control {"action":"failed","run":"first"}`, `control {"action":"failed","run":"first","after":"x"}`},
			command.Answer{JSON: []pipeline.Failure{failure}, Text: "FILE          REASON  DETAIL\nhomes/7.json  empty   there is nothing in it\n", Unwell: true},
		},
		"replay": {
			"replay", "first", map[string]any{"failed": true, "as": "third"}, []pipeline.Controlling{{Runs: []pipeline.RunLine{begun}}},
			[]string{`control {"action":"replay","run":"first","failed_only":true,"as":"third","by":"arn:aws:iam::123456789012:user/night"}`}, command.Answer{JSON: begun, Text: "run third has begun"},
		},
		"cancel": {
			"cancel", "second", nil, []pipeline.Controlling{{Runs: []pipeline.RunLine{stuck}}},
			[]string{`control {"action":"cancel","run":"second","by":"arn:aws:iam::123456789012:user/night"}`}, command.Answer{JSON: stuck, Text: "run second is cancelled"},
		},
		"resume": {
			"resume", "second", nil, []pipeline.Controlling{{Runs: []pipeline.RunLine{{Run: "second", State: pipeline.Describing}}}},
			[]string{`control {"action":"resume","run":"second","by":"arn:aws:iam::123456789012:user/night"}`},
			command.Answer{JSON: pipeline.RunLine{Run: "second", State: pipeline.Describing}, Text: "run second, which is describing, goes on within a minute"},
		},
		"retry": {
			"retry", "b1", nil, []pipeline.Controlling{{Booking: &again}},
			[]string{`control {"action":"retry","booking":"b1","by":"arn:aws:iam::123456789012:user/night"}`},
			command.Answer{JSON: &again, Text: "booking b1 of Kew is generated again, and is given up at 2030-03-17T17:46:40Z"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &standIn{answers: c.answers}
			got, err := run(t, s, c.command, c.argument, c.flags)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("want -, have +:\n%s", diff)
			}
			if diff := cmp.Diff(c.asked, s.asked); diff != "" {
				t.Errorf("asked: want -, have +:\n%s", diff)
			}
		})
	}
	for _, name := range []string{"failed", "replay", "resume", "cancel", "retry"} {
		var usage *command.UsageError
		if _, err := run(t, nil, name, "", nil); !errors.As(err, &usage) {
			t.Errorf("%s without a run: %v", name, err)
		}
	}
}

// run runs a command with its flags' defaults but for these.
func run(t *testing.T, s *standIn, name, argument string, flags map[string]any) (command.Answer, error) {
	t.Helper()
	for _, c := range Commands() {
		if c.Name != name {
			continue
		}
		values := map[string]any{}
		for _, f := range c.Flags {
			values[f.Name] = f.Default
			if v, given := flags[f.Name]; given {
				values[f.Name] = v
			}
		}
		return c.Run(t.Context(), &command.Call{
			Name: "homes", Argument: argument, Values: values, Progress: func(string) {}, Open: func(context.Context) (command.Deployed, error) { return s, nil },
		})
	}
	t.Fatalf("there is no command %s", name)
	return command.Answer{}, nil
}
