package votingwindow_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// The page's tests read the first of these lines.
func TestCompact(t *testing.T) {
	window := votingwindow.Window{Questions: []string{"vote/anna/bruno", "outfit/red/gold"}}
	results := votingwindow.Results{
		Version: 5, Status: votingwindow.StatusOpen, AsOf: "2030-03-17T17:46:44.123456789Z", OpensAt: "2030-03-17T17:46:40Z", ClosesAt: "2030-03-17T17:56:40.05Z",
		Total: 24, Questions: map[string]votingwindow.QuestionResults{
			"vote":   {Total: 12, Answers: map[string]int64{"anna": 7, "bruno": 5}},
			"outfit": {Total: 12, Answers: map[string]int64{"gold": 9, "red": 3}},
		},
	}
	kept := results
	kept.Questions, kept.Total = nil, 0
	for _, c := range []struct {
		results votingwindow.Results
		want    string
	}{
		{results, "5 open 1900000004 1900000000 1900000600.050 vote/anna=7,bruno=5 outfit/red=3,gold=9"},
		{kept, "5 open 1900000004 1900000000 1900000600.050"},
	} {
		if got, err := c.results.Compact(window); err != nil || got != c.want {
			t.Errorf("got  %q, %v\nwant %q", got, err, c.want)
		}
	}
	results.OpensAt = "soon"
	if _, err := results.Compact(window); err == nil {
		t.Error("a time that is none was written")
	}
}

// board is a status board. It keeps what it was told, and when.
type board struct {
	mu    sync.Mutex
	lines []string
	at    []time.Time
	fails bool
}

func (b *board) Write(_ context.Context, line string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fails {
		return errors.New("throttled")
	}
	b.lines, b.at = append(b.lines, line), append(b.at, time.Now())
	return nil
}

func (b *board) last() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines) == 0 {
		return ""
	}
	return b.lines[len(b.lines)-1]
}

// figures is a line without its version and time.
func figures(line string) string {
	fields := strings.Fields(line)
	return strings.Join(append(fields[1:2], fields[5:]...), " ")
}

// TestPublisherShowsStatus: a line is written at once where it says something new, else every thirty seconds.
func TestPublisherShowsStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := newWorld(mustRules(around(began)), clock.System{})
		shown := &board{}
		publisher := w.publisher("a")
		publisher.Status = shown
		go func() {
			pass(42 * time.Second)
			w.vote(t, "w1", "yes", "m1")
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 125*time.Second)
		defer cancel()
		if err := publisher.Handle(ctx, nil); err != nil {
			t.Fatal(err)
		}
		const none, one = "open vote/yes=0,no=0,maybe=0", "open vote/yes=1,no=0,maybe=0"
		want := []struct {
			after time.Duration
			says  string
		}{{0, none}, {30 * time.Second, none}, {45 * time.Second, one}, {75 * time.Second, one}, {105 * time.Second, one}}
		if len(shown.lines) != len(want) {
			t.Fatalf("shown %q", shown.lines)
		}
		for i, line := range shown.lines {
			if figures(line) != want[i].says || shown.at[i].Sub(began) != want[i].after {
				t.Errorf("after %s %q, should be %q after %s", shown.at[i].Sub(began), line, want[i].says, want[i].after)
			}
		}
	})
}

// TestStatusKeepsNothingUp: a table that takes nothing keeps neither the results nor their end up, and shows the final ones where it takes
// them.
func TestStatusKeepsNothingUp(t *testing.T) {
	for name, fails := range map[string]bool{"a table that takes nothing": true, "one that does": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				window := around(time.Now())
				window.Grace = time.Minute
				w := newWorld(mustRules(window), clock.System{})
				w.vote(t, "w1", "yes", "m1", "m2")
				shown := &board{fails: fails}
				for w.results().Status != votingwindow.StatusFinal {
					publisher := w.publisher("a")
					publisher.Status = shown
					ctx, cancel := context.WithTimeout(t.Context(), 125*time.Second)
					if err := publisher.Handle(ctx, nil); err != nil {
						t.Fatal(err)
					}
					cancel()
					if time.Since(window.OpensAt) > time.Hour {
						t.Fatalf("it is %s after an hour", w.results().Status)
					}
				}
				checkHistory(t, w)
				if last := shown.last(); fails == (last != "") || !fails && figures(last) != "final vote/yes=2,no=0,maybe=0" {
					t.Errorf("shown at last: %q", last)
				}
			})
		})
	}
}
