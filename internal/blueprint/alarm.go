package blueprint

import "slices"

// AlarmSpec is the spec of a CloudWatch metric alarm.
type AlarmSpec struct {
	Description string            `json:"description"`
	Namespace   string            `json:"namespace"`
	Metric      string            `json:"metric"`
	Dimensions  map[string]string `json:"dimensions"`
	Statistic   string            `json:"statistic"`
	Comparison  string            `json:"comparison"`
	Threshold   float64           `json:"threshold"`
	Period      int               `json:"period" unit:"s"`
	Periods     int               `json:"evaluation_periods"`
	MissingData string            `json:"treat_missing_data"`
	Actions     []string          `json:"alarm_actions"`
	OKActions   []string          `json:"ok_actions"`
}

// Kind implements Spec.
func (AlarmSpec) Kind() string { return "alarm" }

// alarm adds an alarm, where the user wants alarms. Missing data is no breach:
// SQS and Lambda send nothing while nothing happens.
func (b *Builder) alarm(key string, a AlarmSpec) {
	if !b.settings.Alarms {
		return
	}
	a.Actions = slices.Clone(b.settings.AlarmActions)
	var after []string
	if b.settings.AlarmTopic {
		topic := b.topicOfAlarms()
		a.Actions, after = append(a.Actions, topic.ARN()), []string{topic.Key()}
	}
	slices.Sort(a.Actions)
	a.OKActions = a.Actions
	a.MissingData = "notBreaching"
	b.add(key, b.name(key), a, after...)
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

// InOrder implements Ordered: names that are known only now may sort otherwise
// than their tokens did.
func (a AlarmSpec) InOrder() Spec {
	a.Actions, a.OKActions = slices.Sorted(slices.Values(a.Actions)), slices.Sorted(slices.Values(a.OKActions))
	return a
}

// minute is the shortest period of the metrics that AWS/SQS and AWS/Lambda send.
const minute = 60

// AlarmNotEmpty rings when any message is in the queue: for dead letters.
func (b *Builder) AlarmNotEmpty(key string, q QueueHandle, description string) {
	b.alarm(key, AlarmSpec{
		Description: description, Namespace: "AWS/SQS", Metric: "ApproximateNumberOfMessagesVisible",
		Dimensions: map[string]string{"QueueName": q.Name()}, Statistic: "Maximum",
		Comparison: "GreaterThanThreshold", Threshold: 0, Period: minute, Periods: 1,
	})
}

// AlarmAge rings when the oldest message is older than seconds.
func (b *Builder) AlarmAge(key string, q QueueHandle, seconds int, description string) {
	b.alarm(key, AlarmSpec{
		Description: description, Namespace: "AWS/SQS", Metric: "ApproximateAgeOfOldestMessage",
		Dimensions: map[string]string{"QueueName": q.Name()}, Statistic: "Maximum",
		Comparison: "GreaterThanThreshold", Threshold: float64(seconds), Period: minute, Periods: 1,
	})
}

// AlarmErrors rings when the function fails at all for two minutes running.
func (b *Builder) AlarmErrors(key string, f FunctionHandle, description string) {
	b.functionAlarm(key, f, "Errors", 2, description)
}

// AlarmThrottles rings when calls of the function are refused for lack of
// concurrency.
func (b *Builder) AlarmThrottles(key string, f FunctionHandle, description string) {
	b.functionAlarm(key, f, "Throttles", 1, description)
}

func (b *Builder) functionAlarm(key string, f FunctionHandle, metric string, periods int, description string) {
	b.alarm(key, AlarmSpec{
		Description: description, Namespace: "AWS/Lambda", Metric: metric,
		Dimensions: map[string]string{"FunctionName": f.Name()}, Statistic: "Sum",
		Comparison: "GreaterThanThreshold", Threshold: 0, Period: minute, Periods: periods,
	})
}
