package reference

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
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

// link is a relative link in Markdown, without the place in the page.
var link = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)

// Every link from one document of the repository to another leads somewhere.
func TestLinks(t *testing.T) {
	root := filepath.Join("..", "..")
	var documents []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "examples/*/*.md", "examples/*/*/*.md", "modules/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, found...)
	}
	links := 0
	for _, file := range documents {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllSubmatch(text, -1) {
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), string(found[1]))); err != nil {
				t.Errorf("%s links to %s, which is not there", file, found[1])
			}
		}
	}
	if links < 10 {
		t.Errorf("there are %d links in %d documents: the check sees too little", links, len(documents))
	}
}

// Writing replaces the pages and leaves the guides and their images alone.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"index.md", "resources/old.md", "guides/operations.md", "images/chart.svg"} {
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
	for _, other := range []string{"guides/operations.md", "images/chart.svg"} {
		if kept, err := os.ReadFile(filepath.Join(dir, other)); err != nil || string(kept) != "old" {
			t.Errorf("%s is %q, %v", other, kept, err)
		}
	}
}
