package provider_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/burstline/terraform-provider-serverless/functions/semanticmonitor"
	"github.com/burstline/terraform-provider-serverless/internal/bundle"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// watch is a monitor that is deployed with the functions that the provider
// carries.
type watch struct {
	*session
	a      account
	config map[string]any
	since  time.Time
}

// newWatch deploys a monitor of ten seconds beside what is in the account.
func newWatch(t *testing.T, a account, name string, more map[string]any) *watch {
	t.Helper()
	w := &watch{
		a: a, session: newSession(t, a, options{system: "semantic_monitor", bundles: &bundle.Shared{Bundles: bundle.Prebuilt{}}}, nil),
		config: map[string]any{"name": name, "within_seconds": 10, "architecture": hostArchitecture()}, since: time.Now(),
	}
	for key, value := range more {
		w.config[key] = value
	}
	if text := w.apply(w.config); text != "" {
		t.Fatal(text)
	}
	return w
}

// call calls the function as its schedule, an operator or status does.
func (w *watch) call(action string) (r semanticmonitor.Report) {
	w.t.Helper()
	payload, err := json.Marshal(semanticmonitor.Request{Action: action})
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := lambda.NewFromConfig(w.a.aws(home)).Invoke(w.t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String(stateTexts(w.t, w.state, "function_names")["probe"]), Qualifier: aws.String("live"), Payload: payload,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if out.FunctionError != nil || json.Unmarshal(out.Payload, &r) != nil {
		w.t.Fatalf("probe: %s", out.Payload)
	}
	return r
}

// probe sends one now, and returns its id and what became of it by the end of the
// call.
func (w *watch) probe() semanticmonitor.Outcome {
	w.t.Helper()
	r := w.call(semanticmonitor.ActionProbe)
	return w.outcome(r, r.Probe)
}

func (w *watch) outcome(r semanticmonitor.Report, id string) semanticmonitor.Outcome {
	w.t.Helper()
	for _, o := range r.Last {
		if o.ID == id {
			return o
		}
	}
	w.t.Fatalf("nothing is known of probe %s: %+v", id, r)
	return semanticmonitor.Outcome{}
}

// expects a probe to end so, having come as far as stage.
func (w *watch) expects(when string, want semanticmonitor.Result, stage string) semanticmonitor.Outcome {
	w.t.Helper()
	got := w.probe()
	if got.Result != want || got.Stage != stage {
		w.t.Errorf("%s: the probe is %+v, want %s at %q", when, got, want, stage)
	}
	return got
}

// figures are what the function has told of a metric, by the minute.
func (w *watch) figures(metric string) map[int64]float64 {
	w.t.Helper()
	out := map[int64]float64{}
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(cloudwatchlogs.NewFromConfig(w.a.aws(home)), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String("/aws/lambda/" + stateTexts(w.t, w.state, "function_names")["probe"]),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		for _, event := range page.Events {
			var line map[string]any
			if json.Unmarshal([]byte(aws.ToString(event.Message)), &line) != nil {
				continue
			}
			metadata, _ := line["_aws"].(map[string]any)
			at, _ := metadata["Timestamp"].(float64)
			if value, ok := line[metric].(float64); ok && at > 0 {
				out[time.UnixMilli(int64(at)).Truncate(time.Minute).Unix()] += value
			}
		}
	}
	return out
}

// rings says whether one of the monitor's alarms, as it is deployed, would ring at
// a time, by what the function has told until then (CloudWatch User Guide,
// "Evaluating an alarm"). The local AWS sees no metrics in logs.
func (w *watch) rings(name string, now time.Time) bool {
	w.t.Helper()
	arn := stateTexts(w.t, w.state, "alarm_arns")[name]
	out, err := cloudwatch.NewFromConfig(w.a.aws(home)).DescribeAlarms(w.t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{arn[strings.LastIndexByte(arn, ':')+1:]}})
	if err != nil || len(out.MetricAlarms) != 1 {
		w.t.Fatalf("%d alarms %s: %v", len(out.MetricAlarms), arn, err)
	}
	alarm := out.MetricAlarms[0]
	if aws.ToInt32(alarm.Period) != 60 || alarm.Statistic != cloudwatchtypes.StatisticSum {
		w.t.Fatalf("the alarm %s has another period or statistic: %+v", name, alarm)
	}
	figures, breaching := w.figures(aws.ToString(alarm.MetricName)), int32(0)
	for i := range aws.ToInt32(alarm.EvaluationPeriods) {
		value, there := figures[now.Add(-time.Duration(i)*time.Minute).Truncate(time.Minute).Unix()]
		switch {
		case !there && aws.ToString(alarm.TreatMissingData) == "breaching",
			there && alarm.ComparisonOperator == cloudwatchtypes.ComparisonOperatorGreaterThanThreshold && value > aws.ToFloat64(alarm.Threshold),
			there && alarm.ComparisonOperator == cloudwatchtypes.ComparisonOperatorLessThanThreshold && value < aws.ToFloat64(alarm.Threshold):
			breaching++
		}
	}
	needed := aws.ToInt32(alarm.DatapointsToAlarm)
	if needed == 0 {
		needed = aws.ToInt32(alarm.EvaluationPeriods)
	}
	return breaching >= needed
}

// oneLate is an alarm that rings for a single probe: the tests do not wait for
// minutes.
var oneLate = map[string]any{"probes": 1, "of": 3}

// usesItsGrants: nothing was refused, and the function has used all that its role
// grants, but for what the blueprint explains.
func (w *watch) usesItsGrants() {
	w.t.Helper()
	if local.Proof() == nil {
		return // The endpoint judges by itself.
	}
	for _, d := range local.Proof().Denials(string(w.a)) {
		w.t.Errorf("%s was refused %s on %s: %s", d.Principal, d.Action, d.Resource, d.Message)
	}
	arguments, err := json.Marshal(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	system, _ := systems.Find("semantic_monitor")
	b, diags := system.Resource().Describe(w.t.Context(), text(w.t, w.state, "name"), arguments, nil)
	if diags.HasError() {
		w.t.Fatal(diags)
	}
	if unused := unused(w.t, b, map[string]string{stateTexts(w.t, w.state, "role_arns")["probe"]: "probe-role"}); len(unused) > 0 {
		w.t.Errorf("granted, never used and not explained:\n%s", strings.Join(unused, "\n"))
	}
}

// door is a function's URL as a function on this machine reaches it.
func door(t *testing.T, given string) string {
	t.Helper()
	u, err := url.Parse(given)
	if err != nil {
		t.Fatal(err)
	}
	id, _, _ := strings.Cut(u.Host, ".")
	return local.Endpoint() + "/_aws/lambda-url/" + id + "/"
}
