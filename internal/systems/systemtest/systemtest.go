// Package systemtest has what the tests of systems share.
package systemtest

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Update reports whether golden files are to be written anew.
func Update() bool { return *update }

// Golden compares a rendered blueprint with the file of that name in testdata, or
// writes it there with -update.
func Golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file) //nolint:gosec // a test names it
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the blueprint is not as %s says; if that is meant, run \"make generate\" and look at the difference.\n%s", file, got)
	}
}

// Refused fails the test where no single error says all of these, its argument
// among what it says.
func Refused(t *testing.T, diags diag.Diagnostics, says []string) {
	t.Helper()
	var said []string
	for _, d := range diags.Errors() {
		text := d.Summary() + ": " + d.Detail()
		if at, ok := d.(diag.DiagnosticWithPath); ok {
			text = at.Path().String() + ": " + text
		}
		said = append(said, text)
	}
	if !slices.ContainsFunc(said, func(text string) bool {
		return !slices.ContainsFunc(says, func(want string) bool { return !strings.Contains(text, want) })
	}) {
		t.Errorf("said is %q, want %q", said, says)
	}
}
