package queue

import (
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/preflight"
	"github.com/burstline/terraform-provider-serverless/internal/systems/systemtest"
)

// describedBy is the blueprint of a waiting room with these arguments beside the example's.
func describedBy(t *testing.T, more map[string]any) (*blueprint.Blueprint, diag.Diagnostics) {
	t.Helper()
	arguments := Example()
	maps.Copy(arguments, more)
	text, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	return Resource().Describe(t.Context(), "arena", text, nil)
}

// rooms are such as users would write.
var rooms = map[string]map[string]any{
	"minimal.json": {},
	"full.json": {
		"admission_rate": 2.5, "heartbeat_seconds": 30, "retention_days": 30, "warm_writes": 8000, "dashboard": true,
		"pre_queue":  map[string]any{"from": "2027-05-22T09:00:00+02:00", "beacon": map[string]any{}},
		"sales":      map[string]any{"semi": map[string]any{"opens_at": "2027-05-20T10:00:00+02:00", "windows": 20, "title": "The semi-final"}},
		"token":      map[string]any{"kms": true, "key_generation": 2, "audience": "shop"},
		"join_codes": map[string]any{"s3_uri": "s3://lists/codes.txt", "version_id": "3"},
		"site": map[string]any{
			"title": "The final", "cdn": true, "primary": "#0a7d4f", "languages": []string{"de", "en"}, "texts": map[string]any{"de": map[string]any{"join": "Anstellen"}},
			"links":  map[string]any{"Privacy": "https://example.com/privacy"},
			"domain": map[string]any{"name": "tickets.example.com", "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/8d5d0ac6-0000-4000-8000-000000000002"},
		},
		"kms_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/8d5d0ac6-0000-4000-8000-000000000001",
	},
	"edge.json":     {"token": map[string]any{"edge": true, "key_generation": 2}},
	"table.json":    {"site": map[string]any{"status_from": "table", "warm_reads": 20_000, "cdn": true}},
	"jwt.json":      {"jwt": map[string]any{"issuer": "https://login.example.com", "audience": "tickets", "client_id": "page"}},
	"external.json": {"assigner": "external", "join": "identity", "site": map[string]any{"enabled": false}},
}

var frames = regexp.MustCompile(`("frame": ")[0-9a-f]{64}`)

func TestGolden(t *testing.T) {
	for name, more := range rooms {
		t.Run(name, func(t *testing.T) {
			b, diags := describedBy(t, more)
			if diags.HasError() {
				t.Fatal(diags)
			}
			// The page is built apart.
			systemtest.Golden(t, name, frames.ReplaceAll(b.Render(), []byte("${1}(the page)")))
		})
	}
}

// However it is made, it has at most fifteen alarms, and no secret that costs.
func TestSmall(t *testing.T) {
	for name, more := range rooms {
		b, diags := describedBy(t, more)
		if diags.HasError() {
			t.Fatal(diags)
		}
		kinds := map[string]int{}
		for _, p := range b.Parts {
			kinds[p.Spec.Kind()]++
		}
		if n := kinds["alarm"] + kinds["composite_alarm"]; n < 12 || n > 15 {
			t.Errorf("%s has %d alarms", name, n)
		}
		if name != "full.json" && kinds["signing_key"] != 0 {
			t.Errorf("%s has %d keys in KMS", name, kinds["signing_key"])
		}
	}
}

// A room that cannot be is refused before anything is called, at the argument at
// fault.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		more map[string]any
		says []string
	}{
		"closes first":         {map[string]any{"closes_at": "2027-05-22T09:00:00+02:00"}, []string{"opens_at", "not after it opens"}},
		"pre-queue too late":   {map[string]any{"pre_queue": map[string]any{"from": "2027-05-22T10:00:00+02:00"}}, []string{"not before the sale"}},
		"plain HTTP":           {map[string]any{"purchase_url": "http://tickets.example.com"}, []string{"purchase_url", "https"}},
		"too many windows":     {map[string]any{"windows": 2001}, []string{"windows"}},
		"a short heartbeat":    {map[string]any{"heartbeat_seconds": 5}, []string{"heartbeat_seconds"}},
		"forgotten too soon":   {map[string]any{"retention_days": 1, "closes_at": "2027-05-23T10:00:01+02:00"}, []string{"retention_days", "arena lasts longer"}},
		"another forgotten":    {map[string]any{"retention_days": 2, "sales": map[string]any{"semi": map[string]any{"pre_queue": map[string]any{"from": "2027-05-20T17:59:59+02:00"}}}}, []string{"retention_days", "semi lasts longer"}},
		"the same sale":        {map[string]any{"sales": map[string]any{"arena": map[string]any{}}}, []string{`sales["arena"]`, "the resource's name"}},
		"a bad sale":           {map[string]any{"sales": map[string]any{"semi": map[string]any{"closes_at": "2027-05-22T09:00:00+02:00"}}}, []string{`sales["semi"]`, "not after it opens"}},
		"a bad id":             {map[string]any{"sales": map[string]any{"Semi": map[string]any{}}}, []string{"sales", "lower-case"}},
		"codes of nowhere":     {map[string]any{"join_codes": map[string]any{}}, []string{"join_codes", "either file or s3_uri"}},
		"codes and identity":   {map[string]any{"join": "identity", "site": map[string]any{"enabled": false}, "join_codes": map[string]any{"s3_uri": "s3://lists/codes.txt"}}, []string{"join_codes", "nobody checks a code"}},
		"codes and tokens":     {map[string]any{"join_codes": map[string]any{"s3_uri": "s3://lists/codes.txt"}, "jwt": map[string]any{"issuer": "https://login.example.com", "audience": "tickets"}}, []string{"jwt", "Leave one of"}},
		"a slash":              {map[string]any{"jwt": map[string]any{"issuer": "https://login.example.com/", "audience": "tickets"}}, []string{"jwt.issuer", "slash at its end"}},
		"page and identity":    {map[string]any{"join": "identity"}, []string{"site", "enabled = false"}},
		"no page":              {map[string]any{"site": map[string]any{"enabled": false, "logo": "logo.svg"}}, []string{"site.logo", "no page"}},
		"domain, no cdn":       {map[string]any{"site": map[string]any{"cdn": false, "web_acl_arn": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/a/b"}}, []string{"site.web_acl_arn", "cdn = true"}},
		"a slash, at the edge": {map[string]any{"token": map[string]any{"edge": true, "audience": "shop/"}}, []string{"token.audience", "slash"}},
		"waiting, no edge":     {map[string]any{"token": map[string]any{"edge_waiting_url": "https://example.com"}}, []string{"token.edge_waiting_url", "edge = true"}},
		"reads of no table":    {map[string]any{"site": map[string]any{"warm_reads": 20_000}}, []string{"site.warm_reads", `status_from = "table"`}},
		"from nowhere":         {map[string]any{"site": map[string]any{"status_from": "queue"}}, []string{"site.status_from", "table"}},
		"more than came":       {map[string]any{"expected_load": map[string]any{"fans": 10, "admitted": 11}}, []string{"expected_load.admitted", "fans 10"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := describedBy(t, c.more)
			systemtest.Refused(t, diags, c.says)
		})
	}
}

// While no sale is open it costs next to nothing.
func TestIdle(t *testing.T) {
	for name, more := range rooms {
		b, diags := describedBy(t, more)
		if diags.HasError() {
			t.Fatal(diags)
		}
		idle := preflight.Cost(b, preflight.Builtin(), "us-east-1").Idle
		most := 3.0
		if name == "full.json" {
			most += 3 + 3 // Its dashboard, and three keys in KMS.
		}
		if idle < 2 || idle > most {
			t.Errorf("%s costs $%.2f a month, should be at most $%.2f", name, idle, most)
		}
	}
}

// quotas are those of an account that has enough of all that can be raised.
type quotas struct{}

func (quotas) Concurrency(context.Context) (preflight.Limit, float64) {
	return preflight.Limit{Value: 100_000}, -1
}

func (quotas) Limit(_ context.Context, _ preflight.Quota) preflight.Limit {
	return preflight.Limit{Value: 1_000_000}
}

// Fans who join under Cognito identities come faster than it gives them: a plan
// says how long the opening would take.
func TestIdentitiesAreTooSlow(t *testing.T) {
	const summary = "Cognito: too few identities a second for the expected load"
	for name, c := range map[string]struct {
		join       string
		fans, peak int
		asks       string // Empty for no warning.
		takes      string
	}{
		"a hundred thousand": {joinIdentity, 100_000, 10_000, "asks for 10,000 new identities a second (fans-pool 10,000)", "the last of 100,000 after 67 minutes"},
		"without a peak":     {joinIdentity, 3000, 0, "asks for 300 new identities a second", "the last of 3,000 after 2 minutes"},
		"one by one":         {joinIdentity, 250, 25, "", ""},
		"by ticket":          {joinTicket, 100_000, 10_000, "", ""},
	} {
		load := map[string]any{"fans": c.fans}
		if c.peak > 0 {
			load["peak_joins_per_second"] = c.peak
		}
		b, diags := describedBy(t, map[string]any{"join": c.join, "site": map[string]any{"enabled": false}, "expected_load": load})
		if diags.HasError() {
			t.Fatal(diags)
		}
		warnings := preflight.Check(t.Context(), b, quotas{}, nil)
		at := slices.IndexFunc(warnings, func(w preflight.Warning) bool { return w.Summary == summary })
		switch {
		case (at >= 0) != (c.asks != ""):
			t.Errorf("%s: the warnings are %+v", name, warnings)
		case at >= 0 && (!strings.Contains(warnings[at].Detail, c.asks) || !strings.Contains(warnings[at].Detail, c.takes)):
			t.Errorf("%s: %s", name, warnings[at].Detail)
		}
	}
}

// TestAlarmsAreFew: an idle month's price bears fifteen alarms.
func TestAlarmsAreFew(t *testing.T) {
	table := map[string]any{"status_from": "table"}
	for name, c := range map[string]struct {
		arguments map[string]any
		want      int
	}{
		"tickets":             {nil, 13},
		"tickets, table":      {map[string]any{"site": table}, 14},
		"identities":          {map[string]any{"join": "identity", "site": map[string]any{"enabled": false}}, 14},
		"an assigner outside": {rooms["external.json"], 14},
	} {
		b, diags := describedBy(t, c.arguments)
		if diags.HasError() {
			t.Fatalf("%s: %v", name, diags)
		}
		count := 0
		for _, p := range b.Parts {
			if _, ok := p.Spec.(blueprint.AlarmSpec); ok {
				count++
			}
		}
		if count != c.want || count > 15 {
			t.Errorf("%s: %d alarms, want %d and never more than 15", name, count, c.want)
		}
	}
}

// TestWhatIsKnownOfAFanExpires wherever it is, by whom it is written.
func TestWhatIsKnownOfAFanExpires(t *testing.T) {
	b, diags := describedBy(t, map[string]any{"join": "identity", "site": map[string]any{"enabled": false}, "retention_days": 30})
	if diags.HasError() {
		t.Fatal(diags)
	}
	tables, functions := map[string]string{}, map[string]string{}
	for _, p := range b.Parts {
		switch s := p.Spec.(type) {
		case blueprint.TableSpec:
			tables[p.Key] = s.TTLAttribute
		case blueprint.FunctionSpec:
			functions[p.Key] = s.Environment["RETENTION_DAYS"]
		}
	}
	for _, key := range []string{"fans", "line", "identities"} {
		if tables[key] != "expires" {
			t.Errorf("items of %s expire by %q", key, tables[key])
		}
	}
	for _, key := range []string{"placer", "keeper", "stream"} {
		if functions[key] != "30" {
			t.Errorf("%s is told %q days", key, functions[key])
		}
	}
}

// TestFunctionsReadKeysAnew: environments read a key once. Where somebody deleted or
// overwrote one, and an apply made another, those that are warm would go on with the
// former, all through a sale.
func TestFunctionsReadKeysAnew(t *testing.T) {
	for name, more := range rooms {
		b, diags := describedBy(t, more)
		if diags.HasError() {
			t.Fatal(diags)
		}
		secrets := map[string]string{}
		for _, p := range b.Parts {
			if _, ok := p.Spec.(blueprint.SecretSpec); ok {
				secrets[blueprint.Ref(p.Key, blueprint.NameAttribute)] = blueprint.Ref(p.Key, "version")
			}
		}
		read := 0
		for _, p := range b.Parts {
			f, ok := p.Spec.(blueprint.FunctionSpec)
			if !ok {
				continue
			}
			values := slices.Collect(maps.Values(f.Environment))
			for _, value := range values {
				version, secret := secrets[value]
				if secret && !slices.Contains(values, version) {
					t.Errorf("%s: %s reads %s and does not begin anew with its value", name, p.Key, value)
				}
				if secret {
					read++
				}
			}
		}
		if read < 4 {
			t.Errorf("%s: functions read %d keys", name, read)
		}
	}
}

// TestFunctionsReadAnew: environments read the list of join codes once, and keep the
// sessions of the readers' role that they have issued. Those that are warm would let
// in who was taken from the list, or publish credentials that AWS refuses.
func TestFunctionsReadAnew(t *testing.T) {
	environment := func(room, key, changed string) map[string]string {
		more := maps.Clone(rooms[room])
		if changed != "" {
			more["join_codes"] = map[string]any{"s3_uri": "s3://lists/codes.txt", "version_id": changed}
		}
		b, diags := describedBy(t, more)
		if diags.HasError() {
			t.Fatal(diags)
		}
		spec, _ := b.Part(key).Spec.(blueprint.FunctionSpec)
		return spec.Environment
	}
	third, fourth := environment("full.json", "join", "3")["ALLOW_VERSION"], environment("full.json", "join", "4")["ALLOW_VERSION"]
	if written := blueprint.Ref("join-codes", "entries"); third == fourth || !strings.Contains(third, written) || !strings.Contains(fourth, written) {
		t.Errorf("join begins anew with %q and %q", third, fourth)
	}
	if got, want := environment("table.json", "readers", "")["READER_ROLE_ID"], blueprint.Ref("reader", "id"); got != want {
		t.Errorf("readers begins anew with %q, want %q", got, want)
	}
}
