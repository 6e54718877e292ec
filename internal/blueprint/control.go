package blueprint

import (
	"strings"
	"time"
)

// A control is a value that an argument sets and that an operator or a function
// may override while the system runs: a closing time, a rate, a pause. Whoever
// overrides it writes an item into a table of the system; Terraform reads the
// item when it refreshes and never writes it, so that no apply takes the
// override back. It ends when somebody removes the item, or when the argument
// changes: it holds only against the value that it was set against.

// ControlOptions say where a control's override lies.
type ControlOptions struct {
	// Table holds the item, and Item is the value of its partition key.
	Table TableHandle
	Item  string
	// Field is the item's attribute with the value in force.
	Field string
	// Within is the attribute that holds the overrides of many controls as the text
	// of a JSON object; empty where the item is of one. Field is then the name in it.
	Within string
	// Configured is the argument's own value, as Time or the item renders it.
	Configured string
	// Moment says that the value is a time, in milliseconds since 1970 in the item
	// and as RFC 3339 in UTC everywhere else.
	Moment bool
	// Clear is the operator's command that gives the override up.
	Clear string
	// Path leads to the argument where it is within another: "items", "rate",
	// "number"; nil for one that stands by itself.
	Path []string
}

// Control is one argument that may be overridden while the system runs.
//
// The item has the value in force in the attribute Field, the argument's value
// that it was set against in "of", who set it in "by" and when, in milliseconds
// since 1970, in "at". Without "of" it holds whatever the argument says.
//
// Many controls in one item are in its attribute Within, a JSON object: under the
// name Field an object with the value in force, "to", and "of"; "by" and "at" are
// of whoever changed one of them last.
type Control struct {
	// Argument is the name of the argument: "closes_at".
	Argument string
	// Table is the table's key, TableName its name with tokens, KMSKeyARN the key
	// that it is encrypted with, if any. Item is the value of the partition key,
	// PartitionKey its name.
	Table, TableName, KMSKeyARN string
	Item, PartitionKey          string
	Field, Within               string
	Configured                  string
	Moment                      bool
	Clear                       string
	Path                        []string
}

// ControlItems are the controls, those of one item together, in the order in which
// they were declared.
func (b *Blueprint) ControlItems() [][]*Control {
	var out [][]*Control
	at := map[[2]string]int{}
	for _, c := range b.Controls {
		of := [2]string{c.Table, c.Item}
		if i, known := at[of]; known {
			out[i] = append(out[i], c)
			continue
		}
		at[of] = len(out)
		out = append(out, []*Control{c})
	}
	return out
}

// Override is what is in force instead of an argument's value.
type Override struct {
	// Value is in force; InsteadOf is the argument's value that it was set against,
	// empty where it holds against any.
	Value, InsteadOf string
	// By says who set it, and At when, as RFC 3339 in UTC; empty where the item
	// does not say.
	By, At string
}

// Holds reports whether the override is in force against the argument as it is
// now.
func (c *Control) Holds(o Override) bool {
	return o.Value != c.Configured && (o.InsteadOf == "" || o.InsteadOf == c.Configured)
}

// ControlHandle refers to a control.
type ControlHandle struct{ control *Control }

// Control lets an argument be overridden while the system runs.
func (b *Builder) Control(argument string, o ControlOptions) ControlHandle {
	c := &Control{
		Argument: argument, Table: o.Table.Key(), TableName: o.Table.Name(), KMSKeyARN: o.Table.kms, Item: o.Item,
		Field: o.Field, Within: o.Within, Configured: o.Configured, Moment: o.Moment, Clear: o.Clear, Path: o.Path,
	}
	if len(c.Path) == 0 {
		c.Path = []string{argument}
	}
	if s, ok := o.Table.part.Spec.(TableSpec); ok {
		c.PartitionKey = s.PartitionKey
	}
	b.blue.Controls = append(b.blue.Controls, c)
	return ControlHandle{c}
}

// controlPrefix begins the tokens of controls.
const controlPrefix = "control:"

// Value stands for the value in force in an output. No part's spec may have it:
// what changes while the system runs is no change of a part.
func (c ControlHandle) Value() string { return token(controlPrefix + c.control.Argument) }

// HasControl reports whether s has the value of a control.
func HasControl(s string) bool { return strings.Contains(s, string(tokenOpen)+controlPrefix) }

// Overrides returns those of the overrides that are in force.
func (b *Blueprint) Overrides(read map[string]Override) map[string]Override {
	out := map[string]Override{}
	for _, c := range b.Controls {
		if o, ok := read[c.Argument]; ok && c.Holds(o) {
			out[c.Argument] = o
		}
	}
	return out
}

// InForce puts the values of controls into a text.
func (b *Blueprint) InForce(s string, read map[string]Override) string {
	if !HasControl(s) {
		return s
	}
	holding := b.Overrides(read)
	for _, c := range b.Controls {
		value := c.Configured
		if o, ok := holding[c.Argument]; ok {
			value = o.Value
		}
		s = strings.ReplaceAll(s, token(controlPrefix+c.Argument), value)
	}
	return s
}

// Time renders a moment as controls have it: RFC 3339 in UTC, to the
// millisecond.
func Time(t time.Time) string { return t.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano) }

// controls checks what only a mistake in a system's code can get wrong.
func (c *checker) controls() {
	known := map[string]bool{}
	for _, control := range c.blue.Controls {
		if known[control.Argument] {
			c.add(nil, "the control of %q is declared twice", control.Argument)
		}
		known[control.Argument] = true
	}
	for _, p := range c.blue.Parts {
		for _, s := range specStrings(p.Spec) {
			if HasControl(s) {
				c.add(nil, "part %q has the value of a control, which changes while the system runs: only outputs can", p.Key)
			}
		}
	}
	for name, s := range c.blue.Outputs {
		if HasControl(s) && HasControl(c.blue.InForce(s, nil)) {
			c.add(nil, "output %q has the value of a control that is not declared", name)
		}
	}
}
