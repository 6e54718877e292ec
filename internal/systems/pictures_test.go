package systems_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

var update = flag.Bool("update", false, "draw the pictures anew")

// picture is a place in a document where a system's picture stands.
var picture = regexp.MustCompile("(?s)(<!-- architecture of ([a-z_]+) -->\n).*?(<!-- end of architecture -->)")

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
			system, known := systems.Find(string(parts[2]))
			if !known {
				t.Fatalf("%s shows %s, which is no system", file, parts[2])
			}
			shown[system.Name] = true
			return fmt.Appendf(nil, "%s```mermaid\n%s```\n%s", parts[1], diagram(t, system), parts[3])
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
		if !shown[system.Name] {
			t.Errorf("no document shows the architecture of %s: put \"<!-- architecture of %s -->\" and \"<!-- end of architecture -->\" into its guide", system.Name, system.Name)
		}
	}
}

func diagram(t *testing.T, system systems.System) string {
	t.Helper()
	arguments, err := json.Marshal(system.Example())
	if err != nil {
		t.Fatal(err)
	}
	b, diags := system.Resource().Describe(t.Context(), "example", arguments, nil)
	if diags.HasError() {
		t.Fatal(diags)
	}
	return b.Diagram()
}
