package votingwindow

import (
	"context"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// pageLimit is how many items a page of a scan has at most, so that what scanSegments pages hold in memory stays near ten
// megabytes. A page of so many ballots is billed as if it had all of them in one, to a hundredth.
const pageLimit = 1000

// page is a part of a segment, or the fault that ended it.
type page struct {
	items []item
	err   error
}

// each visits every item of a table, strongly consistent. Segments are read in parallel, a page ahead of the visits, and visited in
// turn page by page, so that the order is the same as long as the table is.
func (s *Store) each(ctx context.Context, table string, visit func(item) error) error {
	reading, cancel := context.WithCancel(ctx)
	segments := make([]chan page, scanSegments)
	for i := range segments {
		segments[i] = make(chan page)
		go s.readSegment(reading, table, i, segments[i])
	}
	defer func() {
		cancel()
		for _, segment := range segments { // An invocation leaves no goroutine behind: Lambda would freeze it in mid-call.
			for range segment { //nolint:revive // Until it is closed.
			}
		}
	}()
	for open := segments; len(open) > 0; {
		var more []chan page
		for _, segment := range open {
			next, ok := <-segment
			if !ok {
				continue
			}
			if next.err != nil {
				return next.err
			}
			for _, found := range next.items {
				if err := visit(found); err != nil {
					return err
				}
			}
			more = append(more, segment)
		}
		open = more
	}
	return ctx.Err() // A segment that was given up looks like one that is at its end.
}

// readSegment sends the pages of one segment until its end, a fault or the end of the context, and closes the channel.
func (s *Store) readSegment(ctx context.Context, table string, segment int, pages chan<- page) {
	defer close(pages)
	input := &dynamodb.Scan{
		TableName: table, ConsistentRead: true, Limit: pageLimit, Segment: &segment, TotalSegments: scanSegments,
	}
	for {
		var items []item
		after, err := patient{s.Client}.ScanInto(ctx, input, &items)
		next := page{items: items, err: wrap(err, "scan %s", table)}
		select {
		case pages <- next:
		case <-ctx.Done():
			return
		}
		if err != nil || len(after) == 0 {
			return
		}
		input.ExclusiveStartKey = after
	}
}
