package queue_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

var (
	discard = slog.New(slog.DiscardHandler)
	quiet   = telemetry.NewMetrics(io.Discard, telemetry.Source{})
)

// hand is a clock that is moved by hand.
type hand struct{ at atomic.Int64 }

func (h *hand) Now() time.Time { return time.UnixMilli(h.at.Load()) }

// After moves the clock: who waits is alone.
func (h *hand) After(d time.Duration) <-chan time.Time {
	done := make(chan time.Time, 1)
	done <- time.UnixMilli(h.at.Add(d.Milliseconds()))
	return done
}

func (h *hand) pass(d time.Duration) { h.at.Add(d.Milliseconds()) }

func handAt(at int64) *hand {
	h := &hand{}
	h.at.Store(at)
	return h
}

// putSale writes a sale's item as the provider does.
func (m *memory) putSale(s queue.Sale) {
	config, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	item := m.tables["sales"][s.ID]
	if item == nil {
		item = dynamodb.Item{queue.SalesKey: dynamodb.String(s.ID)}
	}
	item[queue.ConfigAttribute] = dynamodb.String(string(config))
	m.tables["sales"][s.ID] = item
}

var ids atomic.Int64

func placerOf(m *memory, clock *hand) *queue.Placer {
	return &queue.Placer{
		Sales: &queue.Sales{Store: m.store(), Clock: clock}, Store: m.store(), Clock: clock, Log: discard, Metrics: quiet,
		NewID: func() string { return strconv.FormatInt(ids.Add(1), 10) },
	}
}

// fanOf is a fan's id by a number.
func fanOf(n int) string { return queue.FanID("gig", strconv.Itoa(n)) }

func join(fan, attempt int) queue.Message {
	return queue.Message{Sale: "gig", Fan: fanOf(fan), Attempt: attempt}
}

func sqsMessage(id string, sent int64, message any) events.SQSMessage {
	body, ok := message.(string)
	if !ok {
		encoded, err := json.Marshal(message)
		if err != nil {
			panic(err)
		}
		body = string(encoded)
	}
	return events.SQSMessage{MessageId: id, Body: body, Attributes: map[string]string{"SentTimestamp": strconv.FormatInt(sent, 10)}}
}

// place handles one batch and returns the ids of those that must come again.
func place(t tester, p *queue.Placer, ctx context.Context, messages ...events.SQSMessage) map[string]bool {
	t.Helper()
	response, err := p.Handle(ctx, events.SQSEvent{Records: messages})
	if err != nil {
		t.Fatal(err)
	}
	failed := map[string]bool{}
	for _, failure := range response.BatchItemFailures {
		failed[failure.ItemIdentifier] = true
	}
	return failed
}

// places are the line and place of each fan's record, by id.
func (m *memory) places() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[string]string{}
	for key, item := range m.tables["fans"] {
		found[key] = item["line"].Text() + " " + strconv.FormatInt(item["place"].Int(), 10) + " " + strconv.FormatInt(item["attempt"].Int(), 10)
	}
	return found
}

func (m *memory) fan(t tester, n int) queue.Fan {
	t.Helper()
	found, err := m.store().ReadFans(context.Background(), "gig", []string{fanOf(n)}, true)
	if err != nil {
		t.Fatal(err)
	}
	return found[fanOf(n)]
}

func TestPlacerKeepsTheOrderOfABatch(t *testing.T) {
	m, clock := newMemory(), handAt(200_000)
	m.putSale(sale())
	p := placerOf(m, clock)
	failed := place(t, p, t.Context(),
		sqsMessage("c", 30, join(1, 0)), sqsMessage("b", 10, join(2, 0)), sqsMessage("a", 10, join(3, 0)),
		sqsMessage("d", 5, join(1, 0)), // The same fan, earlier.
		sqsMessage("x", 1, "junk"), sqsMessage("y", 1, queue.Message{Sale: "other", Fan: fanOf(1)}),
		sqsMessage("z", 40, queue.Message{Sale: "gig", Fan: fanOf(9), Probe: true}),
	)
	if want := map[string]bool{"x": true, "y": true}; !maps.Equal(failed, want) {
		t.Errorf("failed %v, want %v", failed, want)
	}
	for n, want := range map[int]queue.Place{1: {Line: "queue", Place: 1}, 3: {Line: "queue", Place: 2}, 2: {Line: "queue", Place: 3}, 9: {Line: "probe", Place: 1}} {
		if fan := m.fan(t, n); fan.Line != want.Line || fan.Place != want.Place || fan.Probe != (n == 9) {
			t.Errorf("fan %d: %+v, want %+v", n, fan, want)
		}
	}
	if fan := m.fan(t, 1); fan.Joined != 5 {
		t.Errorf("joined at %d", fan.Joined)
	}
	block := m.tables["line"]["gig/block/queue/1"]
	if got, want := block["fans"].Texts(), []string{fanOf(1), fanOf(3), fanOf(2)}; !slices.Equal(got, want) || block["first"].Int() != 1 || block["at"].Int() != 200_000 {
		t.Errorf("block %v", block)
	}
	// A redelivery takes no range.
	if failed := place(t, p, t.Context(), sqsMessage("b", 10, join(2, 0))); len(failed) != 0 || m.writes["line gig/counter/queue"] != 1 {
		t.Errorf("failed %v, %d ranges", failed, m.writes["line gig/counter/queue"])
	}
}

func TestPlacerTakesBackWhoIsOver(t *testing.T) {
	for name, c := range map[string]struct {
		record  dynamodb.Item
		attempt int
		again   bool
	}{
		"waits":                          {dynamodb.Item{}, 1, false},
		"called":                         {dynamodb.Item{"called": dynamodb.Number(1), "until": dynamodb.Number(200_000)}, 1, false},
		"ran out, and nobody said so":    {dynamodb.Item{"called": dynamodb.Number(1), "until": dynamodb.Number(199_999)}, 1, true},
		"ghost":                          {dynamodb.Item{"done": dynamodb.String("ghost")}, 1, true},
		"left":                           {dynamodb.Item{"done": dynamodb.String("left")}, 7, true},
		"expired, an old message":        {dynamodb.Item{"done": dynamodb.String("expired")}, 0, false},
		"purchased: one place each":      {dynamodb.Item{"done": dynamodb.String("purchased"), "until": dynamodb.Number(1)}, 1, false},
		"purchased, with a window's end": {dynamodb.Item{"done": dynamodb.String("purchased"), "called": dynamodb.Number(1), "until": dynamodb.Number(1)}, 1, false},
	} {
		m, clock := newMemory(), handAt(200_000)
		m.putSale(sale())
		p := placerOf(m, clock)
		place(t, p, t.Context(), sqsMessage("a", 1, join(1, 0)), sqsMessage("b", 2, join(2, 0)))
		maps.Copy(m.tables["fans"]["gig/"+fanOf(1)], c.record)
		if failed := place(t, p, t.Context(), sqsMessage("c", 3, join(1, c.attempt))); len(failed) != 0 {
			t.Errorf("%s: failed %v", name, failed)
		}
		want := int64(1)
		if c.again {
			want = 3
		}
		if fan := m.fan(t, 1); fan.Place != want || (c.again && (fan.Attempt != c.attempt || fan.Done != "" || fan.Called != 0)) {
			t.Errorf("%s: %+v, want place %d", name, fan, want)
		}
	}
}

func TestPlacerKeepsWhoComesBeforeTheDraw(t *testing.T) {
	m, clock := newMemory(), handAt(60_000)
	drawn := sale()
	drawn.DrawFrom = 50_000
	m.putSale(drawn)
	p := placerOf(m, clock)
	place(t, p, t.Context(), sqsMessage("a", 55_000, join(1, 0)), sqsMessage("b", 55_000, join(1, 0)), sqsMessage("c", 100_000, join(2, 0)))
	if fan := m.fan(t, 1); fan.Place != 0 {
		t.Errorf("before the draw: %+v", fan)
	}
	if fan := m.fan(t, 2); fan.Line != "queue" || fan.Place != 1 {
		t.Errorf("sent at the opening: %+v", fan)
	}
	var kept []string
	for id, item := range m.tables["line"] {
		if strings.HasPrefix(id, "gig/arrivals/") {
			kept = append(kept, item["fans"].Texts()...)
		}
	}
	if !slices.Equal(kept, []string{fanOf(1)}) {
		t.Errorf("kept %v", kept)
	}
	// After the list is closed they come to the end of the line.
	m.tables["line"]["gig/draw"] = dynamodb.Item{"id": dynamodb.String("gig/draw"), "stage": dynamodb.String("closed")}
	place(t, p, t.Context(), sqsMessage("d", 55_000, join(3, 0)))
	if fan := m.fan(t, 3); fan.Line != "queue" || fan.Place != 2 {
		t.Errorf("too late: %+v", fan)
	}
	// A block of the draw becomes records. Who joined anew since keeps that place; who came from another device meanwhile has the drawn one.
	place(t, p, t.Context(), sqsMessage("e", 101_000, join(4, 1)))
	m.tables["line"]["gig/block/draw/1"] = dynamodb.Item{"id": dynamodb.String("gig/block/draw/1"), "first": dynamodb.Number(1), "fans": dynamodb.Strings([]string{fanOf(1), fanOf(3), fanOf(4)})}
	for range 2 {
		failed := place(t, p, t.Context(), sqsMessage("f", 1, queue.Message{Sale: "gig", Block: 1}), sqsMessage("g", 1, queue.Message{Sale: "gig", Block: 2}))
		if !maps.Equal(failed, map[string]bool{"g": true}) {
			t.Errorf("failed %v", failed)
		}
	}
	for n, want := range map[int]queue.Place{1: {Line: "draw", Place: 1}, 3: {Line: "draw", Place: 2}, 4: {Line: "queue", Place: 3}} {
		if fan := m.fan(t, n); fan.Line != want.Line || fan.Place != want.Place {
			t.Errorf("fan %d: %+v, want %+v", n, fan, want)
		}
	}
}

// A table that is too busy for some of a batch takes them in a moment: they keep the places that they have. A batch that comes again minutes later has others.
func TestPlacerWaitsForATableThatIsTooBusy(t *testing.T) {
	m, clock := newMemory(), handAt(200_000)
	m.putSale(sale())
	first := func(n int) events.SQSMessage {
		message := sqsMessage(fmt.Sprintf("%03d", n), 100_000+int64(n), join(n, 0))
		message.Attributes["ApproximateReceiveCount"] = "1"
		return message
	}
	var messages []events.SQSMessage
	for n := range 100 {
		messages = append(messages, first(n))
	}
	m.leaves = func() bool { return clock.at.Load() < 203_000 }
	if failed := place(t, placerOf(m, clock), t.Context(), messages...); len(failed) != 0 {
		t.Errorf("%d failed", len(failed))
	}
	for n := range 100 {
		if fan := m.fan(t, n); fan.Place != int64(n)+1 {
			t.Fatalf("%+v, want place %d", fan, n+1)
		}
	}
	// Not for ever: the answer must come in time.
	m.leaves = func() bool { return true }
	messages = messages[:0]
	for n := range 50 {
		messages = append(messages, first(200+n))
	}
	began := clock.at.Load()
	if failed := place(t, placerOf(m, clock), t.Context(), messages...); len(failed) < 30 || clock.at.Load() > began+8000 {
		t.Errorf("%d failed, after %d ms", len(failed), clock.at.Load()-began)
	}
}

// Messages come in any order, many times, two of one fan, to placers that interleave, die at any call, are throttled, lose answers.
func TestPlacesAreForEver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, clock := newMemory(), handAt(200_000)
		m.putSale(sale())
		fans := rapid.IntRange(1, 30).Draw(t, "fans")
		waiting := map[string]events.SQSMessage{}
		for n := range fans {
			for copies := range rapid.IntRange(1, 2).Draw(t, "messages") {
				id := fmt.Sprintf("m%d.%d", n, copies)
				waiting[id] = sqsMessage(id, int64(rapid.IntRange(1, 20).Draw(t, "sent")), join(n, 0))
			}
		}
		faults := rapid.SampledFrom([]int{0, 10, 40}).Draw(t, "faults")
		luck := rapid.Uint64().Draw(t, "luck")
		chance := func(percent int) bool {
			luck = luck*6364136223846793005 + 1442695040888963407
			return int(luck>>33%100) < percent
		}
		m.faultOf = func(call) fault {
			if !chance(faults) {
				return fine
			}
			return fault(1 + luck>>40%2)
		}
		m.leaves = func() bool { return chance(faults / 4) }
		m.lags = m.leaves
		stood := map[string]string{}
		check := func() {
			now := m.places()
			for key, was := range stood {
				if now[key] != was {
					t.Fatalf("%s had %s, and has %s", key, was, now[key])
				}
			}
			stood = now
		}
		var deliver func(depth int)
		deliver = func(depth int) {
			batch := rapid.SliceOfNDistinct(rapid.SampledFrom(slices.Sorted(maps.Keys(waiting))), 1, min(10, len(waiting)), rapid.ID).Draw(t, "batch")
			messages := make([]events.SQSMessage, len(batch))
			for i, id := range batch {
				messages[i] = waiting[id]
			}
			life := &life{dies: rapid.IntRange(0, 8).Draw(t, "dies"), lost: rapid.Bool().Draw(t, "lost")}
			if depth > 0 {
				life.at, life.then = rapid.IntRange(1, 6).Draw(t, "meanwhile"), func() { deliver(depth - 1) }
			}
			failed := place(t, placerOf(m, clock), life.of(context.Background()), messages...)
			check()
			// A dead process answers nothing: all come again. Some come again though they were answered.
			for _, id := range batch {
				if !life.dead && !failed[id] && !chance(20) {
					delete(waiting, id)
				}
			}
		}
		for round := 0; len(waiting) > 0 && round < 25; round++ {
			deliver(rapid.IntRange(0, 2).Draw(t, "depth"))
			if len(waiting) == 0 {
				break
			}
		}
		faults = 0
		for len(waiting) > 0 {
			id := slices.Sorted(maps.Keys(waiting))[0]
			if failed := place(t, placerOf(m, clock), context.Background(), waiting[id]); len(failed) > 0 {
				t.Fatalf("failed without a fault")
			}
			delete(waiting, id)
			check()
		}
		checkPlaces(t, m, fans)
	})
}

// checkPlaces proves that so many fans have a place each, of which a block tells, within which they are by when they were sent.
func checkPlaces(t tester, m *memory, fans int) {
	t.Helper()
	if len(m.tables["fans"]) != fans {
		t.Fatalf("%d of %d fans have a record", len(m.tables["fans"]), fans)
	}
	of := map[string]string{} // Fan by place.
	for key, place := range m.places() {
		if other, taken := of[place]; taken {
			t.Fatalf("%s and %s have place %s", key, other, place)
		}
		of[place] = key
	}
	found := 0
	for id, block := range m.tables["line"] {
		if !strings.Contains(id, "/block/") {
			continue
		}
		last := int64(0)
		for i, fan := range block["fans"].Texts() {
			record := m.tables["fans"]["gig/"+fan]
			if record["place"].Int() != block["first"].Int()+int64(i) || record["line"].Text() != strings.Split(id, "/")[2] {
				continue
			}
			found++
			if joined := record["joined"].Int(); joined < last {
				t.Fatalf("within %s, %d comes after %d", id, joined, last)
			} else {
				last = joined
			}
		}
	}
	if found != fans {
		t.Fatalf("blocks tell of %d of %d fans", found, fans)
	}
}
