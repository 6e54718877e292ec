package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/api"
)

// What is not answered costs no call of AWS.
func TestLimits(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("{a", n) + strings.Repeat("}", n) }
	doubling := "{...a0}"
	for i := range 40 {
		doubling += fmt.Sprintf("fragment a%d on Query{...a%d ...a%d}", i, i+1, i+1)
	}
	doubling += "fragment a40 on Query{viewer{name}}"
	for name, of := range map[string]struct{ query, want string }{
		"long":                         {`{viewer{name}}` + strings.Repeat(" ", api.MaxQueryBytes), "LIMIT"},
		"deep":                         {nested(9), "LIMIT"},
		"two operations":               {`query A{viewer{name}} query B{viewer{name}}`, "LIMIT"},
		"no operation":                 {`fragment F on Query{viewer{name}}`, "LIMIT"},
		"a subscription":               {`subscription{viewer{name}}`, "BAD_INPUT"},
		"the schema":                   {`{__schema{types{name}}}`, "BAD_INPUT"},
		"a type in a fragment":         {`{...F} fragment F on Query{t:__type(name:"Run"){name}}`, "BAD_INPUT"},
		"many metrics":                 {`{segments(first:100){nodes{metrics{name}}}}`, "LIMIT"},
		"many metrics by a default":    {`query($n:Int=100){segments(first:$n){nodes{metrics{name}}}}`, "LIMIT"},
		"many metrics by a fragment":   {`{segments(first:100){...F}} fragment F on SegmentConnection{nodes{...G}} fragment G on Segment{metrics{name}}`, "LIMIT"},
		"many aliases":                 {"{" + strings.Repeat("a:segments{totalCount}", 200) + "}", "LIMIT"},
		"many failures":                {`{runs(first:20){nodes{failures{nodes{key}}}}}`, "LIMIT"},
		"many mutations":               {"mutation{" + strings.Repeat(`a:replayRun(id:"r1"){runId}`, 60) + "}", "LIMIT"},
		"fragments that double":        {doubling, "LIMIT"},
		"a fragment in itself":         {`{...F} fragment F on Query{viewer{name}...F}`, "LIMIT"},
		"a page too large":             {`{segments(first:101){nodes{value}}}`, "segments BAD_INPUT"},
		"a page of none":               {`{segments(first:0){nodes{value}}}`, "segments BAD_INPUT"},
		"a page of fewer":              {`{runs(first:-1){nodes{id}}}`, "runs BAD_INPUT"},
		"a cursor of another kind":     {`{runs(after:"e30x"){nodes{id}}}`, "runs BAD_INPUT"},
		"a cursor that is no base64":   {`{bookings(after:"%"){nodes{id}}}`, "bookings BAD_INPUT"},
		"an empty cursor":              {`{bookings(after:""){nodes{id}}}`, "bookings BAD_INPUT"},
		"a cursor of another search":   {`{segments(search:"b",after:"` + cursor(`{"run":"r1","search":"a","sort":"SIZE_DESC","skip":1}`) + `"){nodes{id}}}`, "segments BAD_INPUT"},
		"a cursor of no run":           {`{segments(after:"` + cursor(`{"run":"../r1","sort":"SIZE_DESC","skip":1}`) + `"){nodes{id}}}`, "segments BAD_INPUT"},
		"a cursor before the first":    {`{segments(after:"` + cursor(`{"run":"r1","sort":"SIZE_DESC","skip":-1}`) + `"){nodes{id}}}`, "segments BAD_INPUT"},
		"a cursor of another status":   {`{bookings(status:FAILED,after:"` + cursor(`{"after":"x"}`) + `"){nodes{id}}}`, "bookings BAD_INPUT"},
		"a cursor too long":            {`{bookings(after:"` + cursor(`{"after":"`+strings.Repeat("x", 900)+`"}`) + `"){nodes{id}}}`, "bookings BAD_INPUT"},
		"a cursor longer than ids":     {`{bookings(after:"` + cursor(`{"after":"`+strings.Repeat("x", 600)+`"}`) + `"){nodes{id}}}`, "bookings BAD_INPUT"},
		"a search too long":            {`{segments(search:"` + strings.Repeat("x", 257) + `"){nodes{id}}}`, "segments BAD_INPUT"},
		"what is no GraphQL":           {`{segments{`, "BAD_INPUT"},
		"what the schema has not":      {`{passwords{value}}`, "BAD_INPUT"},
		"an id that is none":           {`{run(id:1.5){id}}`, "BAD_INPUT"},
		"variables that nobody uses":   {`query($n:Int){viewer{name}}`, "BAD_INPUT"},
		"a variable of no known type":  {`query($n:Foo){segments(first:$n){totalCount}}`, "BAD_INPUT, BAD_INPUT"},
		"aliases that mean two things": {`{a:segments{totalCount} a:segments(first:3){totalCount}}`, "BAD_INPUT"},
	} {
		w := homes(t)
		w.calls = 0
		if got := w.ask(of.query, nil); got.String() != of.want || got.status != 200 || w.calls != 0 {
			t.Errorf("%s: %s, should be %s; %d calls", name, got, of.want, w.calls)
		}
	}
}

func cursor(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// Values that variables have count too, and names of types of Go are in no answer.
func TestVariables(t *testing.T) {
	w := homes(t)
	many := `query($n:Int){segments(first:$n){nodes{metrics{name}}}}`
	for _, of := range []struct {
		query string
		value any
		want  string
	}{
		{many, 100, "LIMIT"}, {many, 3, ""}, {many, "3", "LIMIT"}, {many, 2e9, "LIMIT"}, {many, -7, "LIMIT"}, {many, nil, ""}, {many, []int{1}, "LIMIT"},
		{`query($n:ID!){run(id:$n){id}}`, 1.5, "BAD_INPUT"}, {`query($n:ID!){run(id:$n){id}}`, []int{1}, "BAD_INPUT"}, {`query($n:ID!){run(id:$n){id}}`, nil, "BAD_INPUT"},
		{`mutation($n:CreateBookingInput!){createBooking(input:$n){id}}`, 7, "BAD_INPUT"}, {`mutation($n:CreateBookingInput!){createBooking(input:$n){id}}`, map[string]any{"to": 1}, "BAD_INPUT"},
		{`query($n:SegmentSort){segments(sort:$n){totalCount}}`, "UP", "BAD_INPUT"}, {`query($n:String){segments(search:$n){totalCount}}`, 7, "BAD_INPUT"},
	} {
		got := w.ask(of.query, map[string]any{"n": of.value})
		if len(got.Errors) == 0 && of.want == "" {
			continue
		}
		if !strings.HasPrefix(got.String(), of.want) {
			t.Errorf("%s with %v: %s, should be %s", of.query, of.value, got, of.want)
		}
		for _, err := range got.Errors {
			if strings.Contains(err.Message, "float64") || strings.Contains(err.Message, "interface") || strings.Contains(err.Message, "map[") || strings.Contains(err.Message, "%!") {
				t.Errorf("%s with %v: %s", of.query, of.value, err.Message)
			}
		}
	}
}

// Requests that are none for GraphQL.
func TestRequests(t *testing.T) {
	const good = `{"query":"{viewer{name}}"}`
	encoded := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	for name, of := range map[string]struct {
		method, kind, body string
		base64             bool
		status             int
		want               string
	}{
		"good":               {"POST", "application/json", good, false, 200, `{"viewer":{"name":"ann"}}`},
		"with a charset":     {"POST", "application/json; charset=utf-8", good, false, 200, `{"viewer":{"name":"ann"}}`},
		"in base64":          {"POST", "application/json", encoded(good), true, 200, `{"viewer":{"name":"ann"}}`},
		"with more members":  {"POST", "application/json", `{"query":"query A{viewer{name}}","operationName":"A","variables":null,"extensions":{"a":[1]}}`, false, 200, `{"viewer":{"name":"ann"}}`},
		"of another name":    {"POST", "application/json", `{"query":"query A{viewer{name}}","operationName":"B"}`, false, 200, "BAD_INPUT"},
		"GET":                {"GET", "application/json", good, false, 405, "BAD_INPUT"},
		"a form":             {"POST", "application/x-www-form-urlencoded", good, false, 415, "BAD_INPUT"},
		"of no type":         {"POST", "", good, false, 415, "BAD_INPUT"},
		"no base64":          {"POST", "application/json", "{", true, 400, "BAD_INPUT"},
		"a batch":            {"POST", "application/json", " [" + good + "," + good + "]", false, 400, "LIMIT"},
		"two":                {"POST", "application/json", good + good, false, 400, "BAD_INPUT"},
		"none":               {"POST", "application/json", "", false, 400, "BAD_INPUT"},
		"null":               {"POST", "application/json", "null", false, 400, "BAD_INPUT"},
		"without a query":    {"POST", "application/json", `{"variables":{}}`, false, 400, "BAD_INPUT"},
		"variables in words": {"POST", "application/json", `{"query":"{viewer{name}}","variables":"none"}`, false, 400, "BAD_INPUT"},
		"large":              {"POST", "application/json", `{"query":"{viewer{name}}","variables":{"a":"` + strings.Repeat("x", api.MaxBodyBytes) + `"}}`, false, 413, "LIMIT"},
		"large in base64":    {"POST", "application/json", encoded(good + strings.Repeat(" ", api.MaxBodyBytes)), true, 413, "LIMIT"},
	} {
		w := newWorld(t)
		request := api.Request{Body: of.body, IsBase64Encoded: of.base64, Headers: map[string]string{"content-type": of.kind}}
		request.RequestContext.HTTP.Method = of.method
		if err := json.Unmarshal([]byte(reader), &request.RequestContext.Authorizer); err != nil {
			t.Fatal(err)
		}
		if got := w.handle(request); got.status != of.status || got.String() != of.want {
			t.Errorf("%s: %d %s, should be %d %s", name, got.status, got, of.status, of.want)
		}
	}
}

// Each field fails by itself, and an answer tells nothing of why AWS did.
func TestFieldsThatFail(t *testing.T) {
	w := homes(t)
	for name, of := range map[string]struct{ call, query, want string }{
		"the manifest":  {"GetChanged manifest.json", `{manifest{runId}segments{totalCount}viewer{name}}`, "manifest UNAVAILABLE, segments UNAVAILABLE"},
		"metadata":      {"GetObject runs/r1/segments/" + fitzroy + ".json", `{segments{nodes{id metrics{name}}}}`, "segments nodes 0 metrics UNAVAILABLE"},
		"a run":         {"GetItem runs", `{run(id:"r1"){id}manifest{run{id}runId}}`, "manifest run UNAVAILABLE, run UNAVAILABLE"},
		"the runs":      {"BatchGetItem runs", `{runs{nodes{id}}}`, "runs UNAVAILABLE"},
		"failures":      {"Scan runs", `{run(id:"r1"){id failures{nodes{key}}}}`, "run failures UNAVAILABLE"},
		"their object":  {"GetObject runs/r1/failed/c2.json", `{run(id:"r1"){failures{nodes{key}}}}`, "run failures UNAVAILABLE"},
		"bookings":      {"Query bookings", `{bookings{nodes{id}}}`, "bookings UNAVAILABLE"},
		"a booking":     {"GetItem bookings", `{booking(id:"b"){id}}`, "booking UNAVAILABLE"},
		"a booking new": {"TransactPut bookings", fmt.Sprintf(`mutation{createBooking(input:{segment:%q}){id}}`, fitzroy), "createBooking UNAVAILABLE"},
		"the topic":     {"Publish", `mutation{replayRun(id:"r1"){runId}}`, "replayRun UNAVAILABLE"},
	} {
		w.metrics.Reset()
		w.start() // Nothing is kept.
		w.fails = func(call string) error {
			if call == of.call {
				return errAWS
			}
			return nil
		}
		got := w.ask(of.query, nil)
		lines := strings.Split(got.String(), ", ")
		slices.Sort(lines)
		if strings.Join(lines, ", ") != of.want || strings.Contains(fmt.Sprint(got.Errors), "arn:aws") || !strings.Contains(w.metrics.String(), `"Unanswered":1`) {
			t.Errorf("%s: %s, should be %s; %v, %s", name, lines, of.want, got.Errors, w.metrics)
		}
	}
	w.fails = nil
	w.metrics.Reset()
	if got := w.ask(`{run(id:"none"){id}viewer{name}}`, nil); string(got.Data) != `{"run":null,"viewer":{"name":"ann"}}` || got.String() != "run NOT_FOUND" || w.metrics.Len() != 0 {
		t.Errorf("%s %s %s", got.Data, got, w.metrics)
	}
	w.fails = func(string) error { panic("arn:aws:secret") }
	if got := w.ask(`{runs{nodes{id}}}`, nil); got.String() != "runs UNAVAILABLE" || strings.Contains(fmt.Sprint(got.Errors), "secret") {
		t.Errorf("%v after a panic", got.Errors)
	}
}

// What is gone, and what there is not.
func TestGone(t *testing.T) {
	w := homes(t)
	w.publish("r0", "a", 3, "b", 2, "c", 1)
	var read struct{ Segments page }
	w.data(w.ask(`{segments(first:1){pageInfo{endCursor hasNextPage}}}`, nil), &read)
	next := map[string]any{"after": *read.Segments.PageInfo.EndCursor}
	w.publish("r1", "x", 3)
	w.start()
	delete(w.objects, pipeline.RunManifestObject("r0"))
	for query, want := range map[string]string{
		`query($after:String){segments(after:$after){nodes{id}}}`: "segments CONFLICT",
		`query($after:String){runs(after:$after){nodes{id}}}`:     `{"runs":{"nodes":[]}}`,
	} {
		if got := w.ask(query, next); got.String() != want {
			t.Errorf("%s: %s, should be %s", query, got, want)
		}
	}
	for _, query := range []string{`{segment(id:"x"){id}}`, `{booking(id:"x"){id}}`, `{run(id:"x"){id}}`, `{run(id:"recent"){id}}`, `{run(id:"R 1"){id}}`} {
		if got := w.ask(query, nil); !strings.HasSuffix(got.String(), " NOT_FOUND") {
			t.Errorf("%s: %s", query, got)
		}
	}
}

// A request that takes too long is given up, and an answer that is too large is none.
func TestTooLongAndTooLarge(t *testing.T) {
	w := homes(t)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(500*time.Millisecond)) // Of which a second is kept back for the answer.
	defer cancel()
	request := api.Request{Body: `{"query":"{runs{nodes{id}}viewer{name}}"}`, Headers: map[string]string{"content-type": "application/json"}}
	request.RequestContext.HTTP.Method = "POST"
	if err := json.Unmarshal([]byte(reader), &request.RequestContext.Authorizer); err != nil {
		t.Fatal(err)
	}
	response, err := w.api.Handle(ctx, request)
	if err != nil || response.StatusCode != 200 || !strings.Contains(response.Body, `"UNAVAILABLE"`) || !strings.Contains(response.Body, "took too long") {
		t.Errorf("%+v, %v", response, err)
	}
	value := strings.Repeat("v", 50_000)
	w.publish("r1", value, 3)
	query := "{segments{nodes{"
	for i := range 100 {
		query += fmt.Sprintf("a%d:value ", i)
	}
	if got := w.ask(query+"}}}", nil); got.String() != "LIMIT" || got.status != 200 {
		t.Errorf("%.100s", got)
	}
}

// With the schema open, the query that tools begin with is answered, and nothing deeper.
func TestIntrospection(t *testing.T) {
	w := homes(t)
	w.options.Introspection = true
	w.start()
	const ofType = `kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name}}}}}}}`
	query := `query IntrospectionQuery{__schema{queryType{name}mutationType{name}types{kind name description fields(includeDeprecated:true){name args{name type{` + ofType +
		`}defaultValue}type{` + ofType + `}}inputFields{name type{` + ofType + `}}enumValues(includeDeprecated:true){name}}directives{name locations args{name}}}}`
	var read struct {
		Schema struct {
			Types []struct{ Kind, Name, Description string }
		} `json:"__schema"`
	}
	w.data(w.ask(query, nil), &read)
	for _, of := range read.Schema.Types {
		if of.Description == "" {
			t.Errorf("%s %s is not described", of.Kind, of.Name)
		}
	}
	if len(read.Schema.Types) < 25 {
		t.Errorf("%d types", len(read.Schema.Types))
	}
	if got := w.ask(`{__type(name:"Run"){`+strings.Repeat("ofType{", 16)+"name"+strings.Repeat("}", 16)+"}}", nil); got.String() != "LIMIT" {
		t.Error(got)
	}
}

// Whatever comes, the answer is JSON with a status of its own, and no call is made for what is no query.
func FuzzHandle(f *testing.F) {
	for _, seed := range []string{`{"query":"{viewer{name}}"}`, `[{"query":"{a}"}]`, `{"query":"query($n:Int=3){segments(first:$n){nodes{id}}}","variables":{"n":1e99}}`, `{"query":"{...F} fragment F on Query{...F}"}`, `{"query":"{run(id:\"\\u0000\"){id}}"}`, `null`, `{"query":"mutation{replayRun(id:\"r1\"){runId}}"}`} {
		f.Add(seed, false)
		f.Add(base64.StdEncoding.EncodeToString([]byte(seed)), true)
	}
	f.Fuzz(func(t *testing.T, raw string, encoded bool) {
		w := homes(t)
		request := api.Request{Body: raw, IsBase64Encoded: encoded, Headers: map[string]string{"content-type": "application/json"}}
		request.RequestContext.HTTP.Method = "POST"
		if err := json.Unmarshal([]byte(reader), &request.RequestContext.Authorizer); err != nil {
			t.Fatal(err)
		}
		w.calls = 0
		got := w.handle(request)
		if !slices.Contains([]int{200, 400, 413}, got.status) || got.status != 200 && w.calls > 0 || w.calls > api.MaxCalls {
			t.Errorf("%d with %d calls: %s", got.status, w.calls, got)
		}
		for _, err := range got.Errors {
			if err.Message == "" || err.Extensions.Code == "" || err.Extensions.Code == api.Unavailable {
				t.Errorf("%+v", err)
			}
		}
	})
}

// The events of testdata, as API Gateway gives them.
func TestEventsAsLambdaGivesThem(t *testing.T) {
	w := homes(t)
	raw, err := os.ReadFile("testdata/api.json")
	if err != nil {
		t.Fatal(err)
	}
	var request api.Request
	if err := json.Unmarshal(raw, &request); err != nil {
		t.Fatal(err)
	}
	if got := w.handle(request); got.String() != `{"segments":{"nodes":[{"value":"Fitzroy","count":5},{"value":"fitzrovia","count":1}],"totalCount":2},"viewer":{"name":"c0ffee00-1234-5678-9abc-def012345678","mayWrite":true}}` {
		t.Errorf("%s", got)
	}
	if keys := slices.Sorted(maps.Keys(request.Headers)); !slices.Contains(keys, "authorization") {
		t.Errorf("headers %v", keys)
	}
}
