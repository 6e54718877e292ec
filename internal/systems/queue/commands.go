package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

// pagesBucket is the key of the bucket that commands read.
const pagesBucket = "pages"

// Commands are what an operator of a waiting room needs beside the commands that
// every system has.
func Commands() []command.Command {
	return []command.Command{
		closeCommand(), openCommand(), pauseCommand(), rateCommand(), resumeCommand(), revokeCommand(), saleCommand(), ttlCommand(), unsetCommand(), verifyDrawCommand(), vipCommand(), windowsCommand(),
	}
}

// Facts are the published status of each sale at a glance.
func Facts(ctx context.Context, d command.Deployed, now time.Time) ([]command.Fact, error) {
	keys, err := d.Objects(ctx, pagesBucket, strings.TrimSuffix(statusObjects, "*"))
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return []command.Fact{{Name: "sales", Value: "no status yet: the keeper writes it within a minute"}}, nil
	}
	var facts []command.Fact
	for _, key := range keys {
		s, err := statusOf(ctx, d, key)
		if err != nil {
			return nil, err
		}
		facts = append(facts, command.Fact{Name: "sale " + s.Sale, Value: fmt.Sprintf("%s, %d waiting, %d of %d windows open, %.2f called a second, %s ago",
			s.State, s.Waiting, s.Open, s.Windows, s.PaceNow, max(0, now.Sub(time.UnixMilli(s.At))).Round(time.Second))})
	}
	return facts, nil
}

func statusOf(ctx context.Context, d command.Deployed, key string) (s queue.Status, err error) {
	text, err := d.Object(ctx, pagesBucket, key)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("read %s: %w", key, err)
	}
	return s, nil
}

// ofSale is the flag by which each command names a sale.
var ofSale = command.Flag{Name: "sale", Usage: "the sale's id; by default the first, which has the system's name", Default: ""}

func saleOf(call *command.Call) string {
	if id := command.Value[string](call, ofSale.Name); id != "" {
		return id
	}
	return call.Name
}

// control changes a sale in the name of whoever runs the command.
func control(ctx context.Context, call *command.Call, request queue.ControlRequest) (command.Answer, error) {
	d, err := call.Open(ctx)
	if err != nil {
		return command.Answer{}, err
	}
	request.Sale = saleOf(call)
	if request.By, err = d.Caller(ctx); err != nil {
		return command.Answer{}, err
	}
	var c queue.Controlling
	if err := d.Invoke(ctx, "control", request, &c); err != nil {
		return command.Answer{}, err
	}
	return command.Answer{JSON: c, Text: controlText(c)}, nil
}

// controlText shows what is in force, and what operators have changed of it.
func controlText(c queue.Controlling) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is %s\n", c.Sale, c.State)
	in, was := c.InForce, c.Configured
	for _, line := range []struct{ name, argument, now, configured string }{
		{"opens at", "opens_at", clock(in.OpensAt), clock(was.OpensAt)},
		{"closes at", "closes_at", clock(in.ClosesAt), clock(was.ClosesAt)},
		{"paused", "paused", strconv.FormatBool(in.Paused), strconv.FormatBool(was.Paused)},
		{"windows", "windows", strconv.Itoa(in.Windows), strconv.Itoa(was.Windows)},
		{"called a second", "rate", rate(in.Rate), rate(was.Rate)},
		{"window lasts", "window_ttl", seconds(in.WindowTTL), seconds(was.WindowTTL)},
		{"to be taken within", "claim_ttl", seconds(in.ClaimTTL), seconds(was.ClaimTTL)},
	} {
		fmt.Fprintf(&b, "  %-19s %s", line.name, line.now)
		if slices.Contains(c.Overridden, line.argument) {
			fmt.Fprintf(&b, "  instead of %s", line.configured)
		}
		b.WriteString("\n")
	}
	if len(c.Overridden) > 0 {
		fmt.Fprintf(&b, "changed by %s at %s; an apply leaves it, and unset takes it back\n", c.By, c.At)
	}
	return b.String()
}

func clock(ms int64) string  { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
func seconds(n int64) string { return (time.Duration(n) * time.Second).String() }
func rate(r float64) string {
	if r == 0 {
		return "as windows are free"
	}
	return strconv.FormatFloat(r, 'g', -1, 64)
}

// plain is a command that changes a sale without a value.
func plain(name, action, short, long string) command.Command {
	return command.Command{
		Name: name, Short: short, Long: long, Example: "  terraform-provider-serverless " + name + " queue arena", Flags: []command.Flag{ofSale},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			return control(ctx, call, queue.ControlRequest{Action: action})
		},
	}
}

func pauseCommand() command.Command {
	return plain("pause", queue.ControlPause, "Call nobody more in a waiting room",
		"Within five seconds nobody is called any more. Fans join, take windows, keep them and buy as always. No apply takes it back, but one that changes paused.")
}

func resumeCommand() command.Command {
	return plain("resume", queue.ControlResume, "Call fans again in a waiting room", "Within five seconds fans are called again. Also where the argument paused is true, until that changes.")
}

func saleCommand() command.Command {
	return command.Command{
		Name: "sale", Short: "Show a sale of a waiting room, with what operators have changed of it",
		Long: "Shows what is in force of a sale: its state, times, windows and rate, and what was configured instead. It changes nothing.", Example: "  terraform-provider-serverless sale queue arena --sale semi",
		Flags: []command.Flag{ofSale},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			return control(ctx, call, queue.ControlRequest{Action: queue.ControlShow})
		},
	}
}

func unsetCommand() command.Command {
	return plain("unset", queue.ControlClear, "Go back to what is configured of a sale", "Takes back all that operators have changed of a sale: pause, rate, windows, times. Within five seconds what is configured is in force. A sale that was opened before its time stays open.")
}

// valued is a command that sets one value, its argument.
func valued(name, short, long, example string, set func(r *queue.ControlRequest, value string) error) command.Command {
	return command.Command{
		Name: name, Short: short, Long: long + " In force within five seconds; no apply takes it back, but one that changes the argument.", Example: example, Argument: "value", Flags: []command.Flag{ofSale},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			if call.Argument == "" {
				return command.Answer{}, command.Usage("give the value: %s", strings.TrimSpace(example))
			}
			request := queue.ControlRequest{Action: queue.ControlSet}
			if err := set(&request, call.Argument); err != nil {
				return command.Answer{}, command.Usage("%s", err)
			}
			return control(ctx, call, request)
		},
	}
}

func rateCommand() command.Command {
	return valued("rate", "Change how many fans a waiting room calls a second", "Calls at most so many fans a second; 0 for as many as there are windows free.",
		"  terraform-provider-serverless rate queue arena 2.5", func(r *queue.ControlRequest, value string) error {
			rate, err := strconv.ParseFloat(value, 64)
			if err != nil || !(rate >= 0 && rate <= maxWindows) { // It may be no number at all, which nothing is equal to.
				return fmt.Errorf("%q is no rate: give 0 to %d, such as 2.5", value, maxWindows)
			}
			r.Rate = &rate
			return nil
		})
}

func windowsCommand() command.Command {
	return valued("windows", "Change how many windows a waiting room has", "Lets so many fans be in the shop at the same time. Fewer than before let the last windows run out: nobody is sent away.",
		"  terraform-provider-serverless windows queue arena 80", func(r *queue.ControlRequest, value string) error {
			windows, err := strconv.Atoi(value)
			if err != nil || windows < 0 || windows > maxWindows {
				return fmt.Errorf("%q is no number of windows: give 0 to %d", value, maxWindows)
			}
			r.Windows = &windows
			return nil
		})
}

func ttlCommand() command.Command {
	return command.Command{
		Name: "ttl", Short: "Change how long fans have a window, or have to take it",
		Long:    "Changes how long a window lasts from when it is taken, how long a called fan has to take it, or both. Windows that are open keep the time that they have. In force within five seconds.",
		Example: "  terraform-provider-serverless ttl queue arena --window 8m --claim 2m",
		Flags: []command.Flag{
			{Name: "window", Usage: "how long a window lasts, in whole seconds", Default: time.Duration(0)},
			{Name: "claim", Usage: "how long a called fan has to take it, in whole seconds", Default: time.Duration(0)}, ofSale,
		},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			request := queue.ControlRequest{Action: queue.ControlSet}
			for flag, into := range map[string]**int64{"window": &request.WindowTTL, "claim": &request.ClaimTTL} {
				if !call.Given[flag] {
					continue
				}
				n, err := secondsOf(call, flag)
				if err != nil {
					return command.Answer{}, err
				}
				*into = &n
			}
			if request.WindowTTL == nil && request.ClaimTTL == nil {
				return command.Answer{}, command.Usage("give --window, --claim or both")
			}
			return control(ctx, call, request)
		},
	}
}

// secondsOf is the value of a flag in seconds.
func secondsOf(call *command.Call, flag string) (int64, error) {
	d := command.Value[time.Duration](call, flag)
	if d <= 0 || d%time.Second != 0 {
		return 0, command.Usage("--%s: %s is not a number of whole seconds; give one such as 90s or 8m", flag, d)
	}
	return int64(d / time.Second), nil
}

// momentOf is the value of a flag, a time; empty where it was not given.
func momentOf(call *command.Call, flag string) (string, error) {
	at := command.Value[string](call, flag)
	if _, err := time.Parse(time.RFC3339, at); at != "" && err != nil {
		return "", command.Usage("--%s: %q is no RFC 3339 time; give one such as 2027-05-22T10:05:00+02:00", flag, at)
	}
	return at, nil
}

// moved is a command that moves the opening or the closing of a sale.
func moved(name, short, long string, set func(r *queue.ControlRequest, at string)) command.Command {
	return command.Command{
		Name: name, Short: short, Long: long + " No apply takes it back, but one that changes the argument.", Example: "  terraform-provider-serverless " + name + " queue arena\n  terraform-provider-serverless " + name + " queue arena --at 2027-05-22T10:05:00+02:00",
		Flags: []command.Flag{{Name: "at", Usage: "when, RFC 3339; by default now", Default: ""}, ofSale},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			at, err := momentOf(call, "at")
			if err != nil {
				return command.Answer{}, err
			}
			if at == "" {
				at = call.Clock.Now().UTC().Format(time.RFC3339)
			}
			request := queue.ControlRequest{Action: queue.ControlSet}
			set(&request, at)
			return control(ctx, call, request)
		},
	}
}

func openCommand() command.Command {
	return moved("open", "Open a sale now, or at another time than configured", "Opens a sale sooner or later than configured. A sale that has opened cannot be sent back to before its opening: pause it.",
		func(r *queue.ControlRequest, at string) { r.OpensAt = at })
}

func closeCommand() command.Command {
	return moved("close", "Close a sale now, or at another time than configured", "From then on nobody joins and nobody is called. Windows that are open run to their end.",
		func(r *queue.ControlRequest, at string) { r.ClosesAt = at })
}

// errNoDraw says that a sale has drawn nobody.
func errNoDraw(sale string, err error) error {
	if errors.Is(err, command.ErrNoObject) {
		return fmt.Errorf("the sale %s has published no draw: it has no pre-queue that is shuffled, or has not opened yet", sale)
	}
	return err
}
