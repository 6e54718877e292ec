package preflight

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/preflight/forecast"
)

// Limits that no quota of the account moves, or that Service Quotas does not
// tell, beside those that the forecast has.
const (
	// A prefix of a bucket carries these requests a second (S3 User Guide, "Best
	// practices design patterns: optimizing Amazon S3 performance").
	prefixGets, prefixPuts = 5500, 3500
	// leastRequests a second to APIs is what an account has in the regions with the
	// lowest default (API Gateway quotas, "API Gateway account-level quotas, per
	// Region").
	leastRequests = 2500
	// newIdentities a second are what the identity pools of an account and region
	// give, GetId (Cognito Developer Guide, "Quotas in Amazon Cognito", identity
	// pools API operation request rates).
	newIdentities = 25
	// A distribution carries these requests and bits a second by default
	// (CloudFront Developer Guide, "General quotas").
	edgeRate, edgeBits = 250_000, 150e9
)

// Warning is a quota that does not carry the expected load.
type Warning struct {
	// Summary names the quota, Detail the need, what will happen, and what to do.
	Summary, Detail string
}

// Check compares what the expected load needs with what the account has. A
// blueprint without a load asks nothing and has no warnings. applied is the system
// as it is deployed already, whose reservations are among those of the account; nil
// where it is not.
func Check(ctx context.Context, b *blueprint.Blueprint, quotas Quotas, applied *blueprint.Blueprint) []Warning {
	if b.Event == nil {
		return nil
	}
	c := &checker{blue: b, demand: DemandOf(b), quotas: quotas, applied: applied}
	c.concurrency(ctx)
	c.mappings()
	c.tables(ctx)
	c.buckets()
	c.apis(ctx)
	c.identities()
	c.distributions()
	return c.warnings
}

type checker struct {
	blue     *blueprint.Blueprint
	demand   Demand
	quotas   Quotas
	applied  *blueprint.Blueprint
	warnings []Warning
}

func (c *checker) warn(summary, format string, args ...any) {
	c.warnings = append(c.warnings, Warning{summary, fmt.Sprintf(format, args...)})
}

// concurrency compares what runs at once with what the account and the
// reservations allow.
func (c *checker) concurrency(ctx context.Context) {
	all, unreserved := c.quotas.Concurrency(ctx)
	reserved, pool := reservations(c.blue), 0.0
	var shares []string
	for _, p := range c.blue.Parts {
		f, ok := p.Spec.(blueprint.FunctionSpec)
		if !ok {
			continue
		}
		need := c.executions(p.Key)
		switch {
		case f.ReservedConcurrency != blueprint.NoReservation:
			if need > float64(f.ReservedConcurrency) {
				c.warn(fmt.Sprintf("Function %q reserves too little concurrency for the expected load", p.Key),
					"It needs %s executions at once, and %s are reserved for it. %s Set functions.%s.reserved_concurrency to more, or to -1 for no reservation.",
					number(need), number(float64(f.ReservedConcurrency)), c.refused(p.Key), p.Key)
			}
		case need > 0:
			pool += need
			shares = append(shares, fmt.Sprintf("%s %s", p.Key, number(need)))
		}
	}
	// What is left for others if this system has its reservations.
	left := all.Value - reserved
	if unreserved >= 0 {
		left = unreserved + reservations(c.applied) - reserved
	}
	if reserved > 0 && left < forecast.KeptUnreserved {
		c.warn("Lambda concurrency: the reservations will be refused",
			"The functions reserve %s of the account's %s concurrent executions, which leaves %s unreserved, and AWS keeps %d unreserved: the apply will fail. "+
				"Ask for a higher quota (%s), or reserve less: functions = { <function> = { reserved_concurrency = -1 } }. %s",
			number(reserved), number(all.Value), number(left), forecast.KeptUnreserved, where(Concurrency), all.Source)
	}
	if pool > left {
		c.warn("Lambda concurrency: too little for the expected load",
			"At its greatest rate the load needs %s executions at once (%s), and %s of the account's %s are there for it. What comes above is refused: requests to a function URL get status 429, those to an API an error, and messages wait in their queue. "+
				"Ask for a higher quota (%s) well before the event. %s",
			number(pool), strings.Join(shares, ", "), number(max(0, left)), number(all.Value), where(Concurrency), all.Source)
	}
}

// reservations is the concurrency that a system's functions reserve.
func reservations(b *blueprint.Blueprint) float64 {
	sum := 0.0
	if b == nil {
		return 0
	}
	for _, p := range b.Parts {
		if f, ok := p.Spec.(blueprint.FunctionSpec); ok && f.ReservedConcurrency != blueprint.NoReservation {
			sum += float64(f.ReservedConcurrency)
		}
	}
	return sum
}

// executions is how much concurrency a function needs: what runs at once, or
// what its URL asks for.
func (c *checker) executions(key string) float64 {
	d := c.demand.Functions[key]
	if d == nil {
		return 0
	}
	if c.public(key) {
		return max(d.Concurrency, d.PerSecond/forecast.PerExecution)
	}
	return d.Concurrency
}

// public reports whether the function has a URL.
func (c *checker) public(key string) bool {
	return slices.ContainsFunc(c.blue.Parts, func(p *blueprint.Part) bool {
		url, ok := p.Spec.(blueprint.URLSpec)
		return ok && c.blue.Target(url.Function) == c.blue.Part(key)
	})
}

// refused says what becomes of calls that find no execution.
func (c *checker) refused(key string) string {
	if c.public(key) {
		return fmt.Sprintf("A function URL takes %d requests a second for each of them; what comes above gets status 429.", forecast.PerExecution)
	}
	if c.behindAPI(key) {
		return "Calls above that are refused, and the API answers with an error."
	}
	return "Calls above that are refused, and messages wait in their queue."
}

// behindAPI reports whether an HTTP API calls the function.
func (c *checker) behindAPI(key string) bool {
	return slices.ContainsFunc(c.blue.Parts, func(p *blueprint.Part) bool {
		permission, ok := p.Spec.(blueprint.InvokePermissionSpec)
		return ok && c.blue.Target(permission.Function) == c.blue.Part(key)
	})
}

// mappings compares the batches at once with how fast pollers grow.
func (c *checker) mappings() {
	for _, p := range c.blue.Parts {
		m, ok := p.Spec.(blueprint.MappingSpec)
		if !ok {
			continue
		}
		function, queue := c.blue.Target(m.Function), c.blue.Target(m.Source)
		if function == nil || queue == nil || c.demand.Functions[function.Key] == nil {
			continue
		}
		need := c.demand.Functions[function.Key].Concurrency
		if m.StartingPosition != "" {
			c.shards(p, m, queue, function, need)
			continue
		}
		most := float64(cmp.Or(m.MaxConcurrency, forecast.MostBatches))
		if slices.Contains(p.RuntimeOwned, "maximum_concurrency") {
			most = forecast.MostBatches
		}
		switch {
		case need > most:
			c.warn(fmt.Sprintf("Mapping %q: too few batches at once for the expected load", p.Key),
				"Function %q needs %s executions at once to keep up with queue %q, and the mapping allows %s. Messages wait in the queue until the load falls. Let a batch hold more messages or take less time (functions.%s.memory_mb), or raise the mapping's maximum concurrency where it has one.",
				function.Key, number(need), queue.Key, number(most), function.Key)
		case need > forecast.FirstBatches+forecast.MoreBatches:
			c.warn(fmt.Sprintf("Mapping %q: its pollers grow more slowly than the expected load", p.Key),
				"Function %q needs %s executions at once to keep up with queue %q. Lambda begins with %d and adds %d a minute, so messages wait for up to %s minutes after a sudden start. Let the load begin earlier, or give the function more memory so that a batch takes less time (functions.%s.memory_mb).",
				function.Key, number(need), queue.Key, forecast.FirstBatches, forecast.MoreBatches, number((need-forecast.FirstBatches)/forecast.MoreBatches), function.Key)
		}
		if held := c.demand.InFlight[queue.Key]; held > forecast.MostInFlight {
			c.warn(fmt.Sprintf("Queue %q: too many messages in flight for the expected load", queue.Key),
				"%s messages are received and not yet deleted at the greatest rate, and a standard queue holds about %s so. Lambda then receives no more until some are deleted; messages wait. Give the function more memory so that a batch takes less time (functions.%s.memory_mb), or ask AWS Support for more. %s is AWS's default; no service tells the account's own figure.",
				number(held), number(forecast.MostInFlight), function.Key, number(forecast.MostInFlight))
		}
	}
}

// shards compares the batches at once with what the shards of a Kinesis stream
// allow. What shards a table's stream has, and a stream on demand, AWS decides.
func (c *checker) shards(mapping *blueprint.Part, m blueprint.MappingSpec, source, function *blueprint.Part, need float64) {
	stream, ok := source.Spec.(blueprint.StreamSpec)
	if !ok || stream.Mode != blueprint.StreamProvisioned {
		return
	}
	if most := float64(stream.Shards * m.Parallelization); need > most {
		c.warn(fmt.Sprintf("Mapping %q: too few batches at once for the expected load", mapping.Key),
			"Function %q needs %s executions at once to keep up with stream %q, and its %d shards with a parallelization factor of %d allow %s. Records wait in the stream until the load falls. Give the stream more shards, the mapping a greater factor, at most 10, or the function more memory so that a batch takes less time (functions.%s.memory_mb).",
			function.Key, number(need), source.Key, stream.Shards, m.Parallelization, number(most), function.Key)
	}
}

// tables compares units a second with what a table and a new one carry.
func (c *checker) tables(ctx context.Context) {
	for _, key := range slices.Sorted(maps.Keys(c.demand.Tables)) {
		d := c.demand.Tables[key]
		spec, scaled := c.table(key)
		for _, u := range []struct {
			what         string
			need         float64
			ofNew, limit float64
			capacity     float64
			quota        Quota
		}{
			{"write", d.Writes, float64(max(forecast.NewTableWrites, spec.WarmWrites)), TableWrites.Default, float64(spec.Writes), TableWrites},
			{"read", d.Reads, float64(max(forecast.NewTableReads, spec.WarmReads)), TableReads.Default, float64(spec.Reads), TableReads},
		} {
			source := ""
			if u.need > u.limit {
				// Only then does it matter what the account has.
				limit := c.quotas.Limit(ctx, u.quota)
				u.limit, source = limit.Value, limit.Source
			}
			switch {
			case u.need > u.limit:
				c.warn(fmt.Sprintf("DynamoDB table %q: too few %s units for the expected load", key, u.what),
					"The load needs %s %s units a second, and the account allows %s a table. Requests above are throttled and tried again; what comes by a queue waits there. Ask for a higher quota (%s) well before the event. %s",
					number(u.need), u.what, number(u.limit), where(u.quota), source)
			case spec.BillingMode == blueprint.Provisioned:
				if u.need > u.capacity && !scaled {
					c.warn(fmt.Sprintf("DynamoDB table %q: too little %s capacity for the expected load", key, u.what),
						"The load needs %s %s units a second, and the table is provisioned with %s. Requests above are throttled and tried again; what comes by a queue waits there. Provision more, or let the table be on demand.",
						number(u.need), u.what, number(u.capacity))
				}
			case u.need > u.ofNew:
				c.warn(fmt.Sprintf("DynamoDB table %q: a new table carries fewer %s units than the expected load", key, u.what),
					"The load needs %s %s units a second. This table, when new, carries %s, and one in use twice its previous peak; above that, requests are throttled for up to 30 minutes while it grows, and what comes by a queue waits there. Rehearse with half of the load, or set the table's warm throughput, which AWS bills once, some days before. The figure is AWS's default, and a table that has carried half of the load carries this one.",
					number(u.need), u.what, number(u.ofNew))
			}
		}
	}
}

// table returns the spec of a table, and whether its capacity is changed at run
// time.
func (c *checker) table(key string) (spec blueprint.TableSpec, scaled bool) {
	p := c.blue.Part(key)
	if p == nil {
		return spec, false
	}
	spec, _ = p.Spec.(blueprint.TableSpec)
	return spec, slices.Contains(p.RuntimeOwned, "read_capacity")
}

// buckets compares requests a second with what a prefix carries.
func (c *checker) buckets() {
	for _, key := range slices.Sorted(maps.Keys(c.demand.Buckets)) {
		d := c.demand.Buckets[key]
		for _, u := range []struct {
			what         string
			need, prefix float64
			advice       string
		}{
			{"GET", d.Gets, prefixGets, "Put a CDN before the bucket's public objects, or let pages ask less often."},
			{"PUT", d.Puts, prefixPuts, "Write less often, or under more prefixes."},
		} {
			if u.need > u.prefix {
				c.warn(fmt.Sprintf("S3 bucket %q: too many %s requests for the expected load", key, u.what),
					"The load needs %s %s requests a second, and a prefix carries %s. Those above get status 503 (Slow Down) until S3 has grown, which takes minutes. %s The figure is AWS's own; no quota can be raised.",
					number(u.need), u.what, number(u.prefix), u.advice)
			}
		}
	}
}

// distributions compares requests and bits a second with what a distribution
// carries. CloudFront's quotas are told in us-east-1 only, where a system's own
// client does not ask.
func (c *checker) distributions() {
	for _, key := range slices.Sorted(maps.Keys(c.demand.Distributions)) {
		d := c.demand.Distributions[key]
		for _, u := range []struct {
			what        string
			need, limit float64
		}{{"requests", d.Requests, edgeRate}, {"bits", 8 * d.Bytes, edgeBits}} {
			if u.need > u.limit {
				c.warn(fmt.Sprintf("CloudFront distribution %q: too many %s for the expected load", key, u.what),
					"The load needs %s %s a second, and a distribution carries %s. What comes above is slowed down or refused. Ask for a higher quota (Service Quotas, cloudfront, in us-east-1) well before the event, or let pages ask less often. The figure is AWS's default; the account's own was not asked for.",
					number(u.need), u.what, number(u.limit))
			}
		}
	}
}

// where says where a quota is raised.
func where(q Quota) string {
	return fmt.Sprintf("Service Quotas, %s, %q, %s", q.Service, q.Name, q.Code)
}

// number writes a need or a limit for people: whole, rounded up, with thousands
// apart.
func number(f float64) string {
	// A thousandth is the noise of computing.
	s := strconv.FormatInt(int64(math.Ceil(f-0.001)), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
