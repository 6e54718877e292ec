// Package bundle makes the zips with the systems' functions, the same bytes
// wherever and whenever they are made, and carries the prebuilt ones inside
// the provider.
package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/klauspost/compress/flate"
)

// Architectures are those that Lambda has, by Lambda's names.
var Architectures = []string{"arm64", "x86_64"}

// goArch is Go's name of an architecture.
func goArch(architecture string) (string, error) {
	switch architecture {
	case "arm64":
		return "arm64", nil
	case "x86_64":
		return "amd64", nil
	}
	return "", fmt.Errorf("there is no architecture %q; Lambda has arm64 and x86_64", architecture)
}

// Folder returns the folder of a system under functions/: "voting_window" has
// votingwindow. Two have a name of their own in all rooms: "config" configitems,
// since functions/config is how every function is configured, and
// "recommendation_pipeline" pipeline.
func Folder(system string) string {
	switch system {
	case "config":
		return "configitems"
	case "recommendation_pipeline":
		return "pipeline"
	}
	return strings.ReplaceAll(system, "_", "")
}

// epoch is the modification time of the zip's only entry: the earliest that
// the format can tell.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// bootstrapName is what Lambda's custom runtimes start (Lambda Developer Guide,
// "Building a custom runtime").
const bootstrapName = "bootstrap"

// level of compression: the highest is a percent smaller and takes eight times
// as long, at every apply that uploads the bundle.
const level = 6

// Zip packs a bootstrap. The bytes depend on its content and on the version of
// the compressor that go.mod pins, on nothing else.
func Zip(bootstrap io.Reader) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.RegisterCompressor(zip.Deflate, func(into io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(into, level)
	})
	header := &zip.FileHeader{Name: bootstrapName, Method: zip.Deflate, Modified: epoch}
	header.SetMode(0o755)
	entry, err := w.CreateHeader(header)
	if err != nil {
		return nil, fmt.Errorf("zip bootstrap: %w", err)
	}
	if _, err := io.Copy(entry, bootstrap); err != nil {
		return nil, fmt.Errorf("zip bootstrap: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("zip bootstrap: %w", err)
	}
	return out.Bytes(), nil
}

// Digest returns the hex SHA-256 of a zip.
func Digest(zip []byte) string {
	sum := sha256.Sum256(zip)
	return hex.EncodeToString(sum[:])
}
