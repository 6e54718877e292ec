// Package votingwindow is the resource serverless_voting_window: a vote that
// opens, closes and is counted exactly, however many people vote at once.
package votingwindow

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// System names the voting window wherever AWS or a user sees it.
var System = blueprint.System{Name: "voting_window", Slug: "vote"}

// Model is the resource's arguments and outputs.
type Model struct {
	composite.Common

	Question     types.String      `tfsdk:"question"`
	Answers      types.Map         `tfsdk:"answers"`
	OpensAt      timetypes.RFC3339 `tfsdk:"opens_at"`
	ClosesAt     timetypes.RFC3339 `tfsdk:"closes_at"`
	GraceSeconds types.Int64       `tfsdk:"grace_seconds"`
	VoterPattern types.String      `tfsdk:"voter_pattern"`
	Revote       types.String      `tfsdk:"revote"`
	ExpectedLoad types.Object      `tfsdk:"expected_load"`

	VoteURL            types.String `tfsdk:"vote_url"`
	ResultsURL         types.String `tfsdk:"results_url"`
	WindowURL          types.String `tfsdk:"window_url"`
	ResultsBucket      types.String `tfsdk:"results_bucket"`
	VotesQueueURL      types.String `tfsdk:"votes_queue_url"`
	VotesQueueARN      types.String `tfsdk:"votes_queue_arn"`
	DeadLetterQueueURL types.String `tfsdk:"dead_letter_queue_url"`
	DeadLetterQueueARN types.String `tfsdk:"dead_letter_queue_arn"`
	TableNames         types.Map    `tfsdk:"table_names"`
	TableARNs          types.Map    `tfsdk:"table_arns"`
	FunctionNames      types.Map    `tfsdk:"function_names"`
	FunctionARNs       types.Map    `tfsdk:"function_arns"`
	RoleARNs           types.Map    `tfsdk:"role_arns"`
}

// Resource returns serverless_voting_window.
func Resource() composite.Resource { return composite.New(Definition()) }

// Example returns arguments of a plain voting window, beside its name.
func Example() map[string]any {
	return map[string]any{
		"question":      "Who wins the final?",
		"answers":       map[string]any{"anna": "Anna and the Hurricanes", "bruno": "Bruno"},
		"opens_at":      "2027-05-22T20:15:00+02:00",
		"closes_at":     "2027-05-22T20:25:00+02:00",
		"voter_pattern": "[0-9]{8}",
	}
}

// Definition is what the generic resource needs to know of a voting window.
func Definition() composite.Definition[Model] {
	return composite.Definition[Model]{
		System:      System,
		Description: description,
		Attributes:  attributes(),
		Common:      func(m *Model) *composite.Common { return &m.Common },
		Validate:    validate,
		Blueprint:   describe,
		Forecast:    design,
	}
}

// Time-outs of the functions, and what follows from them.
const (
	intakeTimeout = 5 * time.Second
	// recorderTimeout leaves a batch of a hundred votes time for the attempts
	// that the SDK makes when a table throttles.
	recorderTimeout = 20 * time.Second
	// publisherTimeout spans two ticks of the schedule, which may fire anywhere
	// within their minute: one publisher is always there to take over.
	publisherTimeout = 125 * time.Second
	// recountTimeout is Lambda's greatest: a recount reads every ballot.
	recountTimeout = 15 * time.Minute
	publishEvery   = 5 * time.Second
	// visibilityFactor is AWS's advice for queues behind Lambda (Lambda
	// Developer Guide, "Configuring a queue to use with Lambda").
	visibilityFactor = 6
	// publishers lets the next one wait while the present one works. They are
	// reserved, so that results cannot freeze when votes use up the account's
	// concurrency.
	publishers = 2
	// oldestVote is the age in seconds at which waiting votes ring the alarm.
	oldestVote = 60
)

// describe is the voting window's blueprint:
//
//	voter → intake → votes → recorder → ballots, ledger, tallies → publisher → results
func describe(m *Model, b *blueprint.Builder) error {
	w, err := m.window()
	if err != nil {
		return err
	}
	base := votingwindow.Base{System: System.Name, Name: b.Settings().Name}

	deadLetters := b.Queue("dead-letters", blueprint.Queue{
		Visibility: visibilityFactor * b.Timeout("recorder", recorderTimeout), Data: true,
		// A vote keeps its id and the time when SQS took it: sent anew it would be late.
		Redrive: blueprint.RedriveConsume,
	})
	votes := b.Queue("votes", blueprint.Queue{
		Visibility: visibilityFactor * b.Timeout("recorder", recorderTimeout),
		DeadLetter: &deadLetters, MaxReceives: 5, Data: true,
	})
	ballots := b.Table("ballots", blueprint.Table{Key: votingwindow.BallotsKey, Data: true})
	ledger := b.Table("ledger", blueprint.Table{Key: votingwindow.LedgerKey, Data: true})
	tallies := b.Table("tallies", blueprint.Table{Key: votingwindow.TalliesKey})
	results := b.Bucket("results", blueprint.Bucket{
		PublicRead: []string{votingwindow.ResultsObject, votingwindow.WindowObject}, Origins: []string{"*"},
	})
	page, err := m.page(w)
	if err != nil {
		return err
	}
	b.Object("window", results, votingwindow.WindowObject, blueprint.Object{
		ContentType: "application/json", CacheControl: "max-age=5", Content: page,
	})

	intake := b.Function("intake", blueprint.Function{
		MemoryMB: 256, Timeout: intakeTimeout,
		Environment: config.Environ(votingwindow.IntakeConfig{
			Base: base, Window: w, Admission: m.admission(), QueueURL: votes.URL(), TalliesTable: tallies.Name(),
		}),
		Grants: [][]blueprint.Grant{votes.Send(), tallies.Get()},
	})
	url := b.PublicURL("intake-url", intake, []string{"POST"})

	recorder := b.Function("recorder", blueprint.Function{
		MemoryMB: 512, Timeout: recorderTimeout,
		Environment: config.Environ(votingwindow.RecorderConfig{
			Base: base, Window: w, Admission: m.admission(),
			BallotsTable: ballots.Name(), LedgerTable: ledger.Name(), TalliesTable: tallies.Name(), VoterKeyParameter: voterKeyPath + b.Settings().Name,
		}),
		Grants: [][]blueprint.Grant{votes.Consume(), ballots.Put(), ballots.Get(), ledger.Put(), ledger.Get(), tallies.Put(), tallies.Get()},
	})
	mapping := b.Consume("recorder-votes", recorder, votes, blueprint.Batch{Size: 100, Window: time.Second})

	publisher := b.Function("publisher", blueprint.Function{
		MemoryMB: 512, Timeout: publisherTimeout, ReservedConcurrency: publishers,
		Environment: config.Environ(votingwindow.PublisherConfig{
			Base: base, Window: w, QueueURL: votes.URL(), DeadLetterURL: deadLetters.URL(),
			BallotsTable: ballots.Name(), LedgerTable: ledger.Name(), TalliesTable: tallies.Name(),
			ResultsBucket: results.Name(), MappingID: mapping.ID(),
			RecorderTimeout: b.Timeout("recorder", recorderTimeout), PublishEvery: publishEvery,
		}),
		Grants: [][]blueprint.Grant{
			ballots.Scan(), ledger.Scan(), tallies.Scan(), tallies.Get(), tallies.Put(),
			votes.Depth(), deadLetters.Depth(), mapping.Switch(),
			results.Put(votingwindow.ResultsObject, votingwindow.LedgerObject), results.Get(votingwindow.ResultsObject), results.List(),
		},
	})
	b.EveryMinute("publisher-tick", publisher, "{}")

	recount := b.Function("recount", blueprint.Function{
		MemoryMB: 1024, Timeout: recountTimeout,
		Environment: config.Environ(votingwindow.RecountConfig{
			Base: base, Window: w, BallotsTable: ballots.Name(), LedgerTable: ledger.Name(), TalliesTable: tallies.Name(),
		}),
		Grants: [][]blueprint.Grant{ballots.Scan(), ledger.Scan(), tallies.Scan(), tallies.Get()},
	})

	b.AlarmNotEmpty("dead-letters-present", deadLetters, "Votes could not be recorded and wait in the dead-letter queue. Nothing is lost; see the recorder's log for the cause.")
	b.AlarmAge("votes-waiting", votes, oldestVote, "Votes have waited for more than a minute: the recorder does not keep up, or fails.")
	functions := map[string]blueprint.FunctionHandle{"intake": intake, "recorder": recorder, "publisher": publisher, "recount": recount}
	for _, key := range []string{"intake", "recorder", "publisher"} {
		b.AlarmErrors(key+"-errors", functions[key], "The function "+key+" fails; see its log.")
		b.AlarmThrottles(key+"-throttles", functions[key], "Calls of the function "+key+" are refused: the account's concurrency, or the function's, is used up.")
	}

	b.Output("vote_url", url.URL())
	b.Output("results_url", results.URL()+"/"+votingwindow.ResultsObject)
	b.Output("window_url", results.URL()+"/"+votingwindow.WindowObject)
	b.Output("results_bucket", results.Name())
	b.Output("votes_queue_url", votes.URL())
	b.Output("votes_queue_arn", votes.ARN())
	b.Output("dead_letter_queue_url", deadLetters.URL())
	b.Output("dead_letter_queue_arn", deadLetters.ARN())
	names, arns := map[string]string{}, map[string]string{}
	for key, t := range map[string]blueprint.TableHandle{"ballots": ballots, "ledger": ledger, "tallies": tallies} {
		names[key], arns[key] = t.Name(), t.ARN()
	}
	b.OutputMap("table_names", names)
	b.OutputMap("table_arns", arns)
	functionNames, functionARNs, roleARNs := map[string]string{}, map[string]string{}, map[string]string{}
	for key, f := range functions {
		functionNames[key], functionARNs[key], roleARNs[key] = f.Name(), f.LiveARN(), f.RoleARN()
	}
	b.OutputMap("function_names", functionNames)
	b.OutputMap("function_arns", functionARNs)
	b.OutputMap("role_arns", roleARNs)
	m.uses(b, w, used{
		intake: intake, recorder: recorder, publisher: publisher, votes: votes, deadLetters: deadLetters, mapping: mapping,
		ballots: ballots, ledger: ledger, tallies: tallies, results: results,
	})
	return nil
}

// window returns the rules that all functions share.
func (m *Model) window() (votingwindow.Window, error) {
	opens, diags := m.OpensAt.ValueRFC3339Time()
	if diags.HasError() {
		return votingwindow.Window{}, fmt.Errorf("opens_at: %s", diags[0].Detail())
	}
	closes, diags := m.ClosesAt.ValueRFC3339Time()
	if diags.HasError() {
		return votingwindow.Window{}, fmt.Errorf("closes_at: %s", diags[0].Detail())
	}
	grace := int64(defaultGrace)
	if !m.GraceSeconds.IsNull() && !m.GraceSeconds.IsUnknown() {
		grace = m.GraceSeconds.ValueInt64()
	}
	return votingwindow.Window{
		OpensAt: opens.UTC(), ClosesAt: closes.UTC(), Grace: time.Duration(grace) * time.Second,
		Questions: []string{votingwindow.Question(onlyQuestion, slices.Sorted(maps.Keys(m.Answers.Elements()))...)}, Revote: m.Revote.ValueString(),
	}, nil
}

// voterKeyPath begins the name of the parameter that holds the key of the voters' hashes.
const voterKeyPath = "/serverless/secrets/voting_window/"

// onlyQuestion is the id of the question of a window that has one.
const onlyQuestion = "vote"

// admission returns the rule that intake and recorder share.
func (m *Model) admission() votingwindow.Admission {
	return votingwindow.Admission{VoterPattern: m.VoterPattern.ValueString()}
}

// page renders window.json, which a page reads to show the question.
func (m *Model) page(w votingwindow.Window) (string, error) {
	answers := map[string]string{}
	for id, label := range m.Answers.Elements() {
		if s, ok := label.(types.String); ok {
			answers[id] = s.ValueString()
		}
	}
	out, err := json.Marshal(struct {
		Question     string            `json:"question"`
		Answers      map[string]string `json:"answers"`
		OpensAt      time.Time         `json:"opens_at"`
		ClosesAt     time.Time         `json:"closes_at"`
		VoterPattern string            `json:"voter_pattern,omitempty"`
	}{m.Question.ValueString(), answers, w.OpensAt, w.ClosesAt, m.VoterPattern.ValueString()})
	if err != nil {
		return "", fmt.Errorf("render %s: %w", votingwindow.WindowObject, err)
	}
	return string(out), nil
}
