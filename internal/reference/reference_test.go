package reference

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// The reference says what the code does.
func TestUpToDate(t *testing.T) {
	want, err := Render(t.Context(), filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range systems.All {
		if page := "resources/" + s.Name + ".md"; want[page] == nil {
			t.Errorf("there is no page %s", page)
		}
	}
	have, err := Read(filepath.Join("..", "..", "docs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[name]; !ok {
			t.Errorf("docs/%s is no page of the reference; run \"make generate\"", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if diff := cmp.Diff(string(want[name]), string(have[name])); diff != "" {
			t.Errorf("docs/%s is out of date; run \"make generate\": want -, have +:\n%s", name, diff)
		}
	}
}

// Writing replaces the pages and leaves the guides alone.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"index.md", "resources/old.md", "guides/operations.md"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string][]byte{"index.md": []byte("new"), "data-sources/cost.md": []byte("page")}
	if err := Write(dir, want); err != nil {
		t.Fatal(err)
	}
	have, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	if guide, err := os.ReadFile(filepath.Join(dir, "guides", "operations.md")); err != nil || string(guide) != "old" {
		t.Errorf("the guide is %q, %v", guide, err)
	}
}
