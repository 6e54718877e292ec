// Package queue carries the browser page of a waiting room. Its source is
// TypeScript, in page, client and internal/site/shared; "make pages" builds it.
// The client alone, for pages of users' own, is the npm package in client.
package queue

import (
	"embed"
	"slices"
	"strings"

	"github.com/burstline/terraform-provider-serverless/internal/site/built"
)

// dist holds the built page. A checkout has none until "make pages".
//
//go:embed all:dist
var dist embed.FS

// Index returns the page, index.html, with a place for what it knows of its sale, in
// these languages of those that are built in; English is always in it. The error is
// built.ErrNone where this build has no page.
func Index(languages []string) (built.Framed, error) {
	return built.IndexAround(dist, "a waiting room", "sale", func(language string) bool {
		return slices.ContainsFunc(languages, func(offered string) bool {
			return offered == language || strings.HasPrefix(offered, language+"-")
		})
	})
}
