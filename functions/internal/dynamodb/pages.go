package dynamodb

import (
	"context"
	"iter"
)

// Items are the items of all pages of a scan or a query, which read reads: Client.Scan or Client.Query. It reads a page once the items of the one
// before it are taken. An error ends it.
func Items[Request interface{ startAt(key Item) }](ctx context.Context, read func(context.Context, Request) (Page, error), request Request) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for {
			page, err := read(ctx, request)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if len(page.LastEvaluatedKey) == 0 {
				return
			}
			request.startAt(page.LastEvaluatedKey)
		}
	}
}

func (s *Scan) startAt(key Item)  { s.ExclusiveStartKey = key }
func (q *Query) startAt(key Item) { q.ExclusiveStartKey = key }
