// Package built reads the browser pages that "make pages" has built, for the
// packages that embed them.
package built

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// File is an object to be put into the bucket of a page.
type File struct {
	Name         string // The key of the object, without a slash before it.
	ContentType  string
	CacheControl string
	Encoding     string // How the content is compressed.
	Content      []byte
}

const contentType = "text/html; charset=utf-8"

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
	content, err := read(from, page)
	if err != nil {
		return File{}, err
	}
	compressed, err := compress(content)
	if err != nil {
		return File{}, fmt.Errorf("compress the page of %s: %w", page, err)
	}
	return File{Name: "index.html", ContentType: contentType, CacheControl: cacheControl, Encoding: "gzip", Content: compressed}, nil
}

func read(from fs.FS, page string) ([]byte, error) {
	content, err := fs.ReadFile(from, "dist/index.html")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this build of the provider carries no page of %s; %w", page, ErrNone)
	}
	if err != nil {
		return nil, fmt.Errorf("read the page of %s: %w", page, err)
	}
	return content, nil
}

// Framed is a page with a place for what it knows of its system, as JSON.
type Framed struct {
	Before, After             []byte
	ContentType, CacheControl string
}

// block is an element of a page that holds JSON, by its id.
func block(id string) []byte { return []byte(`<script type="application/json" id="` + id + `">`) }

// blockEnd ends it. Nothing in the JSON has this: vite's build and encoding/json
// both write "<" otherwise.
var blockEnd = []byte("</script>")

// IndexAround returns the page with a place in the element of an id, and with those
// texts of the element "texts" that keep takes: its languages.
func IndexAround(from fs.FS, page, id string, keep func(language string) bool) (Framed, error) {
	content, err := read(from, page)
	if err != nil {
		return Framed{}, err
	}
	before, texts, after, found := cut(content, "texts")
	if !found {
		return Framed{}, fmt.Errorf("the page of %s has no texts; %w", page, ErrNone)
	}
	var languages map[string]json.RawMessage
	if err := json.Unmarshal(texts, &languages); err != nil {
		return Framed{}, fmt.Errorf("read the texts of the page of %s: %w", page, err)
	}
	maps.DeleteFunc(languages, func(language string, _ json.RawMessage) bool { return !keep(language) })
	kept, err := json.Marshal(languages)
	if err != nil {
		return Framed{}, fmt.Errorf("write the texts of the page of %s: %w", page, err)
	}
	before, _, after, found = cut(slices.Concat(before, kept, after), id)
	if !found {
		return Framed{}, fmt.Errorf("the page of %s has no place for its %s; %w", page, id, ErrNone)
	}
	return Framed{Before: before, After: after, ContentType: contentType, CacheControl: cacheControl}, nil
}

// cut is a page before, in and after an element with JSON.
func cut(content []byte, id string) (before, inside, after []byte, found bool) {
	start := block(id)
	at := bytes.Index(content, start)
	if at < 0 {
		return nil, nil, nil, false
	}
	at += len(start)
	length := bytes.Index(content[at:], blockEnd)
	if length < 0 {
		return nil, nil, nil, false
	}
	return content[:at], content[at : at+length], content[at+length:], true
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
