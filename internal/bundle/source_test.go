package bundle

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// host is Lambda's name of this machine's architecture.
func host() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// checkout writes a module with the functions of some systems, which do what
// the Go statements say.
func checkout(t *testing.T, statements map[string]string) string {
	t.Helper()
	root := t.TempDir()
	files := map[string]string{"go.mod": "module example.test/functions\n\ngo 1.26\n"}
	for system, body := range statements {
		files["functions/"+Folder(system)+"/bootstrap/main.go"] = "package main\n\nimport \"encoding/json\"\n\nfunc main() {\n\tb, err := json.Marshal(map[string]int{\"a\": 1})\n\tprintln(string(b), err)\n\t" + body + "\n}\n"
	}
	for name, content := range files {
		name = filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestBuildIsReproducible builds the same functions in this checkout, with the
// caches as they are, and in a copy of it, with an empty cache and settings of
// a user that would spoil the bytes.
func TestBuildIsReproducible(t *testing.T) {
	root := filepath.Join("..", "..")
	here, err := Build(t.Context(), root, "voting_window", host())
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(elsewhere, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(elsewhere, "functions"), os.DirFS(filepath.Join(root, "functions"))); err != nil {
		t.Fatal(err)
	}
	// The modules stay where they are: they are the source.
	spoil(t)
	t.Setenv("GOCACHE", t.TempDir())
	there, err := Build(t.Context(), elsewhere, "voting_window", host())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(here, there) {
		t.Errorf("%d bytes with SHA-256 %s here, %d with %s elsewhere", len(here), Digest(here), len(there), Digest(there))
	}
	if bytes.Contains(there, []byte(elsewhere)) {
		t.Error("the bytes name the folder that they were built in")
	}
}

// spoil sets what a user may have set, in the environment and with go env -w.
func spoil(t *testing.T) {
	t.Helper()
	settings := map[string]string{
		"GOFLAGS": "-tags=spoiled -ldflags=-X=main.spoiled=yes", "GOOS": "windows", "GOARCH": "386", "GOAMD64": "v3", "GOARM64": "v9.0",
		"CGO_ENABLED": "1", "GOEXPERIMENT": "nogreenteagc", "GOFIPS140": "latest", "GO111MODULE": "off", "GOWORK": filepath.Join(t.TempDir(), "go.work"),
	}
	var file strings.Builder
	for name, value := range settings {
		t.Setenv(name, value)
		file.WriteString(name + "=" + value + "\n")
	}
	name := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(name, []byte(file.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOENV", name)
}

func TestBuildIgnoresTheUsersSettings(t *testing.T) {
	root := checkout(t, map[string]string{"made_up": ""})
	before, err := Build(t.Context(), root, "made_up", host())
	if err != nil {
		t.Fatal(err)
	}
	spoil(t)
	after, err := Build(t.Context(), root, "made_up", host())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("settings of the user change the bytes")
	}
}

func TestBuildForBothArchitectures(t *testing.T) {
	root := checkout(t, map[string]string{"made_up": ""})
	// The machine's number in an ELF header (ELF specification, e_machine).
	for architecture, machine := range map[string]byte{"x86_64": 62, "arm64": 183} {
		content, err := Build(t.Context(), root, "made_up", architecture)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(content, []byte("\x7fELF")) || content[18] != machine {
			t.Errorf("%s: the program is for machine %d, want %d", architecture, content[18], machine)
		}
	}
}

func TestBuildFails(t *testing.T) {
	broken := checkout(t, map[string]string{"broken": "nowhere()"})
	for name, c := range map[string]struct {
		root, system, architecture string
		says                       []string
	}{
		"architecture":   {broken, "broken", "riscv64", []string{`there is no architecture "riscv64"; Lambda has arm64 and x86_64`}},
		"no checkout":    {t.TempDir(), "broken", "arm64", []string{"is no checkout of this provider with functions of broken"}},
		"no such system": {broken, "other", "arm64", []string{broken + " is no checkout of this provider with functions of other"}},
		"does not compile": {broken, "broken", "arm64", []string{
			"the functions of broken do not build:\n", filepath.FromSlash("functions/broken/bootstrap/main.go") + ":8:2: undefined: nowhere",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			content, err := Build(t.Context(), c.root, c.system, c.architecture)
			if err == nil {
				t.Fatalf("it builds %d bytes", len(content))
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
		})
	}
	if _, err := Build(t.Context(), t.TempDir(), "broken", "arm64"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder without functions is %v", err)
	}
}

func TestBuildWithoutGo(t *testing.T) {
	root := checkout(t, map[string]string{"made_up": ""})
	t.Setenv("PATH", t.TempDir())
	_, err := (&Source{Dir: root}).SHA256(t.Context(), "made_up", host())
	const want = `building functions from source needs the Go toolchain, and there is no "go" on the PATH: install Go from go.dev/dl, or leave out source to use the prebuilt functions`
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

func TestBuildStops(t *testing.T) {
	root := checkout(t, map[string]string{"made_up": ""})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Build(ctx, root, "made_up", host()); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want %v", err, context.Canceled)
	}
}

func TestSource(t *testing.T) {
	root := checkout(t, map[string]string{"made_up": ""})
	s := &Source{Dir: root}
	digest, err := s.SHA256(t.Context(), "made_up", host())
	if err != nil {
		t.Fatal(err)
	}
	content, err := s.Content(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	if have := Digest(content); have != digest {
		t.Errorf("the content has SHA-256 %s, planned was %s", have, digest)
	}
	// What is planned is what is applied, though the checkout changes meanwhile.
	if err := os.RemoveAll(filepath.Join(root, "functions")); err != nil {
		t.Fatal(err)
	}
	again, err := s.SHA256(t.Context(), "made_up", host())
	if err != nil || again != digest {
		t.Errorf("the second time it is %s, %v; want %s", again, err, digest)
	}
	_, err = s.Content(t.Context(), "0000")
	if err == nil || !strings.Contains(err.Error(), root+" does not build to the planned functions (SHA-256 0000)") || !strings.HasSuffix(err.Error(), "Plan again") {
		t.Errorf("the error is %v", err)
	}
}
