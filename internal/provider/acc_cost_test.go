package provider_test

import (
	"fmt"
	"net/http"
	neturl "net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	tfstate "github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/votecheck"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/preflight"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// What a resource costs goes through Terraform's state and back without a
// difference, and so does the load.
func TestAccCost(t *testing.T) {
	a := newAccount(t)
	const name = "costly"
	cost := func(field string) tfjsonpath.Path { return tfjsonpath.New("cost").AtMapKey(field) }
	load := base(name).with("architecture", quote("arm64"), "expected_load", "{ votes = 1000000, viewers = 1000 }")
	plain := base(name).with("architecture", quote("arm64"))
	a.run(t,
		resource.TestStep{Config: a.config(plain), ConfigPlanChecks: preApply(
			plancheck.ExpectKnownValue(address, cost("idle_per_month"), knownvalue.Float64Exact(idleCost)),
			plancheck.ExpectKnownValue(address, cost("per_event"), knownvalue.Null()),
		)},
		resource.TestStep{Config: a.config(plain), PlanOnly: true},
		resource.TestStep{Config: a.config(load), ConfigPlanChecks: preApply(append(updated(), plancheck.ExpectKnownValue(address, cost("unit"), knownvalue.StringExact("vote")))...)},
		resource.TestStep{Config: a.config(load), PlanOnly: true},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateId: name, ImportStateVerify: true, ImportStateVerifyIdentifierAttribute: "name", ImportStateVerifyIgnore: []string{"timeouts"}},
	)
}

// idleCost is what an idle voting window costs a month on arm64, in dollars.
const idleCost = 2.1558

func TestAccCostEstimate(t *testing.T) {
	a := newAccount(t)
	const address = "data.serverless_cost_estimate.tv"
	const loaded = `load = { votes = 2000000, events_per_month = 4 }`
	arm := strings.Replace(lookArguments, "question  =", "architecture = \"arm64\"\n    question =", 1)
	among := strings.Replace(arm, "question =", "expected_load = { votes = 2000000, events_per_month = 4 }\n    question =", 1)
	mark := local.Gate().Meter().Mark()
	attribute := func(name, value string) resource.TestCheckFunc {
		return resource.TestCheckResourceAttr(address, name, value)
	}
	given := resource.ComposeAggregateTestCheckFunc(
		attribute("idle_per_month", fmt.Sprint(idleCost)), attribute("per_event", "2.943"), attribute("per_million", "1.4715"), attribute("per_month", "13.9277"),
		attribute("unit", "vote"), attribute("by_service.sqs", "4.1034"), attribute("prices_region", "us-east-1"),
	)
	refuse := func(load, want string) resource.TestStep {
		return resource.TestStep{Config: a.look("cost_estimate", arm, "load = "+load), ExpectError: regexp.MustCompile(want)}
	}
	a.run(t,
		resource.TestStep{Config: a.look("cost_estimate", arm), Check: resource.ComposeAggregateTestCheckFunc(
			attribute("idle_per_month", fmt.Sprint(idleCost)), resource.TestCheckNoResourceAttr(address, "per_event"), resource.TestCheckNoResourceAttr(address, "unit"),
			attribute("lines.#", "24"), attribute("lines.0.service", "cloudwatch"), attribute("lines.0.dimension", "alarms"), attribute("lines.0.period", "month"),
			attribute("lines.0.quantity", "1"), attribute("lines.0.unit_price", "0.1"), attribute("lines.0.amount", "0.1"), attribute("lines.0.basis", "modelled"),
		)},
		resource.TestStep{Config: a.look("cost_estimate", arm, loaded), Check: given},
		resource.TestStep{Config: a.look("cost_estimate", among), Check: given},
		resource.TestStep{Config: a.look("cost_estimate", strings.Replace(among, "2000000", "1", 1), loaded), Check: given},
		refuse(`{ votes = 0 }`, `expected_load\.votes`), refuse(`{ viewers = 10 }`, `expected_load\.votes: The argument\s+is\s+required`),
		refuse(`{ votes = 1, fans = 2 }`, `no argument\s+expected_load\.fans`), refuse(`"many"`, `expected_load`),
	)
	for _, c := range a.calls(mark) {
		// The test itself lists what is left in the account.
		if !strings.HasPrefix(c.Operation, "List") && !strings.HasPrefix(c.Operation, "Describe") && c.Operation != "GetCallerIdentity" {
			t.Errorf("an estimate called %s:%s", c.Service, c.Operation)
		}
	}
}

func TestAccPriceFile(t *testing.T) {
	a := newAccount(t)
	text, err := os.ReadFile(filepath.Join("..", "preflight", "prices.json"))
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, from, to string) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		return "price_file = " + quote(file)
	}
	const address = "data.serverless_cost_estimate.tv"
	look := func(file string) string {
		return strings.Replace(a.look("cost_estimate", lookArguments), a.provider(), a.provider(file), 1)
	}
	a.run(t,
		resource.TestStep{Config: look(write("typo.json", `"fifo_requests"`, `"fifo"`)), ExpectError: expectError("Unusable price file", "regions.us-east-1.sqs.fifo is no dimension; sqs has fifo_requests, requests")},
		resource.TestStep{Config: look(`price_file = "none.json"`), ExpectError: expectError("Unusable price file", "read the price file: open none.json")},
		resource.TestStep{Config: look(write("free.json", `"alarms": {"price": 0.1,`, `"alarms": {"price": 0,`)), Check: resource.TestCheckResourceAttr(address, "lines.0.amount", "0")},
	)
}

// TestAccCostIsMetered holds the estimate against the calls that votes really
// make. The publisher is left out: what it calls goes by the clock, not by
// votes.
func TestAccCostIsMetered(t *testing.T) {
	a := accountAlone(t)
	const (
		name              = "metered"
		votes, duplicates = 400, 40
		senders           = 8
	)
	at := func(d time.Duration) string { return quote(time.Now().Add(d).UTC().Format(time.RFC3339)) }
	a.runCarrying(t, resource.TestStep{
		Config: a.config(base(name).with("opens_at", at(-time.Hour), "closes_at", at(time.Hour), "voter_pattern", quote("[0-9]{8}"))),
		Check: func(s *tfstate.State) error {
			url := s.RootModule().Resources[address].Primary.Attributes["vote_url"]
			mark, began := local.Gate().Meter().Mark(), time.Now()
			accepted := castAll(t, url, votes, duplicates, senders)
			took := time.Since(began)
			recorded(t, a, name, accepted)
			compareCost(t, name, url, mark, votes, duplicates, took)
			return nil
		},
	})
}

// castAll sends votes by several senders; the last ones are second votes of the
// first voters.
func castAll(t *testing.T, url string, votes, duplicates, senders int) []string {
	t.Helper()
	work := make(chan int)
	var mu sync.Mutex
	var accepted []string
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for i := range work {
				id := request{"a vote", http.MethodPost, fmt.Sprintf(`{"voter": "%08d", "answer": "anna"}`, i%(votes-duplicates)), http.StatusAccepted, ""}.send(t, url)
				mu.Lock()
				accepted = append(accepted, id)
				mu.Unlock()
			}
		})
	}
	for i := range votes {
		work <- i
	}
	close(work)
	all.Wait()
	return accepted
}

// recorded waits until every accepted vote has ended.
func recorded(t *testing.T, a account, name string, accepted []string) {
	t.Helper()
	tables := votecheck.Tables(a.aws(home))
	deadline := time.After(endsWithin)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		ballots, ledger, err := votecheck.Read(t.Context(), tables, name+"-vote-ballots-"+code, name+"-vote-ledger-"+code)
		if err == nil {
			if _, err = votecheck.Check(accepted, ballots, ledger); err == nil {
				return
			}
		}
		select {
		case <-deadline:
			t.Fatalf("after %s: %s", endsWithin, err)
		case <-tick.C:
		}
	}
}

// compareCost holds the estimate of a load against the calls since the mark.
func compareCost(t *testing.T, name, url string, mark localaws.Mark, votes, duplicates int, took time.Duration) {
	t.Helper()
	parsed, err := neturl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	endpoint, _, _ := strings.Cut(parsed.Host, ".")
	counts := map[localaws.Key]*preflight.Calls{}
	calls := local.Gate().Meter().Calls(mark)
	for _, c := range calls {
		ours := strings.HasPrefix(c.Resource, name+"-vote-") || c.Service == "lambda-url" && c.Resource == endpoint
		if !ours || c.Caller == "voting_window.publisher" || c.Caller != localaws.MappingCaller && !strings.HasPrefix(c.Caller, "voting_window.") && c.Service != "lambda-url" {
			continue
		}
		key := localaws.Key{Service: c.Service, Operation: c.Operation}
		if counts[key] == nil {
			counts[key] = &preflight.Calls{Service: c.Service, Operation: c.Operation}
		}
		counts[key].Count++
		counts[key].Statements += c.Statements
		counts[key].Bytes += c.Bytes
		counts[key].AnswerBytes += c.AnswerBytes
	}
	// How many messages a look at the queue finds goes by how busy the machine is. One at
	// least: the estimate's, as they come at this rate.
	const looks = "sqs:ReceiveMessage"
	var metered, estimated, meteredLooks, estimatedLooks float64
	for _, c := range counts {
		for _, l := range preflight.PriceCalls(preflight.Builtin(), home, []preflight.Calls{*c}) {
			if l.Why == looks {
				meteredLooks += l.Quantity
			} else {
				metered += l.Amount
			}
			t.Logf("metered   %-28s %8.1f %.3g", l.Why, l.Quantity, l.Amount)
		}
	}
	opens := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	arguments := fmt.Sprintf(`{"question": "q", "answers": {"anna": "Anna", "bruno": "Bruno"}, "opens_at": %q, "closes_at": %q, "expected_load": {"votes": %d, "duplicates": %d}}`,
		opens.Format(time.RFC3339), opens.Add(max(time.Second, took.Round(time.Second))).Format(time.RFC3339), votes, duplicates)
	system, _ := systems.Find("voting_window")
	b, diags := system.Resource().Describe(t.Context(), name, []byte(arguments), nil)
	if diags.HasError() {
		t.Fatal(diags)
	}
	for _, l := range preflight.Cost(b, preflight.Builtin(), home).Lines {
		call, load, _ := strings.Cut(l.Why, " for each ")
		if l.Period != preflight.Event || l.Basis != preflight.Metered || load != "vote" && load != "duplicate" {
			continue
		}
		if call == looks {
			estimatedLooks += l.Quantity
		} else {
			estimated += l.Amount
		}
		t.Logf("estimated %-28s %8.1f %.3g", l.Why, l.Quantity, l.Amount)
	}
	if ratio := estimated / metered; ratio < 0.9 || ratio > 1.1 {
		t.Errorf("the estimate is $%.6f and the metered calls come to $%.6f: %.2f of them, want 0.9 to 1.1", estimated, metered, ratio)
	}
	if meteredLooks == 0 || meteredLooks > 1.1*estimatedLooks {
		t.Errorf("the queue was looked at %.0f times, the estimate says %.0f at most", meteredLooks, estimatedLooks)
	}
}
