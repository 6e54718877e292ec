// Package pipeline carries the browser page of a recommendation pipeline: its
// segments, bookings and runs. Its source is TypeScript, in page and in
// internal/site/shared; "make pages" builds it.
package pipeline

import (
	"embed"
	"sync"

	"github.com/burstline/terraform-provider-serverless/internal/site/built"
)

// dist holds the built page. A checkout has none until "make pages".
//
//go:embed all:dist
var dist embed.FS

// Index returns the page, index.html, to be put beside pipeline.json. The error is
// built.ErrNone where this build has no page.
func Index() (built.File, error) { return index() }

var index = sync.OnceValues(func() (built.File, error) { return built.Index(dist, "a recommendation pipeline") })
