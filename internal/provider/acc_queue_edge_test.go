package provider_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore"
	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass/edge/edgetest"
)

// atEdge is the function of the edge as it is deployed: its live code, and what
// the store has that its outputs name.
type atEdge struct {
	t     *testing.T
	code  string
	store map[string]string
}

func (p *presale) atEdge() atEdge {
	p.t.Helper()
	edges, store := cloudfront.NewFromConfig(p.a.aws(home)), text(p.t, p.state, "edge_key_value_store_arn")
	_, name, _ := strings.Cut(text(p.t, p.state, "edge_function_arn"), ":function/")
	is, err := edges.DescribeFunction(p.t.Context(), &cloudfront.DescribeFunctionInput{Name: &name, Stage: types.FunctionStageLive})
	if err != nil {
		p.t.Fatal(err)
	}
	if reads := is.FunctionSummary.FunctionConfig.KeyValueStoreAssociations; reads == nil || len(reads.Items) != 1 || aws.ToString(reads.Items[0].KeyValueStoreARN) != store {
		p.t.Errorf("the function reads %+v, want %s", reads, store)
	}
	function, err := edges.GetFunction(p.t.Context(), &cloudfront.GetFunctionInput{Name: &name, Stage: types.FunctionStageLive})
	if err != nil {
		p.t.Fatal(err)
	}
	e := atEdge{t: p.t, code: string(function.FunctionCode), store: map[string]string{}}
	engine, err := p.a.engine(home)
	if err != nil {
		p.t.Fatal(err)
	}
	keys, err := engine.AWS.Values.ListKeys(p.t.Context(), &cloudfrontkeyvaluestore.ListKeysInput{KvsARN: &store})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, item := range keys.Items {
		e.store[*item.Key] = *item.Value
	}
	return e
}

// brings lets a viewer come at a time, with a pass in the query and one in the
// cookie; empty for none.
func (e atEdge) brings(at time.Time, query, cookie string) edgetest.Answer {
	e.t.Helper()
	r := edgetest.Request{Query: map[string]edgetest.Value{"event": {Value: "7"}}, Cookies: map[string]edgetest.Value{}}
	if query != "" {
		r.Query[queue.EdgeParameter] = edgetest.Value{Value: query}
	}
	if cookie != "" {
		r.Cookies["__Host-pass"] = edgetest.Value{Value: cookie}
	}
	return edgetest.Run(e.t, e.code, e.store, at, r)[0]
}

// TestAccQueueEdge: a called fan goes to the shop with a pass that the edge of the
// shop's own distribution takes, by the function and the store that the room's
// outputs name. Whoever has none, one that is over, or somebody else's, is sent to
// the waiting room.
func TestAccQueueEdge(t *testing.T) {
	token := map[string]any{"edge": true}
	p := newPresale(t, map[string]any{"token": token})
	defer p.gone(p.a)
	p.settled(p.config)
	e, now := p.atEdge(), time.Now()
	equal(t, "keys at the edge", len(e.store), 2)
	for fan, ticket := range p.join(0, 1) {
		to, err := url.Parse(p.claim(ticket).PurchaseURL)
		if err != nil {
			t.Fatal(err)
		}
		services, good := to.Query().Get("token"), to.Query().Get(queue.EdgeParameter)
		equal(t, "the event", to.Query().Get("event"), "7")
		if got := e.brings(now, good, ""); got.Status != 302 || got.Headers["location"].Value != "/buy?event=7" || got.Cookies["__Host-pass"].Value != good {
			t.Errorf("who comes with the pass gets %+v", got)
		}
		says := map[string]edgetest.Value{"x-pass-sub": {Value: fan}, "x-pass-sale": {Value: "arena"}, "x-pass-window": {Value: "1"}, "x-pass-vip": {Value: "0"}}
		if got := e.brings(now, "", good); got.Status != 0 || !cmp.Equal(got.Headers, says) {
			t.Errorf("who has it gets %+v", got)
		}
		for name, c := range map[string]struct {
			at            time.Time
			query, cookie string
		}{
			"none":                    {now, "", ""},
			"over":                    {now.Add(time.Hour), good, good},
			"the services'":           {now, services, services},
			"of another room's key":   {now, foreign(t, good), foreign(t, good)},
			"of a sale that is other": {now, p.forged(e, "semi", "other/semi"), ""},
		} {
			if got := e.brings(c.at, c.query, c.cookie); got.Status != 302 || got.Headers["location"].Value != text(t, p.state, "page_url") || len(got.Cookies) != 0 {
				t.Errorf("%s: got %+v, want the way to the waiting room", name, got)
			}
		}
	}
	var vip queue.Bypassed
	p.operates("bypass", queue.BypassRequest{Sale: "arena", Bearer: "press-7", Seconds: 600, By: operator}, &vip)
	to, err := url.Parse(vip.PurchaseURL)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.brings(time.Now(), "", to.Query().Get(queue.EdgeParameter)); got.Headers["x-pass-vip"].Value != "1" || got.Headers["x-pass-sub"].Value != "press-7" {
		t.Errorf("who need not wait gets %+v", got)
	}

	// Another key signs, and the waiting room is elsewhere: what was signed before is
	// taken on.
	token["key_generation"], token["edge_waiting_url"] = 2, "https://wait.example.com/final"
	p.change(map[string]any{"token": token})
	e = p.atEdge()
	equal(t, "keys at the edge after a change", len(e.store), 3)
	if got := e.brings(time.Now(), "", to.Query().Get(queue.EdgeParameter)); got.Status != 0 {
		t.Errorf("a pass of the key before gets %+v", got)
	}
	if got := e.brings(time.Now(), "", ""); got.Headers["location"].Value != "https://wait.example.com/final" {
		t.Errorf("who has none is sent to %+v", got)
	}
	p.change(map[string]any{"token": map[string]any{}})
	equal(t, "the function without edge", text(t, p.state, "edge_function_arn"), "")
}

// foreign is a pass that says the same, by a key that another room may have.
func foreign(t *testing.T, good string) string {
	t.Helper()
	_, claims, err := pass.Decode(good)
	if err != nil {
		t.Fatal(err)
	}
	return signedAtEdge(t, "1", []byte("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="), claims)
}

// forged is a pass by the room's own key, for something else.
func (p *presale) forged(e atEdge, sale, audience string) string {
	p.t.Helper()
	now := time.Now().Unix()
	return signedAtEdge(p.t, "1", []byte(e.store["1"]), pass.Claims{
		Issuer: text(p.t, p.state, "issuer"), Audience: audience, Sale: sale, Fan: "fan", ID: strconv.FormatInt(now, 10), Window: 1, IssuedAt: now, NotBefore: now, Expires: now + 600,
	})
}

func signedAtEdge(t *testing.T, id string, key []byte, claims pass.Claims) string {
	t.Helper()
	signer, err := pass.NewEdgeSigner(id, key)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign(t.Context(), claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
