package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/demo"
)

const (
	// accuracy is how far a percentile may be from the true one: a hundredth, as the
	// resource promises.
	accuracy = 0.01
	// shownSegments is how many segments are printed.
	shownSegments = 10
)

// expected is what must have become of a run.
type expected struct {
	run, replayOf string
	files         int
	reasons       map[string]pipeline.Reason // Of the files that failed, by key.
	fresh         []Place                    // The run's own.
	places        []Place                    // All that are there after it.
}

// check compares every figure of a run with what the demo reckons from the places.
func (u *upload) check(ctx context.Context, e expected) error {
	var report pipeline.Report
	if err := u.result(ctx, pipeline.ReportObject(e.run), &report); err != nil {
		return err
	}
	if err := e.report(report); err != nil {
		return err
	}
	u.Say("report: listed %d = ingested %d + failed %d %v; items %d; %.1f s from start to manifest, %d calls of AWS by lister and ingest",
		report.Files, report.Ingested, report.Failed, report.ByReason, report.Items, float64(report.DoneAt-report.Started)/1000, report.Calls)
	if err := u.failures(ctx, e); err != nil {
		return err
	}
	if err := u.segments(ctx, e); err != nil {
		return err
	}
	held, err := u.items(ctx)
	if err != nil {
		return err
	}
	if held != len(e.places) {
		return fmt.Errorf("there are %d items of %d places", held, len(e.places))
	}
	u.Say("each of the %d places is one item; %d files are on the failed list, each with its reason", held, len(e.reasons))
	return nil
}

// report checks the report's figures.
func (e *expected) report(r pipeline.Report) error {
	reasons := map[pipeline.Reason]int64{}
	for _, reason := range e.reasons {
		reasons[reason]++
	}
	failed := int64(len(e.reasons))
	if r.Run != e.run || r.ReplayOf != e.replayOf || r.Files != int64(e.files) || r.Failed != failed || r.Ingested != int64(e.files)-failed ||
		r.Items != int64(len(e.fresh)) || r.Segments != int64(len(e.countries())) || !maps.Equal(r.ByReason, reasons) {
		return fmt.Errorf("the report is %+v; expected are %d files, %d of them failed %v, %d items, %d segments", r, e.files, failed, reasons, len(e.fresh), len(e.countries()))
	}
	return nil
}

// countries are the populations of the places by country, the smallest first, of
// those that are segments.
func (e *expected) countries() map[string][]int64 {
	out := map[string][]int64{}
	for i := range e.places {
		out[e.places[i].Country.Name] = append(out[e.places[i].Country.Name], e.places[i].Population)
	}
	for country, populations := range out {
		if len(populations) < minSize {
			delete(out, country)
		}
		slices.Sort(populations)
	}
	return out
}

// failures compares the failed list, as operators see it, with the files that are
// broken.
func (u *upload) failures(ctx context.Context, e expected) error {
	var some []pipeline.Failure
	if err := u.operate(ctx, &some, "failed", e.run); err != nil {
		return err
	}
	listed := map[string]pipeline.Reason{}
	for _, f := range some {
		listed[f.Key] = f.Reason
	}
	if len(some) != len(listed) || !maps.Equal(listed, e.reasons) {
		return fmt.Errorf("the failed list of %s is %v, expected is %v", e.run, some, e.reasons)
	}
	return nil
}

// segments compares the manifest, and each segment's figures, with the places.
func (u *upload) segments(ctx context.Context, e expected) error {
	var manifest pipeline.Manifest
	if err := u.result(ctx, u.Text("manifest_key"), &manifest); err != nil {
		return err
	}
	countries := e.countries()
	if manifest.Run != e.run || len(manifest.Segments) != len(countries) {
		return fmt.Errorf("the manifest has %d segments of the run %s; expected are %d of %s", len(manifest.Segments), manifest.Run, len(countries), e.run)
	}
	u.Say("%d countries are segments; those with the most places:", len(countries))
	for i, entry := range manifest.Segments {
		var segment pipeline.Segment
		if err := u.result(ctx, entry.Key, &segment); err != nil {
			return err
		}
		if err := compare(entry, segment, countries[entry.Value]); err != nil {
			return fmt.Errorf("the segment %s: %w", entry.Value, err)
		}
		if f := segment.Metrics["population"]; i < shownSegments {
			u.Say("  %-20s %6d places  %13.0f people  mean %9.0f  median %8.0f  p99 %10.0f  largest %10.0f", segment.Value, segment.Count, f.Sum, f.Mean, f.Percentiles["50"], f.Percentiles["99"], f.Max)
		}
	}
	return nil
}

// compare compares a segment with the populations of its places, the smallest
// first.
func compare(entry pipeline.ManifestEntry, segment pipeline.Segment, populations []int64) error {
	n := int64(len(populations))
	if n == 0 || entry.Count != n || segment.Count != n || segment.Value != entry.Value || segment.ID != entry.ID {
		return fmt.Errorf("the manifest says %+v, its metadata %+v; expected are %d places", entry, segment, n)
	}
	var sum int64
	for _, p := range populations {
		sum += p
	}
	f := segment.Metrics["population"]
	if f.Count != n || f.Sum != float64(sum) || f.Min != float64(populations[0]) || f.Max != float64(populations[n-1]) || math.Abs(f.Mean-float64(sum)/float64(n)) > 1e-6 {
		return fmt.Errorf("its population is %+v; expected are the sum %d, the least %d and the greatest %d", f, sum, populations[0], populations[n-1])
	}
	for name, rank := range map[string]float64{"50": 0.5, "90": 0.9, "99": 0.99} {
		at := rank * float64(n-1)
		least, most := float64(populations[int(math.Floor(at))]), float64(populations[int(math.Ceil(at))])
		if got := f.Percentiles[name]; got < least*(1-accuracy)-1e-9 || got > most*(1+accuracy)+1e-9 {
			return fmt.Errorf("its percentile %s is %g; expected is one between %g and %g", name, got, least, most)
		}
	}
	return nil
}

// items counts the items.
func (u *upload) items(ctx context.Context) (n int, err error) {
	pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(u.Local.Config(demo.Region, "test")), &dynamodb.ScanInput{
		TableName: aws.String(u.Entry("tables", "items")), ConsistentRead: aws.Bool(true),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, fmt.Errorf("count the items: %w", err)
		}
		n += len(page.Items)
	}
	return n, nil
}

// result reads a JSON object of the results.
func (u *upload) result(ctx context.Context, key string, into any) error {
	out, err := u.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(u.Text("results_bucket")), Key: &key})
	if err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return errors.Join(json.NewDecoder(out.Body).Decode(into), out.Body.Close())
}
