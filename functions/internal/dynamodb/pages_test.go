package dynamodb_test

import (
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

func TestItems(t *testing.T) {
	scan := func(c *dynamodb.Client) iter.Seq2[dynamodb.Item, error] {
		return dynamodb.Items(t.Context(), c.Scan, &dynamodb.Scan{TableName: "t"})
	}
	query := func(c *dynamodb.Client) iter.Seq2[dynamodb.Item, error] {
		return dynamodb.Items(t.Context(), c.Query, &dynamodb.Query{TableName: "t", KeyConditionExpression: "k"})
	}
	first := good(`{"Items":[{"voter":{"S":"a"}},{"voter":{"S":"b"}}],"LastEvaluatedKey":{"voter":{"S":"b"}}}`)
	empty := good(`{"Items":[],"LastEvaluatedKey":{"voter":{"S":"k"}}}`)
	last := good(`{"Items":[{"voter":{"S":"x"}}]}`)
	scans := []string{`{"TableName":"t"}`, `{"TableName":"t","ExclusiveStartKey":{"voter":{"S":"b"}}}`, `{"TableName":"t","ExclusiveStartKey":{"voter":{"S":"k"}}}`}
	for name, test := range map[string]struct {
		answers []answer
		items   func(*dynamodb.Client) iter.Seq2[dynamodb.Item, error]
		most    int // Items that are taken.
		want    []string
		code    string // Of the error; empty for none.
		asked   []string
	}{
		"all pages, an empty one among them": {[]answer{first, empty, last}, scan, 9, []string{"a", "b", "x"}, "", scans},
		"a query": {[]answer{first, last}, query, 9, []string{"a", "b", "x"}, "", []string{
			`{"TableName":"t","KeyConditionExpression":"k"}`, `{"TableName":"t","KeyConditionExpression":"k","ExclusiveStartKey":{"voter":{"S":"b"}}}`,
		}},
		"enough with the first page": {[]answer{first}, scan, 2, []string{"a", "b"}, "", scans[:1]},
		"enough within it":           {[]answer{first}, scan, 1, []string{"a"}, "", scans[:1]},
		"refused in between":         {[]answer{first, refused("AccessDeniedException", "")}, scan, 9, []string{"a", "b"}, "AccessDeniedException", scans[:2]},
	} {
		t.Run(name, func(t *testing.T) {
			client, calls := client(t, test.answers...)
			var got []string
			var fault error
			for item, err := range test.items(client) {
				if fault = err; err != nil {
					continue // It is the last all the same.
				}
				if got = append(got, item["voter"].Text()); len(got) == test.most {
					break
				}
			}
			var plain *awscall.Refusal
			if test.code == "" && fault != nil || test.code != "" && (!errors.As(fault, &plain) || plain.Code != test.code) {
				t.Errorf("got %v, want %q", fault, test.code)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("items %q, want %q", got, test.want)
			}
			var asked []string
			for _, call := range *calls {
				asked = append(asked, call.body)
			}
			if !slices.Equal(asked, test.asked) {
				t.Errorf("asked %q, want %q", asked, test.asked)
			}
		})
	}
}
