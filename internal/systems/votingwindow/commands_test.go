package votingwindow

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/command"
	"github.com/burstline/terraform-provider-serverless/internal/command/commandtest"
)

// opening is when the windows of these tests open.
var opening = time.Date(2027, 5, 22, 18, 15, 0, 0, time.UTC)

// runs runs a command of the window tv-final.
func runs(t *testing.T, d *commandtest.System, name, argument string, clock command.Clock, flags map[string]any) (command.Answer, error) {
	t.Helper()
	return commandtest.Run(t, Commands(), d, commandtest.Line{Command: name, System: "tv-final", Argument: argument, Flags: flags, Clock: clock})
}

// Each command calls its function with the event that it means, and tells what it
// answered.
func TestFunctionsOfCommands(t *testing.T) {
	counts := votingwindow.Figures{Answers: map[string]int64{"vote/anna": 7, "vote/bruno": 5}, Accepted: 15, Counted: 12, Late: 3}
	recounted := votingwindow.Recounted{Figures: counts, Published: counts, Status: "final", Agrees: true, AsOf: "2027-05-22T18:40:00Z"}
	differs := recounted
	open := recounted
	open.Status = votingwindow.StatusOpen
	differs.Published.Answers, differs.Agrees = map[string]int64{"vote/anna": 8}, false
	in := votingwindow.Controlling{ClosesAt: "2027-05-22T18:30:00Z", Configured: "2027-05-22T18:25:00Z", Overridden: true, By: commandtest.Caller, At: "2027-05-22T18:20:00Z", Changed: true}
	exported := votingwindow.NewExportCounts(votingwindow.Counts{Answers: map[string]int64{"vote/anna": 2}, Late: 1})
	none := map[string]any{}
	for name, c := range map[string]struct {
		command  string
		flags    map[string]any
		function string
		event    string
		answer   any
		says     []string
		unwell   bool
	}{
		"recount while open":   {"recount", none, "recount", `{}`, open, []string{"open, counted at 2027-05-22T18:40:00Z: no counter of the recorders is above it\n", "COUNTERS"}, false},
		"recount":              {"recount", none, "recount", `{}`, recounted, []string{"final, counted at 2027-05-22T18:40:00Z: the published figures agree\n", "vote/bruno   5        5\n", "accepted     15       15\n"}, false},
		"recount that differs": {"recount", none, "recount", `{}`, differs, []string{"DO NOT AGREE", "vote/anna    7        8\n", "vote/bruno   5        0\n"}, true},
		"close":                {"close", none, "control", `{"action":"close","in_seconds":30,"by":"` + commandtest.Caller + `"}`, in, []string{"tv-final closes at 2027-05-22T18:30:00Z instead of 2027-05-22T18:25:00Z, by " + commandtest.Caller + " at 2027-05-22T18:20:00Z\n"}, false},
		"close later":          {"close", map[string]any{"in": 2 * time.Minute}, "control", `{"action":"close","in_seconds":120,"by":"` + commandtest.Caller + `"}`, in, []string{"closes at"}, false},
		"extend by":            {"extend", map[string]any{"by": 5 * time.Minute}, "control", `{"action":"extend","by_seconds":300,"by":"` + commandtest.Caller + `"}`, in, []string{"closes at"}, false},
		"extend to":            {"extend", map[string]any{"to": "2027-05-22T20:30:00+02:00"}, "control", `{"action":"extend","to":"2027-05-22T20:30:00+02:00","by":"` + commandtest.Caller + `"}`, in, []string{"closes at"}, false},
		"clear":                {"extend", map[string]any{"clear": true}, "control", `{"action":"clear","by":"` + commandtest.Caller + `"}`, votingwindow.Controlling{ClosesAt: "2027-05-22T18:25:00Z"}, []string{"tv-final closes at 2027-05-22T18:25:00Z, as configured\n"}, false},
		"quarantine": {"quarantine", none, "quarantine", `{"action":"list","rule":"","address":""}`,
			votingwindow.Quarantining{Total: 9, Truncated: true, Groups: []votingwindow.QuarantineGroup{{Rule: "rate", Address: "5MZv", Minute: "2027-05-22T18:16:00Z", Count: 8}, {Rule: "pattern", Minute: "2027-05-22T18:16:00Z", Count: 1}}},
			[]string{"ballots in quarantine: 9\n", "8        rate     2027-05-22T18:16:00Z  5MZv\n", "1        pattern  2027-05-22T18:16:00Z  -\n", "there are more groups"}, false},
		"release": {"release", map[string]any{"rule": "rate", "address": "5MZv"}, "quarantine", `{"action":"release","rule":"rate","address":"5MZv"}`,
			votingwindow.Quarantining{Total: 8, Recount: true}, []string{"ballots released: 8\n", "counted and published again"}, false},
		"reset":              {"reset", none, "reset", `{}`, votingwindow.Removed{Ballots: 3, Entries: 2, Counters: 1}, []string{"removed 3 ballots, 2 entries of the ledger, 1 counters\n"}, false},
		"export":             {"export", none, "export", `{}`, votingwindow.Exported{Prefix: "export/x/", Status: "final", Signature: "none", ExportCounts: &exported}, []string{"exported to export/x/ (final, signature none)\naccepted 3: counted 2,"}, false},
		"export provisional": {"export", map[string]any{"provisional": true}, "export", `{"provisional":true}`, votingwindow.Exported{}, []string{"exported"}, false},
		"revoke":             {"revoke", none, "credentials", `{"revoke":true}`, votingwindow.CredentialsAnswer{Did: "issued", ExpiresAt: "2027-05-22T19:20:00Z", RevokedBefore: "2027-05-22T18:20:00Z"}, []string{"issued before 2027-05-22T18:20:00Z are refused\nnew ones are published, good until 2027-05-22T19:20:00Z\n"}, false},
		"revoke while idle":  {"revoke", none, "credentials", `{"revoke":true}`, votingwindow.CredentialsAnswer{Did: "removed"}, []string{"no new ones are published"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var events []string
			d := &commandtest.System{Has: []string{"credentials"}, Answers: map[string]func(string) (any, error){c.function: func(event string) (any, error) {
				events = append(events, event)
				return c.answer, nil
			}}}
			answer, err := runs(t, d, c.command, "", &commandtest.Clock{}, c.flags)
			if err != nil || answer.Unwell != c.unwell || answer.JSON == nil {
				t.Fatalf("%+v, %v", answer, err)
			}
			if diff := cmp.Diff([]string{c.event}, events); diff != "" {
				t.Errorf("events: want -, have +:\n%s", diff)
			}
			for _, text := range c.says {
				if !strings.Contains(answer.Text, text) {
					t.Errorf("%q does not say %q", answer.Text, text)
				}
			}
			d.Answers[c.function] = func(string) (any, error) { return nil, &command.FunctionError{Function: c.function, Message: "no"} }
			var refused *command.FunctionError
			if answer, err := runs(t, d, c.command, "", &commandtest.Clock{}, c.flags); !errors.As(err, &refused) || answer.JSON != nil {
				t.Errorf("a function that fails gives %+v, %v", answer, err)
			}
		})
	}
}

// What cannot be meant is refused before anything is asked of AWS.
func TestCommandsRefuse(t *testing.T) {
	for name, c := range map[string]struct {
		command, argument string
		flags             map[string]any
		says              string
	}{
		"close at a fraction":        {"close", "", map[string]any{"in": 1500 * time.Millisecond}, "--in: 1.5s is not a number of whole seconds"},
		"close in the past":          {"close", "", map[string]any{"in": -time.Minute}, "--in"},
		"extend by nothing":          {"extend", "", nil, "one of --by, --to and --clear"},
		"extend by and to":           {"extend", "", map[string]any{"by": time.Minute, "to": "x"}, "one of --by, --to and --clear"},
		"extend by zero":             {"extend", "", map[string]any{"by": time.Duration(0)}, "--by"},
		"extend to no time":          {"extend", "", map[string]any{"to": "tomorrow"}, `--to: "tomorrow" is no RFC 3339 time`},
		"release without a rule":     {"release", "", nil, `--rule: "" is no rule`},
		"release an unknown rule":    {"release", "", map[string]any{"rule": "all"}, `--rule: "all" is no rule`},
		"release an empty address":   {"release", "", map[string]any{"rule": "rate", "address": ""}, "--address is empty"},
		"verify two exports":         {"verify", "x", map[string]any{"export": "latest"}, "--export"},
		"verify by a key and none":   {"verify", "x", map[string]any{"unsigned": true, "public-key": "x"}, "--unsigned"},
		"verify by a file not there": {"verify", "x", map[string]any{"public-key": "/nowhere/key.pem"}, "--public-key"},
		"verify no folder":           {"verify", "/nowhere", map[string]any{"unsigned": true}, "DIR: /nowhere is no folder"},
		"tickets without a key":      {"ticket", "", nil, "--key is missing"},
		"tickets by no key":          {"ticket", "", map[string]any{"key": "/nowhere/key.pem"}, "--key"},
		"rehearse no vote":           {"rehearse", "", map[string]any{"votes": 0}, "--votes: 0"},
		"rehearse too many":          {"rehearse", "", map[string]any{"votes": 10_001}, "--votes: 10001"},
		"rehearse at no rate":        {"rehearse", "", map[string]any{"rate": 0}, "--rate: 0"},
		"rehearse too fast":          {"rehearse", "", map[string]any{"rate": 501}, "--rate: 501"},
		"wait for less than nothing": {"rehearse", "", map[string]any{"wait": -time.Second}, "--wait"},
	} {
		if _, err := runs(t, nil, c.command, c.argument, &commandtest.Clock{At: opening}, c.flags); !commandtest.IsUsage(err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := runs(t, &commandtest.System{}, "revoke", "", &commandtest.Clock{}, nil); err == nil || !strings.Contains(err.Error(), "publishes no credentials") {
		t.Errorf("revoke without credentials: %v", err)
	}
}

func TestFacts(t *testing.T) {
	now := opening.Add(time.Minute)
	object := func(status, figures string) string {
		return `{"status":"` + status + `","as_of":"2027-05-22T18:15:57Z","opens_at":"2027-05-22T18:15:00Z","closes_at":"2027-05-22T18:25:00Z",` + figures + `"version":7}`
	}
	closes := command.Fact{Name: "closes at", Value: "2027-05-22T18:25:00Z"}
	for name, c := range map[string]struct {
		object string
		want   []command.Fact
		fault  bool
	}{
		"open":      {object("open", `"total":12,"questions":{"vote":{"total":12,"answers":{"anna":12}}},`), []command.Fact{{Name: "results", Value: "open, 12 votes, version 7 of 3s ago"}, closes}, false},
		"kept back": {object("open", ""), []command.Fact{{Name: "results", Value: "open, figures kept back until they are final, version 7 of 3s ago"}, closes}, false},
		"none":      {"", []command.Fact{{Name: "results", Value: "none yet: the publisher writes them within a minute"}}, false},
		"broken":    {"{", nil, true},
	} {
		d := &commandtest.System{Stored: map[string]string{}}
		if c.object != "" {
			d.Stored["results/results.json"] = c.object
		}
		got, err := Facts(t.Context(), d, now)
		if diff := cmp.Diff(c.want, got); diff != "" || (err != nil) != c.fault {
			t.Errorf("%s: %v; want -, have +:\n%s", name, err, diff)
		}
	}
}
