package provider_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

func TestAccBurstForecast(t *testing.T) {
	a := newAccount(t)
	const address = "data.serverless_burst_forecast.tv"
	mark := local.Gate().Meter().Mark()
	attribute := func(name, value string) resource.TestCheckFunc {
		return resource.TestCheckResourceAttr(address, name, value)
	}
	look := func(arguments string, lines ...string) string {
		return a.look("burst_forecast", arguments, lines...) + "output \"accepted\" {\n  value = " + address + ".accepted\n}\n"
	}
	refuse := func(want string, lines ...string) resource.TestStep {
		return resource.TestStep{Config: look(lookArguments, lines...), ExpectError: regexp.MustCompile(want)}
	}
	const plateau = "arrivals = { plateau_rate = 1000 }"
	with := func(argument string) string {
		return strings.Replace(lookArguments, "question ", argument+"\n    question ", 1)
	}
	unreserved := strings.Replace(lookArguments, "functions = {", "functions = { publisher = { reserved_concurrency = -1 }, ", 1)
	a.run(t,
		resource.TestStep{
			Config: look(lookArguments, plateau),
			// The plan knows it: nothing is asked of AWS.
			ConfigPlanChecks: preApply(plancheck.ExpectKnownOutputValue("accepted", knownvalue.Int64Exact(600_803))),
			Check: resource.ComposeAggregateTestCheckFunc(
				attribute("arrived", "600803"), attribute("accepted", "600803"), attribute("refused", "0"), attribute("recorded", "600803"), attribute("dead_letters", "0"),
				attribute("within_grace", "true"), attribute("results_frozen_seconds", "0"), resource.TestCheckNoResourceAttr(address, "results_frozen_at_seconds"),
				attribute("throttled.%", "0"), attribute("limits.#", "0"), attribute("peak_concurrency_by_function.publisher", "2"),
				attribute("timeline.#", "120"), attribute("timeline_interval_seconds", "6"), attribute("timeline.1.at_seconds", "6"),
				attribute("assumptions.#", "5"), attribute("currency", "USD"),
				resource.TestMatchResourceAttr(address, "cost_per_event", regexp.MustCompile(`^0\.\d+$`)),
				resource.TestMatchResourceAttr(address, "svg", regexp.MustCompile(`^<svg [^>]*role="img"`)),
				resource.TestMatchResourceAttr(address, "summary", regexp.MustCompile(`^600,803 of 600,803 were accepted, 0 refused\..*The results never froze\.$`)),
			),
		},
		// Above what a new table carries the rest waits, longer than the grace.
		resource.TestStep{Config: look(lookArguments, "arrivals = { plateau_rate = 7000 }"), Check: resource.ComposeAggregateTestCheckFunc(
			attribute("within_grace", "false"), attribute("refused", "0"), attribute("results_frozen_seconds", "0"),
			resource.TestMatchResourceAttr(address, "throttled.table_writes", regexp.MustCompile(`^[1-9]\d+$`)),
			resource.TestCheckTypeSetElemNestedAttrs(address, "limits.*", map[string]string{"limit": "table_writes", "part": "ballots"}),
		)},
		resource.TestStep{Config: look(lookArguments, "arrivals = { plateau_rate = 7000 }", "quotas = { table_write_units_at_start = 9000 }"), Check: resource.ComposeAggregateTestCheckFunc(
			attribute("within_grace", "true"), attribute("limits.#", "0"),
		)},
		// The same of a table that is warmed; one that is provisioned is scaled.
		resource.TestStep{Config: look(with("capacity = { warm_writes = 9000 }"), "arrivals = { plateau_rate = 7000 }"), Check: resource.ComposeAggregateTestCheckFunc(
			attribute("within_grace", "true"), attribute("limits.#", "0"),
		)},
		resource.TestStep{Config: look(with("capacity = { mode = \"provisioned\", max_writes = 9000 }"), plateau), Check: resource.ComposeAggregateTestCheckFunc(
			attribute("within_grace", "true"), attribute("assumptions.#", "6"), attribute("peak_concurrency_by_function.orchestrator", "1"),
			resource.TestCheckTypeSetElemNestedAttrs(address, "limits.*", map[string]string{"limit": "table_writes", "part": "ballots"}),
		)},
		// A small account, where nothing is reserved.
		resource.TestStep{Config: look(unreserved, "arrivals = { plateau_rate = 300, seconds = 60 }", "quotas = { concurrent_executions = 10 }"), Check: resource.ComposeAggregateTestCheckFunc(
			resource.TestMatchResourceAttr(address, "throttled.lambda_requests", regexp.MustCompile(`^[1-9]\d+$`)),
			resource.TestMatchResourceAttr(address, "limits.0.advice", regexp.MustCompile(`L-B99A9384`)),
		)},
		// An expected load among the arguments is kept, its votes apart: viewers cost.
		resource.TestStep{Config: look(with("expected_load = { votes = 1, viewers = 100000 }"), plateau),
			Check: resource.TestMatchResourceAttr(address, "cost_per_event", regexp.MustCompile(`^3\.\d+$`))},
		refuse(`The\s+argument\s+"arrivals"\s+is\s+required`),
		refuse(`attribute "plateau_rate" is\s+required`, "arrivals = {}"),
		refuse(`arrivals\.plateau_rate\s+value\s+must\s+be\s+at\s+least`, "arrivals = { plateau_rate = -1 }"),
		refuse(`(?s)Too short.*Arrivals last 1m0s`, "arrivals = { plateau_rate = 1, seconds = 60, opening_rate = 2, opening_seconds = 61 }"),
		refuse(`(?s)No opening.*opening_rate`, "arrivals = { plateau_rate = 1, opening_seconds = 61 }"),
		refuse(`(?s)Invalid arrivals.*give\s+at\s+most\s+100000000`, "arrivals = { plateau_rate = 1e7 }"),
		refuse(`quotas\.api_burst\s+value\s+must\s+be\s+between`, plateau, "quotas = { api_burst = 0 }"),
		refuse(`(?s)Too little concurrency.*reserve 2 of\s+100`, plateau, "quotas = { concurrent_executions = 100 }"),
		refuse(`seed\s+value\s+must\s+be\s+at\s+least\s+0`, plateau, "seed = -1"),
		// Another seed, another chance.
		resource.TestStep{Config: look(lookArguments, plateau, "seed = 2"), Check: resource.TestCheckResourceAttrWith(address, "arrived", func(value string) error {
			if value == "600803" {
				return errors.New("two seeds bring as many")
			}
			return nil
		})},
	)
	for _, c := range a.calls(mark) {
		// The test itself lists what is left in the account.
		if !strings.HasPrefix(c.Operation, "List") && !strings.HasPrefix(c.Operation, "Describe") && c.Operation != "GetCallerIdentity" {
			t.Errorf("a forecast called %s:%s", c.Service, c.Operation)
		}
	}
}
