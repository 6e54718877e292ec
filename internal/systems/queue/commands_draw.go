package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/functions/queue/verifydraw"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

// drawing is the answer of verify-draw.
type drawing struct {
	verifydraw.Proof
	Fits bool `json:"fits"`
	// Wrong is what does not fit; empty where all does.
	Wrong string `json:"wrong,omitempty"`
	// Place is that of the fan who was asked for; 0 where nobody was, or where the
	// fan was not drawn.
	Fan   string `json:"fan,omitempty"`
	Place int    `json:"place,omitempty"`
}

func verifyDrawCommand() command.Command {
	return command.Command{
		Name: "verify-draw", Short: "Draw the places of a pre-queue again from what is public",
		Long: `Makes the order of a draw again: from the closed list, the secret whose sum was published before it, and the beacon's round. It says whether all fits, and with --fan which place somebody drew.
With --proof and --list it works offline, on files that were downloaded: anybody can do it. The exit code is 3 where something does not fit.`,
		Example: `  terraform-provider-serverless verify-draw queue arena
  terraform-provider-serverless verify-draw queue arena --proof arena.json --list arena.txt --fan 2hX0YbqkmJ5dWn1RZt7cPA`,
		Flags: []command.Flag{
			ofSale, {Name: "proof", Usage: "file with the proof, draw/SALE.json; offline", Default: ""},
			{Name: "list", Usage: "file with the closed list, draw/SALE.txt; offline", Default: ""}, {Name: "fan", Usage: "a fan's id, to show the place drawn", Default: ""},
		},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			proof, list, err := drawn(ctx, call)
			if err != nil {
				return command.Answer{}, err
			}
			checked, order, err := verifydraw.Verify(proof, list)
			answer := drawing{Proof: checked, Fits: err == nil, Fan: command.Value[string](call, "fan")}
			if err != nil {
				answer.Wrong = err.Error()
				return command.Answer{JSON: answer, Text: fmt.Sprintf("THE DRAW DOES NOT FIT:\n%s\n", err), Unwell: true}, nil
			}
			text := fmt.Sprintf("the draw of %s fits: %d places from seed %s\n", checked.Sale, len(order), checked.Seed)
			if checked.Randomness == "" {
				text += "no beacon took part: that the organiser did not choose the order is not proven\n"
			}
			if answer.Fan != "" {
				for i, fan := range order {
					if fan == answer.Fan {
						answer.Place = i + 1
					}
				}
				switch answer.Place {
				case 0:
					text += fmt.Sprintf("%s was not drawn\n", answer.Fan)
				default:
					text += fmt.Sprintf("%s drew place %d\n", answer.Fan, answer.Place)
				}
			}
			return command.Answer{JSON: answer, Text: text}, nil
		},
	}
}

// drawn are the two public documents of a draw, from files or from the bucket.
func drawn(ctx context.Context, call *command.Call) (proof, list []byte, err error) {
	if call.Given["proof"] != call.Given["list"] {
		return nil, nil, command.Usage("--proof and --list belong together")
	}
	if call.Given["proof"] {
		proof, err = readFile(command.Value[string](call, "proof"))
		if err == nil {
			list, err = readFile(command.Value[string](call, "list"))
		}
		return proof, list, err
	}
	d, err := call.Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	sale := saleOf(call)
	if proof, err = d.Object(ctx, pagesBucket, queue.ProofObject(sale)); err != nil {
		return nil, nil, errNoDraw(sale, err)
	}
	// The list has a line for each fan: it can be long.
	var text strings.Builder
	if err = d.Download(ctx, pagesBucket, queue.ListObject(sale), &text); err != nil {
		return nil, nil, errNoDraw(sale, err)
	}
	return proof, []byte(text.String()), nil
}

func readFile(name string) ([]byte, error) {
	text, err := os.ReadFile(name) //nolint:gosec // the user names it
	if errors.Is(err, fs.ErrNotExist) {
		return nil, command.Usage("there is no file %s", name)
	}
	return text, err
}

func vipCommand() command.Command {
	return command.Command{
		Name: "vip", Short: "Make a pass for somebody who need not wait", Argument: "bearer",
		Long: `Makes a bypass pass for press, wheelchair seats or artists' guests: a name of letters, digits, dots, dashes and underscores, and a time of at most a week. It takes no window, and is counted apart.
Whoever has it goes to the shop. Like every pass it cannot be taken back before it is over, but by leaving its key out.`,
		Example: "  terraform-provider-serverless vip queue arena press-7 --for 2h",
		Flags: []command.Flag{
			{Name: "for", Usage: "how long it is good, in whole seconds", Default: time.Hour}, {Name: "from", Usage: "from when on, RFC 3339; by default now", Default: ""}, ofSale,
		},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			if call.Argument == "" {
				return command.Answer{}, command.Usage("give a name for whoever gets the pass, such as press-7")
			}
			from, err := momentOf(call, "from")
			if err != nil {
				return command.Answer{}, err
			}
			lasts, err := secondsOf(call, "for")
			if err != nil {
				return command.Answer{}, err
			}
			d, err := call.Open(ctx)
			if err != nil {
				return command.Answer{}, err
			}
			request := queue.BypassRequest{Sale: saleOf(call), Bearer: call.Argument, From: from, Seconds: lasts}
			if request.By, err = d.Caller(ctx); err != nil {
				return command.Answer{}, err
			}
			var b queue.Bypassed
			if err := d.Invoke(ctx, "bypass", request, &b); err != nil {
				return command.Answer{}, err
			}
			return command.Answer{JSON: b, Text: fmt.Sprintf("%s may go to %s\nfrom %s until %s\n", b.Bearer, b.PurchaseURL, b.From, b.Until)}, nil
		},
	}
}
