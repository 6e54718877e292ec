package status_test

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/status"
)

// table is DynamoDB as far as a board writes to it. It takes only so many items of a call where it throttles.
type table struct {
	mu     sync.Mutex
	items  map[string]string
	calls  int
	taken  func(call, asked int) int
	failed error
}

func (d *table) BatchPutItem(_ context.Context, name string, items []dynamodb.Item) ([]dynamodb.Item, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	if d.failed != nil {
		return nil, d.failed
	}
	if n := len(items); n == 0 || n > 25 {
		return nil, errors.New("ValidationException: " + strconv.Itoa(n) + " items in a batch")
	}
	taken := len(items)
	if d.taken != nil {
		taken = d.taken(d.calls, taken)
	}
	for _, item := range items[:taken] {
		d.items[name+"/"+item["shard"].Text()] = item["s"].Text()
	}
	return items[taken:], nil
}

// TestWriteOf: a table may have several texts, each of which is shown in shards of its own.
func TestWriteOf(t *testing.T) {
	d := &table{items: map[string]string{}}
	b := &status.Board{Client: d, Table: "arena-status", Shards: 2}
	for _, err := range []error{b.WriteOf(t.Context(), "early", "1 scheduled"), b.WriteOf(t.Context(), "late", "2 open"), b.Write(t.Context(), "all")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{
		"arena-status/early/0": "1 scheduled", "arena-status/early/1": "1 scheduled", "arena-status/late/0": "2 open", "arena-status/late/1": "2 open",
		"arena-status/0": "all", "arena-status/1": "all",
	}
	if !maps.Equal(d.items, want) {
		t.Errorf("the table has %v", d.items)
	}
}

func TestWrite(t *testing.T) {
	for name, c := range map[string]struct {
		shards int
		taken  func(call, asked int) int
		failed error
		calls  int
		says   string
	}{
		"one shard":         {shards: 1, calls: 1},
		"a full batch":      {shards: 25, calls: 1},
		"one more":          {shards: 26, calls: 2},
		"a hundred":         {shards: 100, calls: 4},
		"throttled at once": {shards: 25, taken: func(call, asked int) int { return asked * min(call, 2) / 2 }, calls: 2},
		"throttled to the end": {shards: 25, taken: func(int, int) int { return 1 }, calls: 5,
			says: "write status into tv-status: 20 items were not taken in 5 attempts"},
		"refused": {shards: 50, failed: errors.New("AccessDenied"), calls: 2, says: "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &table{items: map[string]string{}, taken: c.taken, failed: c.failed}
				board := status.Board{Client: d, Table: "tv-status", Shards: c.shards}
				err := board.Write(t.Context(), "5 open")
				if d.calls != c.calls {
					t.Errorf("%d calls, should be %d", d.calls, c.calls)
				}
				if c.says != "" {
					if err == nil || !strings.Contains(err.Error(), c.says) {
						t.Errorf("got %v, should say %q", err, c.says)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if len(d.items) != c.shards {
					t.Errorf("%d items, should be %d", len(d.items), c.shards)
				}
				for shard := range c.shards {
					if got := d.items["tv-status/"+strconv.Itoa(shard)]; got != "5 open" {
						t.Errorf("shard %d says %q", shard, got)
					}
				}
			})
		})
	}
}

// TestWriteEndsWithItsContext: a publisher whose lease is over waits for no table.
func TestWriteEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := &table{items: map[string]string{}, taken: func(int, int) int { cancel(); return 0 }}
	board := status.Board{Client: d, Table: "tv-status", Shards: 25}
	if err := board.Write(ctx, "5 open"); !errors.Is(err, context.Canceled) || d.calls != 1 {
		t.Errorf("%v after %d calls", err, d.calls)
	}
}
