package votingwindow

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/systems/systemtest"
)

func settings() blueprint.Settings {
	return blueprint.Settings{
		System: System, Name: "tv-final", Tags: map[string]string{"show": "final"}, LogRetentionDays: 14, RolePath: "/",
		Architecture: "arm64", BundleSHA256: strings.Repeat("0", 64), Alarms: true,
	}
}

func build(t *testing.T, m *Model, s blueprint.Settings) *blueprint.Blueprint {
	t.Helper()
	b := blueprint.NewBuilder(s)
	if err := describe(m, b); err != nil {
		t.Fatal(err)
	}
	return b.Blueprint()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	// The page's own digest says nothing of the blueprint.
	systemtest.Golden(t, name, pageDigest.ReplaceAll(got, []byte("${1}${2}(the page)")))
}

var pageDigest = regexp.MustCompile(`("key": "(?:index\.html|studio)",\s+)("sha256": ")[0-9a-f]{64}`)

// shows are windows with many of the arguments, as users would write them.
var shows = map[string]map[string]any{
	"tv-show.json": {
		"question": nil, "answers": nil,
		"questions": map[string]any{
			"winner": map[string]any{"text": "Who wins?", "answers": map[string]any{"anna": "Anna", "bruno": "Bruno"}},
			"song":   map[string]any{"text": "Which song?", "answers": map[string]any{"one": "One", "two": "Two"}},
		},
		"intake": "direct", "votes_per_voter": 5, "retention_days": 90, "results": "after_close", "publish_every_seconds": 10, "dashboard": true,
		"quarantine":    map[string]any{"voter_pattern": "0+"},
		"capacity":      map[string]any{"mode": "provisioned", "min_writes": 10, "max_writes": 8000, "opening_writes": 4000, "max_workers": 200},
		"export":        map[string]any{"sign": true},
		"site":          map[string]any{"title": "The final", "primary": "#aa0033", "languages": []string{"de", "en"}, "cdn": true, "results_from": "table", "warm_reads": 40_000, "texts": map[string]any{"de": map[string]any{"submit": "Los"}}},
		"alarms":        map[string]any{"topic": true, "emails": []string{"night@example.com"}},
		"expected_load": map[string]any{"votes": 1_000_000, "peak_votes_per_second": 4000, "viewers": 100_000},
	},
	"poll.json": {
		"intake": "api", "revote": "replace", "voter_pattern": nil,
		"jwt":        map[string]any{"issuer": "https://login.example.com", "audience": []string{"poll"}, "client_id": "poll"},
		"quarantine": map[string]any{"votes_per_address": 20},
		"allow_list": map[string]any{"s3_uri": "s3://people/voters.txt", "version_id": "v1"},
		"api_domain": map[string]any{"name": "vote.example.com", "certificate_arn": "arn:aws:acm:eu-central-1:123456789012:certificate/1"},
		"site":       map[string]any{"refresh_seconds": 5},
	},
	"cognito.json": {"intake": "direct", "direct": map[string]any{"credentials": "cognito"}, "site": map[string]any{"enabled": false}, "capacity": map[string]any{"warm_writes": 10000}},
}

func TestGoldenShows(t *testing.T) {
	for name, more := range shows {
		t.Run(name, func(t *testing.T) {
			b := described(t, more)
			if problems := b.Validate(); len(problems) > 0 {
				t.Fatalf("a sound blueprint has problems: %v", problems)
			}
			golden(t, name, b.Render())
		})
	}
}

// described is the example's blueprint with other arguments; nil takes one away.
func described(t *testing.T, more map[string]any) *blueprint.Blueprint {
	t.Helper()
	arguments := Example()
	for name, value := range more {
		if arguments[name] = value; value == nil {
			delete(arguments, name)
		}
	}
	text, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	b, diags := Resource().Describe(t.Context(), "tv-final", text, nil)
	if diags.HasError() {
		t.Fatal(diags)
	}
	return b
}

func TestGolden(t *testing.T) {
	cases := map[string]func(*blueprint.Settings){
		"minimal.json": func(*blueprint.Settings) {},
		"full.json": func(s *blueprint.Settings) {
			memory, timeout, reserved := 1024, 60*time.Second, 50
			s.KMSKeyARN = "arn:aws:kms:eu-central-1:123456789012:key/1234"
			s.PermissionsBoundaryARN = "arn:aws:iam::123456789012:policy/boundary"
			s.RolePath, s.Architecture, s.ForceDestroy, s.LogRetentionDays = "/votes/", "x86_64", true, 30
			s.AlarmActions = []string{"arn:aws:sns:eu-central-1:123456789012:night"}
			s.VPC = &blueprint.VPC{SubnetIDs: []string{"subnet-1", "subnet-2"}, SecurityGroupIDs: []string{"sg-1"}}
			s.Functions = map[string]blueprint.FunctionSettings{"recorder": {MemoryMB: &memory, Timeout: &timeout, ReservedConcurrency: &reserved}}
		},
		"no-alarms.json": func(s *blueprint.Settings) { s.Alarms = false },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			s := settings()
			change(&s)
			b := build(t, exampleModel(), s)
			if problems := b.Validate(); len(problems) > 0 {
				t.Fatalf("a sound blueprint has problems: %v", problems)
			}
			golden(t, name, b.Render())
		})
	}
}

// Every attribute that is only computed must come from the blueprint, and every
// output of the blueprint must have its attribute.
func TestOutputsMatchSchema(t *testing.T) {
	b := build(t, exampleModel(), settings())
	want := map[string]bool{}
	for name, a := range attributes() {
		if a.IsComputed() && !a.IsOptional() {
			want[name] = true
		}
	}
	for name := range b.Outputs {
		if !want[name] {
			t.Errorf("output %q has no attribute", name)
		}
		delete(want, name)
	}
	for name := range b.OutputMaps {
		// The versions of functions and the names of alarms are outputs of every system.
		if !want[name] && name != blueprint.VersionsOutput && name != blueprint.AlarmsOutput {
			t.Errorf("output %q has no attribute", name)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("attributes without output: %v", want)
	}
}

// The longest name and a hundred answers with the longest ids still fit AWS's
// limits on names, environments and policies.
func TestGreatestFits(t *testing.T) {
	m := exampleModel()
	answers := map[string]attr.Value{}
	for i := range maxAnswers {
		id := strings.Repeat("x", maxAnswerID-3) + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "z"
		answers[id] = types.StringValue(strings.Repeat("ü", maxLabel))
	}
	m.Answers = types.MapValueMust(types.StringType, answers)
	m.Question = types.StringValue(strings.Repeat("ü", maxQuestion))
	m.VoterPattern = types.StringValue(strings.Repeat("x", maxPattern))
	s := settings()
	s.Name = strings.Repeat("n", blueprint.MaxName)
	s.KMSKeyARN = "arn:aws:kms:eu-central-1:123456789012:key/12345678-1234-1234-1234-123456789012"
	if problems := build(t, m, s).Validate(); len(problems) > 0 {
		t.Fatalf("AWS would refuse: %v", problems)
	}
}

// A time-out that outlasts the queue's visibility cannot come about: the
// queue's follows the function's.
func TestVisibilityFollowsTimeout(t *testing.T) {
	s := settings()
	timeout := 100 * time.Second
	s.Functions = map[string]blueprint.FunctionSettings{"recorder": {Timeout: &timeout}}
	b := build(t, exampleModel(), s)
	if got := b.Part("votes").Spec.(blueprint.QueueSpec).VisibilityTimeout; got != 600 {
		t.Errorf("visibility timeout is %d s, should be six times the function's 100 s", got)
	}
}

// TestRecordersReadTheirKeyAnew: environments read the key once. With another one a
// voter has another hash, so that those which went on with the former would let
// everybody vote twice, all through the night.
func TestRecordersReadTheirKeyAnew(t *testing.T) {
	environment := function(t, described(t, nil), "recorder").Environment
	if environment["VOTER_KEY_PARAMETER"] != blueprint.Ref("voter-key", blueprint.NameAttribute) || environment["VOTER_KEY_VERSION"] != blueprint.Ref("voter-key", "version") {
		t.Errorf("the recorder has %q", environment)
	}
}

// TestRecordersReadTheAllowListAnew: environments read the list once, too. A voter who
// was added to it would be rejected for ever by those that have the former. They
// begin anew once the object is written, and not before.
func TestRecordersReadTheAllowListAnew(t *testing.T) {
	with := func(list map[string]any) (*blueprint.Blueprint, string) {
		b := described(t, map[string]any{"allow_list": list})
		return b, function(t, b, "recorder").Environment["ALLOW_VERSION"]
	}
	lists := []map[string]any{
		{"s3_uri": "s3://people/voters.txt", "version_id": "v1"}, {"s3_uri": "s3://people/voters.txt", "version_id": "v2"},
		{"s3_uri": "s3://people/voters.txt", "etag": "e1"}, {"s3_uri": "s3://people/all.txt"},
	}
	seen := map[string]bool{}
	for _, list := range lists {
		b, version := with(list)
		if seen[version] {
			t.Errorf("%v is no other version: %q", list, version)
		}
		seen[version] = true
		if !slices.Contains(b.AttributeReferences(b.Part("recorder")), blueprint.Reference{Part: "allow-list", Attribute: "entries"}) {
			t.Errorf("%v: the recorder does not wait for the list", list)
		}
	}
	if _, version := with(lists[0]); !seen[version] {
		t.Errorf("the same list has another version: %q", version)
	}
}

// TestCredentialsAreOfTheRoleThatIs: sessions of a role that was deleted are none, also
// where there is one of its name again. An environment that has issued one keeps it
// for twenty minutes, unless it begins anew.
func TestCredentialsAreOfTheRoleThatIs(t *testing.T) {
	b := described(t, shows["tv-show.json"])
	for key, role := range map[string]string{"credentials": "voter", "viewers": "viewer"} {
		if !slices.Contains(b.AttributeReferences(b.Part(key)), blueprint.Reference{Part: role, Attribute: "id"}) {
			t.Errorf("%s does not begin anew with the role %s", key, role)
		}
	}
}

// Who extends a window must know how long ballots are kept, as who records them.
func TestControlKnowsTheRetention(t *testing.T) {
	b := described(t, map[string]any{"retention_days": 2})
	for _, key := range []string{"recorder", "control"} {
		if days := function(t, b, key).Environment["RETENTION_DAYS"]; days != "2" {
			t.Errorf("%s keeps them for %q days", key, days)
		}
	}
}

// TestMovedPastTheRetention: ballots keep the day on which they expire, whatever is
// applied later. The example closes at 18:25 with a grace of two minutes.
func TestMovedPastTheRetention(t *testing.T) {
	for name, c := range map[string]struct {
		days          int64 // Zero for no retention.
		opens, closes string
		warns         bool
	}{
		"kept for ever":     {0, "2027-05-22T18:15:00Z", "2028-05-22T18:25:00Z", false},
		"kept long enough":  {1, "2027-05-22T18:15:00Z", "2027-05-23T17:23:00Z", false},
		"a second too late": {1, "2027-05-22T18:15:00Z", "2027-05-23T17:23:01Z", true},
		"a month later":     {7, "2027-05-22T18:15:00Z", "2027-06-22T18:25:00Z", true},
		"another event":     {7, "2027-06-22T18:15:00Z", "2027-06-22T18:25:00Z", false},
		"sooner":            {7, "2027-05-22T18:15:00Z", "2027-05-22T18:20:00Z", false},
	} {
		applied, planned := exampleModel(), exampleModel()
		if c.days > 0 {
			applied.RetentionDays = types.Int64Value(c.days)
		}
		planned.OpensAt, planned.ClosesAt = timetypes.NewRFC3339ValueMust(c.opens), timetypes.NewRFC3339ValueMust(c.closes)
		diags := Definition().Change(applied, planned)
		if warns := diags.WarningsCount() == 1; warns != c.warns || diags.HasError() {
			t.Errorf("%s: %v", name, diags)
		}
		if c.warns && !strings.Contains(diags[0].Detail(), "expire at 2027-05-2") {
			t.Errorf("%s: %s", name, diags[0].Detail())
		}
	}
}

func function(t *testing.T, b *blueprint.Blueprint, key string) blueprint.FunctionSpec {
	t.Helper()
	spec, ok := b.Part(key).Spec.(blueprint.FunctionSpec)
	if !ok {
		t.Fatalf("%s is no function", key)
	}
	return spec
}
