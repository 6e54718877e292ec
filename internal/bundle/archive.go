package bundle

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// window lets the compressor see the bootstrap before the present one: they
// share most of their code, so a further one adds little. It is also what
// reading takes in memory, so that it is no more than the bootstrap before, of
// some eleven megabytes, needs: twice as much made the archives 3% smaller, and a
// reader take 50 MB more.
const window = 16 << 20

// Generate builds the bundles of all systems for the given architectures and
// writes the solid archives and their index to dir.
func Generate(ctx context.Context, root, dir string, systems, architectures []string) error {
	index := Index{}
	for _, architecture := range architectures {
		index[architecture] = map[string]string{}
		var packed bytes.Buffer
		z, err := zstd.NewWriter(&packed, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(window), zstd.WithEncoderConcurrency(1))
		if err != nil {
			return fmt.Errorf("pack functions for %s: %w", architecture, err)
		}
		t := tar.NewWriter(z)
		for _, system := range systems {
			bootstrap, err := Build(ctx, root, system, architecture)
			if err != nil {
				return err
			}
			zip, err := Zip(bytes.NewReader(bootstrap))
			if err != nil {
				return err
			}
			index[architecture][system] = Digest(zip)
			if err := t.WriteHeader(&tar.Header{Name: system, Mode: 0o755, Size: int64(len(bootstrap)), ModTime: epoch, Format: tar.FormatUSTAR}); err != nil {
				return fmt.Errorf("pack functions of %s: %w", system, err)
			}
			if _, err := t.Write(bootstrap); err != nil {
				return fmt.Errorf("pack functions of %s: %w", system, err)
			}
		}
		if err := t.Close(); err != nil {
			return fmt.Errorf("pack functions for %s: %w", architecture, err)
		}
		if err := z.Close(); err != nil {
			return fmt.Errorf("pack functions for %s: %w", architecture, err)
		}
		if err := write(filepath.Join(dir, archiveName(architecture)), packed.Bytes()); err != nil {
			return err
		}
	}
	b, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return fmt.Errorf("write the index of functions: %w", err)
	}
	return write(filepath.Join(dir, indexName), append(b, '\n'))
}

// write leaves a file alone that has the content already, so that nothing that
// embeds it is built again.
func write(name string, content []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, content) { //nolint:gosec // our own output
		return nil
	}
	if err := os.WriteFile(name, content, 0o644); err != nil { //nolint:gosec // part of the build, readable by all
		return fmt.Errorf("write functions: %w", err)
	}
	return nil
}
