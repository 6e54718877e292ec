package semanticmonitor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/semanticmonitor"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

// Commands are what an operator of a monitor needs beside the commands that every
// system has.
func Commands() []command.Command { return []command.Command{probeCommand()} }

// Facts are the totals, and the last probes.
func Facts(ctx context.Context, d command.Deployed, now time.Time) ([]command.Fact, error) {
	r, err := ask(ctx, d, semanticmonitor.ActionReport)
	if err != nil {
		return nil, err
	}
	facts := []command.Fact{{Name: "probes", Value: fmt.Sprintf("%d sent, %d in time, %d late, of these %d lost; %d on the way", r.Sent, r.Arrived, r.Late, r.Lost, r.InFlight)}}
	for i, o := range r.Last[:min(3, len(r.Last))] {
		name := "last probe"
		if i > 0 {
			name = "before it"
		}
		facts = append(facts, command.Fact{Name: name, Value: fmt.Sprintf("%s, sent %s ago", line(o), now.Sub(time.UnixMilli(o.Sent)).Round(time.Second))})
	}
	return facts, nil
}

// line is an outcome in words.
func line(o semanticmonitor.Outcome) string {
	took := (time.Duration(o.Took) * time.Millisecond).Round(10 * time.Millisecond)
	switch o.Result {
	case semanticmonitor.Arrived:
		return fmt.Sprintf("in time, after %s", took)
	case semanticmonitor.Came:
		return fmt.Sprintf("late, after %s", took)
	}
	words := []string{string(o.Result)}
	if o.Stage != "" {
		words = append(words, "it came as far as "+o.Stage)
	}
	if o.Reason != "" {
		words = append(words, o.Reason)
	}
	return strings.Join(words, ": ")
}

func ask(ctx context.Context, d command.Deployed, action string) (r semanticmonitor.Report, err error) {
	return r, d.Invoke(ctx, "probe", semanticmonitor.Request{Action: action}, &r)
}

func probeCommand() command.Command {
	return command.Command{
		Name: "probe", Short: "Send a probe now, and wait for it",
		Long:    "Sends one probe beside those of the schedule, and waits until it is out or late. It counts like any other. The exit code tells whether it came in time.",
		Example: "  terraform-provider-serverless probe semantic_monitor arena",
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			d, err := call.Open(ctx)
			if err != nil {
				return command.Answer{}, err
			}
			r, err := ask(ctx, d, semanticmonitor.ActionProbe)
			if err != nil {
				return command.Answer{}, err
			}
			for _, o := range r.Last {
				if o.ID == r.Probe {
					return command.Answer{JSON: o, Text: line(o), Unwell: o.Result != semanticmonitor.Arrived}, nil
				}
			}
			return command.Answer{JSON: r, Text: "the probe is still on the way; status tells later what became of it", Unwell: true}, nil
		},
	}
}
