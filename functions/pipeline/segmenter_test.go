package pipeline_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// segmenting is a world whose run r1 has these items, and awaits its segments.
func segmenting(t *testing.T, items map[string]dynamodb.Item) *world {
	t.Helper()
	w := newWorld()
	w.upload(map[string]string{"up/a": `{"id":"first","suburb":"` + strings.Repeat("x", 513) + `"}`})
	w.asked(pipeline.Start{Run: "r1", Prefix: "up/"})
	first, _ := w.start.next()
	notify(t.Context(), first, w.lister().Handle)
	if _, err := w.ingest().Handle(t.Context(), w.batch()); err != nil {
		t.Fatal(err)
	}
	for key, item := range items {
		item["id"], item["run"] = dynamodb.String(key), dynamodb.String("r0")
		if item["at"].N == "" {
			item["at"] = dynamodb.Number(begun)
		}
		w.tables["items"][key] = item
	}
	return w
}

// sent are the segments in the stream.
func (w *world) sent(t *testing.T) []pipeline.Segment {
	t.Helper()
	var segments []pipeline.Segment
	for _, record := range w.segments.shards[0] {
		var segment pipeline.Segment
		if err := json.Unmarshal(record.Kinesis.Data, &segment); err != nil {
			t.Fatal(err)
		}
		segments = append(segments, segment)
	}
	return segments
}

// Segments have a least size and are at most so many, those with the most items first. Their figures are of the items that have the metric.
func TestSegments(t *testing.T) {
	items := map[string]dynamodb.Item{}
	for value, n := range map[string]int{"a": 3, "b": 5, "c": 5, "d": 1, "e": 4} {
		for i := range n {
			item := dynamodb.Item{"suburb": dynamodb.String(value)}
			switch i {
			case 3: // Without a price.
			case 4:
				item["price"] = dynamodb.String("7") // Of another type.
			default:
				item["price"] = dynamodb.Number(int64(10 * (i + 1)))
			}
			items[fmt.Sprint(value, i)] = item
		}
	}
	items["none"] = dynamodb.Item{"price": dynamodb.Number(1)}
	items["number"] = dynamodb.Item{"suburb": dynamodb.Number(1)}
	w := segmenting(t, items)
	w.minSize, w.top = 3, 3
	w.calm()
	figures := pipeline.Figures{Count: 3, Sum: 60, Mean: 20, Min: 10, Max: 30, Percentiles: map[string]float64{"50": 20}}
	figures.Histogram = []int64{0: 1, 9: 1, 19: 1}
	var want []pipeline.Segment
	for _, of := range []struct {
		value string
		n     int64
	}{{"b", 5}, {"c", 5}, {"e", 4}} {
		want = append(want, pipeline.Segment{Run: "r1", ID: pipeline.SegmentID(of.value), Value: of.value, Count: of.n, Metrics: map[string]pipeline.Figures{"price": figures}})
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 0.01*math.Abs(b) }) // What percentiles promise.
	if diff := cmp.Diff(want, w.sent(t), near); diff != "" {
		t.Error(diff)
	}
	run := w.run(t, "r1")
	if run.State != pipeline.Done || run.Segments != 3 || run.Described != 3 {
		t.Errorf("%+v", run)
	}
	var manifest pipeline.Manifest
	if err := json.Unmarshal(w.objects.objects[pipeline.ManifestObject], &manifest); err != nil || len(manifest.Segments) != 3 || manifest.Segments[2].Value != "e" {
		t.Errorf("%+v, %v", manifest, err)
	}
	var segment pipeline.Segment
	if err := json.Unmarshal(w.objects.objects[manifest.Segments[0].Key], &segment); err != nil || segment.Made < begun || segment.Metrics["price"].Sum != 60 {
		t.Errorf("%+v, %v", segment, err)
	}
}

// The scan goes on where an invocation left it, and counts each item once.
func TestSegmenterGoesOn(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	items := map[string]dynamodb.Item{}
	var prices []float64
	for i := range 3000 {
		price := random.Int64N(100000)
		prices = append(prices, float64(price))
		items[fmt.Sprint("i", i)] = dynamodb.Item{"suburb": dynamodb.String("s"), "price": dynamodb.Number(price)}
	}
	slices.Sort(prices)
	w := segmenting(t, items)
	scans := 0
	w.fateOf = func(call string) fate {
		if call == "scan items" {
			scans++
			w.clock.pass(time.Second)
		}
		return fine
	}
	invocations := 0
	for run := w.run(t, "r1"); run.State == pipeline.Segmenting; run = w.run(t, "r1") {
		message, ok := w.stage.next()
		if !ok {
			if run.Touched != 0 || invocations != 12 {
				t.Fatalf("after %d invocations %+v", invocations, run)
			}
			if err := w.sweeper().Handle(t.Context()); err != nil {
				t.Fatal(err)
			}
			continue
		}
		ctx := dated{t.Context(), w.clock.Now().Add(50 * time.Second)} // Some 18 invocations: how many pages the parts read at once is up to the scheduler.
		if err := w.segmenter().Handle(ctx, events.SNSEvent{Records: []events.SNSEventRecord{message}}); err != nil {
			t.Fatal(err)
		}
		if invocations++; invocations > 100 {
			t.Fatal("it does not end")
		}
	}
	sent := w.sent(t)
	if invocations < 13 || scans < 430 || len(sent) != 1 || sent[0].Count != 3000 || sent[0].Metrics["price"].Count != 3000 {
		t.Fatalf("%d invocations, %d pages, %+v", invocations, scans, sent)
	}
	sum := 0.0
	for _, price := range prices {
		sum += price
	}
	figures := sent[0].Metrics["price"]
	if figures.Sum != sum || figures.Min != prices[0] || figures.Max != prices[2999] || math.Abs(figures.Percentiles["50"]-prices[1499]) > 0.02*prices[1499] {
		t.Errorf("%+v, should be %v, %v, %v, %v", figures, sum, prices[0], prices[2999], prices[1499])
	}
	below := 0 // The first half of the buckets is right but for values near its end.
	middle := prices[0] + (prices[2999]-prices[0])/2
	for _, price := range prices {
		if price < middle {
			below++
		}
	}
	first, all := int64(0), int64(0)
	for i, n := range figures.Histogram {
		if i < 10 {
			first += n
		}
		all += n
	}
	if len(figures.Histogram) != 20 || all != 3000 || math.Abs(float64(first)-float64(below)) > 90 {
		t.Errorf("%v, %d are below the middle", figures.Histogram, below)
	}
}

// Where an apply changes what segments are of while items are scanned, what was counted before is counted anew: it is of something else.
func TestSegmentsThatChange(t *testing.T) {
	for name, change := range map[string]func(*pipeline.Segmenter){
		"another metric":    func(s *pipeline.Segmenter) { s.Metrics = []string{"rooms"} },
		"one metric more":   func(s *pipeline.Segmenter) { s.Metrics = []string{"price", "rooms"} },
		"another attribute": func(s *pipeline.Segmenter) { s.Segment = "state" },
	} {
		items := map[string]dynamodb.Item{}
		for i := range 300 {
			items[fmt.Sprint("i", i)] = dynamodb.Item{
				"suburb": dynamodb.String("s"), "state": dynamodb.String("t"), "price": dynamodb.Number(int64(1000 + i)), "rooms": dynamodb.Number(3),
			}
		}
		w := segmenting(t, items)
		w.fateOf = func(call string) fate {
			if call == "scan items" {
				w.clock.pass(time.Second)
			}
			return fine
		}
		message, _ := w.stage.next()
		ctx := dated{t.Context(), w.clock.Now().Add(40 * time.Second)}
		if err := w.segmenter().Handle(ctx, events.SNSEvent{Records: []events.SNSEventRecord{message}}); err != nil || w.run(t, "r1").State != pipeline.Segmenting {
			t.Fatalf("%s: %+v, %v", name, w.run(t, "r1"), err)
		}
		w.fateOf = nil
		message, _ = w.stage.next()
		changed := w.segmenter()
		change(changed)
		if err := changed.Handle(t.Context(), events.SNSEvent{Records: []events.SNSEventRecord{message}}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sent := w.sent(t)
		if len(sent) != 1 || sent[0].Count != 300 {
			t.Errorf("%s: %+v", name, sent)
			continue
		}
		for _, metric := range changed.Metrics {
			if figures := sent[0].Metrics[metric]; figures.Count != 300 || metric == "rooms" && figures.Max != 3 {
				t.Errorf("%s: %s is %+v", name, metric, figures)
			}
		}
	}
}

// Items of earlier uploads are deleted after a while, where they are not kept, and are in no segment. Whoever writes one again takes that from it.
func TestGone(t *testing.T) {
	items := map[string]dynamodb.Item{}
	for i := range 40 {
		item := dynamodb.Item{"suburb": dynamodb.String(fmt.Sprint("s", i%2)), "at": dynamodb.Number(begun - int64(i%4))} // Every fourth of this upload.
		if i == 5 {
			item["expires"] = dynamodb.Number(12) // By the run before.
		}
		items[fmt.Sprint("i", i)] = item
	}
	w := segmenting(t, items)
	w.expireAfter = 48 * time.Hour
	w.calm()
	run := w.run(t, "r1")
	if run.State != pipeline.Done || run.Expired != 30 || run.Segments != 1 || w.sent(t)[0].Count != 10 {
		t.Errorf("%+v, %+v", run, w.sent(t))
	}
	for key, item := range w.tables["items"] {
		want := int64(0)
		if item["at"].Int() < begun {
			want = (begun + 48*time.Hour.Milliseconds()) / 1000
		}
		if key == "i5" {
			want = 12
		}
		if got := item["expires"].Int(); got != want {
			t.Errorf("%s expires at %d, want %d", key, got, want)
		}
	}
	w.upload(map[string]string{"up/b": `{"id":"i1","suburb":"s9"}`})
	w.asked(pipeline.Start{Run: "r2", Prefix: "up/"})
	w.calm()
	if _, expires := w.tables["items"]["i1"]["expires"]; expires {
		t.Error("an item that is there again expires")
	}

	kept := segmenting(t, map[string]dynamodb.Item{"old": {"at": dynamodb.Number(1), "suburb": dynamodb.String("s")}})
	kept.calm()
	if item := kept.tables["items"]["old"]; item["expires"].N != "" || kept.run(t, "r1").Segments != 1 {
		t.Errorf("%v, %+v", item, kept.run(t, "r1"))
	}
}

// An upload whose files have no items at all makes none of those that are there gone: an upload that writes empty lists is broken.
func TestUploadWithoutItems(t *testing.T) {
	for name, expires := range map[string]time.Duration{"expire": time.Hour, "keep": 0} {
		w := newWorld()
		w.expireAfter = expires
		w.upload(plainFiles(20))
		w.asked(pipeline.Start{Run: "r1", Prefix: "up/"})
		w.calm()
		w.upload(map[string]string{"next/a": "[]", "next/b": "[]", "next/c": "{"})
		w.asked(pipeline.Start{Run: "r2", Prefix: "next/"})
		w.calm()
		want := pipeline.Done
		if expires > 0 {
			want = pipeline.Failed
		}
		run := w.run(t, "r2")
		if run.State != want || run.Ingested != 2 || run.Items != 0 || run.Expired != 0 || (run.Reason == "no file of the upload has an item, so that all items would be taken for gone") != (expires > 0) {
			t.Errorf("%s: %+v", name, run)
		}
		for key, item := range w.tables["items"] {
			if item["expires"].N != "" {
				t.Errorf("%s: the item %s expires", name, key)
			}
		}
		// A replay of files that have no items is of an upload that has some.
		w.upload(map[string]string{"up/0000.json": "{"})
		w.asked(pipeline.Start{Run: "r3", Prefix: "up/"})
		w.calm()
		w.upload(map[string]string{"up/0000.json": "[]"})
		w.asked(pipeline.Start{Run: "r4", ReplayOf: "r3", Failed: true})
		w.calm()
		if run := w.run(t, "r4"); run.State != pipeline.Done || run.Ingested != 1 || run.Items != 0 {
			t.Errorf("%s: %+v", name, run)
		}
	}
}

// Items that somebody writes again, after they were seen to be gone and before that is noted, stay.
func TestGoneAndBack(t *testing.T) {
	items := map[string]dynamodb.Item{}
	for i := range 20 {
		items[fmt.Sprint("i", i)] = dynamodb.Item{"at": dynamodb.Number(1)}
	}
	w := segmenting(t, items)
	w.expireAfter = time.Hour
	w.fateOf = func(call string) fate {
		for key := range items {
			if call == "update items" && w.tables["items"][key]["at"].Int() == 1 {
				w.tables["items"][key] = dynamodb.Item{"id": dynamodb.String(key), "run": dynamodb.String("r2"), "at": dynamodb.Number(begun + 1)}
			}
		}
		return fine
	}
	w.calm()
	for key, item := range w.tables["items"] {
		if item["expires"].N != "" {
			t.Errorf("%s expires", key)
		}
	}
	if w.calls["update items"] == 0 {
		t.Error("nothing was seen to be gone")
	}
}

// A run whose items have no attribute to be grouped by comes to its end at once.
func TestNoSegments(t *testing.T) {
	w := segmenting(t, nil)
	message, _ := w.stage.next()
	segmenter := w.segmenter()
	segmenter.Segment = ""
	notify(t.Context(), message, segmenter.Handle)
	w.calm()
	if run := w.run(t, "r1"); run.State != pipeline.Done || run.Segments != 0 || w.calls["scan items"] != 0 {
		t.Errorf("%+v after %d scans", run, w.calls["scan items"])
	}
	if text := string(w.objects.objects[pipeline.ManifestObject]); !strings.Contains(text, `"segments":[]`) {
		t.Errorf("the manifest is %s", text)
	}
}

func TestTooManySegments(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	for reason, metrics := range map[string][]string{
		"the attribute of the segments has too many values: more than 50000, which is most for 0 metrics":  nil,
		"the attribute of the segments has too many values: more than 10000, which is most for 10 metrics": strings.Split("abcdefghij", ""),
	} {
		items := map[string]dynamodb.Item{}
		for i := range pipeline.MaxSegments(len(metrics)) + 1 {
			items[fmt.Sprint("i", i)] = dynamodb.Item{"suburb": dynamodb.String(fmt.Sprint("s", i)), "a": dynamodb.Number(1)}
		}
		w := segmenting(t, items)
		w.page = 100_000
		message, _ := w.stage.next()
		segmenter := w.segmenter()
		segmenter.Metrics = metrics
		notify(t.Context(), message, segmenter.Handle)
		if run := w.run(t, "r1"); run.State != pipeline.Failed || run.Reason != reason {
			t.Errorf("%+v", run)
		}
	}
}

func TestPercentiles(t *testing.T) {
	if got, err := pipeline.ReadPercentiles([]string{"50", "99.9"}); err != nil || !slices.Equal(got, []float64{50, 99.9}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, wrong := range []string{"0", "100", "-1", "NaN", "x", ""} {
		if _, err := pipeline.ReadPercentiles([]string{wrong}); err == nil || !strings.Contains(err.Error(), "above 0 and below 100") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// No bucket is narrower than the sketch tells values apart, and what has one value has one bucket.
func TestHistogram(t *testing.T) {
	for name, of := range map[string]struct {
		numbers []int64
		want    []int64
	}{
		"one value": {[]int64{7, 7, 7}, []int64{3}}, "zeros": {[]int64{0, 0}, []int64{2}}, "years": {[]int64{1990, 2000, 2010, 2020}, []int64{4}},
		"below zero": {[]int64{-10, -10, 10, 10}, []int64{0: 2, 19: 2}}, "two buckets": {[]int64{100, 105}, []int64{1, 1}},
	} {
		items := map[string]dynamodb.Item{}
		for i, number := range of.numbers {
			items[fmt.Sprint(i)] = dynamodb.Item{"suburb": dynamodb.String("a"), "price": dynamodb.Number(number)}
		}
		w := segmenting(t, items)
		w.calm()
		if got := w.sent(t)[0].Metrics["price"].Histogram; !slices.Equal(got, of.want) {
			t.Errorf("%s: %v, should be %v", name, got, of.want)
		}
	}
}
