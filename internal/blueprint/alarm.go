package blueprint

import (
	"slices"
	"strings"
	"time"
)

// AlarmSpec is the spec of a CloudWatch alarm: of a metric, or of other alarms
// by a rule. The fields of the other sort are empty.
type AlarmSpec struct {
	Description string `json:"description"`
	// Composite tells an alarm with a rule. Neither sort becomes the other.
	Composite   bool              `json:"composite,omitempty" fixed:"true"`
	Rule        string            `json:"rule,omitempty"`
	Namespace   string            `json:"namespace,omitempty"`
	Metric      string            `json:"metric,omitempty"`
	Dimensions  map[string]string `json:"dimensions,omitempty"`
	Statistic   string            `json:"statistic,omitempty"`
	Comparison  string            `json:"comparison,omitempty"`
	Threshold   float64           `json:"threshold"`
	Period      int               `json:"period,omitempty" unit:"s"`
	Periods     int               `json:"evaluation_periods,omitempty"`
	Datapoints  int               `json:"datapoints_to_alarm,omitempty"`
	MissingData string            `json:"treat_missing_data,omitempty"`
	Actions     []string          `json:"alarm_actions"`
	OKActions   []string          `json:"ok_actions"`
}

// Kind implements Spec.
func (AlarmSpec) Kind() string { return "alarm" }

// AlarmHandle refers to an alarm. Where the user wants no alarms it refers to
// none, and what is made of it leaves it out.
type AlarmHandle struct{ Handle }

// exists reports whether the user wants alarms.
func (a AlarmHandle) exists() bool { return a.part != nil }

// ARN returns the alarm's ARN; empty where it refers to none.
func (a AlarmHandle) ARN() string {
	if !a.exists() {
		return ""
	}
	return arn("cloudwatch", "alarm:"+a.Name())
}

// Silent takes the alarm's actions away, for one that speaks through another.
func (a AlarmHandle) Silent() AlarmHandle {
	if !a.exists() {
		return a
	}
	if s, ok := a.part.Spec.(AlarmSpec); ok {
		s.Actions, s.OKActions = nil, nil
		a.part.Spec = s
	}
	return a
}

// How an alarm takes periods without data (CloudWatch API Reference,
// PutMetricAlarm, TreatMissingData).
const (
	MissingIsFine   = "notBreaching"
	MissingBreaches = "breaching"
)

// minute is the shortest period of the metrics that AWS/SQS and AWS/Lambda send.
const minute = 60

// Limit says when a metric rings.
type Limit struct {
	// Comparison as CloudWatch names it; empty for GreaterThanThreshold.
	Comparison string
	Threshold  float64
	// Period is how long each figure is gathered, a minute where it is zero, and
	// Periods how many are looked at, one where it is zero. Of those Datapoints must
	// breach, all where it is zero.
	Period     time.Duration
	Periods    int
	Datapoints int
	// Missing is how a period without data counts; empty for MissingIsFine: SQS and
	// Lambda send nothing while nothing happens.
	Missing string
}

// AlarmMetric rings when a metric is beyond its limit.
func (b *Builder) AlarmMetric(key string, m Series, l Limit, description string) AlarmHandle {
	s := AlarmSpec{
		Description: description, Namespace: m.Namespace, Metric: m.Name, Dimensions: m.Dimensions, Statistic: m.Statistic,
		Comparison: l.Comparison, Threshold: l.Threshold, Period: int(l.Period / time.Second), Periods: l.Periods, Datapoints: l.Datapoints, MissingData: l.Missing,
	}
	if s.Comparison == "" {
		s.Comparison = "GreaterThanThreshold"
	}
	if s.Period == 0 {
		s.Period = minute
	}
	if s.Periods == 0 {
		s.Periods = 1
	}
	if s.MissingData == "" {
		s.MissingData = MissingIsFine
	}
	return b.alarm(key, s)
}

// alarm adds an alarm, where the user wants alarms.
func (b *Builder) alarm(key string, a AlarmSpec, after ...string) AlarmHandle {
	if !b.settings.Alarms {
		return AlarmHandle{}
	}
	a.Actions = slices.Clone(b.settings.AlarmActions)
	if b.settings.AlarmTopic {
		topic := b.topicOfAlarms()
		a.Actions, after = append(a.Actions, topic.ARN()), append(after, topic.Key())
	}
	slices.Sort(a.Actions)
	a.OKActions = a.Actions
	return AlarmHandle{b.add(key, b.name(key), a, after...)}
}

// AlarmTopicOutput is the output with the ARN of the topic that the alarms
// notify; a system that makes none has no such output.
const AlarmTopicOutput = "alarm_topic_arn"

// topicOfAlarms describes the alarms' own topic, once.
func (b *Builder) topicOfAlarms() TopicHandle {
	if b.alarmTopic == nil {
		topic := b.AlarmTopic("alarm-topic", b.settings.Name+" alarms")
		for _, email := range slices.Sorted(slices.Values(b.settings.AlarmEmails)) {
			b.Subscribe(topic, email)
		}
		b.Output(AlarmTopicOutput, topic.ARN())
		b.alarmTopic = &topic
	}
	return *b.alarmTopic
}

// Resolved implements Resolvable: names that are known only now may sort otherwise
// than their tokens did.
func (a AlarmSpec) Resolved() Spec {
	a.Actions, a.OKActions = slices.Sorted(slices.Values(a.Actions)), slices.Sorted(slices.Values(a.OKActions))
	return a
}

// AlarmNotEmpty rings when any message is in the queue: for dead letters.
func (b *Builder) AlarmNotEmpty(key string, q QueueHandle, description string) AlarmHandle {
	return b.AlarmMetric(key, q.Metric("ApproximateNumberOfMessagesVisible", "Maximum"), Limit{}, description)
}

// AlarmAge rings when the oldest message is older than seconds.
func (b *Builder) AlarmAge(key string, q QueueHandle, seconds int, description string) AlarmHandle {
	return b.AlarmMetric(key, q.Metric("ApproximateAgeOfOldestMessage", "Maximum"), Limit{Threshold: float64(seconds)}, description)
}

// AlarmErrors rings when the function fails at all for two minutes running.
func (b *Builder) AlarmErrors(key string, f FunctionHandle, description string) AlarmHandle {
	return b.AlarmMetric(key, f.Metric("Errors", "Sum"), Limit{Periods: 2}, description)
}

// AlarmThrottles rings when calls of the function are refused for lack of
// concurrency.
func (b *Builder) AlarmThrottles(key string, f FunctionHandle, description string) AlarmHandle {
	return b.AlarmMetric(key, f.Metric("Throttles", "Sum"), Limit{}, description)
}

// Rule is a condition on the states of alarms.
type Rule struct {
	text string
	// alarms are the keys of those that it depends on.
	alarms []string
}

// Rings holds while the alarm rings. Without the alarm it is no condition.
func (a AlarmHandle) Rings() Rule {
	if !a.exists() {
		return Rule{}
	}
	return Rule{text: `ALARM("` + a.Name() + `")`, alarms: []string{a.Key()}}
}

// AllOf holds while all of the rules do.
func AllOf(rules ...Rule) Rule {
	var out Rule
	var texts []string
	for _, r := range rules {
		if r.text == "" {
			continue
		}
		texts = append(texts, r.text)
		out.alarms = append(out.alarms, r.alarms...)
	}
	out.text = strings.Join(texts, " AND ")
	return out
}

// AlarmWhen rings while a rule on other alarms holds: a composite alarm. It is
// made after them and deleted before them, as CloudWatch asks (CloudWatch API
// Reference, PutCompositeAlarm and DeleteAlarms).
func (b *Builder) AlarmWhen(key string, r Rule, description string) AlarmHandle {
	if r.text == "" {
		return AlarmHandle{}
	}
	return b.alarm(key, AlarmSpec{Description: description, Composite: true, Rule: r.text}, slices.Compact(slices.Sorted(slices.Values(r.alarms)))...)
}

// statistics are those of a metric alarm that are no percentiles (CloudWatch API
// Reference, PutMetricAlarm, Statistic).
var statistics = []string{"SampleCount", "Average", "Sum", "Minimum", "Maximum"}

// alarm checks what CloudWatch would refuse.
func (c *checker) alarm(s AlarmSpec) {
	if !s.Composite {
		if !slices.Contains(statistics, s.Statistic) {
			c.add(nil, "the statistic %q is none of %s (CloudWatch API Reference, PutMetricAlarm)", s.Statistic, strings.Join(statistics, ", "))
		}
		if s.Datapoints > s.Periods {
			c.add(nil, "%d of the last %d periods cannot breach; give at most as many (CloudWatch API Reference, PutMetricAlarm, DatapointsToAlarm)", s.Datapoints, s.Periods)
		}
		return
	}
	c.atMost("rule", c.blue.longest(s.Rule), 10240, "characters", "CloudWatch API Reference, PutCompositeAlarm")
	if n := len(c.part.After); n > 100 {
		c.add(nil, "the rule is of %d alarms; AWS takes at most 100 (CloudWatch API Reference, PutCompositeAlarm)", n)
	}
}
