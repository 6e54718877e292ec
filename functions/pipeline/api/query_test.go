package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// homes is a pipeline with two runs, three segments, failures and a booking.
func homes(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.run("r1", 0, dynamodb.Item{
		"files": dynamodb.Number(12), "ingested": dynamodb.Number(9), "failed": dynamodb.Number(3), "items": dynamodb.Number(10), "segments": dynamodb.Number(3),
		"described": dynamodb.Number(3), "expired": dynamodb.Number(1), "bytes": dynamodb.Number(9_007_199_254_740_993), "calls": dynamodb.Number(30), "write_units": dynamodb.Number(10), "cost": dynamodb.Number(1_025_450_000),
		"listed_at": dynamodb.Number(begin.Add(1500 * time.Millisecond).UnixMilli()), "done_at": dynamodb.Number(begin.Add(time.Hour).UnixMilli()),
		"failed_empty": dynamodb.Number(1), "failed_gone": dynamodb.Number(2),
	})
	w.run("r2", 5, dynamodb.Item{"state": dynamodb.String("describing"), "replay_of": dynamodb.String("r1"), "failed_only": dynamodb.Bool(true), "stuck": dynamodb.String("2 of 3 segments have no metadata")})
	w.publish("r1", "Fitzroy", 5, "Carlton", 4, "fitzrovia", 1)
	w.failures("r1", "c1", false, "up/1.json", "up/2.json")
	w.failures("r1", "c2", true, "up/3.json")
	w.book("Carlton")
	return w
}

var fitzroy, carlton = pipeline.SegmentID("Fitzroy"), pipeline.SegmentID("Carlton")

// Queries with what they answer; only without errors.
func TestQueries(t *testing.T) {
	w := homes(t)
	booking := ""
	for key := range w.tables["bookings"] {
		if id, found := strings.CutPrefix(key, "booking|"); found {
			booking = id
		}
	}
	for name, of := range map[string]struct{ query, want string }{
		"viewer": {`{viewer{name mayWrite}}`, `{"viewer":{"name":"ann","mayWrite":true}}`},
		"manifest": {
			`{manifest{runId prefix uploadedAt madeAt files ingested failed items segments run{state}}}`,
			`{"manifest":{"runId":"r1","prefix":"up/","uploadedAt":"2030-05-04T18:00:00Z","madeAt":"2030-05-04T19:00:00Z","files":12,"ingested":10,"failed":2,"items":10,"segments":3,"run":{"state":"DONE"}}}`,
		},
		"segments by size":             {`{segments{nodes{value count}totalCount pageInfo{hasNextPage endCursor}}}`, `{"segments":{"nodes":[{"value":"Fitzroy","count":5},{"value":"Carlton","count":4},{"value":"fitzrovia","count":1}],"totalCount":3,"pageInfo":{"hasNextPage":false,"endCursor":null}}}`},
		"smallest first":               {`{segments(sort:SIZE_ASC){nodes{count}}}`, `{"segments":{"nodes":[{"count":1},{"count":4},{"count":5}]}}`},
		"by name":                      {`{segments(sort:NAME_ASC){nodes{value}}}`, `{"segments":{"nodes":[{"value":"Carlton"},{"value":"fitzrovia"},{"value":"Fitzroy"}]}}`},
		"by name backwards":            {`{segments(sort:NAME_DESC){nodes{value}}}`, `{"segments":{"nodes":[{"value":"Fitzroy"},{"value":"fitzrovia"},{"value":"Carlton"}]}}`},
		"search":                       {`{segments(search:"FITZ",sort:NAME_ASC){nodes{value}totalCount}}`, `{"segments":{"nodes":[{"value":"fitzrovia"},{"value":"Fitzroy"}],"totalCount":2}}`},
		"search in vain":               {`{segments(search:"Kew"){nodes{value}totalCount}}`, `{"segments":{"nodes":[],"totalCount":0}}`},
		"by variables":                 {`query Q($n:Int=1){segments(first:$n){nodes{value}}}`, `{"segments":{"nodes":[{"value":"Fitzroy"}]}}`},
		"variables that are not given": {`query Q($n:Int,$s:SegmentSort,$t:String,$b:BookingStatus){segments(first:$n,sort:$s,search:$t){totalCount}bookings(first:$n,status:$b){nodes{status}}}`, `{"segments":{"totalCount":3},"bookings":{"nodes":[{"status":"BOOKED"}]}}`},
		"null":                         {`{segments(first:null,sort:null,search:null,after:null){totalCount}}`, `{"segments":{"totalCount":3}}`},
		"fragments and aliases":        {`{a:segments(first:1){...F}} fragment F on SegmentConnection{nodes{... on Segment{v:value __typename}}}`, `{"a":{"nodes":[{"v":"Fitzroy","__typename":"Segment"}]}}`},
		"segment": {
			fmt.Sprintf(`{segment(id:%q){id value count runId madeAt run{id}metrics{name count sum mean min max percentiles{percent value}histogram{from to count}}}}`, fitzroy),
			fmt.Sprintf(`{"segment":{"id":%q,"value":"Fitzroy","count":5,"runId":"r1","madeAt":"2030-05-04T18:01:00Z","run":{"id":"r1"},"metrics":[{"name":"beds","count":1,"sum":2,"mean":2,"min":2,"max":2,"percentiles":[],"histogram":[{"from":2,"to":2,"count":1}]},`+
				`{"name":"price","count":4,"sum":100,"mean":25,"min":10,"max":50,"percentiles":[{"percent":50,"value":20},{"percent":99.9,"value":50}],"histogram":[{"from":10,"to":30,"count":3},{"from":30,"to":50,"count":1}]}]}}`, fitzroy),
		},
		"runs": {
			`{runs{nodes{id state stuck replayOf failedOnly startedAt doneAt}pageInfo{hasNextPage}}}`,
			`{"runs":{"nodes":[{"id":"r2","state":"DESCRIBING","stuck":"2 of 3 segments have no metadata","replayOf":"r1","failedOnly":true,"startedAt":"2030-05-04T18:05:00Z","doneAt":null},{"id":"r1","state":"DONE","stuck":null,"replayOf":null,"failedOnly":false,"startedAt":"2030-05-04T18:00:00Z","doneAt":"2030-05-04T19:00:00Z"}],"pageInfo":{"hasNextPage":false}}}`,
		},
		"run": {
			`{run(id:"r1"){files ingested failed items segments described gone uploadedAt listedAt ingestedAt reason cost{bytes calls writeUnits usd}failuresByReason{reason count}}}`,
			`{"run":{"files":12,"ingested":9,"failed":3,"items":10,"segments":3,"described":3,"gone":1,"uploadedAt":"2030-05-04T18:00:00Z","listedAt":"2030-05-04T18:00:01.5Z","ingestedAt":null,"reason":null,"cost":{"bytes":9007199254740993,"calls":30,"writeUnits":10,"usd":1.02545},"failuresByReason":[{"reason":"gone","count":2},{"reason":"empty","count":1}]}}`,
		},
		"failures": {
			`{run(id:"r1"){failures{nodes{key reason detail}pageInfo{hasNextPage}}}}`,
			`{"run":{"failures":{"nodes":[{"key":"up/1.json","reason":"empty","detail":null},{"key":"up/2.json","reason":"empty","detail":null},{"key":"up/3.json","reason":"empty","detail":null}],"pageInfo":{"hasNextPage":false}}}}`,
		},
		"bookings": {
			`{bookings{nodes{id status segmentId segmentValue runId at createdAt generatedAt endedAt items bytes attempts nextAttemptAt reason segment{count}}}}`,
			fmt.Sprintf(`{"bookings":{"nodes":[{"id":%q,"status":"BOOKED","segmentId":%q,"segmentValue":"Carlton","runId":"r1","at":"2030-05-04T18:00:00Z","createdAt":"2030-05-04T18:00:00Z","generatedAt":null,"endedAt":null,"items":0,"bytes":0,"attempts":0,"nextAttemptAt":null,"reason":null,"segment":{"count":4}}]}}`, booking, carlton),
		},
		"bookings by status": {`{bookings(status:CANCELLED){nodes{id}}}`, `{"bookings":{"nodes":[]}}`},
		"booking":            {fmt.Sprintf(`{booking(id:%q){status}}`, booking), `{"booking":{"status":"BOOKED"}}`},
		"skipped":            {`query Q($no:Boolean=false){viewer{name}run(id:"none")@include(if:$no){id}}`, `{"viewer":{"name":"ann"}}`},
	} {
		if got := w.ask(of.query, nil); got.String() != of.want || got.status != 200 {
			t.Errorf("%s:\n%s\nshould be\n%s", name, got, of.want)
		}
	}
}

// Before the first manifest there is nothing, and that is no error.
func TestQueriesBeforeTheFirstRun(t *testing.T) {
	w := newWorld(t)
	w.options.Bookings = nil
	w.start()
	const want = `{"manifest":null,"segments":{"nodes":[],"totalCount":0,"pageInfo":{"endCursor":null}},"runs":{"nodes":[]},"bookings":{"nodes":[]}}`
	if got := w.ask(`{manifest{runId}segments{nodes{id}totalCount pageInfo{endCursor}}runs{nodes{id}}bookings{nodes{id}}}`, nil); got.String() != want {
		t.Error(got)
	}
}

// A manifest is read again only where it changed, metadata once, and what is gone is null.
func TestWhatIsKept(t *testing.T) {
	w := homes(t)
	query := fmt.Sprintf(`{a:segment(id:%q){metrics{name}madeAt}b:segment(id:%q){metrics{name}}}`, fitzroy, fitzroy)
	for i, want := range []int{2, 1} {
		w.calls = 0
		if got := w.ask(query, nil); len(got.Errors) > 0 || w.calls != want {
			t.Errorf("request %d: %d calls, should be %d, %v", i, w.calls, want, got)
		}
	}
	w.publish("r3", "Kew", 9)
	if got := w.ask(`{manifest{runId run{id}}segments{nodes{value}}}`, nil); got.String() != `{"manifest":{"runId":"r3","run":null},"segments":{"nodes":[{"value":"Kew"}]}}` {
		t.Error(got)
	}
	delete(w.objects, pipeline.MetadataObject("r3", pipeline.SegmentID("Kew")))
	if got := w.ask(`{segments{nodes{madeAt metrics{name}run{id}}}}`, nil); got.String() != `{"segments":{"nodes":[{"madeAt":null,"metrics":null,"run":null}]}}` {
		t.Error(got)
	}
	delete(w.objects, pipeline.ManifestObject)
	if got := w.ask(`{manifest{runId}bookings{nodes{segment{id}}}}`, nil); got.String() != `{"manifest":null,"bookings":{"nodes":[{"segment":null}]}}` {
		t.Error(got)
	}
}

type page struct {
	Nodes    []map[string]string
	PageInfo struct {
		HasNextPage bool
		EndCursor   *string
	}
}

// all reads all pages of a field, and returns one attribute of each node. between happens after each page.
func (w *world) all(query, attribute string, first int, between func()) (found []string) {
	w.Helper()
	after := any(nil)
	for range 2000 {
		var read map[string]page
		w.data(w.ask(query, map[string]any{"n": first, "after": after}), &read)
		for _, one := range read {
			for _, node := range one.Nodes {
				found = append(found, node[attribute])
			}
			if one.PageInfo.HasNextPage != (one.PageInfo.EndCursor != nil) || len(one.Nodes) > first {
				w.Errorf("%d nodes, %+v", len(one.Nodes), one.PageInfo)
			}
			if !one.PageInfo.HasNextPage {
				return found
			}
			after = *one.PageInfo.EndCursor
		}
		between()
	}
	w.Fatal("the pages do not end")
	return nil
}

// Pages that follow one another have all there was at the first, once and in order, whatever is added meanwhile.
func TestPagesAreCompleteWithoutOverlap(t *testing.T) {
	w := newWorld(t)
	var counts []any
	for i := range 57 {
		counts = append(counts, fmt.Sprintf("s%02d", i), 100-i)
	}
	w.publish("r1", counts...)
	var runs, booked []string
	for i := range 57 {
		id := fmt.Sprintf("run-%d", i)
		w.run(id, i/3, nil) // Some at the same time.
		runs = append(runs, id)
		w.clock.pass(time.Second)
		booked = append([]string{w.book("Carlton").ID}, booked...)
	}
	slices.SortFunc(runs, func(a, b string) int {
		var m, n int
		_, _ = fmt.Sscanf(a, "run-%d", &m)
		_, _ = fmt.Sscanf(b, "run-%d", &n)
		if m/3 != n/3 {
			return n/3 - m/3
		}
		return strings.Compare(a, b)
	})
	for _, first := range []int{1, 7, 57, 100} {
		more := 0
		add := func() {
			more++
			w.run(fmt.Sprintf("later-%d-%d", first, more), 1000+more, nil)
			w.clock.pass(time.Second)
			w.book("Fitzroy")
			w.publish(fmt.Sprintf("r-%d-%d", first, more), "s56", 3)
		}
		w.publish("r1", counts...)
		var segments []string
		for i := range 57 {
			segments = append(segments, fmt.Sprintf("s%02d", i))
		}
		got := w.all(`query($n:Int,$after:String){segments(first:$n,after:$after,search:"S"){nodes{value}pageInfo{hasNextPage endCursor}}}`, "value", first, add)
		if !slices.Equal(got, segments) {
			t.Errorf("segments by %d: %v", first, got)
		}
		for field, of := range map[string]struct {
			want []string
			mine func(id string) bool
		}{
			"runs":                    {runs, func(id string) bool { return strings.HasPrefix(id, "run-") }},
			"bookings":                {booked, func(id string) bool { return slices.Contains(booked, id) }},
			"bookings(status:BOOKED)": {booked, func(id string) bool { return slices.Contains(booked, id) }},
		} {
			arguments := "(first:$n,after:$after)"
			if name, more, has := strings.Cut(field, "("); has {
				field, arguments = name, "(first:$n,after:$after,"+more
			}
			got := w.all(`query($n:Int,$after:String){`+field+arguments+`{nodes{id}pageInfo{hasNextPage endCursor}}}`, "id", first, add)
			if at := slices.IndexFunc(got, of.mine); at < 0 || !slices.Equal(got[at:], of.want) { // Before them is what was added before the first page.
				t.Errorf("%s by %d: %v", field, first, got)
			}
		}
	}
}

// Failures are complete too, across chunks in the table and in objects, with many other items between.
func TestPagesOfFailures(t *testing.T) {
	w := newWorld(t)
	w.run("r1", 0, nil)
	var want []string
	for chunk := range 30 {
		var keys []string
		for i := range chunk % 5 {
			keys = append(keys, fmt.Sprintf("%02d-%d", chunk, i))
		}
		w.failures("r1", fmt.Sprintf("c%02d", chunk), chunk%3 == 0, keys...)
		w.failures("r2", fmt.Sprintf("c%02d", chunk), false, "another run's")
		want = append(want, keys...)
	}
	for i := range 3500 {
		id := fmt.Sprintf("a/chunk/%04d", i)
		w.tables["runs"]["|"+id] = dynamodb.Item{"id": dynamodb.String(id)}
	}
	for _, first := range []int{1, 7, 100} {
		var found []string
		after := any(nil)
		for pages := 0; ; pages++ {
			w.calls = 0
			var read struct{ Run struct{ Failures page } }
			w.data(w.ask(`query($n:Int,$after:String){run(id:"r1"){failures(first:$n,after:$after){nodes{key}pageInfo{hasNextPage endCursor}}}}`, map[string]any{"n": first, "after": after}), &read)
			for _, node := range read.Run.Failures.Nodes {
				found = append(found, node["key"])
			}
			if w.calls > 11 || pages > 200 {
				t.Fatalf("%d calls on page %d", w.calls, pages)
			}
			if !read.Run.Failures.PageInfo.HasNextPage {
				break
			}
			after = *read.Run.Failures.PageInfo.EndCursor
		}
		if !slices.Equal(found, want) {
			t.Errorf("by %d: %v, should be %v", first, found, want)
		}
	}
}
