package dynamodb_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// answer is a status with a body.
type answer struct {
	status int
	body   string
}

// asked is a call.
type asked struct{ target, body string }

// client gets one answer after the other.
func client(t *testing.T, answers ...answer) (*dynamodb.Client, *[]asked) {
	t.Helper()
	var calls []asked
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Content-Type") != "application/x-amz-json-1.0" {
			t.Errorf("%v, headers %v", err, r.Header)
		}
		a := answers[len(calls)]
		calls = append(calls, asked{r.Header.Get("X-Amz-Target"), string(body)})
		w.WriteHeader(a.status)
		io.WriteString(w, a.body)
	}))
	t.Cleanup(server.Close)
	return dynamodb.New(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""), HTTPClient: server.Client(),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.RateLimiter, o.Backoff = ratelimit.None, retry.NewExponentialJitterBackoff(time.Nanosecond)
			})
		},
	}), &calls
}

func good(body string) answer { return answer{http.StatusOK, body} }

func refused(code, more string) answer {
	return answer{http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","Message":"no"` + more + `}`}
}

var (
	names  = map[string]string{"#key": "voter"}
	values = dynamodb.Item{":n": dynamodb.Number(7)}
	key    = dynamodb.Item{"voter": dynamodb.String("ann")}
)

// TestCalls holds what is sent against the API's own form.
func TestCalls(t *testing.T) {
	segment := 0
	for name, test := range map[string]struct {
		answer     string
		call       func(c *dynamodb.Client) (any, error)
		target     string
		body       string
		wantAnswer any
	}{
		"put the least": {`{}`, func(c *dynamodb.Client) (any, error) {
			return nil, c.PutItem(t.Context(), &dynamodb.PutItem{TableName: "t", Item: dynamodb.Item{
				"s": dynamodb.String(""), "n": dynamodb.Number(-1), "b": dynamodb.Bool(false), "m": dynamodb.Map(dynamodb.Item{}), "x": dynamodb.Bytes([]byte{0, 255}),
			}})
		}, "PutItem", `{"TableName":"t","Item":{"b":{"BOOL":false},"m":{"M":{}},"n":{"N":"-1"},"s":{"S":""},"x":{"B":"AP8="}}}`, nil},
		"put": {`{}`, func(c *dynamodb.Client) (any, error) {
			return nil, c.PutItem(t.Context(), &dynamodb.PutItem{
				TableName: "t", Item: key, ConditionExpression: "attribute_not_exists(#key)", ExpressionAttributeNames: names,
				ExpressionAttributeValues: values, ReturnValuesOnConditionCheckFailure: dynamodb.AllOld,
			})
		}, "PutItem", `{"TableName":"t","Item":{"voter":{"S":"ann"}},"ConditionExpression":"attribute_not_exists(#key)",` +
			`"ExpressionAttributeNames":{"#key":"voter"},"ExpressionAttributeValues":{":n":{"N":"7"}},"ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`, nil},
		"get": {`{"Item":{"s":{"S":"x"},"n":{"N":"3"},"b":{"BOOL":true},"m":{"M":{"k":{"S":"v"}}},"x":{"B":"AP8="},"of another type":{"NULL":true}}}`, func(c *dynamodb.Client) (any, error) {
			return c.GetItem(t.Context(), &dynamodb.GetItem{TableName: "t", Key: key, ConsistentRead: true})
		}, "GetItem", `{"TableName":"t","Key":{"voter":{"S":"ann"}},"ConsistentRead":true}`, dynamodb.Item{
			"s": dynamodb.String("x"), "n": dynamodb.Number(3), "b": dynamodb.Bool(true), "m": dynamodb.Map(dynamodb.Item{"k": dynamodb.String("v")}), "x": dynamodb.Bytes([]byte{0, 255}), "of another type": {},
		}},
		"get none": {`{}`, func(c *dynamodb.Client) (any, error) {
			return c.GetItem(t.Context(), &dynamodb.GetItem{TableName: "t", Key: key})
		}, "GetItem", `{"TableName":"t","Key":{"voter":{"S":"ann"}}}`, dynamodb.Item(nil)},
		"update": {`{}`, func(c *dynamodb.Client) (any, error) {
			return nil, c.UpdateItem(t.Context(), &dynamodb.UpdateItem{TableName: "t", Key: key, UpdateExpression: "SET #key = :n", ExpressionAttributeNames: names, ExpressionAttributeValues: values})
		}, "UpdateItem", `{"TableName":"t","Key":{"voter":{"S":"ann"}},"UpdateExpression":"SET #key = :n",` +
			`"ExpressionAttributeNames":{"#key":"voter"},"ExpressionAttributeValues":{":n":{"N":"7"}}}`, nil},
		"delete": {`{}`, func(c *dynamodb.Client) (any, error) {
			return nil, c.DeleteItem(t.Context(), &dynamodb.DeleteItem{TableName: "t", Key: key})
		}, "DeleteItem", `{"TableName":"t","Key":{"voter":{"S":"ann"}}}`, nil},
		"scan": {`{"Items":[{"s":{"S":"x"}},{}],"LastEvaluatedKey":{"voter":{"S":"bob"}},"Count":2}`, func(c *dynamodb.Client) (any, error) {
			return c.Scan(t.Context(), &dynamodb.Scan{TableName: "t", Segment: &segment, TotalSegments: 8, Limit: 1000, ProjectionExpression: "#key", ExclusiveStartKey: key})
		}, "Scan", `{"TableName":"t","ProjectionExpression":"#key","Limit":1000,"Segment":0,"TotalSegments":8,"ExclusiveStartKey":{"voter":{"S":"ann"}}}`, dynamodb.Page{
			Items: []dynamodb.Item{{"s": dynamodb.String("x")}, {}}, LastEvaluatedKey: dynamodb.Item{"voter": dynamodb.String("bob")},
		}},
		"query": {`{"Items":[{"s":{"S":"x"}}],"LastEvaluatedKey":{"voter":{"S":"bob"}}}`, func(c *dynamodb.Client) (any, error) {
			backward := false
			return c.Query(t.Context(), &dynamodb.Query{
				TableName: "t", ConsistentRead: true, KeyConditionExpression: "#key = :n", ExpressionAttributeNames: names, ExpressionAttributeValues: values,
				ScanIndexForward: &backward, ExclusiveStartKey: key,
			})
		}, "Query", `{"TableName":"t","ConsistentRead":true,"KeyConditionExpression":"#key = :n","ExpressionAttributeNames":{"#key":"voter"},"ExpressionAttributeValues":{":n":{"N":"7"}},"ScanIndexForward":false,"ExclusiveStartKey":{"voter":{"S":"ann"}}}`, dynamodb.Page{
			Items: []dynamodb.Item{{"s": dynamodb.String("x")}}, LastEvaluatedKey: dynamodb.Item{"voter": dynamodb.String("bob")},
		}},
		"the last page": {`{"Items":[]}`, func(c *dynamodb.Client) (any, error) {
			return c.Scan(t.Context(), &dynamodb.Scan{TableName: "t"})
		}, "Scan", `{"TableName":"t"}`, dynamodb.Page{Items: []dynamodb.Item{}}},
		"batch": {`{"Responses":[{"TableName":"t"},{"Error":{"Code":"DuplicateItem","Message":"taken"}}]}`, func(c *dynamodb.Client) (any, error) {
			return c.BatchExecuteStatement(t.Context(), []dynamodb.Statement{{Statement: "INSERT", Parameters: []dynamodb.Value{dynamodb.String("a")}}, {Statement: "INSERT"}})
		}, "BatchExecuteStatement", `{"Statements":[{"Statement":"INSERT","Parameters":[{"S":"a"}]},{"Statement":"INSERT"}]}`, []*dynamodb.StatementError{
			nil, {Code: dynamodb.DuplicateItem, Message: "taken"},
		}},
		"batch of puts": {`{"UnprocessedItems":{"t":[{"PutRequest":{"Item":{"s":{"S":"b"}}}}]}}`, func(c *dynamodb.Client) (any, error) {
			return c.BatchPutItem(t.Context(), "t", []dynamodb.Item{{"s": dynamodb.String("a")}, {"s": dynamodb.String("b")}})
		}, "BatchWriteItem", `{"RequestItems":{"t":[{"PutRequest":{"Item":{"s":{"S":"a"}}}},{"PutRequest":{"Item":{"s":{"S":"b"}}}}]}}`, []dynamodb.Item{{"s": dynamodb.String("b")}}},
		"batch of puts, all taken": {`{"UnprocessedItems":{}}`, func(c *dynamodb.Client) (any, error) {
			return c.BatchPutItem(t.Context(), "t", []dynamodb.Item{{"s": dynamodb.String("a")}})
		}, "BatchWriteItem", `{"RequestItems":{"t":[{"PutRequest":{"Item":{"s":{"S":"a"}}}}]}}`, []dynamodb.Item(nil)},
		"describe": {`{"Table":{"TableStatus":"ACTIVE","ProvisionedThroughput":{"ReadCapacityUnits":5,"WriteCapacityUnits":9,"NumberOfDecreasesToday":2,"LastDecreaseDateTime":1.9E9}}}`, func(c *dynamodb.Client) (any, error) {
			return c.DescribeThroughput(t.Context(), "t")
		}, "DescribeTable", `{"TableName":"t"}`, dynamodb.Throughput{Reads: 5, Writes: 9, Active: true, DecreasesToday: 2, LastDecrease: time.Unix(1_900_000_000, 0).UTC()}},
		"describe on demand": {`{"Table":{"TableStatus":"UPDATING"}}`, func(c *dynamodb.Client) (any, error) {
			return c.DescribeThroughput(t.Context(), "t")
		}, "DescribeTable", `{"TableName":"t"}`, dynamodb.Throughput{}},
		"set the throughput": {`{}`, func(c *dynamodb.Client) (any, error) {
			return nil, c.UpdateThroughput(t.Context(), "t", 5, 40)
		}, "UpdateTable", `{"ProvisionedThroughput":{"ReadCapacityUnits":5,"WriteCapacityUnits":40},"TableName":"t"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			client, calls := client(t, good(test.answer))
			got, err := test.call(client)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.wantAnswer, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]asked{{"DynamoDB_20120810." + test.target, test.body}}, *calls, cmp.AllowUnexported(asked{})); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConditionThatDoesNotHold(t *testing.T) {
	for name, test := range map[string]struct {
		more string
		want dynamodb.Item
	}{
		"with what stands there": {`,"Item":{"message":{"S":"m-1"}}`, dynamodb.Item{"message": dynamodb.String("m-1")}},
		"without":                {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			client, calls := client(t, refused("ConditionalCheckFailedException", test.more))
			err := client.PutItem(t.Context(), &dynamodb.PutItem{TableName: "t", Item: key})
			var stands *dynamodb.ConditionalCheckFailedException
			if !errors.As(err, &stands) || len(*calls) != 1 {
				t.Fatalf("got %v after %d calls", err, len(*calls))
			}
			if diff := cmp.Diff(test.want, stands.Item); diff != "" {
				t.Error(diff)
			}
			var plain *awscall.Refusal
			if !errors.As(err, &plain) || plain.Code != "ConditionalCheckFailedException" || plain.Message != "no" {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestTransactPut: an attempt after one whose answer was lost has the same token, another transaction another.
func TestTransactPut(t *testing.T) {
	client, calls := client(t,
		answer{http.StatusInternalServerError, `{"__type":"InternalServerError"}`}, good(`{}`),
		refused("TransactionCanceledException", `,"CancellationReasons":[{"Code":"ConditionalCheckFailed","Message":"stands","Item":{"x":{"NULL":true}}},{"Code":"None"}]`))
	puts := []dynamodb.PutItem{{TableName: "t", Item: key, ConditionExpression: "attribute_exists(voter)"}, {TableName: "u", Item: key}}
	if err := client.TransactPut(t.Context(), puts); err != nil {
		t.Fatal(err)
	}
	err := client.TransactPut(t.Context(), puts)
	var canceled *dynamodb.TransactionCanceledException
	if !errors.As(err, &canceled) {
		t.Fatal(err)
	}
	want := []dynamodb.CancellationReason{{Code: dynamodb.ConditionalCheckFailed, Message: "stands"}, {Code: "None"}}
	if diff := cmp.Diff(want, canceled.CancellationReasons); diff != "" {
		t.Error(diff)
	}
	var tokens []string
	for _, call := range *calls {
		var said struct {
			ClientRequestToken string
			TransactItems      json.RawMessage
		}
		if err := json.Unmarshal([]byte(call.body), &said); err != nil || call.target != "DynamoDB_20120810.TransactWriteItems" {
			t.Fatal(err, call)
		}
		if want := `[{"Put":{"TableName":"t","Item":{"voter":{"S":"ann"}},"ConditionExpression":"attribute_exists(voter)"}},{"Put":{"TableName":"u","Item":{"voter":{"S":"ann"}}}}]`; !bytes.Equal(said.TransactItems, []byte(want)) {
			t.Errorf("asked %s", said.TransactItems)
		}
		tokens = append(tokens, said.ClientRequestToken)
	}
	if len(tokens) != 3 || tokens[0] == "" || tokens[0] != tokens[1] || tokens[1] == tokens[2] {
		t.Errorf("tokens %q", tokens)
	}
}

func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		answers []answer
		code    string // Of the error; empty for none.
	}{
		"throttled":               {[]answer{refused("ProvisionedThroughputExceededException", ""), refused("ThrottlingException", ""), good(`{}`)}, ""},
		"in a transaction's way":  {[]answer{refused("TransactionConflictException", ""), refused("TransactionConflictException", ""), good(`{}`)}, ""},
		"throttled for ever":      {[]answer{refused("RequestLimitExceeded", ""), refused("RequestLimitExceeded", ""), refused("RequestLimitExceeded", "")}, "RequestLimitExceeded"},
		"out of order":            {[]answer{{http.StatusServiceUnavailable, ``}, good(`{}`)}, ""},
		"no such table":           {[]answer{refused("ResourceNotFoundException", "")}, "ResourceNotFoundException"},
		"credentials are expired": {[]answer{refused("ExpiredTokenException", "")}, "ExpiredTokenException"},
	} {
		t.Run(name, func(t *testing.T) {
			client, calls := client(t, test.answers...)
			err := client.PutItem(t.Context(), &dynamodb.PutItem{TableName: "t", Item: key})
			var plain *awscall.Refusal
			if test.code == "" && err != nil || test.code != "" && (!errors.As(err, &plain) || plain.Code != test.code) {
				t.Errorf("got %v, want %q", err, test.code)
			}
			if len(*calls) != len(test.answers) {
				t.Errorf("%d calls, want %d", len(*calls), len(test.answers))
			}
		})
	}
}

func TestBatchWithAnAnswerTooFew(t *testing.T) {
	client, _ := client(t, good(`{"Responses":[{}]}`))
	if done, err := client.BatchExecuteStatement(t.Context(), make([]dynamodb.Statement, 2)); err == nil || done != nil {
		t.Errorf("got %v, %v", done, err)
	}
}

func TestValue(t *testing.T) {
	var none dynamodb.Value
	if none.Text() != "" || none.Int() != 0 || none.True() || (dynamodb.Value{N: "1.5"}).Int() != 0 {
		t.Error("a value of another type has one")
	}
	if dynamodb.String("x").Text() != "x" || dynamodb.Number(-9).Int() != -9 || !dynamodb.Bool(true).True() || dynamodb.Bool(false).True() {
		t.Error("a value is another one than it was made of")
	}
	for want, value := range map[string]dynamodb.Value{
		"": none, "x": dynamodb.String("x"), "-9": dynamodb.Number(-9), "1.50": dynamodb.Decimal("1.50"), "false": dynamodb.Bool(false),
	} {
		if got := value.Scalar(); got != want {
			t.Errorf("as text %q, want %q", got, want)
		}
	}
}
