package provider_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
)

// sentTo is a request that a server of somebody else's was sent.
type sentTo struct {
	path, body string
	header     http.Header
}

// stranger is a server of somebody else's: the third party, or who is told.
type stranger struct {
	*httptest.Server
	mu    sync.Mutex
	asked []sentTo
}

// newStranger is a server that is down for its first requests.
func newStranger(t *testing.T, down int) *stranger {
	t.Helper()
	s := &stranger{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, sentTo{r.URL.Path, string(body), r.Header.Clone()})
		if len(s.asked) <= down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *stranger) requests() []sentTo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// Keys of the API, and what others know.
const (
	writersKey = "writer-writer-writer-writer-writer"
	readersKey = "reader-reader-reader-reader-reader"
	hookKey    = "hook-hook-hook-hook-hook"
	partnerKey = "Bearer partner-partner"
)

// parameter keeps a secret text, and returns its ARN.
func parameter(t *testing.T, a account, name, value string) string {
	t.Helper()
	if _, err := ssm.NewFromConfig(a.aws(home)).PutParameter(t.Context(), &ssm.PutParameterInput{Name: &name, Value: &value, Type: ssmtypes.ParameterTypeSecureString}); err != nil {
		t.Fatal(err)
	}
	return "arn:aws:ssm:" + home + ":" + string(a) + ":parameter" + name
}

// query is a request to the API, and its body.
func (p *agency) query(text, url string) (*http.Request, []byte) {
	p.t.Helper()
	body, err := json.Marshal(map[string]string{"query": text})
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return r, body
}

// asks sends a query to the API.
func (p *agency) asks(query string, header ...string) (status int, answer string) {
	p.t.Helper()
	r, _ := p.query(query, text(p.t, p.state, "api_url"))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return p.sends(r)
}

func (p *agency) sends(r *http.Request) (status int, answer string) {
	p.t.Helper()
	out, err := local.HTTPClient().Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer out.Body.Close()
	read, err := io.ReadAll(out.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return out.StatusCode, string(read)
}

// reads gets what a browser gets.
func (p *agency) reads(url string) (status int, answer string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.sends(r)
}

// TestAccPipelineReaders books a segment by the API, which goes to a third party
// that is down at first, and is told of by webhook and topic. Who may not come in
// does not, whoever judges; the page is served beside what it knows.
func TestAccPipelineReaders(t *testing.T) {
	a := newAccount(t)
	digest := func(key string) string {
		sum := sha256.Sum256([]byte(key))
		return hex.EncodeToString(sum[:])
	}
	keys := parameter(t, a, "/homes/keys", fmt.Sprintf(`{"writer":{"sha256":%q,"scopes":["book"]},"reader":{"sha256":%q}}`, digest(writersKey), digest(readersKey)))
	topic, err := sns.NewFromConfig(a.aws(home)).CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("partners")})
	if err != nil {
		t.Fatal(err)
	}
	third, hook := newStranger(t, 1), newStranger(t, 0)
	byKey := map[string]any{"auth": "api_key", "keys_arn": keys, "write_scope": "book"}
	p := newAgencyIn(t, a, map[string]any{
		"bookings":      map[string]any{"target": map[string]any{"url": third.URL + "/in/{segment}", "secret_arn": parameter(t, a, "/homes/partner", partnerKey)}, "every_minutes": 60},
		"notifications": map[string]any{"topic_arn": *topic.TopicArn, "webhook": map[string]any{"url": hook.URL + "/told", "secret_arn": parameter(t, a, "/homes/hook", hookKey)}},
		"api":           byKey, "site": map[string]any{"title": "Homes"},
	})
	p.settled(p.config)
	p.run()

	id := p.books()
	p.generates()
	p.uploads(third, id)
	p.tells(hook, id)
	p.page("api_key")

	signer := newIssuer(t)
	p.config["api"] = map[string]any{"auth": "jwt", "write_scope": "book", "jwt": map[string]any{"issuer": signer.url, "audience": []any{"homes"}, "client_id": "homes"}}
	p.becomes()
	bearer := func(of *issuer, audience, scope string) []string {
		return []string{"Authorization", "Bearer " + of.token(t, "1", audience, time.Hour, map[string]any{"sub": "anna", "scope": scope})}
	}
	equal(t, "who asks by token", p.viewer(bearer(signer, "homes", "openid book")...), `{"name":"anna","mayWrite":true}`)
	equal(t, "who asks by a token without the scope", p.viewer(bearer(signer, "homes", "openid")...), `{"name":"anna","mayWrite":false}`)
	p.refuses(http.StatusUnauthorized)
	p.refuses(http.StatusUnauthorized, bearer(signer, "others", "book")...)
	p.refuses(http.StatusUnauthorized, bearer(newIssuer(t), "homes", "book")...)
	p.page("jwt")

	delete(p.config, "site")
	p.config["api"] = map[string]any{"auth": "iam"}
	p.becomes()
	equal(t, "the page's address without a page", text(t, p.state, "page_url"), "")
	p.refuses(http.StatusForbidden)
	p.signs()

	p.config["api"] = byKey
	p.becomes()
	equal(t, "who asks by key again", p.viewer("x-api-key", readersKey), `{"name":"reader","mayWrite":false}`)
	p.sweeps()
	p.asksForAll()
	p.usesItsGrants()
	p.settled(p.config)
	if _, err := ssm.NewFromConfig(a.aws(home)).DeleteParameters(t.Context(), &ssm.DeleteParametersInput{Names: []string{"/homes/keys", "/homes/partner", "/homes/hook"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := sns.NewFromConfig(a.aws(home)).DeleteTopic(t.Context(), &sns.DeleteTopicInput{TopicArn: topic.TopicArn}); err != nil {
		t.Fatal(err)
	}
	p.gone(p.a)
}

// asksForAll asks for whatever can be read, and replays the run by control.
func (p *agency) asksForAll() {
	p.t.Helper()
	for query, want := range map[string]string{
		`{runs{nodes{id state files items segments}}}`:                                          `{"data":{"runs":{"nodes":[{"id":"first","state":"DONE","files":30,"items":30,"segments":2}]}}}`,
		`{run(id:"first"){failed failures{nodes{key}}}}`:                                        `{"data":{"run":{"failed":0,"failures":{"nodes":[]}}}}`,
		`{bookings{nodes{segmentValue status run:runId}}}`:                                      `{"data":{"bookings":{"nodes":[{"segmentValue":"Fitzroy","status":"UPLOADED","run":"first"},{"segmentValue":"Carlton","status":"CANCELLED","run":"first"}]}}}`,
		`{manifest{runId run{id} items}}`:                                                       `{"data":{"manifest":{"runId":"first","run":{"id":"first"},"items":30}}}`,
		fmt.Sprintf(`{segment(id:%q){metrics{name count min}}}`, pipeline.SegmentID("Carlton")): `{"data":{"segment":{"metrics":[{"name":"price","count":10,"min":0}]}}}`,
	} {
		status, answer := p.asks(query, "x-api-key", readersKey)
		equal(p.t, query, fmt.Sprint(status, " ", answer), "200 "+want)
	}
	status, answer := p.asks("{bookings(status:CANCELLED){nodes{id}}}", "x-api-key", readersKey)
	id := regexp.MustCompile(`"id":"([^"]+)"`).FindStringSubmatch(answer)
	if id == nil {
		p.t.Fatalf("the cancelled bookings are answered %d %s", status, answer)
	}
	status, answer = p.asks(fmt.Sprintf("mutation{retryBooking(id:%q){id}}", id[1]), "x-api-key", writersKey)
	if status != http.StatusOK || !strings.Contains(answer, `"CONFLICT"`) {
		p.t.Errorf("to retry what was cancelled is answered %d %s", status, answer)
	}
	if runs := p.controls(pipeline.ControlRequest{Action: pipeline.ActionRuns, Last: 10}).Runs; len(runs) != 1 {
		p.t.Errorf("the runs are %+v", runs)
	}
	if failed := p.failures("first"); len(failed) != 0 {
		p.t.Errorf("failed are %v", failed)
	}
	p.controls(pipeline.ControlRequest{Action: pipeline.ActionReplay, Run: "first", As: "again"})
	p.report("again")
}

// becomes applies what is changed.
func (p *agency) becomes() {
	p.t.Helper()
	if text := p.apply(p.config); text != "" {
		p.t.Fatal(text)
	}
}

// run takes an upload through: 20 homes in Fitzroy, 10 in Carlton.
func (p *agency) run() {
	p.t.Helper()
	files := map[string][]byte{}
	for i := range 30 {
		files[fmt.Sprintf("homes/%02d.json", i)] = homeOf(i, map[bool]string{true: "Carlton", false: "Fitzroy"}[i%3 == 0], i)
	}
	p.upload(files)
	p.starts(`{"run":"first","prefix":"homes/"}`)
	p.report("first")
}

// viewer is who the API says that asks.
func (p *agency) viewer(header ...string) string {
	p.t.Helper()
	status, answer := p.asks("{viewer{name mayWrite}}", header...)
	var read struct {
		Data struct{ Viewer json.RawMessage }
	}
	if err := json.Unmarshal([]byte(answer), &read); err != nil || status != http.StatusOK {
		p.t.Fatalf("the API answers %d %s", status, answer)
	}
	return string(read.Data.Viewer)
}

func (p *agency) refuses(want int, header ...string) {
	p.t.Helper()
	if status, answer := p.asks("{viewer{name}}", header...); status != want {
		p.t.Errorf("the API answers %d %s, want %d", status, answer, want)
	}
}

// books makes a booking of Fitzroy, and one of Carlton that is cancelled.
func (p *agency) books() string {
	p.t.Helper()
	p.refuses(http.StatusUnauthorized)
	p.refuses(http.StatusForbidden, "x-api-key", "stranger-stranger-stranger")
	equal(p.t, "who asks", p.viewer("x-api-key", writersKey), `{"name":"writer","mayWrite":true}`)
	status, answer := p.asks("{segments{nodes{value count}totalCount}}", "x-api-key", readersKey)
	equal(p.t, "the segments", fmt.Sprint(status, " ", answer), `200 {"data":{"segments":{"nodes":[{"value":"Fitzroy","count":20},{"value":"Carlton","count":10}],"totalCount":2}}}`)
	book := func(suburb string) string {
		return fmt.Sprintf("mutation{createBooking(input:{segment:%q}){id status segmentValue}}", pipeline.SegmentID(suburb))
	}
	if status, answer := p.asks(book("Fitzroy"), "x-api-key", readersKey); status != http.StatusOK || !strings.Contains(answer, `"FORBIDDEN"`) {
		p.t.Errorf("without the scope the API answers %d %s", status, answer)
	}
	made := func(suburb string) string {
		status, answer := p.asks(book(suburb), "x-api-key", writersKey)
		var read struct {
			Data struct {
				CreateBooking struct{ ID, Status, SegmentValue string }
			}
		}
		if err := json.Unmarshal([]byte(answer), &read); err != nil || read.Data.CreateBooking.Status != "BOOKED" || read.Data.CreateBooking.SegmentValue != suburb {
			p.t.Fatalf("to book %s is answered %d %s", suburb, status, answer)
		}
		return read.Data.CreateBooking.ID
	}
	other := made("Carlton")
	status, answer = p.asks(fmt.Sprintf("mutation{cancelBooking(id:%q){status}}", other), "x-api-key", writersKey)
	equal(p.t, "to cancel", fmt.Sprint(status, " ", answer), `200 {"data":{"cancelBooking":{"status":"CANCELLED"}}}`)
	return made("Fitzroy")
}

// generates calls the creator as its schedule does.
func (p *agency) generates() {
	p.t.Helper()
	out, err := lambda.NewFromConfig(p.a.aws(home)).Invoke(p.t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String(stateTexts(p.t, p.state, "function_names")["creator"]), Qualifier: aws.String("live"), Payload: []byte("{}"),
	})
	if err != nil || out.FunctionError != nil {
		p.t.Fatalf("creator: %v %s", err, out.Payload)
	}
}

// uploads: the third party has the data of one booking, by the second try of the same
// key.
func (p *agency) uploads(third *stranger, id string) {
	p.t.Helper()
	eventually(p.t, runEndsWithin, func() error {
		status, answer := p.asks(fmt.Sprintf("{booking(id:%q){status items attempts}}", id), "x-api-key", readersKey)
		if answer != `{"data":{"booking":{"status":"UPLOADED","items":20,"attempts":2}}}` {
			return fmt.Errorf("the booking is answered %d %s", status, answer)
		}
		return nil
	})
	asked := third.requests()
	if len(asked) != 2 {
		p.t.Fatalf("the third party was asked %d times, want 2", len(asked))
	}
	for _, r := range asked {
		if r.path != "/in/"+pipeline.SegmentID("Fitzroy") || r.header.Get("Authorization") != partnerKey || r.header.Get("Idempotency-Key") != asked[0].header.Get("Idempotency-Key") || !strings.HasPrefix(r.header.Get("Idempotency-Key"), id+"-") {
			p.t.Errorf("the third party was asked %s with %v", r.path, r.header)
		}
	}
	got := map[string]bool{}
	for _, line := range strings.Split(strings.TrimSuffix(asked[1].body, "\n"), "\n") {
		var home struct {
			ID, Suburb string
		}
		if err := json.Unmarshal([]byte(line), &home); err != nil || home.Suburb != "Fitzroy" {
			p.t.Errorf("the third party has the line %s: %v", line, err)
		}
		got[home.ID] = true
	}
	if len(got) != 20 || !got["home-1"] || got["home-0"] {
		p.t.Errorf("the third party has %v, want the 20 homes in Fitzroy", got)
	}
}

// tells: the webhook has heard of the booking, by a signed request.
func (p *agency) tells(hook *stranger, id string) {
	p.t.Helper()
	eventually(p.t, runEndsWithin, func() error {
		if n := len(hook.requests()); n == 0 {
			return fmt.Errorf("the webhook was asked %d times", n)
		}
		return nil
	})
	r := hook.requests()[0]
	var told struct{ ID, Type, Booking, Value string }
	if err := json.Unmarshal([]byte(r.body), &told); err != nil || told.Type != "booking.uploaded" || told.Booking != id || told.Value != "Fitzroy" || told.ID != r.header.Get("Webhook-Id") {
		p.t.Errorf("the webhook has heard %s, %v", r.body, err)
	}
	mac := hmac.New(sha256.New, []byte(hookKey))
	mac.Write([]byte(r.header.Get("Webhook-Id") + "." + r.header.Get("Webhook-Timestamp") + "." + r.body))
	equal(p.t, "the signature", r.header.Get("Webhook-Signature"), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// page is served, and knows the API and its way in.
func (p *agency) page(kind string) {
	p.t.Helper()
	url := text(p.t, p.state, "page_url")
	if status, page := p.reads(url); status != http.StatusOK || !strings.Contains(page, "<title>") {
		p.t.Errorf("the page is answered with %d %.100s", status, page)
	}
	status, about := p.reads(strings.TrimSuffix(url, "index.html") + "pipeline.json")
	var known struct {
		Name, API string
		Auth      struct{ Kind string }
		Bookings  bool
	}
	if err := json.Unmarshal([]byte(about), &known); err != nil || status != http.StatusOK || known.Name != "homes" || known.API != text(p.t, p.state, "api_url") || known.Auth.Kind != kind || !known.Bookings {
		p.t.Errorf("the page knows %d %s, %v", status, about, err)
	}
}
