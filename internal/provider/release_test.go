package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/burstline/terraform-provider-serverless/functions/release"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/bundle"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// released is a configuration whose functions a release moves, and the release, whose function runs.
type released struct {
	account
	t    *testing.T
	name string
	// config is deployed with one bundle or another, released with the functions that the provider carries.
	config, steered *session
	arguments       map[string]any
	run             int
}

// canaryAlarm is the alarm that the canary looks at.
const canaryAlarm = "late-in-the-funnel"

func newReleased(t *testing.T, a account, name string) *released {
	e := &released{account: a, t: t, name: name, arguments: map[string]any{"go_live": "release", "force_destroy": true, "name": name}}
	e.steered = newSession(t, a, options{system: "release", bundles: &bundle.Shared{Bundles: bundle.Prebuilt{}}}, nil)
	e.build("one")
	return e
}

// build deploys functions of another content.
func (e *released) build(content string) {
	e.t.Helper()
	o := options{system: "config", bundles: smallBundle{content}}
	if e.config != nil {
		o.memory = e.config.memory
	}
	e.config = newSession(e.t, e.account, o, nil)
	system, _ := systems.Find("config")
	if text := e.config.apply(exampleOf(system, e.arguments)); text != "" {
		e.t.Fatal(text)
	}
	e.config.settled(exampleOf(system, e.arguments))
}

// wants is the release of what was built, by the next run of the pipeline.
func (e *released) wants(more map[string]any) map[string]any {
	e.t.Helper()
	e.run++
	versions := map[string]any{}
	aliases := map[string]any{}
	for key, v := range stateTexts(e.t, e.config.state, "function_versions") {
		versions[key] = v
	}
	for key, arn := range stateTexts(e.t, e.config.state, "function_arns") {
		aliases[key] = arn
	}
	out := map[string]any{
		"name": e.name, "architecture": hostArchitecture(), "force_destroy": true, "pipeline": fmt.Sprint(e.run), "commit": fmt.Sprintf("c%d", e.run),
		"systems": map[string]any{"config": map[string]any{"aliases": aliases, "versions": versions, "digest": text(e.t, e.config.state, "functions_sha256")}},
		"canary":  map[string]any{"percent": 10, "minutes": 1, "alarms": []any{canaryAlarm}},
	}
	maps.Copy(out, more)
	return out
}

// release applies it, and looks that a plan is empty afterwards.
func (e *released) release(arguments map[string]any) {
	e.t.Helper()
	if text := e.steered.apply(arguments); text != "" {
		e.t.Fatal(text)
	}
	e.steered.settled(arguments)
}

func (e *released) alarm(state cwtypes.StateValue) {
	e.t.Helper()
	_, err := cloudwatch.NewFromConfig(e.aws(home)).SetAlarmState(e.t.Context(), &cloudwatch.SetAlarmStateInput{AlarmName: aws.String(canaryAlarm), StateValue: state, StateReason: aws.String("test")})
	if err != nil {
		e.t.Fatal(err)
	}
}

// ask calls steer as operators' commands do; with no action, as its schedule does.
func (e *released) ask(r release.Request) (a release.Answer) {
	e.t.Helper()
	payload, err := json.Marshal(r)
	if err != nil {
		e.t.Fatal(err)
	}
	out, err := lambda.NewFromConfig(e.aws(home)).Invoke(e.t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String(stateTexts(e.t, e.steered.state, "function_names")["steer"]), Qualifier: aws.String(blueprint.LiveAlias), Payload: payload,
	})
	if err != nil || out.FunctionError != nil || json.Unmarshal(out.Payload, &a) != nil {
		e.t.Fatalf("steer %s: %s, %v", payload, out.Payload, err)
	}
	return a
}

// alias is where the alias of a function is, and the share of a canary.
func (e *released) alias(key string) (version string, shares map[string]float64) {
	e.t.Helper()
	out, err := lambda.NewFromConfig(e.aws(home)).GetAlias(e.t.Context(), &lambda.GetAliasInput{
		FunctionName: aws.String(stateTexts(e.t, e.config.state, "function_names")[key]), Name: aws.String(blueprint.LiveAlias),
	})
	if err != nil {
		e.t.Fatal(err)
	}
	if out.RoutingConfig != nil {
		shares = out.RoutingConfig.AdditionalVersionWeights
	}
	return aws.ToString(out.FunctionVersion), shares
}

// becomes waits until the newest release is as wanted. nudged does what the schedule does, so that no minute is waited for.
func (e *released) becomes(number int, phase release.Phase, outcome release.Outcome, nudged bool) release.Record {
	e.t.Helper()
	var last release.Status
	e.await(e.t, fmt.Sprintf("release %d is %s%s", number, outcome, phase), func(context.Context) bool {
		if nudged {
			e.ask(release.Request{}) //nolint:contextcheck // it goes by the test's own
		}
		last = *e.ask(release.Request{Action: release.ActionStatus}).Status //nolint:contextcheck // likewise
		return last.Current.Number == number && last.Phase == phase && last.Current.Outcome == outcome && (phase != release.OnTrial || !last.Ends.IsZero())
	})
	return last.Current
}

// aged puts the beginning of the canary a minute back, as if that were gone by.
func (e *released) aged() {
	e.t.Helper()
	client, table := dynamodb.NewFromConfig(e.aws(home)), aws.String(text(e.t, e.steered.state, "history_table_name"))
	key := map[string]dynamotypes.AttributeValue{
		release.HistoryKind: &dynamotypes.AttributeValueMemberS{Value: release.KindState}, release.HistoryNumber: &dynamotypes.AttributeValueMemberS{Value: "0"},
	}
	out, err := client.GetItem(e.t.Context(), &dynamodb.GetItemInput{TableName: table, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		e.t.Fatal(err)
	}
	held, _ := out.Item[release.HistoryText].(*dynamotypes.AttributeValueMemberS)
	var s release.State
	if err := json.Unmarshal([]byte(held.Value), &s); err != nil {
		e.t.Fatal(err)
	}
	s.Since = s.Since.Add(-time.Minute)
	changed, err := json.Marshal(s)
	if err != nil {
		e.t.Fatal(err)
	}
	out.Item[release.HistoryText] = &dynamotypes.AttributeValueMemberS{Value: string(changed)}
	if _, err := client.PutItem(e.t.Context(), &dynamodb.PutItemInput{TableName: table, Item: out.Item}); err != nil {
		e.t.Fatal(err)
	}
}

// history reads the data source.
func (e *released) history() map[string]tftypes.Value {
	e.t.Helper()
	schemas, err := e.steered.server.GetProviderSchema(e.t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	e.steered.must(schemas.Diagnostics, err)
	const name = "serverless_release_history"
	schema := schemas.DataSourceSchemas[name]
	out, err := e.steered.server.ReadDataSource(e.t.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: name, Config: e.steered.dynamic(fill(e.t, schema.Block, map[string]any{"name": e.name}))})
	e.steered.must(out.Diagnostics, err)
	v, err := out.State.Unmarshal(schema.ValueType())
	if err != nil {
		e.t.Fatal(err)
	}
	return fields(e.t, v)
}

// mayRead is what the documentation asks for of whoever reads the history.
func (e *released) mayRead() blueprint.Policy {
	system, _ := systems.Find("release")
	return blueprint.NewPolicy(
		blueprint.Statement{Effect: "Allow", Action: []string{"ssm:GetParameter"}, Resource: []string{"arn:aws:ssm:" + home + ":" + string(e.account) + ":parameter" + deploy.Path(system.System, e.name)}},
		blueprint.Statement{Effect: "Allow", Action: []string{"dynamodb:Query"}, Resource: []string{text(e.t, e.steered.state, "history_table_arn")}},
	)
}

// proven are the digests that the data source tells to be proven.
func (e *released) proven() (out []any) {
	e.t.Helper()
	var elements []tftypes.Value
	if err := e.history()["proven_digests"].As(&elements); err != nil {
		e.t.Fatal(err)
	}
	for _, v := range elements {
		var digest string
		if err := v.As(&digest); err != nil {
			e.t.Fatal(err)
		}
		out = append(out, digest)
	}
	return out
}

// TestRelease takes two environments of one account through releases: the first tests, the second takes what the first has proven.
func TestRelease(t *testing.T) {
	a := newAccount(t)
	if _, err := cloudwatch.NewFromConfig(a.aws(home)).PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String(canaryAlarm), Namespace: aws.String("Tickets"), MetricName: aws.String("Late"), Statistic: cwtypes.StatisticSum, Period: aws.Int32(60),
		EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(0), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold,
	}); err != nil {
		t.Fatal(err)
	}
	e := newReleased(t, a, "arena-test")
	e.alarm(cwtypes.StateValueOk)
	first := e.wants(nil)
	e.release(first)
	e.becomes(1, release.Done, release.Live, true)
	before, _ := e.alias("history")

	// The stream has steer begin without waiting for its schedule.
	e.build("two")
	if at, shares := e.alias("history"); at != before || len(shares) > 0 {
		t.Errorf("before the release the alias is at %s with %v, want %s alone", at, shares, before)
	}
	second := e.wants(nil)
	e.release(second)
	e.becomes(2, release.OnTrial, release.Running, false)
	published := stateTexts(t, e.config.state, "function_versions")["history"]
	if at, shares := e.alias("history"); at != before || len(shares) != 1 || shares[published] != 0.1 {
		t.Errorf("on trial the alias is at %s with %v, want %s and a tenth of %s", at, shares, before, published)
	}
	system, _ := systems.Find("config")
	e.config.settled(exampleOf(system, e.arguments)) // A canary is no drift.
	e.alarm(cwtypes.StateValueAlarm)
	if r := e.becomes(2, release.Done, release.RolledBack, true); !strings.Contains(r.Why, "the alarm "+canaryAlarm+" rings") || !strings.HasSuffix(r.By, ":user/deployer") {
		t.Errorf("it was rolled back since %q, by %q", r.Why, r.By)
	}
	if at, shares := e.alias("control"); at != before || len(shares) > 0 {
		t.Errorf("rolled back, the alias is at %s with %v, want %s alone", at, shares, before)
	}
	e.steered.settled(second)

	e.alarm(cwtypes.StateValueOk)
	e.release(e.wants(nil))
	e.becomes(3, release.OnTrial, release.Running, true)
	e.aged()
	e.becomes(3, release.Done, release.Live, true)
	if at, shares := e.alias("history"); at != published || len(shares) > 0 {
		t.Errorf("live, the alias is at %s with %v, want %s alone", at, shares, published)
	}
	digest := text(t, e.config.state, "functions_sha256")
	a.may(t, e.mayRead())
	if proven := e.proven(); len(proven) != 2 || !strings.Contains(fmt.Sprint(proven), digest) {
		t.Errorf("proven are %v, want two, one of them %s", proven, digest)
	}
	var releases []tftypes.Value
	if err := e.history()["releases"].As(&releases); err != nil || len(releases) != 3 || text(t, releases[1], "outcome") != "rolled_back" {
		t.Errorf("the history has %v, %v", releases, err)
	}

	e.promotes(a)
	e.returns(before)
	a.fireSchedule(t, "arena-test-rel-steer-tick-"+code)
	a.await(t, "the schedule has called steer", func(context.Context) bool { return len(e.unusedGrants()) == 0 }) //nolint:contextcheck // it goes by the test's own
	if unused := e.unusedGrants(); len(unused) > 0 {
		t.Errorf("roles grant what was not used:\n  %s", strings.Join(unused, "\n  "))
	}
	for _, s := range []*session{e.steered, e.config} {
		if text := s.destroy(); text != "" {
			t.Error(text)
		}
	}
}

// promotes releases into a second environment what was proven in the first, and nothing else.
func (e *released) promotes(a account) {
	t := e.t
	t.Helper()
	prod := newReleased(t, a, "arena-prod")
	prod.build("three")
	tested := map[string]any{"tested": e.proven()}
	if p := prod.steered.plan(prod.wants(tested)); !strings.Contains(p.failed, "was not tested") || !strings.Contains(p.failed, text(t, prod.config.state, "functions_sha256")) {
		t.Errorf("a plan with functions that were not tested says %q", p.failed)
	}
	prod.build("two")
	prod.release(prod.wants(tested))
	prod.becomes(1, release.OnTrial, release.Running, true)
	prod.aged()
	prod.becomes(1, release.Done, release.Live, true)

	mine, theirs := e.everything(), prod.everything()
	for name := range mine {
		if theirs[name] {
			t.Errorf("both environments have %s", name)
		}
	}
	if n, m := len(mine), len(theirs); n < 30 || n != m {
		t.Errorf("the environments have %d and %d parts, want as many", n, m)
	}
	for _, s := range []*session{prod.steered, prod.config} {
		if text := s.destroy(); text != "" {
			t.Error(text)
		}
	}
}

// everything are the physical names of all parts of the environment.
func (e *released) everything() map[string]bool {
	e.t.Helper()
	engine, err := e.engine(home)
	if err != nil {
		e.t.Fatal(err)
	}
	out := map[string]bool{}
	for _, name := range []string{"config", "release"} {
		system, _ := systems.Find(name)
		m, err := engine.Manifest(e.t.Context(), system.System, e.name)
		if err != nil {
			e.t.Fatal(err)
		}
		for _, p := range m.Parts {
			out[p.Kind+" "+p.Name] = true
		}
	}
	return out
}

// returns rolls back by hand, after which no apply of the same brings it back.
func (e *released) returns(before string) {
	t := e.t
	t.Helper()
	a := e.ask(release.Request{Action: release.ActionRollback, By: "arn:aws:iam::123456789012:user/anna"})
	if at, shares := e.alias("history"); at != before || len(shares) > 0 || a.Status.Live != 4 || a.Status.Current.Restores != 1 {
		t.Errorf("rolled back by hand the alias is at %s with %v, and the status %+v", at, shares, a.Status)
	}
	if proven := e.proven(); len(proven) != 1 {
		t.Errorf("after the roll back %v are proven, want the first", proven)
	}
	e.run--
	e.release(e.wants(nil))
	e.ask(release.Request{})
	if at, _ := e.alias("history"); at != before {
		t.Errorf("an apply of the same has moved the alias to %s", at)
	}
}

// unusedGrants lists what the roles of the release grant and nobody used, but for what its blueprint explains.
func (e *released) unusedGrants() []string {
	e.t.Helper()
	system, _ := systems.Find("release")
	b, err := system.Described(e.t.Context(), e.name, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	roles := map[string]string{}
	for _, key := range []string{"steer-role", "steer-tick-role"} {
		roles["arn:aws:iam::"+string(e.account)+":role/"+e.name+"-rel-"+key+"-"+code] = key
	}
	return unused(e.t, b, roles)
}
