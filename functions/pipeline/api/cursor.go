package api

import (
	"encoding/base64"
	"encoding/json"
)

const (
	// PageMost is how many nodes a page may have.
	PageMost = 100
	// maxCursorBytes is more than any has: keys of DynamoDB that are in them have 200 bytes at most.
	maxCursorBytes = 1024
)

// PageInfo is the schema's.
type PageInfo struct {
	HasNextPage bool
	EndCursor   *string
}

// pageOf is the page's end; next is where the next one begins, nil after the last.
func pageOf[T any](next *T) PageInfo {
	if next == nil {
		return PageInfo{}
	}
	text, err := json.Marshal(next)
	if err != nil { // Not of the types of this package.
		panic(err)
	}
	cursor := base64.RawURLEncoding.EncodeToString(text)
	return PageInfo{true, &cursor}
}

// paging is what all pages take. Arguments have no defaults in the schema: where a variable without a value is given for one, the library would take it for null.
type paging struct {
	First *int32
	After *string
}

// read returns how many nodes are asked for, and where the page begins; nil at the beginning. A cursor has texts and numbers alone, so that one which somebody made up
// leads to another page and no further.
func readPaging[T any](asked paging) (first int, after *T, err error) {
	first = pageDefault
	if asked.First != nil {
		first = int(*asked.First)
	}
	if first < 1 || first > PageMost {
		return 0, nil, fail(BadInput, "first is 1 to %d.", PageMost)
	}
	if asked.After == nil {
		return first, nil, nil
	}
	var text []byte
	if len(*asked.After) <= maxCursorBytes {
		text, err = base64.RawURLEncoding.DecodeString(*asked.After)
	}
	after = new(T)
	if err != nil || json.Unmarshal(text, after) != nil {
		return 0, nil, errCursor()
	}
	return first, after, nil
}

func errCursor() error {
	return fail(BadInput, "after is no endCursor of these pages. Begin with the first page, without after.")
}
