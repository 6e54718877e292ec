package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

const (
	// probesEvery is how often probes are looked for, in milliseconds.
	probesEvery = 5000
	// signsLate is by how much a sign of life may be late, in milliseconds. A tab that is hidden asks once a minute, which is also the heartbeat that most have, and
	// browsers and networks take their time (Chrome for Developers, "Heavy throttling of chained JS timers").
	signsLate = 10_000
)

// readEnds reads where the lines end, once in a round.
func (r *round) readEnds(ctx context.Context) (lines, error) {
	if r.ends != nil {
		return *r.ends, nil
	}
	ends := lines{}
	if r.sale.Draws() {
		ends.drawn, ends.drawBlocks = r.draw.Count, blocksOf(r.draw.Count)
	}
	var err error
	if ends.last, ends.place, err = r.Store.Counter(ctx, r.sale.ID, QueueLine); err != nil {
		return lines{}, err
	}
	r.ends = &ends
	return ends, nil
}

// call gives free windows to those who are next, as far as the rate allows.
func (r *round) call(ctx context.Context) error {
	p := r.progress
	if p.Walk.Line == "" {
		p.Walk = walk{Line: QueueLine, Block: 1}
		if r.sale.Draws() {
			p.Walk.Line = DrawLine
		}
	}
	ends, err := r.readEnds(ctx)
	if err != nil {
		return err
	}
	if r.sale.Rate > 0 && r.state != Paused {
		p.refill(r.sale.Rate, r.now)
	}
	windows, err := r.readWindows(ctx, ends)
	if err != nil {
		return err
	}
	free := r.freeWindows(windows)
	if r.state == Paused {
		p.Asked = asked{} // Nobody is a ghost for having slept through a pause.
		return r.tell(ctx, windows)
	}
	n := min(len(free), callAtMost)
	if r.sale.Rate > 0 {
		n = min(n, int(p.Tokens))
	}
	switch {
	case n > 0 && r.isNext(ends):
		if err := r.callSome(ctx, ends, windows, free[:n]); err != nil {
			return err
		}
	case r.unsaved:
		if err := r.save(ctx); err != nil {
			return err
		}
	}
	// Behind the last who was called may be gaps and those who are gone: with nobody there, they do not count as waiting.
	if !r.isNext(ends) && p.Walk.Place > 0 {
		p.moveFront(Place{p.Walk.Line, p.Walk.Place})
	}
	return r.tell(ctx, windows)
}

// WindowsEvery is how often the windows are read where that changes nothing for those who wait: for the status. Where many sales
// share the table, a read of each of them every second would cost more than all else that a keeper does.
const WindowsEvery = 5 * time.Second

// readWindows reads all windows where somebody can be called and not as many are known to be free as the rate allows, or the ticketing service is to be told who was
// called; otherwise now and then. What is remembered is only too full: a window that was free when it was read is given away by calls alone, and each of them is
// conditional. So is one that a read which lags takes for free: the call of it fails, and its fan is next in the next round.
func (r *round) readWindows(ctx context.Context, ends lines) (map[int]Window, error) {
	top := max(r.progress.Slots, r.sale.Windows)
	if r.Line == nil && top <= r.windowsTo && r.now < r.windowsAt+WindowsEvery.Milliseconds() {
		enough := r.sale.Rate > 0 && r.knownFree() >= int(r.progress.Tokens)
		if r.state != Open || !r.isNext(ends) || enough {
			return r.windows, nil
		}
	}
	windows, err := r.Store.ReadWindows(ctx, r.sale.ID, top)
	if err != nil {
		return nil, err
	}
	r.windows, r.windowsTo, r.windowsAt = windows, top, r.now
	return windows, nil
}

// knownFree is how many windows were free when they were read and have not been given since.
func (r *round) knownFree() int {
	n := 0
	for number := 1; number <= r.sale.Windows; number++ {
		if r.windows[number].free(r.windowsAt) {
			n++
		}
	}
	return n
}

// isNext says whether anybody may wait whom a window could be given.
func (r *round) isNext(ends lines) bool { return r.behind(ends) || len(r.progress.Walk.Holes) > 0 }

// behind says whether there is anybody behind the cursor.
func (r *round) behind(ends lines) bool {
	w := r.progress.Walk
	return w.Line == DrawLine && w.Block <= ends.drawBlocks || w.Line == DrawLine && ends.last > 0 || w.Line == QueueLine && w.Block <= ends.last
}

// freeWindows are the numbers of the windows that can be called. It counts those that a fan has, also of those that were taken away.
func (r *round) freeWindows(windows map[int]Window) []int {
	var free []int
	top := 0
	r.open = 0
	for number := 1; number <= max(r.progress.Slots, r.sale.Windows); number++ {
		if !windows[number].free(r.windowsAt) { // What ran out since may have been claimed or renewed.
			r.open++
			top = number
		} else if number <= r.sale.Windows {
			free = append(free, number)
		}
	}
	r.progress.Slots = top
	return free
}

// countLast counts the windows that fans of a closed sale still have. It notes when the last one is free, so that from then on nobody looks.
func (r *round) countLast(ctx context.Context) error {
	windows, err := r.readWindows(ctx, lines{})
	if err != nil {
		return err
	}
	if r.freeWindows(windows); r.progress.Slots > 0 {
		return r.tell(ctx, windows)
	}
	return r.save(ctx)
}

// callSome calls as many fans as there are windows given.
func (r *round) callSome(ctx context.Context, ends lines, windows map[int]Window, free []int) error {
	p := r.progress
	var waiting []look
	budget, step := lookAtMost, 0
	for budget > 0 && len(waiting) < len(free) {
		// More each time, or a row of ghosts would take a read for each window.
		step = min(max(2*step, len(free)-len(waiting)), readAtOnce, budget)
		if len(p.Walk.Holes) >= holesAtMost {
			step = 0
		}
		at := p.Walk
		looks, err := r.next(ctx, &p.Walk, ends, step)
		if err != nil {
			return err
		}
		if len(looks) == 0 {
			break
		}
		budget -= len(looks)
		found, again, err := r.sort(ctx, looks)
		if err != nil {
			return err
		}
		waiting = append(waiting, r.withoutGhosts(ctx, ends, found)...)
		p.Walk.Holes = append(p.Walk.Holes, again...)
		if at.Line == p.Walk.Line && at.Block == p.Walk.Block && at.Index == p.Walk.Index {
			break // Nobody new.
		}
	}
	return r.callThese(ctx, waiting, windows, free)
}

// withoutGhosts are those of fans who are there. The others are marked, so that they can join again. Who is not sure is looked at again.
func (r *round) withoutGhosts(ctx context.Context, ends lines, waiting []look) []look {
	if r.sale.Heartbeat == 0 {
		return waiting
	}
	silent, since := r.now-r.sale.Heartbeat*1000-signsLate, r.now-r.sale.askedFor()*1000
	ghost := make([]bool, len(waiting))
	for i, look := range waiting {
		last := max(look.fan.Seen, look.fan.Joined)
		ghost[i] = last < silent && look.fan.Joined < since && r.progress.Asked.since(ends.ordinal(Place{look.Line, look.Place}), since)
	}
	marked := make([]bool, len(waiting))
	err := each(len(waiting), func(i int) (err error) {
		if ghost[i] {
			marked[i], err = r.Store.MarkGhost(ctx, waiting[i].fan)
		}
		return err
	})
	if err != nil {
		r.Log.WarnContext(ctx, "mark ghosts", "sale", r.sale.ID, "error", err)
	}
	var there []look
	for i, look := range waiting {
		switch {
		case !ghost[i]:
			there = append(there, look)
		case !marked[i]:
			r.progress.Walk.Holes = append(r.progress.Walk.Holes, look.hole)
		}
	}
	return there
}

// callThese writes down what it is about to do, and calls.
func (r *round) callThese(ctx context.Context, waiting []look, windows map[int]Window, free []int) error {
	p := r.progress
	slices.SortFunc(waiting, func(a, b look) int { return byPlace(a.hole, b.hole) })
	for _, look := range waiting {
		p.Walk.Holes = append(p.Walk.Holes, look.hole)
	}
	waiting = waiting[:min(len(waiting), len(free))]
	if r.sale.Rate > 0 {
		p.Tokens -= float64(len(waiting))
	}
	for _, number := range free[:len(waiting)] {
		p.Slots = max(p.Slots, number)
	}
	if err := r.save(ctx); err != nil {
		return err
	}
	results, failed := make([]Calling, len(waiting)), make([]bool, len(waiting))
	err := each(len(waiting), func(i int) error {
		if !r.leased() { // A keeper that was frozen must not go on where it was.
			return errLeaseLost
		}
		var err error
		results[i], err = r.Store.Call(ctx, waiting[i].fan, free[i], r.now, r.now+r.sale.ClaimTTL*1000)
		failed[i] = err != nil
		if former := windows[free[i]]; results[i] == Called && former.Fan != "" {
			if _, err := r.Store.MarkExpired(ctx, r.sale.ID, former, r.now); err != nil {
				r.Log.WarnContext(ctx, "mark an expired fan", "sale", r.sale.ID, "error", err) // The record's own time says so, too.
			}
		}
		return err
	})
	called := map[hole]bool{}
	for i, result := range results {
		switch {
		case result == Called:
			called[waiting[i].hole] = true
			p.moveFront(Place{waiting[i].Line, waiting[i].Place})
			windows[free[i]] = Window{Number: free[i], Fan: waiting[i].fan.ID, Place: Place{waiting[i].Line, waiting[i].Place}, Called: r.now, Until: r.now + r.sale.ClaimTTL*1000}
		case !failed[i] && r.sale.Rate > 0:
			p.Tokens++ // Surely not called.
		}
	}
	kept := p.Walk.Holes[:0:0]
	for _, hole := range p.Walk.Holes {
		if !called[hole] {
			kept = append(kept, hole)
		}
	}
	p.Walk.Holes = kept
	p.called(int64(len(called)), r.now)
	r.open += len(called)
	r.unsaved = len(called) > 0
	switch {
	case errors.Is(err, errLeaseLost):
		return errLeaseLost
	case err != nil:
		r.Log.WarnContext(ctx, "call", "sale", r.sale.ID, "error", err) // Who was not called is among the holes.
	case len(waiting) == 0:
		return nil
	}
	return r.Metrics.Emit(r.Clock.Now(), telemetry.Metric{Name: "Called", Unit: telemetry.Count, Value: float64(len(called))})
}

// save writes the progress where the one that was read stands.
func (r *round) save(ctx context.Context) error {
	if !r.leased() {
		return errLeaseLost
	}
	for id, block := range r.blocks {
		if block.Line == r.progress.Walk.Line && block.Number < r.progress.Walk.Block || block.Line == DrawLine && r.progress.Walk.Line == QueueLine {
			delete(r.blocks, id)
		}
	}
	r.progress.Version++
	written, err := r.Store.PutProgress(ctx, r.sale.ID, *r.progress)
	if err != nil {
		return err
	}
	if !written {
		return errOvertaken
	}
	r.unsaved = false
	return nil
}

// callProbes calls the probes that came, whatever the sale's state: they take no window and wait for nobody.
func (r *round) callProbes(ctx context.Context) error {
	if r.now < r.probed+probesEvery {
		return nil
	}
	r.probed = r.now
	p := r.progress
	if p.Probes.Line == "" {
		p.Probes = walk{Line: ProbeLine, Block: 1}
	}
	last, _, err := r.Store.Counter(ctx, r.sale.ID, ProbeLine)
	if err != nil {
		return err
	}
	if p.Probes.Block > last && len(p.Probes.Holes) == 0 {
		return nil
	}
	looks, err := r.next(ctx, &p.Probes, lines{last: last}, lookAtMost)
	if err != nil {
		return err
	}
	waiting, again, err := r.sort(ctx, looks)
	if err != nil {
		return err
	}
	p.Probes.Holes = append(p.Probes.Holes, again...)
	for _, look := range waiting {
		if _, err := r.Store.CallProbe(ctx, look.fan, r.now, r.now+r.sale.ClaimTTL*1000); err != nil {
			return err // Nothing is written down: all are looked at again.
		}
	}
	return r.save(ctx)
}

// Assignment is a message on the line queue: a fan whom the ticketing service is to assign a window.
type Assignment struct {
	Sale  string `json:"sale"`
	Fan   string `json:"fan"`
	Line  string `json:"line"`
	Place int64  `json:"place"`
}

// tell puts those who were called on the line queue, at least once each, where the ticketing service assigns the windows.
func (r *round) tell(ctx context.Context, windows map[int]Window) error {
	if r.Line == nil {
		return nil
	}
	var told []Window
	var bodies []string
	for number := 1; number <= max(r.progress.Slots, r.sale.Windows); number++ {
		window := windows[number]
		if window.free(r.now) || window.Told || window.Claimed != 0 {
			continue
		}
		body, err := json.Marshal(Assignment{r.sale.ID, window.Fan, window.Place.Line, window.Place.Place})
		if err != nil {
			return fmt.Errorf("encode an assignment: %w", err)
		}
		told, bodies = append(told, window), append(bodies, string(body))
	}
	if len(bodies) == 0 {
		return nil
	}
	if err := r.Line.SendBatch(ctx, bodies); err != nil {
		return err
	}
	return each(len(told), func(i int) error {
		_, err := r.Store.MarkTold(ctx, r.sale.ID, told[i])
		return err
	})
}

// near is how many places before the front fans are asked for a sign of life.
func (r *round) near() int64 {
	if r.sale.Heartbeat == 0 {
		return 0
	}
	p := r.progress
	pace := max(p.pace(paceOver, r.now), p.pace(paceNow, r.now))
	return max(int64(math.Ceil(pace*float64(r.sale.NearFor()))), int64(r.sale.Windows))
}
