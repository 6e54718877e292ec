package votingwindow

import (
	"context"
	"fmt"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

// defaultClose is how long before it closes everybody learns that a window does:
// twice what the recorders need.
const defaultClose = 2 * votingwindow.ControlLead

func closeCommand() command.Command {
	return command.Command{
		Name: "close", Short: "Let a voting window close sooner than configured",
		Long: `Lets an open window close in some seconds. Votes that SQS takes from then on are late; those before count. No apply takes it back, but one that changes closes_at.
It must be at least 15 seconds ahead, which every recorder needs to learn of it. The new closing time is public at once: pages count down to it.`,
		Example: `  terraform-provider-serverless close voting_window tv-final
  terraform-provider-serverless close voting_window tv-final --in 2m`,
		Flags: []command.Flag{{Name: "in", Usage: "how long from now, in whole seconds", Default: defaultClose}},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			seconds, err := wholeSeconds("in", command.Value[time.Duration](call, "in"))
			if err != nil {
				return command.Answer{}, err
			}
			return control(ctx, call, votingwindow.ControlRequest{Action: votingwindow.ControlClose, InSeconds: seconds})
		},
	}
}

func extendCommand() command.Command {
	return command.Command{
		Name: "extend", Short: "Let a voting window close later than it would",
		Long: `Lets a window that has not closed yet close later: at a time, or by so much later than it would close now. At most seven days after the configured time; up to 15 seconds before it closes.
No apply takes it back, but one that changes closes_at. With --clear the configured time is in force again, where it is still ahead.`,
		Example: `  terraform-provider-serverless extend voting_window tv-final --by 5m
  terraform-provider-serverless extend voting_window tv-final --to 2027-05-22T20:30:00+02:00
  terraform-provider-serverless extend voting_window tv-final --clear`,
		Flags: []command.Flag{
			{Name: "by", Usage: "how much later, in whole seconds", Default: time.Duration(0)},
			{Name: "to", Usage: "the new closing time, RFC 3339", Default: ""},
			{Name: "clear", Usage: "go back to the configured closing time", Default: false},
		},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			given := 0
			for _, flag := range []string{"by", "to", "clear"} {
				if call.Given[flag] {
					given++
				}
			}
			if given != 1 {
				return command.Answer{}, command.Usage("give one of --by, --to and --clear")
			}
			request := votingwindow.ControlRequest{Action: votingwindow.ControlExtend, To: command.Value[string](call, "to")}
			switch {
			case call.Given["clear"]:
				request.Action = votingwindow.ControlClear
			case call.Given["to"]:
				if _, err := time.Parse(time.RFC3339Nano, request.To); err != nil {
					return command.Answer{}, command.Usage("--to: %q is no RFC 3339 time; give one such as 2027-05-22T20:30:00+02:00", request.To)
				}
			default:
				var err error
				if request.BySeconds, err = wholeSeconds("by", command.Value[time.Duration](call, "by")); err != nil {
					return command.Answer{}, err
				}
			}
			return control(ctx, call, request)
		},
	}
}

func wholeSeconds(flag string, d time.Duration) (int64, error) {
	if d <= 0 || d%time.Second != 0 {
		return 0, command.Usage("--%s: %s is not a number of whole seconds; give one such as 30s or 5m", flag, d)
	}
	return int64(d / time.Second), nil
}

// control moves the closing time in the name of whoever runs the command.
func control(ctx context.Context, call *command.Call, request votingwindow.ControlRequest) (command.Answer, error) {
	d, err := call.Open(ctx)
	if err != nil {
		return command.Answer{}, err
	}
	if request.By, err = d.Caller(ctx); err != nil {
		return command.Answer{}, err
	}
	var c votingwindow.Controlling
	if err := d.Invoke(ctx, "control", request, &c); err != nil {
		return command.Answer{}, err
	}
	text := fmt.Sprintf("%s closes at %s, as configured\n", call.Name, c.ClosesAt)
	if c.Overridden {
		text = fmt.Sprintf("%s closes at %s instead of %s, by %s at %s\n", call.Name, c.ClosesAt, c.Configured, c.By, c.At)
	}
	return command.Answer{JSON: c, Text: text}, nil
}
