package dynamodb_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

func TestBatchGetItemTellsWhatIsLeft(t *testing.T) {
	client, calls := client(t, good(`{"Responses":{"t":[{"voter":{"S":"ann"},"fans":{"L":[{"S":"x"},{"S":"y"}]}}]},"UnprocessedKeys":{"t":{"Keys":[{"voter":{"S":"bob"}}],"ConsistentRead":true}}}`))
	items, left, err := client.BatchGetItem(t.Context(), "t", []dynamodb.Item{key, {"voter": dynamodb.String("bob")}, {"voter": dynamodb.String("cai")}}, true)
	if err != nil {
		t.Fatal(err)
	}
	want := []dynamodb.Item{{"voter": dynamodb.String("ann"), "fans": dynamodb.Strings([]string{"x", "y"})}}
	if diff := cmp.Diff(want, items) + cmp.Diff([]dynamodb.Item{{"voter": dynamodb.String("bob")}}, left); diff != "" {
		t.Error(diff)
	}
	if texts := items[0]["fans"].Texts(); len(texts) != 2 || texts[1] != "y" {
		t.Errorf("texts %v", texts)
	}
	asked := `{"RequestItems":{"t":{"Keys":[{"voter":{"S":"ann"}},{"voter":{"S":"bob"}},{"voter":{"S":"cai"}}],"ConsistentRead":true}}}`
	if call := (*calls)[0]; call.target != "DynamoDB_20120810.BatchGetItem" || call.body != asked {
		t.Errorf("asked %s %s", call.target, call.body)
	}
}

func TestUpdateReturning(t *testing.T) {
	client, calls := client(t, good(`{"Attributes":{"n":{"N":"7"}}}`))
	changed, err := client.UpdateReturning(t.Context(), &dynamodb.UpdateItem{TableName: "t", Key: key, UpdateExpression: "ADD n :one"})
	if err != nil || changed["n"].Int() != 7 {
		t.Errorf("%v %v", changed, err)
	}
	asked := `{"TableName":"t","Key":{"voter":{"S":"ann"}},"UpdateExpression":"ADD n :one","ReturnValues":"UPDATED_NEW"}`
	if call := (*calls)[0]; call.target != "DynamoDB_20120810.UpdateItem" || call.body != asked {
		t.Errorf("asked %s %s", call.target, call.body)
	}
}

func TestTransactUpdate(t *testing.T) {
	client, calls := client(t, good(`{}`), refused("TransactionCanceledException", `,"CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed"}]`))
	updates := []dynamodb.UpdateItem{
		{TableName: "t", Key: key, UpdateExpression: "SET a = :a", ConditionExpression: "attribute_exists(voter)"}, {TableName: "u", Key: key, UpdateExpression: "REMOVE a"},
	}
	if err := client.TransactUpdate(t.Context(), updates); err != nil {
		t.Fatal(err)
	}
	var canceled *dynamodb.TransactionCanceledException
	if err := client.TransactUpdate(t.Context(), updates); !errors.As(err, &canceled) || canceled.CancellationReasons[1].Code != dynamodb.ConditionalCheckFailed {
		t.Errorf("%v", err)
	}
	var said struct {
		ClientRequestToken string
		TransactItems      json.RawMessage
	}
	want := `[{"Update":{"TableName":"t","Key":{"voter":{"S":"ann"}},"UpdateExpression":"SET a = :a","ConditionExpression":"attribute_exists(voter)"}},{"Update":{"TableName":"u","Key":{"voter":{"S":"ann"}},"UpdateExpression":"REMOVE a"}}]`
	if err := json.Unmarshal([]byte((*calls)[0].body), &said); err != nil || string(said.TransactItems) != want || said.ClientRequestToken == "" {
		t.Errorf("asked %s, %v", (*calls)[0].body, err)
	}
}

func TestBatchPutEncoded(t *testing.T) {
	client, calls := client(t, good(`{"UnprocessedItems":{"t":[{"PutRequest":{"Item":{"voter":{"S":"bob"}}}}]}}`))
	left, err := client.BatchPutEncoded(t.Context(), "t", []json.RawMessage{json.RawMessage(`{"voter":{"S":"ann"}}`), json.RawMessage(`{"voter":{"S":"bob"}}`)})
	if err != nil || len(left) != 1 || string(left[0]) != `{"voter":{"S":"bob"}}` {
		t.Errorf("left %s, %v", left, err)
	}
	asked := `{"RequestItems":{"t":[{"PutRequest":{"Item":{"voter":{"S":"ann"}}}},{"PutRequest":{"Item":{"voter":{"S":"bob"}}}}]}}`
	if call := (*calls)[0]; call.target != "DynamoDB_20120810.BatchWriteItem" || call.body != asked {
		t.Errorf("asked %s %s", call.target, call.body)
	}
}
