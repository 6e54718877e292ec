package queue

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestIndex(t *testing.T) {
	have, err := index(fstest.MapFS{"dist/index.html": {Data: []byte("<!doctype html>")}})
	if err != nil {
		t.Fatal(err)
	}
	want := File{"index.html", "text/html; charset=utf-8", "public, max-age=60", []byte("<!doctype html>")}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
}

func TestIndexNotBuilt(t *testing.T) {
	_, err := index(fstest.MapFS{"dist/README.md": {Data: []byte("# The built page")}})
	if !errors.Is(err, errNone) || !strings.Contains(err.Error(), `"make pages"`) {
		t.Errorf("the error is %v, want %v", err, errNone)
	}
}

// TestEmbedded checks the page that this build carries, where it carries one:
// it is one file that runs its own script and style and nothing else.
func TestEmbedded(t *testing.T) {
	have, err := Index()
	if errors.Is(err, errNone) {
		t.Skip("this checkout has no built page; \"make pages\" builds it")
	}
	if err != nil {
		t.Fatal(err)
	}
	page := have.Content
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
}
