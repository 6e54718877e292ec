package queue_test

import (
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

// movingLine is a line of which two a second are called until nobody is left; looks says which fan gives a sign of life in which second.
func movingLine(t *testing.T, fans int, looks func(n, second int) bool) *world {
	t.Helper()
	heart := sale()
	heart.Windows, heart.Heartbeat, heart.Rate = 1000, 60, 2
	w := newWorld(200_000, heart)
	k, turn := w.keeper("a"), w.turn()
	for n := 1; n <= fans; n += 100 {
		var some []int
		for i := range 100 {
			some = append(some, n+i)
		}
		w.mustPlace(t, 0, some...)
	}
	for second := range fans/2 + 30 {
		w.mustLead(t, k)
		for n := 1; n <= fans; n++ {
			if looks(n, second) {
				w.ask(t, t.Context(), turn, n, 0, queue.Look)
			}
		}
		w.clock.pass(time.Second)
	}
	return w
}

func TestGhostsAreSkippedAfterTheyWereAsked(t *testing.T) {
	heart := sale()
	heart.Windows, heart.Heartbeat, heart.ClaimTTL = 1, 60, 30
	w := newWorld(200_000, heart)
	k, turn := w.keeper("a"), w.turn()
	w.mustPlace(t, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	// Places 4, 7 and 8 never look; the others do as often as they are told.
	next := map[int]int64{}
	for range 400 {
		w.mustLead(t, k)
		for n := 1; n <= 10; n++ {
			if n == 4 || n == 7 || n == 8 || w.clock.at.Load() < next[n] {
				continue
			}
			next[n] = w.clock.at.Load() + w.ask(t, t.Context(), turn, n, 0, queue.Look).Ask*1000
		}
		w.clock.pass(time.Second)
	}
	for n := 1; n <= 10; n++ {
		fan := w.fan(t, n)
		ghost := n == 7 || n == 8 // 4 is called before it was asked for as long as AskMost.
		if (fan.Done == queue.Ghost) != ghost || (fan.Called == 0) != ghost {
			t.Errorf("fan %d: %+v", n, fan)
		}
	}
	w.mustPlace(t, 1, 7) // Comes back, to the end.
	if fan := w.fan(t, 7); fan.Place != 11 || fan.Done != "" {
		t.Errorf("%+v", fan)
	}
}

// In a line that moves all the time, too.
func TestGhostsAreSkippedInALineThatMoves(t *testing.T) {
	const fans = 700
	w := movingLine(t, fans, func(n, second int) bool { return n%5 != 0 && (n+second)%20 == 0 })
	ghosts := 0
	for n := 1; n <= fans; n++ {
		switch fan := w.fan(t, n); {
		case fan.Done == queue.Ghost && n%5 == 0 && n > 2*150:
			ghosts++ // Nobody is one who was not asked for long.
		case fan.Called == 0:
			t.Errorf("fan %d: %+v", n, fan)
		}
	}
	// Those who are called within three minutes cannot be told.
	if least := (fans - 2*190) / 5; ghosts < least {
		t.Errorf("%d ghosts were passed over, want %d at least", ghosts, least)
	}
	w.mustKeepProgressBelow(t, 1000) // Of a write unit.
}

// A tab that is not looked at asks once a minute, since browsers let it ask no more often, and its answers come sooner or later.
func TestNobodyIsAGhostForATabThatIsHidden(t *testing.T) {
	const fans = 700
	w := movingLine(t, fans, func(n, second int) bool {
		since := second + 60 - n%60
		return since%60 == since/60*n%3
	})
	for n := 1; n <= fans; n++ {
		if fan := w.fan(t, n); fan.Called == 0 {
			t.Errorf("fan %d: %+v", n, fan)
		}
	}
}

func TestNobodyIsAGhostForSleepingThroughAPause(t *testing.T) {
	heart := sale()
	heart.Windows, heart.Heartbeat = 1, 60
	w := newWorld(200_000, heart)
	k := w.keeper("a")
	w.mustPlace(t, 0, 1, 2)
	w.mustLead(t, k)
	heart.Paused = true
	w.putSale(heart)
	w.clock.pass(3 * time.Second)
	for range 100 {
		w.mustLead(t, k)
		w.clock.pass(6 * time.Second)
	}
	if s := w.status(t); s.State != queue.Paused || w.calledPlaces() != "[1]" {
		t.Errorf("%+v, called %s", s, w.calledPlaces())
	}
	heart.Paused = false
	w.putSale(heart)
	w.mustLead(t, k)
	if w.calledPlaces() != "[1 2]" {
		t.Errorf("called %s", w.calledPlaces())
	}
}
