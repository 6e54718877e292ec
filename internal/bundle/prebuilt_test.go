package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// generated builds the archives of made-up systems.
func generated(t *testing.T, systems ...string) (root string, files fstest.MapFS) {
	t.Helper()
	statements := map[string]string{}
	for _, s := range systems {
		statements[s] = "println(\"" + s + "\")"
	}
	root = checkout(t, statements)
	dir := t.TempDir()
	if err := Generate(t.Context(), root, dir, systems, []string{host()}); err != nil {
		t.Fatal(err)
	}
	files = fstest.MapFS{}
	for _, name := range []string{indexName, archiveName(host())} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: content}
	}
	return root, files
}

func TestPrebuilt(t *testing.T) {
	root, files := generated(t, "first_one", "second_one")
	p, s := Prebuilt{Files: files}, &Source{Dir: root}
	for _, system := range []string{"second_one", "first_one"} {
		digest, err := p.SHA256(t.Context(), system, host())
		if err != nil {
			t.Fatal(err)
		}
		content, err := p.Content(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		if have := Digest(content); have != digest {
			t.Errorf("%s has SHA-256 %s, its index says %s", system, have, digest)
		}
		// Built from source it is the same, so that source alone changes no plan.
		if built, err := s.SHA256(t.Context(), system, host()); err != nil || built != digest {
			t.Errorf("%s from source is %s, %v; prebuilt it is %s", system, built, err, digest)
		}
	}
	want := "this build of the provider carries no functions of third_one for " + host()
	if _, err := p.SHA256(t.Context(), "third_one", host()); err == nil || err.Error() != want {
		t.Errorf("a system that it lacks: the error is %v, want %s", err, want)
	}
	if _, err := p.Content(t.Context(), "0000"); err == nil || !strings.Contains(err.Error(), "does not carry the functions with SHA-256 0000") || !strings.Contains(err.Error(), "hold_functions = false") {
		t.Errorf("another version's functions: %v", err)
	}
}

// TestArchiveIsSolid checks that a further system costs little, as systems
// share most of their code.
func TestArchiveIsSolid(t *testing.T) {
	_, one := generated(t, "first_one")
	_, two := generated(t, "first_one", "second_one")
	alone, both := len(one[archiveName(host())].Data), len(two[archiveName(host())].Data)
	if added := both - alone; added*2 >= alone {
		t.Errorf("a second bootstrap adds %d bytes, alone it has about %d", added, alone)
	}
}

func TestGenerateLeavesAlone(t *testing.T) {
	root, dir := checkout(t, map[string]string{"made_up": ""}), t.TempDir()
	stamps := make([]map[string]string, 2)
	for i := range stamps {
		if err := Generate(t.Context(), root, dir, []string{"made_up"}, []string{host()}); err != nil {
			t.Fatal(err)
		}
		stamps[i] = map[string]string{}
		for _, name := range []string{indexName, archiveName(host())} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			stamps[i][name] = info.ModTime().String()
		}
	}
	if !maps.Equal(stamps[0], stamps[1]) {
		t.Errorf("the same archives are written again: %v, then %v", stamps[0], stamps[1])
	}
}

func TestPrebuiltDamaged(t *testing.T) {
	_, whole := generated(t, "made_up")
	archive := archiveName(host())
	digest, err := Prebuilt{Files: whole}.SHA256(t.Context(), "made_up", host())
	if err != nil {
		t.Fatal(err)
	}
	middle := len(whole[archive].Data) / 2
	flipped := bytes.Clone(whole[archive].Data)
	flipped[middle] ^= 0xff
	listed := func(index Index) []byte {
		b, err := json.Marshal(index)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, c := range map[string]struct {
		file    string
		content []byte
		sha256  string
		says    string
	}{
		"index is no JSON":      {indexName, []byte("{"), digest, "read the index of functions"},
		"archive gone":          {archive, nil, digest, "open functions for " + host()},
		"archive cut":           {archive, whole[archive].Data[:middle], digest, "for " + host()},
		"archive empty":         {archive, []byte{}, digest, "the archive for " + host() + " lacks made_up"},
		"archive changed":       {archive, flipped, digest, "for " + host()},
		"archive is no archive": {archive, []byte("not zstd at all"), digest, "read functions for " + host()},
		"another system":        {indexName, listed(Index{host(): {"other": digest}}), digest, "lacks other, which its index lists"},
		"another digest":        {indexName, listed(Index{host(): {"made_up": "0000"}}), "0000", "the functions of made_up have SHA-256 " + digest + ", their index says 0000"},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(whole)
			if files[c.file] = (&fstest.MapFile{Data: c.content}); c.content == nil {
				delete(files, c.file)
			}
			_, err := Prebuilt{Files: files}.Content(t.Context(), c.sha256)
			if !errors.Is(err, errDamaged) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %v; want %q and %q", err, c.says, errDamaged)
			}
		})
	}
}

func TestPrebuiltMissing(t *testing.T) {
	p := Prebuilt{Files: fstest.MapFS{}}
	if _, err := p.SHA256(t.Context(), "voting_window", "arm64"); !errors.Is(err, errNone) {
		t.Errorf("the digest: %v, want %v", err, errNone)
	}
	if _, err := p.Content(t.Context(), "0000"); !errors.Is(err, errNone) {
		t.Errorf("the content: %v, want %v", err, errNone)
	}
}

// TestEmbedded checks what this build of the provider carries, where it carries
// anything.
func TestEmbedded(t *testing.T) {
	p := Prebuilt{}
	index, files, err := p.index()
	if errors.Is(err, errNone) {
		t.Log("this checkout has no prebuilt bundles")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for architecture := range index {
		if !slices.Contains(Architectures, architecture) {
			t.Errorf("there are bundles for %s, which Lambda does not have", architecture)
		}
	}
	for architecture, systems := range index {
		info, err := fs.Stat(files, archiveName(architecture))
		if err != nil {
			t.Fatal(err)
		}
		// The released zip stays under 60 MB with every system and both
		// architectures; the provider itself takes about 25.
		if info.Size() > 15<<20 {
			t.Errorf("%s has %d bytes, more than 15 MiB", info.Name(), info.Size())
		}
		for system, digest := range systems {
			content, err := p.Content(t.Context(), digest)
			if err != nil {
				t.Errorf("%s for %s: %v", system, architecture, err)
			} else if have := Digest(content); have != digest {
				t.Errorf("%s for %s has SHA-256 %s, its index says %s", system, architecture, have, digest)
			}
		}
	}
}
