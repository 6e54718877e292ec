package deploy

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// afterAMinute are an engine's account and clock under weather in which deleted
// queues go on answering for a minute.
func afterAMinute(t *testing.T) (e *Engine, account string, clock *fakeClock, weather *localaws.Weather) {
	t.Helper()
	e, account = newEngine(t, 3)
	clock = newClock()
	e.Clock = heartless{clock}
	weather = local.Gate().SetWeather(localaws.Conditions{AccessKeys: []string{account}, QueueDying: time.Minute, QueueNameHeld: time.Minute, Now: clock.Now})
	t.Cleanup(weather.End)
	return e, account, clock, weather
}

// heartless lets no claim beat, which under a clock that runs ahead would never
// stop.
type heartless struct{ *fakeClock }

func (c heartless) After(d time.Duration) <-chan time.Time {
	if d == heartbeat {
		return nil
	}
	return c.fakeClock.After(d)
}

// lives checks that nothing drifts once the last deleted queue has gone.
func lives(t *testing.T, e *Engine, clock *fakeClock, b *blueprint.Builder, weather *localaws.Weather) {
	t.Helper()
	<-clock.After(time.Minute)
	if n := weather.Hits()[localaws.QueueDying]; n == 0 {
		t.Error("no dying queue has answered: this proves nothing")
	}
	for range 2 {
		if seen := succeeded(t, e.Observe(t.Context(), input(b, false))); len(seen.Drift) != 0 {
			t.Errorf("a queue that was being deleted was taken for the new one: %v", seen.Drift)
		}
	}
}

// TestNoDyingQueueIsAdopted makes a system again right after it was destroyed,
// in the same process and in another.
func TestNoDyingQueueIsAdopted(t *testing.T) {
	for _, another := range []bool{false, true} {
		t.Run(fmt.Sprintf("another process: %t", another), func(t *testing.T) {
			e, account, clock, weather := afterAMinute(t)
			b := small(settings(), time.Minute)
			succeeded(t, e.Apply(t.Context(), input(b, true)))
			succeeded(t, e.Observe(t.Context(), input(b, false)))
			succeeded(t, e.Destroy(t.Context(), input(b, false)))
			if another {
				e = engineIn(t, account, 3)
				e.Clock = heartless{clock}
			}
			succeeded(t, e.Apply(t.Context(), input(b, true)))
			lives(t, e, clock, b, weather)
			succeededGone(t, e, account, b)
		})
	}
}

// TestNoDyingQueueIsRepaired: a queue was deleted by hand a moment ago.
func TestNoDyingQueueIsRepaired(t *testing.T) {
	e, account, clock, weather := afterAMinute(t)
	b := small(settings(), time.Minute)
	made := succeeded(t, e.Apply(t.Context(), input(b, true)))
	succeeded(t, e.Observe(t.Context(), input(b, false)))
	if _, err := e.AWS.SQS.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: aws.String(made.Outputs["votes_url"])}); err != nil {
		t.Fatal(err)
	}
	repair := input(b, false)
	repair.Drift = map[string]string{"votes": missing}
	succeeded(t, e.Apply(t.Context(), repair))
	lives(t, e, clock, b, weather)
	succeededGone(t, e, account, b)
}

// TestHalfMadeQueueIsNoDyingOne: a create that stopped over a name that was not
// free yet goes on where it stopped.
func TestHalfMadeQueueIsNoDyingOne(t *testing.T) {
	e, account, clock, weather := afterAMinute(t)
	b := small(settings(), time.Minute)
	succeeded(t, e.Apply(t.Context(), input(b, true)))
	succeeded(t, e.Observe(t.Context(), input(b, false)))
	succeeded(t, e.Destroy(t.Context(), input(b, false)))
	armed := arm(t, account, localaws.Fault{Service: "dynamodb", Operation: "CreateTable", Nth: 1, Retries: true, Kind: localaws.FaultError, Code: "InternalServerError"})
	if res := e.Apply(t.Context(), input(b, true)); len(res.Failures) == 0 {
		t.Fatal("the create did not fail")
	}
	if !armed.Fired() {
		t.Fatal("the fault has hit nothing")
	}
	e = engineIn(t, account, 3)
	e.Clock = heartless{clock}
	succeeded(t, e.Apply(t.Context(), input(b, true)))
	lives(t, e, clock, b, weather)
	succeededGone(t, e, account, b)
}

// TestAlarmsAreDestroyedTogether: a composite alarm first, then the others with
// few calls.
func TestAlarmsAreDestroyedTogether(t *testing.T) {
	e, account := newEngine(t, 3)
	s := settings()
	s.Alarms = true
	b := small(s, time.Minute)
	dead := b.Queue("more", blueprint.Queue{})
	var rules []blueprint.Rule
	const n = 10
	for i := range n {
		rules = append(rules, b.AlarmAge(fmt.Sprintf("late-%d", i), dead, i+1, "Late.").Silent().Rings())
	}
	b.AlarmWhen("unwell", blueprint.AllOf(rules...), "Unwell.")
	b.Dashboard("dashboard", blueprint.Graph("Votes", dead.Metric("NumberOfMessagesSent", "Sum")))
	succeeded(t, e.Apply(t.Context(), input(b, true)))
	mark := local.Gate().Meter().Mark()
	seen := succeeded(t, e.Observe(t.Context(), input(b, false)))
	if calls := total(callsOf(mark, account)); calls != e.ObserveCalls(b.Blueprint()) || len(seen.Drift) != 0 {
		t.Errorf("observing made %d calls, declared are %d; drift %v", calls, e.ObserveCalls(b.Blueprint()), seen.Drift)
	}
	mark = local.Gate().Meter().Mark()
	succeededGone(t, e, account, b)
	if calls := callsOf(mark, account)["monitoring DeleteAlarms"] + callsOf(mark, account)["cloudwatch DeleteAlarms"]; calls == 0 || calls > 5 {
		t.Errorf("%d alarms went with %d calls, want 2 to 5", n+1, calls)
	}
}
