package dynamo_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamo"
)

func TestNames(t *testing.T) {
	want := map[string]string{"#fan": "fan", "#list_sha": "list_sha", "#until": "until"}
	if diff := cmp.Diff(want, dynamo.Names("SET #fan = :fan, #list_sha = :x", "attribute_not_exists(#fan) OR #until")); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	if names := dynamo.Names("attribute_not_exists(id)", ""); names != nil {
		t.Errorf("%v", names) // DynamoDB refuses an empty map.
	}
}

func TestAttributes(t *testing.T) {
	item := dynamo.Item{"s": dynamo.Str("x"), "n": dynamo.Num(-7), "l": dynamo.Strs([]string{"a", "b"})}
	dynamo.SetStr(item, "none", "")
	dynamo.SetNum(item, "none", 0)
	dynamo.SetStr(item, "t", "y")
	dynamo.SetNum(item, "m", 9)
	if len(item) != 5 || dynamo.Text(item, "s") != "x" || dynamo.Int(item, "n") != -7 || dynamo.Text(item, "t") != "y" || dynamo.Int(item, "m") != 9 {
		t.Errorf("%v", item)
	}
	if !slices.Equal(dynamo.Texts(item, "l"), []string{"a", "b"}) {
		t.Errorf("%v", dynamo.Texts(item, "l"))
	}
	// Of another type, or missing.
	if dynamo.Text(item, "n") != "" || dynamo.Int(item, "s") != 0 || len(dynamo.Texts(item, "s")) != 0 || dynamo.Int(nil, "n") != 0 {
		t.Error("an attribute of another type is read")
	}
}
