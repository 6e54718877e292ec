package blueprint

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	configured = "2027-05-22T18:25:00Z"
	extended   = "2027-05-22T18:35:00Z"
)

// controlled has an output that an operator may override.
func controlled(closes string) (*Builder, ControlHandle) {
	b := NewBuilder(testSettings())
	table := b.Table("tallies", Table{Key: "id"})
	h := b.Control("closes_at", ControlOptions{Table: table, Item: "control", Field: "closes_at", Configured: closes, Moment: true, Clear: "extend --clear"})
	b.Output("closes_at_in_force", h.Value())
	b.Output("table", table.Name())
	return b, h
}

func TestControl(t *testing.T) {
	b, _ := controlled(configured)
	blue := b.Blueprint()
	if problems := blue.Validate(); len(problems) != 0 {
		t.Fatal(problems)
	}
	if c := blue.Controls[0]; c.Table != "tallies" || c.PartitionKey != "id" || c.KMSKeyARN != testSettings().KMSKeyARN {
		t.Errorf("the control is %+v", c)
	}
	set := Override{Value: extended, InsteadOf: configured, By: "arn:aws:iam::123456789012:user/anna", At: "2027-05-22T18:20:00Z"}
	for name, c := range map[string]struct {
		read  map[string]Override
		holds bool
		want  string
	}{
		"nothing":                    {nil, false, configured},
		"an override":                {map[string]Override{"closes_at": set}, true, extended},
		"against another argument":   {map[string]Override{"closes_at": {Value: extended, InsteadOf: "2027-05-22T18:00:00Z"}}, false, configured},
		"against any":                {map[string]Override{"closes_at": {Value: extended}}, true, extended},
		"the argument itself":        {map[string]Override{"closes_at": {Value: configured, InsteadOf: configured}}, false, configured},
		"of what is no control here": {map[string]Override{"rate": set}, false, configured},
	} {
		if have := blue.InForce(blue.Outputs["closes_at_in_force"], c.read); have != c.want {
			t.Errorf("%s: in force is %s, want %s", name, have, c.want)
		}
		if _, have := blue.Overrides(c.read)["closes_at"]; have != c.holds {
			t.Errorf("%s: it holds: %t, want %t", name, have, c.holds)
		}
	}
	if have := blue.InForce(blue.Outputs["table"], nil); have != blue.Outputs["table"] {
		t.Errorf("another output becomes %s", Readable(have))
	}
}

// A control changes while the system runs, so no part's spec can have its value.
func TestControlsInSpecs(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Builder, ControlHandle)
		want   string
	}{
		"in a spec": {func(b *Builder, h ControlHandle) {
			b.Function("f", Function{MemoryMB: 128, Timeout: time.Second, Environment: map[string]string{"CLOSES_AT": h.Value()}})
		}, `part "f" has the value of a control`},
		"declared twice": {func(b *Builder, _ ControlHandle) {
			b.Control("closes_at", ControlOptions{Table: TableHandle{Handle: Handle{part: b.blue.Part("tallies")}}})
		}, `the control of "closes_at" is declared twice`},
		"not declared": {func(b *Builder, _ ControlHandle) { b.Output("x", ControlHandle{&Control{Argument: "rate"}}.Value()) }, `output "x" has the value of a control that is not declared`},
	} {
		b, h := controlled(configured)
		c.change(b, h)
		problems := b.Blueprint().Validate()
		if len(problems) != 1 || !strings.Contains(problems[0].Message, c.want) {
			t.Errorf("%s: the problems are %v, want %s", name, problems, c.want)
		}
	}
	b, h := controlled(configured)
	if refs := References(h.Value()); len(refs) != 0 {
		t.Errorf("it refers to parts: %v", refs)
	}
	if _, err := Resolve(h.Value(), Place{}, nil); err == nil || !strings.Contains(err.Error(), `control "closes_at" belongs to outputs alone`) {
		t.Errorf("it is resolved with %v", err)
	}
	first, _ := b.Blueprint().Digest(b.Blueprint().Part("tallies"))
	b, _ = controlled(extended)
	if second, _ := b.Blueprint().Digest(b.Blueprint().Part("tallies")); first != second {
		t.Error("another value of the argument changes the table")
	}
}

func TestTime(t *testing.T) {
	east := time.FixedZone("east", 7200)
	for want, at := range map[string]time.Time{
		configured: time.Date(2027, 5, 22, 20, 25, 0, 999_999, east), "2027-05-22T18:25:00.5Z": time.Date(2027, 5, 22, 20, 25, 0, 500_000_000, east),
	} {
		if diff := cmp.Diff(want, Time(at)); diff != "" {
			t.Errorf("want -, have +:\n%s", diff)
		}
	}
}
