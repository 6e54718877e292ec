package bundle

import (
	"archive/tar"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/klauspost/compress/zstd"
)

// prebuilt holds, in a released provider, one solid archive of bootstraps for
// each architecture and their index. A checkout has none until "make build".
//
//go:embed all:prebuilt
var prebuilt embed.FS

// Index lists the prebuilt bundles: architecture → system → hex SHA-256.
type Index map[string]map[string]string

// Prebuilt are the bundles that the provider carries.
type Prebuilt struct {
	// Files has index.json and the archives; nil for those embedded.
	Files fs.FS
}

// indexName and archiveName are the files of the prebuilt bundles.
const indexName = "index.json"

func archiveName(architecture string) string { return architecture + ".tar.zst" }

// errNone is a provider without bundles.
var errNone = errors.New("this build of the provider carries no functions; build it with \"make build\", or set source in the provider block to a checkout")

// errDamaged is a provider whose file is not as it was made.
var errDamaged = errors.New("the provider's file is damaged, install it again")

func (p Prebuilt) files() (fs.FS, error) {
	if p.Files != nil {
		return p.Files, nil
	}
	return fs.Sub(prebuilt, "prebuilt")
}

func (p Prebuilt) index() (Index, fs.FS, error) {
	files, err := p.files()
	if err != nil {
		return nil, nil, err
	}
	b, err := fs.ReadFile(files, indexName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, errNone
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the index of functions: %w", err)
	}
	var index Index
	if err := json.Unmarshal(b, &index); err != nil {
		return nil, nil, fmt.Errorf("read the index of functions: %w; %w", err, errDamaged)
	}
	return index, files, nil
}

// SHA256 returns the hex digest of the bundle of a system, from the index.
func (p Prebuilt) SHA256(_ context.Context, system, architecture string) (string, error) {
	index, _, err := p.index()
	if err != nil {
		return "", err
	}
	if digest, ok := index[architecture][system]; ok {
		return digest, nil
	}
	return "", fmt.Errorf("this build of the provider carries no functions of %s for %s", system, architecture)
}

// Content returns the bundle with that digest. The archive is read as a stream
// as far as the bundle, so that memory holds no other.
func (p Prebuilt) Content(ctx context.Context, sha256 string) ([]byte, error) {
	index, files, err := p.index()
	if err != nil {
		return nil, err
	}
	for architecture, systems := range index {
		for system, digest := range systems {
			if digest == sha256 {
				return p.extract(ctx, files, architecture, system, sha256)
			}
		}
	}
	return nil, fmt.Errorf("this provider does not carry the functions with SHA-256 %s, which are to be deployed: another version made them. Set hold_functions = false to deploy this version's, or use the version that made them", sha256)
}

func (p Prebuilt) extract(ctx context.Context, files fs.FS, architecture, system, sha256 string) ([]byte, error) {
	f, err := files.Open(archiveName(architecture))
	if err != nil {
		return nil, fmt.Errorf("open functions for %s: %w; %w", architecture, err, errDamaged)
	}
	defer f.Close() //nolint:errcheck // read only
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window))
	if err != nil {
		return nil, fmt.Errorf("open functions for %s: %w", architecture, err)
	}
	defer z.Close()
	t := tar.NewReader(z)
	for {
		header, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("the archive for %s lacks %s, which its index lists: %w", architecture, system, errDamaged)
		}
		if err != nil {
			return nil, fmt.Errorf("read functions for %s: %w; %w", architecture, err, errDamaged)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if header.Name != system {
			continue
		}
		zip, err := Zip(t)
		if err != nil {
			return nil, fmt.Errorf("read functions of %s for %s: %w; %w", system, architecture, err, errDamaged)
		}
		if got := Digest(zip); got != sha256 {
			return nil, fmt.Errorf("the functions of %s have SHA-256 %s, their index says %s: %w", system, got, sha256, errDamaged)
		}
		return zip, nil
	}
}
