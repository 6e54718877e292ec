package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/float64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/preflight"
	"github.com/burstline/terraform-provider-serverless/internal/preflight/forecast"
)

// burstForecast is the data source serverless_burst_forecast.
type burstForecast struct{ composite.Configured }

type burstForecastModel struct {
	described

	Arrivals *arrivalsModel `tfsdk:"arrivals"`
	Quotas   *quotasModel   `tfsdk:"quotas"`
	Seed     types.Int64    `tfsdk:"seed"`

	Summary          types.String `tfsdk:"summary"`
	Arrived          types.Int64  `tfsdk:"arrived"`
	Accepted         types.Int64  `tfsdk:"accepted"`
	Refused          types.Int64  `tfsdk:"refused"`
	Recorded         types.Int64  `tfsdk:"recorded"`
	DeadLetters      types.Int64  `tfsdk:"dead_letters"`
	TimeToDrain      types.Number `tfsdk:"time_to_drain_seconds"`
	WithinGrace      types.Bool   `tfsdk:"within_grace"`
	WorstDelay       types.Number `tfsdk:"worst_delay_seconds"`
	MeanDelay        types.Number `tfsdk:"mean_delay_seconds"`
	ResultsFrozen    types.Number `tfsdk:"results_frozen_seconds"`
	ResultsFrozenAt  types.Number `tfsdk:"results_frozen_at_seconds"`
	PeakConcurrency  types.Int64  `tfsdk:"peak_concurrency"`
	PeakByFunction   types.Map    `tfsdk:"peak_concurrency_by_function"`
	Throttled        types.Map    `tfsdk:"throttled"`
	Limits           types.List   `tfsdk:"limits"`
	Assumptions      types.List   `tfsdk:"assumptions"`
	CostPerEvent     types.Number `tfsdk:"cost_per_event"`
	Currency         types.String `tfsdk:"currency"`
	Timeline         types.List   `tfsdk:"timeline"`
	TimelineInterval types.Int64  `tfsdk:"timeline_interval_seconds"`
	SVG              types.String `tfsdk:"svg"`
}

type arrivalsModel struct {
	PlateauRate    types.Float64 `tfsdk:"plateau_rate"`
	OpeningRate    types.Float64 `tfsdk:"opening_rate"`
	OpeningSeconds types.Int64   `tfsdk:"opening_seconds"`
	TailSeconds    types.Int64   `tfsdk:"tail_seconds"`
	Seconds        types.Int64   `tfsdk:"seconds"`
}

type quotasModel struct {
	Concurrency types.Int64 `tfsdk:"concurrent_executions"`
	APIRate     types.Int64 `tfsdk:"api_requests_per_second"`
	APIBurst    types.Int64 `tfsdk:"api_burst"`
	TableWrites types.Int64 `tfsdk:"table_write_units"`
	NewTable    types.Int64 `tfsdk:"table_write_units_at_start"`
	Batches     types.Int64 `tfsdk:"mapping_batches"`
	InFlight    types.Int64 `tfsdk:"messages_in_flight"`
}

func newBurstForecast() datasource.DataSource { return &burstForecast{} }

func (*burstForecast) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_burst_forecast"
}

const (
	defaultSpike = 30
	defaultSeed  = 1
	// timelineSamples bounds the timeline in the state.
	timelineSamples = 120
)

const burstForecastDescription = "What becomes of a system under a burst, simulated in virtual time against an account's quotas, from the very description that is deployed: " +
	"what is refused, what waits, how late it is done, whether results freeze, and which limit is the cause. Nothing is asked of AWS, and the system need not exist. " +
	"The guide \"Will it hold?\" says what is simulated, and what is assumed."

func (*burstForecast) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	number := func(description string) schema.NumberAttribute {
		return schema.NumberAttribute{Computed: true, MarkdownDescription: description}
	}
	count := func(description string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
	}
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	objects := func(description string, of map[string]schema.Attribute) schema.ListNestedAttribute {
		return schema.ListNestedAttribute{Computed: true, MarkdownDescription: description, NestedObject: schema.NestedAttributeObject{Attributes: of}}
	}
	resp.Schema = describedSchema(burstForecastDescription, map[string]schema.Attribute{
		"arrivals": arrivalsSchema(),
		"quotas":   quotasSchema(),
		"seed":     schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.AtLeast(0)}, MarkdownDescription: "Decides what is left to chance. The same seed gives the same forecast. Default 1."},

		"summary":                   text("The forecast in a few sentences."),
		"arrived":                   count("All who came, each once."),
		"accepted":                  count("Messages that reached the queue."),
		"refused":                   count("Those who were refused and gave up."),
		"recorded":                  count("Messages that were written to the table."),
		"dead_letters":              count("Messages that failed as often as the queue allows."),
		"time_to_drain_seconds":     number("How long after the last arrival everything is done. Null where it is not within four hours."),
		"within_grace":              schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether that is within the system's grace."},
		"worst_delay_seconds":       number("Longest time from a message's acceptance until it is written."),
		"mean_delay_seconds":        number("Mean of that time."),
		"results_frozen_seconds":    number("How long results were older than three times the interval at which they are published."),
		"results_frozen_at_seconds": number("When results last changed before they froze for the first time, after the opening. Null where they never do."),
		"peak_concurrency":          count("Greatest number of executions at once."),
		"peak_concurrency_by_function": schema.MapAttribute{Computed: true, ElementType: types.Int64Type,
			MarkdownDescription: "The same by function."},
		"throttled": schema.MapAttribute{Computed: true, ElementType: types.Int64Type,
			MarkdownDescription: "How often each cause refused an attempt: `api_requests`, `lambda_requests`, `lambda_concurrency`, `lambda_growth`, `table_writes`, `stream_writes`. Causes that refused nothing are left out."},
		"limits": objects("Limits that were reached, with advice.", map[string]schema.Attribute{
			"limit":            text("The cause, as in `throttled`; also `queue_in_flight` and `mapping_batches`, which hold back without refusing."),
			"part":             text("Function, queue or table. Empty for the account's APIs."),
			"count":            count("How often it refused an attempt."),
			"first_at_seconds": number("When that began, after the opening."),
			"advice":           text("What to do."),
		}),
		"assumptions": objects("Figures that no configuration tells.", map[string]schema.Attribute{
			"name": text("What is assumed."), "value": text("The figure."), "source": text("Where it comes from."),
		}),
		"cost_per_event": number("What such an event costs, as `serverless_cost_estimate` has it, with the other fields of an `expected_load` among the arguments. Null for a system without a load."),
		"currency":       text("Currency of the cost."),
		"timeline": objects("The forecast over time, at most 120 intervals from the opening on.", map[string]schema.Attribute{
			"at_seconds":          count("Beginning of the interval, after the opening."),
			"arrived":             count("Who came in it."),
			"accepted":            count("Messages accepted in it."),
			"refused":             count("Those who gave up in it."),
			"recorded":            count("Messages written in it."),
			"throttled":           count("Attempts refused in it."),
			"waiting":             count("Greatest number of messages not done."),
			"concurrency":         count("Greatest number of executions at once."),
			"results_age_seconds": number("Greatest age of the results."),
		}),
		"timeline_interval_seconds": count("Length of each interval."),
		"svg":                       text("The same as a picture, an SVG document."),
	})
}

func arrivalsSchema() schema.Attribute {
	rate := func(description string) schema.Float64Attribute {
		return schema.Float64Attribute{Optional: true, MarkdownDescription: description, Validators: []validator.Float64{float64validator.AtLeast(0)}}
	}
	seconds := func(least int64, description string) schema.Int64Attribute {
		return schema.Int64Attribute{Optional: true, MarkdownDescription: description, Validators: []validator.Int64{int64validator.Between(least, 24*60*60)}}
	}
	plateau := rate("Arrivals a second between the opening and the tail, each by chance (Poisson).")
	plateau.Optional, plateau.Required = false, true
	return schema.SingleNestedAttribute{Required: true, MarkdownDescription: "Who comes, and when.", Attributes: map[string]schema.Attribute{
		"plateau_rate":    plateau,
		"opening_rate":    rate("Arrivals a second at the opening, from where they fall evenly to the plateau. Without it there is no spike."),
		"opening_seconds": seconds(1, "How long that fall takes. Default 30."),
		"tail_seconds":    seconds(0, "How long the plateau takes to fall evenly to nothing, before the end. Default 0."),
		"seconds":         seconds(1, "From the opening to the last arrival, spike and tail included. Default: as long as the system is open."),
	}}
}

func quotasSchema() schema.Attribute {
	d := forecast.Defaults()
	quota := func(otherwise int, description string) schema.Int64Attribute {
		return schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.Between(1, 10_000_000)},
			MarkdownDescription: fmt.Sprintf("%s Default %d.", description, otherwise)}
	}
	return schema.SingleNestedAttribute{Optional: true, MarkdownDescription: "What the account has, where that is not AWS's default.", Attributes: map[string]schema.Attribute{
		"concurrent_executions":      quota(d.Concurrency, "Concurrent executions of all functions; a new account may have 10."),
		"api_requests_per_second":    quota(d.APIRate, "Requests a second to all APIs of API Gateway."),
		"api_burst":                  quota(d.APIBurst, "Requests to them at once."),
		"table_write_units":          quota(d.TableWrites, "Write units a second of a table."),
		"table_write_units_at_start": quota(d.NewTableWrites, "Write units a second that an on-demand table carries at the opening, where its warm throughput is not more: those of a new table, or twice its peak of half an hour ago and earlier."),
		"mapping_batches":            quota(d.MappingBatches, "Batches that a mapping takes from a queue at once."),
		"messages_in_flight":         quota(d.InFlight, "Messages of a queue that are received and not yet deleted."),
	}}
}

// limits are AWS's defaults with what the user says instead.
func (q *quotasModel) limits() forecast.Limits {
	l := forecast.Defaults()
	if q == nil {
		return l
	}
	for _, o := range []struct {
		given types.Int64
		into  *int
	}{
		{q.Concurrency, &l.Concurrency}, {q.APIRate, &l.APIRate}, {q.APIBurst, &l.APIBurst}, {q.TableWrites, &l.TableWrites},
		{q.NewTable, &l.NewTableWrites}, {q.Batches, &l.MappingBatches}, {q.InFlight, &l.InFlight},
	} {
		if !o.given.IsNull() {
			*o.into = int(o.given.ValueInt64())
		}
	}
	return l
}

// curve is who comes to a system that is open for so long.
func (a *arrivalsModel) curve(open time.Duration) (forecast.Curve, diag.Diagnostics) {
	at := path.Root("arrivals")
	seconds := func(given types.Int64, otherwise time.Duration) time.Duration {
		if given.IsNull() {
			return otherwise
		}
		return time.Duration(given.ValueInt64()) * time.Second
	}
	length, tail, spike := seconds(a.Seconds, open), seconds(a.TailSeconds, 0), time.Duration(0)
	if length <= 0 {
		return nil, diag.Diagnostics{diag.NewAttributeErrorDiagnostic(at.AtName("seconds"), "Missing length", "The system tells no time for which it is open. Say how many seconds arrivals last.")}
	}
	switch {
	case !a.OpeningRate.IsNull():
		spike = seconds(a.OpeningSeconds, min(defaultSpike*time.Second, length-tail))
	case !a.OpeningSeconds.IsNull():
		return nil, diag.Diagnostics{diag.NewAttributeErrorDiagnostic(at.AtName("opening_seconds"), "No opening", "It is the length of an opening spike, and there is none. Give opening_rate, or leave it out.")}
	}
	if spike+tail > length {
		return nil, diag.Diagnostics{diag.NewAttributeErrorDiagnostic(at.AtName("seconds"), "Too short", fmt.Sprintf("Arrivals last %s, and opening and tail alone take %s. Give more seconds, or fewer to these.", length, spike+tail))}
	}
	c := forecast.Burst(a.OpeningRate.ValueFloat64(), a.PlateauRate.ValueFloat64(), length, spike, tail)
	if err := c.Check(); err != nil {
		return nil, diag.Diagnostics{diag.NewAttributeErrorDiagnostic(at, "Invalid arrivals", err.Error())}
	}
	return c, nil
}

func (d *burstForecast) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m burstForecastModel
	if resp.Diagnostics.Append(req.Config.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	if d.Data.Unknown {
		resp.Diagnostics.AddError("Cannot tell the region and the prices", "The provider's configuration depends on values that are known only after apply.")
		return
	}
	system, arguments, diags := m.encoded(ctx)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	_, design, diags := system.Resource().Forecast(ctx, m.Name.ValueString(), arguments, d.Data.DefaultTags)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	arrivals, diags := m.Arrivals.curve(design.Length)
	if resp.Diagnostics.Append(diags...); resp.Diagnostics.HasError() {
		return
	}
	f := forecast.Forecast{Design: design, Arrivals: arrivals, Limits: m.Quotas.limits(), Seed: defaultSeed}
	if !m.Seed.IsNull() {
		f.Seed = uint64(m.Seed.ValueInt64()) //nolint:gosec // not negative, by its validator
	}
	r, err := f.Run()
	switch {
	case errors.Is(err, forecast.ErrReservations):
		resp.Diagnostics.AddAttributeError(path.Root("quotas"), "Too little concurrency", err.Error())
		return
	case err != nil:
		resp.Diagnostics.AddError("Cannot forecast the "+system.Name, err.Error())
		return
	}
	m.tell(f, r)
	resp.Diagnostics.Append(m.price(ctx, d.Data, design.Load, r, arguments)...)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

// price estimates what the event costs with as many arrivals as were accepted.
func (m *burstForecastModel) price(ctx context.Context, data *composite.ProviderData, names forecast.Load, r *forecast.Result, arguments json.RawMessage) diag.Diagnostics {
	m.CostPerEvent, m.Currency = types.NumberNull(), types.StringValue(data.Prices.Currency)
	if names.Units == "" || r.Accepted == 0 {
		return nil
	}
	var among struct {
		Load map[string]any `json:"expected_load"`
	}
	if err := json.Unmarshal(arguments, &among); err != nil || among.Load == nil {
		among.Load = map[string]any{}
	}
	among.Load[names.Units] = r.Accepted
	if names.Peak != "" {
		among.Load[names.Peak] = max(1, r.PeakAccepted)
	}
	load, err := json.Marshal(among.Load)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Cannot render the load", err.Error())}
	}
	b, diags := m.blueprint(ctx, data, map[string]json.RawMessage{"expected_load": load})
	if diags.HasError() {
		return diags
	}
	if e := preflight.Cost(b, data.Prices, data.Engine.AWS.Region()); e.Load != nil {
		m.CostPerEvent = composite.Decimal(e.Load.PerEvent, 4)
	}
	return nil
}

// secondsOf is a time in seconds, to a hundredth.
func secondsOf(d time.Duration) types.Number { return composite.Decimal(d.Seconds(), 2) }

// ifReached is the same, or null where it never came to be.
func ifReached(d time.Duration) types.Number {
	if d < 0 {
		return types.NumberNull()
	}
	return secondsOf(d)
}

func whole(n int) types.Int64 { return types.Int64Value(int64(n)) }

// tell fills in what the forecast tells.
func (m *burstForecastModel) tell(f forecast.Forecast, r *forecast.Result) {
	m.Summary = types.StringValue(r.Summary())
	m.Arrived, m.Accepted, m.Refused = whole(r.Arrived), whole(r.Accepted), whole(r.Refused)
	m.Recorded, m.DeadLetters = whole(r.Recorded), whole(r.Dead)
	m.TimeToDrain, m.WithinGrace = ifReached(r.Drains), types.BoolValue(r.InGrace)
	m.WorstDelay, m.MeanDelay = secondsOf(r.WorstDelay), secondsOf(r.MeanDelay)
	m.ResultsFrozen, m.ResultsFrozenAt = secondsOf(r.Frozen), ifReached(r.FrozenAt)
	m.PeakConcurrency = whole(r.PeakConcurrency)
	peaks, throttled := map[string]attr.Value{}, map[string]attr.Value{}
	for function, n := range r.PeakByFunction {
		peaks[function] = whole(n)
	}
	limits := []attr.Value{}
	for _, t := range r.Throttles {
		if n := r.Throttled(t.Cause); n > 0 {
			throttled[string(t.Cause)] = whole(n)
		}
		limits = append(limits, types.ObjectValueMust(limitTypes, map[string]attr.Value{
			"limit": types.StringValue(string(t.Cause)), "part": types.StringValue(t.Part), "count": whole(t.Count),
			"first_at_seconds": secondsOf(t.First), "advice": types.StringValue(f.Advice(r, t)),
		}))
	}
	m.PeakByFunction, m.Throttled = types.MapValueMust(types.Int64Type, peaks), types.MapValueMust(types.Int64Type, throttled)
	m.Limits = types.ListValueMust(types.ObjectType{AttrTypes: limitTypes}, limits)
	assumptions := []attr.Value{}
	for _, a := range f.Design.Assumptions {
		assumptions = append(assumptions, types.ObjectValueMust(assumptionTypes, map[string]attr.Value{
			"name": types.StringValue(a.Name), "value": types.StringValue(a.Value), "source": types.StringValue(a.Source),
		}))
	}
	m.Assumptions = types.ListValueMust(types.ObjectType{AttrTypes: assumptionTypes}, assumptions)
	samples, each := r.Timeline(timelineSamples)
	timeline := make([]attr.Value, 0, len(samples))
	for i, s := range samples {
		timeline = append(timeline, types.ObjectValueMust(sampleTypes, map[string]attr.Value{
			"at_seconds": whole(i * int(each/time.Second)), "arrived": whole(s.Arrived), "accepted": whole(s.Accepted), "refused": whole(s.Refused),
			"recorded": whole(s.Recorded), "throttled": whole(s.Throttled), "waiting": whole(s.Waiting), "concurrency": whole(s.Concurrency),
			"results_age_seconds": secondsOf(s.Age),
		}))
	}
	m.Timeline, m.TimelineInterval = types.ListValueMust(types.ObjectType{AttrTypes: sampleTypes}, timeline), whole(int(each/time.Second))
	m.SVG = types.StringValue(r.SVG(m.Name.ValueString()))
}

var (
	limitTypes = map[string]attr.Type{
		"limit": types.StringType, "part": types.StringType, "count": types.Int64Type, "first_at_seconds": types.NumberType, "advice": types.StringType,
	}
	assumptionTypes = map[string]attr.Type{"name": types.StringType, "value": types.StringType, "source": types.StringType}
	sampleTypes     = map[string]attr.Type{
		"at_seconds": types.Int64Type, "arrived": types.Int64Type, "accepted": types.Int64Type, "refused": types.Int64Type, "recorded": types.Int64Type,
		"throttled": types.Int64Type, "waiting": types.Int64Type, "concurrency": types.Int64Type, "results_age_seconds": types.NumberType,
	}
)
