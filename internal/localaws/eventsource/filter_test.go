package eventsource

import (
	"encoding/base64"
	"encoding/json"
	"testing"
)

func TestFilterRules(t *testing.T) {
	const record = `{"Name":"Alice","Last":"","Id":null,"Price":20,"Rate":3.0e2,"Tags":["a","b"],"Place":{"City":"Ulm","Zip":[{"N":1},{"N":2}]},"On":true}`
	for name, c := range map[string]struct {
		pattern string
		want    bool
	}{
		"null":                            {`{"Id":[null]}`, true},
		"null of something":               {`{"Name":[null]}`, false},
		"empty":                           {`{"Last":[""]}`, true},
		"empty of null":                   {`{"Id":[""]}`, false},
		"equals":                          {`{"Name":["Alice"]}`, true},
		"equals keeps case":               {`{"Name":["alice"]}`, false},
		"equals ignoring case":            {`{"Name":[{"equals-ignore-case":"aLICE"}]}`, true},
		"equals a flag":                   {`{"On":[true]}`, true},
		"equals a number as written":      {`{"Price":[20]}`, true},
		"not a number written otherwise":  {`{"Price":[20.0]}`, false},
		"numeric looks at the value":      {`{"Rate":[{"numeric":["=",300]}]}`, true},
		"and":                             {`{"Name":["Alice"],"Price":[20]}`, true},
		"and with one that fails":         {`{"Name":["Alice"],"Price":[21]}`, false},
		"or":                              {`{"Name":["Bob","Alice"]}`, true},
		"or over fields":                  {`{"$or":[{"Name":["Bob"]},{"Price":[20]}]}`, true},
		"or over fields that all fail":    {`{"$or":[{"Name":["Bob"]},{"Price":[1]}]}`, false},
		"not":                             {`{"Name":[{"anything-but":["Bob"]}]}`, true},
		"not of the value":                {`{"Name":[{"anything-but":"Alice"}]}`, false},
		"not by prefix":                   {`{"Name":[{"anything-but":{"prefix":"Al"}}]}`, false},
		"not of a field that lacks":       {`{"Other":[{"anything-but":["Bob"]}]}`, false},
		"numeric range":                   {`{"Price":[{"numeric":[">",10,"<=",20]}]}`, true},
		"numeric range left":              {`{"Price":[{"numeric":[">",10,"<",20]}]}`, false},
		"numeric of a text":               {`{"Name":[{"numeric":[">",10]}]}`, false},
		"exists":                          {`{"Name":[{"exists":true}]}`, true},
		"exists as null":                  {`{"Id":[{"exists":true}]}`, true},
		"exists and does not":             {`{"Other":[{"exists":true}]}`, false},
		"does not exist":                  {`{"Other":[{"exists":false}]}`, true},
		"does not exist and does":         {`{"Name":[{"exists":false}]}`, false},
		"does not exist below nothing":    {`{"Other":{"Deep":[{"exists":false}]}}`, true},
		"begins with":                     {`{"Name":[{"prefix":"Al"}]}`, true},
		"begins with other":               {`{"Name":[{"prefix":"al"}]}`, false},
		"ends with":                       {`{"Name":[{"suffix":"ce"}]}`, true},
		"one of a list":                   {`{"Tags":["b"]}`, true},
		"none of a list":                  {`{"Tags":["c"]}`, false},
		"nested":                          {`{"Place":{"City":["Ulm"]}}`, true},
		"nested in a list":                {`{"Place":{"Zip":{"N":[2]}}}`, true},
		"a rule that is in no list":       {`{"Name":"Alice"}`, false},
		"an operator that nobody knows":   {`{"Name":[{"near":"Alice"}]}`, false},
		"the last of a key that is twice": {`{"Name":["Bob"],"Name":["Alice"]}`, true},
		"no rule":                         {`{}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			filters, err := ParseFilters("dynamodb", &FilterCriteria{Filters: []Filter{{c.pattern}}})
			if err != nil {
				t.Fatal(err)
			}
			if have := filters.Match(json.RawMessage(record)); have != c.want {
				t.Errorf("%s: %v", c.pattern, have)
			}
		})
	}
}

// TestFilterFormats follows the tables of "properly filtering" for each source.
func TestFilterFormats(t *testing.T) {
	for name, c := range map[string]struct {
		service, data, pattern string
		want                   bool
	}{
		"string body, string pattern":        {"sqs", "ABC", `{"body":["ABC"]}`, true},
		"other string body":                  {"sqs", "ABD", `{"body":["ABC"]}`, false},
		"string body, JSON pattern":          {"sqs", "ABC", `{"body":{"a":[{"exists":false}]}}`, false},
		"string body, no data pattern":       {"sqs", "ABC", `{"messageId":["1"]}`, true},
		"JSON body, string pattern":          {"sqs", `{"a":1}`, `{"body":[{"prefix":"{"}]}`, false},
		"JSON body, no data pattern":         {"sqs", `{"a":1}`, `{"messageId":["1"]}`, true},
		"JSON body, JSON pattern":            {"sqs", `{"a":1}`, `{"body":{"a":[1]}}`, true},
		"JSON body, other JSON pattern":      {"sqs", `{"a":2}`, `{"body":{"a":[1]}}`, false},
		"JSON data, JSON pattern":            {"kinesis", `{"a":1}`, `{"data":{"a":[1]}}`, true},
		"JSON data, metadata too":            {"kinesis", `{"a":1}`, `{"partitionKey":["k"],"data":{"a":[1]}}`, true},
		"JSON data, no data pattern":         {"kinesis", `{"a":1}`, `{"partitionKey":["k"]}`, true},
		"JSON data, other metadata":          {"kinesis", `{"a":1}`, `{"partitionKey":["x"],"data":{"a":[1]}}`, false},
		"data that is no JSON, JSON pattern": {"kinesis", `ABC`, `{"data":{"a":[1]}}`, false},
		"data that is no JSON, no pattern":   {"kinesis", `ABC`, `{"partitionKey":["k"]}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			filters, err := ParseFilters(c.service, &FilterCriteria{Filters: []Filter{{`{"eventSource":["nobody"]}`}, {c.pattern}}})
			if err != nil {
				t.Fatal(err)
			}
			record := map[string]any{"messageId": "1", "body": c.data}
			if c.service == "kinesis" {
				record = map[string]any{"eventName": "aws:kinesis:record", "kinesis": map[string]any{
					"partitionKey": "k", "data": base64.StdEncoding.EncodeToString([]byte(c.data)),
				}}
			}
			text, err := json.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			if have := filters.Match(text); have != c.want {
				t.Errorf("%s against %s: %v", c.pattern, text, have)
			}
		})
	}
	for service, pattern := range map[string]string{"sqs": `["body"]`, "dynamodb": `{`, "kinesis": `{"data":["ABC"]}`} {
		if _, err := ParseFilters(service, &FilterCriteria{Filters: []Filter{{pattern}}}); err == nil {
			t.Errorf("%s takes the pattern %s", service, pattern)
		}
	}
}
