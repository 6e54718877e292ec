package queue

import (
	"math"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

func expectedLoad() schema.Attribute {
	count := func(least int64, description string) schema.Int64Attribute {
		return schema.Int64Attribute{Optional: true, MarkdownDescription: description, Validators: []validator.Int64{int64validator.AtLeast(least)}}
	}
	fans := count(1, "Fans who join in one event: one opening of the sale.")
	fans.Optional, fans.Required = false, true
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "What is expected of one event. With it, a plan warns of quotas of the account that would not carry the event, and `cost` tells what it costs. " +
			"It changes no part. Plans then ask `lambda:GetAccountSettings` and, where needed, `servicequotas:GetServiceQuota`; without these permissions AWS's defaults are assumed.",
		Attributes: map[string]schema.Attribute{
			"fans":                  fans,
			"admitted":              count(0, "Fans among them who are called and go to the shop. Default: all."),
			"peak_joins_per_second": count(1, "Joins in the busiest second. Without it they are taken to come evenly within ten seconds."),
			"wait_minutes":          count(1, "How long a fan waits on the mean, in minutes. Default 20."),
			"events_per_month":      count(0, "Events in a month. Default 1."),
		},
	}
}

// Sizes and durations that no call shows, as the cost is computed with. Sizes are
// in bytes; durations are of warm functions with AWS close by. Answers are counted
// as HTTP/1.1 has them, every header included; the handshakes of TLS and TCP are
// not, of which AWS's price lists say nothing.
const (
	joinBytes     = 90   // A join as a message.
	messageBytes  = 400  // The same as received, with its attributes.
	joinedBytes   = 650  // Join's answer: the ticket as JSON, and Lambda's headers.
	broughtBytes  = 2150 // Where it brings what the status table is read with, packed.
	turnedBytes   = 560  // Turn's answer to who waits, likewise.
	claimedBytes  = 2100
	servedBytes   = 500
	statusBytes   = 400 // The status without gaps.
	objectHeaders = 450 // Of S3's answers: 12 headers, those for browsers among them.
	recordBytes   = 190 // A fan's record.
	windowBytes   = 120
	saleBytes     = 700
	progressBytes = 900 // The keeper's, in the middle of an event.
	lineBytes     = 24  // A fan in a block of the line.
	logBytes      = 500 // A line of metrics in the log.

	joinTakes    = 10 * time.Millisecond // One message sent.
	placerTakes  = 90 * time.Millisecond // A hundred places: three calls, then four at the same time.
	turnTakes    = 10 * time.Millisecond // One read.
	claimTakes   = 40 * time.Millisecond // Two reads, a transaction, a signature.
	serviceTakes = 25 * time.Millisecond
	tickTakes    = 40 * time.Millisecond // Outside an event.

	// looksForPlace is how often a page asks turn until it has a place: first after
	// two to eight seconds, when placers that keep up have given it.
	looksForPlace = 1.1
	// looksInWindow is how often a page asks when it was called and after the
	// claim: that it is, then once a minute, of purchases that take three.
	looksInWindow = 1 + 2
	// luck is what a page adds to each span on the mean, so that not all ask at once.
	luck = 1.05
	// countersEach is how many counters and blocks of the line a keeper reads in a
	// second.
	countersEach = 3
	// edgeHits is the share of polls that the distribution answers itself: an
	// object of two seconds is asked for by many in each.
	edgeHits = 0.99
	// keepersBegin before fans can join.
	keepersBegin = 90 * time.Second
	// openingSpike is over how long joins are taken to come where no peak is given.
	openingSpike = 10 * time.Second

	defaultWait, defaultEvents   = 20, 1
	placerMetrics, keeperMetrics = 2, 4
)

// ExampleLoad is an expected load for the example: a hundred thousand fans at the
// second of opening.
var ExampleLoad = map[string]any{"fans": 100_000, "admitted": 20_000, "peak_joins_per_second": 10_000}

// load says what a fan, an admission and the clock cost.
func (r *room) load() {
	keeper, placer, turn := r.functions["keeper"], r.functions["placer"], r.functions["turn"]
	r.PerMonth(blueprint.Load{Unit: "tick", Count: blueprint.Month.Minutes()},
		keeper.Invocations(1, tickTakes), blueprint.Eventually(r.salesTable.Scans(1, saleBytes)), r.status.Puts(2, windowBytes), r.status.Gets(2, saleBytes))
	if f, there := r.functions["readers"]; there {
		r.PerMonth(blueprint.Load{Unit: "look for a credential", Count: blueprint.Month.Minutes()},
			f.Invocations(1, tickTakes), blueprint.Eventually(r.salesTable.Scans(1, saleBytes)), r.pages.Gets(1))
	}
	expected := func(field string, otherwise int64) float64 {
		return composite.Expected(r.m.ExpectedLoad, field, otherwise)
	}
	fans := expected("fans", 0)
	if fans == 0 {
		return
	}
	first := r.sales[0]
	admitted := min(expected("admitted", int64(fans)), fans)
	wait := time.Duration(expected("wait_minutes", defaultWait)) * time.Minute
	open := time.Duration(first.ClosesAt-first.JoinsFrom()) * time.Millisecond
	r.Event(blueprint.Event{Unit: "fan", Units: fans, PerMonth: expected("events_per_month", defaultEvents)})

	joins := blueprint.Load{Unit: "fan", Count: fans, Over: openingSpike, Peak: expected("peak_joins_per_second", 0)}
	batch := 1 / r.placing.Fill(joins)
	r.PerEvent(joins, r.joined(), r.joins.Sends(1, joinBytes), r.placing.Takes(joins, messageBytes, placerTakes),
		r.fans.Puts(1, recordBytes), r.lines.Updates(batch, windowBytes), r.lines.Puts(batch, lineBytes/batch), placer.Logs(batch, logBytes))
	r.PerEvent(blueprint.Load{Unit: "look for a place", Count: fans * looksForPlace, Over: wait}, r.looks(turnedBytes, turnTakes))
	far, all := polls(first, wait)
	r.asks(((fans-admitted)*far+admitted*all)/fans, wait, fans)
	if r.m.hasPage() {
		r.PerEvent(blueprint.Load{Unit: "visit", Count: fans, Over: wait}, r.serves(1, r.pageBytes+objectHeaders))
	}

	// Who is near the front asks by turn. A call, a claim and a release are
	// transactions of a window and a record, each of which counts twice.
	admission := blueprint.Load{Unit: "admission", Count: admitted, Over: open}
	near, seen := 0.0, 0.0
	if first.Heartbeat > 0 {
		// Who is called that soon after the opening was near for half of it on the mean.
		span := float64(first.NearFor())
		span *= 1 - min(1, span/open.Seconds())/2
		each := max(queue.AskLeast, float64(first.Heartbeat)/3) * luck
		near = span / each
		seen = span / (math.Ceil(float64(first.Heartbeat)/2/each) * each) // At most once in half a heartbeat.
	}
	changes := 2 * 3.0
	r.PerEvent(admission, scaled(near+looksInWindow, r.looks(turnedBytes, turnTakes)), r.fans.Updates(seen+changes, recordBytes), r.windows.Updates(changes, windowBytes),
		turn.Invocations(1, claimTakes), turn.Answers(1, claimedBytes), r.fans.Gets(3, recordBytes),
		r.functions["service"].Invocations(1, serviceTakes), r.functions["service"].Answers(1, servedBytes), r.fans.Gets(2, recordBytes))
	if r.passes.kms != nil {
		r.PerEvent(admission, r.passes.kms.Signs(1+looksInWindow))
	}

	live := keepersBegin + open
	r.PerEvent(blueprint.Load{Unit: "second", Count: live.Seconds(), Over: live},
		r.lines.Gets(countersEach, windowBytes), blueprint.Eventually(r.windows.Scans(windowReads(first), float64(first.Windows)*windowBytes)), blueprint.Eventually(r.salesTable.Scans(0.5, saleBytes)),
		r.status.Puts(1, progressBytes), r.shows(), keeper.Logs(1/queue.PublishEvery.Seconds(), logBytes))
	// Each keeper lives for almost two minutes, and one begins every minute.
	r.PerEvent(blueprint.Load{Unit: "minute", Count: live.Minutes(), Over: live}, keeper.Invocations(1, keeperTimeout-10*time.Second), r.status.Puts(2+20, windowBytes))
	r.PerEvent(blueprint.Load{Unit: "event", Count: 1}, r.fans.Keeps(fans, recordBytes), r.lines.Keeps(fans, lineBytes), placer.Metrics(placerMetrics, live), keeper.Metrics(keeperMetrics, live))
}

// polls is how often a page asks for the status while a fan waits, the first time
// when it is opened: by the rule that both go by, of a fan who never comes near the
// front, and of one who is called after so long. Waits differ, so that the last span
// is half over on the mean.
func polls(sale queue.Sale, wait time.Duration) (far, called float64) {
	far = 0.5 + wait.Seconds()/(queue.AskMost*luck)
	called = 1
	left := wait.Seconds()
	for left > float64(sale.NearFor()) {
		left -= float64(queue.Ask(int64(left), 1)) * luck
		called++
	}
	return far, called + math.Floor(left/60/luck) // Near the front the own turn tells more.
}

// windowReads is how often in a second a keeper goes through the windows on the
// mean: always, or where a rate is set as often as the status wants them.
func windowReads(sale queue.Sale) float64 {
	if sale.Rate > 0 {
		return 1 / queue.WindowsEvery.Seconds()
	}
	return 1
}

// shows is what it costs in a second to write the status wherever it is read.
func (r *room) shows() []blueprint.Operation {
	each := 1 / queue.PublishEvery.Seconds()
	shards := r.status.Puts(statusShards*each, statusBytes)
	if r.board == nil {
		return append(shards, r.pages.Puts(each)...)
	}
	return slices.Concat(shards, r.board.Puts(float64(r.m.boardShards())*each, lineOfBoard), r.pages.Puts(1/queue.ObjectEvery.Seconds()))
}

// joined is what it costs to take one fan, beside the message.
func (r *room) joined() []blueprint.Operation {
	if r.pool != nil {
		return slices.Concat(r.pool.Identities(1), r.identities.Puts(1, recordBytes), r.identities.Updates(1, 2*recordBytes), r.streaming.Takes(batchOf, placerTakes))
	}
	join := r.functions["join"]
	return append(join.Invocations(1, joinTakes), join.Answers(1, joinedBytes*r.unbrought()+broughtBytes*(1-r.unbrought()))...)
}

// looks is what it costs to ask turn.
func (r *room) looks(bytes float64, takes time.Duration) []blueprint.Operation {
	turn := r.functions["turn"]
	return slices.Concat(turn.Invocations(1, takes), turn.Answers(1, bytes), blueprint.Eventually(r.fans.Gets(1, recordBytes)))
}

// scaled is n times the operations.
func scaled(n float64, operations []blueprint.Operation) []blueprint.Operation {
	for i := range operations {
		operations[i].Count *= n
	}
	return operations
}

// serves is what it costs to serve n objects of the site.
func (r *room) serves(n, bytes float64) []blueprint.Operation {
	if r.cdn != nil {
		return r.cdn.Serves(n, bytes, edgeHits)
	}
	return r.pages.Serves(n, bytes)
}
