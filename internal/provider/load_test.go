package provider_test

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// quotas answers, for one account, what the local AWS does not know or has
// otherwise. A figure of zero is refused.
type quotas struct {
	account                         account
	concurrency, unreserved, writes int
}

// Before implements localaws.Rule.
func (q quotas) Before(_ context.Context, c *localaws.Call, _ *http.Request) *localaws.Answer {
	if c.AccessKey != q.account.deployer().key { //nolint:contextcheck // the deployer exists already
		return nil
	}
	answer := func(known bool, format string, values ...any) *localaws.Answer {
		a := &localaws.Answer{Kind: "quotas", Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: fmt.Appendf(nil, format, values...)}
		if !known {
			a.Status, a.Code, a.Body = http.StatusForbidden, "AccessDeniedException", []byte(`{"Message":"not authorized"}`)
			a.Header.Set("X-Amzn-Errortype", "AccessDeniedException")
		}
		return a
	}
	switch c.Operation {
	case "GetAccountSettings":
		return answer(q.concurrency > 0, `{"AccountLimit":{"ConcurrentExecutions":%d,"UnreservedConcurrentExecutions":%d}}`, q.concurrency, q.unreserved)
	case "GetServiceQuota":
		return answer(q.writes > 0, `{"Quota":{"ServiceCode":"dynamodb","QuotaCode":"L-AB614373","Value":%d}}`, q.writes)
	}
	return nil
}

// After implements localaws.Rule.
func (quotas) After(*localaws.Call, *http.Response) {}

// called lists the operations that an account's key called since the mark.
func (a account) called(mark localaws.Mark) string {
	var out []string
	for _, c := range a.calls(mark) {
		out = append(out, c.Operation)
	}
	return strings.Join(out, " ")
}

func votingWindow(t *testing.T) systems.System {
	t.Helper()
	s, ok := systems.Find("voting_window")
	if !ok {
		t.Fatal("there is no voting window")
	}
	return s
}

func TestLoadWarns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		load   map[string]any
		quotas quotas
		// want are the beginnings of the warnings, says what they say; calls are
		// those of two plans.
		want, says []string
		calls      string
	}{
		"no load": {nil, quotas{concurrency: 10}, nil, nil, ""},
		"a load that is carried": {
			map[string]any{"votes": 100_000, "peak_votes_per_second": 500}, quotas{concurrency: 1000, unreserved: 1000},
			nil, nil, "GetAccountSettings",
		},
		"a new account": {
			map[string]any{"votes": 100_000, "peak_votes_per_second": 500}, quotas{concurrency: 10, unreserved: 10},
			[]string{"Lambda concurrency: the reservations will be refused", "Lambda concurrency: too little for the expected load"},
			[]string{"reserve 2 of the account's 10 concurrent executions, which leaves 8 unreserved", "needs 52 executions at once (intake 50, recorder 2), and 8 of the account's 10"}, "GetAccountSettings",
		},
		"viewers": {
			map[string]any{"votes": 100_000, "viewers": 100_000}, quotas{concurrency: 1000, unreserved: 1000},
			[]string{`S3 bucket "results": too many GET requests`}, []string{"needs 7,417 GET requests a second"}, "GetAccountSettings",
		},
		"a table's quota": {
			map[string]any{"votes": 10_000_000, "peak_votes_per_second": 50_000}, quotas{concurrency: 9000, unreserved: 9000, writes: 45_000},
			[]string{`DynamoDB table "ballots": too few write units`}, []string{"needs 50,000 write units a second, and the account allows 45,000 a table."}, "GetAccountSettings GetServiceQuota",
		},
		"who may ask nothing": {
			map[string]any{"votes": 10_000_000, "peak_votes_per_second": 50_000}, quotas{},
			[]string{"Lambda concurrency: too little", `DynamoDB table "ballots": too few write units`},
			[]string{
				"1,000 is AWS's default; the account's own figure is not known, since servicequotas:GetServiceQuota did not tell it (AccessDeniedException). lambda:GetAccountSettings would tell what is reserved (AccessDeniedException).",
				"the account allows 40,000 a table. Requests above are throttled",
			}, "GetAccountSettings GetServiceQuota GetServiceQuota",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount(t)
			c.quotas.account = a
			local.Gate().Use(c.quotas)
			s := newSession(t, a, options{system: "voting_window"}, nil)
			mark := local.Gate().Meter().Mark()
			more := map[string]any{}
			if c.load != nil {
				more["expected_load"] = c.load
			}
			p := s.plan(exampleOf(votingWindow(t), more))
			if p.failed != "" {
				t.Fatal(p.failed)
			}
			if len(p.warnings) != len(c.want) {
				t.Fatalf("there are %d warnings, want %d: %q", len(p.warnings), len(c.want), p.warnings)
			}
			for i, w := range p.warnings {
				if !strings.HasPrefix(w, c.want[i]) || !strings.Contains(w, c.says[i]) {
					t.Errorf("a warning is %q; want %q, saying %q", w, c.want[i], c.says[i])
				}
			}
			if have := a.called(mark); have != c.calls {
				t.Errorf("the plan called %q, want %q", have, c.calls)
			}
		})
	}
}

// The local AWS has no Service Quotas: the default serves, and a plan asks for
// each quota once.
func TestLoadWithoutServiceQuotas(t *testing.T) {
	a := newAccount(t)
	s := newSession(t, a, options{system: "voting_window"}, nil)
	mark := local.Gate().Meter().Mark()
	p := s.plan(exampleOf(votingWindow(t), map[string]any{"expected_load": map[string]any{"votes": 10_000_000, "peak_votes_per_second": 50_000}}))
	if p.failed != "" {
		t.Fatal(p.failed)
	}
	asked := map[string]int{}
	for _, c := range a.calls(mark) {
		asked[c.Operation]++
	}
	if asked["GetAccountSettings"] != 1 || asked["GetServiceQuota"] != 1 {
		t.Errorf("the plan asked %v, should ask once for the account's settings and once for the table's quota", asked)
	}
	if all := strings.Join(p.warnings, "\n"); !strings.Contains(all, "the account allows 40,000 a table") || !strings.Contains(all, "40,000 is AWS's default") {
		t.Errorf("the warnings are %q", p.warnings)
	}
}

// An AWS that does not answer is waited for once, and not for long.
func TestLoadWithoutAnswer(t *testing.T) {
	a := newAccount(t)
	s := newSession(t, a, options{system: "voting_window"}, nil)
	const hold = 20 * time.Second
	if _, err := local.Gate().Faults().Add(localaws.Fault{
		Operation: "GetAccountSettings", Match: func(c localaws.Call) bool { return c.AccessKey == a.deployer().key }, Kind: localaws.FaultTimeout, Hold: hold,
	}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	p := s.plan(exampleOf(votingWindow(t), map[string]any{"expected_load": map[string]any{"votes": 10_000_000, "peak_votes_per_second": 50_000}}))
	if p.failed != "" {
		t.Fatal(p.failed)
	}
	if took := time.Since(began); took > hold/2 {
		t.Errorf("the plan took %s", took)
	}
	if all := strings.Join(p.warnings, "\n"); strings.Count(all, "did not tell it (no answer in time)") != 2 {
		t.Errorf("the warnings are %q", p.warnings)
	}
}

// costOf reads the planned or applied cost as text; nil for null, "?" for
// unknown.
func costOf(t *testing.T, object tftypes.Value, name string) string {
	t.Helper()
	cost := fields(t, object)["cost"]
	if !cost.IsKnown() {
		return "?"
	}
	v := fields(t, cost)[name]
	if v.IsNull() {
		return "null"
	}
	if v.Type().Is(tftypes.Number) {
		var f big.Float
		if err := v.As(&f); err != nil {
			t.Fatal(err)
		}
		return f.Text('f', -1)
	}
	var s string
	if err := v.As(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *session) expectCost(object tftypes.Value, want map[string]string) {
	s.t.Helper()
	for name, w := range want {
		if have := costOf(s.t, object, name); have != w {
			s.t.Errorf("cost.%s is %s, want %s", name, have, w)
		}
	}
}

// TestCostIsPlanned follows the cost of a voting window from the plan to a
// newer price list. Without a load only what idles has a figure; a load that
// is not known yet leaves the cost open, and nothing else; other prices are
// never a change to apply, with or without a refresh.
func TestCostIsPlanned(t *testing.T) {
	a := newAccount(t)
	s := newSession(t, a, options{system: "voting_window"}, nil)
	config := exampleOf(votingWindow(t), forced)
	idle := map[string]string{
		"idle_per_month": "2.1558", "per_event": "null", "per_million": "null", "per_month": "null", "unit": "null", "currency": "USD", "prices_region": "us-east-1",
	}
	s.expectCost(s.plan(config).planned, idle)
	if text := s.apply(config); text != "" {
		t.Fatal(text)
	}
	s.expectCost(s.state, idle)
	s.settled(config)

	mark := local.Gate().Meter().Mark()
	later := maps.Clone(config)
	later["expected_load"] = map[string]any{"votes": unknown{}, "peak_votes_per_second": 100}
	open := s.plan(later)
	if open.failed != "" {
		t.Fatal(open.failed)
	}
	if have := a.called(mark); have != "" {
		t.Errorf("a plan with an unknown load called %q", have)
	}
	s.expectCost(open.planned, map[string]string{"idle_per_month": "?"})
	if have, want := stateTexts(t, open.planned, "parts"), stateTexts(t, s.state, "parts"); !maps.Equal(have, want) {
		t.Errorf("an unknown load changes parts: %v, not %v", have, want)
	}

	later["expected_load"] = map[string]any{"votes": 1_000_000, "peak_votes_per_second": 100}
	p := s.plan(later)
	if err := compatible("", open.planned, p.planned); err != nil {
		t.Errorf("once the load is known, the plan is inconsistent: %s", err)
	}
	mark = local.Gate().Meter().Mark()
	if text := s.apply(later); text != "" {
		t.Fatal(text)
	}
	for _, c := range a.calls(mark) {
		if c.Service != "ssm" && c.Operation != "GetAccountSettings" && c.Operation != "GetCallerIdentity" {
			t.Errorf("a load alone made the apply call %s:%s", c.Service, c.Operation)
		}
	}
	s.settled(later)
	s.expectCost(s.state, map[string]string{"idle_per_month": "2.1558", "unit": "vote"})

	// Another price list, as by a newer version of the provider.
	text, err := os.ReadFile(filepath.Join("..", "preflight", "prices.json"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "prices.json")
	dearer := strings.Replace(string(text), `"alarms": {"price": 0.1,`, `"alarms": {"price": 0.2,`, 1)
	if err := os.WriteFile(file, []byte(dearer), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := newSession(t, a, options{system: "voting_window", memory: s.memory}, map[string]any{"price_file": file})
	if p := newer.plan(later); !p.empty(newer.state) {
		t.Errorf("other prices alone are a change, without a refresh")
	}
	newer.settled(later)
	newer.expectCost(newer.state, map[string]string{"idle_per_month": "3.4558"})
	newer.gone(a)
}
