// Package built reads the browser pages that "make pages" has built, for the
// packages that embed them.
package built

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
)

// File is an object to be put into the bucket of a page.
type File struct {
	Name         string // The key of the object, without a slash before it.
	ContentType  string
	CacheControl string
	Encoding     string // How the content is compressed.
	Content      []byte
}

// cacheControl lets browsers and a CDN keep a page for a minute, so that a
// mistake in it is mended within one.
const cacheControl = "public, max-age=60"

// ErrNone says that a checkout has no built pages.
var ErrNone = errors.New("run \"make pages\" and build it again")

// Index returns a page, dist/index.html of what its package embeds. page names it
// in errors: "a voting window"; where it is not built the error is ErrNone, and
// says how to build it.
// It is compressed: S3 serves an object as it is, a third of its bytes in this
// case, and every browser takes it so. The same content gives the same bytes, with
// one version of Go.
func Index(from fs.FS, page string) (File, error) {
	content, err := fs.ReadFile(from, "dist/index.html")
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, fmt.Errorf("this build of the provider carries no page of %s; %w", page, ErrNone)
	}
	if err != nil {
		return File{}, fmt.Errorf("read the page of %s: %w", page, err)
	}
	compressed, err := compress(content)
	if err != nil {
		return File{}, fmt.Errorf("compress the page of %s: %w", page, err)
	}
	return File{Name: "index.html", ContentType: "text/html; charset=utf-8", CacheControl: cacheControl, Encoding: "gzip", Content: compressed}, nil
}

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
