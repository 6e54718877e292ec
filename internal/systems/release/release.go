// Package release is the resource serverless_release: the record of which pipeline and commit is which version of which function, and the way in
// which it goes live.
package release

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/release"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// System names the release wherever AWS or a user sees it.
var System = blueprint.System{Name: "release", Slug: "rel"}

// Model is the resource's arguments and outputs.
type Model struct {
	composite.Common

	Systems  types.Map    `tfsdk:"systems"`
	Pipeline types.String `tfsdk:"pipeline"`
	Commit   types.String `tfsdk:"commit"`
	Tested   types.Set    `tfsdk:"tested"`
	Canary   types.Object `tfsdk:"canary"`

	HistoryTableName types.String `tfsdk:"history_table_name"`
	HistoryTableARN  types.String `tfsdk:"history_table_arn"`
	FunctionNames    types.Map    `tfsdk:"function_names"`
	FunctionARNs     types.Map    `tfsdk:"function_arns"`
	RoleARNs         types.Map    `tfsdk:"role_arns"`
}

// Resource returns serverless_release.
func Resource() composite.Resource { return composite.New(Definition()) }

// Definition is what the generic resource needs to know of a release.
func Definition() composite.Definition[Model] {
	return composite.Definition[Model]{
		System:      System,
		Description: description,
		Attributes:  attributes(),
		Texts:       []string{"systems"},
		Common:      func(m *Model) *composite.Common { return &m.Common },
		Validate:    validate,
		Blueprint:   describe,
	}
}

// exampleDigest is that of some functions.
const exampleDigest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

// Example returns arguments of a plain release, beside its name.
func Example() map[string]any {
	alias := func(function string) string {
		return "arn:aws:lambda:eu-central-1:123456789012:function:arena-queue-" + function + "-euc1:" + blueprint.LiveAlias
	}
	return map[string]any{
		"pipeline": "1024", "commit": "5f2c1d7",
		"systems": map[string]any{"queue": map[string]any{
			"aliases":  map[string]any{"join": alias("join"), "turn": alias("turn")},
			"versions": map[string]any{"join": "7", "turn": "4"}, "digest": exampleDigest,
		}},
		"canary": map[string]any{"percent": 10, "minutes": 15, "alarms": []any{"arena-queue-dead-letters-present-euc1"}},
	}
}

const (
	// steerTimeout leaves a release of some dozens of functions time for a few calls of each, at the 15 a second that Lambda takes (Lambda quotas,
	// API requests per second for the rest of the control plane API).
	steerTimeout = time.Minute
	// stuckAfter is for how many minutes a release may be running beyond its canary.
	stuckAfter = 15
)

// describe is the release's blueprint:
//
//	apply → wanted → steer → aliases
func describe(m *Model, b *blueprint.Builder) error {
	wanted, err := m.wanted()
	if err != nil {
		return err
	}
	text, err := json.Marshal(wanted)
	if err != nil {
		return fmt.Errorf("render what is wanted: %w", err)
	}
	wants := b.Table("wanted", blueprint.Table{Key: release.WantedKey, Stream: blueprint.NewImages})
	history := b.Table("history", blueprint.Table{Key: release.HistoryKind, Sort: release.HistoryNumber, Data: true})
	steer := b.Function("steer", blueprint.Function{
		MemoryMB: 256, Timeout: steerTimeout,
		Environment: config.Environ(release.Config{System: System.Name, Name: b.Settings().Name, WantedTable: wants.Name(), HistoryTable: history.Name()}),
		Grants:      [][]blueprint.Grant{wants.ReadStream(), wants.Get(), history.Get(), history.Put(), history.Query(), moving(wanted), watching(wanted)},
	})
	// What it misses of the stream, the next minute brings: nothing is kept of what was given up.
	b.ConsumeStream("steer-wanted", steer, wants, blueprint.StreamBatch{Size: 10, Retries: 1, MaxAge: time.Minute})
	b.EveryMinute("steer-tick", steer, "{}")
	b.Item("release", wants, release.WantedItem, map[string]blueprint.ItemAttribute{release.WantedAttribute: blueprint.ItemText(string(text))})

	minutes := 0
	if wanted.Canary != nil {
		minutes = wanted.Canary.Minutes
	}
	b.AlarmMetric("rolled-back", steer.Emitted(release.MetricRolledBack, "Sum"), blueprint.Limit{}, "A release was rolled back; history says why.")
	b.AlarmMetric("stuck", steer.Emitted(release.MetricMinutes, "Maximum"), blueprint.Limit{Threshold: float64(minutes + stuckAfter)}, "A release is running for longer than its canary lasts; status says what is in the way.")
	b.AlarmErrors("steer-errors", steer, "The function steer fails, and moves no alias; see its log.")

	b.Output("history_table_name", history.Name())
	b.Output("history_table_arn", history.ARN())
	b.OutputMap("function_names", map[string]string{"steer": steer.Name()})
	b.OutputMap("function_arns", map[string]string{"steer": steer.LiveARN()})
	b.OutputMap("role_arns", map[string]string{"steer": steer.RoleARN()})
	b.PerMonth(blueprint.Load{Unit: "minute", Count: blueprint.Month.Minutes(), Over: blueprint.Month},
		steer.Invocations(1, steerTakes), wants.Gets(1, float64(len(text))), history.Gets(1, float64(len(text))))
	return nil
}

// steerTakes is how long a minute with nothing to do takes: two reads.
const steerTakes = 15 * time.Millisecond

// moving grants what a release does to its functions, and to no others.
func moving(w release.Wanted) []blueprint.Grant {
	var own, versions []string
	for _, key := range slices.Sorted(maps.Keys(w.Targets)) {
		function := functionOf(w.Targets[key].Alias)
		own, versions = append(own, function), append(versions, function+":*")
	}
	return []blueprint.Grant{
		{Actions: []string{"lambda:GetAlias", "lambda:GetFunctionConfiguration", "lambda:UpdateAlias"}, Resources: own},
		{Actions: []string{"lambda:GetFunctionConfiguration"}, Resources: versions, Rare: "the Service Authorization Reference does not say by which of the two ARNs AWS judges the call for a version"},
	}
}

// watching grants reading alarms. Which ones cannot be narrowed, and composite ones need it all (CloudWatch API Reference, DescribeAlarms).
func watching(w release.Wanted) []blueprint.Grant {
	if w.Canary == nil || len(w.Canary.Alarms) == 0 {
		return nil
	}
	return []blueprint.Grant{{Actions: []string{"cloudwatch:DescribeAlarms"}, Resources: []string{"*"}}}
}

// functionOf is the ARN of an alias's function; a text that a plan does not know stays as it is.
func functionOf(alias string) string {
	if blueprint.HasToken(alias) {
		return alias
	}
	return alias[:strings.LastIndexByte(alias, ':')]
}

// wanted is the release as steer reads it. What a plan does not know is tokens.
func (m *Model) wanted() (release.Wanted, error) {
	w := release.Wanted{
		Pipeline: m.Pipeline.ValueString(), Commit: m.Commit.ValueString(), Digests: map[string]string{}, Targets: map[string]release.Target{},
	}
	for system, element := range m.Systems.Elements() {
		object, ok := element.(types.Object)
		if !ok || object.IsNull() {
			return w, fmt.Errorf("system %q is no object", system)
		}
		at := "systems." + system + "."
		digest := composite.Text(composite.Field[types.String](object, "digest"), at+"digest")
		w.Digests[system] = digest
		aliases, versions := composite.Field[types.Map](object, "aliases").Elements(), composite.Field[types.Map](object, "versions").Elements()
		if problem := unlike(system, aliases, versions); problem != "" {
			return w, fmt.Errorf("%s", problem)
		}
		for key := range aliases {
			w.Targets[system+"/"+key] = release.Target{
				Alias: textOf(aliases[key], at+"aliases."+key), Version: textOf(versions[key], at+"versions."+key), Digest: digest,
			}
		}
	}
	if problem := untested(w.Digests, m.Tested); problem != "" {
		return w, fmt.Errorf("%s", problem)
	}
	if !m.Canary.IsNull() {
		w.Canary = &release.Canary{Percent: composite.IntOf(m.Canary, "percent", 0), Minutes: composite.IntOf(m.Canary, "minutes", 0), Alarms: []string{}}
		for _, e := range composite.Field[types.Set](m.Canary, "alarms").Elements() {
			w.Canary.Alarms = append(w.Canary.Alarms, textOf(e, "canary.alarms"))
		}
		slices.Sort(w.Canary.Alarms)
	}
	return w, nil
}

// textOf is a text, or a token where the plan does not know it.
func textOf(v attr.Value, argument string) string {
	s, _ := v.(types.String)
	return composite.Text(s, argument)
}
