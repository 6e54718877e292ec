package configitems

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/configitems/history"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

// Commands are what an operator of a configuration needs beside the commands that every system has.
func Commands() []command.Command {
	return []command.Command{getCommand(), historyCommand(), setCommand(), unsetCommand()}
}

// Facts say how many items there are and which are overridden.
func Facts(ctx context.Context, d command.Deployed, _ time.Time) ([]command.Fact, error) {
	var a history.Answer
	if err := d.Invoke(ctx, "control", history.Request{Action: history.ActionGet}, &a); err != nil {
		return nil, err
	}
	var overridden []string
	read := 0
	for _, i := range a.Items {
		if i.Overridden {
			overridden = append(overridden, i.Key)
		}
		if len(i.Readers) > 0 {
			read++
		}
	}
	facts := []command.Fact{{Name: "items", Value: fmt.Sprintf("%d, %d of them read within a day", len(a.Items), read)}}
	if len(overridden) > 0 {
		facts = append(facts, command.Fact{Name: "overridden", Value: strings.Join(overridden, ", ")})
	}
	return facts, nil
}

// ask calls control.
func ask(ctx context.Context, call *command.Call, r history.Request) (a history.Answer, err error) {
	d, err := call.Open(ctx)
	if err != nil {
		return a, err
	}
	if r.Action == history.ActionSet || r.Action == history.ActionUnset {
		if r.By, err = d.Caller(ctx); err != nil {
			return a, err
		}
	}
	return a, d.Invoke(ctx, "control", r, &a)
}

// present answers with items.
func present(a history.Answer) command.Answer {
	text := command.Table(func(row func(cells ...any)) {
		row("KEY", "TYPE", "VALUE", "INSTEAD OF", "BY", "AT", "READERS")
		for _, i := range a.Items {
			if i.Fault != "" {
				row(i.Key, "", i.Fault)
				continue
			}
			insteadOf := ""
			if i.Overridden {
				insteadOf = i.Configured
			}
			row(i.Key, i.Type, line(i.Value), line(insteadOf), i.By, i.At, strings.Join(i.Readers, " "))
		}
	})
	return command.Answer{JSON: a.Items, Text: text}
}

// line is a value on one line, cut where it is long.
func line(text string) string {
	const most = 60
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

func getCommand() command.Command {
	return command.Command{
		Name: "get", Short: "Show the items of a configuration as they are in force",
		Long:     "Shows one item or all: the value in force, the configured one where an operator has overridden it, and which functions have read it within 24 hours. Of a secret it shows the reference. It changes nothing.",
		Example:  "  terraform-provider-serverless get config presale-dev\n  terraform-provider-serverless get config presale-dev windows",
		Argument: "KEY",
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			a, err := ask(ctx, call, history.Request{Action: history.ActionGet, Key: call.Argument})
			if err != nil {
				return command.Answer{}, err
			}
			return present(a), nil
		},
	}
}

func setCommand() command.Command {
	return command.Command{
		Name: "set", Short: "Override an item of a configuration",
		Long: `Sets the value in force of an item that has operator = true. Functions have it within seconds, at most ten.
No apply takes it back until the item's value in Terraform itself changes: plans show it under overrides. A schema of the item, or of all, must hold.`,
		Example:  "  terraform-provider-serverless set config presale-dev windows --to 80",
		Argument: "KEY",
		Flags:    []command.Flag{{Name: "to", Usage: "the value: a text, a number, true or false, JSON, or the ARN of a secret, as the item's type is", Default: ""}},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			if call.Argument == "" || !call.Given["to"] {
				return command.Answer{}, command.Usage("say which item, and what to set it to: set config %s KEY --to VALUE", call.Name)
			}
			a, err := ask(ctx, call, history.Request{Action: history.ActionSet, Key: call.Argument, Value: command.Value[string](call, "to")})
			if err != nil {
				return command.Answer{}, err
			}
			return present(a), nil
		},
	}
}

func unsetCommand() command.Command {
	return command.Command{
		Name: "unset", Short: "Give up an override of an item of a configuration",
		Long:     "Puts the configured value of an item in force again. Where nothing was set, it changes nothing.",
		Example:  "  terraform-provider-serverless unset config presale-dev windows",
		Argument: "KEY",
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			if call.Argument == "" {
				return command.Answer{}, command.Usage("say which item: unset config %s KEY", call.Name)
			}
			a, err := ask(ctx, call, history.Request{Action: history.ActionUnset, Key: call.Argument})
			if err != nil {
				return command.Answer{}, err
			}
			return present(a), nil
		},
	}
}

func historyCommand() command.Command {
	return command.Command{
		Name: "history", Short: "Show what has changed in a configuration",
		Long: `Shows the changes of one item or of all, the newest first: when, what, the value before and after, and who. DynamoDB's streams tell the time to the second.
Who took an item away is not known here; CloudTrail knows.`,
		Example:  "  terraform-provider-serverless history config presale-dev\n  terraform-provider-serverless history config presale-dev windows --last 5",
		Argument: "KEY",
		Flags:    []command.Flag{{Name: "last", Usage: "how many changes", Default: 20}},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			last := command.Value[int](call, "last")
			if last < 1 || last > 1000 {
				return command.Answer{}, command.Usage("--last: %d is not between 1 and 1000", last)
			}
			a, err := ask(ctx, call, history.Request{Action: history.ActionHistory, Key: call.Argument, Last: last})
			if err != nil {
				return command.Answer{}, err
			}
			text := command.Table(func(row func(cells ...any)) {
				row("AT", "KEY", "WHAT", "OLD", "NEW", "BY")
				for _, e := range a.Entries {
					row(e.When(), e.Key, e.What, line(e.Old), line(e.New), e.By)
				}
			})
			return command.Answer{JSON: a.Entries, Text: text}, nil
		},
	}
}
