package provider_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass"
	"github.com/burstline/terraform-provider-serverless/functions/queue/verifydraw"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// waited is what a fan saw on the page.
type waited struct {
	Seen    []string `json:"seen"`
	Tickets string   `json:"tickets"`
}

// page goes the whole way through the real page in Chromium.
func (p *presale) page(options ...string) (w waited) {
	p.t.Helper()
	proxy, err := local.BrowserProxy(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	defer proxy.Close()
	arguments := append([]string{filepath.Join("..", "site", "queue", "wait.mjs"), "--url", text(p.t, p.state, "page_url"), "--proxy", proxy.URL}, options...)
	out, err := exec.CommandContext(p.t.Context(), "node", arguments...).CombinedOutput()
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
	p := newPresale(t, map[string]any{
		"opens_at": clockTime(time.Now().Add(time.Hour)), "closes_at": clockTime(time.Now().Add(2 * time.Hour)),
		"pre_queue": map[string]any{"from": clockTime(time.Now().Add(-time.Minute))}, "site": map[string]any{"cdn": true, "title": "The final"},
	})
	defer p.gone(p.a)
	// The opening is put forward only now: how long the room takes to stand up says nothing of the machine's next minute.
	p.change(map[string]any{"opens_at": clockTime(time.Now().Add(45 * time.Second))})
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
	p.operates("bypass", queue.BypassRequest{Sale: "arena", Bearer: "press-7", Seconds: 600, By: operator}, &b)
	if got, err := shop.Verify(t.Context(), b.Token); err != nil || !got.VIP || got.Fan != "press-7" {
		t.Errorf("the bypass pass says %+v: %v", got, err)
	}
	p.revokes(b)
	p.rejoins(to.Query().Get("token"))
	p.usesItsGrants(t)
}

// revokes takes back a bypass pass that was used, and the window of a fan: neither
// can do anything more by its pass.
func (p *presale) revokes(vip queue.Bypassed) {
	p.t.Helper()
	service := func(token, do string, want int, state string) {
		p.t.Helper()
		got, status, err := ask[turned](p.t.Context(), text(p.t, p.state, "service_url"), map[string]any{"token": token, "do": do})
		if err != nil || status != want || got.State != state {
			p.t.Errorf("%s gets %d %+v, want %d and %s: %v", do, status, got, want, state, err)
		}
	}
	revoke := func(r queue.RevokeRequest, was string) {
		p.t.Helper()
		r.Sale, r.By = "arena", operator
		var got queue.Revocation
		if p.operates("revoke", r, &got); !got.Revoked || got.Was != was {
			p.t.Errorf("revoke %+v: %+v, want %s", r, got, was)
		}
	}
	service(vip.Token, "redeem", http.StatusOK, "claimed")
	service(vip.Token, "redeem", http.StatusConflict, "claimed")
	revoke(queue.RevokeRequest{Pass: vip.ID}, "claimed")
	service(vip.Token, "release", http.StatusConflict, "revoked")
	for fan, ticket := range p.join(500, 1) {
		token := p.claim(ticket).Token
		revoke(queue.RevokeRequest{Fan: fan}, "claimed")
		service(token, "redeem", http.StatusConflict, "revoked")
		if got, _, err := ask[turned](p.t.Context(), text(p.t, p.state, "turn_url"), map[string]any{"ticket": ticket, "do": "renew"}); err != nil || got.State != "left" || got.Token != "" {
			p.t.Errorf("who was revoked is told %+v, %v", got, err)
		}
	}
}

// rejoins ends an evening: the fan with the pass buys; somebody who comes while the
// sale is paused waits, leaves, and joins again at the end.
func (p *presale) rejoins(token string) {
	p.t.Helper()
	ctx, turn := p.t.Context(), text(p.t, p.state, "turn_url")
	if got, _, err := ask[turned](ctx, text(p.t, p.state, "service_url"), map[string]any{"token": token, "do": "release"}); err != nil || got.State != "purchased" {
		p.t.Fatalf("release: %+v %v", got, err)
	}
	p.control(queue.ControlRequest{Action: queue.ControlPause})
	eventually(p.t, 5*time.Second, func() error {
		if s := p.status(); s.State != queue.Paused {
			return fmt.Errorf("the state is %q", s.State)
		}
		return nil
	})
	url, nonce := text(p.t, p.state, "join_url"), nonceOf(999)
	place := int64(0)
	for attempt, end := range []string{"leave", "look"} {
		joined, status, err := ask[ticketed](ctx, url, map[string]any{"sale": "arena", "nonce": nonce, "attempt": attempt})
		if err != nil || status != http.StatusAccepted {
			p.t.Fatalf("join: %d %+v %v", status, joined, err)
		}
		var got turned
		eventually(p.t, endsWithin, func() (err error) {
			if got, _, err = ask[turned](ctx, turn, map[string]any{"ticket": joined.Ticket, "do": "look"}); err == nil && (got.State != "waiting" || got.Place <= place) {
				err = fmt.Errorf("the fan has no place: %+v", got)
			}
			return err
		})
		place = got.Place
		if got, _, err := ask[turned](ctx, turn, map[string]any{"ticket": joined.Ticket, "do": end}); err != nil || got.State != map[string]string{"leave": "left", "look": "waiting"}[end] {
			p.t.Fatalf("%s: %+v %v", end, got, err)
		}
	}
}

// usesItsGrants: nothing was refused, and every function has used all that its role
// grants, but for what the blueprint explains.
func (p *presale) usesItsGrants(t *testing.T) {
	t.Helper()
	if local.Proof() == nil {
		return // The endpoint judges by itself.
	}
	for _, d := range local.Proof().Denials(string(p.a)) {
		t.Errorf("%s was refused %s on %s: %s", d.Principal, d.Action, d.Resource, d.Message)
	}
	system, _ := systems.Find("queue")
	more := maps.Clone(p.config)
	delete(more, "name")
	b, err := system.Described(t.Context(), "arena", more)
	if err != nil {
		t.Fatal(err)
	}
	roles := map[string]string{}
	for key, arn := range stateTexts(t, p.state, "role_arns") {
		roles[arn] = key + "-role"
	}
	if unused := unused(t, b, roles); len(unused) > 0 {
		t.Errorf("granted, never used and not explained:\n%s", strings.Join(unused, "\n"))
	}
}
