package api_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

// pageQueries are the queries of the browser page.
const pageQueries = "../../../internal/site/pipeline/page/queries"

// Each query of the page is answered as the page sends it: a list from its beginning has no variables but first.
func TestQueriesOfThePage(t *testing.T) {
	variables := map[string]map[string]any{
		"segments": {"first": 20}, "bookings": {"first": 20}, "runs": {"first": 20}, "segment": {"id": carlton}, "run": {"id": "r1"}, "failures": {"id": "r1", "first": 50},
		"book": {"input": map[string]any{"segment": carlton, "idempotencyKey": "k"}}, "replay": {"id": "r1", "failedOnly": true, "idempotencyKey": "k"},
	}
	files, err := filepath.Glob(filepath.Join(pageQueries, "*.graphql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no queries in %s: %v", pageQueries, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".graphql")
		t.Run(name, func(t *testing.T) {
			query, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w := homes(t)
			w.tables["runs"]["|r1"]["failed"] = dynamodb.Number(3)
			given := variables[name]
			if given == nil {
				booked := w.book("Fitzroy")
				if name == "retry" {
					w.tables["bookings"]["booking|"+booked.ID]["status"] = dynamodb.String(string(bookings.Failed))
				}
				given = map[string]any{"id": booked.ID}
			}
			if got := w.ask(string(query), given); len(got.Errors) > 0 || got.status != 200 {
				t.Errorf("%d, %+v", got.status, got.Errors)
			}
		})
	}
}
