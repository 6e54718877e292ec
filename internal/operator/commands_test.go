package operator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/command"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// madeUp are two systems of which both can be drained, one as it likes.
func madeUp(calls *[]string) []systems.System {
	drain := func(system string) command.Command {
		return command.Command{
			Name: "drain", Short: "Drain a " + system, Long: "Drains it.", Example: "drain " + system + " a", Argument: "TO",
			Flags: []command.Flag{
				{Name: system + "-text", Default: "x", Usage: "a text"}, {Name: "number", Default: 7, Usage: "a number"},
				{Name: "sure", Default: false, Usage: "a switch"}, {Name: "for", Default: time.Minute, Usage: "a time"},
			},
			Run: func(_ context.Context, call *command.Call) (command.Answer, error) {
				*calls = append(*calls, fmt.Sprintf("%s %s %s %s %d %t %s %t", system, call.Name, call.Argument, command.Value[string](call, system+"-text"),
					command.Value[int](call, "number"), command.Value[bool](call, "sure"), command.Value[time.Duration](call, "for"), call.Given["number"]))
				answer := command.Answer{JSON: map[string]int{"left": 2}, Text: "2 are left\n"}
				switch call.Argument {
				case "usage":
					return command.Answer{}, command.Usage("TO: %q is no place", call.Argument)
				case "fails":
					return answer, errors.New("the drain is clogged")
				case "unwell":
					answer.Unwell = true
				case "unended":
					answer.Text = "2 are left"
				case "nothing":
					return command.Answer{}, nil
				}
				return answer, nil
			},
		}
	}
	system := func(name string, commands ...command.Command) systems.System {
		return systems.System{System: blueprint.System{Name: name}, Commands: commands}
	}
	alone := drain("sink")
	alone.Name = "plug"
	return []systems.System{system("pond", drain("pond")), system("sink", drain("sink"), alone)}
}

func TestOffered(t *testing.T) {
	const answer = "2 are left\n"
	for line, c := range map[string]struct {
		code      int
		out, says string
		call      string
	}{
		"drain pond a": {0, answer, "", "pond a  x 7 false 1m0s false"},
		"drain sink a to --sink-text y --number 8 --sure --for 2s": {0, answer, "", "sink a to y 8 true 2s true"},
		"plug sink a":                {0, answer, "", "sink a  x 7 false 1m0s false"},
		"drain pond a --output json": {0, "{\n  \"left\": 2\n}\n", "", "pond a  x 7 false 1m0s false"},
		"drain pond a usage":         {2, "", `Error: TO: "usage" is no place`, "pond a usage x 7 false 1m0s false"},
		"drain pond a fails":         {1, answer, "Error: the drain is clogged", "pond a fails x 7 false 1m0s false"},
		"drain pond a unwell":        {3, answer, "", "pond a unwell x 7 false 1m0s false"},
		"drain pond a unended":       {0, answer, "", "pond a unended x 7 false 1m0s false"},
		"drain pond a nothing":       {0, "", "", "pond a nothing x 7 false 1m0s false"},
		"drain":                      {2, "", "SYSTEM is missing; drain is there for pond, sink", ""},
		"drain lake a":               {2, "", `there is no drain for "lake"; it is there for pond, sink`, ""},
		"plug pond a":                {2, "", `there is no plug for "pond"; it is there for sink`, ""},
		"drain pond":                 {2, "", "NAME is missing", ""},
		"drain pond a b c":           {2, "", "one argument too many", ""},
		"drain pond A":               {2, "", "NAME: ", ""},
		"drain pond a --sink-text y": {2, "", "unknown flag: --sink-text", ""},
		"drain pond a --number x":    {2, "", "invalid argument", ""},
		"drain pond a --output yaml": {2, "", `--output: there is no form "yaml"`, ""},
	} {
		var calls []string
		var out, errs bytes.Buffer
		code := runWith(madeUp(&calls), line, &out, &errs)
		if code != c.code || out.String() != c.out || !strings.Contains(errs.String(), c.says) || c.says == "" && errs.Len() > 0 {
			t.Errorf("%s: exit code %d, output %q, errors %q", line, code, out.String(), errs.String())
		}
		want := []string{c.call}
		if c.call == "" {
			want = nil
		}
		if diff := cmp.Diff(want, calls); diff != "" {
			t.Errorf("%s: want -, have +:\n%s", line, diff)
		}
	}
}

// The help of a command that one system has is that system's; else each has its
// own.
func TestOfferedHelp(t *testing.T) {
	for line, want := range map[string][]string{
		"plug --help":       {"Drains it.", "plug sink NAME [TO] [flags]", "--sink-text string", `(default "x")`, "--for duration"},
		"drain --help":      {"Drain a pond; Drain a sink", "pond ", "sink "},
		"drain pond --help": {"drain pond NAME [TO] [flags]", "--pond-text", "drain pond a"},
	} {
		var out, errs bytes.Buffer
		if code := runWith(madeUp(new([]string)), line, &out, &errs); code != 0 || errs.Len() > 0 {
			t.Errorf("%s: exit code %d, errors %q", line, code, errs.String())
		}
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%s: %q does not say %q", line, out.String(), text)
			}
		}
	}
}

// runWith runs a command line with other systems than the registered ones.
func runWith(all []systems.System, line string, out, errs io.Writer) int {
	tool := &tool{version: "1.2.3", clock: systemClock{}}
	return tool.run(context.Background(), all, strings.Fields(line), strings.NewReader(""), out, errs)
}

// What systems offer can be made into commands: their names are not those of the
// tool's own, and each says what it does and how it is called.
func TestSystemsOffer(t *testing.T) {
	tool := &tool{}
	taken := map[string]bool{"help": true, "completion": true}
	for _, own := range []*cobra.Command{tool.invoke(), tool.redrive(), tool.status()} {
		taken[own.Name()] = true
	}
	for _, system := range systems.All {
		for _, c := range system.Commands {
			if taken[c.Name] || c.Short == "" || c.Long == "" || c.Run == nil || !strings.Contains(c.Example, "terraform-provider-serverless "+c.Name+" "+system.Name+" ") {
				t.Errorf("%s of %s: the name is taken, or something is missing", c.Name, system.Name)
			}
			for _, f := range c.Flags {
				if f.Usage == "" || strings.HasSuffix(f.Usage, ".") {
					t.Errorf("%s of %s: --%s is used for %q", c.Name, system.Name, f.Name, f.Usage)
				}
			}
		}
	}
	if n := len(tool.offered(systems.All)); n < 11 {
		t.Errorf("%d commands are offered", n)
	}
}
