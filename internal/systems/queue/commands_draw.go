package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

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
		Long: `Makes the order of a draw again: from the closed list, the secret whose sum was published before it, and the beacon's round, whose signature is checked by the chain's key. It says whether all fits, and with --fan which place somebody drew.
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
			} else {
				text += fmt.Sprintf("round %d, as the beacon's chain %s signed it, took part: nobody knew it when the list was closed\n", checked.Round, checked.Chain)
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
