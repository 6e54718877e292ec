package pipeline_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

func (w *world) control() *pipeline.Control {
	return &pipeline.Control{Store: &pipeline.RunReader{Store: w.store(), Batch: w.memory}, Objects: w.objects, Start: w.start, Clock: w.clock, Log: discard}
}

func (w *world) controlled(t *testing.T, r pipeline.ControlRequest) pipeline.Controlling {
	t.Helper()
	got, err := w.control().Handle(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Operators see the newest runs first, one by its id, and its failures.
func TestControlShows(t *testing.T) {
	w := newWorld()
	w.upload(map[string]string{"a/1.json": `{"id":1,"suburb":"x"}`, "a/2.json": "{", "a/3.json": "", "b/1.json": `{"id":2,"suburb":"x"}`})
	for i, prefix := range []string{"a/", "b/"} {
		w.asked(pipeline.Start{Run: fmt.Sprint("r", i+1), Prefix: prefix})
		w.calm()
	}
	runs := w.controlled(t, eventOf[pipeline.ControlRequest](t, "control")).Runs
	if len(runs) != 2 || runs[0].Run != "r2" || runs[1].Run != "r1" {
		t.Fatalf("the runs are %+v", runs)
	}
	if r := runs[1]; r.State != pipeline.Done || r.Files != 3 || r.Ingested != 1 || r.Failed != 2 || r.ByReason[pipeline.FileEmpty] != 1 || r.Segments != 1 || r.Described != 1 || r.DoneAt == 0 {
		t.Errorf("the first is %+v", r)
	}
	if runs := w.controlled(t, pipeline.ControlRequest{Action: pipeline.ActionRuns, Last: 1}).Runs; len(runs) != 1 || runs[0].Run != "r2" {
		t.Errorf("the last is %+v", runs)
	}
	if runs := w.controlled(t, pipeline.ControlRequest{Action: pipeline.ActionRuns, Run: "r1"}).Runs; len(runs) != 1 || runs[0].Run != "r1" {
		t.Errorf("r1 is %+v", runs)
	}
	got := w.controlled(t, pipeline.ControlRequest{Action: pipeline.ActionFailed, Run: "r1"})
	if len(got.Failures) != 2 || got.Failures[0].Key != "a/2.json" || got.Failures[0].Reason != pipeline.FileNotJSON || got.Failures[1].Reason != pipeline.FileEmpty || got.After != "" {
		t.Errorf("the failures are %+v", got)
	}
}

// A run that is over is taken again, whole or its failures alone.
func TestControlReplays(t *testing.T) {
	w := newWorld()
	w.upload(map[string]string{"a/1.json": `{"id":1,"suburb":"x"}`, "a/2.json": "{"})
	w.asked(pipeline.Start{Run: "r1", Prefix: "a/"})
	w.calm()
	w.upload(map[string]string{"a/2.json": `{"id":2,"suburb":"x"}`})
	failed := w.controlled(t, pipeline.ControlRequest{Action: pipeline.ActionReplay, Run: "r1", FailedOnly: true, As: "r2"}).Runs[0]
	w.calm()
	if run := w.run(t, failed.Run); failed.Run != "r2" || run.Files != 1 || run.Ingested != 1 || run.ReplayOf != "r1" || run.State != pipeline.Done {
		t.Errorf("the replay of the failures is %+v", run)
	}
	whole := w.controlled(t, pipeline.ControlRequest{Action: pipeline.ActionReplay, Run: "r1"}).Runs[0]
	w.calm()
	if run := w.run(t, whole.Run); run.Files != 2 || run.Ingested != 2 || run.At != w.run(t, "r1").At || run.State != pipeline.Done {
		t.Errorf("the replay of all is %+v", run)
	}
}

// A run that is cancelled goes no further, and its chunks are ingested no more.
func TestControlCancels(t *testing.T) {
	w := listed(t, plainFiles(8))
	if got := w.controlled(t, pipeline.ControlRequest{Action: pipeline.ActionCancel, Run: "r1"}).Runs[0]; got.State != pipeline.Cancelled {
		t.Errorf("the run is %+v", got)
	}
	w.calm()
	w.sweep(t)
	if run := w.run(t, "r1"); run.State != pipeline.Cancelled || run.Ingested != 0 || run.DoneAt == 0 || len(w.stage.sent) != 0 {
		t.Errorf("afterwards it is %+v", run)
	}
}

// A run whose step failed for long goes on within a minute of the cause's repair, and not hours later.
func TestControlResumes(t *testing.T) {
	w := newWorld()
	w.upload(plainFiles(40))
	w.asked(pipeline.Start{Run: "r1", Prefix: "up/"})
	lost := func(state pipeline.State) { // What asks for a step is lost until the next look is hours away.
		t.Helper()
		for range 400 {
			w.clock.pass(time.Minute)
			w.sweep(t)
		}
		w.start.taken, w.stage.taken = len(w.start.sent), len(w.stage.sent)
		if run := w.run(t, "r1"); run.State != state || run.Pokes < 3 || run.Stuck == "" {
			t.Fatalf("it is not stuck: %+v", run)
		}
	}
	resumed := func() {
		t.Helper()
		state := w.run(t, "r1").State
		if got := w.controlled(t, pipeline.ControlRequest{Action: pipeline.ActionResume, Run: "r1"}).Runs[0]; got.Run != "r1" || got.State != state {
			t.Errorf("resumed is %+v", got)
		}
		w.clock.pass(time.Minute)
		w.sweep(t)
	}
	first, _ := w.start.next()
	notify(t.Context(), first, w.lister().Handle) // Three pages of four.
	lost(pipeline.Listing)
	resumed()
	for message, ok := w.start.next(); ok; message, ok = w.start.next() {
		notify(t.Context(), message, w.lister().Handle)
	}
	refused := pipeline.ControlRequest{Action: pipeline.ActionResume, Run: "r1"}
	if _, err := w.control().Handle(t.Context(), refused); err == nil || !strings.Contains(err.Error(), "redrive files-dead-letters") {
		t.Errorf("of what the stream brings: %v", err)
	}
	if _, err := w.ingest().Handle(t.Context(), w.batch()); err != nil {
		t.Fatal(err)
	}
	lost(pipeline.Segmenting)
	resumed()
	message, _ := w.stage.next()
	notify(t.Context(), message, w.segmenter().Handle)
	w.segments.shards[0] = nil // Their records are lost, too.
	lost(pipeline.Describing)
	resumed()
	w.calm()
	if run := w.run(t, "r1"); run.State != pipeline.Done || run.Files != 40 || run.Ingested != 40 || run.Stuck != "" {
		t.Errorf("in the end: %+v", run)
	}
	if _, err := w.control().Handle(t.Context(), refused); err == nil || !strings.Contains(err.Error(), "run r1 is done: replay takes its upload again") {
		t.Errorf("of a run that is over: %v", err)
	}
}

func TestControlRefuses(t *testing.T) {
	w := listed(t, plainFiles(8))
	for want, r := range map[string]pipeline.ControlRequest{
		"there is no action":    {Action: "stop"},
		"there is no run r9":    {Action: pipeline.ActionFailed, Run: "r9"},
		"a run's id is":         {Action: pipeline.ActionCancel, Run: "R 1"},
		"cancel it first":       {Action: pipeline.ActionReplay, Run: "r1"},
		"no run nothing":        {Action: pipeline.ActionReplay, Run: "nothing"},
		"there is no run other": {Action: pipeline.ActionRuns, Run: "other"},
	} {
		if got, err := w.control().Handle(t.Context(), r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %+v, %v, want %s", r, got, err, want)
		}
	}
	w.calm()
	w.calm()
	for want, r := range map[string]pipeline.ControlRequest{
		"no file of run r1 failed":    {Action: pipeline.ActionReplay, Run: "r1", FailedOnly: true},
		"there is a run r1 already":   {Action: pipeline.ActionReplay, Run: "r1", As: "r1"},
		"there is nothing to cancel":  {Action: pipeline.ActionCancel, Run: "r1"},
		"is 1 to 63 small letters":    {Action: pipeline.ActionReplay, Run: "r1", As: "Again!"},
		"does not begin with a hyphe": {Action: pipeline.ActionReplay, Run: "r1", As: "-"},
	} {
		if got, err := w.control().Handle(t.Context(), r); err == nil || !strings.Contains(err.Error(), want) {
			text, _ := json.Marshal(got)
			t.Errorf("%+v: %s, %v, want %s", r, text, err, want)
		}
	}
}
