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

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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

func (p *pagedTable) Scan(ctx context.Context, input *dynamodb.ScanInput, _ ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if !*input.ConsistentRead || *input.Limit != 1000 || int(*input.TotalSegments) != len(p.pages) || *input.TableName != "ballots" {
		return nil, fmt.Errorf("asked for %+v", input)
	}
	segment, page := int(*input.Segment), 0
	if input.ExclusiveStartKey != nil {
		page, _ = strconv.Atoi(input.ExclusiveStartKey["page"].(*types.AttributeValueMemberS).Value)
	}
	if p.fails == segment+1 && page == 1 {
		return nil, errors.New("throttled")
	}
	if p.pages[segment] == 0 {
		return &dynamodb.ScanOutput{}, ctx.Err()
	}
	found := &dynamodb.ScanOutput{}
	for i := range 2 {
		found.Items = append(found.Items, map[string]types.AttributeValue{
			"voter":  &types.AttributeValueMemberS{Value: fmt.Sprintf("s%d-p%d-%d/vote", segment, page, i)},
			"answer": &types.AttributeValueMemberS{Value: "vote/anna"},
		})
	}
	if page+1 < p.pages[segment] {
		found.LastEvaluatedKey = map[string]types.AttributeValue{"page": &types.AttributeValueMemberS{Value: strconv.Itoa(page + 1)}}
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
