package dynamodb_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

func TestNames(t *testing.T) {
	want := map[string]string{"#fan": "fan", "#list_sha": "list_sha", "#until": "until"}
	if diff := cmp.Diff(want, dynamodb.Names("SET #fan = :fan, #list_sha = :x", "attribute_not_exists(#fan) OR #until")); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	if names := dynamodb.Names("attribute_not_exists(id)", ""); names != nil {
		t.Errorf("%v", names) // DynamoDB refuses an empty map.
	}
}

func TestAttributes(t *testing.T) {
	item := dynamodb.Item{"s": dynamodb.String("x"), "n": dynamodb.Number(-7), "l": dynamodb.Strings([]string{"a", "b"})}
	dynamodb.SetString(item, "none", "")
	dynamodb.SetNumber(item, "none", 0)
	dynamodb.SetString(item, "t", "y")
	dynamodb.SetNumber(item, "m", 9)
	if len(item) != 5 || item["s"].Text() != "x" || item["n"].Int() != -7 || item["t"].Text() != "y" || item["m"].Int() != 9 {
		t.Errorf("%v", item)
	}
	if !slices.Equal(item["l"].Texts(), []string{"a", "b"}) {
		t.Errorf("%v", item["l"].Texts())
	}
	// Of another type, or missing.
	if item["n"].Text() != "" || item["s"].Int() != 0 || len(item["s"].Texts()) != 0 || dynamodb.Item(nil)["n"].Int() != 0 {
		t.Error("an attribute of another type is read")
	}
}
