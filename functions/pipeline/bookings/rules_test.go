package bookings_test

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/functions/pipeline/bookings"
)

var noon = time.Date(2030, 5, 4, 12, 0, 0, 0, time.UTC)

func TestJudge(t *testing.T) {
	for name, test := range map[string]struct {
		answer  bookings.Answer
		denials int64
		expect  string
		outcome bookings.Outcome
		wait    time.Duration
	}{
		"200":                                 {bookings.Answer{Status: 200}, 0, "", bookings.Taken, 0},
		"200 with JSON":                       {bookings.Answer{Status: 200, ContentType: "application/json", Body: []byte("{}")}, 0, "", bookings.Taken, 0},
		"202":                                 {bookings.Answer{Status: 202}, 0, "", bookings.Taken, 0},
		"204":                                 {bookings.Answer{Status: 204}, 0, "", bookings.Taken, 0},
		"200 with a page":                     {bookings.Answer{Status: 200, ContentType: "text/html; charset=utf-8"}, 0, "", bookings.Again, 0},
		"200 with a page of another sort":     {bookings.Answer{Status: 200, ContentType: "application/xhtml+xml"}, 0, "", bookings.Again, 0},
		"200 with a page that is as expected": {bookings.Answer{Status: 200, ContentType: "text/html", Body: []byte("accepted: 3")}, 0, "accepted", bookings.Taken, 0},
		"200 without what is expected":        {bookings.Answer{Status: 200, Body: []byte(`{"error":1}`)}, 0, "accepted", bookings.Again, 0},
		"301":                                 {bookings.Answer{Status: 301}, 0, "", bookings.Refused, 0},
		"304":                                 {bookings.Answer{Status: 304}, 0, "", bookings.Refused, 0},
		"400":                                 {bookings.Answer{Status: 400}, 0, "", bookings.Refused, 0},
		"401":                                 {bookings.Answer{Status: 401}, 0, "", bookings.Again, time.Minute},
		"401 for the third time":              {bookings.Answer{Status: 401}, 2, "", bookings.Refused, 0},
		"403":                                 {bookings.Answer{Status: 403}, 0, "", bookings.Refused, 0},
		"404":                                 {bookings.Answer{Status: 404}, 0, "", bookings.Refused, 0},
		"408":                                 {bookings.Answer{Status: 408}, 0, "", bookings.Again, 0},
		"409":                                 {bookings.Answer{Status: 409}, 0, "", bookings.Taken, 0},
		"409 while it works on it":            {bookings.Answer{Status: 409, RetryAfter: "7"}, 0, "", bookings.Again, 7 * time.Second},
		"413":                                 {bookings.Answer{Status: 413}, 0, "", bookings.Refused, 0},
		"422":                                 {bookings.Answer{Status: 422}, 0, "", bookings.Refused, 0},
		"425":                                 {bookings.Answer{Status: 425}, 0, "", bookings.Again, 0},
		"429":                                 {bookings.Answer{Status: 429, RetryAfter: "120"}, 9, "", bookings.Again, 2 * time.Minute},
		"500":                                 {bookings.Answer{Status: 500}, 0, "", bookings.Again, 0},
		"503 until a time":                    {bookings.Answer{Status: 503, RetryAfter: "Sat, 04 May 2030 12:05:00 GMT"}, 0, "", bookings.Again, 5 * time.Minute},
		"599":                                 {bookings.Answer{Status: 599}, 0, "", bookings.Again, 0},
	} {
		verdict := bookings.Judge(test.answer, test.denials, test.expect, noon)
		if verdict.Outcome != test.outcome || verdict.Wait != test.wait || verdict.Denied != (test.answer.Status == 401 && test.outcome == bookings.Again) || (verdict.Reason == "") != (test.outcome == bookings.Taken) {
			t.Errorf("%s: %+v", name, verdict)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "soon": 0, "0": 0, "-5": 0, "30": 30 * time.Second, "3601": time.Hour, "9223372036854775807": time.Hour, "99999999999999999999": 0,
		noon.Add(time.Minute).Format(http.TimeFormat): time.Minute, noon.Add(-time.Minute).Format(http.TimeFormat): 0, noon.Add(48 * time.Hour).Format(http.TimeFormat): time.Hour,
	} {
		if have := bookings.RetryAfter(text, noon); have != want {
			t.Errorf("%q is %s, should be %s", text, have, want)
		}
	}
}

func TestBackOff(t *testing.T) {
	for try, most := range map[int64]time.Duration{0: 5 * time.Second, 1: 5 * time.Second, 2: 10 * time.Second, 5: 80 * time.Second, 9: 15 * time.Minute, 1 << 40: 15 * time.Minute} {
		if low, high := bookings.BackOff(try, 0), bookings.BackOff(try, 1); low != most/2 || high != most {
			t.Errorf("try %d: %s to %s", try, low, high)
		}
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "",
		"\ra\n\tb\x00\x1bc\r":          "a b c",
		"\xff\xfeé":                    "é",
		strings.Repeat("é", 400):       strings.Repeat("é", 250),
		"a" + strings.Repeat("é", 40):  "a" + strings.Repeat("é", 40),
		"x" + strings.Repeat("é", 300): "x" + strings.Repeat("é", 249),
	} {
		if have := bookings.Printable(text); have != want {
			t.Errorf("%q is %q, should be %q", text, have, want)
		}
	}
}

func TestHide(t *testing.T) {
	for said, want := range map[string]string{
		"it heard Bearer abcdefgh12345":  "it heard [secret]",
		"it heard abcdefgh12345, thrice": "it heard [secret], thrice",
		"Bearer of bad news":             "Bearer of bad news",
	} {
		if have := bookings.Hide(said, "Bearer abcdefgh12345"); have != want {
			t.Errorf("%q is %q", said, have)
		}
	}
	if have := bookings.Hide("it heard nothing", ""); have != "it heard nothing" {
		t.Error(have)
	}
}

func TestCheckURL(t *testing.T) {
	for address, good := range map[string]bool{
		"https://partner.example/in/{booking}": true, "http://127.0.0.1:8080/in": true, "http://localhost/in": true, "http://[::1]:80/": true,
		"http://partner.example/in": false, "ftp://partner.example": false, "partner.example": false, "": false, "https://": false,
		"https://user:pass@partner.example": false, "https://partner.example/%zz": false, "http://127.0.0.1.partner.example/": false,
	} {
		if err := bookings.CheckURL("TARGET_URL", address); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		} else if err != nil && !strings.Contains(err.Error(), "TARGET_URL") {
			t.Error(err)
		}
	}
}

func TestCircuitRules(t *testing.T) {
	c := bookings.Circuit{}
	for range 4 {
		if c = c.Failed(noon, false, 0, 0); c.Opened != 0 || c.Open(noon) {
			t.Fatalf("%+v is open", c)
		}
	}
	if c = c.Failed(noon, false, 0, 0); !c.Open(noon.Add(30*time.Second-1)) || c.Open(noon.Add(30*time.Second)) {
		t.Errorf("after five failures: %+v", c)
	}
	if late := c.Failed(noon, false, 0, 1); late.Until != c.Until || late.Opened != 1 {
		t.Errorf("after one that began before: %+v", late)
	}
	for opened, most := range map[int64]time.Duration{2: 2 * time.Minute, 3: 4 * time.Minute, 6: 30 * time.Minute, 60: 30 * time.Minute} {
		before := c
		before.Opened = opened - 1
		if again := before.Failed(noon, true, 0, 1); again.Until != noon.Add(most).UnixMilli() || again.Opened != opened {
			t.Errorf("opened %d times it is %+v", opened, again)
		}
	}
	if asked := c.Failed(noon, true, time.Hour, 0); asked.Until != noon.Add(time.Hour).UnixMilli() {
		t.Errorf("asked to wait for an hour: %+v", asked)
	}
	if probing := c.Probing(noon, time.Minute); !probing.Open(noon.Add(time.Minute-1)) || probing.Open(noon.Add(time.Minute)) {
		t.Errorf("while one tries: %+v", probing)
	}
	if closed := c.Succeeded(); closed.Opened != 0 || closed.Failures != 0 || closed.Open(noon) {
		t.Errorf("after a success: %+v", closed)
	}
}

// Whatever happens, an open circuit is half open within the longest time that it may be, and a success closes it.
func TestCircuitAlwaysEnds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		c, now := bookings.Circuit{}, noon
		for range 30 {
			now = now.Add(time.Duration(random.Int64N(int64(20 * time.Minute))))
			probe := c.Opened > 0 && !c.Open(now)
			if random.IntN(8) == 0 {
				c = c.Succeeded()
			} else {
				c = c.Failed(now, probe, time.Duration(random.Int64N(int64(time.Hour))), random.Float64())
			}
			if c.Open(now.Add(time.Hour)) || c.Open(now) != (c.Opened > 0) && probe {
				t.Fatalf("%+v at %s", c, now)
			}
		}
	}
}

func TestRows(t *testing.T) {
	columns := []pipeline.Column{
		{Name: "all", Type: pipeline.TypeJSON}, {Name: "note", Type: pipeline.TypeString}, {Name: "open", Type: pipeline.TypeBool}, {Name: "price", Type: pipeline.TypeNumber},
	}
	items := []dynamodb.Item{
		{
			"id": dynamodb.String(`a "1"`), "run": dynamodb.String("r1"), "at": dynamodb.Number(5), "all": dynamodb.String(`{"x":[1,2]}`),
			"note": dynamodb.String("one, \"two\"\nthree é"), "open": dynamodb.Bool(false), "price": dynamodb.Decimal("12.50"),
		},
		{"id": dynamodb.String("b"), "ref": dynamodb.String("up/b.json"), "all": dynamodb.String("{")},
	}
	for format, want := range map[bookings.Format]string{
		bookings.JSONLines: `{"id":"a \"1\"","all":{"x":[1,2]},"note":"one, \"two\"\nthree é","open":false,"price":12.50}` + "\n" + `{"id":"b","all":"{","ref":"up/b.json"}` + "\n",
		bookings.CSV:       "id,all,note,open,price,ref\n" + `"a ""1""","{""x"":[1,2]}","one, ""two""` + "\n" + `three é",false,12.50,` + "\n" + "b,{,,,,up/b.json\n",
	} {
		have, err := bookings.Rows{Columns: columns, Format: format}.Data(items...)
		if err != nil || have != want {
			t.Errorf("%s: %v\nhave %q\nwant %q", format, err, have, want)
		}
	}
	for _, c := range []struct {
		rows bookings.Rows
		want string
	}{
		{bookings.Rows{Format: bookings.JSONLines}, "application/x-ndjson"}, {bookings.Rows{Format: bookings.CSV}, "text/csv; charset=utf-8"},
		{bookings.Rows{Format: bookings.CSV, Gzip: true}, "application/gzip"},
	} {
		if have := c.rows.ContentType(); have != c.want {
			t.Errorf("%+v is %s", c.rows, have)
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, body := range []string{`{"booking":"b"}`, `{}`, `{"booking":1}`, `{"booking":"b","x":1}`, `{"booking":"b"}{}`, "", "[]"} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		id, err := bookings.ReadMessage(body)
		if (err == nil) == (id == "") || len(id) > 256 {
			t.Fatalf("%q, %v", id, err)
		}
	})
}

func FuzzAsk(f *testing.F) {
	for _, event := range []string{`{"booking":"b"}`, `{"source":"aws.events","detail":{}}`, string(stageEvent(`{"run":"r1","stage":"bookings","step":2}`)), `{"Records":[{}]}`, "null", "[]"} {
		f.Add([]byte(event))
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		booking, passes, err := bookings.ReadAsk(event)
		if err != nil && (booking != "" || passes != 0) || len(booking) > 256 {
			t.Fatalf("%q, %d, %v", booking, passes, err)
		}
	})
}

// What a stranger answers makes a reason that is short and can be printed, and a wait within bounds.
func FuzzJudge(f *testing.F) {
	f.Add(200, "text/html", "3", "x", []byte("<html>"), "ok")
	f.Add(503, "", "Sat, 04 May 2030 12:05:00 GMT", "", []byte("\xff\x00é"), "")
	f.Add(409, ";;", "-1", "", []byte(nil), "")
	f.Fuzz(func(t *testing.T, status int, kind, retry, location string, body []byte, expect string) {
		v := bookings.Judge(bookings.Answer{Status: status, ContentType: kind, RetryAfter: retry, Location: location, Body: body}, 1, expect, noon)
		if v.Wait < 0 || v.Wait > time.Hour || v.Outcome != bookings.Taken && v.Reason == "" || v.Outcome == bookings.Taken && status != 409 && status/100 != 2 {
			t.Fatalf("%+v", v)
		}
		if text := bookings.Printable(v.Reason); len(text) > 500 || !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\n\x1b") {
			t.Fatalf("%q", text)
		}
	})
}

func TestReadMessageSaysWhatItTakes(t *testing.T) {
	if _, err := bookings.ReadMessage(`{"run":"r1"}`); err == nil || !strings.Contains(err.Error(), `{"booking": ID}`) {
		t.Error(err)
	}
}
