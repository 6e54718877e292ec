package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
)

// The values of ControlRequest.Action.
const (
	ActionRuns   = "runs"   // The newest runs, or one.
	ActionFailed = "failed" // The failures of a run, a page of them.
	ActionReplay = "replay" // Takes a run's upload again under a new id.
	ActionCancel = "cancel" // Ends a run that is under way.
	ActionResume = "resume" // Begins the step again at which a run stands still.
	ActionRetry  = "retry"  // Begins a booking again that failed.
)

// ControlRequest is the event: `{"action":"runs","last":20}`, `{"action":"failed","run":"r1","after":""}`, `{"action":"replay","run":"r1","failed_only":true}`,
// `{"action":"cancel","run":"r1"}`, `{"action":"resume","run":"r1"}` or `{"action":"retry","booking":"b1"}`.
type ControlRequest struct {
	Action  string `json:"action"`
	Run     string `json:"run,omitempty"`
	Booking string `json:"booking,omitempty"`
	Last    int    `json:"last,omitempty"`  // How many runs, the newest first; 1 to 100.
	After   string `json:"after,omitempty"` // Where the page of failures before ended.
	// FailedOnly takes the failures of a run alone, and As is the id of what takes a run again: without it, one that comes of the time.
	FailedOnly bool   `json:"failed_only,omitempty"`
	As         string `json:"as,omitempty"`
	By         string `json:"by,omitempty"` // The ARN of who asks.
}

// Controlling is what control returns.
type Controlling struct {
	Runs     []RunLine    `json:"runs,omitempty"`
	Failures []Failure    `json:"failures,omitempty"`
	After    string       `json:"after,omitempty"` // Empty at the end of the failures.
	Booking  *BookingLine `json:"booking,omitempty"`
}

// BookingLine is a booking as operators see it. Deadline is in milliseconds since 1970, 0 where its data is not generated yet.
type BookingLine struct {
	Booking  string `json:"booking"`
	Status   string `json:"status"`
	Value    string `json:"value"` // Of its segment.
	Reason   string `json:"reason,omitempty"`
	Retries  int64  `json:"retries"`
	Deadline int64  `json:"deadline"` // When sending it is given up.
}

// RunLine is a run as operators see it. Times are in milliseconds since 1970, 0 for not yet.
type RunLine struct {
	Run        string           `json:"run"`
	State      State            `json:"state"`
	Reason     string           `json:"reason,omitempty"` // Why it failed.
	Stuck      string           `json:"stuck,omitempty"`  // What it waits for longer than it should.
	Prefix     string           `json:"prefix"`
	ReplayOf   string           `json:"replay_of,omitempty"`
	FailedOnly bool             `json:"failed_only,omitempty"`
	Files      int64            `json:"files"`
	Ingested   int64            `json:"ingested"`
	Failed     int64            `json:"failed"`
	ByReason   map[Reason]int64 `json:"failed_by_reason,omitempty"`
	Items      int64            `json:"items"`
	Segments   int64            `json:"segments"`
	Described  int64            `json:"described"`
	Started    int64            `json:"started"`
	ListedAt   int64            `json:"listed_at"`
	IngestedAt int64            `json:"ingested_at"`
	DoneAt     int64            `json:"done_at"`
	CostUSD    float64          `json:"cost_usd"` // As in Report.
}

func lineOf(run Run) RunLine {
	return RunLine{
		Run: run.ID, State: run.State, Reason: run.Reason, Stuck: run.Stuck, Prefix: run.Prefix, ReplayOf: run.ReplayOf, FailedOnly: run.Failed,
		Files: run.Files, Ingested: run.Ingested, Failed: run.Failures, ByReason: run.ByReason, Items: run.Items, Segments: run.Segments, Described: run.Described,
		Started: run.Started, ListedAt: run.ListedAt, IngestedAt: run.IngestedAt, DoneAt: run.DoneAt, CostUSD: run.Dollars(),
	}
}

// maxRuns is how many runs one answer has at most: as many as ReadRuns reads.
const maxRuns = 100

// failuresAnswer is how many failures an answer has about: with the pages of a call's last chunk, they stay below Lambda's 6 MB (Lambda quotas, invocation
// payload).
const failuresAnswer = 1000

// Control is what operators call.
type Control struct {
	Store   *RunReader
	Objects Objects
	Start   Publisher
	Retry   func(ctx context.Context, booking string) (BookingLine, error) // nil where the pipeline takes no bookings.
	Clock   clock.Clock
	Log     *slog.Logger
}

// Handle does what is asked for.
func (c *Control) Handle(ctx context.Context, r ControlRequest) (Controlling, error) {
	switch r.Action {
	case ActionRuns:
		return c.runs(ctx, r)
	case ActionFailed:
		return c.failed(ctx, r)
	case ActionReplay:
		return c.replay(ctx, r)
	case ActionCancel:
		return c.cancel(ctx, r)
	case ActionResume:
		return c.resume(ctx, r)
	case ActionRetry:
		return c.retry(ctx, r)
	}
	return Controlling{}, fmt.Errorf("there is no action %q", r.Action)
}

// runs are the newest ones, or one.
func (c *Control) runs(ctx context.Context, r ControlRequest) (Controlling, error) {
	if r.Run != "" {
		run, err := c.read(ctx, r.Run)
		if err != nil {
			return Controlling{}, err
		}
		return Controlling{Runs: []RunLine{lineOf(run)}}, nil
	}
	recent, err := c.Store.Notes(ctx, RecentID)
	if err != nil {
		return Controlling{}, err
	}
	ids := slices.SortedFunc(maps.Keys(recent), func(a, b string) int { return cmp.Or(cmp.Compare(recent[b], recent[a]), cmp.Compare(a, b)) })
	ids = ids[:min(len(ids), max(1, min(r.Last, maxRuns)))]
	found, err := c.Store.ReadRuns(ctx, ids)
	if err != nil {
		return Controlling{}, err
	}
	var out Controlling
	for _, id := range ids {
		if run, ok := found[id]; ok { // One that is not has expired.
			out.Runs = append(out.Runs, lineOf(run))
		}
	}
	return out, nil
}

func (c *Control) read(ctx context.Context, id string) (Run, error) {
	if !ValidRun(id) {
		return Run{}, errNoRun
	}
	run, found, err := c.Store.ReadRun(ctx, id)
	if err == nil && !found {
		err = fmt.Errorf("there is no run %s", id)
	}
	return run, err
}

// failed lists failures of a run, from where the page before ended.
func (c *Control) failed(ctx context.Context, r ControlRequest) (Controlling, error) {
	if _, err := c.read(ctx, r.Run); err != nil {
		return Controlling{}, err
	}
	out := Controlling{After: r.After}
	for {
		chunks, marker, err := c.Store.FailuresPage(ctx, c.Objects, r.Run, out.After)
		if err != nil {
			return Controlling{}, err
		}
		for _, chunk := range chunks {
			out.Failures = append(out.Failures, chunk.Failures...)
		}
		if out.After = marker; marker == "" || len(out.Failures) >= failuresAnswer || NearDeadline(ctx, c.Clock) {
			return out, nil
		}
	}
}

// replay takes a run's upload again: all of it, or the failures alone.
func (c *Control) replay(ctx context.Context, r ControlRequest) (Controlling, error) {
	of, err := c.read(ctx, r.Run)
	switch {
	case err != nil:
		return Controlling{}, err
	case !of.State.Over():
		return Controlling{}, fmt.Errorf("run %s is %s: cancel it first, or wait for its end", of.ID, of.State)
	case r.FailedOnly && of.Failures == 0:
		return Controlling{}, fmt.Errorf("no file of run %s failed", of.ID)
	}
	start := Start{Run: cmp.Or(r.As, derivedRun("replay of "+of.ID, "", c.Clock.Now())), Prefix: of.Prefix, ReplayOf: of.ID, Failed: r.FailedOnly}
	if !ValidRun(start.Run) {
		return Controlling{}, errNoRun
	}
	if _, taken, err := c.Store.ReadRun(ctx, start.Run); err != nil {
		return Controlling{}, err
	} else if taken {
		return Controlling{}, fmt.Errorf("there is a run %s already: give another id", start.Run)
	}
	message, err := encode(start)
	if err != nil {
		return Controlling{}, err
	}
	if err := c.Start.Publish(ctx, message); err != nil {
		return Controlling{}, err
	}
	c.Log.InfoContext(ctx, "a replay was begun", "run", start.Run, "replay_of", of.ID, "failed_only", r.FailedOnly, "by", r.By)
	return Controlling{Runs: []RunLine{{Run: start.Run, State: Listing, Prefix: start.Prefix, ReplayOf: of.ID, FailedOnly: r.FailedOnly}}}, nil
}

// changeTries bounds how often a run is read again that went on meanwhile.
const changeTries = 5

var errGoesOn = errors.New("the run goes on all the time: try again")

// cancel ends a run that is under way. What it has written stays; readers keep the manifest that they have.
func (c *Control) cancel(ctx context.Context, r ControlRequest) (Controlling, error) {
	for range changeTries {
		run, err := c.read(ctx, r.Run)
		if err != nil {
			return Controlling{}, err
		}
		if run.State.Over() {
			return Controlling{}, fmt.Errorf("run %s is %s: there is nothing to cancel", run.ID, run.State)
		}
		held, err := c.Store.Move(ctx, run.ID, run.State, Cancelled, ", #done_at = :touched", "", nil)
		if err != nil {
			return Controlling{}, err
		}
		if held {
			c.Log.WarnContext(ctx, "a run was cancelled", "run", run.ID, "state", run.State, "by", r.By)
			run.State = Cancelled
			return Controlling{Runs: []RunLine{lineOf(run)}}, nil
		}
	}
	return Controlling{}, errGoesOn
}

// resume has the sweeper begin the step again that a run is at, at its next look. A step that is at work after all takes no harm, and does none.
func (c *Control) resume(ctx context.Context, r ControlRequest) (Controlling, error) {
	for range changeTries {
		run, err := c.read(ctx, r.Run)
		if err != nil {
			return Controlling{}, err
		}
		attribute := "touched"
		switch {
		case run.State.Over():
			return Controlling{}, fmt.Errorf("run %s is %s: replay takes its upload again", run.ID, run.State)
		case run.State == Listing:
			attribute = "paged_at"
		case run.State == Ingesting:
			return Controlling{}, fmt.Errorf("run %s waits for %d of %d chunks, which the stream brings by itself: redrive files-dead-letters brings those that were given up", run.ID, run.Chunks-run.ChunksDone, run.Chunks)
		}
		held, err := c.Store.Touch(ctx, run.ID, run.State, attribute, 0)
		if err != nil {
			return Controlling{}, err
		}
		if held {
			c.Log.InfoContext(ctx, "a run's step is begun again", "run", run.ID, "state", run.State, "by", r.By)
			return Controlling{Runs: []RunLine{lineOf(run)}}, nil
		}
	}
	return Controlling{}, errGoesOn
}

// retry begins a booking again that failed.
func (c *Control) retry(ctx context.Context, r ControlRequest) (Controlling, error) {
	if c.Retry == nil {
		return Controlling{}, errors.New("this pipeline takes no bookings")
	}
	booking, err := c.Retry(ctx, r.Booking)
	if err != nil {
		return Controlling{}, err
	}
	c.Log.InfoContext(ctx, "a booking was begun again", "booking", r.Booking, "by", r.By)
	return Controlling{Booking: &booking}, nil
}
