package queue

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

const (
	// lateMargin is added to the placer's time-out, for clocks that differ and calls that are on their way: what a placer has not written by then it never
	// will.
	lateMargin = 10 * time.Second
	// lookAtMost bounds how many entries one round looks at, so that a row of a hundred thousand ghosts does not make one round last for minutes.
	lookAtMost = 2000
	// holesAtMost bounds what is to be looked at again, and by that the item that says so: DynamoDB takes 400 KB. Beyond it no new entries are looked at until some
	// of the old ones turned up or are gaps, which takes no longer than a placer may.
	holesAtMost = 1000
	// callAtMost bounds how many fans one round calls, and by that the size of what is written down before.
	callAtMost = 500
	// blocksAtOnce is how many blocks are read at once, and blocksAfar where none of these is there.
	blocksAtOnce = 20
	blocksAfar   = 1000
)

// look is one entry of a block, and the fan who waits there.
type look struct {
	hole
	fan Fan
}

// lines says where the lines of a sale end.
type lines struct {
	drawn      int64 // Places of the draw; 0 where there is none.
	drawBlocks int64
	last       int64 // The last block of the walk's own line.
	place      int64 // Its last place.
}

// ordinal counts the places of all lines as one row.
func (l lines) ordinal(at Place) int64 {
	if at.Line == DrawLine {
		return at.Place
	}
	return l.drawn + at.Place
}

// next collects entries to look at: all holes, and then, as the cursor goes on, up to so many new ones. The cursor goes past a block that is missing as soon as a
// later one is there: nobody is waited for.
func (r *round) next(ctx context.Context, w *walk, ends lines, n int) ([]hole, error) {
	looks, err := r.fillHoles(ctx, w)
	if err != nil {
		return nil, err
	}
	for n > 0 && len(w.Holes) < holesAtMost {
		if w.Line == DrawLine && w.Block > ends.drawBlocks {
			w.Line, w.Block, w.Index, w.Place = QueueLine, 1, 0, 0
		}
		last := ends.last
		if w.Line == DrawLine {
			last = ends.drawBlocks
		}
		if w.Block > last {
			break
		}
		block, err := r.nextBlock(ctx, w, last)
		if err != nil {
			return nil, err
		}
		if block == nil { // Nobody is behind what is missing.
			break
		}
		take := min(n, len(block.Fans)-w.Index)
		looks = append(looks, block.looks(w.Index, w.Index+take)...)
		n -= take
		w.Index += take
		w.Place = block.First + int64(w.Index) - 1
		if w.Index >= len(block.Fans) {
			w.Block, w.Index = w.Block+1, 0
		}
	}
	return looks, nil
}

// looks are entries of a block.
func (b Block) looks(from, to int) []hole {
	looks := make([]hole, 0, to-from)
	for i := from; i < to; i++ {
		looks = append(looks, hole{Line: b.Line, Place: b.First + int64(i), Fan: b.Fans[i], At: b.At})
	}
	return looks
}

// fillHoles returns the entries among the holes, and those of missing blocks that turned up, but no more than there is room for: of a table that stood still, a hundred
// blocks may turn up at once. It leaves in the walk the blocks that may still turn up, or have to wait for that room.
func (r *round) fillHoles(ctx context.Context, w *walk) ([]hole, error) {
	var looks, missing []hole
	numbers := map[string][]int64{}
	for _, hole := range w.Holes {
		if hole.Block == 0 {
			looks = append(looks, hole)
			continue
		}
		missing = append(missing, hole)
		numbers[hole.Line] = append(numbers[hole.Line], hole.Block)
	}
	w.Holes = nil
	for line, wanted := range numbers {
		blocks, err := r.Store.ReadBlocks(ctx, r.sale.ID, line, wanted)
		if err != nil {
			return nil, err
		}
		for _, hole := range missing {
			if hole.Line != line {
				continue
			}
			switch block, found := blocks[hole.Block]; {
			case found && len(looks) < holesAtMost:
				looks = append(looks, block.looks(0, len(block.Fans))...)
			case found || !r.tooLate(hole.At):
				w.Holes = append(w.Holes, hole)
			}
		}
	}
	slices.SortFunc(looks, byPlace)
	return looks, nil
}

func byPlace(a, b hole) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Place, b.Place)) // "draw" is before "queue".
}

// tooLate says whether a placer that took places at a time can no longer write.
func (r *round) tooLate(at int64) bool {
	return r.now > at+(r.PlacerTimeout+lateMargin).Milliseconds()
}

// nextBlock returns the cursor's block. Where it is missing and a later one is there, however far, the cursor goes there, and the missing ones are holes: the last of
// them, since no more placers than that are at work at a time. It returns nil where none is there.
func (r *round) nextBlock(ctx context.Context, w *walk, last int64) (*Block, error) {
	for from, n := w.Block, int64(blocksAtOnce); from <= last; from, n = from+n, blocksAfar {
		var numbers []int64
		for number := from; number < from+n && number <= last; number++ {
			if _, known := r.blocks[blockID("", w.Line, number)]; !known {
				numbers = append(numbers, number)
			}
		}
		if len(numbers) > 0 {
			read, err := r.Store.ReadBlocks(ctx, r.sale.ID, w.Line, numbers)
			if err != nil {
				return nil, err
			}
			for number, block := range read {
				r.blocks[blockID("", w.Line, number)] = block
			}
		}
		for number := from; number < from+n && number <= last; number++ {
			block, found := r.blocks[blockID("", w.Line, number)]
			if !found {
				continue
			}
			for ; w.Block < number; w.Block++ {
				if w.Index == 0 && number-w.Block <= holesAtMost { // A block that was begun was there.
					w.Holes = append(w.Holes, hole{Line: w.Line, Block: w.Block, At: block.At})
				}
				w.Index = 0
			}
			return &block, nil
		}
	}
	return nil, nil //nolint:nilnil // None is no fault.
}

// sort reads who stands at entries. It returns those who are to be called, in their order, and those that are to be looked at again. The rest are settled
// for ever: gaps, and fans who wait no longer.
func (r *round) sort(ctx context.Context, looks []hole) (waiting []look, again []hole, err error) {
	ids := make([]string, 0, len(looks))
	seen := map[string]bool{}
	for _, hole := range looks {
		if !seen[hole.Fan] {
			ids = append(ids, hole.Fan)
		}
		seen[hole.Fan] = true
	}
	fans, err := r.Store.ReadFans(ctx, r.sale.ID, ids, true)
	if err != nil {
		return nil, nil, err
	}
	var drawn []hole
	moves := map[string]bool{}
	for _, hole := range looks {
		fan, found := fans[hole.Fan]
		switch {
		case hole.Line == DrawLine && (!found || fan.Line == QueueLine && fan.Attempt == 0 && fan.waiting()):
			drawn = append(drawn, hole)
			moves[hole.Fan] = true
		case moves[hole.Fan]: // The draw comes before the queue.
		case !found && r.tooLate(hole.At):
		case !found:
			again = append(again, hole)
		case fan.Line == hole.Line && fan.Place == hole.Place && fan.waiting():
			waiting = append(waiting, look{hole, fan})
		case fan.Line == hole.Line && fan.Place == hole.Place && fan.Called != 0:
			r.progress.moveFront(Place{hole.Line, hole.Place}) // By a keeper that did not come to say so.
		}
	}
	// The draw decided on their places: what a placer has not come to yet is done here.
	if len(drawn) > 0 {
		records := make([]Fan, len(drawn))
		for i, hole := range drawn {
			records[i] = Fan{Sale: r.sale.ID, ID: hole.Fan, Line: hole.Line, Place: hole.Place, Joined: hole.At, Expires: r.expires(hole.At)}
		}
		done, err := r.Store.InsertFans(ctx, records)
		moved := make([]bool, len(done))
		err = errors.Join(err, each(len(done), func(i int) (err error) {
			if done[i] == dynamodb.Taken {
				moved[i], err = r.Store.MoveToDrawn(ctx, records[i])
			}
			return err
		}))
		if err != nil {
			r.Log.WarnContext(ctx, "make records of the draw", "sale", r.sale.ID, "error", err)
		}
		for i, insertion := range done {
			if insertion == dynamodb.Inserted || moved[i] {
				waiting = append(waiting, look{drawn[i], records[i]})
			} else {
				again = append(again, drawn[i])
			}
		}
	}
	slices.SortFunc(waiting, func(a, b look) int { return byPlace(a.hole, b.hole) })
	return waiting, again, nil
}
