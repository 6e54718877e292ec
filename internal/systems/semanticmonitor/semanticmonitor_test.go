package semanticmonitor

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/semanticmonitor"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/preflight"
	"github.com/burstline/terraform-provider-serverless/internal/systems/systemtest"
)

// describedBy is the blueprint of a monitor with these arguments.
func describedBy(t *testing.T, arguments map[string]any) (*blueprint.Blueprint, diag.Diagnostics) {
	t.Helper()
	text, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	return Resource().Describe(t.Context(), "presale", text, nil)
}

const (
	orders    = "arn:aws:sqs:eu-central-1:123456789012:orders"
	table     = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders"
	parameter = "arn:aws:ssm:eu-central-1:123456789012:parameter/shop/token"
	kmsKey    = "arn:aws:kms:eu-central-1:123456789012:key/8d5d0ac6-0000-4000-8000-000000000001"
)

// monitors are such as users would write.
var monitors = map[string]map[string]any{
	"minimal.json": {"http": map[string]any{"url": "https://shop.example.com/health"}},
	"http.json": {
		"interval_minutes": 5, "within_seconds": 10, "late_alarm": map[string]any{"probes": 3, "of": 5},
		"http": map[string]any{
			"url": "https://shop.example.com/orders", "method": "POST", "body": `{"id": "{{probe}}"}`, "headers": map[string]any{"Content-Type": "application/json"},
			"secret_headers": map[string]any{"Authorization": parameter},
			"expect":         map[string]any{"status": 201, "json_pointer": "/order/id", "equals": "{{probe}}", "matches": "accepted|queued"},
		},
		"alarms": map[string]any{"emails": []string{"night@example.com"}},
	},
	"queue-to-http.json": {
		"within_seconds": 120, "lost_after_seconds": 600,
		"queue_to_http": map[string]any{"queue_arn": orders + ".fifo", "look": map[string]any{"url": "https://shop.example.com/orders/{{probe}}"}},
	},
	"queue-to-table.json": {
		"queue_to_table": map[string]any{"queue_arn": orders, "table_arn": table, "key": map[string]any{"pk": "order#{{probe}}", "sk": "0"}, "attribute": "state", "equals": "accepted"},
		"kms_key_arn":    kmsKey, "target_kms_key_arns": []string{kmsKey},
	},
	"waiting-room.json": {
		"within_seconds": 150,
		"waiting_room": map[string]any{
			"join_url": "https://join.example.com/", "turn_url": "https://turn.example.com/", "status_url": "https://arena.example.com/status/arena.json",
			"probe_key_arn": "arn:aws:ssm:eu-central-1:123456789012:parameter/serverless/secrets/arena-queue-probe-key-euc1", "sale": "arena",
		},
		"alarms": map[string]any{"enabled": false},
	},
}

func TestGolden(t *testing.T) {
	for name, arguments := range monitors {
		t.Run(name, func(t *testing.T) {
			b, diags := describedBy(t, arguments)
			if diags.HasError() {
				t.Fatal(diags)
			}
			systemtest.Golden(t, name, b.Render())
		})
	}
}

// The function reads what the provider writes, and watches each probe for as long
// as it may take, or until the next call watches.
func TestFunction(t *testing.T) {
	for name, want := range map[string]struct {
		limits  semanticmonitor.Limits
		timeout int
	}{
		"minimal.json":        {semanticmonitor.Limits{Interval: time.Minute, Within: 30 * time.Second, LostAfter: 5 * time.Minute}, 50},
		"http.json":           {semanticmonitor.Limits{Interval: 5 * time.Minute, Within: 10 * time.Second, LostAfter: 5 * time.Minute}, 30},
		"queue-to-http.json":  {semanticmonitor.Limits{Interval: time.Minute, Within: 2 * time.Minute, LostAfter: 10 * time.Minute}, 80},
		"queue-to-table.json": {semanticmonitor.Limits{Interval: time.Minute, Within: 30 * time.Second, LostAfter: 5 * time.Minute}, 50},
		"waiting-room.json":   {semanticmonitor.Limits{Interval: time.Minute, Within: 150 * time.Second, LostAfter: 25 * time.Minute}, 80},
	} {
		b, diags := describedBy(t, monitors[name])
		if diags.HasError() {
			t.Fatal(diags)
		}
		f, _ := b.Part("probe").Spec.(blueprint.FunctionSpec)
		cfg, err := config.Load[semanticmonitor.ProbeConfig](f.Environment)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := semanticmonitor.ReadTarget(cfg.Target); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if cfg.Limits != want.limits || f.Timeout != want.timeout {
			t.Errorf("%s: the limits are %+v with a time-out of %d s, want %+v with %d s", name, cfg.Limits, f.Timeout, want.limits, want.timeout)
		}
	}
}

// A monitor that cannot be is refused before anything is called, at the argument
// at fault.
func TestRefused(t *testing.T) {
	page := map[string]any{"url": "https://shop.example.com/"}
	funnel := func(more map[string]any) map[string]any {
		out := map[string]any{"queue_arn": orders, "table_arn": table, "key": map[string]any{"order": "{{probe}}"}}
		maps.Copy(out, more)
		return map[string]any{"queue_to_table": out}
	}
	expecting := func(e map[string]any) map[string]any {
		return map[string]any{"http": map[string]any{"url": "https://shop.example.com/", "expect": e}}
	}
	for name, c := range map[string]struct {
		arguments map[string]any
		says      []string
	}{
		"no target":            {map[string]any{}, []string{"has 0", "exactly one"}},
		"two targets":          {map[string]any{"http": page, "queue_to_table": funnel(nil)["queue_to_table"]}, []string{"queue_to_table", "has 2: http, queue_to_table"}},
		"no address":           {map[string]any{"http": map[string]any{"url": "shop.example.com"}}, []string{"http.url", "http or https"}},
		"no queue":             {funnel(map[string]any{"queue_arn": "https://sqs.eu-central-1.amazonaws.com/123456789012/orders"}), []string{"queue_arn", "ARN of an SQS queue"}},
		"equals no attribute":  {funnel(map[string]any{"equals": "1"}), []string{"queue_to_table", "needs the attribute"}},
		"a secret in the open": {map[string]any{"http": map[string]any{"url": "https://shop.example.com/", "secret_headers": map[string]any{"Authorization": "hunter2"}}}, []string{"secret_headers", "ARN of a parameter"}},
		"a bad pointer":        {expecting(map[string]any{"json_pointer": "order"}), []string{"http", "begin with a slash"}},
		"equals nothing":       {expecting(map[string]any{"equals": "1"}), []string{"http", "needs a JSON pointer"}},
		"a bad expression":     {expecting(map[string]any{"matches": "("}), []string{"http", "cannot be read"}},
		"too long an answer":   {map[string]any{"http": page, "within_seconds": 301}, []string{"within_seconds", "at most 300"}},
		"lost first":           {map[string]any{"http": page, "lost_after_seconds": 29}, []string{"lost_after_seconds", "cannot be lost before"}},
		"too many watched":     {map[string]any{"http": page, "lost_after_seconds": 3601}, []string{"lost_after_seconds", "at most 3600"}},
		"never late enough":    {map[string]any{"http": page, "late_alarm": map[string]any{"probes": 4}}, []string{"late_alarm", "4 of the last 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := describedBy(t, c.arguments)
			systemtest.Refused(t, diags, c.says)
		})
	}
}

// What it costs stands in the guide.
func TestCost(t *testing.T) {
	for name, want := range map[string][2]float64{"minimal.json": {2.0, 2.1}, "http.json": {1.8, 1.9}, "queue-to-table.json": {2.2, 2.3}, "waiting-room.json": {1.9, 2.0}} {
		b, diags := describedBy(t, monitors[name])
		if diags.HasError() {
			t.Fatal(diags)
		}
		if idle := preflight.Cost(b, preflight.Builtin(), "us-east-1").Idle; idle < want[0] || idle > want[1] {
			t.Errorf("%s costs $%.2f a month, should be between %v", name, idle, want)
		}
	}
}
