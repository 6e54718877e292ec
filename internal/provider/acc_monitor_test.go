package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"

	"github.com/burstline/terraform-provider-serverless/functions/semanticmonitor"
	"github.com/burstline/terraform-provider-serverless/internal/bundle"
)

// watch is a monitor that is deployed with the functions that the provider
// carries.
type watch struct {
	*session
	a      account
	config map[string]any
	since  time.Time
}

// newWatch deploys a monitor of five seconds beside what is in the account.
func newWatch(t *testing.T, a account, name string, more map[string]any) *watch {
	t.Helper()
	w := &watch{
		a: a, session: newSession(t, a, options{system: "semantic_monitor", bundles: &bundle.Shared{Bundles: bundle.Prebuilt{}}}, nil),
		config: map[string]any{"name": name, "within_seconds": 5, "architecture": hostArchitecture()}, since: time.Now(),
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

// idle is a waiting room whose sale is far ahead: its keeper calls probes when it
// is called itself.
func idleRoom(t *testing.T) *presale {
	t.Helper()
	return newPresale(t, map[string]any{"opens_at": clockTime(time.Now().Add(24 * time.Hour)), "closes_at": clockTime(time.Now().Add(25 * time.Hour)), "site": map[string]any{"enabled": false}})
}

// concurrency bounds a function's executions; nil for no bound.
func (p *presale) concurrency(key string, most *int32) {
	p.t.Helper()
	client := lambda.NewFromConfig(p.a.aws(home))
	var err error
	if most == nil {
		_, err = client.DeleteFunctionConcurrency(p.t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: p.function(key)})
	} else {
		_, err = client.PutFunctionConcurrency(p.t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: p.function(key), ReservedConcurrentExecutions: most})
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// placing switches the delivery of joins to the placer.
func (p *presale) placing(on bool) {
	p.t.Helper()
	client := lambda.NewFromConfig(p.a.aws(home))
	out, err := client.ListEventSourceMappings(p.t.Context(), &lambda.ListEventSourceMappingsInput{EventSourceArn: aws.String(text(p.t, p.state, "joins_queue_arn"))})
	if err != nil || len(out.EventSourceMappings) != 1 {
		p.t.Fatalf("%d mappings: %v", len(out.EventSourceMappings), err)
	}
	if _, err := client.UpdateEventSourceMapping(p.t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: out.EventSourceMappings[0].UUID, Enabled: &on}); err != nil {
		p.t.Fatal(err)
	}
}

// TestAccMonitorQueueToTable: messages that go into the queue of a waiting room
// become records of its fans. Whatever of that breaks, the next probe tells.
func TestAccMonitorQueueToTable(t *testing.T) {
	p := idleRoom(t)
	defer p.destroyed()
	funnel := map[string]any{
		"queue_arn": text(t, p.state, "joins_queue_arn"), "body": `{"sale":"arena","fan":"{{probe}}","attempt":0,"probe":true}`,
		"table_arn": stateTexts(t, p.state, "table_arns")["fans"], "key": map[string]any{"fan": "arena/{{probe}}"}, "attribute": "place",
	}
	w := newWatch(t, p.a, "places", map[string]any{"queue_to_table": funnel, "late_alarm": oneLate})
	defer w.destroyed()
	w.settled(w.config)
	w.expects("all is well", semanticmonitor.Arrived, "queued")
	if w.rings("late", time.Now()) || w.rings("silent", time.Now()) {
		t.Error("an alarm rings while all is well")
	}

	// Nobody takes messages from the queue.
	p.placing(false)
	late := w.expects("without a placer", semanticmonitor.Late, "queued")
	if !w.rings("late", time.Now()) {
		t.Error("no alarm rings though a probe is late")
	}
	p.placing(true)
	eventually(t, endsWithin, func() error {
		if o := w.outcome(w.call(""), late.ID); o.Result != semanticmonitor.Came {
			return fmt.Errorf("the probe is %+v", o)
		}
		return nil
	})
	w.expects("all is well again", semanticmonitor.Arrived, "queued")

	// The queue is not there.
	broken := map[string]any{}
	for key, value := range funnel {
		broken[key] = value
	}
	broken["queue_arn"] = text(t, p.state, "joins_queue_arn") + "-gone"
	w.config["queue_to_table"] = broken
	if text := w.apply(w.config); text != "" {
		t.Fatal(text)
	}
	if got := w.expects("without a queue", semanticmonitor.Lost, ""); !strings.Contains(got.Reason, "refused") {
		t.Errorf("the reason is %q", got.Reason)
	}
	r := w.call(semanticmonitor.ActionReport)
	if r.Sent != r.Arrived+r.Late+int64(r.InFlight) || r.Late < 2 || r.Lost < 1 {
		t.Errorf("the totals are %+v", r)
	}
}

// TestAccMonitorWaitingRoom: a probe joins, is placed and called, and takes no
// window; where a door or a function of the waiting room fails, it tells how far
// it came.
func TestAccMonitorWaitingRoom(t *testing.T) {
	p := idleRoom(t)
	defer p.destroyed()
	w := newWatch(t, p.a, "arena", map[string]any{"late_alarm": oneLate, "waiting_room": map[string]any{
		"join_url": door(t, text(t, p.state, "join_url")), "turn_url": door(t, text(t, p.state, "turn_url")), "probe_key_arn": text(t, p.state, "probe_key_arn"), "sale": "arena",
	}})
	defer w.destroyed()
	w.settled(w.config)
	p.ticking(func() { w.expects("all is well", semanticmonitor.Arrived, "called") })
	if n := len(p.fans()); n != 0 {
		t.Errorf("a probe counts as a fan: there are %d", n)
	}

	none := aws.Int32(0)
	p.concurrency("keeper", none)
	w.expects("without a keeper", semanticmonitor.Late, "placed")
	if !w.rings("late", time.Now()) {
		t.Error("no alarm rings though a probe is late")
	}
	p.placing(false)
	w.expects("without a placer", semanticmonitor.Late, "joined")
	p.concurrency("turn", none)
	w.expects("without turn", semanticmonitor.Late, "joined")
	p.concurrency("join", none)
	w.expects("without join", semanticmonitor.Late, "")

	p.concurrency("join", nil)
	p.concurrency("turn", nil)
	p.placing(true)
	p.concurrency("keeper", nil)
	p.ticking(func() { w.expects("all is well again", semanticmonitor.Arrived, "called") })
}

// ticking calls the keeper each second while something is done.
func (p *presale) ticking(do func()) {
	p.t.Helper()
	ctx, stop := context.WithCancel(p.t.Context())
	ended, client, keeper := make(chan struct{}), lambda.NewFromConfig(p.a.aws(home)), p.function("keeper")
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				// Some keeper is at work, or the next call finds one.
				_, _ = client.Invoke(ctx, &lambda.InvokeInput{FunctionName: keeper, Qualifier: aws.String("live"), Payload: []byte("{}"), InvocationType: lambdatypes.InvocationTypeEvent})
			}
		}
	}()
	do()
	stop()
	<-ended
}

// destroyed takes a system away.
func (s *session) destroyed() {
	s.t.Helper()
	if text := s.destroy(); text != "" {
		s.t.Error(text)
	}
}

// TestAccMonitorHTTP: an endpoint, and a queue whose messages show up at one. When
// no probe is sent any more, the alarm of silence rings.
func TestAccMonitorHTTP(t *testing.T) {
	p := idleRoom(t)
	defer p.destroyed()
	// The shop shows the fans of the waiting room, unless it is down.
	var down atomic.Bool
	table := stateTexts(t, p.state, "table_names")["fans"]
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := dynamodb.NewFromConfig(p.a.aws(home)).GetItem(r.Context(), &dynamodb.GetItemInput{
			TableName: &table, Key: map[string]dynamotypes.AttributeValue{"fan": &dynamotypes.AttributeValueMemberS{Value: "arena/" + strings.TrimPrefix(r.URL.Path, "/fans/")}},
		})
		if err != nil || down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if item, _ := out.Item["fan"].(*dynamotypes.AttributeValueMemberS); item != nil {
			_, _ = io.WriteString(w, `{"fan":"`+item.Value+`"}`)
		}
	}))
	defer shop.Close()

	queue := newWatch(t, p.a, "fans", map[string]any{"queue_to_http": map[string]any{
		"queue_arn": text(t, p.state, "joins_queue_arn"), "body": `{"sale":"arena","fan":"{{probe}}","attempt":0,"probe":true}`, "look": map[string]any{"url": shop.URL + "/fans/{{probe}}"},
	}})
	defer queue.destroyed()
	page := newWatch(t, p.a, "shop", map[string]any{"http": map[string]any{"url": shop.URL + "/fans/{{probe}}"}, "late_alarm": oneLate})
	defer page.destroyed()
	queue.settled(queue.config)
	page.settled(page.config)
	queue.expects("all is well", semanticmonitor.Arrived, "queued")
	page.expects("all is well", semanticmonitor.Arrived, "")
	down.Store(true)
	if got := queue.expects("the shop is down", semanticmonitor.Late, "queued"); got.Reason != "the status is 503, expected 200 to 299" {
		t.Errorf("the reason is %q", got.Reason)
	}
	page.expects("the shop is down", semanticmonitor.Lost, "")
	if !page.rings("late", time.Now()) {
		t.Error("no alarm rings though a probe is lost")
	}

	// The schedule sends, too; without it nobody does.
	before := page.call(semanticmonitor.ActionReport).Sent
	p.a.fireSchedule(t, "shop-mon-tick-"+code)
	eventually(t, endsWithin, func() error {
		if now := page.call(semanticmonitor.ActionReport).Sent; now <= before {
			return fmt.Errorf("%d were sent", now)
		}
		return nil
	})
	if page.rings("silent", time.Now()) {
		t.Error("the alarm of silence rings while probes are sent")
	}
	if _, err := scheduler.NewFromConfig(p.a.aws(home)).DeleteSchedule(t.Context(), &scheduler.DeleteScheduleInput{Name: aws.String("shop-mon-tick-" + code)}); err != nil {
		t.Fatal(err)
	}
	if !page.rings("silent", time.Now().Add(3*time.Minute)) {
		t.Error("the alarm of silence would not ring after three minutes without a probe")
	}
}
