package pipeline

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
)

const (
	// accuracy is how far a percentile may be from the true one, as a part of it (DDSketch: a fast and fully-mergeable quantile sketch, section 2).
	accuracy = 0.01
	// maxGroups bounds how many values an attribute may have by which items are grouped: with their figures they are in memory, and each is a record and an object.
	maxGroups = 50_000
	// maxFigures bounds how many figures there are, one of each metric for each value: each takes up to 5 KB of the segmenter's memory while it is counted, and some
	// 350 bytes of the object that has all segments.
	maxFigures = 100_000
	// maxValueBytes bounds a value by which items are grouped. A longer one is text, and no segment.
	maxValueBytes = 512
)

var errGroups = errors.New("the attribute of the segments has too many values")

// Segment is a record of the stream segments, and with when it was made a segment's metadata.
type Segment struct {
	Run     string             `json:"run"`
	ID      string             `json:"segment"`
	Value   string             `json:"value"` // Of the attribute that the segment's items share.
	Count   int64              `json:"count"` // Items.
	Metrics map[string]Figures `json:"metrics,omitempty"`
	Made    int64              `json:"made,omitempty"` // Milliseconds since 1970.
}

// Figures are those of an attribute of the type number, over a segment's items that have it. Percentiles are by what they are of a hundred, and within one
// hundredth of the true ones.
type Figures struct {
	Count       int64              `json:"count"`
	Sum         float64            `json:"sum"`
	Mean        float64            `json:"mean"`
	Min         float64            `json:"min"`
	Max         float64            `json:"max"`
	Percentiles map[string]float64 `json:"percentiles,omitempty"`
	// Histogram counts the values in buckets of the same width, from the least to the most.
	Histogram []int64 `json:"histogram,omitempty"`
}

// SegmentID is a segment's id: the same in every run.
func SegmentID(value string) string { return digest(value) }

// group is what is known of a value's items so far.
type group struct {
	Count    int64
	Sketches []*ddsketch.DDSketchWithExactSummaryStatistics // By metric; nil for one that no item has.
}

// groups are all of a run's.
type groups struct {
	metrics []string
	scale   mapping.IndexMapping
	byValue map[string]*group
}

func newGroups(metrics []string) (*groups, error) {
	scale, err := mapping.NewDefaultMapping(accuracy)
	if err != nil {
		return nil, fmt.Errorf("make a sketch: %w", err)
	}
	return &groups{metrics, scale, map[string]*group{}}, nil
}

// MaxSegments is how many values the attribute may have by which items are grouped, with so many metrics.
func MaxSegments(metrics int) int { return min(maxGroups, maxFigures/max(1, metrics)) }

// add counts one item. numbers are its metrics, NaN for one that it does not have.
func (g *groups) add(value string, numbers []float64) error {
	found := g.byValue[value]
	if found == nil {
		if most := MaxSegments(len(g.metrics)); len(g.byValue) >= most {
			return fmt.Errorf("%w: more than %d, which is most for %d metrics", errGroups, most, len(g.metrics))
		}
		found = &group{Sketches: make([]*ddsketch.DDSketchWithExactSummaryStatistics, len(g.metrics))}
		g.byValue[value] = found
	}
	found.Count++
	for i, number := range numbers {
		if math.IsNaN(number) {
			continue
		}
		if found.Sketches[i] == nil {
			found.Sketches[i] = ddsketch.NewDDSketchWithExactSummaryStatistics(g.scale, store.DefaultProvider)
		}
		if err := found.Sketches[i].Add(number); err != nil {
			return fmt.Errorf("count %v of %s: %w", number, g.metrics[i], err)
		}
	}
	return nil
}

// segments are the groups that have enough items, those with the most first; top of them, 0 for all.
func (g *groups) segments(run string, percentiles []float64, least, top int) ([]Segment, error) {
	var found []Segment
	for value, one := range g.byValue {
		if one.Count < int64(least) {
			continue
		}
		segment := Segment{Run: run, ID: SegmentID(value), Value: value, Count: one.Count}
		for i, sketch := range one.Sketches {
			if sketch == nil {
				continue
			}
			figures, err := figuresOf(sketch, percentiles)
			if err != nil {
				return nil, fmt.Errorf("the figures of %s: %w", g.metrics[i], err)
			}
			if segment.Metrics == nil {
				segment.Metrics = map[string]Figures{}
			}
			segment.Metrics[g.metrics[i]] = figures
		}
		found = append(found, segment)
	}
	slices.SortFunc(found, func(a, b Segment) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value)) })
	if top > 0 && len(found) > top {
		found = found[:top]
	}
	return found, nil
}

func figuresOf(sketch *ddsketch.DDSketchWithExactSummaryStatistics, percentiles []float64) (Figures, error) {
	least, err := sketch.GetMinValue()
	if err != nil {
		return Figures{}, err
	}
	most, err := sketch.GetMaxValue()
	if err != nil {
		return Figures{}, err
	}
	figures := Figures{Count: int64(sketch.GetCount()), Sum: sketch.GetSum(), Mean: sketch.GetSum() / sketch.GetCount(), Min: least, Max: most}
	for _, percentile := range percentiles {
		at, err := sketch.GetValueAtQuantile(percentile / 100)
		if err != nil {
			return Figures{}, err
		}
		if figures.Percentiles == nil {
			figures.Percentiles = map[string]float64{}
		}
		figures.Percentiles[strconv.FormatFloat(percentile, 'f', -1, 64)] = at
	}
	figures.Histogram = histogram(sketch, least, most)
	return figures, nil
}

// maxBuckets bounds a histogram: more are not told apart in a plot of some hundred pixels.
const maxBuckets = 20

// histogram counts a sketch's values in buckets of the same width, from the least to the most. None is narrower than the sketch's own, which are the widest where
// numbers are largest: otherwise it would show gaps that are the sketch's and not the values'.
func histogram(sketch *ddsketch.DDSketchWithExactSummaryStatistics, least, most float64) []int64 {
	coarse := 2 * accuracy * max(math.Abs(least), math.Abs(most))
	span := most - least
	if math.IsInf(span, 0) {
		return nil
	}
	n := 1
	if coarse > 0 {
		n = max(1, int(min(maxBuckets, span/coarse)))
	}
	buckets := make([]int64, n)
	sketch.ForEach(func(value, count float64) bool {
		at := 0
		if n > 1 {
			at = min(max(int(float64(n)*(value-least)/span), 0), n-1)
		}
		buckets[at] += int64(count)
		return false
	})
	return buckets
}

// ReadPercentiles reads percentiles: numbers above 0 and below 100.
func ReadPercentiles(texts []string) ([]float64, error) {
	var percentiles []float64
	for _, text := range texts {
		percentile, err := strconv.ParseFloat(text, 64)
		if err != nil || !(percentile > 0 && percentile < 100) {
			return nil, fmt.Errorf("the percentile %q must be a number above 0 and below 100", text)
		}
		percentiles = append(percentiles, percentile)
	}
	return percentiles, nil
}

// savedGroup is a group as it is kept between invocations.
type savedGroup struct {
	Count    int64    `json:"n"`
	Sketches [][]byte `json:"s,omitempty"`
}

// MarshalJSON writes the groups so that UnmarshalJSON makes the same of them.
func (g *groups) MarshalJSON() ([]byte, error) {
	saved := make(map[string]savedGroup, len(g.byValue))
	for value, one := range g.byValue {
		sketches := make([][]byte, len(one.Sketches))
		for i, sketch := range one.Sketches {
			if sketch != nil {
				sketch.Encode(&sketches[i], true)
			}
		}
		saved[value] = savedGroup{one.Count, sketches}
	}
	return json.Marshal(saved)
}

// UnmarshalJSON reads groups of the same metrics.
func (g *groups) UnmarshalJSON(text []byte) error {
	var saved map[string]savedGroup
	if err := json.Unmarshal(text, &saved); err != nil {
		return err
	}
	for value, one := range saved {
		if len(one.Sketches) != len(g.metrics) {
			return errors.New("the groups have other metrics")
		}
		read := &group{one.Count, make([]*ddsketch.DDSketchWithExactSummaryStatistics, len(g.metrics))}
		for i, sketch := range one.Sketches {
			if len(sketch) == 0 {
				continue
			}
			var err error
			if read.Sketches[i], err = ddsketch.DecodeDDSketchWithExactSummaryStatistics(sketch, store.DefaultProvider, g.scale); err != nil {
				return fmt.Errorf("read a sketch: %w", err)
			}
		}
		g.byValue[value] = read
	}
	return nil
}
