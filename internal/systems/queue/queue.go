// Package queue is the resource serverless_queue: a waiting room before a ticket
// sale, in which each fan has one place and is called to a window in turn.
package queue

import (
	"strconv"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

// System names the waiting room wherever AWS or a user sees it.
var System = blueprint.System{Name: "queue", Slug: "queue"}

// Model is the resource's arguments and outputs.
type Model struct {
	composite.Common

	OpensAt       timetypes.RFC3339 `tfsdk:"opens_at"`
	ClosesAt      timetypes.RFC3339 `tfsdk:"closes_at"`
	PurchaseURL   types.String      `tfsdk:"purchase_url"`
	Windows       types.Int64       `tfsdk:"windows"`
	AdmissionRate types.Float64     `tfsdk:"admission_rate"`
	WindowTTL     types.Int64       `tfsdk:"window_ttl_seconds"`
	ClaimTTL      types.Int64       `tfsdk:"claim_ttl_seconds"`
	MaxRenewals   types.Int64       `tfsdk:"max_renewals"`
	Heartbeat     types.Int64       `tfsdk:"heartbeat_seconds"`
	Paused        types.Bool        `tfsdk:"paused"`
	PreQueue      types.Object      `tfsdk:"pre_queue"`
	Sales         types.Map         `tfsdk:"sales"`
	Join          types.String      `tfsdk:"join"`
	JoinCodes     types.Object      `tfsdk:"join_codes"`
	JWT           types.Object      `tfsdk:"jwt"`
	Assigner      types.String      `tfsdk:"assigner"`
	Token         types.Object      `tfsdk:"token"`
	RetentionDays types.Int64       `tfsdk:"retention_days"`
	WarmWrites    types.Int64       `tfsdk:"warm_writes"`
	Site          types.Object      `tfsdk:"site"`
	Dashboard     types.Bool        `tfsdk:"dashboard"`
	ExpectedLoad  types.Object      `tfsdk:"expected_load"`

	PageURL            types.String `tfsdk:"page_url"`
	PageURLs           types.Map    `tfsdk:"page_urls"`
	StatusURLs         types.Map    `tfsdk:"status_urls"`
	JoinURL            types.String `tfsdk:"join_url"`
	TurnURL            types.String `tfsdk:"turn_url"`
	ServiceURL         types.String `tfsdk:"service_url"`
	Issuer             types.String `tfsdk:"issuer"`
	EdgeFunctionARN    types.String `tfsdk:"edge_function_arn"`
	EdgeKeysARN        types.String `tfsdk:"edge_key_value_store_arn"`
	Audiences          types.Map    `tfsdk:"audiences"`
	SiteDomainTarget   types.String `tfsdk:"site_domain_target"`
	PagesBucket        types.String `tfsdk:"pages_bucket"`
	JoinsQueueURL      types.String `tfsdk:"joins_queue_url"`
	JoinsQueueARN      types.String `tfsdk:"joins_queue_arn"`
	DeadLetterQueueURL types.String `tfsdk:"dead_letter_queue_url"`
	DeadLetterQueueARN types.String `tfsdk:"dead_letter_queue_arn"`
	LineQueueURL       types.String `tfsdk:"line_queue_url"`
	LineQueueARN       types.String `tfsdk:"line_queue_arn"`
	IdentityPoolID     types.String `tfsdk:"identity_pool_id"`
	ProbeKeyARN        types.String `tfsdk:"probe_key_arn"`
	TableNames         types.Map    `tfsdk:"table_names"`
	TableARNs          types.Map    `tfsdk:"table_arns"`
	FunctionNames      types.Map    `tfsdk:"function_names"`
	FunctionARNs       types.Map    `tfsdk:"function_arns"`
	RoleARNs           types.Map    `tfsdk:"role_arns"`
}

// Resource returns serverless_queue.
func Resource() composite.Resource { return composite.New(Definition()) }

// Example returns arguments of a plain waiting room, beside its name.
func Example() map[string]any {
	return map[string]any{
		"opens_at":     "2027-05-22T10:00:00+02:00",
		"closes_at":    "2027-05-22T18:00:00+02:00",
		"purchase_url": "https://tickets.example.com/buy",
		"windows":      50,
	}
}

// Definition is what the generic resource needs to know of a waiting room.
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
	// doorTimeout is for what makes a handful of calls while a fan waits for the answer.
	doorTimeout = 10 * time.Second
	// placerTimeout leaves a batch of a hundred joins time for the attempts that
	// the SDK makes when a table throttles.
	placerTimeout = 20 * time.Second
	// keeperTimeout spans two ticks of the schedule, which may fire anywhere
	// within their minute: one keeper is always there to take over.
	keeperTimeout = 125 * time.Second
	shortTimeout  = 30 * time.Second
	streamTimeout = time.Minute
	// visibilityFactor is AWS's advice for queues behind Lambda (Lambda
	// Developer Guide, "Configuring a queue to use with Lambda").
	visibilityFactor = 6
	// keepers lets the next one wait while the present one works. They are
	// reserved, so that calls cannot stop when joins use up the account's
	// concurrency.
	keepers = 2
	// manyWindows that are called within one second take a keeper of 256 MB about a
	// third of it: each call is half a millisecond of a whole processor's work, of
	// which it has a seventh (Lambda Developer Guide, "Configure Lambda function memory").
	manyWindows = 100
	// oldestJoin is the age in seconds at which waiting joins ring the alarm.
	oldestJoin = 60
	// batchOf joins take one range of places.
	batchOf = 100
	// statusShards are the items that hold each sale's status, of which every
	// environment of turn reads one.
	statusShards = 4
	// streamRetries of a batch, which is halved with each that fails.
	streamRetries = 5
	// givenUpAfter leaves a redrive half of the 24 hours in which a stream has its
	// records (DynamoDB Developer Guide, "Change data capture for DynamoDB Streams").
	givenUpAfter = 12 * time.Hour
)

// room is a waiting room being described: its parts, as far as they are.
type room struct {
	*blueprint.Builder
	m     *Model
	base  queue.Base
	sales []queue.Sale

	joins, deadLetters                       blueprint.QueueHandle
	line, aside                              *blueprint.QueueHandle
	salesTable, fans, lines, windows, status blueprint.TableHandle
	identities                               *blueprint.TableHandle
	pool                                     *blueprint.IdentityPoolHandle
	// board is the table that fans read; nil where they read an object.
	board               *blueprint.TableHandle
	pages               blueprint.BucketHandle
	cdn                 *blueprint.DistributionHandle
	key, probeKey       blueprint.SecretHandle
	passes              passes
	placing             blueprint.MappingHandle
	streaming           blueprint.StreamMappingHandle
	join, turn, service blueprint.URLHandle
	functions           map[string]blueprint.FunctionHandle
	// pageBytes is what a visit to the page brings, in bytes.
	pageBytes float64
}

// describe is the waiting room's blueprint:
//
//	fan → join → joins → placer → fans, line → keeper → windows, status; fan → turn → shop → service
func describe(m *Model, b *blueprint.Builder) error {
	sales, err := m.sales(b.Settings().Name)
	if err != nil {
		return err
	}
	r := &room{
		Builder: b, m: m, sales: sales, base: queue.Base{System: System.Name, Name: b.Settings().Name},
		functions: map[string]blueprint.FunctionHandle{},
	}
	if err := r.stores(); err != nil {
		return err
	}
	r.issuePasses()
	r.doors()
	r.placer()
	r.keeper()
	r.publishReaders()
	r.operators()
	if err := r.site(); err != nil {
		return err
	}
	if err := r.edge(); err != nil {
		return err
	}
	r.watch()
	r.outputs()
	r.load()
	return nil
}

// function describes one function by the name of its handler.
func (r *room) function(key string, f blueprint.Function) blueprint.FunctionHandle {
	h := r.Function(key, f)
	r.functions[key] = h
	return h
}

// stores are where joins wait, and where sales, places and windows are written.
func (r *room) stores() error {
	visibility := visibilityFactor * r.Timeout("placer", placerTimeout)
	r.deadLetters = r.Queue("dead-letters", blueprint.Queue{
		Visibility: visibility, Data: true,
		// A join keeps the time when SQS took it, which is the fan's place: sent anew it would be later.
		Redrive: blueprint.RedriveConsume,
	})
	r.joins = r.Queue("joins", blueprint.Queue{Visibility: visibility, DeadLetter: &r.deadLetters, MaxReceives: 5, Data: true})

	r.salesTable = r.Table("sales", blueprint.Table{Key: queue.SalesKey})
	for _, sale := range r.sales {
		if err := r.sale(sale); err != nil {
			return err
		}
	}
	expires := r.m.expires()
	warm := blueprint.Throughput{Writes: int(r.m.WarmWrites.ValueInt64())}
	r.fans = r.Table("fans", blueprint.Table{Key: queue.FansKey, TTL: expires, Data: true, Warm: warm})
	r.lines = r.Table("line", blueprint.Table{Key: queue.LineKey, TTL: expires, Data: true})
	r.windows = r.Table("windows", blueprint.Table{Key: queue.WindowsKey, Data: true})
	r.status = r.Table("state", blueprint.Table{Key: queue.StateKey, Data: true})
	r.statusTable()
	r.key = r.Secret("key", blueprint.Secret{Form: blueprint.Random32})
	r.probeKey = r.Secret("probe-key", blueprint.Secret{Form: blueprint.Random32, Replaceable: true})
	r.pages = r.Bucket("pages", pages.Bucket(r.m.Site, r.publicObjects()))
	return nil
}

// expires is the attribute by which what is known of fans is deleted; empty where
// it stays.
func (m *Model) expires() string {
	if known(m.RetentionDays) {
		return queue.ExpiresAttribute
	}
	return ""
}

// tables are the names of all tables, for the functions.
func (r *room) tables() queue.Tables {
	t := queue.Tables{Sales: r.salesTable.Name(), Fans: r.fans.Name(), Line: r.lines.Name(), Windows: r.windows.Name(), State: r.status.Name()}
	if r.identities != nil {
		t.Joins = r.identities.Name()
	}
	return t
}

// placer gives each fan a place, in the order in which SQS took the joins.
func (r *room) placer() {
	f := r.function("placer", blueprint.Function{
		MemoryMB: 512, Timeout: placerTimeout,
		Environment: config.Environ(queue.PlacerConfig{Base: r.base, Tables: r.tables(), RetentionDays: int(r.m.RetentionDays.ValueInt64())}),
		Grants: [][]blueprint.Grant{
			r.joins.Consume(), r.salesTable.Get(), r.fans.GetMany(), r.fans.Insert(), r.fans.Put(),
			r.lines.Get(), r.lines.GetMany(), r.lines.Put(), r.lines.Update(),
		},
	})
	r.placing = r.Consume("placer-joins", f, r.joins, blueprint.Batch{Size: batchOf, Window: time.Second})
}

// keeper calls fans to windows, draws, and publishes the status of all sales.
func (r *room) keeper() {
	c := queue.KeeperConfig{
		Base: r.base, Tables: r.tables(), JoinsURL: r.joins.URL(), Bucket: r.pages.Name(), PlacerTimeout: r.Timeout("placer", placerTimeout),
		StatusShards: statusShards, RetentionDays: int(r.m.RetentionDays.ValueInt64()),
	}
	grants := [][]blueprint.Grant{
		r.salesTable.Scan(), r.joins.Send(), r.fans.GetMany(), r.fans.Insert(), r.fans.Update(),
		r.lines.Get(), r.lines.GetMany(), r.lines.Scan(), r.lines.Put(), r.windows.Scan(), r.windows.Update(), r.status.Get(), r.status.Put(),
		r.pages.Put(statusObjects, drawObjects), blueprint.Rarely("used by a keeper that takes over in the middle of a draw", r.pages.Get(drawObjects)),
		blueprint.Rarely("used where other sales' windows crowd the table", r.windows.GetMany()),
		blueprint.Rarely("used where an apply has changed what an operator had", append(r.salesTable.Get(), r.salesTable.Update()...)),
	}
	if r.board != nil {
		c.StatusTable, c.BoardShards = r.board.Name(), r.m.boardShards()
		grants = append(grants, r.board.PutMany())
	}
	if r.m.external() {
		line := r.Queue("called", blueprint.Queue{Visibility: time.Minute, Data: true})
		r.line, c.LineURL = &line, line.URL()
		grants = append(grants, line.Send())
	}
	f := r.function("keeper", blueprint.Function{
		MemoryMB: r.keeperMemory(), Timeout: keeperTimeout, ReservedConcurrency: keepers, Environment: config.Environ(c), Grants: grants,
	})
	r.EveryMinute("keeper-tick", f, "{}")
}

// keeperMemory is little where a keeper mostly waits for its next second: two of them
// live all through a sale. A draw keeps its whole list in memory, and many windows
// are many calls a second.
func (r *room) keeperMemory() int {
	for _, sale := range r.sales {
		if sale.Draws() || sale.Windows > manyWindows {
			return 512
		}
	}
	return 256
}

// Objects that the keeper writes.
const (
	statusObjects = "status/*"
	drawObjects   = "draw/*"
)

// operators are the functions that people call.
func (r *room) operators() {
	r.function("control", blueprint.Function{
		MemoryMB: 256, Timeout: shortTimeout,
		Environment: config.Environ(queue.ControlConfig{Base: r.base, Tables: queue.Tables{Sales: r.salesTable.Name(), Line: r.lines.Name()}}),
		Grants:      [][]blueprint.Grant{r.salesTable.Get(), r.salesTable.Update(), r.lines.Get()},
	})
	r.function("revoke", blueprint.Function{
		MemoryMB: 256, Timeout: shortTimeout,
		Environment: config.Environ(queue.RevokeConfig{Base: r.base, Tables: queue.Tables{Sales: r.salesTable.Name(), Fans: r.fans.Name(), Windows: r.windows.Name()}}),
		Grants:      [][]blueprint.Grant{r.salesTable.Get(), r.fans.Get(), r.fans.Update(), r.windows.Update()},
	})
	r.function("bypass", blueprint.Function{
		MemoryMB: 256, Timeout: shortTimeout,
		Environment: config.Environ(queue.BypassConfig{Base: r.base, Tables: queue.Tables{Sales: r.salesTable.Name()}, Passes: r.passes.issued, PassKey: r.passes.key, EdgeKey: r.passes.edge}),
		Grants:      [][]blueprint.Grant{r.salesTable.Get(), r.passes.sign},
	})
}

// generation is which of the keys of passes signs, from 1.
func (m *Model) generation() int { return intOf(m.Token, "key_generation", 1) }

func generationKey(g int) string { return "pass-key-" + strconv.Itoa(g) }
