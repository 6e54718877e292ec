// Package queue carries the browser page of a waiting room. Its source is
// TypeScript, in page, client and internal/site/shared; "make pages" builds it.
// The client alone, for pages of users' own, is the npm package in client.
package queue

import (
	"embed"
	"sync"

	"github.com/burstline/terraform-provider-serverless/internal/site/built"
)

// dist holds the built page. A checkout has none until "make pages".
//
//go:embed all:dist
var dist embed.FS

// Index returns the page, index.html, to be put beside sale.json and the status.
// The error is built.ErrNone where this build has no page.
func Index() (built.File, error) { return index() }

var index = sync.OnceValues(func() (built.File, error) { return built.Index(dist, "a waiting room") })
