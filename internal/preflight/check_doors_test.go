package preflight

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// TestCheckDoors holds what comes through APIs and identity pools against what
// the account has.
func TestCheckDoors(t *testing.T) {
	for name, c := range map[string]struct {
		// rate is the requests, and identities, a second; own the API's own limit.
		requests, identities float64
		visitors             float64 // In all; 0 for those of one second.
		own                  int
		quota                float64
		reserved             int
		want, says           []string
		asked                string
	}{
		"all is well":       {requests: 2500, identities: 25, own: 2500, asked: "L-B99A9384"},
		"the quota is read": {requests: 2600, quota: 10_000, asked: "L-B99A9384 L-8A5B8E43"},
		"more than the account takes": {
			requests: 12_000, quota: 10_000, want: []string{"API Gateway: too few requests a second"},
			says: []string{`makes 12,000 requests a second (api 12,000), and all APIs of the account in this region take 10,000 together. Those above get status 429. Ask for a higher quota (Service Quotas, apigateway, "Throttle rate", L-8A5B8E43)`},
		},
		"more than a small region takes": {
			requests: 3000, quota: 2500, want: []string{"API Gateway: too few requests a second"}, says: []string{"take 2,500 together"},
		},
		"its own throttling": {
			requests: 2000, own: 1500, want: []string{`HTTP API "api": its throttling is below`}, says: []string{"makes 2,000 requests a second, and the API lets 1,500 through on each route"},
		},
		"too many visitors": {
			identities: 1000, want: []string{"Cognito: too few identities a second"},
			says: []string{"asks for 1,000 new identities a second (guests 1,000), and the identity pools of an account and region give 25: those above are refused and try again, so that at this rate 2.5 % of visitors get theirs at once, and the last of 1,000 after 40 s."},
		},
		"an opening": {
			identities: 10_000, visitors: 100_000, want: []string{"Cognito: too few identities a second"},
			says: []string{"of visitors get theirs at once, and the last of 100,000 after 67 minutes. Let visitors in without an identity each"},
		},
		"too few reserved behind the API": {
			requests: 1000, reserved: 5, want: []string{`Function "intake" reserves too little`},
			says: []string{"needs 10 executions at once, and 5 are reserved for it. Calls above that are refused, and the API answers with an error."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := builder()
			f := b.Function("intake", blueprint.Function{MemoryMB: 256, ReservedConcurrency: c.reserved})
			api := b.HTTPAPI("api", blueprint.HTTPAPI{Routes: map[string]blueprint.Route{"$default": {Function: f}}, Rate: c.own, Burst: c.own})
			guests := b.IdentityPool("guests", b.Queue("votes", blueprint.Queue{}).Send())
			b.Event(blueprint.Event{Unit: "vote", Units: 1, PerMonth: 1})
			b.PerEvent(blueprint.Load{Unit: "vote", Count: 1, Over: time.Second, Peak: c.requests}, api.Requests(1, 500), f.Invocations(1, 10*time.Millisecond))
			b.PerEvent(blueprint.Load{Unit: "visitor", Count: cmp.Or(c.visitors, c.identities), Over: time.Minute, Peak: c.identities}, guests.Identities(1))
			quotas := fixed{all: 10_000, unreserved: 10_000, writes: c.quota}
			have := Check(t.Context(), b.Blueprint(), &quotas, nil)
			if len(have) != len(c.want) {
				t.Fatalf("there are %d warnings, want %d: %q", len(have), len(c.want), have)
			}
			for i, w := range have {
				if !strings.HasPrefix(w.Summary, c.want[i]) || !strings.Contains(w.Detail, c.says[i]) {
					t.Errorf("the warning is %q: %q, should be %q: %q", w.Summary, w.Detail, c.want[i], c.says[i])
				}
			}
			if asked := strings.Join(quotas.asked, " "); c.asked != "" && asked != c.asked {
				t.Errorf("asked for %q, want %q", asked, c.asked)
			}
		})
	}
}
