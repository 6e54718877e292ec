package votingwindow

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/internal/site/built"
)

func TestFiles(t *testing.T) {
	have, err := Files()
	if errors.Is(err, built.ErrNone) {
		t.Skip("this checkout has no built page; \"make pages\" builds it")
	}
	if err != nil {
		t.Fatal(err)
	}
	index, studio := have["index.html"], have["studio"]
	if len(have) != 2 || index.Name != "index.html" || studio.Name != "studio" {
		t.Errorf("the files are %d, %q and %q", len(have), index.Name, studio.Name)
	}
	index.Name = studio.Name
	if diff := cmp.Diff(index, studio); diff != "" {
		t.Errorf("the studio view is another file: index -, studio +:\n%s", diff)
	}
}
