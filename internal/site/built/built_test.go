package built_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/internal/site/built"
	"github.com/burstline/terraform-provider-serverless/internal/site/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/site/queue"
	"github.com/burstline/terraform-provider-serverless/internal/site/votingwindow"
)

func TestIndex(t *testing.T) {
	have, err := built.Index(fstest.MapFS{"dist/index.html": {Data: []byte("<!doctype html>")}}, "a test")
	if err != nil {
		t.Fatal(err)
	}
	have.Content = decompressed(t, have)
	want := built.File{Name: "index.html", ContentType: "text/html; charset=utf-8", CacheControl: "public, max-age=60", Encoding: "gzip", Content: []byte("<!doctype html>")}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
}

// decompressed is a file as a browser has it.
func decompressed(t *testing.T, f built.File) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(f.Content))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestIndexNotBuilt(t *testing.T) {
	_, err := built.Index(fstest.MapFS{"dist/README.md": {Data: []byte("# The built page")}}, "a test")
	if !errors.Is(err, built.ErrNone) || !strings.Contains(err.Error(), `no page of a test; run "make pages"`) {
		t.Errorf("the error is %v, want %v", err, built.ErrNone)
	}
}

// TestIndexAround: a page has the texts of those languages alone that are offered, and a place for what is known when it is deployed.
func TestIndexAround(t *testing.T) {
	const page = `<p><script type="application/json" id="texts">{"de":{"join":"Anstellen"},"fr":{"join":"Rejoindre"}}</script><script type="application/json" id="sale">null</script></p>`
	around := func(html, id string) (built.Framed, error) {
		return built.IndexAround(fstest.MapFS{"dist/index.html": {Data: []byte(html)}}, "a test", id, func(language string) bool { return language == "de" })
	}
	got, err := around(page, "sale")
	if err != nil {
		t.Fatal(err)
	}
	const before, after = `<p><script type="application/json" id="texts">{"de":{"join":"Anstellen"}}</script><script type="application/json" id="sale">`, `</script></p>`
	if string(got.Before) != before || string(got.After) != after || got.ContentType != "text/html; charset=utf-8" {
		t.Errorf("got %s … %s as %s", got.Before, got.After, got.ContentType)
	}
	for name, c := range map[string]struct{ html, id, says string }{
		"no place": {page, "window", "no place for its window"},
		"no texts": {"<p></p>", "sale", "no texts"},
		"no JSON":  {strings.Replace(page, `{"de"`, `{de`, 1), "sale", "read the texts"},
		"cut off":  {strings.ReplaceAll(page, "</script>", ""), "sale", "no texts"},
	} {
		if _, err := around(c.html, c.id); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// TestPages checks the pages that this build carries, where it carries any: each
// is one file that runs its own script and style and nothing else.
func TestPages(t *testing.T) {
	for name, read := range map[string]func() (built.File, error){
		"voting window": func() (built.File, error) {
			files, err := votingwindow.Files()
			return files["index.html"], err
		},
		"queue": func() (built.File, error) {
			page, err := queue.Index([]string{"de"})
			return built.File{Content: slices.Concat(page.Before, []byte("null"), page.After)}, err
		},
		"pipeline": pipeline.Index,
	} {
		t.Run(name, func(t *testing.T) {
			have, err := read()
			if errors.Is(err, built.ErrNone) {
				t.Skip("this checkout has no built page; \"make pages\" builds it")
			}
			if err != nil {
				t.Fatal(err)
			}
			page := have.Content
			if have.Encoding != "" {
				page = decompressed(t, have)
			}
			policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]+)"`).FindSubmatch(page)
			if policy == nil {
				t.Fatal("the page has no content security policy")
			}
			for _, element := range []string{"script", "style"} {
				found := regexp.MustCompile(`(?s)<`+element+`(?: type="module")?>(.*?)</`+element+`>`).FindAllSubmatch(page, -1)
				if len(found) != 1 {
					t.Errorf("the page has %d elements %s, want 1", len(found), element)
					continue
				}
				sum := sha256.Sum256(found[0][1])
				if want := element + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !bytes.Contains(policy[1], []byte(want)) {
					t.Errorf("the policy is %s, want in it %s", policy[1], want)
				}
			}
			if outside := regexp.MustCompile(`(?:src|href)="[^"d#]`).Find(page); outside != nil {
				t.Errorf("the page loads something: %s", outside)
			}
		})
	}
}
