package pipeline_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// begins starts a run of these files below a prefix of their own, and lists them.
func (w *world) begins(t *testing.T, run string, price int) {
	t.Helper()
	files := map[string]string{}
	for i := range 20 {
		files[fmt.Sprintf("%s/%02d.json", run, i)] = fmt.Sprintf(`{"id":"i%d","suburb":"s","price":%d}`, i, price)
	}
	w.upload(files)
	w.asked(pipeline.Start{Run: run, Prefix: run + "/"})
	message, _ := w.start.next()
	for ; message.SNS.Message != ""; message, _ = w.start.next() {
		notify(t.Context(), message, w.lister().Handle)
	}
}

// prices are those of all items that stay, and how many have them.
func (w *world) prices() map[int64]int {
	prices := map[int64]int{}
	for _, item := range w.tables["items"] {
		if item[pipeline.ItemExpires].N == "" {
			prices[item["price"].Int()]++
		}
	}
	return prices
}

// A run that is late does not write over the items of a later upload, which its shard may let overtake it: they would be taken for gone from that.
func TestUploadsAtTheSameTime(t *testing.T) {
	w := newWorld()
	w.expireAfter = 24 * time.Hour
	w.begins(t, "r1", 1)
	late := w.files.shards
	w.files.shards = nil
	w.files.split()
	w.files.split()
	w.clock.pass(time.Minute)
	w.begins(t, "r2", 2)
	for shard := range w.files.shards {
		for consume(t.Context(), w.files, shard, 10, w.ingest().Handle) {
		}
	}
	w.files.shards, w.files.read = late, []int{0, 0}
	w.calm()
	for _, id := range []string{"r1", "r2"} {
		if run := w.run(t, id); run.State != pipeline.Done || run.Ingested != 20 || run.Items != 20 {
			t.Errorf("%+v", run)
		}
	}
	if prices := w.prices(); len(prices) != 1 || prices[2] != 20 {
		t.Errorf("of 20 items of the later upload are left %v", prices)
	}
	if run := w.run(t, "r2"); run.Expired != 0 {
		t.Errorf("%d items of it are taken for gone", run.Expired)
	}
}

// A run whose message lay among the dead letters is of the upload that it was when the message was sent, and none that came meanwhile is earlier.
func TestStartThatIsRedriven(t *testing.T) {
	w := newWorld()
	w.expireAfter = 24 * time.Hour
	files := func(run string, price, from int) {
		some := map[string]string{}
		for i := from; i < from+10; i++ {
			some[fmt.Sprintf("%s/%02d.json", run, i)] = fmt.Sprintf(`{"id":"i%d","suburb":"s","price":%d}`, i, price)
		}
		w.upload(some)
		w.asked(pipeline.Start{Run: run, Prefix: run + "/"})
	}
	files("r1", 1, 0)
	lost, _ := w.start.next()
	w.clock.pass(24 * time.Hour)
	files("r2", 2, 5)
	w.calm()
	w.clock.pass(time.Hour)
	notify(t.Context(), lost, w.lister().Handle)
	w.calm()
	for id, gone := range map[string]int64{"r1": 0, "r2": 0} {
		if run := w.run(t, id); run.State != pipeline.Done || run.Ingested != 10 || run.Expired != gone {
			t.Errorf("%+v", run)
		}
	}
	if run := w.run(t, "r1"); run.At != begun || run.Started != begun+(25*time.Hour+time.Minute).Milliseconds() {
		t.Errorf("%+v", run)
	}
	var manifest pipeline.Manifest
	if err := json.Unmarshal(w.objects.objects[pipeline.ManifestObject], &manifest); err != nil || manifest.Run != "r2" {
		t.Errorf("readers see %+v, %v", manifest, err)
	}
	if prices := w.prices(); prices[1] != 5 || prices[2] != 10 {
		t.Errorf("prices %v", prices)
	}
}

// So it is with a replay of an earlier upload, whose items that no later one has are written.
func TestReplayOfAnEarlierUpload(t *testing.T) {
	w := newWorld()
	w.expireAfter = 24 * time.Hour
	w.begins(t, "r1", 1)
	w.calm()
	w.begins(t, "r2", 2)
	w.calm()
	w.upload(map[string]string{"r1/99.json": `{"id":"i99","suburb":"s","price":9}`})
	w.asked(pipeline.Start{Run: "again", ReplayOf: "r1"})
	w.calm()
	if prices := w.prices(); len(prices) != 2 || prices[2] != 20 || prices[9] != 1 {
		t.Errorf("after the replay there are the prices %v", prices)
	}
	w.asked(pipeline.Start{Run: "again2", ReplayOf: "r2"})
	w.calm()
	if run := w.run(t, "again"); run.State != pipeline.Done || run.Ingested != 21 {
		t.Errorf("%+v", run)
	}
	if run := w.run(t, "again2"); run.State != pipeline.Done || run.Ingested != 20 || run.Expired != 1 {
		t.Errorf("%+v", run)
	}
	if prices := w.prices(); len(prices) != 1 || prices[2] != 20 || w.tables["items"]["i99"]["price"].Int() != 9 {
		t.Errorf("prices %v, item %v", prices, w.tables["items"]["i99"])
	}
}
