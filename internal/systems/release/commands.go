package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/release"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

// Commands are what an operator or a pipeline needs of a release beside the commands that every system has.
func Commands() []command.Command {
	return []command.Command{historyCommand(), rollbackCommand(), waitCommand()}
}

// Facts say which release is live, and how the newest stands.
func Facts(ctx context.Context, d command.Deployed, _ time.Time) ([]command.Fact, error) {
	s, err := statusOf(ctx, d)
	if err != nil {
		return nil, err
	}
	facts := []command.Fact{{Name: "release", Value: line(s)}}
	if s.Live > 0 && s.Live != s.Current.Number {
		facts = append(facts, command.Fact{Name: "live release", Value: fmt.Sprint(s.Live)})
	}
	if s.Trouble != "" {
		facts = append(facts, command.Fact{Name: "trouble", Value: s.Trouble})
	}
	if len(s.Elsewhere) > 0 {
		facts = append(facts, command.Fact{Name: "moved by others", Value: strings.Join(s.Elsewhere, ", ")})
	}
	return facts, nil
}

// ask calls steer.
func ask(ctx context.Context, d command.Deployed, r release.Request) (a release.Answer, err error) {
	return a, d.Invoke(ctx, "steer", r, &a)
}

func statusOf(ctx context.Context, d command.Deployed) (release.Status, error) {
	a, err := ask(ctx, d, release.Request{Action: release.ActionStatus})
	if err == nil && a.Status == nil {
		err = errors.New("the function steer tells no status")
	}
	if err != nil {
		return release.Status{}, err
	}
	return *a.Status, nil
}

// line is the newest release on one line: "release 7 (pipeline 1024, commit 5f2c1d7) is live".
func line(s release.Status) string {
	r := s.Current
	if r.Number == 0 {
		return "none yet"
	}
	text := fmt.Sprintf("release %d (pipeline %s, commit %s) %s", r.Number, r.Pipeline, r.Commit, map[release.Outcome]string{
		release.Live: "is live", release.RolledBack: "was rolled back", release.Superseded: "was superseded",
	}[r.Outcome])
	if r.Outcome == release.Running {
		text += map[release.Phase]string{release.OnTrial: "is on trial", release.Promoting: "is going live", release.Reverting: "is going back"}[s.Phase]
		if !s.Ends.IsZero() {
			text += " until " + s.Ends.Format(time.RFC3339)
		}
	}
	if r.Why != "" {
		text += ": " + r.Why
	}
	if s.Pending {
		text += "; another is wanted and begins within a minute"
	}
	return text
}

func historyCommand() command.Command {
	return command.Command{
		Name: "history", Short: "Show the releases of an environment",
		Long:    "Shows the releases, the newest first: pipeline, commit, who, when, what became of it and why. It changes nothing.",
		Example: "  terraform-provider-serverless history release arena-prod\n  terraform-provider-serverless history release arena-prod --last 5 --output json",
		Flags:   []command.Flag{{Name: "last", Usage: "how many releases", Default: 20}},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			last := command.Value[int](call, "last")
			if last < 1 || last > 1000 {
				return command.Answer{}, command.Usage("--last: %d is not between 1 and 1000", last)
			}
			d, err := call.Open(ctx)
			if err != nil {
				return command.Answer{}, err
			}
			a, err := ask(ctx, d, release.Request{Action: release.ActionHistory, Last: last})
			if err != nil {
				return command.Answer{}, err
			}
			return command.Answer{JSON: append([]release.Record{}, a.Releases...), Text: table(a.Releases)}, nil
		},
	}
}

// table writes releases in columns.
func table(releases []release.Record) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "\t"), "\t")) } //nolint:errcheck // a builder takes everything
	row("RELEASE", "PIPELINE", "COMMIT", "OUTCOME", "STARTED", "ENDED", "DIGESTS", "BY", "WHY")
	for _, r := range releases {
		var digests []string
		for _, system := range slices.Sorted(maps.Keys(r.Digests)) {
			digests = append(digests, system+" "+r.Digests[system][:min(12, len(r.Digests[system]))])
		}
		ended := ""
		if !r.Ended.IsZero() {
			ended = r.Ended.Format(time.RFC3339)
		}
		row(fmt.Sprint(r.Number), r.Pipeline, r.Commit, string(r.Outcome), r.Started.Format(time.RFC3339), ended, strings.Join(digests, ", "), r.By, r.Why)
	}
	w.Flush() //nolint:errcheck,gosec // likewise
	return b.String()
}

func rollbackCommand() command.Command {
	return command.Command{
		Name: "rollback", Short: "Go back to the release before",
		Long: `Ends a release that is running, and sends its functions back. Where none is running, the release that is live gives way to the last one before it with other versions, at once and without a canary. Once more goes back further.
No apply takes that back until another release is wanted: with another pipeline's number, or other versions.`,
		Example: "  terraform-provider-serverless rollback release arena-prod",
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			d, err := call.Open(ctx)
			if err != nil {
				return command.Answer{}, err
			}
			by, err := d.Caller(ctx)
			if err != nil {
				return command.Answer{}, err
			}
			a, err := ask(ctx, d, release.Request{Action: release.ActionRollback, By: by})
			if err != nil || a.Status == nil {
				return command.Answer{}, err
			}
			return command.Answer{JSON: a.Status, Text: line(*a.Status) + "\n", Unwell: a.Status.Phase != release.Done}, nil
		},
	}
}

// waitEvery is how often wait looks.
const waitEvery = 5 * time.Second

// waitSilent is after how many looks in a row without an answer wait gives up, a minute's: the release goes on without it.
const waitSilent = 12

func waitCommand() command.Command {
	return command.Command{
		Name: "wait", Short: "Wait until the newest release has ended",
		Long: `Waits until the release that was applied last is live, or is not to be, and prints each step: for a pipeline, after its apply. It exits with 0 where the release is live, and with 3 where it was rolled back, superseded by another, or has not ended in time.
With --pipeline it waits for the release of that run, whatever was applied after it.`,
		Example: "  terraform-provider-serverless wait release arena-prod --timeout 45m\n  terraform-provider-serverless wait release arena-prod --pipeline 1024",
		Flags: []command.Flag{
			{Name: "timeout", Usage: "how long to wait", Default: time.Hour},
			{Name: "pipeline", Usage: "the number or name of the pipeline's run, as the resource has it", Default: ""},
		},
		Run: wait,
	}
}

func wait(ctx context.Context, call *command.Call) (command.Answer, error) {
	d, err := call.Open(ctx)
	if err != nil {
		return command.Answer{}, err
	}
	pipeline := command.Value[string](call, "pipeline")
	until := call.Clock.Now().Add(command.Value[time.Duration](call, "timeout"))
	number, steps, silent := 0, []string{}, 0
	var s release.Status
	for {
		now, r, err := lookAt(ctx, d, number, pipeline)
		switch {
		case err == nil:
			s, number, silent = now.Status, now.number, 0
			if step := line(s); len(steps) == 0 || steps[len(steps)-1] != step {
				steps = append(steps, step)
				call.Progress(step)
				call.Progress("")
			}
		case len(steps) == 0 || silent+1 >= waitSilent:
			return command.Answer{}, err
		default:
			silent++
		}
		if r != nil {
			text := line(release.Status{Current: *r}) + "\n"
			return command.Answer{JSON: map[string]any{"release": r, "steps": steps}, Text: text, Unwell: r.Outcome != release.Live}, nil
		}
		if !call.Clock.Now().Before(until) {
			return command.Answer{JSON: map[string]any{"release": nil, "steps": steps}, Text: "it has not ended in time: " + line(s) + "\n", Unwell: true}, nil
		}
		select {
		case <-ctx.Done():
			return command.Answer{}, ctx.Err()
		case <-call.Clock.After(waitEvery):
		}
	}
}

// sight is what one look shows: the status, and the number of the release that is waited for; 0 while it was not seen.
type sight struct {
	release.Status
	number int
}

// lookAt looks once, and returns the release that is waited for where it has ended.
func lookAt(ctx context.Context, d command.Deployed, number int, pipeline string) (sight, *release.Record, error) {
	s, err := statusOf(ctx, d)
	if err != nil {
		return sight{}, nil, err
	}
	if !s.Pending && number == 0 && (pipeline == "" || s.Current.Pipeline == pipeline) {
		number = s.Current.Number
	}
	r, err := ended(ctx, d, s, number, pipeline)
	return sight{s, number}, r, err
}

// ended is the release that is waited for, where it has ended; nil where it has not, or was not seen yet.
func ended(ctx context.Context, d command.Deployed, s release.Status, number int, pipeline string) (*release.Record, error) {
	if number > 0 && number == s.Current.Number {
		if s.Phase != release.Done {
			return nil, nil
		}
		return &s.Current, nil
	}
	if number == 0 && (pipeline == "" || s.Pending) {
		return nil, nil
	}
	// Another has begun since, maybe before it was seen at all.
	a, err := ask(ctx, d, release.Request{Action: release.ActionHistory, Last: 100})
	if err != nil {
		return nil, err
	}
	for _, r := range a.Releases {
		if r.Outcome != release.Running && (r.Number == number || number == 0 && r.Pipeline == pipeline) {
			return &r, nil
		}
	}
	return nil, nil
}
