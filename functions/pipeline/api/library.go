package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// Objects is the bucket of the pipeline's own objects.
type Objects interface {
	pipeline.Objects
	// GetChanged returns an object unless it is the one of an entity tag; nil where there is none.
	GetChanged(ctx context.Context, key, etag string) (body []byte, now string, changed bool, err error)
}

const (
	// keptCatalogues is how many runs' manifests beside the current one are kept in memory, for pages that go on: one of 50,000 segments has some 20 MB.
	keptCatalogues = 2
	keptMetadata   = 2000 // A few KB each.
)

// library is what is published in the bucket, kept in memory as long as it holds.
type library struct {
	objects Objects

	mu       sync.Mutex
	etag     string
	current  *catalogue // nil before the first manifest.
	earlier  kept[*catalogue]
	metadata kept[*pipeline.Segment]
}

func newLibrary(objects Objects) *library {
	return &library{objects: objects, earlier: kept[*catalogue]{most: keptCatalogues}, metadata: kept[*pipeline.Segment]{most: keptMetadata}}
}

// published is the current manifest; nil where there is none.
func (l *library) published(ctx context.Context) (*catalogue, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	body, etag, changed, err := l.objects.GetChanged(ctx, pipeline.ManifestObject, l.etag)
	if err != nil || !changed {
		return l.current, err
	}
	if body == nil {
		l.current, l.etag = nil, ""
		return nil, nil
	}
	read, err := readCatalogue(body)
	if err == nil {
		l.current, l.etag = read, etag
	}
	return read, err
}

// of is the manifest of a run; nil where it is gone.
func (l *library) of(ctx context.Context, run string) (*catalogue, error) {
	l.mu.Lock()
	current := l.current
	l.mu.Unlock()
	if current != nil && current.Run == run {
		return current, nil
	}
	if found, ok := l.earlier.get(run); ok {
		return found, nil
	}
	body, err := l.objects.GetObject(ctx, pipeline.RunManifestObject(run))
	if err != nil || body == nil {
		return nil, err
	}
	read, err := readCatalogue(body)
	if err == nil {
		l.earlier.put(run, read)
	}
	return read, err
}

// segment is a segment's metadata; nil where it is gone.
func (l *library) segment(ctx context.Context, key string) (*pipeline.Segment, error) {
	if found, ok := l.metadata.get(key); ok {
		return found, nil
	}
	body, err := l.objects.GetObject(ctx, key)
	if err != nil || body == nil {
		return nil, err
	}
	read := &pipeline.Segment{}
	if err := json.Unmarshal(body, read); err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	l.metadata.put(key, read)
	return read, nil
}

// catalogue is a manifest as it is searched.
type catalogue struct {
	pipeline.Manifest
	byID   map[string]int
	folded []string // The values in small letters.
	byName func() []int
}

func readCatalogue(body []byte) (*catalogue, error) {
	c := &catalogue{}
	if err := json.Unmarshal(body, &c.Manifest); err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	c.byID, c.folded = make(map[string]int, len(c.Segments)), make([]string, len(c.Segments))
	for i, entry := range c.Segments {
		c.byID[entry.ID], c.folded[i] = i, strings.ToLower(entry.Value)
	}
	c.byName = sync.OnceValue(func() []int {
		order := make([]int, len(c.Segments))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int {
			return cmp.Or(cmp.Compare(c.folded[a], c.folded[b]), cmp.Compare(c.Segments[a].Value, c.Segments[b].Value))
		})
		return order
	})
	return c, nil
}

// The orders of segments.
const (
	sizeDesc = "SIZE_DESC" // As manifests have them.
	sizeAsc  = "SIZE_ASC"
	nameAsc  = "NAME_ASC"
	nameDesc = "NAME_DESC"
)

// page returns so many segments in an order after the first skip of them, of those with a text in their value, and how many there are.
func (c *catalogue) page(search, sort string, skip, first int) (page []pipeline.ManifestEntry, total int) {
	search = strings.ToLower(search)
	n := len(c.Segments)
	for i := range n {
		at := i
		if sort == sizeAsc || sort == nameDesc {
			at = n - 1 - i
		}
		if sort == nameAsc || sort == nameDesc {
			at = c.byName()[at]
		}
		if !strings.Contains(c.folded[at], search) {
			continue
		}
		if total++; total > skip && len(page) < first {
			page = append(page, c.Segments[at])
		}
	}
	return page, total
}
