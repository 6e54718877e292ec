package api_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/graph-gophers/graphql-go"
	"github.com/graph-gophers/graphql-go/ast"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/api"
)

// schemaOf is the schema for tests that walk it.
func schemaOf(t *testing.T) *ast.Schema {
	t.Helper()
	parsed, err := graphql.ParseSchema(api.Schema, nil, graphql.UseStringDescriptions())
	if err != nil {
		t.Fatal(err)
	}
	return parsed.AST()
}

// Everything in the schema is described, every price is of a field, and no argument has a default.
func TestSchema(t *testing.T) {
	schema := schemaOf(t)
	fields := map[string]bool{}
	for name, of := range schema.Types {
		object, isObject := of.(*ast.ObjectTypeDefinition)
		if !isObject || strings.HasPrefix(name, "__") {
			continue
		}
		for _, field := range object.Fields {
			fields[name+"."+field.Name] = true
			if field.Desc == "" {
				t.Errorf("%s.%s is not described", name, field.Name)
			}
			for _, argument := range field.Arguments {
				if argument.Desc == "" {
					t.Errorf("%s of %s.%s is not described", argument.Name.Name, name, field.Name)
				}
				if argument.Default != nil {
					t.Errorf("%s of %s.%s has a default, which a variable without a value is not taken for", argument.Name.Name, name, field.Name)
				}
			}
		}
	}
	for field := range api.Calls {
		if !fields[field] {
			t.Errorf("%s has a price and is no field", field)
		}
	}
}

// Whatever is asked within the limits costs at most so many calls, and no more than it was reckoned for.
func TestCallsAreBounded(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	schema := schemaOf(t)
	w := homes(t)
	for i := range 300 {
		w.run(fmt.Sprint("more-", i), 10+i, nil)
		w.failures("r1", fmt.Sprint("m", i), i%2 == 0, "up/more.json")
		w.book("Carlton")
	}
	var counts []any
	for i := range 150 {
		counts = append(counts, fmt.Sprint("s", i), 200-i)
	}
	w.publish("r1", counts...)
	w.tables["runs"]["|noise"] = dynamodb.Item{"id": dynamodb.String("noise")}
	answered := 0
	for range 800 {
		w.start()
		query := "query" + selection(random, schema, "Query", 0)
		if random.IntN(8) == 0 {
			query = "mutation" + selection(random, schema, "Mutation", 0)
		}
		w.calls = 0
		got := w.ask(query, nil)
		if w.calls > api.MaxCalls {
			t.Fatalf("seed %d: %d calls for %s", seed, w.calls, query)
		}
		limited := len(got.Errors) == 1 && got.Errors[0].Extensions.Code == api.Limit
		if limited && w.calls > 0 {
			t.Fatalf("seed %d: %d calls for what is not answered: %s", seed, w.calls, query)
		}
		if cost := api.CostOf(schema, query); !limited && w.calls*50 > cost+50 {
			t.Fatalf("seed %d: %d calls for what costs %d: %s", seed, w.calls, cost, query)
		}
		for _, err := range got.Errors {
			if err.Extensions.Code == api.Unavailable {
				t.Fatalf("seed %d: %s: %+v", seed, query, err)
			}
		}
		if !limited {
			answered++
		}
	}
	if answered < 150 {
		t.Errorf("seed %d: only %d were answered", seed, answered)
	}
}

// selection is one of fields of a type, by chance.
func selection(random *rand.Rand, schema *ast.Schema, of string, depth int) string {
	object := schema.Types[of].(*ast.ObjectTypeDefinition)
	text := ""
	for range 1 + random.IntN(4) {
		field := object.Fields[random.IntN(len(object.Fields))]
		name := field.Type.String()
		if of == "Mutation" {
			name = strings.TrimSuffix(name, "!")
		}
		name = strings.Trim(name, "[]!")
		below := ""
		if _, isObject := schema.Types[name].(*ast.ObjectTypeDefinition); isObject {
			if depth > 6 {
				continue
			}
			below = selection(random, schema, name, depth+1)
		}
		text += fmt.Sprintf(" f%d:%s%s%s", random.IntN(1_000_000), field.Name, arguments(random, field), below)
	}
	if text == "" {
		text = "__typename"
	}
	return "{" + text + "}"
}

func arguments(random *rand.Rand, field *ast.FieldDefinition) string {
	var given []string
	for _, argument := range field.Arguments {
		pick := map[string][]string{
			"first": {"1", "2", "5", "30", "100"}, "id": {`"r1"`, `"none"`, fmt.Sprintf("%q", fitzroy)}, "search": {`"s1"`, `""`}, "sort": {"NAME_ASC", "SIZE_ASC"},
			"status": {"BOOKED", "FAILED"}, "input": {fmt.Sprintf("{segment:%q}", pipeline.SegmentID("s3"))}, "failedOnly": {"true", "false"}, "idempotencyKey": {`"k"`},
		}[argument.Name.Name]
		if len(pick) > 0 && (random.IntN(2) == 0 || strings.HasSuffix(argument.Type.String(), "!")) {
			given = append(given, argument.Name.Name+":"+pick[random.IntN(len(pick))])
		}
	}
	if len(given) == 0 {
		return ""
	}
	return "(" + strings.Join(given, ",") + ")"
}
