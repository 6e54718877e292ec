package votingwindow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

// Keys of the parts that commands work on.
const (
	resultsBucket = "results"     // Of the page and the figures.
	recordsBucket = "records"     // Of the exports.
	votesQueue    = "votes"       // Where votes wait.
	signingKey    = "signing-key" // Of the exports.
)

// Commands are what an operator of a voting window needs beside the commands that
// every system has.
func Commands() []command.Command {
	return []command.Command{
		closeCommand(), exportCommand(), extendCommand(), quarantineCommand(), recountCommand(), rehearseCommand(), releaseCommand(), resetCommand(),
		revokeCommand(), ticketCommand(), verifyCommand(),
	}
}

// Facts are the published results at a glance.
func Facts(ctx context.Context, d command.Deployed, now time.Time) ([]command.Fact, error) {
	object, err := d.Object(ctx, resultsBucket, votingwindow.ResultsObject)
	if errors.Is(err, command.ErrNoObject) {
		return []command.Fact{{Name: "results", Value: "none yet: the publisher writes them within a minute"}}, nil
	}
	if err != nil {
		return nil, err
	}
	r := votingwindow.ReadResults(object)
	asOf, err := time.Parse(time.RFC3339Nano, r.AsOf)
	if err != nil {
		return nil, fmt.Errorf("read %s: it has no time: %w", votingwindow.ResultsObject, err)
	}
	figures := "figures kept back until they are final"
	if r.Questions != nil {
		figures = fmt.Sprintf("%d votes", r.Total)
	}
	return []command.Fact{
		{Name: "results", Value: fmt.Sprintf("%s, %s, version %d of %s ago", r.Status, figures, r.Version, max(0, now.Sub(asOf)).Round(time.Second))},
		{Name: "closes at", Value: r.ClosesAt},
	}, nil
}

// invoke calls a function of the window.
func invoke[T any](ctx context.Context, call *command.Call, function string, event any) (answer T, err error) {
	d, err := call.Open(ctx)
	if err != nil {
		return answer, err
	}
	return answer, d.Invoke(ctx, function, event, &answer)
}

func recountCommand() command.Command {
	return command.Command{
		Name: "recount", Short: "Count a voting window's ballots again and compare them with what was published",
		Long: `Counts ballots and ledger again, strongly consistent, at any time, and sets the figures beside those that were published: the final ones, or while the window is live the recorders' own, which may lag.
It changes nothing. The exit code is 3 where the figures do not agree.`,
		Example: "  terraform-provider-serverless recount voting_window tv-final",
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			r, err := invoke[votingwindow.Recounted](ctx, call, "recount", struct{}{})
			if err != nil {
				return command.Answer{}, err
			}
			return command.Answer{JSON: r, Text: recountText(r), Unwell: !r.Agrees}, nil
		},
	}
}

func recountText(r votingwindow.Recounted) string {
	verdict, beside := "the published figures agree", "PUBLISHED"
	switch {
	case r.Status != votingwindow.StatusFinal && r.Agrees:
		// Recorders keep what they counted last until they are called again; the
		// publisher makes up for it by counts of its own.
		verdict, beside = "no counter of the recorders is above it", "COUNTERS"
	case r.Status != votingwindow.StatusFinal:
		verdict, beside = "COUNTERS OF THE RECORDERS ARE ABOVE IT", "COUNTERS"
	case !r.Agrees:
		verdict = "THE PUBLISHED FIGURES DO NOT AGREE"
	}
	return fmt.Sprintf("%s, counted at %s: %s\n", r.Status, r.AsOf, verdict) + command.Table(func(row func(...any)) {
		row("", "COUNTED", beside)
		choices := maps.Clone(r.Answers)
		maps.Copy(choices, r.Published.Answers)
		for _, choice := range slices.Sorted(maps.Keys(choices)) {
			row(choice, r.Answers[choice], r.Published.Answers[choice])
		}
		p := r.Published
		row("counted", r.Counted, p.Counted)
		row("quarantined", r.Quarantined, p.Quarantined)
		row("duplicate", r.Duplicate, p.Duplicate)
		row("replaced", r.Replaced, p.Replaced)
		row("late", r.Late, p.Late)
		row("rejected", r.Rejected, p.Rejected)
		row("accepted", r.Accepted, p.Accepted)
	})
}

func quarantineCommand() command.Command {
	return command.Command{
		Name: "quarantine", Short: "List the ballots that a voting window holds back as suspicious",
		Long: `Lists the ballots in quarantine by rule, address and minute, the largest group first. They are in the tables and in no figure until somebody releases them.
An address is shown hashed. It changes nothing.`,
		Example: "  terraform-provider-serverless quarantine voting_window tv-final",
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			q, err := invoke[votingwindow.Quarantining](ctx, call, "quarantine", votingwindow.QuarantineRequest{Action: "list"})
			if err != nil {
				return command.Answer{}, err
			}
			text := fmt.Sprintf("ballots in quarantine: %d\n", q.Total)
			if len(q.Groups) > 0 {
				text += command.Table(func(row func(...any)) {
					row("BALLOTS", "RULE", "MINUTE", "ADDRESS")
					for _, g := range q.Groups {
						address := g.Address
						if address == "" {
							address = "-"
						}
						row(g.Count, g.Rule, g.Minute, address)
					}
				})
			}
			if q.Truncated {
				text += "there are more groups\n"
			}
			return command.Answer{JSON: q, Text: text}, nil
		},
	}
}

func releaseCommand() command.Command {
	return command.Command{
		Name: "release", Short: "Count ballots of a voting window that were held back as suspicious",
		Long: `Takes ballots out of quarantine: those of one rule, of one address or of all. They count from then on. Where the figures were final already, they are counted and published again within two minutes.
There is no way back. Should it be interrupted, run it again: it goes on.`,
		Example: `  terraform-provider-serverless release voting_window tv-final --rule rate --address 5MZvAIOUbio_yLHC
  terraform-provider-serverless release voting_window tv-final --rule pattern`,
		Flags: []command.Flag{
			{Name: "rule", Usage: "the rule that holds them: " + votingwindow.RulePattern + " or " + votingwindow.RuleRate, Default: ""},
			{Name: "address", Usage: "only those of this hashed address, as quarantine lists it", Default: ""},
		},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			request := votingwindow.QuarantineRequest{Action: "release", Rule: command.Value[string](call, "rule"), Address: command.Value[string](call, "address")}
			if request.Rule != votingwindow.RulePattern && request.Rule != votingwindow.RuleRate {
				return command.Answer{}, command.Usage("--rule: %q is no rule; give %s or %s", request.Rule, votingwindow.RulePattern, votingwindow.RuleRate)
			}
			if call.Given["address"] && request.Address == "" {
				return command.Answer{}, command.Usage("--address is empty; leave it out to release those of all addresses")
			}
			q, err := invoke[votingwindow.Quarantining](ctx, call, "quarantine", request)
			if err != nil {
				return command.Answer{}, err
			}
			text := fmt.Sprintf("ballots released: %d\n", q.Total)
			if q.Recount {
				text += "the figures were final: they are counted and published again, and exported with the next export\n"
			}
			return command.Answer{JSON: q, Text: text}, nil
		},
	}
}

func resetCommand() command.Command {
	return command.Command{
		Name: "reset", Short: "Remove what a rehearsal has left in a voting window",
		Long:    "Removes the ballots, the ledger's entries and the counters of a rehearsal, and nothing else. It is refused while the window is open or in its grace. Should it be interrupted, run it again.",
		Example: "  terraform-provider-serverless reset voting_window tv-final",
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			r, err := invoke[votingwindow.Removed](ctx, call, "reset", struct{}{})
			if err != nil {
				return command.Answer{}, err
			}
			return command.Answer{JSON: r, Text: fmt.Sprintf("removed %d ballots, %d entries of the ledger, %d counters\n", r.Ballots, r.Entries, r.Counters)}, nil
		},
	}
}

func exportCommand() command.Command {
	return command.Command{
		Name: "export", Short: "Write the signed export of a voting window again",
		Long: `Writes ballots, ledger and results with a signed manifest to the bucket of the records, as it happens by itself when the figures are final. The same figures give the same files.
It is refused before the figures are final, but for --provisional, which writes what there is beside the final export.`,
		Example: "  terraform-provider-serverless export voting_window tv-final",
		Flags:   []command.Flag{{Name: "provisional", Usage: "export what there is, though the figures are not final", Default: false}},
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			e, err := invoke[votingwindow.Exported](ctx, call, "export", struct {
				Provisional bool `json:"provisional,omitempty"`
			}{command.Value[bool](call, "provisional")})
			if err != nil {
				return command.Answer{}, err
			}
			text := fmt.Sprintf("exported to %s (%s, signature %s)\n", e.Prefix, e.Status, e.Signature)
			if e.ExportCounts != nil {
				text += fmt.Sprintf("accepted %d: counted %d, quarantined %d, duplicate %d, replaced %d, late %d, rejected %d\n",
					e.Accepted, e.Counted, e.Quarantined, e.Duplicate, e.Replaced, e.Late, e.Rejected)
			}
			return command.Answer{JSON: e, Text: text}, nil
		},
	}
}

func revokeCommand() command.Command {
	return command.Command{
		Name: "revoke", Short: "Refuse all credentials of a voting window that were published before now",
		Long: `For a window whose voters send to SQS themselves by published credentials: refuses all that were issued before now and publishes new ones. It takes some ten seconds, and until AWS has it everywhere up to a few minutes.
Pages fetch the new credentials within a minute and send refused votes again.`,
		Example: "  terraform-provider-serverless revoke voting_window tv-final",
		Run: func(ctx context.Context, call *command.Call) (command.Answer, error) {
			d, err := call.Open(ctx)
			if err != nil {
				return command.Answer{}, err
			}
			if _, found := d.Part("credentials"); !found {
				return command.Answer{}, fmt.Errorf("voting_window %q publishes no credentials that could be revoked: only one with direct intake and published credentials does", call.Name)
			}
			var c votingwindow.CredentialsAnswer
			if err := d.Invoke(ctx, "credentials", json.RawMessage(`{"revoke":true}`), &c); err != nil {
				return command.Answer{}, err
			}
			text := fmt.Sprintf("credentials issued before %s are refused\n", c.RevokedBefore)
			if c.Did == votingwindow.CredentialsIssued {
				text += fmt.Sprintf("new ones are published, good until %s\n", c.ExpiresAt)
			} else {
				text += "no new ones are published: the window is not open\n"
			}
			return command.Answer{JSON: c, Text: text}, nil
		},
	}
}
