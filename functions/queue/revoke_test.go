package queue_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

func (w *world) revoker() *queue.Revoker {
	return &queue.Revoker{Sales: w.turn().Sales, Store: w.store(), Clock: w.clock, Log: discard}
}

// revoke takes back a fan's place, and shows the answer or the error.
func (w *world) revoke(t *testing.T, fan int) string {
	t.Helper()
	return revoked(w.revoker().Handle(t.Context(), queue.RevokeRequest{Sale: "gig", Fan: fanOf(fan), By: "arn:a"}))
}

func revoked(answer queue.Revocation, err error) string {
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(fmt.Sprint(answer.Was, " ", answer.Revoked, " ", answer.Until))
}

// serves is what the ticketing service is told: the status, and where the bearer of the pass stands.
func (w *world) serves(t *testing.T, token, do string) string {
	t.Helper()
	turn := w.turn()
	service := &queue.Service{Sales: turn.Sales, Store: w.store(), Key: turn.Key, Passes: passes{}, Clock: w.clock, Log: discard}
	response, err := service.Handle(t.Context(), post(map[string]string{"token": token, "do": do}))
	var answer struct{ State string }
	if err != nil || json.Unmarshal([]byte(response.Body), &answer) != nil {
		t.Fatalf("%s: %+v %v", do, response, err)
	}
	return strings.TrimSpace(fmt.Sprint(response.StatusCode, " ", answer.State))
}

// Whoever is revoked has neither place nor window, and the service refuses the pass; the window is the next fan's. Like who left, they can join again, at the end.
func TestRevoke(t *testing.T) {
	s := sale()
	s.Windows = 3
	w := newWorld(200_000, s)
	k, turn := w.keeper("a"), w.turn()
	w.mustPlace(t, 0, 1, 2, 3, 4, 5, 6, 7)
	w.mustLead(t, k)
	first, second := w.ask(t, t.Context(), turn, 1, 0, queue.Claim), w.ask(t, t.Context(), turn, 2, 0, queue.Claim)
	if got := w.serves(t, second.Token, queue.Release); got != "200 purchased" {
		t.Fatal(got)
	}
	for _, step := range []struct {
		fan  int
		want string
	}{
		{1, "claimed true " + time.UnixMilli(first.Until).UTC().Format(time.RFC3339)}, // Until when an offline verifier takes the pass.
		{1, "revoked false " + time.UnixMilli(first.Until).UTC().Format(time.RFC3339)},
		{2, "fan " + fanOf(2) + " has bought: that is for the ticketing service to take back"},
		{3, "called true"},
		{4, "waiting true"},
		{9, `sale "gig" has no fan ` + fanOf(9)},
	} {
		if got := w.revoke(t, step.fan); got != step.want {
			t.Errorf("revoke %d: %s, want %s", step.fan, got, step.want)
		}
	}
	for do, want := range map[string]string{queue.Redeem: "409 revoked", queue.Renew: "409 revoked", queue.Release: "409 revoked"} {
		if got := w.serves(t, first.Token, do); got != want {
			t.Errorf("%s: %s, want %s", do, got, want)
		}
	}
	for fan, do := range map[int]string{1: queue.Renew, 3: queue.Claim, 4: queue.Look} {
		if got := w.ask(t, t.Context(), turn, fan, 0, do); got.State != "left" || got.Token != "" {
			t.Errorf("fan %d: %s gives %+v", fan, do, got)
		}
	}
	w.mustLead(t, k)
	w.checkWindows(t, s.Windows)
	if got := w.calledPlaces(); got != "[1 2 3 5 6 7]" {
		t.Errorf("called %s", got)
	}
	w.mustPlace(t, 1, 1)
	if got := w.ask(t, t.Context(), turn, 1, 1, queue.Look); got.State != "waiting" || got.Place != 8 {
		t.Errorf("who joins again is %+v", got)
	}
	// Their time is over: there is nothing to take back.
	w.clock.pass(time.Hour)
	if got := w.revoke(t, 5); got != "expired false" {
		t.Errorf("revoke an expired fan: %s", got)
	}
}

// Whoever moves on while they are revoked are revoked where they are then.
func TestRevokeWhoMovesOn(t *testing.T) {
	w := newWorld(200_000, sale())
	w.mustPlace(t, 0, 1)
	life := &life{at: 3, then: func() { w.mustLead(t, w.keeper("a")) }} // After the sale and the fan were read.
	if got := revoked(w.revoker().Handle(life.of(context.Background()), queue.RevokeRequest{Sale: "gig", Fan: fanOf(1), By: "arn:a"})); got != "called true" {
		t.Errorf("got %s", got)
	}
	if open := w.openWindows(); len(open) != 0 {
		t.Errorf("open are %v", open)
	}
}

// A bypass pass is used once, and not when it was revoked. It frees nobody's window.
func TestBypassPassesOnline(t *testing.T) {
	w := newWorld(200_000, sale())
	w.mustPlace(t, 0, 1)
	w.mustLead(t, w.keeper("a"))
	bypass := func(number int) (token, id string) {
		id = fanOf(50 + number)
		text, err := passes{}.Sign(t.Context(), queue.Claims{Sale: "gig", Fan: "press-7", ID: id, VIP: true, Expires: 900})
		if err != nil {
			t.Fatal(err)
		}
		return text, id
	}
	revoke := func(id string) string {
		return revoked(w.revoker().Handle(t.Context(), queue.RevokeRequest{Sale: "gig", Pass: id, By: "arn:a"}))
	}
	good, goodID := bypass(1)
	never, neverID := bypass(2)
	used, usedID := bypass(3)
	for i, step := range []struct{ got, want string }{
		{w.serves(t, good, queue.Redeem), "200 claimed"},
		{w.serves(t, good, queue.Redeem), "409 claimed"},
		{w.serves(t, good, queue.Renew), "422"},
		{w.serves(t, good, queue.Assign), "422"},
		{w.serves(t, good, "sell"), "400"},
		{w.serves(t, good, queue.Release), "200 purchased"},
		{w.serves(t, good, queue.Release), "200 purchased"},
		{revoke(goodID), "the bearer of bypass pass " + goodID + " has bought: that is for the ticketing service to take back"},
		{revoke(neverID), "claimed true"},
		{revoke(neverID), "revoked false"},
		{w.serves(t, never, queue.Redeem), "409 revoked"},
		{w.serves(t, never, queue.Release), "409 revoked"},
		{w.serves(t, used, queue.Redeem), "200 claimed"},
		{revoke(usedID), "claimed true"},
		{w.serves(t, used, queue.Release), "409 revoked"},
	} {
		if step.got != step.want {
			t.Errorf("step %d: %s, want %s", i, step.got, step.want)
		}
	}
	if expires := w.tables["fans"]["gig/pass/"+goodID]["expires"].Int(); expires != 900 {
		t.Errorf("what was used expires at %d, want when the pass is over", expires)
	}
	if open := w.openWindows(); len(open) != 1 || open[1] != fanOf(1) {
		t.Errorf("open are %v", open)
	}
}

func TestRevokeRefuses(t *testing.T) {
	w := newWorld(200_000, sale())
	for name, c := range map[string]struct {
		request queue.RevokeRequest
		says    string
	}{
		"nobody":       {queue.RevokeRequest{Sale: "gig", By: "arn:a"}, "name a fan or a bypass pass"},
		"both":         {queue.RevokeRequest{Sale: "gig", Fan: fanOf(1), Pass: fanOf(2), By: "arn:a"}, "name a fan or a bypass pass"},
		"a bearer":     {queue.RevokeRequest{Sale: "gig", Pass: "press-7", By: "arn:a"}, "by its id of 22 letters"},
		"a key":        {queue.RevokeRequest{Sale: "gig", Fan: "pass/" + fanOf(1)[:17], By: "arn:a"}, "by its id of 22 letters"},
		"nobody asks":  {queue.RevokeRequest{Sale: "gig", Fan: fanOf(1)}, "by must be the ARN"},
		"no such sale": {queue.RevokeRequest{Sale: "other", Fan: fanOf(1), By: "arn:a"}, "no such sale"},
		"a long ARN":   {queue.RevokeRequest{Sale: "gig", Fan: fanOf(1), By: strings.Repeat("a", 2049)}, "at most 2048 bytes"},
	} {
		if _, err := w.revoker().Handle(t.Context(), c.request); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.mustPlace(t, 0, 1)
	for call := 1; call <= 3; call++ { // The sale, the fan, the change.
		life := &life{dies: call}
		if _, err := w.revoker().Handle(life.of(context.Background()), queue.RevokeRequest{Sale: "gig", Fan: fanOf(1), By: "arn:a"}); err == nil {
			t.Errorf("call %d fails, and revoke does not", call)
		}
	}
}
