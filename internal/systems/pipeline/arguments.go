package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// Nested arguments, read by name.
var (
	known  = composite.Known
	textOf = composite.TextOf
	intOf  = composite.IntOf
	boolOf = composite.BoolOf
)

// maxInEnvironment is how long an item mapping may be that stands in ingest's
// environment, whose 4 KB have the rest of its settings too (Lambda quotas,
// "Environment variables").
const maxInEnvironment = 2000

// prefix is below which the uploads are.
func (m *Model) prefix() string { return textOf(m.Source, "prefix", "") }

// filesStream is the stream of files.
func (m *Model) filesStream() blueprint.Stream {
	s := blueprint.Stream{Shards: intOf(m.Stream, "shards", 1), Retention: time.Duration(intOf(m.Stream, "retention_hours", defaultRetention)) * time.Hour}
	if boolOf(m.Stream, "on_demand", false) {
		s.Shards = 0
	}
	return s
}

func (m *Model) reads() int        { return intOf(m.Ingest, "reads", defaultReads) }
func (m *Model) maxFileBytes() int { return intOf(m.Ingest, "max_file_bytes", defaultFileBytes) }
func (m *Model) batchSize() int    { return intOf(m.Ingest, "batch_size", defaultBatch) }
func (m *Model) parallel() int     { return intOf(m.Ingest, "parallelization_factor", defaultParallel) }

// idle is after how long without progress a run is stuck.
func (m *Model) idle() time.Duration {
	return time.Duration(intOf(m.Completion, "idle_minutes", defaultIdle)) * time.Minute
}

// retention is for how many days runs are kept; 0 for ever.
func (m *Model) retention() int { return int(m.RetentionDays.ValueInt64()) }

// expires reports whether items that are gone from an upload are deleted.
func (m *Model) expires() bool { return m.Stale.ValueString() == staleExpire }

// segment fills in by what items are grouped.
func (m *Model) segment(c *pipeline.SegmenterConfig) {
	if m.expires() {
		c.ExpireDays = int(m.StaleDays.ValueInt64())
	}
	c.Segment = textOf(m.Segments, "attribute", "")
	if c.Segment == "" {
		return
	}
	c.MinSize, c.Top = intOf(m.Segments, "min_size", 1), intOf(m.Segments, "top", 0)
	c.Metrics = composite.ElementsOf(composite.Field[types.Set](m.Segments, "metrics"))
	if c.Percentiles = m.percentiles(); len(c.Metrics) == 0 {
		c.Percentiles = nil
	}
}

// percentiles are those of the metrics, as texts in their order.
func (m *Model) percentiles() []string {
	set := composite.Field[types.Set](m.Segments, "percentiles")
	if !known(set) {
		return []string{"50", "90", "99"}
	}
	var numbers []float64
	for _, e := range set.Elements() {
		if n, ok := e.(types.Float64); ok {
			numbers = append(numbers, n.ValueFloat64())
		}
	}
	slices.Sort(numbers)
	var out []string
	for _, n := range numbers {
		out = append(out, strconv.FormatFloat(n, 'f', -1, 64))
	}
	return out
}

// mapping is the item mapping as ingest reads it, checked as ingest checks it.
func (m *Model) mapping() (string, error) {
	out := pipeline.Mapping{MaxBytes: intOf(m.Item, "max_bytes", 0), Segment: textOf(m.Segments, "attribute", ""), Attributes: map[string]pipeline.Attribute{}}
	for _, e := range composite.Field[types.List](m.Item, "key").Elements() {
		if s, ok := e.(types.String); ok {
			out.Key = append(out.Key, s.ValueString())
		}
	}
	if records := composite.Field[types.String](m.Item, "records"); known(records) {
		pointer := records.ValueString()
		out.Records = &pointer
	}
	for name, e := range composite.Field[types.Map](m.Item, "attributes").Elements() {
		o, ok := e.(types.Object)
		if !ok {
			continue
		}
		a := pipeline.Attribute{Pointer: textOf(o, "pointer", ""), Type: pipeline.Type(textOf(o, "type", string(pipeline.TypeString))), Required: boolOf(o, "required", false)}
		if preset := composite.Field[types.String](o, "default"); known(preset) {
			a.Default = presetOf(a.Type, preset.ValueString())
		}
		out.Attributes[name] = a
	}
	text, err := json.Marshal(out)
	if err != nil {
		return "", fmt.Errorf("the item mapping: %w", err)
	}
	if _, err := pipeline.ReadMapping(text); err != nil {
		return "", err
	}
	return string(text), nil
}

// presetOf is a default as JSON: a text where the type is one, or it is no JSON.
func presetOf(kind pipeline.Type, text string) json.RawMessage {
	if kind != pipeline.TypeString && json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // A text always is.
	}
	return quoted
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
