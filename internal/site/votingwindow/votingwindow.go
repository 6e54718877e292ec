// Package votingwindow carries the browser page of a voting window: the voter's
// page and the studio view. Its source is TypeScript, in page and in
// internal/site/shared; "make pages" builds it.
package votingwindow

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

// dist holds the built page. A checkout has none until "make pages".
//
//go:embed all:dist
var dist embed.FS

// File is an object to be put beside window.json and results.json.
type File struct {
	Name         string // The key of the object, without a slash before it.
	ContentType  string
	CacheControl string
	Encoding     string // How the content is compressed.
	Content      []byte
}

// cacheControl lets browsers and a CDN keep the page for a minute, so that a
// mistake in it is mended within one.
const cacheControl = "public, max-age=60"

var errNone = errors.New("this build of the provider carries no page of a voting window; run \"make pages\" and build it again")

// Files returns the page's objects by name: index.html for voters, and studio,
// the same file under the name by which it knows that it is shown on a screen.
// The error says how to build the page where this build has none.
// They are compressed: S3 serves an object as it is, a third of its bytes in this
// case, and every browser takes it so.
func Files() (map[string]File, error) { return built() }

var built = sync.OnceValues(func() (map[string]File, error) { return files(dist) })

func files(from fs.FS) (map[string]File, error) {
	page, err := fs.ReadFile(from, "dist/index.html")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNone
	}
	if err != nil {
		return nil, fmt.Errorf("read the page of a voting window: %w", err)
	}
	compressed, err := compress(page)
	if err != nil {
		return nil, fmt.Errorf("compress the page of a voting window: %w", err)
	}
	found := map[string]File{}
	for _, name := range []string{"index.html", "studio"} {
		found[name] = File{Name: name, ContentType: "text/html; charset=utf-8", CacheControl: cacheControl, Encoding: "gzip", Content: compressed}
	}
	return found, nil
}

// compress writes the same bytes for the same content, with one version of Go.
func compress(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
