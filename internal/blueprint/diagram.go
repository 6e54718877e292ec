package blueprint

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Diagram renders the blueprint as a Mermaid flowchart for people: who comes
// in, what works on it, where it waits, what is kept. What only serves these
// (roles, log groups, the bundle) is counted, not drawn.
func (b *Blueprint) Diagram() string {
	d := diagram{
		blue: b, nodes: map[string]string{}, grouped: map[string][]string{},
		edges: map[edge]map[string]bool{}, rest: map[string]int{},
	}
	for _, p := range b.Parts {
		d.part(p)
	}
	return d.render()
}

// groups of a diagram, in the order in which a reader wants to see them.
var groups = []string{"comes in", "works", "waits", "is kept", "watches"}

// world is the node of everybody outside.
const world = "anyone"

type edge struct {
	from, to string
	dotted   bool
}

type diagram struct {
	blue *Blueprint
	// nodes by id: the Mermaid text; grouped by name of group.
	nodes   map[string]string
	grouped map[string][]string
	edges   map[edge]map[string]bool
	order   []edge
	alarms  int
	rest    map[string]int
}

func (d *diagram) node(group, key, text string) {
	id := nodeID(key)
	if _, drawn := d.nodes[id]; drawn {
		return
	}
	d.nodes[id] = id + text
	d.grouped[group] = append(d.grouped[group], id)
}

func (d *diagram) edge(from, to, label string, dotted bool) {
	e := edge{nodeID(from), nodeID(to), dotted}
	if d.edges[e] == nil {
		d.edges[e] = map[string]bool{}
		d.order = append(d.order, e)
	}
	d.edges[e][label] = true
}

// nodeID is the node of a part. Mermaid knows words like "end" and signs like
// dashes as its own.
func nodeID(key string) string { return "n_" + strings.ReplaceAll(key, "-", "_") }

func (d *diagram) part(p *Part) {
	switch s := p.Spec.(type) {
	case FunctionSpec:
		d.node("works", p.Key, fmt.Sprintf(`["%s<br/><small>function</small>"]`, p.Key))
		d.grants(p.Key, d.role(s.RoleARN))
	case URLSpec:
		d.node("comes in", world, `(("anyone"))`)
		d.edge(world, d.first(s.Function), strings.Join(s.Methods, ", ")+" over HTTPS", false)
	case HTTPAPISpec:
		d.routes(s)
	case RoleSpec:
		d.rest[p.Spec.Kind()]++
		if handedOut(s) {
			d.node("comes in", world, `(("anyone"))`)
			d.grants(world, s)
		}
	case MappingSpec:
		d.edge(d.first(s.Source), d.first(s.Function), fmt.Sprintf("batches of up to %d", s.BatchSize), false)
	case ScheduleSpec:
		d.node("comes in", p.Key, fmt.Sprintf(`{{"%s<br/><small>%s</small>"}}`, p.Key, s.Expression))
		d.edge(p.Key, d.first(s.TargetARN), "calls", false)
	case QueueSpec:
		d.node("waits", p.Key, fmt.Sprintf(`[["%s<br/><small>queue</small>"]]`, p.Key))
		if s.DeadLetterARN != "" {
			d.edge(p.Key, d.first(s.DeadLetterARN), fmt.Sprintf("after %d receives", s.MaxReceives), true)
		}
	case TableSpec:
		d.node("is kept", p.Key, fmt.Sprintf(`[("%s<br/><small>table</small>")]`, p.Key))
	case StreamSpec:
		d.node("waits", p.Key, fmt.Sprintf(`[["%s<br/><small>stream</small>"]]`, p.Key))
	case BucketSpec:
		if p.Key == bundleBucketKey {
			d.rest[p.Spec.Kind()]++
			return
		}
		d.node("is kept", p.Key, fmt.Sprintf(`[("%s<br/><small>bucket</small>")]`, p.Key))
		d.public(p.Key, s)
	case SecretSpec:
		d.node("is kept", p.Key, fmt.Sprintf(`[/"%s<br/><small>secret</small>"/]`, p.Key))
	case SigningKeySpec:
		d.node("is kept", p.Key, fmt.Sprintf(`[/"%s<br/><small>signing key</small>"/]`, p.Key))
	case TopicSpec:
		if !s.ofAlarms() {
			d.node("waits", p.Key, fmt.Sprintf(`>"%s<br/><small>topic</small>"]`, p.Key))
			return
		}
		d.node("watches", p.Key, fmt.Sprintf(`>"%s<br/><small>topic</small>"]`, p.Key))
		d.edge("alarms", p.Key, "notify", true)
	case SubscriptionSpec:
		if s.Function == "" {
			d.rest[p.Spec.Kind()]++
			return
		}
		d.edge(d.first(s.Topic), d.first(s.Function), "calls", false)
	case DistributionSpec:
		d.node("comes in", world, `(("anyone"))`)
		d.node("works", p.Key, fmt.Sprintf(`[/"%s<br/><small>distribution</small>"/]`, p.Key))
		d.edge(d.first(s.Origin), p.Key, "cached by", false)
		d.edge(p.Key, world, "over HTTPS", false)
		if s.ViewerRequest != "" {
			d.edge(d.first(s.ViewerRequest), p.Key, "sees each request", true)
		}
	case EdgeFunctionSpec:
		d.node("works", p.Key, fmt.Sprintf(`["%s<br/><small>edge function</small>"]`, p.Key))
		if s.KeyValueStore != "" {
			d.edge(d.first(s.KeyValueStore), p.Key, "is read by", true)
		}
	case KeyValueStoreSpec:
		d.node("is kept", p.Key, fmt.Sprintf(`[("%s<br/><small>key value store</small>")]`, p.Key))
		for _, secret := range s.Parameters() {
			d.edge(d.first(secret), p.Key, "is copied to", true)
		}
	case AlarmSpec:
		d.alarms++
	case DashboardSpec:
		d.node("watches", p.Key, fmt.Sprintf(`[/"%s<br/><small>dashboard</small>"/]`, p.Key))
	default:
		d.rest[p.Spec.Kind()]++
	}
}

// routes draws what comes in through an API.
func (d *diagram) routes(s HTTPAPISpec) {
	d.node("comes in", world, `(("anyone"))`)
	for _, key := range slices.Sorted(maps.Keys(s.Routes)) {
		label := key + " over HTTPS"
		switch s.Authorization[key] {
		case "":
		case CustomAuthorization:
			label = key + " with " + s.AuthorizerHeader
		case IAMAuthorization:
			label = key + " signed"
		default:
			label = key + " with a token"
		}
		d.edge(world, d.first(s.Routes[key]), label, false)
	}
	if s.Authorizer != "" {
		d.edge(world, d.first(s.Authorizer), "is asked who comes", true)
	}
}

// handedOut reports whether a role's credentials leave the system: no service of
// AWS takes it on.
func handedOut(s RoleSpec) bool {
	return !slices.ContainsFunc(s.Trust.Statement, func(st Statement) bool { return len(st.Principal["Service"]) > 0 })
}

// first is the part that a reference mentions.
func (d *diagram) first(text string) string {
	for _, ref := range References(text) {
		return ref.Part
	}
	return ""
}

func (d *diagram) role(arn string) RoleSpec {
	role := d.blue.Target(arn)
	if role == nil {
		return RoleSpec{}
	}
	s, _ := role.Spec.(RoleSpec)
	return s
}

// public draws what anybody may read of a bucket.
func (d *diagram) public(key string, s BucketSpec) {
	for _, st := range s.Policy.Statement {
		if st.Effect != "Allow" || !slices.Contains(st.Principal["AWS"], "*") {
			continue
		}
		var objects []string
		for _, r := range st.Resource {
			objects = append(objects, r[strings.LastIndex(r, "/")+1:])
		}
		d.node("comes in", world, `(("anyone"))`)
		d.edge(key, world, strings.Join(objects, ", "), false)
	}
}

// flows says for an action which way data goes. What is not here is no flow.
var flows = map[string]struct {
	label string
	// out: from the function to the part.
	out bool
}{
	"sqs:SendMessage":                 {"sends", true},
	"kinesis:PutRecords":              {"sends", true},
	"sns:Publish":                     {"publishes", true},
	"dynamodb:BatchWriteItem":         {"writes", true},
	"dynamodb:PutItem":                {"writes", true},
	"dynamodb:PartiQLInsert":          {"writes", true},
	"dynamodb:UpdateItem":             {"writes", true},
	"dynamodb:DeleteItem":             {"writes", true},
	"dynamodb:GetItem":                {"read by", false},
	"dynamodb:Query":                  {"read by", false},
	"dynamodb:Scan":                   {"read by", false},
	"s3:PutObject":                    {"writes", true},
	"s3:GetObject":                    {"read by", false},
	"lambda:UpdateEventSourceMapping": {"stops and starts", true},
	"dynamodb:UpdateTable":            {"scales", true},
	"lambda:InvokeFunction":           {"calls", true},
	"ssm:GetParameter":                {"read by", false},
	"kms:Sign":                        {"signs for", false},
}

// grants draws what a function does with other parts. Reading what it also
// writes is no arrow of its own: a picture shows where things go.
func (d *diagram) grants(function string, role RoleSpec) {
	type way struct {
		part string
		out  bool
	}
	seen := map[way]string{}
	for _, s := range role.Policy.Statement {
		for _, action := range s.Action {
			flow, known := flows[action]
			if !known {
				continue
			}
			for _, resource := range s.Resource {
				if part := d.first(resource); part != "" {
					seen[way{part, flow.out}] = flow.label
				}
			}
		}
	}
	for _, w := range slices.SortedFunc(maps.Keys(seen), func(a, b way) int { return strings.Compare(a.part, b.part) }) {
		target, ok := d.blue.byKey[w.part]
		if !ok {
			continue
		}
		if m, isMapping := target.Spec.(MappingSpec); isMapping {
			d.edge(function, d.first(m.Function), seen[w], true)
			continue
		}
		if w.out {
			d.edge(function, w.part, seen[w], false)
		} else if _, writes := seen[way{w.part, true}]; !writes {
			d.edge(w.part, function, seen[w], false)
		}
	}
}

func (d *diagram) render() string {
	if d.alarms > 0 {
		d.node("watches", "alarms", fmt.Sprintf(`>"%d alarms"]`, d.alarms))
	}
	var out strings.Builder
	out.WriteString("flowchart LR\n")
	for i, group := range groups {
		if len(d.grouped[group]) == 0 {
			continue
		}
		fmt.Fprintf(&out, "  subgraph g%d[\"%s\"]\n", i, group)
		for _, id := range d.grouped[group] {
			fmt.Fprintf(&out, "    %s\n", d.nodes[id])
		}
		out.WriteString("  end\n")
	}
	for _, e := range d.order {
		label := strings.Join(slices.Sorted(maps.Keys(d.edges[e])), ", ")
		arrow := "-->"
		if e.dotted {
			arrow = "-.->"
		}
		fmt.Fprintf(&out, "  %s %s|\"%s\"| %s\n", e.from, arrow, label, e.to)
	}
	var rest []string
	for _, kind := range slices.Sorted(maps.Keys(d.rest)) {
		text := fmt.Sprintf("%d %s", d.rest[kind], strings.ReplaceAll(kind, "_", " "))
		if d.rest[kind] > 1 {
			text += "s"
		}
		rest = append(rest, text)
	}
	if len(rest) > 0 {
		fmt.Fprintf(&out, "  %%%% not drawn: %s\n", strings.Join(rest, ", "))
	}
	return out.String()
}
