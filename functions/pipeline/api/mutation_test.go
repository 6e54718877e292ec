package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/api"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

type booked struct {
	CreateBooking struct{ ID, Status, At, SegmentValue string }
}

const create = `mutation($segment:ID!,$at:Time,$key:String){createBooking(input:{segment:$segment,at:$at,idempotencyKey:$key}){id status at segmentValue}}`

func TestCreateBooking(t *testing.T) {
	w := homes(t)
	var now, later, again, other booked
	w.data(w.ask(create, map[string]any{"segment": fitzroy}), &now)
	if now.CreateBooking.Status != "BOOKED" || now.CreateBooking.At != "2030-05-04T18:00:00Z" || now.CreateBooking.SegmentValue != "Fitzroy" {
		t.Errorf("%+v", now)
	}
	w.data(w.ask(create, map[string]any{"segment": fitzroy, "at": "2030-06-01T09:30:00.25+02:00", "key": "k"}), &later)
	made, found, err := w.bookings.Get(t.Context(), later.CreateBooking.ID)
	at := time.Date(2030, 6, 1, 7, 30, 0, 250e6, time.UTC).UnixMilli()
	if err != nil || !found || made.At != at || made.By != "ann" || made.Run != "r1" || made.Segment != fitzroy || later.CreateBooking.At != "2030-06-01T07:30:00.25Z" {
		t.Errorf("%+v, %v", made, err)
	}
	w.data(w.ask(create, map[string]any{"segment": fitzroy, "at": "2030-06-01T07:30:00.25Z", "key": "k"}), &again)
	w.caller = strings.Replace(reader, "ann", "eve", 1)
	w.data(w.ask(create, map[string]any{"segment": carlton, "key": "k"}), &other)
	if again != later || other.CreateBooking.ID == later.CreateBooking.ID {
		t.Errorf("%+v again, and %+v for somebody else", again, other)
	}
	w.caller = reader
	for name, of := range map[string]struct {
		variables map[string]any
		want      string
	}{
		"no such segment":     {map[string]any{"segment": "none"}, "createBooking NOT_FOUND"},
		"the key of another":  {map[string]any{"segment": carlton, "key": "k"}, "createBooking CONFLICT"},
		"an empty key":        {map[string]any{"segment": carlton, "key": ""}, "createBooking BAD_INPUT"},
		"a long key":          {map[string]any{"segment": carlton, "key": strings.Repeat("k", 129)}, "createBooking BAD_INPUT"},
		"in two years":        {map[string]any{"segment": carlton, "at": "2032-05-04T18:00:00Z"}, "createBooking BAD_INPUT"},
		"no time":             {map[string]any{"segment": carlton, "at": "tomorrow"}, "BAD_INPUT"},
		"a time in words":     {map[string]any{"segment": carlton, "at": 1904155380}, "BAD_INPUT"},
		"a segment of no key": {map[string]any{}, "BAD_INPUT"},
	} {
		if got := w.ask(create, of.variables); got.String() != of.want {
			t.Errorf("%s: %s, should be %s", name, got, of.want)
		}
	}
	if n := len(w.tables["bookings"]); n != 4*2+2 { // Each with what is open, and two keys.
		t.Errorf("%d items", n)
	}
	w.options.Bookings = nil
	w.start()
	if got := w.ask(create, map[string]any{"segment": fitzroy}); got.String() != "createBooking CONFLICT" {
		t.Error(got)
	}
}

// A booking whose answer was lost is answered again under its key, also where the next manifest has its segment no more.
func TestCreateBookingAgainOfASegmentThatIsGone(t *testing.T) {
	w := homes(t)
	var made, again booked
	asked := map[string]any{"segment": fitzroy, "key": "k"}
	w.data(w.ask(create, asked), &made)
	w.run("r3", 7, dynamodb.Item{"state": dynamodb.String("done")})
	w.publish("r3", "Carlton", 4)
	w.clock.pass(time.Minute)
	w.data(w.ask(create, asked), &again)
	if again != made {
		t.Errorf("%+v, should be %+v", again, made)
	}
	for want, of := range map[string]map[string]any{
		"createBooking NOT_FOUND": {"segment": fitzroy, "key": "l"},
		"createBooking CONFLICT":  {"segment": fitzroy, "key": "k", "at": "2030-06-01T09:30:00Z"},
	} {
		if got := w.ask(create, of); got.String() != want {
			t.Errorf("%v: %s, should be %s", of, got, want)
		}
	}
}

// A booking for the past is one for now.
func TestCreateBookingForThePast(t *testing.T) {
	for _, at := range []string{"1970-01-01T00:00:00Z", "1969-12-31T00:00:00Z", "2030-05-04T17:00:00Z"} {
		w := homes(t)
		var made booked
		w.data(w.ask(create, map[string]any{"segment": fitzroy, "at": at}), &made)
		if made.CreateBooking.At != "2030-05-04T18:00:00Z" {
			t.Errorf("%s: %+v", at, made)
		}
	}
}

func TestCancelBooking(t *testing.T) {
	w := homes(t)
	const cancel = `mutation($id:ID!){cancelBooking(id:$id){status endedAt}}`
	b := w.book("Fitzroy")
	for range 2 {
		if got := w.ask(cancel, map[string]any{"id": b.ID}); got.String() != `{"cancelBooking":{"status":"CANCELLED","endedAt":"2030-05-04T18:00:00Z"}}` {
			t.Error(got)
		}
	}
	late := w.book("Fitzroy")
	w.tables["bookings"]["booking|"+late.ID]["status"] = dynamodb.String(string(bookings.Uploading))
	for id, want := range map[string]string{late.ID: "cancelBooking CONFLICT", "none": "cancelBooking NOT_FOUND", "": "cancelBooking NOT_FOUND", strings.Repeat("x", 2000): "cancelBooking NOT_FOUND"} {
		if got := w.ask(cancel, map[string]any{"id": id}); got.String() != want {
			t.Errorf("%.20s: %s, should be %s", id, got, want)
		}
	}
}

func TestRetryBooking(t *testing.T) {
	w := homes(t)
	const retry = `mutation($id:ID!){retryBooking(id:$id){id status attempts endedAt}}`
	b := w.book("Fitzroy")
	item := w.tables["bookings"]["booking|"+b.ID]
	item["status"], item["attempts"], item["key"] = dynamodb.String(string(bookings.Failed)), dynamodb.Number(9), dynamodb.String("k")
	item["generated_at"] = dynamodb.Number(item["made"].Int())
	if got := w.ask(retry, map[string]any{"id": b.ID}); got.String() != `{"retryBooking":{"id":"`+b.ID+`","status":"GENERATED","attempts":0,"endedAt":null}}` {
		t.Error(got)
	}
	old := w.book("Fitzroy")
	item = w.tables["bookings"]["booking|"+old.ID]
	item["status"], item["key"], item["generated_at"] = dynamodb.String(string(bookings.Failed)), dynamodb.String("k"), dynamodb.Number(1)
	for id, want := range map[string]string{b.ID: "retryBooking CONFLICT", old.ID: "retryBooking CONFLICT", "none": "retryBooking NOT_FOUND", strings.Repeat("x", 2000): "retryBooking NOT_FOUND"} {
		if got := w.ask(retry, map[string]any{"id": id}); got.String() != want {
			t.Errorf("%.20s: %s, should be %s", id, got, want)
		}
	}
}

func TestReplayRun(t *testing.T) {
	w := homes(t)
	w.run("clean", 1, nil)
	const replay = `mutation($id:ID!,$only:Boolean,$key:String){replayRun(id:$id,failedOnly:$only,idempotencyKey:$key){runId}}`
	var ids []string
	for _, variables := range []map[string]any{
		{"id": "r1"}, {"id": "r1"}, {"id": "r1", "key": "k"}, {"id": "r1", "key": "k"}, {"id": "r1", "key": "k", "only": true},
	} {
		var begun struct{ ReplayRun struct{ RunID string } }
		w.data(w.ask(replay, variables), &begun)
		var start pipeline.Start
		if err := json.Unmarshal([]byte(w.sent[len(w.sent)-1]), &start); err != nil {
			t.Fatal(err)
		}
		if want := (pipeline.Start{Run: begun.ReplayRun.RunID, Prefix: "up/", ReplayOf: "r1", Failed: variables["only"] == true}); start != want || !pipeline.ValidRun(start.Run) {
			t.Errorf("sent %+v, should be %+v", start, want)
		}
		ids = append(ids, start.Run)
	}
	if ids[0] == ids[1] || ids[2] != ids[3] || ids[4] == ids[3] || ids[2] == ids[0] {
		t.Errorf("%v", ids)
	}
	for name, of := range map[string]struct {
		variables map[string]any
		want      string
	}{
		"no such run":        {map[string]any{"id": "none"}, "replayRun NOT_FOUND"},
		"another item's id":  {map[string]any{"id": "recent"}, "replayRun NOT_FOUND"},
		"no run's id":        {map[string]any{"id": "r1/failed/c1"}, "replayRun NOT_FOUND"},
		"one under way":      {map[string]any{"id": "r2"}, "replayRun CONFLICT"},
		"without failures":   {map[string]any{"id": "clean", "only": true}, "replayRun CONFLICT"},
		"with an empty key":  {map[string]any{"id": "r1", "key": ""}, "replayRun BAD_INPUT"},
		"and a wrong answer": {map[string]any{"id": "r1", "only": "yes"}, "BAD_INPUT"},
	} {
		if got := w.ask(replay, of.variables); got.String() != of.want {
			t.Errorf("%s: %s, should be %s", name, got, of.want)
		}
	}
	if len(w.sent) != 5 {
		t.Errorf("sent %v", w.sent)
	}
}

// Each mutation needs the scope, where there is one, and no query does.
func TestWhoMayWrite(t *testing.T) {
	key := func(scopes string) string { return fmt.Sprintf(`{"lambda":{"name":"partner","scopes":%q}}`, scopes) }
	token := func(claims string) string { return `{"jwt":{"claims":{` + claims + `},"scopes":null}}` }
	const iam = `{"iam":{"userArn":"arn:aws:iam::123456789012:user/ann"}}`
	for name, of := range map[string]struct {
		auth, scope, caller string
		viewer              string // Empty for nobody.
		may                 bool
	}{
		"token with the scope":          {api.AuthJWT, "book", token(`"sub":"ann","scope":"read book"`), "ann", true},
		"token with it in scp":          {api.AuthJWT, "book", token(`"sub":"ann","scp":"[read book]"`), "ann", true},
		"token with the route's scope":  {api.AuthJWT, "book", `{"jwt":{"claims":{"sub":"ann"},"scopes":["book"]}}`, "ann", true},
		"token without it":              {api.AuthJWT, "book", token(`"sub":"ann","scope":"read booking"`), "ann", false},
		"token with a scope of no text": {api.AuthJWT, "book", token(`"sub":"ann","scope":7`), "ann", false},
		"token where none is needed":    {api.AuthJWT, "", token(`"sub":"ann"`), "ann", true},
		"token of a program":            {api.AuthJWT, "book", token(`"client_id":"job","scope":"book"`), "job", true},
		"token of nobody":               {api.AuthJWT, "book", token(`"scope":"book"`), "", false},
		"key with the scope":            {api.AuthKey, "book", key("book"), "partner", true},
		"key without it":                {api.AuthKey, "book", key(""), "partner", false},
		"key of nobody":                 {api.AuthKey, "book", `{"lambda":{"scopes":"book"}}`, "", false},
		"IAM":                           {api.AuthIAM, "", iam, "arn:aws:iam::123456789012:user/ann", true},
		"IAM where a token is asked":    {api.AuthJWT, "", iam, "", false},
		"a token where IAM is":          {api.AuthIAM, "", reader, "", false},
		"a token where a key is":        {api.AuthKey, "", reader, "", false},
		"without an authorizer":         {api.AuthJWT, "", `{}`, "", false},
		"with an empty one":             {api.AuthKey, "", `{"lambda":null,"jwt":null,"iam":null}`, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := letIn(t, of.auth, of.scope, of.caller)
			b := w.book("Fitzroy")
			calls := w.calls
			if of.viewer == "" {
				if got := w.ask(`{viewer{name}}`, nil); got.status != 401 || got.String() != "FORBIDDEN" || w.calls != calls {
					t.Errorf("%d %s", got.status, got)
				}
				return
			}
			if got, want := w.ask(`{viewer{name mayWrite}}`, nil).String(), fmt.Sprintf(`{"viewer":{"name":%q,"mayWrite":%t}}`, of.viewer, of.may); got != want {
				t.Errorf("%s, should be %s", got, want)
			}
			if got := w.ask(`{segments{totalCount}}`, nil); got.String() != `{"segments":{"totalCount":3}}` {
				t.Error(got)
			}
			for field, mutation := range map[string]string{
				"createBooking": fmt.Sprintf(`mutation{createBooking(input:{segment:%q}){status}}`, fitzroy),
				"cancelBooking": fmt.Sprintf(`mutation{cancelBooking(id:%q){status}}`, b.ID),
				"replayRun":     `mutation{replayRun(id:"r1"){runId}}`,
			} {
				calls := w.calls
				got := w.ask(mutation, nil)
				if of.may && len(got.Errors) > 0 || !of.may && (got.String() != field+" FORBIDDEN" || w.calls != calls) {
					t.Errorf("%s: %s", field, got)
				}
			}
		})
	}
}

func letIn(t *testing.T, auth, scope, caller string) *world {
	t.Helper()
	w := homes(t)
	w.options.Auth, w.options.WriteScope, w.caller = auth, scope, caller
	w.start()
	return w
}
