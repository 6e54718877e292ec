package semanticmonitor

import (
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/semanticmonitor"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// What no call shows, as the cost is computed with.
const (
	answerTakes = 300 * time.Millisecond // An endpoint's answer.
	funnelTakes = 3 * time.Second        // From a queue to its end, while all is well.
	stateBytes  = 1800                   // The state with ten outcomes.
	logBytes    = 1500                   // Two lines and three of metrics.
	metrics     = 5
	readings    = 6 // Of the state, for each probe.
	writings    = 2
	requestSize = 300 // What leaves for the Internet at the most.
)

// load says what probes cost, which go all the time. What they cost within the
// system that they monitor is not known here.
func load(b *blueprint.Builder, t semanticmonitor.Target, l semanticmonitor.Limits, state blueprint.TableHandle, probe blueprint.FunctionHandle) {
	takes := funnelTakes
	if t.HTTP != nil {
		takes = answerTakes
	}
	probes := blueprint.Load{Unit: "probe", Count: float64(blueprint.Month / l.Interval)}
	b.PerMonth(probes, probe.Invocations(1, min(takes, l.Within)), state.Gets(readings, stateBytes), state.Puts(writings, stateBytes), probe.Logs(1, logBytes), probe.Answers(1, requestSize))
	b.PerMonth(blueprint.Load{Unit: "month", Count: 1}, probe.Metrics(metrics, blueprint.Month))
}
