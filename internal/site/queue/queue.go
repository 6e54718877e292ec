// Package queue carries the browser page of a waiting room. Its source is
// TypeScript, in page, client and internal/site/shared; "make pages" builds it.
// The client alone, for pages of users' own, is the npm package in client.
package queue

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

// dist holds the built page. A checkout has none until "make pages".
//
//go:embed all:dist
var dist embed.FS

// File is an object to be put beside sale.json and the status.
type File struct {
	Name         string // The key of the object, without a slash before it.
	ContentType  string
	CacheControl string
	Content      []byte
}

// cacheControl lets browsers and a CDN keep the page for a minute, so that a
// mistake in it is mended within one.
const cacheControl = "public, max-age=60"

var errNone = errors.New("this build of the provider carries no page of a waiting room; run \"make pages\" and build it again")

// Index returns the page, index.html. The error says how to build the page
// where this build has none.
func Index() (File, error) { return index(dist) }

func index(from fs.FS) (File, error) {
	page, err := fs.ReadFile(from, "dist/index.html")
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, errNone
	}
	if err != nil {
		return File{}, fmt.Errorf("read the page of a waiting room: %w", err)
	}
	return File{Name: "index.html", ContentType: "text/html; charset=utf-8", CacheControl: cacheControl, Content: page}, nil
}
