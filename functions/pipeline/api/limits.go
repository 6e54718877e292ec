package api

import (
	"math"
	"strconv"

	"github.com/graph-gophers/graphql-go/ast"
	queryast "github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

const (
	// MaxBodyBytes bounds a request's body, and MaxQueryBytes its query.
	MaxBodyBytes  = 32 << 10
	MaxQueryBytes = 8 << 10
	// MaxDepth is how deep fields may be nested; those of the schema itself, which tools nest deeper, maxSchemaDepth.
	MaxDepth       = 8
	maxSchemaDepth = 16
	// MaxCost bounds what an operation costs: 1 for each field and each use of a fragment, times the nodes of the pages it is on, and callCost for each call of AWS that
	// a field may make.
	MaxCost  = 5000
	callCost = 50
	// maxCalls is how many calls of AWS a request makes at most; that for the manifest, which fields share, comes to it.
	maxCalls = MaxCost/callCost + 1
	// pageDefault is how many nodes a page has where nobody says.
	pageDefault = 20
	// maxTokens bounds the query's parser. A token has one byte at least.
	maxTokens = MaxQueryBytes
)

// calls are how many calls of AWS fields make at most. The manifest is read once for a request, so that the segment of a booking costs none.
var calls = map[string]int{
	"Query.manifest": 1, "Query.segments": 1, "Query.segment": 1, "Query.runs": 1 + pipelineReads, "Query.run": 1, "Query.bookings": 10, "Query.booking": 1,
	"Manifest.run": 1, "Segment.run": 1, "Segment.madeAt": 1, "Segment.metrics": 1, "Run.failures": failuresCalls,
	"Mutation.createBooking": 4, "Mutation.cancelBooking": 6, "Mutation.retryBooking": 6, "Mutation.replayRun": 2,
}

// counter counts what an operation costs.
type counter struct {
	types     map[string]ast.NamedType
	fragments queryast.FragmentDefinitionList
	operation *queryast.OperationDefinition
	variables map[string]any
	cost      int
	schema    bool // The operation asks for the schema.
}

// judge says why a query is not to be executed; nil where it is. What is wrong with it otherwise is the library's to say.
func judge(schema *ast.Schema, request body, introspection bool) error {
	if len(request.Query) > MaxQueryBytes {
		return fail(Limit, "The query has %d bytes, of at most %d. Ask for less at once.", len(request.Query), MaxQueryBytes)
	}
	c, err := counted(schema, request)
	if err == nil && c.schema && !introspection {
		err = fail(BadInput, "The schema cannot be asked for here. It is in the documentation.")
	}
	return err
}

// counted is a query that is within the limits, with what it costs.
func counted(schema *ast.Schema, request body) (*counter, error) {
	document, err := parser.ParseQueryWithTokenLimit(&queryast.Source{Input: request.Query}, maxTokens)
	if err != nil {
		return nil, fail(BadInput, "The query is not GraphQL: %s.", err.Error())
	}
	if len(document.Operations) != 1 {
		return nil, fail(Limit, "The query has %d operations. Send one at a time.", len(document.Operations))
	}
	operation := document.Operations[0]
	root := map[queryast.Operation]string{queryast.Query: "Query", queryast.Mutation: "Mutation"}[operation.Operation]
	if root == "" {
		return nil, fail(BadInput, "There are no subscriptions. Ask again after a while instead.")
	}
	c := &counter{types: schema.Types, fragments: document.Fragments, operation: operation, variables: request.Variables}
	return c, c.count(root, operation.SelectionSet, place{depth: 1, times: 1, page: 1, most: MaxDepth})
}

// place is where selections are.
type place struct {
	depth, most int
	times       int // How often they are answered.
	page        int // How many nodes a list of theirs has.
}

func (c *counter) count(of string, selections queryast.SelectionSet, at place) error {
	for _, selection := range selections {
		if err := c.add(at.times); err != nil {
			return err
		}
		var err error
		switch selection := selection.(type) {
		case *queryast.Field:
			err = c.field(of, selection, at)
		case *queryast.InlineFragment:
			err = c.count(of, selection.SelectionSet, at)
		case *queryast.FragmentSpread:
			if fragment := c.fragments.ForName(selection.Name); fragment != nil {
				err = c.count(of, fragment.SelectionSet, at)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *counter) field(of string, field *queryast.Field, at place) error {
	if at.depth > at.most {
		return fail(Limit, "The query is nested deeper than %d fields. Ask for less at once.", at.most)
	}
	below := place{depth: at.depth + 1, most: at.most, times: at.times, page: 1}
	if field.Name == "__schema" || field.Name == "__type" {
		c.schema, below.most = true, maxSchemaDepth
		return c.count("", field.SelectionSet, below)
	}
	object, _ := c.types[of].(*ast.ObjectTypeDefinition)
	if object == nil { // The schema's own, or none.
		return c.count("", field.SelectionSet, below)
	}
	definition := object.Fields.Get(field.Name)
	if definition == nil {
		return c.count("", field.SelectionSet, below)
	}
	if err := c.add(at.times * calls[of+"."+field.Name] * callCost); err != nil {
		return err
	}
	named, isList := unwrap(definition.Type)
	if isList {
		below.times *= at.page
	}
	if definition.Arguments.Get("first") != nil {
		below.page = c.first(field)
	}
	return c.count(named, field.SelectionSet, below)
}

func (c *counter) add(cost int) error {
	if c.cost += cost; c.cost > MaxCost {
		return fail(Limit, "The query costs more than %d. Ask for smaller pages, or for fewer fields at once.", MaxCost)
	}
	return nil
}

// first is how many nodes a field's page has at most: what it asks for, or the most where that is no number of a page, which is refused later.
func (c *counter) first(field *queryast.Field) int {
	argument := field.Arguments.ForName("first")
	if argument == nil {
		return pageDefault
	}
	value := any(argument.Value)
	if argument.Value.Kind == queryast.Variable {
		given, has := c.variables[argument.Value.Raw]
		definition := c.operation.VariableDefinitions.ForName(argument.Value.Raw)
		switch {
		case has:
			value = given
		case definition != nil && definition.DefaultValue != nil:
			value = definition.DefaultValue
		default:
			return pageDefault
		}
	}
	number := math.NaN()
	switch value := value.(type) {
	case nil:
		return pageDefault
	case float64:
		number = value
	case *queryast.Value:
		if value.Kind == queryast.NullValue {
			return pageDefault
		}
		if parsed, err := strconv.ParseFloat(value.Raw, 64); err == nil {
			number = parsed
		}
	}
	if number >= 1 && number <= PageMost {
		return int(math.Ceil(number))
	}
	return PageMost
}

// unwrap returns the name of the type that a field has, or a list of which it has.
func unwrap(of ast.Type) (name string, isList bool) {
	switch of := of.(type) {
	case *ast.NonNull:
		return unwrap(of.OfType)
	case *ast.List:
		name, _ = unwrap(of.OfType)
		return name, true
	case ast.NamedType:
		return of.TypeName(), false
	}
	return "", false
}
