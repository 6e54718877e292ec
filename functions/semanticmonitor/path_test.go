package semanticmonitor_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/probe"
	"github.com/burstline/terraform-provider-serverless/functions/semanticmonitor"
)

// secrets are by their ARNs.
type secrets map[string]string

func (s secrets) Get(_ context.Context, arn string) (string, error) {
	if value, known := s[arn]; known {
		return value, nil
	}
	return "", errors.New("there is no such secret")
}

// asked is a request as a server has it.
type asked struct{ Method, Path, Probe, Authorization, Body string }

// server answers each request with the next answer, the last one for ever, and notes the requests.
func server(t *testing.T, answers ...string) (url string, all *[]asked) {
	t.Helper()
	all = &[]asked{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*all = append(*all, asked{r.Method, r.URL.Path, r.Header.Get(probe.Header), r.Header.Get("Authorization"), string(body)})
		answer := answers[min(len(*all), len(answers))-1]
		status, text, _ := strings.Cut(answer, " ")
		w.WriteHeader(map[string]int{"200": 200, "201": 201, "202": 202, "302": 302, "403": 403, "429": 429, "503": 503}[status])
		io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	return s.URL, all
}

var sent = semanticmonitor.Probe{ID: "probe-abcdefghijklmnop", Sent: 1_900_000_000_000}

func caller() semanticmonitor.Caller {
	return semanticmonitor.Caller{Client: http.DefaultClient, Secrets: secrets{
		"arn:token": "Bearer s3cret", "arn:key": base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))),
	}}
}

// An endpoint's answer is the end, and any other than the expected one a refusal that tells why.
func TestExchange(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		expect semanticmonitor.Expect
		says   string
	}{
		"any success":         {"202 ", semanticmonitor.Expect{}, ""},
		"a redirection":       {"302 ", semanticmonitor.Expect{}, "the status is 302, expected 200 to 299"},
		"another status":      {"200 ", semanticmonitor.Expect{Status: 201}, "the status is 200, expected 201"},
		"the one":             {"403 ", semanticmonitor.Expect{Status: 403}, ""},
		"a value":             {`200 {"a":[{"b/c":7}]}`, semanticmonitor.Expect{Pointer: "/a/0/b~1c", Equals: "7"}, ""},
		"a probe's value":     {`200 {"id":"probe-abcdefghijklmnop"}`, semanticmonitor.Expect{Pointer: "/id", Equals: "{{probe}}"}, ""},
		"another value":       {`200 {"id":"probe"}`, semanticmonitor.Expect{Pointer: "/id", Equals: "{{probe}}"}, "the value at /id is another"},
		"any value":           {`200 {"ok":false}`, semanticmonitor.Expect{Pointer: "/ok"}, ""},
		"nothing":             {`200 {"ok":null}`, semanticmonitor.Expect{Pointer: "/ok"}, "there is nothing at /ok"},
		"beyond the end":      {`200 [1]`, semanticmonitor.Expect{Pointer: "/1"}, "there is nothing at /1"},
		"no JSON":             {`200 ok`, semanticmonitor.Expect{Pointer: "/ok"}, "there is nothing at /ok"},
		"an object":           {`200 {"a":{"b":1}}`, semanticmonitor.Expect{Pointer: "/a", Equals: `{"b":1}`}, ""},
		"a match":             {`200 all is well`, semanticmonitor.Expect{Matches: "^all is (well|fine)$"}, ""},
		"a probe's match":     {`200 seen probe-abcdefghijklmnop`, semanticmonitor.Expect{Matches: "seen {{probe}}$"}, ""},
		"no match":            {`200 ill`, semanticmonitor.Expect{Matches: "well"}, "the body does not match"},
		"the id":              {`200 [probe-abcdefghijklmnop]`, semanticmonitor.Expect{HasID: true}, ""},
		"the id of another's": {`200 [probe-abcdefghijklmnoq]`, semanticmonitor.Expect{HasID: true}, "the probe's id is not in the body"},
	} {
		t.Run(name, func(t *testing.T) {
			url, all := server(t, c.answer)
			client := caller()
			client.Client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			path := &semanticmonitor.Exchange{HTTP: semanticmonitor.HTTP{
				Method: "POST", URL: url + "/orders/{{probe}}", Body: `{"at":"{{time}}"}`, Secrets: map[string]string{"Authorization": "arn:token"}, Expect: c.expect,
			}, Caller: client}
			seen, err := path.Send(t.Context(), sent)
			if seen.Out != (c.says == "") || (err == nil) != seen.Out || err != nil && (!errors.Is(err, semanticmonitor.ErrRefused) || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%+v, %v; want %q", seen, err, c.says)
			}
			want := []asked{{"POST", "/orders/" + sent.ID, sent.ID, "Bearer s3cret", `{"at":"2030-03-17T17:46:40Z"}`}}
			if diff := cmp.Diff(want, *all); diff != "" {
				t.Errorf("want -, have +:\n%s", diff)
			}
		})
	}
}

// Nobody who answers, and a secret that is not there, are refusals, too.
func TestExchangeWithoutAnswer(t *testing.T) {
	url, _ := server(t, "200 ")
	for name, h := range map[string]semanticmonitor.HTTP{
		"no server": {Method: "GET", URL: "http://127.0.0.1:1/"}, "no secret": {Method: "GET", URL: url, Secrets: map[string]string{"Authorization": "arn:none"}},
	} {
		if _, err := (&semanticmonitor.Exchange{HTTP: h, Caller: caller()}).Send(t.Context(), sent); !errors.Is(err, semanticmonitor.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// queue is an SQS queue in memory, table one of items.
type queue struct{ body, id string }

func (q *queue) Send(_ context.Context, body, id string) error { q.body, q.id = body, id; return nil }

type table struct {
	item dynamodb.Item
	got  *dynamodb.GetItem
}

func (s *table) GetItem(_ context.Context, get *dynamodb.GetItem) (dynamodb.Item, error) {
	s.got = get
	return s.item, nil
}

func TestQueueToTable(t *testing.T) {
	for name, c := range map[string]struct {
		item   dynamodb.Item
		out    bool
		reason string
	}{
		"not there":         {nil, false, "the item is not there"},
		"without attribute": {dynamodb.Item{"id": dynamodb.String("x")}, false, "the item has no attribute place"},
		"another":           {dynamodb.Item{"place": dynamodb.Number(8)}, false, "the attribute place is another"},
		"the one":           {dynamodb.Item{"place": dynamodb.Number(7)}, true, ""},
	} {
		top, end := &queue{}, &table{item: c.item}
		path := &semanticmonitor.Funnel{Body: `{"fan":"{{probe}}"}`, Queue: top, End: &semanticmonitor.Record{
			Item: semanticmonitor.Item{Key: map[string]string{"fan": "gig/{{probe}}"}, Attribute: "place", Equals: "7"}, TableName: "fans", Table: end,
		}}
		seen, err := path.Send(t.Context(), sent)
		if err != nil || seen != (semanticmonitor.Seen{Stage: "queued"}) || top.body != `{"fan":"probe-abcdefghijklmnop"}` || top.id != sent.ID {
			t.Errorf("%s: sent %+v as %+v: %v", name, top, seen, err)
		}
		p := sent
		p.Stage = seen.Stage
		seen, err = path.Look(t.Context(), p)
		if want := (semanticmonitor.Seen{Out: c.out, Stage: "queued", Reason: c.reason}); err != nil || seen != want {
			t.Errorf("%s: seen %+v, want %+v: %v", name, seen, want, err)
		}
		if !end.got.ConsistentRead || end.got.TableName != "fans" || end.got.Key["fan"].Text() != "gig/"+sent.ID {
			t.Errorf("%s: asked %+v", name, end.got)
		}
	}
}

func TestQueueToHTTP(t *testing.T) {
	url, all := server(t, "200 []", "200 ["+sent.ID+"]")
	path := &semanticmonitor.Page{HTTP: semanticmonitor.HTTP{Method: "GET", URL: url + "/last", Expect: semanticmonitor.Expect{HasID: true}}, Caller: caller()}
	for i, want := range []semanticmonitor.Seen{{Reason: "the probe's id is not in the body"}, {Out: true}} {
		if seen, err := path.Look(t.Context(), sent); err != nil || seen != want {
			t.Errorf("look %d: %+v, %v; want %+v", i, seen, err, want)
		}
	}
	if diff := cmp.Diff(asked{"GET", "/last", sent.ID, "", ""}, (*all)[1]); diff != "" {
		t.Error(diff)
	}
}

// A probe joins with its mark, waits, is placed and called; who is refused is lost, who finds nobody tries again.
func TestWaitingRoom(t *testing.T) {
	at := func(state string, ms int64) string {
		text, _ := json.Marshal(map[string]any{"sale": "gig", "state": state, "at": ms})
		return "200 " + string(text)
	}
	fresh := sent.Sent + 1000
	for name, c := range map[string]struct {
		join, turn, status string
		refused            bool
		want               semanticmonitor.Seen
	}{
		"called":           {`202 {"ticket":"T"}`, `200 {"state":"called","place":3}`, at("open", fresh), false, semanticmonitor.Seen{Out: true, Stage: "called", Ticket: "T"}},
		"placed":           {`202 {"ticket":"T"}`, `200 {"state":"waiting","place":3}`, at("open", fresh), false, semanticmonitor.Seen{Stage: "placed", Ticket: "T", Reason: "the probe waits"}},
		"joined":           {`202 {"ticket":"T"}`, `200 {"state":"waiting"}`, at("open", fresh), false, semanticmonitor.Seen{Stage: "joined", Ticket: "T", Reason: "the probe waits"}},
		"forgotten":        {`202 {"ticket":"T"}`, `200 {"state":"unknown"}`, at("open", fresh), false, semanticmonitor.Seen{Reason: "the waiting room does not know the probe"}},
		"turn is down":     {`202 {"ticket":"T"}`, `503 {}`, at("open", fresh), false, semanticmonitor.Seen{Stage: "joined", Ticket: "T", Reason: "turn: the status is 503"}},
		"an old status":    {`202 {"ticket":"T"}`, `200 {"state":"called"}`, at("open", fresh-60_000), false, semanticmonitor.Seen{Stage: "called", Ticket: "T", Reason: "status: it is older than a probe may take"}},
		"long closed":      {`202 {"ticket":"T"}`, `200 {"state":"called"}`, at("closed", fresh-60_000), false, semanticmonitor.Seen{Out: true, Stage: "called", Ticket: "T"}},
		"no status":        {`202 {"ticket":"T"}`, `200 {"state":"called"}`, "403 ", false, semanticmonitor.Seen{Stage: "called", Ticket: "T", Reason: "status: the status is 403"}},
		"another's sale":   {`202 {"ticket":"T"}`, `200 {"state":"called"}`, `200 {"sale":"other"}`, false, semanticmonitor.Seen{Stage: "called", Ticket: "T", Reason: "status: it is none of the sale gig"}},
		"refused":          {`403 {"error":"closed"}`, "", "", true, semanticmonitor.Seen{}},
		"nobody answers":   {`503 {}`, "", "", false, semanticmonitor.Seen{}},
		"too many at once": {`429 {}`, "", "", false, semanticmonitor.Seen{}},
	} {
		t.Run(name, func(t *testing.T) {
			join, joins := server(t, c.join)
			turn, turns := server(t, c.turn)
			status, _ := server(t, c.status)
			w := newWorld()
			w.now = time.UnixMilli(fresh)
			path := &semanticmonitor.Waiting{Room: semanticmonitor.Room{Join: join, Turn: turn, Status: status, ProbeKey: "arn:key", Sale: "gig"}, Caller: caller(), Within: 30 * time.Second, Clock: w}
			seen, err := path.Send(t.Context(), sent)
			if errors.Is(err, semanticmonitor.ErrRefused) != c.refused {
				t.Fatalf("join: %+v, %v", seen, err)
			}
			var request struct{ Sale, Nonce, Probe string }
			if err := json.Unmarshal([]byte((*joins)[0].Body), &request); err != nil {
				t.Fatal(err)
			}
			if request.Sale != "gig" || len(request.Nonce) != 43 || request.Probe != probe.Code([]byte(strings.Repeat("k", 32)), "gig", request.Nonce) || (*joins)[0].Probe != sent.ID {
				t.Errorf("joined with %+v", (*joins)[0])
			}
			p := sent
			p.Stage, p.Ticket = seen.Stage, seen.Ticket
			if seen.Ticket == "" { // It joins again, as the same fan.
				if _, again := path.Look(t.Context(), p); again == nil || (*joins)[1].Body != (*joins)[0].Body || len(*turns) != 0 {
					t.Errorf("joined again with %+v: %v", *joins, again)
				}
				return
			}
			seen, err = path.Look(t.Context(), p)
			if err != nil || seen != c.want {
				t.Errorf("seen %+v, want %+v: %v", seen, c.want, err)
			}
			if (*turns)[0].Body != `{"do":"look","ticket":"T"}` {
				t.Errorf("asked %+v", *turns)
			}
		})
	}
}
