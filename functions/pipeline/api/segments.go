package api

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/graph-gophers/graphql-go"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// Manifest is the schema's.
type Manifest struct {
	RunID                          graphql.ID
	Prefix                         string
	UploadedAt, MadeAt             Time
	Files, Ingested, Failed, Items Int64
	Segments                       int32
}

// Manifest answers Query.manifest.
func (r *resolver) Manifest(ctx context.Context) (*Manifest, error) {
	c, err := r.published(ctx)
	if err != nil || c == nil {
		return nil, err
	}
	return &Manifest{
		RunID: graphql.ID(c.Run), Prefix: c.Prefix, UploadedAt: Time(c.At), MadeAt: Time(c.Made), Files: Int64(c.Files), Ingested: Int64(c.Ingested), Failed: Int64(c.Failed),
		Items: Int64(c.Items), Segments: int32(len(c.Segments)), //nolint:gosec // At most 50,000.
	}, nil
}

// Run answers Manifest.run.
func (m *Manifest) Run(ctx context.Context) (*Run, error) {
	return visitOf(ctx).run(ctx, string(m.RunID))
}

// published is the current manifest, the same one for a whole request; nil where there is none.
func (r *resolver) published(ctx context.Context) (*catalogue, error) {
	return visitOf(ctx).manifest.get("", func() (*catalogue, error) { return r.library.published(ctx) })
}

// segmentsCursor is after a page of segments.
type segmentsCursor struct {
	Run    string `json:"run"`
	Search string `json:"search,omitempty"`
	Sort   string `json:"sort"`
	Skip   int    `json:"skip"` // Segments on this page and those before.
}

// SegmentConnection is the schema's.
type SegmentConnection struct {
	Nodes      []*Segment
	PageInfo   PageInfo
	TotalCount int32
}

type segmentsArguments struct {
	First  *int32
	After  *string
	Search *string
	Sort   *string
}

// Segments answers Query.segments.
func (r *resolver) Segments(ctx context.Context, asked segmentsArguments) (*SegmentConnection, error) {
	first, after, err := readPaging[segmentsCursor](paging{asked.First, asked.After})
	if err != nil {
		return nil, err
	}
	here := segmentsCursor{Sort: sizeDesc}
	if asked.Sort != nil {
		here.Sort = *asked.Sort
	}
	if asked.Search != nil {
		here.Search = *asked.Search
	}
	if len(here.Search) > maxSearchBytes {
		return nil, fail(BadInput, "search has at most %d bytes.", maxSearchBytes)
	}
	c, err := r.cataloguePage(ctx, &here, after)
	if err != nil {
		return nil, err
	}
	connection := &SegmentConnection{Nodes: []*Segment{}}
	if c == nil {
		return connection, nil
	}
	page, total := c.page(here.Search, here.Sort, here.Skip, first)
	for _, entry := range page {
		connection.Nodes = append(connection.Nodes, r.segmentOf(c.Run, entry))
	}
	connection.TotalCount = int32(total) //nolint:gosec // At most 50,000.
	if here.Skip += len(page); here.Skip < total {
		here.Run = c.Run
		connection.PageInfo = pageOf(&here)
	}
	return connection, nil
}

// maxSearchBytes bounds what is searched for: a cursor has it.
const maxSearchBytes = 256

// cataloguePage is the manifest in which a page is: the current one, or after a page the one of that page.
func (r *resolver) cataloguePage(ctx context.Context, here, after *segmentsCursor) (*catalogue, error) {
	if after == nil {
		return r.published(ctx)
	}
	if after.Search != here.Search || after.Sort != here.Sort || !pipeline.ValidRun(after.Run) || after.Skip < 0 {
		return nil, errCursor()
	}
	here.Skip = after.Skip
	c, err := r.library.of(ctx, after.Run)
	if err == nil && c == nil {
		err = fail(Conflict, "The run whose segments these pages have is gone. Begin with the first page, without after.")
	}
	return c, err
}

type idArguments struct{ ID graphql.ID }

// Segment answers Query.segment.
func (r *resolver) Segment(ctx context.Context, asked idArguments) (*Segment, error) {
	found, err := r.find(ctx, string(asked.ID))
	if err == nil && found == nil {
		err = errSegment(string(asked.ID))
	}
	return found, err
}

func errSegment(id string) error {
	return fail(NotFound, "The current manifest has no segment %s. Ask for segments to see those it has.", quoted(id))
}

// find finds a segment of the current manifest; nil where there is none.
func (r *resolver) find(ctx context.Context, id string) (*Segment, error) {
	c, err := r.published(ctx)
	if err != nil || c == nil {
		return nil, err
	}
	at, found := c.byID[id]
	if !found {
		return nil, nil
	}
	return r.segmentOf(c.Run, c.Segments[at]), nil
}

// Segment is the schema's.
type Segment struct {
	ID    graphql.ID
	Value string
	Count Int64
	RunID graphql.ID

	key     string
	library *library
}

func (r *resolver) segmentOf(run string, entry pipeline.ManifestEntry) *Segment {
	return &Segment{ID: graphql.ID(entry.ID), Value: entry.Value, Count: Int64(entry.Count), RunID: graphql.ID(run), key: entry.Key, library: r.library}
}

// Run answers Segment.run.
func (s *Segment) Run(ctx context.Context) (*Run, error) {
	return visitOf(ctx).run(ctx, string(s.RunID))
}

// figures are a segment's metadata; nil where it is gone.
func (s *Segment) figures(ctx context.Context) (*pipeline.Segment, error) {
	return visitOf(ctx).metadata.get(s.key, func() (*pipeline.Segment, error) { return s.library.segment(ctx, s.key) })
}

// MadeAt answers Segment.madeAt.
func (s *Segment) MadeAt(ctx context.Context) (*Time, error) {
	found, err := s.figures(ctx)
	if err != nil || found == nil {
		return nil, err
	}
	return timeOf(found.Made), nil
}

// Metrics answers Segment.metrics.
func (s *Segment) Metrics(ctx context.Context) (*[]*Metric, error) {
	found, err := s.figures(ctx)
	if err != nil || found == nil {
		return nil, err
	}
	metrics := make([]*Metric, 0, len(found.Metrics))
	for name, figures := range found.Metrics {
		metrics = append(metrics, metricOf(name, figures))
	}
	slices.SortFunc(metrics, func(a, b *Metric) int { return cmp.Compare(a.Name, b.Name) })
	return &metrics, nil
}

// Metric is the schema's.
type Metric struct {
	Name                string
	Count               Int64
	Sum, Mean, Min, Max float64
	Percentiles         []Percentile
	Histogram           []Bucket
}

// Percentile is the schema's.
type Percentile struct{ Percent, Value float64 }

// Bucket is the schema's.
type Bucket struct {
	From, To float64
	Count    Int64
}

func metricOf(name string, figures pipeline.Figures) *Metric {
	metric := &Metric{
		Name: name, Count: Int64(figures.Count), Sum: figures.Sum, Mean: figures.Mean, Min: figures.Min, Max: figures.Max,
		Percentiles: make([]Percentile, 0, len(figures.Percentiles)), Histogram: make([]Bucket, len(figures.Histogram)),
	}
	for text, value := range figures.Percentiles {
		if percent, err := strconv.ParseFloat(text, 64); err == nil {
			metric.Percentiles = append(metric.Percentiles, Percentile{percent, value})
		}
	}
	slices.SortFunc(metric.Percentiles, func(a, b Percentile) int { return cmp.Compare(a.Percent, b.Percent) })
	n := float64(len(figures.Histogram))
	at := func(i int) float64 { return figures.Min + (figures.Max-figures.Min)*float64(i)/n }
	for i, count := range figures.Histogram {
		metric.Histogram[i] = Bucket{at(i), at(i + 1), Int64(count)}
	}
	return metric
}
