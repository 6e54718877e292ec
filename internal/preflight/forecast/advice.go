package forecast

import (
	"cmp"
	"fmt"
	"strings"
)

// Advice says what a limit meant for this forecast, and what to do.
func (f Forecast) Advice(r *Result, t Throttle) string {
	const raise = "Ask for a higher quota (Service Quotas, %s) well before the event"
	concurrency := fmt.Sprintf(raise, "lambda, \"Concurrent executions\", L-B99A9384")
	peak := int(f.Arrivals.Peak())
	switch t.Cause {
	case APIRate:
		return fmt.Sprintf("API Gateway takes %d requests a second for all APIs of the account together, and up to %d arrive. %s, or take requests by a function URL or directly by the queue.",
			f.Limits.APIRate, peak, fmt.Sprintf(raise, "apigateway, \"Throttle rate\", L-8A5B8E43"))
	case LambdaRequests:
		return fmt.Sprintf("Lambda takes %d requests a second for each concurrent execution that a function may have; up to %d arrive, which needs %d. %s, or let clients send directly to the queue.",
			PerExecution, peak, (peak+PerExecution-1)/PerExecution, concurrency)
	case LambdaConcurrency:
		if reserved := f.reserved(t.Part); reserved > 0 {
			return fmt.Sprintf("All %d executions that are reserved for the function were in use. Reserve more for it.", reserved)
		}
		return fmt.Sprintf("All %d executions of the account that are not reserved were in use. %s, reserve executions for functions that must never wait, or let calls take less time.", f.unreserved(), concurrency)
	case LambdaGrowth:
		return fmt.Sprintf("A function grows by %d environments every %s. Let the load begin more slowly.", GrowthEnvironments, GrowthPeriod)
	case TableWrites:
		return f.tableAdvice(r, t.Part)
	case StreamWrites:
		return "The stream's shards did not take what was listed as fast as it was. It is sent again, and the upload takes longer; give the stream more shards."
	case QueueInFlight:
		return fmt.Sprintf("A queue holds %d messages that are received and not yet deleted; Lambda then receives no more. It follows from writes that fail, or from calls that take long: cure these first.", f.Limits.InFlight)
	case MappingBatches:
		return fmt.Sprintf("A mapping takes at most %d batches at once, or its own maximum concurrency. Let a batch hold more messages or take less time.", f.Limits.MappingBatches)
	}
	return ""
}

func (f Forecast) tableAdvice(r *Result, name string) string {
	for _, t := range f.Design.Tables {
		switch {
		case t.Name != name:
		case t.OneItem:
			return fmt.Sprintf("All writes fall on one item, which takes %d units a second; no quota can be raised. Spread them over more items.", PartitionWrites)
		case t.Units > 0:
			return fmt.Sprintf("The table's provisioned capacity did not carry the writes: up to %d messages a second were accepted. Provision more before the opening, or use on-demand capacity with warm throughput.", r.PeakAccepted)
		default:
			carries := cmp.Or(t.Warm, f.Limits.NewTableWrites)
			return fmt.Sprintf("The table carries %d write units a second at the beginning, and up to %d messages a second were accepted; what is throttled waits in the queue. Warm it: set its warm throughput to at least %d write units some days before, or rehearse with half of the load more than half an hour before.", carries, r.PeakAccepted, r.PeakAccepted)
		}
	}
	return ""
}

func (f Forecast) reserved(function string) int {
	for _, g := range f.Design.Functions {
		if g.Name == function {
			return g.Reserved
		}
	}
	return 0
}

func (f Forecast) unreserved() int {
	n := f.Limits.Concurrency
	for _, g := range f.Design.Functions {
		n -= g.Reserved
	}
	return n
}

// Summary is the forecast in a few sentences.
func (r *Result) Summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s were accepted, %s refused.", grouped(r.Accepted), grouped(r.Arrived), grouped(r.Refused))
	switch {
	case r.Drains < 0:
		fmt.Fprintf(&b, " They were not all done four hours after the last arrival.")
	case r.InGrace:
		fmt.Fprintf(&b, " All was done %s after the last arrival, within the grace.", clock(r.Drains))
	default:
		fmt.Fprintf(&b, " All was done %s after the last arrival, later than the grace.", clock(r.Drains))
	}
	if r.Dead > 0 {
		fmt.Fprintf(&b, " %s went to the dead-letter queue.", grouped(r.Dead))
	}
	fmt.Fprintf(&b, " At most %s of %s executions ran at once.", grouped(r.PeakConcurrency), grouped(r.Concurrency))
	switch {
	case !r.Published:
	case r.FrozenAt < 0:
		fmt.Fprintf(&b, " The results never froze.")
	default:
		fmt.Fprintf(&b, " The results froze %s after the opening; their greatest age was %s.", clock(r.FrozenAt), clock(r.OldestResults))
	}
	return b.String()
}
