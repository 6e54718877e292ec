package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

func vipCommand() command.Command {
	return command.Command{
		Name: "vip", Short: "Make a pass for somebody who need not wait", Argument: "bearer",
		Long: `Makes a bypass pass for press, wheelchair seats or artists' guests: a name of letters, digits, dots, dashes and underscores, and a time of at most a week. It takes no window, and is counted apart.
Whoever has it goes to the shop. With its id it can be revoked, for services that ask the waiting room.`,
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
			return command.Answer{JSON: b, Text: fmt.Sprintf("%s may go to %s\nfrom %s until %s, by the pass %s\n", b.Bearer, b.PurchaseURL, b.From, b.Until, b.ID)}, nil
		},
	}
}

func revokeCommand() command.Command {
	return command.Command{
		Name: "revoke", Short: "Take back a fan's place, window and passes, or a bypass pass", Argument: "fan",
		Long: `Ends a fan's wait, or frees the window, which the next fan is called to. From then on the waiting room refuses to redeem, renew or release the fan's passes. The fan is known by the id that passes have as their subject.
Whoever checks passes by their signature alone, such as an API's authorizer, a function at the edge or the verifier without Redeem, does not ask the waiting room, and takes one that is out until it is over: the answer says until when. To refuse all of them, go on by two keys (token.key_generation).
A fan can join again, for a new place at the end. Where fans join by codes or tokens, take away theirs too.`,
		Example: "  terraform-provider-serverless revoke queue arena 2hX0YbqkmJ5dWn1RZt7cPA\n  terraform-provider-serverless revoke queue arena --pass kq3wB0t4cYv1m9Zr8QeJxg",
		Flags:   []command.Flag{{Name: "pass", Usage: "id of a bypass pass, as vip tells it, instead of a fan", Default: ""}, ofSale},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			request := queue.RevokeRequest{Sale: saleOf(call), Fan: call.Argument, Pass: command.Value[string](call, "pass")}
			if (request.Fan == "") == (request.Pass == "") {
				return command.Answer{}, command.Usage("give the id of a fan, or --pass with that of a bypass pass")
			}
			d, err := call.Open(ctx)
			if err != nil {
				return command.Answer{}, err
			}
			if request.By, err = d.Caller(ctx); err != nil {
				return command.Answer{}, err
			}
			var r queue.Revocation
			if err := d.Invoke(ctx, "revoke", request, &r); err != nil {
				return command.Answer{}, err
			}
			return command.Answer{JSON: r, Text: revokedText(r)}, nil
		},
	}
}

// revokedText says what was taken back, and who takes the passes nevertheless.
func revokedText(r queue.Revocation) string {
	who, stays := "fan "+r.Fan, "it is over"
	if r.Pass != "" {
		who = "bypass pass " + r.Pass
	}
	text := fmt.Sprintf("%s is revoked; before: %s\n", who, r.Was)
	if !r.Revoked {
		text = fmt.Sprintf("nothing to take back of %s: %s\n", who, r.Was)
	}
	switch {
	case r.Until != "":
		stays = r.Until
	case r.Pass == "":
		return text // No pass is out.
	}
	return text + "whoever does not ask the waiting room takes the pass until " + stays + "\n"
}
