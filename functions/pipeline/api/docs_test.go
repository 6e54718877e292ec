package api_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/api"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

// The guide has the schema that is answered, its examples are answered, and its limits are those that are in force.
func TestGuide(t *testing.T) {
	text, err := os.ReadFile("../../../docs/guides/pipeline-api.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := string(text)
	_, schema, _ := strings.Cut(guide, "```graphql schema\n")
	if schema != api.Schema+"```\n" {
		t.Error("the guide ends with another schema than schema.graphql: copy it there")
	}
	w := homes(t)
	booking, failed := w.book("Fitzroy"), w.book("Fitzroy")
	w.tables["bookings"]["booking|"+failed.ID]["status"] = dynamodb.String(string(bookings.Failed))
	variables := map[string]map[string]any{
		"Segment": {"id": fitzroy}, "Failures": {"run": "r1"}, "Book": {"segment": fitzroy, "at": "2030-05-05T06:00:00Z", "key": "k"}, "Cancel": {"id": booking.ID}, "Retry": {"id": failed.ID}, "Replay": {"id": "r1"},
	}
	examples := regexp.MustCompile("(?s)```graphql\n(.*?)```").FindAllStringSubmatch(guide, -1)
	for _, example := range examples {
		name := regexp.MustCompile(`^\w+ (\w+)`).FindStringSubmatch(example[1])[1]
		if got := w.ask(example[1], variables[name]); len(got.Errors) > 0 {
			t.Errorf("%s: %v", name, got.Errors)
		}
	}
	if len(examples) != 8 {
		t.Errorf("%d examples", len(examples))
	}
	for _, limit := range []string{
		fmt.Sprintf("| body of a request | %d KiB |", api.MaxBodyBytes>>10), fmt.Sprintf("| query | %d KiB |", api.MaxQueryBytes>>10), fmt.Sprintf("| nested fields | %d |", api.MaxDepth),
		fmt.Sprintf("| nodes of a page | %d; %d without", api.PageMost, api.PageDefault), fmt.Sprintf("| cost of an operation | %d,%03d |", api.MaxCost/1000, api.MaxCost%1000),
		fmt.Sprintf("more than %d calls", api.MaxCalls),
	} {
		if !strings.Contains(guide, limit) {
			t.Errorf("the guide does not say %q", limit)
		}
	}
	words := map[int]string{1: "one each", 2: "two", 4: "four", 5: "five", 6: "six", 10: "ten"}
	for field, n := range api.Calls {
		_, name, _ := strings.Cut(field, ".")
		if !strings.Contains(guide, "`"+name+"`") || words[n] == "" {
			t.Errorf("the guide does not say that %s makes %d calls", field, n)
		}
	}
	for query, want := range map[string]int{
		`{segments(first:20){nodes{id value count metrics{name count mean min max percentiles{percent value}histogram{from to count}}}totalCount pageInfo{hasNextPage endCursor}}}`: 1500,
		`{segments(first:100){nodes{id value count runId}totalCount pageInfo{hasNextPage endCursor}}}`:                                                                              450,
	} {
		if cost := api.CostOf(schemaOf(t), query); cost < want*9/10 || cost > want*11/10 {
			t.Errorf("%s costs %d, and the guide says some %d", query, cost, want)
		}
	}
}
