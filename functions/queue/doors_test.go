package queue_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/allowlist"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

var nonce = base64.RawURLEncoding.EncodeToString(make([]byte, 32))

func (w *world) join() *queue.Join {
	return &queue.Join{
		Sales: &queue.Sales{Store: w.store(), Clock: w.clock}, Key: make(queue.Key, queue.KeyBytes), Queue: joinsQueue{w}, Clock: w.clock, Log: discard,
	}
}

// organiser knows one organiser's token.
type organiser struct{}

func (organiser) Subject(_ context.Context, token string) (string, error) {
	switch token {
	case "good":
		return "ann@example", nil
	case "later":
		return "", errors.New("no keys")
	default:
		return "", queue.ErrToken
	}
}

func TestJoin(t *testing.T) {
	key := make(queue.Key, queue.KeyBytes)
	probeKey := append(queue.Key{9}, key[1:]...)
	listed := key.Allowed("C-1")
	codes, err := allowlist.Read(bytes.NewReader(listed[:]), 8)
	if err != nil {
		t.Fatal(err)
	}
	drawn := sale()
	drawn.DrawFrom = 50_000
	over := sale()
	over.ClosesAt = 150_000
	for name, c := range map[string]struct {
		sale    queue.Sale
		at      int64
		body    string
		with    func(*queue.Join)
		status  int
		message string // What is on the queue.
		has     string // In the answer.
	}{
		"open":                   {sale(), 100_000, `{"sale":"gig","nonce":"NONCE"}`, nil, 202, `{"sale":"gig","fan":"` + queue.FanID("gig", nonce) + `"}`, `"state":"open"`},
		"again":                  {sale(), 100_000, `{"sale":"gig","nonce":"NONCE","attempt":2}`, nil, 202, `{"sale":"gig","fan":"` + queue.FanID("gig", nonce) + `","attempt":2}`, `"ask":5`},
		"before the opening":     {sale(), 99_000, `{"sale":"gig","nonce":"NONCE"}`, nil, 403, "", `"error":"not_open","message":"The sale has not opened yet.","opens_at":100000,"wait":`},
		"before the pre-queue":   {drawn, 49_000, `{"sale":"gig","nonce":"NONCE"}`, nil, 403, "", `"opens_at":50000,"wait":`},
		"in the pre-queue":       {drawn, 50_000, `{"sale":"gig","nonce":"NONCE"}`, nil, 202, `{"sale":"gig","fan":"` + queue.FanID("gig", nonce) + `"}`, `"draw":true`},
		"while it is drawn":      {drawn, 100_000, `{"sale":"gig","nonce":"NONCE"}`, nil, 202, `{"sale":"gig","fan":"` + queue.FanID("gig", nonce) + `"}`, `"state":"drawing"`},
		"closed":                 {over, 150_000, `{"sale":"gig","nonce":"NONCE"}`, nil, 403, "", `"error":"closed"`},
		"no such sale":           {sale(), 100_000, `{"sale":"other","nonce":"NONCE"}`, nil, 404, "", `no_sale`},
		"no nonce":               {sale(), 100_000, `{"sale":"gig","nonce":"AAAA"}`, nil, 400, "", `malformed`},
		"an unknown member":      {sale(), 100_000, `{"sale":"gig","nonce":"NONCE","vip":true}`, nil, 400, "", `malformed`},
		"a member twice":         {sale(), 100_000, `{"sale":"gig","sale":"gig","nonce":"NONCE"}`, nil, 400, "", `malformed`},
		"other letters":          {sale(), 100_000, `{"Sale":"gig","nonce":"NONCE"}`, nil, 400, "", `malformed`},
		"something after it":     {sale(), 100_000, `{"sale":"gig","nonce":"NONCE"}{}`, nil, 400, "", `malformed`},
		"too large":              {sale(), 100_000, `{"sale":"` + strings.Repeat("x", 2048) + `"}`, nil, 413, "", `too_large`},
		"too many attempts":      {sale(), 100_000, `{"sale":"gig","nonce":"NONCE","attempt":1000}`, nil, 400, "", `malformed`},
		"the queue is down":      {sale(), 100_000, `{"sale":"gig","nonce":"NONCE"}`, func(j *queue.Join) { j.Queue = down{} }, 503, "", `unavailable`},
		"a code":                 {sale(), 100_000, `{"sale":"gig","nonce":"NONCE","code":"C-1"}`, func(j *queue.Join) { j.Codes = codes }, 202, `{"sale":"gig","fan":"` + queue.FanID("gig", key.Who("C-1")) + `"}`, ``},
		"another code":           {sale(), 100_000, `{"sale":"gig","nonce":"NONCE","code":"C-2"}`, func(j *queue.Join) { j.Codes = codes }, 422, "", `"error":"code"`},
		"no code":                {sale(), 100_000, `{"sale":"gig","nonce":"NONCE"}`, func(j *queue.Join) { j.Codes = codes }, 422, "", `"error":"code"`},
		"a token":                {sale(), 100_000, `{"sale":"gig","nonce":"NONCE","jwt":"good"}`, func(j *queue.Join) { j.Tokens = organiser{} }, 202, `{"sale":"gig","fan":"` + queue.FanID("gig", "ann@example") + `"}`, ``},
		"another token":          {sale(), 100_000, `{"sale":"gig","nonce":"NONCE","jwt":"bad"}`, func(j *queue.Join) { j.Tokens = organiser{} }, 422, "", `"error":"jwt"`},
		"keys cannot be had":     {sale(), 100_000, `{"sale":"gig","nonce":"NONCE","jwt":"later"}`, func(j *queue.Join) { j.Tokens = organiser{} }, 503, "", ``},
		"a probe, at any time":   {sale(), 1, `{"sale":"gig","nonce":"NONCE","probe":"` + probeKey.Probe("gig", nonce) + `"}`, func(j *queue.Join) { j.ProbeKey, j.Codes = probeKey, codes }, 202, `{"sale":"gig","fan":"` + queue.FanID("gig", nonce) + `","probe":true}`, ``},
		"a probe of another's":   {sale(), 100_000, `{"sale":"gig","nonce":"NONCE","probe":"` + key.Probe("gig", nonce) + `"}`, func(j *queue.Join) { j.ProbeKey = probeKey }, 400, "", ``},
		"a probe without a key":  {sale(), 100_000, `{"sale":"gig","nonce":"NONCE","probe":"x"}`, nil, 400, "", ``},
		"no JSON":                {sale(), 100_000, `hello`, nil, 400, "", ``},
		"an object in an object": {sale(), 100_000, `{"sale":{"gig":1},"nonce":"NONCE"}`, nil, 400, "", ``},
	} {
		w := newWorld(c.at, c.sale)
		j := w.join()
		if c.with != nil {
			c.with(j)
		}
		response, err := j.Handle(t.Context(), post(strings.ReplaceAll(c.body, "NONCE", nonce)))
		if err != nil || response.StatusCode != c.status || !strings.Contains(response.Body, c.has) {
			t.Errorf("%s: %d %s, %v", name, response.StatusCode, response.Body, err)
		}
		var sent string
		if len(w.joins) > 0 {
			sent = w.joins[0].Body
		}
		if sent != c.message {
			t.Errorf("%s: sent %s, want %s", name, sent, c.message)
		}
		var answer struct {
			Ticket, Fan string
			Wait        int64
		}
		if err := json.Unmarshal([]byte(response.Body), &answer); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if ticket, err := key.OpenTicket(answer.Ticket); c.status == 202 && (err != nil || ticket.Fan != answer.Fan || ticket.Sale != "gig" || ticket.Joined != c.at) {
			t.Errorf("%s: ticket %+v, %v", name, ticket, err)
		}
		if answer.Wait != 0 && (answer.Wait < 1000 || answer.Wait >= 6000) {
			t.Errorf("%s: wait %d", name, answer.Wait)
		}
		if w.calls["put fans"]+w.calls["update fans"]+w.calls["get fans"]+w.calls["get line"] != 0 {
			t.Errorf("%s: %v", name, w.calls)
		}
	}
	w := newWorld(100_000, sale())
	get := post("")
	get.RequestContext.HTTP.Method = "GET"
	if response, _ := w.join().Handle(t.Context(), get); response.StatusCode != 405 || response.Headers["Allow"] != "POST" {
		t.Errorf("%+v", response)
	}
	packed := post(base64.StdEncoding.EncodeToString([]byte(`{"sale":"gig","nonce":"` + nonce + `"}`)))
	packed.IsBase64Encoded = true
	if response, _ := w.join().Handle(t.Context(), packed); response.StatusCode != 202 {
		t.Errorf("%+v", response)
	}
}

type down struct{}

func (down) Send(context.Context, string) error { return errInfrastructure }

func TestTurnOfWhoHasNoRecord(t *testing.T) {
	drawn := sale()
	drawn.DrawFrom = 50_000
	for name, c := range map[string]struct {
		sale       queue.Sale
		stage      string
		joined, at int64
		want       string
	}{
		"just joined":             {sale(), "", 100_000, 219_999, "waiting"},
		"lost":                    {sale(), "", 100_000, 220_000, "unknown"},
		"waits for the draw":      {drawn, "committed", 60_000, 400_000, "waiting"},
		"drawn, records to come":  {drawn, "placed", 60_000, 219_999, "waiting"},
		"drawn, and not among it": {drawn, "placed", 60_000, 220_000, "unknown"},
	} {
		w := newWorld(c.at, c.sale)
		if c.stage != "" {
			w.tables["line"]["gig/draw"] = dynamodb.Item{"id": dynamodb.String("gig/draw"), "stage": dynamodb.String(c.stage)}
		}
		turn := w.turn()
		ticket := turn.Key.Seal(queue.Ticket{Sale: "gig", Fan: fanOf(1), Joined: c.joined})
		response, _ := turn.Handle(t.Context(), post(map[string]string{"ticket": ticket, "do": "look"}))
		var answer turned
		if err := json.Unmarshal([]byte(response.Body), &answer); err != nil || answer.State != c.want || answer.Ask < 5 {
			t.Errorf("%s: %s", name, response.Body)
		}
	}
	w := newWorld(200_000, sale())
	for body, status := range map[string]int{`{"ticket":"x","do":"look"}`: 422, `{"ticket":"` + w.turn().Key.Seal(queue.Ticket{Sale: "gig"}) + `","do":"buy"}`: 400} {
		if response, _ := w.turn().Handle(t.Context(), post(body)); response.StatusCode != status {
			t.Errorf("%s: %+v", body, response)
		}
	}
}

func TestRenewalsAndOneUse(t *testing.T) {
	twice := sale()
	twice.MaxRenewals, twice.Windows = 2, 1
	w := newWorld(200_000, twice)
	k, turn := w.keeper("a"), w.turn()
	w.mustPlace(t, 0, 1, 2)
	w.mustLead(t, k)
	claimed := w.ask(t, t.Context(), turn, 1, 0, queue.Claim)
	if again := w.ask(t, t.Context(), turn, 1, 0, queue.Claim); again.Token != claimed.Token || again.Until != 500_000 {
		t.Errorf("claimed twice: %+v", again)
	}
	for i, want := range []int64{510_000, 520_000, 520_000} {
		w.clock.pass(10 * time.Second)
		if renewed := w.ask(t, t.Context(), turn, 1, 0, queue.Renew); renewed.Until != want || *renewed.RenewalsLeft != max(0, 1-i) {
			t.Errorf("%+v", renewed)
		}
	}
	service := &queue.Service{Sales: turn.Sales, Store: w.store(), Key: turn.Key, Passes: passes{}, Clock: w.clock, Log: discard}
	do := func(what string) string {
		response, err := service.Handle(t.Context(), post(map[string]string{"token": claimed.Token, "do": what}))
		return fmt.Sprint(response.StatusCode, " ", response.Body, " ", err)
	}
	for _, step := range []struct{ do, want string }{
		{"redeem", `200 {"sale":"gig","fan":"` + fanOf(1) + `","state":"claimed","until":520000} <nil>`},
		{"redeem", `409 {"error":"conflict"`},
		{"renew", `409 {"error":"conflict"`},
		{"release", `200 {"sale":"gig","fan":"` + fanOf(1) + `","state":"purchased"`},
		{"release", `200 {`},
		{"redeem", `409 {"error":"conflict"`},
		{"assign", `403 {"error":"assign"`},
		{"sell", `400 {"error":"malformed"`},
	} {
		if got := do(step.do); !strings.HasPrefix(got, step.want) {
			t.Errorf("%s: %s, want %s", step.do, got, step.want)
		}
	}
	w.mustLead(t, k)
	if got := w.calledPlaces(); got != "[1 2]" {
		t.Errorf("called %s", got)
	}
	for token, want := range map[string]int{"junk": 403, `{"Sale":"gig","Fan":"` + fanOf(1) + `","ID":"other"}`: 404, "": 403} {
		if response, _ := service.Handle(t.Context(), post(map[string]string{"token": token, "do": "redeem", "sale": "gig", "fan": fanOf(1)})); response.StatusCode != want {
			t.Errorf("%q: %+v", token, response)
		}
	}
}

func streamRecord(number int, key, sale string, more map[string]events.DynamoDBAttributeValue) events.DynamoDBEventRecord {
	image := map[string]events.DynamoDBAttributeValue{"identity": events.NewStringAttribute(key), "sale": events.NewStringAttribute(sale)}
	for name, value := range more {
		image[name] = value
	}
	record := events.DynamoDBEventRecord{EventName: "INSERT"}
	record.Change = events.DynamoDBStreamRecord{
		SequenceNumber: fmt.Sprint(number), SizeBytes: 100, NewImage: image, ApproximateCreationDateTime: events.SecondsEpochTime{Time: time.UnixMilli(150_000)},
	}
	return record
}

func streamed(records ...events.DynamoDBEventRecord) (event queue.StreamEvent) {
	for _, record := range records {
		event.Records = append(event.Records, queue.StreamRecord{DynamoDBEventRecord: record})
	}
	return event
}

// The story's clog: what is broken, large or slow is set aside with its reason, and all others go on.
func TestTheStreamIsNeverClogged(t *testing.T) {
	late := sale()
	late.ID, late.OpensAt = "late", 160_000
	w := newWorld(150_000, sale(), late)
	aside := &slowQueue{world: w}
	key := make(queue.Key, queue.KeyBytes)
	s := &queue.Stream{
		Sales: &queue.Sales{Store: w.store(), Clock: w.clock}, Store: w.store(), Key: key, Joins: joinsQueue{w}, Aside: aside, Clock: w.clock, Log: discard, Metrics: quiet,
		Retention: 24 * time.Hour,
	}
	s.Store.(*queue.Store).Tables.Joins = "joins"
	w.tables["joins"] = map[string]dynamodb.Item{"eu:1": {"identity": dynamodb.String("eu:1")}}
	large := streamRecord(3, "eu:3", "gig", nil)
	large.Change.SizeBytes = 300_000
	records := []events.DynamoDBEventRecord{
		streamRecord(1, "eu:1", "gig", nil),
		streamRecord(2, "", "gig", nil), large, streamRecord(4, "eu:4", "none", nil), streamRecord(5, "eu:5", "late", nil), streamRecord(6, "eu:6/other", "gig", nil),
		streamRecord(7, "eu:7", "gig", map[string]events.DynamoDBAttributeValue{"attempt": events.NewNumberAttribute("1e99")}),
		streamRecord(8, "eu:1", "gig", map[string]events.DynamoDBAttributeValue{"ticket": events.NewStringAttribute("x")}), // Its own.
		streamRecord(9, "eu:9/gig", "gig", map[string]events.DynamoDBAttributeValue{"attempt": events.NewNumberAttribute("2")}),
		{EventName: "REMOVE"},
	}
	response, err := s.Handle(t.Context(), streamed(records...))
	if err != nil || len(response.BatchItemFailures) != 0 {
		t.Fatalf("%+v %v", response, err)
	}
	var sent []string
	for _, message := range w.joins {
		sent = append(sent, message.Body)
	}
	want := `{"sale":"gig","fan":"` + queue.FanID("gig", "eu:1") + `"} {"sale":"gig","fan":"` + queue.FanID("gig", "eu:9") + `","attempt":2}`
	if got := strings.Join(sent, " "); got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	var reasons []string
	for _, body := range aside.bodies {
		kept := queue.SetAside{}
		if err := json.Unmarshal([]byte(body), &kept); err != nil || kept.Detail == "" || kept.Record == "" {
			t.Errorf("%s: %v", body, err)
		}
		reasons = append(reasons, kept.ID+" "+kept.Reason)
	}
	if got, want := strings.Join(reasons, ", "), "2 malformed, 3 oversize, 4 malformed, 5 not_open, 6 malformed, 7 malformed"; got != want {
		t.Errorf("set aside %s, want %s", got, want)
	}
	if ticket, err := key.OpenTicket(w.tables["joins"]["eu:1"]["ticket"].Text()); err != nil || ticket.Fan != queue.FanID("gig", "eu:1") {
		t.Errorf("%+v %v", ticket, err)
	}
	if at := w.tables["joins"]["eu:1"]["expires"].Int(); at != 150+86_400 {
		t.Errorf("it expires at %d", at)
	}
	// What can be neither sent nor set aside comes again, with what follows.
	aside.broken = true
	response, err = s.Handle(t.Context(), streamed(records...))
	if err != nil || len(response.BatchItemFailures) != 1 || response.BatchItemFailures[0].ItemIdentifier != "2" {
		t.Errorf("%+v %v", response, err)
	}
}

type slowQueue struct {
	*world
	bodies []string
	broken bool
}

func (q *slowQueue) Send(_ context.Context, body string) error {
	if q.broken {
		return errInfrastructure
	}
	q.bodies = append(q.bodies, body)
	return nil
}

// endless never answers.
type endless struct{}

func (endless) Send(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestARecordThatTakesTooLongIsSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(150_000, sale())
		aside := &slowQueue{world: w}
		s := &queue.Stream{
			Sales: &queue.Sales{Store: w.store(), Clock: w.clock}, Store: w.store(), Key: make(queue.Key, queue.KeyBytes), Joins: endless{}, Aside: aside,
			Clock: w.clock, Log: discard, Metrics: quiet,
		}
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		response, err := s.Handle(ctx, streamed(streamRecord(1, "eu:1", "gig", nil), streamRecord(2, "eu:2", "gig", nil)))
		if err != nil || len(response.BatchItemFailures) != 0 || len(aside.bodies) != 2 || !strings.Contains(aside.bodies[1], `"reason":"timeout"`) {
			t.Errorf("%+v %v %v", response, err, aside.bodies)
		}
		if took := time.Since(began); took != 6*time.Second {
			t.Errorf("took %s", took)
		}
	})
}
