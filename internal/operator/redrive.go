package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// redriven is what a redrive has done. Its JSON form is for scripts, as is
// report's.
type redriven struct {
	System string `json:"system"`
	Name   string `json:"name"`
	Queue  string `json:"queue"`
	// Redrive is how: "consume" calls the function To with the messages, "invoke"
	// with the event in each, "resend" sends them anew to the queue To.
	Redrive blueprint.Redrive `json:"redrive"`
	To      string            `json:"to"`
	DryRun  bool              `json:"dry_run"`
	// Redriven are the messages that succeeded and are gone from the queue;
	// Failed those that failed again and stay; Left is what the queue holds in the
	// end, approximately.
	Redriven int `json:"redriven"`
	Failed   int `json:"failed"`
	Left     int `json:"left"`
	// Stopped is true when the command was interrupted, or by an error, before it
	// had tried all; the same command goes on.
	Stopped bool `json:"stopped"`
}

func (t *tool) redrive() *cobra.Command {
	var most int
	var dry bool
	cmd := &cobra.Command{
		Use: "redrive SYSTEM NAME QUEUE", Args: arguments("SYSTEM", "NAME", "QUEUE"),
		Short: "Try the messages of a dead-letter queue again",
		Long: `Tries the messages of a dead-letter queue again, each once, in the way that the system declares for the queue:

  consume  calls the function that consumes the source queue with the messages as they lie there, so that they keep their ids and sent times;
  invoke   calls the function that failed with the event that each message holds, one at a time, as the topic or schedule had handed it over;
  resend   sends them anew to the source queue.

A message is deleted only after it has succeeded, so the command can be interrupted (Ctrl-C ends it after the batch at hand) and run again at any time, also twice at the same moment.
The exit code is 3 when messages failed again: they stay in the queue, and the function's log says why.`,
		Example: `  terraform-provider-serverless redrive voting_window tv-final dead-letters --dry-run
  terraform-provider-serverless redrive voting_window tv-final dead-letters --max 10
  terraform-provider-serverless redrive voting_window tv-final dead-letters`,
	}
	cmd.Flags().IntVar(&most, "max", 0, "try at most so many messages; 0 tries all")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say how many messages there are and what would become of them")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if most < 0 {
			return usage("--max: %d is negative; give a number of messages, or 0 for all", most)
		}
		d, err := t.open(cmd.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		b, err := d.blueprint(cmd.Context())
		if err != nil {
			return err
		}
		route, err := routeOf(b, args[2])
		if err != nil {
			return err
		}
		r := newRedriver(d, route, most, progressTo(cmd.ErrOrStderr()))
		if !dry {
			err = r.run(cmd.Context())
		}
		result, readErr := r.result(cmd.Context(), dry)
		if err == nil {
			err = readErr
		}
		if err := errors.Join(t.tellRedrive(cmd.OutOrStdout(), result), err); err != nil {
			return err
		}
		if result.Failed > 0 {
			return unwell
		}
		return nil
	}
	return cmd
}

// routeOf finds the way of a dead-letter queue's messages.
func routeOf(b *blueprint.Blueprint, queue string) (blueprint.RedriveRoute, error) {
	var keys []string
	for _, r := range b.RedriveRoutes() {
		if r.DeadLetters == queue {
			return r, nil
		}
		if r.Source == queue {
			return r, usage("QUEUE: %q is no dead-letter queue; its dead letters are in %s", queue, r.DeadLetters)
		}
		keys = append(keys, r.DeadLetters)
	}
	return blueprint.RedriveRoute{}, usage("QUEUE: there is no dead-letter queue %q; there are [%s]", queue, strings.Join(keys, " "))
}

// tellRedrive writes what was done.
func (t *tool) tellRedrive(w io.Writer, r redriven) error {
	if t.output == outputJSON {
		return writeJSON(w, r)
	}
	way := "the function " + r.To
	if r.Redrive == blueprint.RedriveResend {
		way = "the queue " + r.To + ", as new messages"
	}
	if r.DryRun {
		_, err := fmt.Fprintf(w, "about %d messages are in %s; they would go to %s\n", r.Left, r.Queue, way)
		return err
	}
	line := fmt.Sprintf("%d messages of %s went to %s; %d failed again; about %d are left", r.Redriven, r.Queue, way, r.Failed, r.Left)
	if r.Stopped {
		line += "; stopped early, the same command goes on"
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// result says what was done, and reads what is left.
func (r *redriver) result(ctx context.Context, dry bool) (redriven, error) {
	out := redriven{
		System: r.system.Name, Name: r.name, Queue: r.route.DeadLetters, Redrive: r.route.Redrive, To: r.route.Function, DryRun: dry,
		Redriven: r.succeeded, Failed: r.failed, Stopped: r.stopped,
	}
	if r.route.Redrive == blueprint.RedriveResend {
		out.To = r.route.Source
	}
	ctx, cancel := r.finishing(ctx, callTimeout)
	defer cancel()
	depth, err := depthOf(ctx, r.client.SQS, r.url)
	if err != nil {
		return out, fmt.Errorf("read what is left in %s: %w", r.route.DeadLetters, err)
	}
	out.Left = depth.Visible + depth.InFlight + depth.Delayed
	return out, nil
}

// progressTo returns what shows a line of progress: on a terminal one that
// overwrites itself, elsewhere nothing, since the end tells all.
func progressTo(w io.Writer) func(line string) {
	f, ok := w.(*os.File)
	if !ok {
		return func(string) {}
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func(string) {}
	}
	return func(line string) {
		if line == "" { // The end.
			line = "\n"
		} else {
			line = "\r" + line + "\033[K" // Clears what a longer line has left.
		}
		fmt.Fprint(w, line) //nolint:errcheck // progress is for the eye
	}
}

// text is what an optional string holds.
func text(s *string) string { return aws.ToString(s) }
