package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

// take takes places for a hundred fans, as a placer does that then is slow or dies.
func (w *world) take(t tester, from int) queue.Block {
	t.Helper()
	number, first, err := w.store().TakeRange(t.Context(), "gig", "queue", 100)
	if err != nil {
		t.Fatal(err)
	}
	block := queue.Block{Sale: "gig", Line: "queue", Number: number, First: first, Fans: make([]string, 100), At: w.clock.at.Load()}
	for i := range block.Fans {
		block.Fans[i] = fanOf(from + i)
	}
	return block
}

// A table that stands still for a moment holds up all placers at once, and then takes all that they have. What keepers write down of it has room in an item.
func TestBlocksThatTurnUpAllAtOnceAreCalledInTheirOrder(t *testing.T) {
	const slow = 80
	w := newWorld(200_000, sale())
	k := w.keeper("a")
	blocks := make([]queue.Block, slow)
	for i := range blocks {
		blocks[i] = w.take(t, 1000+100*i)
	}
	w.mustPlace(t, 0, 1, 2, 3, 4)
	w.mustLead(t, k)
	if got := w.calledPlaces(); got != "[8001 8002 8003]" {
		t.Errorf("called %s", got)
	}
	for _, block := range blocks {
		fans := make([]queue.Fan, len(block.Fans))
		for i, id := range block.Fans {
			fans[i] = queue.Fan{Sale: "gig", ID: id, Line: "queue", Place: block.First + int64(i), Joined: block.At}
		}
		_, err := w.store().InsertFans(t.Context(), fans)
		if err := errors.Join(w.store().PutBlock(t.Context(), block), err); err != nil {
			t.Fatal(err)
		}
	}
	many := sale()
	many.Windows = 1000
	w.putSale(many)
	w.clock.pass(3 * time.Second)
	for range 3 {
		w.mustLead(t, k)
		w.mustKeepProgressBelow(t, 200_000)
		w.clock.pass(time.Second)
	}
	called := map[int64]bool{}
	for _, fan := range w.called() {
		called[fan.Place] = true
	}
	for place := range int64(997) {
		if !called[place+1] {
			t.Fatalf("of %d who were called none is %d", len(called), place+1)
		}
	}
}

// Placers that take places and can write none of them down, until somebody has repaired it, leave as many gaps as they were called.
func TestThousandsOfMissingBlocksHoldNobodyUpForLong(t *testing.T) {
	w := newWorld(200_000, sale())
	k := w.keeper("a")
	w.mustPlace(t, 0, 1)
	w.mustLead(t, k)
	for range 5000 {
		w.take(t, 1000)
	}
	w.mustPlace(t, 0, 2, 3)
	for range 40 {
		w.mustLead(t, k)
		w.mustKeepProgressBelow(t, 200_000)
		w.clock.pass(time.Second)
	}
	if fan := w.fan(t, 2); fan.Called == 0 || fan.Called > 205_000 {
		t.Errorf("%+v", fan)
	}
	w.mustPlace(t, 0, 4)
	w.mustLead(t, k)
	if s := w.status(t); s.Waiting != 1 || s.Ahead(queue.Place{Line: "queue", Place: 500_004}) != 0 {
		t.Errorf("%+v", s)
	}
}

// mustKeepProgressBelow bounds the bytes of what the keepers remember.
func (w *world) mustKeepProgressBelow(t tester, most int) {
	t.Helper()
	progress, err := w.memory.store().ReadProgress(context.Background(), "gig")
	if text, _ := json.Marshal(progress); err != nil || len(text) > most {
		t.Fatalf("the progress has %d bytes, more than %d: %.1000s %v", len(text), most, text, err)
	}
}
