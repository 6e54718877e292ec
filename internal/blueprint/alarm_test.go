package blueprint

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// alarmed is a blueprint with two alarms.
func alarmed(alarms bool) (b *Builder, errors, silence AlarmHandle) {
	s := Settings{System: System{Name: "voting_window", Slug: "vote"}, Name: "tv", RolePath: "/", LogRetentionDays: 14, Alarms: alarms, AlarmActions: []string{"arn:aws:sns:eu-central-1:123456789012:pager"}}
	b = NewBuilder(s)
	f := b.Function("publisher", Function{MemoryMB: 128, Timeout: time.Second})
	errors = b.AlarmErrors("errors", f, "It fails.")
	silence = b.AlarmMetric("silence", f.Emitted("Published", "Sum"), Limit{Comparison: "LessThanThreshold", Threshold: 1, Periods: 2, Missing: MissingBreaches}, "It says nothing.")
	return b, errors, silence
}

func TestRules(t *testing.T) {
	_, a, c := alarmed(true)
	name := func(key string) string { return `ALARM("` + Ref(key, NameAttribute) + `")` }
	none := AlarmHandle{}
	for text, r := range map[string]Rule{
		name("errors"): a.Rings(),
		name("errors") + " AND " + name("silence"):                             AllOf(a.Rings(), c.Rings()),
		name("silence") + " AND " + name("errors") + " AND " + name("silence"): AllOf(c.Rings(), AllOf(a.Rings(), c.Rings())),
	} {
		if r.text != text {
			t.Errorf("the rule is %q, want %q", r.text, text)
		}
	}
	// What is not there is no condition.
	if r := AllOf(none.Rings(), a.Rings()); r.text != name("errors") {
		t.Errorf("with an alarm that is not there the rule is %q", r.text)
	}
	if r := AllOf(none.Rings(), none.Rings()); r.text != "" {
		t.Errorf("of no alarms the rule is %q", r.text)
	}
}

func TestCompositeAlarm(t *testing.T) {
	b, a, c := alarmed(true)
	b.AlarmWhen("unwell", AllOf(a.Silent().Rings(), c.Rings()), "Something is wrong.")
	blue := b.Blueprint()
	if problems := blue.Validate(); len(problems) != 0 {
		t.Fatal(problems)
	}
	pager := []string{"arn:aws:sns:eu-central-1:123456789012:pager"}
	want := AlarmSpec{
		Description: "Something is wrong.", Composite: true, Rule: `ALARM("` + a.Name() + `") AND ALARM("` + c.Name() + `")`,
		Actions: pager, OKActions: pager,
	}
	if diff := cmp.Diff(want, blue.Part("unwell").Spec); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"errors", "silence"}, blue.Dependencies(blue.Part("unwell"))); diff != "" {
		t.Errorf("it comes after, want -, have +:\n%s", diff)
	}
	if s, _ := blue.Part("errors").Spec.(AlarmSpec); len(s.Actions)+len(s.OKActions) != 0 {
		t.Errorf("a silent alarm has actions: %+v", s)
	}
	silence := AlarmSpec{
		Description: "It says nothing.", Namespace: "Serverless", Metric: "Published", Statistic: "Sum",
		Dimensions: map[string]string{"System": "voting_window", "Name": "tv", "Function": "publisher"},
		Comparison: "LessThanThreshold", Threshold: 1, Period: 60, Periods: 2, MissingData: "breaching", Actions: pager, OKActions: pager,
	}
	if diff := cmp.Diff(silence, blue.Part("silence").Spec); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	first, _ := blue.Digest(blue.Part("unwell"))
	second, _ := blue.Digest(blue.Part("silence"))
	if SameObject(first, second) {
		t.Error("a composite alarm could become one of a metric")
	}
}

// Without alarms nothing that speaks of them is there.
func TestNoAlarms(t *testing.T) {
	b, a, c := alarmed(false)
	b.AlarmWhen("unwell", AllOf(a.Silent().Rings(), c.Rings()), "Something is wrong.")
	b.Dashboard("dashboard", AlarmStates("Alarms", a, c))
	for _, key := range []string{"errors", "silence", "unwell"} {
		if b.Blueprint().Part(key) != nil {
			t.Errorf("there is %s", key)
		}
	}
	s, _ := b.Blueprint().Part("dashboard").Spec.(DashboardSpec)
	if have := len(s.Body.byTitle()); have != 1 {
		t.Errorf("the dashboard has %d widgets, want its heading alone: %s", have, s.Body)
	}
}
