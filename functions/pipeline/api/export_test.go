package api

import "github.com/graph-gophers/graphql-go/ast"

// What the tests of the limits reach.
var Calls = calls

const (
	MaxCalls    = maxCalls
	PageDefault = pageDefault
)

// CostOf is what a query without variables costs, at most one more than the limit's.
func CostOf(schema *ast.Schema, query string) int {
	c, err := counted(schema, body{Query: query})
	if err != nil {
		return MaxCost
	}
	return c.cost
}
