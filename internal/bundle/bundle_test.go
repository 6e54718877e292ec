package bundle

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// TestZipStays pins the zip of a fixed input. The digest changes with the
// version of the compressor in go.mod, and with it every bundle of every user:
// that belongs into a release, never into a build.
func TestZipStays(t *testing.T) {
	input := strings.Repeat("what a function is made of\n", 1000)
	first, err := Zip(strings.NewReader(input))
	if err != nil {
		t.Fatal(err)
	}
	second, err := Zip(iotest.OneByteReader(strings.NewReader(input)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the zip depends on how its content arrives")
	}
	if have, want := Digest(first), "f8a87a6f563ba24e6c0c186e4dfa8e1d2bdb06b0e90b7d8854584baa2c216fa8"; have != want {
		t.Errorf("the digest is %s, was %s", have, want)
	}
}

func TestZipIsWhatLambdaTakes(t *testing.T) {
	packed, err := Zip(strings.NewReader("content"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.File) != 1 {
		t.Fatalf("there are %d entries, want 1", len(r.File))
	}
	entry := r.File[0]
	if entry.Name != "bootstrap" || entry.Mode() != 0o755 || !entry.Modified.Equal(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the entry is %s, %v, of %v; want bootstrap, -rwxr-xr-x, 1980-01-01", entry.Name, entry.Mode(), entry.Modified)
	}
	f, err := entry.Open()
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(f)
	if err != nil || string(content) != "content" {
		t.Errorf("the content is %q, %v", content, err)
	}
}

func TestFolder(t *testing.T) {
	for system, want := range map[string]string{"voting_window": "votingwindow", "queue": "queue", "config": "configitems", "recommendation_pipeline": "pipeline"} {
		if have := Folder(system); have != want {
			t.Errorf("%s is in %s, want %s", system, have, want)
		}
	}
}
