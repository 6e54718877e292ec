package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/burstline/terraform-provider-serverless/functions/configitems"
	"github.com/burstline/terraform-provider-serverless/functions/configitems/history"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/bundle"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/permission"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// configured is a deployed configuration with functions that run.
type configured struct {
	*session
	account
	system systems.System
}

// runningConfig is the name of the one whose functions run.
const runningConfig = "tour"

// deployConfig deploys the example, its secret in the account.
func deployConfig(t *testing.T) (*configured, func(more map[string]any, change func(items map[string]any)) map[string]any) {
	t.Helper()
	a := newAccount(t)
	system, _ := systems.Find("config")
	secret, name := "arn:aws:ssm:"+home+":"+string(a)+":parameter/presale/payment-key", "/presale/payment-key"
	if _, err := ssm.NewFromConfig(a.aws(home)).PutParameter(t.Context(), &ssm.PutParameterInput{Name: &name, Value: aws.String("s3cret"), Type: ssmtypes.ParameterTypeSecureString}); err != nil {
		t.Fatal(err)
	}
	arguments := func(more map[string]any, change func(items map[string]any)) map[string]any {
		out := exampleOf(system, map[string]any{"architecture": hostArchitecture(), "name": runningConfig})
		items, _ := out["items"].(map[string]any)
		items["payment_key"] = map[string]any{"secret_arn": secret}
		if change != nil {
			change(items)
		}
		maps.Copy(out, more)
		return out
	}
	c := &configured{newSession(t, a, options{system: system.Name, bundles: bundle.Prebuilt{}}, nil), a, system}
	if text := c.apply(arguments(nil, nil)); text != "" {
		t.Fatal(text)
	}
	return c, arguments
}

// control calls the function of that name, as an operator's commands do.
func (c *configured) control(r history.Request) (answer history.Answer, refused string) {
	c.t.Helper()
	payload, err := json.Marshal(r)
	if err != nil {
		c.t.Fatal(err)
	}
	out, err := lambda.NewFromConfig(c.aws(home)).Invoke(c.t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("tour-conf-control-euc1"), Qualifier: aws.String(blueprint.LiveAlias), Payload: payload,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	if out.FunctionError != nil {
		return answer, string(out.Payload)
	}
	if err := json.Unmarshal(out.Payload, &answer); err != nil {
		c.t.Fatal(err)
	}
	return answer, ""
}

// reader is a function of a user's, who may do what read_policy_json says.
func (c *configured) reader(name string, keys ...string) *configitems.Items {
	c.t.Helper()
	client, user := iam.NewFromConfig(c.aws(home)), aws.String(name)
	if _, err := client.CreateUser(c.t.Context(), &iam.CreateUserInput{UserName: user}); err != nil {
		c.t.Fatal(err)
	}
	if _, err := client.PutUserPolicy(c.t.Context(), &iam.PutUserPolicyInput{UserName: user, PolicyName: user, PolicyDocument: aws.String(text(c.t, c.state, "read_policy_json"))}); err != nil {
		c.t.Fatal(err)
	}
	out, err := client.CreateAccessKey(c.t.Context(), &iam.CreateAccessKeyInput{UserName: user})
	if err != nil {
		c.t.Fatal(err)
	}
	cfg := c.aws(home)
	cfg.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(out.AccessKey.AccessKeyId), aws.ToString(out.AccessKey.SecretAccessKey), "")
	items, err := configitems.New(cfg, configitems.Options{
		Table: text(c.t, c.state, "table_name"), ReadersTable: text(c.t, c.state, "readers_table_name"), Reader: name, Keys: keys, Refresh: time.Nanosecond,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { c.deleteUser(name, aws.ToString(out.AccessKey.AccessKeyId)) })
	return items
}

func (c *configured) deleteUser(name, key string) {
	client, ctx := iam.NewFromConfig(c.aws(home)), context.Background()
	for _, err := range []error{
		second(client.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &name, AccessKeyId: &key})),
		second(client.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: &name, PolicyName: &name})),
		second(client.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &name})),
	} {
		if err != nil {
			c.t.Error(err)
		}
	}
}

// second is the error of a call whose answer says nothing.
func second(_ any, err error) error { return err }

// TestConfigAtRunTime takes a configuration through what functions and operators do with it.
func TestConfigAtRunTime(t *testing.T) {
	c, arguments := deployConfig(t)
	reader := c.reader("checkout", "windows")
	windows := func(want float64) {
		t.Helper()
		if got, err := reader.Number(t.Context(), "windows"); err != nil || got != want {
			t.Errorf("a function reads %v, %v; want %v", got, err, want)
		}
	}
	windows(50)
	if key, err := reader.Secret(t.Context(), "payment_key"); err != nil || key != "s3cret" {
		t.Errorf("the secret is %q, %v", key, err)
	}
	type fees struct{ Service, Postage float64 }
	if f, err := configitems.JSON[fees](t.Context(), reader, "fees"); err != nil || f != (fees{2.5, 4}) {
		t.Errorf("the fees are %+v, %v", f, err)
	}

	// An operator's value is in force at once, and no apply takes it back.
	if _, refused := c.control(history.Request{Action: history.ActionSet, Key: "windows", Value: "501"}); !strings.Contains(refused, "maximum") {
		t.Errorf("a value beyond the schema gave %q", refused)
	}
	if _, refused := c.control(history.Request{Action: history.ActionSet, Key: "windows", Value: "80", By: "arn:aws:iam::123456789012:user/anna"}); refused != "" {
		t.Fatal(refused)
	}
	windows(80)
	c.settled(arguments(nil, nil))
	override := fields(t, fields(t, fields(t, c.state)["overrides"])[`items["windows"]`])
	if override == nil {
		t.Fatal("the override is not in the state")
	}
	if p := c.plan(arguments(nil, nil)); len(p.warnings) != 1 || !strings.Contains(p.warnings[0], `items["windows"] is overridden`) {
		t.Errorf("the plan warns %q", p.warnings)
	}
	if text := c.apply(arguments(nil, func(items map[string]any) {
		items["windows"] = map[string]any{"number": 60, "operator": true}
	})); text != "" {
		t.Fatal(text)
	}
	windows(60)
	// With the value the override goes that held against it.
	c.keeps(history.Cleared+" ", history.Configured+" 60", history.Overridden+" 80", history.Configured+" 50")
	if a, _ := c.control(history.Request{Action: history.ActionHistory}); len(a.Entries) < 5 {
		t.Errorf("the history of all has %d entries", len(a.Entries))
	}
	fault, err := local.Gate().Faults().Add(localaws.Fault{
		Kind: localaws.FaultError, Code: "ValidationException", Message: "the local AWS does not like it", Nth: 1,
		Match: func(call localaws.Call) bool {
			return call.Caller == "config.history" && call.Operation == "PutItem" && strings.HasPrefix(call.Resource, "tour-conf-changes")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if text := c.apply(arguments(nil, func(items map[string]any) {
		items["windows"] = map[string]any{"number": 60, "operator": true}
		items["fees"] = map[string]any{"json": `{"service": 9.5}`}
	})); text != "" {
		t.Fatal(text)
	}
	c.await(t, "DynamoDB refuses an entry", func(context.Context) bool { return fault.Fired() })
	c.heeds(reader, arguments)
	c.redriven()
	if unused := c.unusedGrants(); len(unused) > 0 {
		t.Errorf("roles grant what was not used:\n  %s", strings.Join(unused, "\n  "))
	}
	if text := c.destroy(); !strings.Contains(text, "protected") || !strings.Contains(text, "windows, read by checkout") {
		t.Errorf("a destroy without force_destroy says %q", text)
	}
	if text := c.apply(arguments(forced, func(items map[string]any) { delete(items, "windows"); delete(items, "sandbox") })); text != "" {
		t.Fatal(text)
	}
	if text := c.destroy(); text != "" {
		t.Fatal(text)
	}
}

// keeps waits until the history of windows is as wanted, the newest first.
func (c *configured) keeps(want ...string) {
	c.t.Helper()
	var got []string
	c.await(c.t, "the history has every change", func(context.Context) bool {
		a, refused := c.control(history.Request{Action: history.ActionHistory, Key: "windows"}) //nolint:contextcheck // it goes by the test's own
		if refused != "" {
			c.t.Fatal(refused)
		}
		got = nil
		for _, e := range a.Entries {
			got = append(got, e.What+" "+e.New)
			if wants := map[string]string{history.Overridden: ":user/anna", history.Configured: ":user/deployer"}[e.What]; !strings.HasSuffix(e.By, wants) {
				c.t.Errorf("%s is by %q, want %s", e.What, e.By, wants)
			}
		}
		return len(got) >= len(want)
	})
	if !slices.Equal(got, want) {
		c.t.Errorf("the history is %q, want %q", got, want)
	}
}

// heeds checks that nothing is taken away that somebody reads: neither by a plan that knows, nor by an apply whose plan did not.
func (c *configured) heeds(reader *configitems.Items, arguments func(map[string]any, func(map[string]any)) map[string]any) {
	t := c.t
	t.Helper()
	without := func(key string, more map[string]any) map[string]any {
		return arguments(more, func(items map[string]any) {
			items["windows"] = map[string]any{"number": 60, "operator": true}
			delete(items, key)
		})
	}
	if text := c.refresh(); text != "" {
		t.Fatal(text)
	}
	if got := stateTexts(t, c.state, "readers"); got["windows"] != "checkout" {
		t.Errorf("readers are %v", got)
	}
	if p := c.plan(without("windows", nil)); !strings.Contains(p.failed, "windows, read by checkout") {
		t.Errorf("the plan says %q", p.failed)
	}
	unaware := c.plan(without("sandbox", nil))
	if unaware.failed != "" {
		t.Fatal(unaware.failed)
	}
	other := c.reader("refunds", "sandbox")
	if _, err := other.Bool(t.Context(), "sandbox"); err != nil {
		t.Fatal(err)
	}
	if text := c.applyPlan(unaware); !strings.Contains(text, "sandbox, read by refunds") || !strings.Contains(text, "force_remove") {
		t.Errorf("the apply says %q", text)
	}
	if text := c.refresh(); text != "" {
		t.Fatal(text)
	}
	if text := c.apply(without("sandbox", map[string]any{"force_remove": []any{"sandbox"}})); text != "" {
		t.Errorf("with force_remove: %s", text)
	}
	if _, err := other.Bool(t.Context(), "sandbox"); err == nil || !strings.Contains(err.Error(), "none of that key") {
		t.Errorf("an item that is gone gives %v", err)
	}
}

// redriven checks that the record whose entry DynamoDB refused lies in the dead-letter queue with the reason, and becomes an entry when it is
// tried again.
func (c *configured) redriven() {
	t := c.t
	t.Helper()
	client, url := sqs.NewFromConfig(c.aws(home)), aws.String(text(t, c.state, "dead_letter_queue_url"))
	out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url, WaitTimeSeconds: 5})
	if err != nil || len(out.Messages) != 1 || !strings.Contains(aws.ToString(out.Messages[0].Body), "the local AWS does not like it") {
		t.Fatalf("the dead-letter queue has %+v, %v", out, err)
	}
	kept := func() bool {
		a, _ := c.control(history.Request{Action: history.ActionHistory, Key: "fees"})
		return slices.ContainsFunc(a.Entries, func(e history.Entry) bool { return strings.Contains(e.New, "9.5") })
	}
	if kept() {
		t.Error("the entry that was refused is there")
	}
	event, err := json.Marshal(map[string]any{"Records": []any{map[string]string{"eventSource": "aws:sqs", "messageId": "1", "body": *out.Messages[0].Body}}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := lambda.NewFromConfig(c.aws(home)).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("tour-conf-history-euc1"), Qualifier: aws.String(blueprint.LiveAlias), Payload: event})
	var failures history.Failures
	if err != nil || answer.FunctionError != nil || json.Unmarshal(answer.Payload, &failures) != nil || len(failures.BatchItemFailures) != 0 {
		t.Fatalf("trying it again gave %s, %v", answer.Payload, err)
	}
	if !kept() {
		t.Error("trying it again has made no entry")
	}
}

// unusedGrants lists what the functions' roles grant and nobody used, but for what the blueprint explains.
func (c *configured) unusedGrants() []string {
	c.t.Helper()
	b, err := c.system.Described(c.t.Context(), runningConfig, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, p := range b.Parts {
		if role, ok := p.Spec.(blueprint.RoleSpec); ok {
			for action := range role.Rare {
				explained["tour-conf-"+p.Key+"-euc1 "+action] = true
			}
		}
	}
	known := 0
	mine := "arn:aws:iam::" + string(c.account) + ":role/"
	for _, owner := range local.Proof().Usage().Owners() {
		if strings.HasPrefix(owner, mine) {
			known++
		}
	}
	if known != 2 {
		c.t.Errorf("the grants of %d roles are known, want 2", known)
	}
	return local.Proof().Usage().Unused(func(owner string, p permission.Pair) string {
		role, ours := strings.CutPrefix(owner, mine)
		if !ours || explained[role+" "+p.Action] {
			return ""
		}
		return fmt.Sprintf("%s %s %s", role, p.Action, p.Resource)
	})
}

// TestConfigUnknown: values that a plan does not know leave all other parts known, and the apply holds what the plan said.
func TestConfigUnknown(t *testing.T) {
	system, _ := systems.Find("config")
	a := newAccount(t)
	s := newSession(t, a, options{system: system.Name}, nil)
	item := func(url any) map[string]any {
		return exampleOf(system, map[string]any{"force_destroy": true, "items": map[string]any{"purchase_url": map[string]any{"string": url}, "rate": map[string]any{"number": 2}}})
	}
	p := s.plan(item(unknown{}))
	if p.failed != "" {
		t.Fatal(p.failed)
	}
	parts := stateTexts(t, p.planned, "parts")
	if parts["item-purchase_url"] != "?" || parts["item-rate"] == "?" || parts["item-rate"] == "" || parts["items"] == "?" {
		t.Errorf("the parts are planned as %v", parts)
	}
	final := s.plan(item("https://a.example"))
	if err := compatible("", p.planned, final.planned); err != nil {
		t.Errorf("provider produced inconsistent final plan: %s", err)
	}
	if text := s.applyPlan(final); text != "" {
		t.Fatal(text)
	}
	s.settled(item("https://a.example"))
	s.gone(a)
}
