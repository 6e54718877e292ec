package votingwindow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// pagedTable is a table of which only scans are asked: each segment has so many pages of two items.
type pagedTable struct {
	votingwindow.DynamoDB
	pages []int // By segment.
	fails int   // The segment whose second page fails, from one; zero for none.

	mu    sync.Mutex
	calls int
}

func (p *pagedTable) ScanInto(ctx context.Context, input *dynamodb.Scan, items any) (dynamodb.Item, error) {
	return scannedInto(p.Scan, ctx, input, items)
}

func (p *pagedTable) Scan(ctx context.Context, input *dynamodb.Scan) (dynamodb.Page, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if !input.ConsistentRead || input.Limit != 1000 || input.TotalSegments != len(p.pages) || input.TableName != "ballots" {
		return dynamodb.Page{}, fmt.Errorf("asked for %+v", input)
	}
	segment, page := *input.Segment, 0
	if input.ExclusiveStartKey != nil {
		page, _ = strconv.Atoi(input.ExclusiveStartKey["page"].Text())
	}
	if p.fails == segment+1 && page == 1 {
		return dynamodb.Page{}, errors.New("throttled")
	}
	if p.pages[segment] == 0 {
		return dynamodb.Page{}, ctx.Err()
	}
	var found dynamodb.Page
	for i := range 2 {
		found.Items = append(found.Items, dynamodb.Item{
			votingwindow.BallotsKey: dynamodb.String(fmt.Sprintf("s%d-p%d-%d/vote", segment, page, i)),
		})
	}
	if page+1 < p.pages[segment] {
		found.LastEvaluatedKey = dynamodb.Item{"page": dynamodb.String(strconv.Itoa(page + 1))}
	}
	return found, ctx.Err()
}

func TestBallotsInOrder(t *testing.T) {
	pages := []int{3, 0, 1, 2, 1, 1, 1, 4}
	var want []string
	for page := range 4 {
		for segment, have := range pages {
			for i := range 2 {
				if page < have {
					want = append(want, fmt.Sprintf("s%d-p%d-%d/vote", segment, page, i))
				}
			}
		}
	}
	for range 20 {
		store := &votingwindow.Store{Client: &pagedTable{pages: pages}, Ballots: "ballots"}
		var got []string
		err := store.BallotsInOrder(t.Context(), func(ballot votingwindow.Ballot) error {
			got = append(got, ballot.Key)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got  %q\nwant %q", got, want)
		}
	}
}

func TestBallotsInOrderFaults(t *testing.T) {
	full := errors.New("the disk is full")
	for name, c := range map[string]struct {
		fails int
		visit func(cancel context.CancelFunc) error
		want  string
	}{
		"a page fails":      {4, func(context.CancelFunc) error { return nil }, "scan ballots: throttled"},
		"the visit fails":   {0, func(context.CancelFunc) error { return full }, "the disk is full"},
		"the context ended": {0, func(cancel context.CancelFunc) error { cancel(); return nil }, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			table := &pagedTable{pages: []int{2, 2, 2, 2, 2, 2, 2, 2}, fails: c.fails}
			store := &votingwindow.Store{Client: table, Ballots: "ballots"}
			err := store.BallotsInOrder(ctx, func(votingwindow.Ballot) error { return c.visit(cancel) })
			if err == nil || !strings.HasPrefix(err.Error(), c.want) && !strings.HasSuffix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			table.mu.Lock()
			defer table.mu.Unlock()
			if table.calls > 24 {
				t.Errorf("%d calls", table.calls)
			}
		})
	}
}
