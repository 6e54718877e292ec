package blueprint

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDashboard(t *testing.T) {
	b, a, c := alarmed(true)
	q := b.Queue("votes", Queue{})
	table := b.Table("ballots", Table{Key: "id"})
	h := b.Dashboard("dashboard",
		AlarmStates("Alarms", a, c),
		Graph("Votes \"in\"", q.Metric("NumberOfMessagesSent", "Sum").As("sent"), Math("a second", "sent / 60")),
		Figures("Throttled", table.Metric("ThrottledRequests", "p99").Labelled("ballots")).Sized(6, 6),
		Figures("More", q.Metric("NumberOfMessagesReceived", "Sum")),
	)
	blue := b.Blueprint()
	if problems := blue.Validate(); len(problems) != 0 {
		t.Fatal(problems)
	}
	const want = `{"widgets":[` +
		`{"type":"text","x":0,"y":0,"width":24,"height":2,"properties":{"markdown":"## voting window tv\nKept by Terraform: what is changed here is put back. ` + "`serverless:voting_window/tv/dashboard`" + `"}},` +
		`{"type":"alarm","x":0,"y":2,"width":24,"height":3,"properties":{"alarms":["arn:${aws.partition}:cloudwatch:${aws.region}:${aws.account}:alarm:${errors.name}","arn:${aws.partition}:cloudwatch:${aws.region}:${aws.account}:alarm:${silence.name}"],"title":"Alarms"}},` +
		`{"type":"metric","x":0,"y":5,"width":12,"height":6,"properties":{"metrics":[["AWS/SQS","NumberOfMessagesSent","QueueName","${votes.name}",{"id":"sent","stat":"Sum","visible":false}],[{"expression":"sent / 60","label":"a second"}]],"period":60,"region":"${aws.region}","title":"Votes \"in\"","view":"timeSeries"}},` +
		`{"type":"metric","x":12,"y":5,"width":6,"height":6,"properties":{"metrics":[["AWS/DynamoDB","ThrottledRequests","TableName","${ballots.name}",{"label":"ballots","stat":"p99"}]],"period":60,"region":"${aws.region}","title":"Throttled","view":"singleValue"}},` +
		`{"type":"metric","x":0,"y":11,"width":12,"height":4,"properties":{"metrics":[["AWS/SQS","NumberOfMessagesReceived","QueueName","${votes.name}",{"stat":"Sum"}]],"period":60,"region":"${aws.region}","title":"More","view":"singleValue"}}]}`
	s, _ := blue.Part("dashboard").Spec.(DashboardSpec)
	if have := Readable(string(s.Body)); have != want {
		t.Errorf("want -, have +:\n%s", cmp.Diff(want, have))
	}
	if h.URL() != Ref("dashboard", "url") {
		t.Errorf("its URL is %s", Readable(h.URL()))
	}
	marks := Ownership(blue.Settings.System, "tv", "dashboard")
	if diff := cmp.Diff(marks, Marked(string(s.Body))); diff != "" {
		t.Errorf("its marks, want -, have +:\n%s", diff)
	}
	if !strings.Contains(blue.Diagram(), "dashboard<br/>") {
		t.Errorf("the picture lacks the dashboard:\n%s", blue.Diagram())
	}
}

func TestMarked(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"": nil, "serverless:voting_window/tv": nil,
		Mark(System{Name: "queue"}, "tv-1", "a-b"): {TagSystem: "queue", TagName: "tv-1", TagPart: "a-b"},
	} {
		if diff := cmp.Diff(want, Marked(text)); diff != "" {
			t.Errorf("%q: want -, have +:\n%s", text, diff)
		}
	}
}

func TestDashboardsDiffer(t *testing.T) {
	widget := func(title, more string) string {
		return `{"type":"metric","properties":{"title":"` + title + `"` + more + `}}`
	}
	body := func(widgets ...string) DashboardSpec {
		return DashboardSpec{Body: DashboardBody(`{"widgets":[` + strings.Join(widgets, ",") + `]}`)}
	}
	want := body(widget("a", ""), widget("b", `,"period":60,"metrics":[]`))
	for name, c := range map[string]struct {
		have  Spec
		lines []string
	}{
		"not at all": {want, nil},
		"in form alone": {DashboardSpec{Body: DashboardBody(`{ "widgets": [ {"properties": {"title": "a"}, "type": "metric"},
			{"properties": {"metrics": [], "period": 60.0, "title": "b"}, "type": "metric"} ] }`)}, nil},
		"in one":   {body(widget("a", ""), widget("b", `,"period":300`)), []string{`widget "b" is another`}},
		"in two":   {body(widget("b", `,"period":60`), widget("c", "")), []string{`widget "a" is missing; widget "c" should not be there`}},
		"in order": {body(widget("b", `,"period":60`), widget("a", "")), []string{"the dashboard's settings are others"}},
		"in all":   {DashboardSpec{Body: "no JSON"}, []string{`widget "a" is missing; widget "b" is missing`}},
	} {
		var lines []string
		for _, d := range Compare(want, c.have, nil) {
			lines = append(lines, d.Text)
		}
		if diff := cmp.Diff(c.lines, lines); diff != "" {
			t.Errorf("%s: want -, have +:\n%s", name, diff)
		}
	}
}
