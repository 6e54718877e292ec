package blueprint

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// DashboardSpec is the spec of a CloudWatch dashboard.
type DashboardSpec struct {
	Body DashboardBody `json:"body"`
}

// Kind implements Spec.
func (DashboardSpec) Kind() string { return "dashboard" }

// DashboardBody is a dashboard's body in JSON (CloudWatch API Reference,
// "Dashboard Body Structure and Syntax"). Two bodies that mean the same are the
// same, whatever their spaces and the order of their members.
type DashboardBody string

// MarshalJSON implements json.Marshaler: the body is part of what it stands in.
func (b DashboardBody) MarshalJSON() ([]byte, error) {
	if json.Valid([]byte(b)) {
		return []byte(b), nil
	}
	return json.Marshal(string(b))
}

// differs names the widgets that another body lacks, has otherwise or has
// besides.
func (b DashboardBody) differs(have any) string {
	other, _ := have.(DashboardBody)
	wanted, found := b.byTitle(), other.byTitle()
	var texts []string
	for _, title := range slices.Sorted(maps.Keys(wanted)) {
		if h, ok := found[title]; !ok {
			texts = append(texts, fmt.Sprintf("widget %s is missing", quote(title)))
		} else if h != wanted[title] {
			texts = append(texts, fmt.Sprintf("widget %s is another", quote(title)))
		}
	}
	for _, title := range slices.Sorted(maps.Keys(found)) {
		if _, ok := wanted[title]; !ok {
			texts = append(texts, fmt.Sprintf("widget %s should not be there", quote(title)))
		}
	}
	if len(texts) == 0 {
		return "the dashboard's settings are others"
	}
	return cut(strings.Join(texts, "; "))
}

// byTitle renders each widget under its title, or its sort where it has none.
// Widgets of one title come together.
func (b DashboardBody) byTitle() map[string]string {
	var body struct {
		Widgets []struct {
			Type       string
			Properties struct{ Title string }
		}
	}
	var raw struct{ Widgets []any }
	out := map[string]string{}
	if json.Unmarshal([]byte(b), &body) != nil || json.Unmarshal([]byte(b), &raw) != nil {
		return out
	}
	for i, w := range body.Widgets {
		out[cmp.Or(w.Properties.Title, w.Type)] += string(normal(raw.Widgets[i]))
	}
	return out
}

// Widget is one rectangle of a dashboard.
type Widget struct {
	kind          string
	width, height int
	properties    map[string]any
}

// gridWidth is how many units a dashboard is wide (ibid.).
const gridWidth = 24

// Graph draws metrics over time, half as wide as the dashboard.
func Graph(title string, metrics ...Series) Widget {
	return metricWidget(title, "timeSeries", 12, 6, metrics)
}

// Figures shows the latest figure of each metric.
func Figures(title string, metrics ...Series) Widget {
	return metricWidget(title, "singleValue", 12, 4, metrics)
}

// Text shows Markdown over the whole width.
func Text(markdown string) Widget {
	return Widget{kind: "text", width: gridWidth, height: 2, properties: map[string]any{"markdown": markdown}}
}

// AlarmStates shows which of the alarms ring, over the whole width. Without
// alarms there is no such widget.
func AlarmStates(title string, alarms ...AlarmHandle) Widget {
	var arns []string
	for _, a := range alarms {
		if a.exists() {
			arns = append(arns, arn("cloudwatch", "alarm:"+a.Name()))
		}
	}
	if len(arns) == 0 {
		return Widget{}
	}
	return Widget{kind: "alarm", width: gridWidth, height: 3, properties: map[string]any{"title": title, "alarms": arns}}
}

// Sized returns the widget in another size: at most 24 units wide.
func (w Widget) Sized(width, height int) Widget {
	w.width, w.height = width, height
	return w
}

func metricWidget(title, view string, width, height int, metrics []Series) Widget {
	rows := make([][]any, 0, len(metrics))
	for _, m := range metrics {
		rows = append(rows, m.row())
	}
	return Widget{kind: "metric", width: width, height: height, properties: map[string]any{
		"title": title, "view": view, "region": Region(), "period": minute, "metrics": rows,
	}}
}

// row is a series as a widget has it: namespace, name, dimensions, and what
// else is said of it.
func (m Series) row() []any {
	more := map[string]any{}
	for name, value := range map[string]string{"label": m.Label, "id": m.ID, "expression": m.Expression, "stat": m.Statistic} {
		if value != "" {
			more[name] = value
		}
	}
	if m.Hidden {
		more["visible"] = false
	}
	var row []any
	if m.Expression == "" {
		row = append(row, m.Namespace, m.Name)
		for _, name := range slices.Sorted(maps.Keys(m.Dimensions)) {
			row = append(row, name, m.Dimensions[name])
		}
	}
	return append(row, more)
}

// DashboardHandle refers to a dashboard.
type DashboardHandle struct{ Handle }

// URL returns a reference to the dashboard's address in the console.
func (d DashboardHandle) URL() string { return Ref(d.Key(), "url") }

// Dashboard describes a dashboard. Widgets stand in the order given, from left
// to right and from top to bottom, below a heading that says whose it is.
func (b *Builder) Dashboard(key string, widgets ...Widget) DashboardHandle {
	s := b.settings
	heading := Text(fmt.Sprintf("## %s %s\nKept by Terraform: what is changed here is put back. `%s`", strings.ReplaceAll(s.System.Name, "_", " "), s.Name, Mark(s.System, s.Name, key)))
	return DashboardHandle{b.add(key, b.name(key), DashboardSpec{Body: arranged(append([]Widget{heading}, widgets...))})}
}

// arranged places widgets in rows and renders them.
func arranged(widgets []Widget) DashboardBody {
	type placed struct {
		Type       string         `json:"type"`
		X          int            `json:"x"`
		Y          int            `json:"y"`
		Width      int            `json:"width"`
		Height     int            `json:"height"`
		Properties map[string]any `json:"properties"`
	}
	list := []placed{}
	x, y, tallest := 0, 0, 0
	for _, w := range widgets {
		if w.kind == "" {
			continue
		}
		if x+w.width > gridWidth {
			x, y, tallest = 0, y+tallest, 0
		}
		list = append(list, placed{w.kind, x, y, w.width, w.height, w.properties})
		x, tallest = x+w.width, max(tallest, w.height)
	}
	return DashboardBody(canonical(map[string]any{"widgets": list}))
}

// Mark renders the marks of ownership for objects that take no tags.
func Mark(system System, name, key string) string {
	return "serverless:" + system.Name + "/" + name + "/" + key
}

var markPattern = regexp.MustCompile(`serverless:([a-z_]+)/([a-z0-9-]+)/([A-Za-z0-9._/-]+)`)

// Marked reads the marks of ownership out of a text; nil where it has none.
func Marked(text string) map[string]string {
	m := markPattern.FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	return map[string]string{TagSystem: m[1], TagName: m[2], TagPart: m[3]}
}
