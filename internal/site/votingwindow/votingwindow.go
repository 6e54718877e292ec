// Package votingwindow carries the browser page of a voting window: the voter's
// page and the studio view. Its source is TypeScript, in page and in
// internal/site/shared; "make pages" builds it.
package votingwindow

import (
	"embed"
	"sync"

	"github.com/burstline/terraform-provider-serverless/internal/site/built"
)

// dist holds the built page. A checkout has none until "make pages".
//
//go:embed all:dist
var dist embed.FS

// Files returns the objects to be put beside window.json and results.json, by
// name: index.html for voters, and studio, the same file under the name by which
// it knows that it is shown on a screen. The error is built.ErrNone where this
// build has no page.
func Files() (map[string]built.File, error) { return files() }

var files = sync.OnceValues(func() (map[string]built.File, error) {
	index, err := built.Index(dist, "a voting window")
	if err != nil {
		return nil, err
	}
	studio := index
	studio.Name = "studio"
	return map[string]built.File{index.Name: index, studio.Name: studio}, nil
})
