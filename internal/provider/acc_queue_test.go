package provider_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass"
	"github.com/burstline/terraform-provider-serverless/internal/bundle"
)

// presale is a waiting room that is deployed with the functions that the provider
// carries.
type presale struct {
	*session
	a      account
	config map[string]any
}

// newPresale deploys a room whose sale has opened, and has the keeper begin.
func newPresale(t *testing.T, more map[string]any) *presale {
	t.Helper()
	return newPresaleIn(t, newAccount(t), more)
}

// newPresaleIn opens it in an account.
func newPresaleIn(t *testing.T, a account, more map[string]any) *presale {
	t.Helper()
	now := time.Now()
	p := &presale{
		a: a, session: newSession(t, a, options{system: "queue", bundles: &bundle.Shared{Bundles: bundle.Prebuilt{}}}, nil),
		config: map[string]any{
			"name": "arena", "opens_at": clockTime(now.Add(-time.Minute)), "closes_at": clockTime(now.Add(time.Hour)),
			"purchase_url": "https://tickets.example.com/buy?event=7", "windows": 50, "heartbeat_seconds": 0,
			"architecture": hostArchitecture(), "force_destroy": true,
		},
	}
	p.change(more)
	p.tick()
	return p
}

// change applies arguments beside those of before.
func (p *presale) change(more map[string]any) {
	p.t.Helper()
	maps.Copy(p.config, more)
	if text := p.apply(p.config); text != "" {
		p.t.Fatal(text)
	}
}

func (p *presale) function(key string) *string {
	return aws.String(stateTexts(p.t, p.state, "function_names")[key])
}

// tick calls the keeper as its schedule does.
func (p *presale) tick() {
	p.t.Helper()
	if _, err := lambda.NewFromConfig(p.a.aws(home)).Invoke(p.t.Context(), &lambda.InvokeInput{
		FunctionName: p.function("keeper"), Qualifier: aws.String("live"), Payload: []byte("{}"), InvocationType: lambdatypes.InvocationTypeEvent,
	}); err != nil {
		p.t.Fatal(err)
	}
}

// operator is who gives the commands of these tests.
const operator = "arn:aws:iam::123456789012:user/night"

// control calls the function of that name, as operators' commands do.
func (p *presale) control(r queue.ControlRequest) (c queue.Controlling) {
	p.t.Helper()
	r.Sale, r.By = "arena", operator
	p.operates("control", r, &c)
	return c
}

// operates calls a function as operators' commands do.
func (p *presale) operates(function string, request, answer any) {
	p.t.Helper()
	payload, err := json.Marshal(request)
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := lambda.NewFromConfig(p.a.aws(home)).Invoke(p.t.Context(), &lambda.InvokeInput{FunctionName: p.function(function), Qualifier: aws.String("live"), Payload: payload})
	if err != nil {
		p.t.Fatal(err)
	}
	if out.FunctionError != nil || json.Unmarshal(out.Payload, answer) != nil {
		p.t.Fatalf("%s %s: %s", function, payload, out.Payload)
	}
}

// ask posts to a door of the room and reads its answer.
func ask[T any](ctx context.Context, url string, request any) (answer T, status int, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return answer, 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(string(body)))
	if err != nil {
		return answer, 0, err
	}
	r.Header.Set("Content-Type", "text/plain")
	r.Header.Set("Origin", "https://tickets.example.com")
	resp, err := local.HTTPClient().Do(r)
	if err != nil {
		return answer, 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer, resp.StatusCode, err
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return answer, resp.StatusCode, fmt.Errorf("%d %s: %w", resp.StatusCode, text, err)
	}
	return answer, resp.StatusCode, nil
}

// nonceOf is the secret of the i-th fan's browser.
func nonceOf(i int) string {
	sum := sha256.Sum256(fmt.Append(nil, "fan ", i))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

type ticketed struct{ Ticket, Fan, Error string }

// turned is what a fan is told.
type turned struct {
	State, Token, Error string
	Place               int64
	PurchaseURL         string `json:"purchase_url"`
}

// join lets fans from the i-th on join, eight at a time, and returns their tickets
// by their ids.
func (p *presale) join(from, n int) map[string]string {
	p.t.Helper()
	url := text(p.t, p.state, "join_url")
	tickets, mu := map[string]string{}, sync.Mutex{}
	inParallel(p.t, n, func(ctx context.Context, i int) error {
		joined, status, err := ask[ticketed](ctx, url, map[string]any{"sale": "arena", "nonce": nonceOf(from + i)})
		if err != nil || status != http.StatusAccepted {
			return fmt.Errorf("join: %d %+v %w", status, joined, err)
		}
		mu.Lock()
		defer mu.Unlock()
		tickets[joined.Fan] = joined.Ticket
		return nil
	})
	return tickets
}

// inParallel does something n times, eight at a time, and fails the test where it
// does not succeed within a minute, however often it is tried.
func inParallel(t *testing.T, n int, do func(ctx context.Context, i int) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), endsWithin)
	defer cancel()
	work := make(chan int, n)
	for i := range n {
		work <- i
	}
	close(work)
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for i := range work {
				err := do(ctx, i)
				for err != nil && ctx.Err() == nil {
					err = do(ctx, i)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// fan is a fan's record.
type fan struct {
	id, done              string
	place, window, called int64
}

// fans reads the records of all fans.
func (p *presale) fans() []fan {
	p.t.Helper()
	var all []fan
	pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(p.a.aws(home)), &dynamodb.ScanInput{
		TableName: aws.String(stateTexts(p.t, p.state, "table_names")["fans"]), ConsistentRead: aws.Bool(true),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(p.t.Context())
		if err != nil {
			p.t.Fatal(err)
		}
		for _, item := range page.Items {
			texts, numbers := map[string]string{}, map[string]int64{}
			for name, value := range item {
				switch v := value.(type) {
				case *dynamotypes.AttributeValueMemberS:
					texts[name] = v.Value
				case *dynamotypes.AttributeValueMemberN:
					if numbers[name], err = strconv.ParseInt(v.Value, 10, 64); err != nil {
						p.t.Fatal(err)
					}
				}
			}
			if numbers["probe"] != 0 {
				continue // It waits in a line of its own.
			}
			all = append(all, fan{
				id: strings.TrimPrefix(texts["fan"], "arena/"), done: texts["done"], place: numbers["place"], window: numbers["window"], called: numbers["called"],
			})
		}
	}
	return all
}

// places waits until so many fans have a place, each another one, and returns
// them by the fan's id.
func (p *presale) places(n int) map[string]int64 {
	p.t.Helper()
	var places map[string]int64
	eventually(p.t, endsWithin, func() error {
		places = map[string]int64{}
		taken := map[int64]bool{}
		for _, f := range p.fans() {
			places[f.id] = f.place
			taken[f.place] = true
		}
		if len(places) != n || len(taken) != n {
			return fmt.Errorf("%d fans have %d places, should be %d", len(places), len(taken), n)
		}
		return nil
	})
	return places
}

// status reads what everybody reads.
func (p *presale) status() (s queue.Status) {
	p.t.Helper()
	e := evening{session: p.session}
	if code, body := e.get(stateTexts(p.t, p.state, "status_urls")["arena"]); code == http.StatusOK {
		if err := json.Unmarshal(body, &s); err != nil {
			p.t.Fatal(err)
		}
	}
	return s
}

// TestAccQueue lets a thousand fans through a waiting room: each has one place,
// whatever is delivered twice, and is called; never are more windows open than
// there are; all go to the shop and leave it.
func TestAccQueue(t *testing.T) {
	const fans, windows = 1000, 50
	p := newPresaleIn(t, accountAlone(t), map[string]any{"windows": windows / 2})
	defer p.gone(p.a)
	p.settled(p.config)
	p.control(queue.ControlRequest{Action: queue.ControlPause})
	eventually(t, 5*time.Second, func() error {
		if s := p.status(); s.State != queue.Paused {
			return fmt.Errorf("the state is %q", s.State)
		}
		return nil
	})
	p.probe()
	tickets := p.join(0, fans)
	places := p.places(fans)
	// Half of the joins are delivered again, some of them joined again by themselves.
	inParallel(t, fans/2, func(ctx context.Context, i int) error {
		body := fmt.Sprintf(`{"sale":"arena","fan":%q,"attempt":0}`, queue.FanID("arena", nonceOf(i)))
		_, err := sqs.NewFromConfig(p.a.aws(home)).SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(text(t, p.state, "joins_queue_url")), MessageBody: &body})
		return err
	})
	p.join(0, 20)
	last := p.join(fans, 1)
	maps.Copy(tickets, last)
	for id, place := range p.places(fans + 1) {
		if before, there := places[id]; there && before != place {
			t.Errorf("the place of %s was %d and is %d", id, before, place)
		}
	}
	p.settled(p.config) // An operator's pause is nothing that an apply takes back.
	equal(t, "what the plan says is in force of paused", text(t, fields(t, fields(t, p.state)["overrides"])["paused"], "value"), "true")
	// More windows by apply, which changes nothing but the sale.
	p.change(map[string]any{"windows": windows})
	eventually(t, 5*time.Second, func() error {
		if s := p.status(); s.Windows != windows || s.State != queue.Paused {
			return fmt.Errorf("there are %d windows, and the sale is %s", s.Windows, s.State)
		}
		return nil
	})
	p.control(queue.ControlRequest{Action: queue.ControlResume})

	bought, most := p.buy(tickets)
	equal(t, "fans who bought", bought, fans+1)
	if most > windows || most < windows/2 {
		t.Errorf("at most %d windows were open at once, there are %d", most, windows)
	}
	eventually(t, 10*time.Second, func() error {
		if s := p.status(); s.Waiting != 0 || s.Open != 0 {
			return fmt.Errorf("%d wait and %d windows are open", s.Waiting, s.Open)
		}
		return nil
	})
}

// claim waits until a fan is called, and takes the window.
func (p *presale) claim(ticket string) (got turned) {
	p.t.Helper()
	eventually(p.t, endsWithin, func() (err error) {
		got, _, err = ask[turned](p.t.Context(), text(p.t, p.state, "turn_url"), map[string]any{"ticket": ticket, "do": "claim"})
		if err == nil && got.State != "claimed" {
			err = fmt.Errorf("the fan is %+v", got)
		}
		return err
	})
	return got
}

// probe goes the whole way as a semantic monitor's fan does, though the sale is
// paused, and takes no window.
func (p *presale) probe() {
	p.t.Helper()
	_, parameter, _ := strings.Cut(text(p.t, p.state, "probe_key_arn"), ":parameter")
	out, err := ssm.NewFromConfig(p.a.aws(home)).GetParameter(p.t.Context(), &ssm.GetParameterInput{Name: &parameter, WithDecryption: aws.Bool(true)})
	if err != nil {
		p.t.Fatal(err)
	}
	key, err := queue.ReadKey(*out.Parameter.Value)
	if err != nil {
		p.t.Fatal(err)
	}
	nonce := nonceOf(-1)
	request := map[string]any{"sale": "arena", "nonce": nonce, "probe": key.Probe("arena", nonce)}
	joined, status, err := ask[ticketed](p.t.Context(), text(p.t, p.state, "join_url"), request)
	if err != nil || status != http.StatusAccepted {
		p.t.Fatalf("join: %d %+v %v", status, joined, err)
	}
	eventually(p.t, endsWithin, func() error {
		got, _, err := ask[turned](p.t.Context(), text(p.t, p.state, "turn_url"), map[string]any{"ticket": joined.Ticket, "do": "look"})
		if err == nil && got.State != "called" {
			err = fmt.Errorf("the probe is %+v", got)
		}
		return err
	})
	if s := p.status(); s.Open != 0 || s.Waiting != 0 {
		p.t.Errorf("with the probe %d wait and %d windows are open", s.Waiting, s.Open)
	}
}

// buy takes each window as its fan is called, goes to the shop with the pass and
// frees the window, until all have been there. It returns how many bought, and
// the most windows that were open at once.
func (p *presale) buy(tickets map[string]string) (bought, most int) {
	p.t.Helper()
	turn, service, issuer := text(p.t, p.state, "turn_url"), text(p.t, p.state, "service_url"), text(p.t, p.state, "issuer")
	shop := &pass.Verifier{Issuer: issuer, Audience: "arena/arena", Sale: "arena", Keys: pass.FetchedFrom(issuer, local.HTTPClient())}
	eventually(p.t, 3*time.Minute, func() error {
		var called []fan
		open := map[int64]string{}
		bought = 0
		for _, f := range p.fans() {
			switch {
			case f.done == string(queue.Purchased):
				bought++
			case f.done != "":
				p.t.Errorf("%s is %s", f.id, f.done)
			case f.window != 0:
				open[f.window] = f.id
				called = append(called, f)
			}
		}
		most = max(most, len(open))
		inParallel(p.t, len(called), func(ctx context.Context, i int) error {
			id := called[i].id
			got, _, err := ask[turned](ctx, turn, map[string]any{"ticket": tickets[id], "do": "claim"})
			if err != nil || got.State != "claimed" || got.Place != called[i].place {
				return fmt.Errorf("claim: %+v %w", got, err)
			}
			claims, err := shop.Verify(ctx, got.Token)
			if err != nil || claims.Fan != id || int64(claims.Window) != called[i].window || got.PurchaseURL != "https://tickets.example.com/buy?event=7&token="+got.Token {
				p.t.Errorf("the pass says %+v, to %s: %v", claims, got.PurchaseURL, err)
			}
			for _, step := range []struct {
				do    string
				want  int
				state string
			}{{"redeem", http.StatusOK, "claimed"}, {"redeem", http.StatusConflict, "claimed"}, {"release", http.StatusOK, "purchased"}} {
				if answer, status, err := ask[turned](ctx, service, map[string]any{"token": got.Token, "do": step.do}); err != nil || status != step.want || answer.State != step.state {
					p.t.Errorf("%s: %d %+v, should be %d: %v", step.do, status, answer, step.want, err)
				}
			}
			return nil
		})
		if bought < len(tickets) {
			return fmt.Errorf("%d of %d have bought", bought, len(tickets))
		}
		return nil
	})
	return bought, most
}
