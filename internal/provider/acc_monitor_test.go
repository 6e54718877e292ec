package provider_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/burstline/terraform-provider-serverless/functions/semanticmonitor"
)

// idleRoom is a waiting room whose sale is far ahead: its keeper calls probes when it
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

	w.usesItsGrants()

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
		"status_url": local.Endpoint() + "/" + text(t, p.state, "pages_bucket") + "/status/arena.json",
	}})
	defer w.destroyed()
	w.settled(w.config)
	p.ticking(func() { w.expects("all is well", semanticmonitor.Arrived, "called") })
	if n := len(p.fans()); n != 0 {
		t.Errorf("a probe counts as a fan: there are %d", n)
	}

	w.usesItsGrants()

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

// TestAccMonitorBesideItsRoom applies a waiting room and its monitor at once: a
// plan that does not know the doors yet is followed by one with nothing to do.
func TestAccMonitorBesideItsRoom(t *testing.T) {
	a := newAccount(t)
	a.run(t, resource.TestStep{
		Config: a.provider() + `
resource "serverless_queue" "arena" {
  name          = "arena"
  opens_at      = "2099-05-22T10:00:00Z"
  closes_at     = "2099-05-22T18:00:00Z"
  purchase_url  = "https://tickets.example.com/buy"
  windows       = 50
  force_destroy = true
}

resource "serverless_semantic_monitor" "arena" {
  name           = "arena"
  within_seconds = 150

  waiting_room = {
    join_url      = serverless_queue.arena.join_url
    turn_url      = serverless_queue.arena.turn_url
    status_url    = serverless_queue.arena.status_urls["arena"]
    probe_key_arn = serverless_queue.arena.probe_key_arn
    sale          = "arena"
  }
}
`,
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("serverless_semantic_monitor.arena", tfjsonpath.New("alarm_arns"), knownvalue.MapExact(map[string]knownvalue.Check{
				"late":   knownvalue.StringExact("arn:aws:cloudwatch:" + home + ":" + string(a) + ":alarm:arena-mon-late-" + code),
				"silent": knownvalue.StringExact("arn:aws:cloudwatch:" + home + ":" + string(a) + ":alarm:arena-mon-silent-" + code),
				"errors": knownvalue.StringExact("arn:aws:cloudwatch:" + home + ":" + string(a) + ":alarm:arena-mon-probe-errors-" + code),
			})),
		},
	})
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
		if err != nil || down.Load() || r.Header.Get("Authorization") != "Bearer s3cret" || r.Header.Get("X-Serverless-Probe") == "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if item, _ := out.Item["fan"].(*dynamotypes.AttributeValueMemberS); item != nil {
			_, _ = io.WriteString(w, `{"fan":"`+item.Value+`"}`)
		}
	}))
	defer shop.Close()

	const token = "/shop/token"
	if _, err := ssm.NewFromConfig(p.a.aws(home)).PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String(token), Value: aws.String("Bearer s3cret"), Type: ssmtypes.ParameterTypeSecureString}); err != nil {
		t.Fatal(err)
	}
	ask := map[string]any{"url": shop.URL + "/fans/{{probe}}", "secret_headers": map[string]any{"Authorization": "arn:aws:ssm:" + home + ":" + string(p.a) + ":parameter" + token}}
	queue := newWatch(t, p.a, "fans", map[string]any{"queue_to_http": map[string]any{
		"queue_arn": text(t, p.state, "joins_queue_arn"), "body": `{"sale":"arena","fan":"{{probe}}","attempt":0,"probe":true}`, "look": ask,
	}})
	defer queue.destroyed()
	page := newWatch(t, p.a, "shop", map[string]any{"http": ask, "late_alarm": oneLate})
	defer page.destroyed()
	queue.settled(queue.config)
	page.settled(page.config)
	queue.expects("all is well", semanticmonitor.Arrived, "queued")
	page.expects("all is well", semanticmonitor.Arrived, "")
	queue.usesItsGrants()
	page.usesItsGrants()
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
