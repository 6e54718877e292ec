package dynamodbtest_test

import (
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb/dynamodbtest"
)

// The test's own judge must not be kinder than DynamoDB.
func TestExpressions(t *testing.T) {
	item := dynamodb.Item{"a": dynamodb.Number(5), "b": dynamodb.String("x")}
	names := map[string]string{"#a": "a", "#b": "b", "#c": "c"}
	values := dynamodb.Item{":five": dynamodb.Number(5), ":six": dynamodb.Number(6), ":x": dynamodb.String("x")}
	for text, want := range map[string]bool{
		"#a = :five":            true,
		"#a <> :five":           false,
		"#c = :five":            false,
		"#c < :six":             false,
		"#a < :six AND #b = :x": true,
		"attribute_not_exists(#c) AND #a >= :six":                          false,
		"attribute_exists(#a) OR #a = :six AND #b = :x":                    true,
		"(attribute_exists(#a) OR #a = :six) AND #b <> :x":                 false,
		"attribute_exists(#c) OR #a < :six AND (#b = :x OR #a = :six)":     true,
		"attribute_exists(#c) OR #a < :six AND (#b <> :x OR #a = :six)":    false,
		"begins_with(#b, :x) AND attribute_not_exists(#c) AND #a <= :five": true,
	} {
		if got := dynamodbtest.Judge(text, item, names, values); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if got := dynamodbtest.Changed(item, nil, "SET #a = :six, #c = :x REMOVE #b", names, values); len(got) != 2 || got["a"].Int() != 6 || got["c"].Text() != "x" {
		t.Errorf("%v", got)
	}
	if got := dynamodbtest.Changed(nil, dynamodb.Item{"id": dynamodb.String("k")}, "ADD #a :five, #c :six", names, values); len(got) != 3 || got["c"].Int() != 6 {
		t.Errorf("%v", got)
	}
}
