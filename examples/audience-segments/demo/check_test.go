package main

import (
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// placesOf are places of a country, of 1, 2, 3 … people.
func placesOf(country string, n int) (places []Place) {
	for i := range n {
		places = append(places, Place{ID: int64(i + 1), Name: "Place", Country: Country{Name: country}, Population: int64(i + 1)})
	}
	return places
}

// A report that is off by one file, item, segment or reason is refused.
func TestReport(t *testing.T) {
	places := append(placesOf("France", minSize), placesOf("Monaco", minSize-1)...)
	e := expected{run: "first", files: 22, reasons: map[string]pipeline.Reason{"a": pipeline.FileEmpty, "b": pipeline.FileEmpty, "c": pipeline.FileNoKey}, fresh: places, places: places}
	right := pipeline.Report{
		Run: "first", Files: 22, Ingested: 19, Failed: 3, Items: 19, Segments: 1,
		ByReason: map[pipeline.Reason]int64{pipeline.FileEmpty: 2, pipeline.FileNoKey: 1},
	}
	if err := e.report(right); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*pipeline.Report){
		"run":      func(r *pipeline.Report) { r.Run = "second" },
		"replay":   func(r *pipeline.Report) { r.ReplayOf = "zeroth" },
		"files":    func(r *pipeline.Report) { r.Files++ },
		"ingested": func(r *pipeline.Report) { r.Ingested-- },
		"failed":   func(r *pipeline.Report) { r.Failed++ },
		"items":    func(r *pipeline.Report) { r.Items++ },
		"segments": func(r *pipeline.Report) { r.Segments++ },
		"reasons":  func(r *pipeline.Report) { r.ByReason = map[pipeline.Reason]int64{pipeline.FileEmpty: 3} },
	} {
		wrong := right
		if spoil(&wrong); e.report(wrong) == nil {
			t.Errorf("a report with other %s passes", name)
		}
	}
}

// A segment whose figures are not those of its places is refused.
func TestCompare(t *testing.T) {
	populations := []int64{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}
	entry := pipeline.ManifestEntry{ID: "s", Value: "France", Count: 10}
	right := pipeline.Figures{Count: 10, Sum: 550, Mean: 55, Min: 10, Max: 100, Percentiles: map[string]float64{"50": 50.4, "90": 90, "99": 99.5}}
	segment := func(f pipeline.Figures) pipeline.Segment {
		return pipeline.Segment{ID: "s", Value: "France", Count: 10, Metrics: map[string]pipeline.Figures{"population": f}}
	}
	if err := compare(entry, segment(right), populations); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*pipeline.Figures){
		"count":      func(f *pipeline.Figures) { f.Count = 9 },
		"sum":        func(f *pipeline.Figures) { f.Sum++ },
		"mean":       func(f *pipeline.Figures) { f.Mean += 0.1 },
		"least":      func(f *pipeline.Figures) { f.Min = 11 },
		"greatest":   func(f *pipeline.Figures) { f.Max = 99 },
		"percentile": func(f *pipeline.Figures) { f.Percentiles = map[string]float64{"50": 50, "90": 102, "99": 99} },
	} {
		wrong := right
		if spoil(&wrong); compare(entry, segment(wrong), populations) == nil {
			t.Errorf("another %s passes", name)
		}
	}
	if compare(entry, segment(right), populations[1:]) == nil || compare(entry, segment(right), nil) == nil {
		t.Error("a segment of other places passes")
	}
}

// Each place is in one file, and most have one of their own.
func TestFiles(t *testing.T) {
	places := placesOf("France", 1000)
	all, err := files(places)
	if err != nil {
		t.Fatal(err)
	}
	keys, packed := map[string]bool{}, 0
	for _, f := range all {
		keys[f.key] = true
		if strings.HasSuffix(f.key, ".gz") {
			packed++
		}
	}
	// 600 alone, of which each fiftieth is packed, and 400 in four files, of which two are.
	if len(all) != 604 || len(keys) != len(all) || packed != 14 {
		t.Errorf("%d files with %d keys, %d of them packed", len(all), len(keys), packed)
	}
	bad, reasons := brokenFiles(3)
	if len(bad) != 3*len(ways) || len(reasons) != len(bad) || reasons[broken+"2-empty.json"] != pipeline.FileEmpty {
		t.Errorf("%d broken files: %v", len(bad), reasons)
	}
}
