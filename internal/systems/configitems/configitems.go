// Package configitems is the resource serverless_config: a table with what differs between environments, which functions read again within
// seconds, with a history of its changes.
package configitems

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/configitems"
	"github.com/burstline/terraform-provider-serverless/functions/configitems/history"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// System names the configuration wherever AWS or a user sees it.
var System = blueprint.System{Name: "config", Slug: "conf"}

// Model is the resource's arguments and outputs.
type Model struct {
	composite.Common

	Items         types.Map    `tfsdk:"items"`
	Schema        types.String `tfsdk:"schema"`
	RetentionDays types.Int64  `tfsdk:"history_retention_days"`
	ForceRemove   types.Set    `tfsdk:"force_remove"`
	ExpectedLoad  types.Object `tfsdk:"expected_load"`

	TableName          types.String `tfsdk:"table_name"`
	TableARN           types.String `tfsdk:"table_arn"`
	ReadersTableName   types.String `tfsdk:"readers_table_name"`
	HistoryTableName   types.String `tfsdk:"history_table_name"`
	HistoryTableARN    types.String `tfsdk:"history_table_arn"`
	DeadLetterQueueURL types.String `tfsdk:"dead_letter_queue_url"`
	DeadLetterQueueARN types.String `tfsdk:"dead_letter_queue_arn"`
	ReadPolicyJSON     types.String `tfsdk:"read_policy_json"`
	Readers            types.Map    `tfsdk:"readers"`
	FunctionNames      types.Map    `tfsdk:"function_names"`
	FunctionARNs       types.Map    `tfsdk:"function_arns"`
	RoleARNs           types.Map    `tfsdk:"role_arns"`
}

// Resource returns serverless_config.
func Resource() composite.Resource { return composite.New(Definition()) }

// Example returns arguments of a plain configuration, beside its name.
func Example() map[string]any {
	return map[string]any{
		"items": map[string]any{
			"purchase_url": map[string]any{"string": "https://tickets.example.com/buy"},
			"windows":      map[string]any{"number": 50, "operator": true, "schema": `{"type": "integer", "minimum": 1, "maximum": 500}`},
			"fees":         map[string]any{"json": `{"service": 2.5, "postage": 4}`},
			"payment_key":  map[string]any{"secret_arn": "arn:aws:ssm:eu-central-1:123456789012:parameter/presale/payment-key"}, //nolint:gosec // a reference, and no secret
			"sandbox":      map[string]any{"bool": false, "description": "Whether payments go to the provider's sandbox."},
		},
	}
}

// ExampleLoad is a plausible load of the example.
var ExampleLoad = map[string]any{"environments": 20, "hours_per_month": 100}

// Definition is what the generic resource needs to know of a configuration.
func Definition() composite.Definition[Model] {
	return composite.Definition[Model]{
		System:      System,
		Description: description,
		Attributes:  attributes(),
		Texts:       []string{"items"},
		Common:      func(m *Model) *composite.Common { return &m.Common },
		Validate:    validate,
		Blueprint:   describe,
	}
}

const (
	// historyTimeout leaves a batch of a hundred changes time for the attempts that the SDK makes when a table throttles.
	historyTimeout = 30 * time.Second
	controlTimeout = 30 * time.Second
	// givenUpAfter leaves a redrive half of the 24 hours in which a stream has its records (DynamoDB Developer Guide, "Change data capture for
	// DynamoDB Streams").
	givenUpAfter = 12 * time.Hour
	// retries of a batch, which is halved with each that fails.
	retries = 5
	// lateHistory is the age of a change, in milliseconds, at which the alarm rings.
	lateHistory = 10 * 60 * 1000
)

// describe is the configuration's blueprint:
//
//	items → history; operators → control → items
func describe(m *Model, b *blueprint.Builder) error {
	values, err := m.values()
	if err != nil {
		return err
	}
	base := history.Base{System: System.Name, Name: b.Settings().Name}
	aside := b.Queue("dead-letters", blueprint.Queue{Visibility: 6 * b.Timeout("history", historyTimeout), Data: true})
	items := b.Table("items", blueprint.Table{Key: configitems.KeyAttribute, Stream: blueprint.NewAndOldImages, Data: true})
	readers := b.Table("readers", blueprint.Table{Key: configitems.ReaderAttribute, TTL: configitems.ExpiresAttribute})
	kept := blueprint.Table{Key: history.KeyAttribute, Sort: history.AtAttribute, Data: true}
	retention := int(m.RetentionDays.ValueInt64())
	if retention > 0 {
		kept.TTL = history.ExpiresAttribute
	}
	entries := b.Table("changes", kept)
	describeItems(m, b, items, values)
	b.Readers(items, readers, composite.ElementsOf(m.ForceRemove))

	keeper := b.Function("history", blueprint.Function{
		MemoryMB: 256, Timeout: historyTimeout,
		Environment: config.Environ(history.Config{Base: base, HistoryTable: entries.Name(), DeadLetterURL: aside.URL(), RetentionDays: retention}),
		Grants:      [][]blueprint.Grant{items.ReadStream(), entries.Put(), aside.Send()},
	})
	b.ConsumeStream("history-stream", keeper, items, blueprint.StreamBatch{Size: 100, Window: time.Second, Retries: retries, MaxAge: givenUpAfter, OnFailure: &aside})
	control := b.Function("control", blueprint.Function{
		MemoryMB: 256, Timeout: controlTimeout,
		Environment: config.Environ(history.ControlConfig{Base: base, ItemsTable: items.Name(), ReadersTable: readers.Name(), HistoryTable: entries.Name()}),
		Grants:      [][]blueprint.Grant{items.Get(), items.Scan(), items.Update(), readers.Scan(), entries.Query(), entries.Scan()},
	})
	functions := map[string]blueprint.FunctionHandle{"history": keeper, "control": control}

	b.AlarmNotEmpty("dead-letters-present", aside, "Changes of configuration items could not be kept in the history and wait in the dead-letter queue. The items themselves are as they should be; see the log of history.")
	b.AlarmErrors("history-errors", keeper, "The function history fails; see its log.")
	b.AlarmMetric("history-late", keeper.Metric("IteratorAge", "Maximum"), blueprint.Limit{Threshold: lateHistory}, "Changes of configuration items come into the history more than ten minutes late; see the log of history.")

	outputs(b, values, items, readers, entries, aside, functions)
	load(m, b, values, items, entries, keeper)
	return nil
}

// describeItems are the items themselves, each a part, and what operators may override.
func describeItems(m *Model, b *blueprint.Builder, items blueprint.TableHandle, values map[string]value) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		v := values[key]
		attributes := map[string]blueprint.ItemAttribute{
			configitems.TypeAttribute: blueprint.ItemText(string(v.kind)), configitems.ValueAttribute: v.attribute(),
		}
		if v.operator {
			attributes[configitems.OperatorAttribute] = blueprint.ItemBool(true)
			b.Control(fmt.Sprintf("items[%q]", key), blueprint.ControlOptions{
				Table: items, Item: key, Field: configitems.OverrideAttribute, Configured: v.text,
				Clear: fmt.Sprintf("`unset config %s %s`", b.Settings().Name, key), Path: []string{"items", key, v.argument},
			})
		}
		for name, text := range map[string]string{configitems.DescriptionAttribute: v.description, configitems.SchemaAttribute: v.schema} {
			if text != "" {
				attributes[name] = blueprint.ItemText(text)
			}
		}
		b.Item("item-"+key, items, key, attributes).Passing(
			[]string{configitems.OverrideAttribute, configitems.OfAttribute, configitems.ByAttribute, configitems.AtAttribute},
			configitems.ValueAttribute, configitems.TypeAttribute, configitems.OperatorAttribute)
	}
	if text := m.Schema.ValueString(); text != "" {
		b.Item("schema", items, configitems.SchemaKey, map[string]blueprint.ItemAttribute{configitems.SchemaAttribute: blueprint.ItemText(text)})
	}
}

func outputs(b *blueprint.Builder, values map[string]value, items, readers, entries blueprint.TableHandle, aside blueprint.QueueHandle, functions map[string]blueprint.FunctionHandle) {
	grants := [][]blueprint.Grant{items.Scan(), readers.Update(), secretGrants(values)}
	b.Output("read_policy_json", blueprint.PolicyOf(grants...).JSON())
	b.Output("table_name", items.Name())
	b.Output("table_arn", items.ARN())
	b.Output("readers_table_name", readers.Name())
	b.Output("history_table_name", entries.Name())
	b.Output("history_table_arn", entries.ARN())
	b.Output("dead_letter_queue_url", aside.URL())
	b.Output("dead_letter_queue_arn", aside.ARN())
	names, arns, roles := map[string]string{}, map[string]string{}, map[string]string{}
	for key, f := range functions {
		names[key], arns[key], roles[key] = f.Name(), f.LiveARN(), f.RoleARN()
	}
	b.OutputMap("function_names", names)
	b.OutputMap("function_arns", arns)
	b.OutputMap("role_arns", roles)
}

// secretGrants allow reading what references lead to.
func secretGrants(values map[string]value) []blueprint.Grant {
	var out []blueprint.Grant
	for _, key := range slices.Sorted(maps.Keys(values)) {
		v := values[key]
		if v.kind != configitems.TypeSecret {
			continue
		}
		out = append(out, blueprint.ReadReference(v.text)...)
	}
	return out
}
