package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// someFiles are files of all sorts. good says how many items each makes; what is not in it is a failure.
func someFiles(random *rand.Rand, n int) (files map[string]string, good map[string][]string) {
	files, good = map[string]string{}, map[string][]string{}
	for i := range n {
		key := fmt.Sprintf("up/2026/%c/%04d \"ä\".json", 'a'+rune(i%3), i)
		item := func(id string) string {
			return fmt.Sprintf(`{"id":%q,"suburb":"s%d","price":%d}`, id, random.IntN(6), random.IntN(1000))
		}
		id := fmt.Sprint("i", i)
		switch random.IntN(10) {
		case 0:
			files[key] = []string{"", "{", `{"id":`, `{"suburb":"x"}`, `{"id":"x","price":"dear"}`, `nul`}[random.IntN(6)]
		case 1:
			files[key], good[key] = item(id+"a")+"\n"+item(id+"b")+"\n\n", []string{id + "a", id + "b"}
		case 2:
			files[key], good[key] = "["+item(id+"a")+","+item(id+"b")+","+item(id+"c")+"]", []string{id + "a", id + "b", id + "c"}
		default:
			files[key], good[key] = item(id), []string{id}
		}
	}
	return files, good
}

// checkManifest proves that readers see a whole run: its files are ingested or failures, and each of its segments has its metadata.
func (w *world) checkManifest(t tester) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	text := w.objects.objects[pipeline.ManifestObject]
	if text == nil {
		return
	}
	var manifest pipeline.Manifest
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatalf("%v", err)
	}
	run := w.tables["runs"][manifest.Run]
	if manifest.Files != manifest.Ingested+manifest.Failed || manifest.Files != run["files"].Int() || run["segments"].Int() != int64(len(manifest.Segments)) {
		t.Fatalf("the manifest is %s, the run %v", text, run)
	}
	for _, entry := range manifest.Segments {
		var segment pipeline.Segment
		if err := json.Unmarshal(w.objects.objects[entry.Key], &segment); err != nil || segment.Count != entry.Count || segment.Value != entry.Value || segment.Run != manifest.Run {
			t.Fatalf("%+v has the metadata %+v, %v", entry, segment, err)
		}
	}
}

// checkRun proves a run's figures: every file is ingested or a failure, and counted once.
func (w *world) checkRun(t tester, id string, files map[string]string, good map[string][]string) {
	t.Helper()
	run := w.run(t, id)
	if run.State != pipeline.Done || run.Files != int64(len(files)) || run.Ingested != int64(len(good)) || run.Ingested+run.Failures != run.Files || run.ChunksDone != run.Chunks {
		t.Fatalf("%+v of %d files, %d of them good", run, len(files), len(good))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if past := w.states[id]; !slices.Equal(past, []string{"listing", "ingesting", "segmenting", "describing", "done"}) {
		t.Fatalf("the run was %v", past)
	}
	failed, ingested, chunks := map[string]int{}, int64(0), int64(0)
	for key, item := range w.tables["runs"] {
		if strings.HasPrefix(key, id+"/failed/") {
			var failures []pipeline.Failure
			if err := json.Unmarshal([]byte(item["failures"].Text()), &failures); err != nil {
				t.Fatalf("%v", err)
			}
			for _, failure := range failures {
				failed[failure.Key]++
			}
		}
		if strings.HasPrefix(key, id+"/chunk/") {
			chunks, ingested = chunks+1, ingested+item["ingested"].Int()
		}
	}
	items := int64(0)
	for key := range files {
		if n := failed[key]; n > 1 || (n == 1) == (good[key] != nil) {
			t.Fatalf("%s is on the failed list %d times, and makes the items %v", key, n, good[key])
		}
		for _, item := range good[key] {
			items++
			if w.tables["items"][item]["run"].Text() == "" {
				t.Fatalf("the item %s is not there", item)
			}
		}
	}
	if ingested != run.Ingested || chunks != run.Chunks || run.Items != items {
		t.Fatalf("%d of %d files are marked, %d of %d chunks, %d of %d items", ingested, run.Ingested, chunks, run.Chunks, run.Items, items)
	}
	byReason := int64(0)
	for _, n := range run.ByReason {
		byReason += n
	}
	if byReason != run.Failures {
		t.Fatalf("%d failures, by reason %v", run.Failures, run.ByReason)
	}
	if _, active := w.tables["runs"]["active"]["run/"+id]; active {
		t.Fatalf("the run is done, and active")
	}
}

// checkSegments proves a run's segments by its items.
func (w *world) checkSegments(t tester, id string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	want := map[string]int64{}
	sums := map[string]float64{}
	for _, item := range w.tables["items"] {
		if _, gone := item["expires"]; gone {
			continue
		}
		want[item["suburb"].Text()]++
		sums[item["suburb"].Text()] += float64(item["price"].Int())
	}
	var manifest pipeline.Manifest
	if err := json.Unmarshal(w.objects.objects[pipeline.RunManifestObject(id)], &manifest); err != nil {
		t.Fatalf("%v", err)
	}
	have := map[string]int64{}
	for _, entry := range manifest.Segments {
		have[entry.Value] = entry.Count
		var segment pipeline.Segment
		if err := json.Unmarshal(w.objects.objects[entry.Key], &segment); err != nil || segment.Metrics["price"].Sum != sums[entry.Value] {
			t.Fatalf("%+v, %v, should be %v", segment, err, sums[entry.Value])
		}
	}
	if !maps.Equal(have, want) {
		t.Fatalf("segments %v, want %v", have, want)
	}
}

func TestRun(t *testing.T) {
	for _, n := range []int{1, 4, 5, 10, 11, 95} {
		w := newWorld()
		files, good := someFiles(rand.New(rand.NewPCG(1, uint64(n))), n)
		w.upload(files)
		w.upload(map[string]string{"up/2026/a/": "", "other/1.json": `{"id":"other"}`})
		w.asked(pipeline.Start{Run: "r1", Prefix: "up/2026/"})
		w.calm()
		if err := w.sweeper().Handle(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.checkRun(t, "r1", files, good)
		w.checkManifest(t)
		w.checkSegments(t, "r1")
		if w.tables["items"]["other"] != nil {
			t.Error("a file that is not below the prefix was ingested")
		}
		run := w.run(t, "r1")
		if pages := int64((n + 1 + 9) / 10); run.Step != (pages+2)/3 { // The folder is listed too.
			t.Errorf("%d pages in %d invocations", pages, run.Step)
		}
		var report pipeline.Report
		if err := json.Unmarshal(w.objects.objects[pipeline.ReportObject("r1")], &report); err != nil || report.Files != int64(n) || report.Failed != run.Failures || report.DoneAt != run.DoneAt || report.Bytes == 0 || report.CostUSD != float64(400*int64(n)+625*run.WriteUnits)/1e9 {
			t.Errorf("report %+v, %v", report, err)
		}
	}
}

// TestWeather runs pipelines whose functions die at any call, whose calls fail or lose their answers, whose messages come twice, late or never, and whose
// shards split, with others at work between any two calls. Then the weather is calm, and everything must add up.
func TestWeather(t *testing.T) {
	seeds := 150
	if testing.Short() {
		seeds = 30
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			storm(t, rand.New(rand.NewPCG(7, uint64(seed))))
		})
	}
}

func storm(t *testing.T, random *rand.Rand) {
	w := newWorld()
	files, good := someFiles(random, 1+random.IntN(80))
	w.upload(files)
	w.chunkKeys, w.pages, w.reads = 1+random.IntN(6), random.IntN(4), 1+random.IntN(4)
	w.source.page, w.expireRuns = 1+random.IntN(15), time.Minute
	s := &weather{world: w, random: rand.New(rand.NewPCG(random.Uint64(), 1)), rate: random.Float64() * 0.08}
	s.rage(t, pipeline.Start{Run: "r1", Prefix: "up/"}, 60+random.IntN(200))
	if len(good) == 0 {
		if run := w.run(t, "r1"); run.State != pipeline.Failed || run.Reason == "" {
			t.Fatalf("%+v", run)
		}
		return
	}
	w.checkRun(t, "r1", files, good)
	w.checkSegments(t, "r1")
	if w.objects.objects[pipeline.ManifestObject] == nil {
		t.Fatal("there is no manifest")
	}
	failed := int64(len(files) - len(good))
	if failed == 0 {
		return
	}
	// Somebody mends the files that failed, and replays these.
	for key := range files {
		if good[key] == nil {
			w.source.objects[key] = []byte(fmt.Sprintf(`{"id":%q,"suburb":"mended"}`, key))
		}
	}
	s.rage(t, pipeline.Start{Run: "r2", Prefix: "up/", ReplayOf: "r1", Failed: true}, 60+random.IntN(100))
	if run := w.run(t, "r2"); run.State != pipeline.Done || run.Files != failed || run.Ingested != failed || run.ChunksDone != run.Chunks {
		t.Fatalf("%d files failed, and their replay is %+v", failed, run)
	}
	w.checkSegments(t, "r2")
	if left := w.objectsOf(); !slices.Equal(left, []string{"r2"}) { // Readers read r2.
		t.Errorf("objects are left of %v", left)
	}
}

// rage starts a run, lets so many things happen in bad weather, and then everything in good.
func (s *weather) rage(t *testing.T, start pipeline.Start, things int) {
	w := s.world
	w.fateOf, w.leaves, w.conflicts, w.files.leaves, w.segments.leaves = s.fate, s.often, s.often, s.often, s.often
	w.asked(start)
	for range things {
		s.happen(t, 2)
		w.checkManifest(t)
	}
	w.fateOf, w.leaves, w.conflicts, w.files.leaves, w.segments.leaves = nil, nil, nil, nil, nil
	w.asked(start) // Where the first was lost.
	for range 400 {
		w.clock.pass(10 * time.Minute)
		w.calm()
		over := w.run(t, start.Run).State.Over()
		if err := w.sweeper().Handle(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.checkManifest(t)
		if over {
			break
		}
	}
}

// weather decides what happens.
type weather struct {
	*world
	random *rand.Rand
	rate   float64 // Of calls that fail.
}

// fate decides about a call, with the lock.
func (s *weather) fate(string) fate {
	if s.random.Float64() > s.rate {
		return fine
	}
	return fate(1 + s.random.IntN(2))
}

func (s *weather) often() bool { return s.random.Float64() < s.rate*2 }

// draw is a number below n. Calls draw too, with the lock.
func (s *weather) draw(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.IntN(n)
}

// happen lets one thing happen, in the middle of which others may.
func (s *weather) happen(t *testing.T, depth int) {
	owner := &life{}
	if s.draw(3) == 0 {
		owner.dies, owner.lost = 1+s.draw(30), s.draw(2) == 0
	}
	if depth > 0 && s.draw(3) == 0 {
		owner.at, owner.then = 1+s.draw(12), func() { s.happen(t, depth-1) }
	}
	ctx := owner.of(context.Background())
	switch s.draw(12) {
	case 0, 1, 2:
		s.message(ctx, s.start)
	case 3, 4, 5, 6:
		consume(ctx, s.files, s.draw(len(s.files.shards)), 1+s.draw(5), s.ingest().Handle)
	case 7:
		s.again(ctx)
	case 8:
		s.message(ctx, s.stage)
	case 9:
		consume(ctx, s.segments, 0, 1+s.draw(5), s.metadata().Handle)
	case 10:
		s.clock.pass(time.Duration(s.draw(30)) * time.Minute)
		_ = s.sweeper().Handle(ctx) // What fails is done the next minute.
	case 11:
		if s.draw(20) == 0 {
			s.files.split()
		}
	}
}

// message delivers the next message, one of before once more, or none: it is lost.
func (s *weather) message(ctx context.Context, from *topic) {
	message, ok := from.next()
	if !ok || s.draw(5) == 0 {
		from.mu.Lock()
		n := len(from.sent)
		from.mu.Unlock()
		if n == 0 {
			return
		}
		message = from.sent[s.draw(n)]
	}
	if s.draw(10) == 0 {
		return
	}
	if from == s.start {
		notify(ctx, message, s.lister().Handle)
	} else {
		notify(ctx, message, s.segmenter().Handle, s.publication().Handle)
	}
}

// again gives records of a shard to another consumer once more, in any order.
func (s *weather) again(ctx context.Context) {
	from := s.files
	if s.draw(4) == 0 {
		from = s.segments
	}
	shard := s.draw(len(from.shards))
	from.mu.Lock()
	records := slices.Clone(from.shards[shard][:from.read[shard]])
	s.random.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	from.mu.Unlock()
	once := &stream{aws: s.aws, clock: s.clock, name: from.name, shards: append(from.shards[:0:0], records), read: []int{0}}
	if from == s.files {
		consume(ctx, once, 0, 8, s.ingest().Handle)
	} else {
		consume(ctx, once, 0, 8, s.metadata().Handle)
	}
}

// Several runs are read in one go, and what DynamoDB did not come to is asked for again, some times.
func TestReadRuns(t *testing.T) {
	w := newWorld()
	store := &pipeline.RunReader{Store: w.store(), Batch: w.memory}
	for _, id := range []string{"r1", "r2"} {
		if _, err := store.CreateRun(t.Context(), pipeline.Start{Run: id, Prefix: id + "/"}, 5); err != nil {
			t.Fatal(err)
		}
	}
	found, err := store.ReadRuns(t.Context(), []string{"r2", "gone", "r1"})
	if err != nil || len(found) != 2 || found["r1"].Prefix != "r1/" || found["r2"].State != pipeline.Listing {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err := store.ReadRuns(t.Context(), nil); err != nil || len(found) != 0 {
		t.Errorf("%+v, %v of none", found, err)
	}
	left := []string{"a", "b", "c", "d", "e", "f"}
	if _, err := store.ReadRuns(t.Context(), left); err == nil || !strings.Contains(err.Error(), "are left") {
		t.Errorf("%v with a table that never comes to all", err)
	}
}
