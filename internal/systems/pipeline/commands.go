package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

// Commands are what an operator of a pipeline needs beside the commands that every
// system has.
func Commands() []command.Command {
	return []command.Command{cancelCommand(), failedCommand(), replayCommand(), resumeCommand(), retryCommand(), runsCommand()}
}

// factRuns is how many runs status looks at.
const factRuns = 20

// Facts are the last run, and those that are under way or stuck.
func Facts(ctx context.Context, d command.Deployed, now time.Time) ([]command.Fact, error) {
	c, err := ask(ctx, d, pipeline.ControlRequest{Action: pipeline.ActionRuns, Last: factRuns})
	if err != nil {
		return nil, err
	}
	if len(c.Runs) == 0 {
		return []command.Fact{{Name: "runs", Value: "none yet"}}, nil
	}
	last := c.Runs[0]
	facts := []command.Fact{{Name: "last run", Value: fmt.Sprintf("%s, begun %s ago: %s", last.Run, now.Sub(time.UnixMilli(last.Started)).Round(time.Second), words(last))}}
	for _, run := range c.Runs {
		if run.Stuck != "" && !run.State.Over() {
			facts = append(facts, command.Fact{Name: "stuck", Value: run.Run + ": " + run.Stuck})
		}
	}
	return facts, nil
}

// words are what a run has come to.
func words(r pipeline.RunLine) string {
	text := fmt.Sprintf("%s; %d files, %d ingested, %d failed, %d items, %d segments", r.State, r.Files, r.Ingested, r.Failed, r.Items, r.Segments)
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	return text
}

func ask(ctx context.Context, d command.Deployed, r pipeline.ControlRequest) (c pipeline.Controlling, err error) {
	return c, d.Invoke(ctx, "control", r, &c)
}

// changes asks for what changes something, in the name of who asks.
func changes(ctx context.Context, call *command.Call, r pipeline.ControlRequest) (pipeline.Controlling, error) {
	if call.Argument == "" {
		return pipeline.Controlling{}, command.Usage("say which run: %s recommendation_pipeline %s RUN", r.Action, call.Name)
	}
	d, err := call.Open(ctx)
	if err != nil {
		return pipeline.Controlling{}, err
	}
	if r.By, err = d.Caller(ctx); err != nil {
		return pipeline.Controlling{}, err
	}
	r.Run = call.Argument
	return ask(ctx, d, r)
}

func runsCommand() command.Command {
	return command.Command{
		Name: "runs", Short: "Show the runs of a pipeline",
		Long:     "Shows the newest runs, or one: how far it is, its counts, and what it waits for where it is stuck. It changes nothing.",
		Example:  "  terraform-provider-serverless runs recommendation_pipeline homes\n  terraform-provider-serverless runs recommendation_pipeline homes homes-2030-05-04",
		Argument: "RUN",
		Flags:    []command.Flag{{Name: "last", Usage: "how many runs", Default: 20}},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			last := command.Value[int](call, "last")
			if last < 1 || last > 100 {
				return command.Answer{}, command.Usage("--last: %d is not between 1 and 100", last)
			}
			d, err := call.Open(ctx)
			if err != nil {
				return command.Answer{}, err
			}
			c, err := ask(ctx, d, pipeline.ControlRequest{Action: pipeline.ActionRuns, Run: call.Argument, Last: last})
			if err != nil {
				return command.Answer{}, err
			}
			unwell := false
			text := command.Table(func(row func(cells ...any)) {
				row("RUN", "STATE", "FILES", "INGESTED", "FAILED", "ITEMS", "SEGMENTS", "COST", "BEGUN", "TOOK", "WHY")
				for _, r := range c.Runs {
					unwell = unwell || r.Stuck != "" && !r.State.Over()
					row(r.Run, r.State, r.Files, r.Ingested, r.Failed, r.Items, fmt.Sprintf("%d of %d", r.Described, r.Segments), cost(r), moment(r.Started), took(r), r.Stuck+r.Reason)
				}
			})
			return command.Answer{JSON: c.Runs, Text: text, Unwell: unwell}, nil
		},
	}
}

// moment is a time in milliseconds since 1970 for people.
func moment(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// took is how long a run took; empty for one that is not over.
func took(r pipeline.RunLine) string {
	if r.DoneAt == 0 {
		return ""
	}
	return (time.Duration(r.DoneAt-r.Started) * time.Millisecond).Round(time.Second).String()
}

// cost is what the reads and writes of a run cost, in dollars; empty for one that is not done.
func cost(r pipeline.RunLine) string {
	if r.State != pipeline.Done {
		return ""
	}
	return fmt.Sprintf("$%.4f", r.CostUSD)
}

func failedCommand() command.Command {
	return command.Command{
		Name: "failed", Short: "Show the files of a run that failed",
		Long:     "Shows each file of a run that became no item, with its reason. It changes nothing. The exit code tells whether there are any.",
		Example:  "  terraform-provider-serverless failed recommendation_pipeline homes homes-2030-05-04",
		Argument: "RUN",
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			if call.Argument == "" {
				return command.Answer{}, command.Usage("say which run: failed recommendation_pipeline %s RUN", call.Name)
			}
			d, err := call.Open(ctx)
			if err != nil {
				return command.Answer{}, err
			}
			failures := []pipeline.Failure{}
			for after := ""; ; {
				c, err := ask(ctx, d, pipeline.ControlRequest{Action: pipeline.ActionFailed, Run: call.Argument, After: after})
				if err != nil {
					return command.Answer{}, err
				}
				failures = append(failures, c.Failures...)
				if after = c.After; after == "" {
					break
				}
				call.Progress(fmt.Sprintf("%d files", len(failures)))
			}
			text := command.Table(func(row func(cells ...any)) {
				row("FILE", "REASON", "DETAIL")
				for _, f := range failures {
					row(f.Key, f.Reason, f.Detail)
				}
			})
			return command.Answer{JSON: failures, Text: text, Unwell: len(failures) > 0}, nil
		},
	}
}

func replayCommand() command.Command {
	return command.Command{
		Name: "replay", Short: "Take a run of a pipeline again",
		Long: `Takes the upload of a run that is over again, as a new run: all files below its prefix as they are now, or with --failed those that failed alone.
Items are written in the place of those of their keys, but for those of a later upload; nothing is there twice. It returns at once; runs shows how far the new run is.`,
		Example:  "  terraform-provider-serverless replay recommendation_pipeline homes homes-2030-05-04 --failed",
		Argument: "RUN",
		Flags: []command.Flag{
			{Name: "failed", Usage: "take the files that failed alone", Default: false}, {Name: "as", Usage: "id of the new run; without it, one that comes of the time", Default: ""},
		},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			c, err := changes(ctx, call, pipeline.ControlRequest{Action: pipeline.ActionReplay, FailedOnly: command.Value[bool](call, "failed"), As: command.Value[string](call, "as")})
			if err != nil {
				return command.Answer{}, err
			}
			return command.Answer{JSON: c.Runs[0], Text: fmt.Sprintf("run %s has begun", c.Runs[0].Run)}, nil
		},
	}
}

func cancelCommand() command.Command {
	return command.Command{
		Name: "cancel", Short: "Cancel a run of a pipeline that is under way",
		Long:     "Ends a run. The items that it has written stay, and readers keep the manifest that they have. What of it is in the streams is passed over.",
		Example:  "  terraform-provider-serverless cancel recommendation_pipeline homes homes-2030-05-04",
		Argument: "RUN",
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			c, err := changes(ctx, call, pipeline.ControlRequest{Action: pipeline.ActionCancel})
			if err != nil {
				return command.Answer{}, err
			}
			return command.Answer{JSON: c.Runs[0], Text: fmt.Sprintf("run %s is cancelled", c.Runs[0].Run)}, nil
		},
	}
}

func resumeCommand() command.Command {
	return command.Command{
		Name: "resume", Short: "Let a run of a pipeline go on that is stuck",
		Long: `Begins the step again at which a run stands still, within a minute: listing, segmenting or describing. A pipeline does so by itself, but waits twice as long each time; after a cause is mended that lasted for hours, this is sooner.
Nothing is done twice. A run that is ingesting waits for what is in its stream, or in the queue files-dead-letters, from which redrive brings it back.`,
		Example:  "  terraform-provider-serverless resume recommendation_pipeline homes homes-2030-05-04",
		Argument: "RUN",
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			c, err := changes(ctx, call, pipeline.ControlRequest{Action: pipeline.ActionResume})
			if err != nil {
				return command.Answer{}, err
			}
			return command.Answer{JSON: c.Runs[0], Text: fmt.Sprintf("run %s, which is %s, goes on within a minute", c.Runs[0].Run, c.Runs[0].State)}, nil
		},
	}
}

func retryCommand() command.Command {
	return command.Command{
		Name: "retry", Short: "Try a booking of a pipeline again that failed",
		Long: `Begins a booking again that failed. Its data is sent as it is, under the same idempotency key, so that a third party that has it after all does not get it twice; of a booking that failed before it had data, the data is generated first.
It goes on within a minute, and is tried for bookings.give_up_hours again, but not beyond a week after its first time was over: its data is deleted then.`,
		Example:  "  terraform-provider-serverless retry recommendation_pipeline homes 20300504-180000-000-abcdefghij",
		Argument: "BOOKING",
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			if call.Argument == "" {
				return command.Answer{}, command.Usage("say which booking: retry recommendation_pipeline %s BOOKING", call.Name)
			}
			d, err := call.Open(ctx)
			if err != nil {
				return command.Answer{}, err
			}
			r := pipeline.ControlRequest{Action: pipeline.ActionRetry, Booking: call.Argument}
			if r.By, err = d.Caller(ctx); err != nil {
				return command.Answer{}, err
			}
			c, err := ask(ctx, d, r)
			if err != nil {
				return command.Answer{}, err
			}
			text := fmt.Sprintf("booking %s of %s is %s again", c.Booking.Booking, c.Booking.Value, c.Booking.Status)
			if c.Booking.Deadline > 0 {
				text += ", and is given up at " + moment(c.Booking.Deadline)
			}
			return command.Answer{JSON: c.Booking, Text: text}, nil
		},
	}
}
