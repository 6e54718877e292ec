package systems_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

var update = flag.Bool("update", false, "draw the pictures anew")

// picture is a place in a document where a system's picture stands, or the table
// of its roles.
var picture = regexp.MustCompile("(?s)(<!-- (architecture|roles) of ([a-z_]+) -->\n).*?(<!-- end of (?:architecture|roles) -->)")

// TestGoldenPictures draws every system from its blueprint wherever a document
// shows it, so that no picture can be out of date.
func TestGoldenPictures(t *testing.T) {
	root := filepath.Join("..", "..")
	documents, err := filepath.Glob(filepath.Join(root, "docs", "guides", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	documents = append(documents, filepath.Join(root, "README.md"))
	shown := map[string]bool{}
	for _, file := range documents {
		have, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := picture.ReplaceAllFunc(have, func(old []byte) []byte {
			parts := picture.FindSubmatch(old)
			what := string(parts[2])
			system, known := systems.Find(string(parts[3]))
			if !known {
				t.Fatalf("%s shows %s, which is no system", file, parts[3])
			}
			shown[what+" of "+system.Name] = true
			drawn := roles(described(t, system, nil))
			if what == "architecture" {
				drawn = "```mermaid\n" + described(t, system, nil).Diagram() + "```\n"
			}
			return fmt.Appendf(nil, "%s%s%s", parts[1], drawn, parts[4])
		})
		if string(have) == string(want) {
			continue
		}
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("a picture in %s is not as the blueprint has it: run \"make generate\"", file)
	}
	for _, system := range systems.All {
		for _, what := range []string{"architecture", "roles"} {
			if !shown[what+" of "+system.Name] {
				t.Errorf("no document shows the %[1]s of %[2]s: put \"<!-- %[1]s of %[2]s -->\" and \"<!-- end of %[1]s -->\" into its guide", what, system.Name)
			}
		}
	}
}

// roles is a table of what each role of a system may do, in the order of their
// keys.
func roles(b *blueprint.Blueprint) string {
	var rows []string
	for _, p := range b.Parts {
		role, ok := p.Spec.(blueprint.RoleSpec)
		if !ok {
			continue
		}
		for _, s := range role.Policy.Statement {
			on := map[string]bool{}
			for _, resource := range s.Resource {
				on[target(b, resource)] = true
			}
			rows = append(rows, fmt.Sprintf("| `%s` | `%s` | %s |\n", p.Key, strings.Join(s.Action, "`, `"), strings.Join(slices.Sorted(maps.Keys(on)), ", ")))
		}
	}
	slices.Sort(rows)
	return "| role | may | on |\n|---|---|---|\n" + strings.Join(rows, "")
}

// target is a resource of a statement in words: the part that its ARN names and
// what is within it.
func target(b *blueprint.Blueprint, resource string) string {
	refs := blueprint.References(resource)
	if len(refs) == 0 {
		return "`" + resource + "`"
	}
	text := strings.ReplaceAll(b.Part(refs[0].Part).Spec.Kind(), "_", " ") + " `" + refs[0].Part + "`"
	if _, object, ok := strings.Cut(resource, blueprint.Ref(refs[0].Part, refs[0].Attribute)+"/"); ok {
		text += " (`" + object + "`)"
	}
	return text
}

// described is the blueprint of a system's example, with some more arguments.
func described(t *testing.T, system systems.System, more map[string]any) *blueprint.Blueprint {
	t.Helper()
	b, err := system.Described(t.Context(), "example", more)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
