// Package votingwindow is the resource serverless_voting_window: a vote that
// opens, closes and is counted exactly, however many people vote at once.
package votingwindow

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/systems/lists"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

// System names the voting window wherever AWS or a user sees it.
var System = blueprint.System{Name: "voting_window", Slug: "vote"}

// Model is the resource's arguments and outputs.
type Model struct {
	composite.Common

	Question        types.String      `tfsdk:"question"`
	Answers         types.Map         `tfsdk:"answers"`
	Questions       types.Map         `tfsdk:"questions"`
	OpensAt         timetypes.RFC3339 `tfsdk:"opens_at"`
	ClosesAt        timetypes.RFC3339 `tfsdk:"closes_at"`
	GraceSeconds    types.Int64       `tfsdk:"grace_seconds"`
	VoterPattern    types.String      `tfsdk:"voter_pattern"`
	AllowList       types.Object      `tfsdk:"allow_list"`
	TicketPublicKey types.String      `tfsdk:"ticket_public_key"`
	VotesPerVoter   types.Int64       `tfsdk:"votes_per_voter"`
	Revote          types.String      `tfsdk:"revote"`
	Intake          types.String      `tfsdk:"intake"`
	JWT             types.Object      `tfsdk:"jwt"`
	Direct          types.Object      `tfsdk:"direct"`
	APIDomain       types.Object      `tfsdk:"api_domain"`
	Capacity        types.Object      `tfsdk:"capacity"`
	Results         types.String      `tfsdk:"results"`
	PublishEvery    types.Int64       `tfsdk:"publish_every_seconds"`
	Quarantine      types.Object      `tfsdk:"quarantine"`
	RetentionDays   types.Int64       `tfsdk:"retention_days"`
	Export          types.Object      `tfsdk:"export"`
	Site            types.Object      `tfsdk:"site"`
	Dashboard       types.Bool        `tfsdk:"dashboard"`
	ExpectedLoad    types.Object      `tfsdk:"expected_load"`

	PageURL            types.String `tfsdk:"page_url"`
	StudioURL          types.String `tfsdk:"studio_url"`
	VoteURL            types.String `tfsdk:"vote_url"`
	ResultsURL         types.String `tfsdk:"results_url"`
	WindowURL          types.String `tfsdk:"window_url"`
	SiteDomainTarget   types.String `tfsdk:"site_domain_target"`
	APIDomainTarget    types.String `tfsdk:"api_domain_target"`
	ClosesAtInForce    types.String `tfsdk:"closes_at_in_force"`
	ResultsBucket      types.String `tfsdk:"results_bucket"`
	RecordsBucket      types.String `tfsdk:"records_bucket"`
	VotesQueueURL      types.String `tfsdk:"votes_queue_url"`
	VotesQueueARN      types.String `tfsdk:"votes_queue_arn"`
	DeadLetterQueueURL types.String `tfsdk:"dead_letter_queue_url"`
	DeadLetterQueueARN types.String `tfsdk:"dead_letter_queue_arn"`
	SigningKeyARN      types.String `tfsdk:"signing_key_arn"`
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
		Change:      change,
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
	// longTimeout is Lambda's greatest, for what reads every ballot.
	longTimeout = 15 * time.Minute
	// shortTimeout is for what makes a handful of calls.
	shortTimeout = 30 * time.Second
	// visibilityFactor is AWS's advice for queues behind Lambda (Lambda
	// Developer Guide, "Configuring a queue to use with Lambda").
	visibilityFactor = 6
	// publishers lets the next one wait while the present one works. They are
	// reserved, so that results cannot freeze when votes use up the account's
	// concurrency.
	publishers = 2
	// oldestVote is the age in seconds at which waiting votes ring the alarm.
	oldestVote = 60
	// unitsPerWorker is how many ballots a second one recorder writes: a batch of
	// a hundred in about a third of a second. Stated.
	unitsPerWorker = 300
)

// window is a voting window being described: its parts, as far as they are.
type window struct {
	*blueprint.Builder
	m         *Model
	rules     votingwindow.Window
	admission votingwindow.Admission
	base      votingwindow.Base

	votes, deadLetters       blueprint.QueueHandle
	ballots, ledger, tallies blueprint.TableHandle
	results, records         blueprint.BucketHandle
	voterKey                 blueprint.SecretHandle
	signingKey               *blueprint.SigningKeyHandle
	mapping                  blueprint.MappingHandle
	door                     door
	cdn                      *blueprint.DistributionHandle
	api                      *blueprint.HTTPAPIHandle
	pool                     *blueprint.IdentityPoolHandle
	// status is the table that viewers read; nil where they read an object.
	status    *blueprint.TableHandle
	functions map[string]blueprint.FunctionHandle
	// pageBytes is what a visit to the page brings, in bytes.
	pageBytes float64
}

// describe is the voting window's blueprint:
//
//	voter → intake → votes → recorder → ballots, ledger, tallies → publisher → results
func describe(m *Model, b *blueprint.Builder) error {
	rules, err := m.window()
	if err != nil {
		return err
	}
	admission, err := m.admission()
	if err != nil {
		return err
	}
	w := &window{
		Builder: b, m: m, rules: rules, admission: admission, base: votingwindow.Base{System: System.Name, Name: b.Settings().Name},
		functions: map[string]blueprint.FunctionHandle{},
	}
	w.stores()
	w.intake()
	w.recorder()
	w.publisher()
	w.publishViewers()
	w.exporter()
	w.operators()
	w.orchestrator()
	if err := w.site(); err != nil {
		return err
	}
	w.watch()
	w.outputs()
	w.load()
	return nil
}

// function describes one function by the name of its handler.
func (w *window) function(key string, f blueprint.Function) blueprint.FunctionHandle {
	h := w.Function(key, f)
	w.functions[key] = h
	return h
}

// stores are where votes wait and where they stay.
func (w *window) stores() {
	visibility := visibilityFactor * w.Timeout("recorder", recorderTimeout)
	w.deadLetters = w.Queue("dead-letters", blueprint.Queue{
		Visibility: visibility, Data: true,
		// A vote keeps its id and the time when SQS took it: sent anew it would be late.
		Redrive: blueprint.RedriveConsume,
	})
	w.votes = w.Queue("votes", blueprint.Queue{Visibility: visibility, DeadLetter: &w.deadLetters, MaxReceives: 5, Data: true})

	ballots := blueprint.Table{Key: votingwindow.BallotsKey, Data: true}
	ledger := blueprint.Table{Key: votingwindow.LedgerKey, Data: true}
	if known(w.m.RetentionDays) {
		ballots.TTL, ledger.TTL = votingwindow.ExpiresAttribute, votingwindow.ExpiresAttribute
	}
	s := w.m.capacity()
	if s.Provisioned {
		ballots.Capacity = &blueprint.Capacity{Throughput: blueprint.Throughput{Reads: provisionedReads, Writes: s.MinWrites}, Scaled: true}
	}
	ballots.Warm.Writes = s.WarmWrites
	w.ballots = w.Table("ballots", ballots)
	w.ledger = w.Table("ledger", ledger)
	w.tallies = w.Table("tallies", blueprint.Table{Key: votingwindow.TalliesKey})
	w.voterKey = w.Secret("voter-key", blueprint.Secret{Form: blueprint.Random32})

	w.results = w.Bucket("results", pages.Bucket(w.m.Site, w.m.publicObjects()))
	w.records = w.Bucket("records", blueprint.Bucket{Data: true})
	w.statusTable()
}

// provisionedReads carries the live count of a provisioned table.
const provisionedReads = 500

// What a recorder has, in MB: it takes 15 at its peak, and for a batch 3 ms of a
// whole processor, of which 256 MB have a seventh (measured, "make bench"; Lambda
// Developer Guide, "Configure Lambda function memory": 1,769 MB have one). An allow
// list of ten million takes 80 more, and is to be read within a start.
const recorderMemory, recorderMemoryListed = 256, 512

// recorder takes votes from the queue to the tables.
func (w *window) recorder() {
	c := votingwindow.RecorderConfig{
		Base: w.base, Window: w.rules, Admission: w.admission, Direct: w.m.Intake.ValueString() == intakeDirect,
		BallotsTable: w.ballots.Name(), LedgerTable: w.ledger.Name(), TalliesTable: w.tallies.Name(), VoterKeyParameter: w.voterKey.Name(), VoterKeyVersion: w.voterKey.Version(),
		QuarantinePattern: textOf(w.m.Quarantine, "voter_pattern", ""), RetentionDays: int(orInt(w.m.RetentionDays, 0)),
	}
	grants := [][]blueprint.Grant{
		w.votes.Consume(), w.voterKey.Read(), w.ballots.Insert(), w.ballots.Put(), w.ballots.Get(), w.ledger.Put(), w.ledger.Get(), w.tallies.Put(), w.tallies.Get(),
	}
	memory := recorderMemory
	if list := w.m.AllowList; known(list) {
		h := w.HashedList("allow-list", w.records, allowListObject, w.voterKey, lists.Of(list))
		c.AllowBucket, c.AllowKey, c.AllowVersion = w.records.Name(), h.Object(), h.Version()
		memory = recorderMemoryListed
		grants = append(grants, h.Read())
	}
	f := w.function("recorder", blueprint.Function{MemoryMB: memory, Timeout: recorderTimeout, Environment: config.Environ(c), Grants: grants})
	batch := blueprint.Batch{Size: votingwindow.BatchSize, Window: time.Second}
	if s := w.m.capacity(); s.Provisioned {
		batch.MaxConcurrency, batch.Scaled = s.MinWorkers, true
	}
	w.mapping = w.Consume("recorder-votes", f, w.votes, batch)
}

const allowListObject = "allow-list"

// What a publisher needs for a million ballots, in MB. Its count takes 15 whatever
// their number, and 0.65 s of a whole processor, which 256 MB have a seventh of
// (measured, "make bench"; Lambda Developer Guide, "Configure Lambda function
// memory": 1,769 MB have one). Marking those of suspicious addresses takes another
// 32, and some for each that is suspected; it reads the ballots up to three times.
const publisherMemory, publisherMemoryByAddress = 256, 512

// publisher shows the results and closes the window.
func (w *window) publisher() {
	grants := [][]blueprint.Grant{
		w.ballots.Scan(), w.ledger.Scan(), w.tallies.Scan(), w.tallies.Get(), w.tallies.Put(), w.tallies.Update(),
		w.votes.Depth(), w.deadLetters.Depth(), w.mapping.Switch(),
		w.results.Put(votingwindow.ResultsObject, votingwindow.LedgerObject), w.results.Get(votingwindow.ResultsObject), w.results.List(),
	}
	perAddress := intOf(w.m.Quarantine, "votes_per_address", 0)
	if perAddress > 0 {
		grants = append(grants, w.ballots.Update())
	}
	memory := publisherMemory
	if perAddress > 0 {
		memory = publisherMemoryByAddress
	}
	statusTable := ""
	if w.status != nil {
		statusTable = w.status.Name()
		grants = append(grants, w.status.PutMany())
	}
	f := w.function("publisher", blueprint.Function{
		MemoryMB: memory, Timeout: publisherTimeout, ReservedConcurrency: publishers,
		Environment: config.Environ(votingwindow.PublisherConfig{
			Base: w.base, Window: w.rules, QueueURL: w.votes.URL(), DeadLetterURL: w.deadLetters.URL(),
			BallotsTable: w.ballots.Name(), LedgerTable: w.ledger.Name(), TalliesTable: w.tallies.Name(),
			ResultsBucket: w.results.Name(), MappingID: w.mapping.ID(),
			RecorderTimeout: w.Timeout("recorder", recorderTimeout), PublishEvery: time.Duration(orInt(w.m.PublishEvery, defaultPublishEvery)) * time.Second,
			Results: orText(w.m.Results, resultsLive), QuarantinePerAddress: perAddress, StatusTable: statusTable,
		}),
		Grants: grants,
	})
	w.EveryMinute("publisher-tick", f, "{}")
}

// exporter writes the export once the figures are final.
func (w *window) exporter() {
	c := votingwindow.ExportConfig{
		Base: w.base, Window: w.rules, BallotsTable: w.ballots.Name(), LedgerTable: w.ledger.Name(), TalliesTable: w.tallies.Name(),
		ResultsBucket: w.results.Name(), ExportBucket: w.records.Name(), Identifiers: textOf(w.m.Export, "identifiers", identifiersHashed),
	}
	grants := [][]blueprint.Grant{
		w.ballots.Scan(), w.ledger.Scan(), w.tallies.Get(), w.results.Get(votingwindow.ResultsObject),
		w.records.Upload(exportObjects), w.records.Get(exportObjects), w.records.List(),
	}
	if boolOf(w.m.Export, "sign", false) {
		key := w.SigningKey("signing-key", blueprint.SigningKey{Description: "Signs the exports of the voting window " + w.base.Name, Data: true})
		w.signingKey, c.SigningKey = &key, key.ARN()
		grants = append(grants, key.Sign(), key.PublicKey())
	}
	f := w.function("export", blueprint.Function{MemoryMB: 1024, Timeout: longTimeout, Environment: config.Environ(c), Grants: grants})
	w.Every("export-tick", f, exportEvery, `{"scheduled":true}`)
}

// exportEvery is how often the export is asked for. It does nothing until the
// figures are final, and then once.
const exportEvery = 10 * time.Minute

const exportObjects = "export/*"

// operators are the functions that people call.
func (w *window) operators() {
	c := votingwindow.RecountConfig{
		Base: w.base, Window: w.rules, BallotsTable: w.ballots.Name(), LedgerTable: w.ledger.Name(), TalliesTable: w.tallies.Name(),
	}
	long := func(key string, grants ...[]blueprint.Grant) {
		w.function(key, blueprint.Function{MemoryMB: 1024, Timeout: longTimeout, Environment: config.Environ(c), Grants: grants})
	}
	long("recount", w.ballots.Scan(), w.ledger.Scan(), w.tallies.Scan(), w.tallies.Get())
	long("quarantine", w.ballots.Scan(), w.ballots.Update(), w.tallies.Get(), w.tallies.Put())
	long("reset", w.ballots.Scan(), w.ballots.Delete(), w.ledger.Scan(), w.ledger.Delete(), w.tallies.Scan(), w.tallies.Get(), w.tallies.Delete())
	w.function("control", blueprint.Function{
		MemoryMB: 256, Timeout: shortTimeout,
		Environment: config.Environ(votingwindow.ControlConfig{Base: w.base, Window: w.rules, TalliesTable: w.tallies.Name(), RetentionDays: int(orInt(w.m.RetentionDays, 0))}),
		Grants:      [][]blueprint.Grant{w.tallies.Get(), w.tallies.Put()},
	})
}

// orchestrator scales the table of ballots and the recorders, where capacity is
// provisioned.
func (w *window) orchestrator() {
	s := w.m.capacity()
	if !s.Provisioned {
		return
	}
	f := w.function("orchestrator", blueprint.Function{
		MemoryMB: 256, Timeout: shortTimeout, ReservedConcurrency: 1,
		Environment: config.Environ(votingwindow.OrchestratorConfig{
			Base: w.base, Window: w.rules, QueueURL: w.votes.URL(), BallotsTable: w.ballots.Name(), TalliesTable: w.tallies.Name(), MappingID: w.mapping.ID(),
			MinUnits: s.MinWrites, MaxUnits: s.MaxWrites, OpeningUnits: s.OpeningWrites, MinWorkers: s.MinWorkers, MaxWorkers: s.MaxWorkers,
			OpeningWorkers: min(s.MaxWorkers, max(s.MinWorkers, s.OpeningWrites/unitsPerWorker)), DrainWithin: s.Drain, UnitsPerWorker: unitsPerWorker,
		}),
		Grants: [][]blueprint.Grant{w.votes.Depth(), w.ballots.Scale(), w.mapping.Scale(), w.tallies.Get(), w.tallies.Put()},
	})
	w.EveryMinute("orchestrator-tick", f, "{}")
}
