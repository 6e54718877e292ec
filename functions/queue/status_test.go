package queue_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

// askVectors are shared with the page's client.
type askVectors struct {
	Cases []struct {
		Why   string  `json:"why"`
		Ahead int64   `json:"ahead"`
		Pace  float64 `json:"pace"`
		Ask   int64   `json:"ask"`
	} `json:"cases"`
}

func TestAskHoldsTheSharedVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/ask.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors askVectors
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Cases) < 10 {
		t.Fatalf("%d cases", len(vectors.Cases))
	}
	for _, c := range vectors.Cases {
		if got := queue.Ask(c.Ahead, c.Pace); got != c.Ask {
			t.Errorf("%s: %d ahead at %g a second: ask after %d s, want %d", c.Why, c.Ahead, c.Pace, got, c.Ask)
		}
	}
}

func TestAFanWhoWaitsTwentyMinutesAsksThirteenTimes(t *testing.T) {
	const pace = 10.0
	asked, left := 0, 1200.0 // Seconds.
	for left > 0 {
		left -= float64(queue.Ask(int64(left*pace), pace))
		asked++
	}
	if asked != 13 {
		t.Errorf("asks %d times", asked)
	}
}

func TestAhead(t *testing.T) {
	drawn := &queue.DrawStatus{Count: 1000}
	gaps := [][3]any{{"draw", int64(500), int64(10)}, {"queue", int64(20), int64(5)}}
	for name, c := range map[string]struct {
		status queue.Status
		at     queue.Place
		want   int64
	}{
		"nobody called yet":                  {queue.Status{}, queue.Place{Line: "queue", Place: 3}, 2},
		"next":                               {queue.Status{Front: queue.Place{Line: "queue", Place: 7}}, queue.Place{Line: "queue", Place: 8}, 0},
		"called":                             {queue.Status{Front: queue.Place{Line: "queue", Place: 7}}, queue.Place{Line: "queue", Place: 5}, 0},
		"in the draw":                        {queue.Status{Draw: drawn, Front: queue.Place{Line: "draw", Place: 100}}, queue.Place{Line: "draw", Place: 400}, 299},
		"after the draw":                     {queue.Status{Draw: drawn, Front: queue.Place{Line: "draw", Place: 100}}, queue.Place{Line: "queue", Place: 1}, 900},
		"after the draw, before anybody":     {queue.Status{Draw: drawn}, queue.Place{Line: "queue", Place: 2}, 1001},
		"passed in the draw":                 {queue.Status{Draw: drawn, Front: queue.Place{Line: "queue", Place: 1}}, queue.Place{Line: "draw", Place: 4}, 0},
		"gap of the same line":               {queue.Status{Draw: drawn, Gaps: gaps, Front: queue.Place{Line: "draw", Place: 100}}, queue.Place{Line: "draw", Place: 600}, 489},
		"gaps of both lines":                 {queue.Status{Draw: drawn, Gaps: gaps, Front: queue.Place{Line: "draw", Place: 100}}, queue.Place{Line: "queue", Place: 30}, 914},
		"gap beyond the place does not help": {queue.Status{Draw: drawn, Gaps: gaps, Front: queue.Place{Line: "draw", Place: 100}}, queue.Place{Line: "draw", Place: 499}, 398},
		"gap that the front passed":          {queue.Status{Draw: drawn, Gaps: gaps, Front: queue.Place{Line: "queue", Place: 25}}, queue.Place{Line: "queue", Place: 30}, 4},
	} {
		if got := c.status.Ahead(c.at); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		// As a client reads it.
		text, _ := json.Marshal(c.status)
		var read queue.Status
		if err := json.Unmarshal(text, &read); err != nil || read.Ahead(c.at) != c.want {
			t.Errorf("%s: %d after JSON, want %d, %v", name, read.Ahead(c.at), c.want, err)
		}
	}
}

func TestEstimate(t *testing.T) {
	for _, c := range []struct {
		ahead         int64
		pace, paceNow float64
		want          queue.Wait
	}{
		{100, 0, 0, queue.Wait{}},
		{100, 0, 3, queue.Wait{}},
		{100, 2, 0, queue.Wait{Likely: 50, Least: 50, Most: 50, Known: true}},
		{100, 2, 4, queue.Wait{Likely: 50, Least: 25, Most: 50, Known: true}},
		{100, 2, 1, queue.Wait{Likely: 50, Least: 50, Most: 100, Known: true}},
		{0, 2, 1, queue.Wait{Known: true}},
	} {
		if got := queue.Estimate(c.ahead, c.pace, c.paceNow); got != c.want {
			t.Errorf("%d at %g and %g: %+v, want %+v", c.ahead, c.pace, c.paceNow, got, c.want)
		}
	}
}

func TestAskNearTheFront(t *testing.T) {
	status := queue.Status{Front: queue.Place{Line: "queue", Place: 100}, Pace: 0.5, Near: 60, Ask: queue.AskEvery{Far: 120, Near: 10}}
	for place, want := range map[int64]int64{101: 5, 140: 10, 160: 10, 161: 60, 700: 120} {
		if got := status.AskAt(queue.Place{Line: "queue", Place: place}); got != want {
			t.Errorf("place %d asks after %d s, want %d", place, got, want)
		}
	}
}
