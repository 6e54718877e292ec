package provider_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass"
	"github.com/burstline/terraform-provider-serverless/functions/queue/verifydraw"
)

// waited is what a fan saw on the page.
type waited struct {
	Seen    []string `json:"seen"`
	Tickets string   `json:"tickets"`
}

// page goes the whole way through the real page in Chromium.
func (p *presale) page() (w waited) {
	p.t.Helper()
	proxy, err := local.BrowserProxy(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	defer proxy.Close()
	out, err := exec.CommandContext(p.t.Context(), "node", filepath.Join("..", "site", "queue", "wait.mjs"), "--url", text(p.t, p.state, "page_url"), "--proxy", proxy.URL).CombinedOutput()
	if err != nil {
		p.t.Fatalf("wait on the page: %s: %s", err, bytes.TrimSpace(out))
	}
	if err := json.Unmarshal(out, &w); err != nil {
		p.t.Fatalf("wait on the page: %s: %s", err, out)
	}
	return w
}

// TestAccQueuePage takes one fan through the real page, before the opening and
// among others who come early: the places are drawn so that anybody can draw them
// again. Then somebody comes who need not wait.
func TestAccQueuePage(t *testing.T) {
	const others = 30
	now := time.Now()
	p := newPresale(t, map[string]any{
		"opens_at": clockTime(now.Add(45 * time.Second)), "pre_queue": map[string]any{"from": clockTime(now.Add(-time.Minute))}, "site": map[string]any{"cdn": true, "title": "The final"},
	})
	defer p.gone(p.a)
	p.join(0, others)
	w := p.page()
	for _, heading := range []string{"You are in the draw", "The places are being drawn", "It is your turn!", "Your tickets are waiting"} {
		if !slices.Contains(w.Seen, heading) {
			t.Errorf("the page never said %q, but %q", heading, w.Seen)
		}
	}
	to, err := url.Parse(w.Tickets)
	if err != nil {
		t.Fatal(err)
	}
	issuer := text(t, p.state, "issuer")
	shop := &pass.Verifier{Issuer: issuer, Audience: "arena/arena", Sale: "arena", Keys: pass.FetchedFrom(issuer, local.HTTPClient())}
	claims, err := shop.Verify(t.Context(), to.Query().Get("token"))
	if err != nil || to.Host != "tickets.example.com" {
		t.Fatalf("the link to %s has the pass %+v: %v", w.Tickets, claims, err)
	}

	read := func(object string) []byte {
		code, body := (&evening{session: p.session}).get(issuer + "/" + object)
		if code != http.StatusOK {
			t.Fatalf("%s gives %d", object, code)
		}
		return body
	}
	proof, order, err := verifydraw.Verify(read(queue.ProofObject("arena")), read(queue.ListObject("arena")))
	if err != nil || proof.Count != others+1 {
		t.Fatalf("the draw of %d does not fit: %v", proof.Count, err)
	}
	places := p.places(others + 1)
	for i, fan := range order {
		if places[fan] != int64(i+1) {
			t.Errorf("%s drew the place %d and has %d", fan, i+1, places[fan])
		}
	}
	if !slices.Contains(order, claims.Fan) {
		t.Errorf("%s is not among the drawn", claims.Fan)
	}

	var b queue.Bypassed
	payload := []byte(`{"sale":"arena","bearer":"press-7","seconds":600,"by":"arn:aws:iam::123456789012:user/night"}`)
	out, err := lambda.NewFromConfig(p.a.aws(home)).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: p.function("bypass"), Qualifier: aws.String("live"), Payload: payload})
	if err != nil || out.FunctionError != nil || json.Unmarshal(out.Payload, &b) != nil {
		t.Fatalf("a bypass pass: %v %s", err, out.Payload)
	}
	if got, err := shop.Verify(t.Context(), b.Token); err != nil || !got.VIP || got.Fan != "press-7" {
		t.Errorf("the bypass pass says %+v: %v", got, err)
	}
}
