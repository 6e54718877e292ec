package votingwindow

import (
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// What a plan takes for provisioned capacity, the orchestrator starts with.
func TestOrchestratorTakesTheCapacity(t *testing.T) {
	for name, capacity := range map[string]map[string]any{
		"the defaults":       {},
		"the least":          {"min_writes": 1, "max_writes": 1, "min_workers": 2, "max_workers": 2, "drain_seconds": 10},
		"the most":           {"min_writes": 40000, "max_writes": 40000, "min_workers": 1000, "max_workers": 1000, "drain_seconds": 900},
		"an opening":         {"min_writes": 10, "opening_writes": 4000, "max_writes": 16000, "max_workers": 200},
		"an opening's least": {"opening_writes": 5, "min_workers": 50, "max_workers": 50},
	} {
		t.Run(name, func(t *testing.T) {
			capacity["mode"] = capacityProvisioned
			spec, ok := described(t, map[string]any{"capacity": capacity}).Part("orchestrator").Spec.(blueprint.FunctionSpec)
			if !ok {
				t.Fatal("there is no orchestrator")
			}
			c, err := config.Load[votingwindow.OrchestratorConfig](spec.Environment)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Limits().Check(); err != nil {
				t.Error(err)
			}
		})
	}
}
