package queue_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

func TestControlIsInForceWithinFiveSeconds(t *testing.T) {
	w := newWorld(200_000, sale())
	k := w.keeper("a")
	control := &queue.Controller{Store: w.store(), Clock: w.clock, Log: discard}
	w.mustPlace(t, 0, 1, 2, 3, 4, 5, 6)
	w.mustLead(t, k)
	five, rate := 5, 0.5
	for _, step := range []struct {
		request queue.ControlRequest
		want    string // Or the error.
		called  string
	}{
		{queue.ControlRequest{Action: "pause", Sale: "gig", By: "arn:a"}, "paused [paused]", "[1 2 3]"},
		{queue.ControlRequest{Action: "set", Sale: "gig", Windows: &five, By: "arn:a"}, "paused [paused windows]", "[1 2 3]"},
		{queue.ControlRequest{Action: "show", Sale: "gig"}, "paused [paused windows]", "[1 2 3]"},
		{queue.ControlRequest{Action: "resume", Sale: "gig", By: "arn:a"}, "open [windows]", "[1 2 3 4 5]"},
		{queue.ControlRequest{Action: "set", Sale: "gig", Rate: &rate, ClosesAt: "1970-01-01T00:10:00Z", By: "arn:a"}, "open [closes_at rate windows]", "[1 2 3 4 5]"},
		{queue.ControlRequest{Action: "set", Sale: "gig", OpensAt: "1970-01-01T01:00:00Z", By: "arn:a"}, "pause it instead", "[1 2 3 4 5]"},
		{queue.ControlRequest{Action: "set", Sale: "gig", OpensAt: "soon", By: "arn:a"}, "RFC 3339", "[1 2 3 4 5]"},
		{queue.ControlRequest{Action: "set", Sale: "gig", Windows: new(int), ClosesAt: "1970-01-01T00:00:01Z", By: "arn:a"}, "not after it opens", "[1 2 3 4 5]"},
		{queue.ControlRequest{Action: "pause", Sale: "gig"}, "by must be", "[1 2 3 4 5]"},
		{queue.ControlRequest{Action: "explode", Sale: "gig", By: "arn:a"}, "no such action", "[1 2 3 4 5]"},
		{queue.ControlRequest{Action: "show", Sale: "other"}, "no such sale", "[1 2 3 4 5]"},
		{queue.ControlRequest{Action: "clear", Sale: "gig", By: "arn:a"}, "open []", "[1 2 3 4 5]"},
	} {
		answer, err := control.Handle(t.Context(), step.request)
		got := fmt.Sprint(answer.State, " ", answer.Overridden)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, step.want) {
			t.Errorf("%+v: %s, want %s", step.request, got, step.want)
		}
		w.clock.pass(3 * time.Second)
		w.mustLead(t, k)
		if got := w.calledPlaces(); got != step.called {
			t.Errorf("%+v: called %s, want %s", step.request, got, step.called)
		}
	}
	// An apply that changes the argument wins over what was set against its former value.
	if _, err := control.Handle(t.Context(), queue.ControlRequest{Action: "set", Sale: "gig", Windows: &five, By: "arn:a"}); err != nil {
		t.Fatal(err)
	}
	other := sale()
	other.Windows = 4
	w.putSale(other)
	if answer, err := control.Handle(t.Context(), queue.ControlRequest{Action: "show", Sale: "gig"}); err != nil || answer.InForce.Windows != 4 || len(answer.Overridden) != 0 {
		t.Errorf("%+v %v", answer, err)
	}
}

// A sale that an operator opened before its time stays open when all else goes back to what is configured: fans were called.
func TestClearingSendsNoSaleBackToBeforeItsOpening(t *testing.T) {
	late := sale()
	late.OpensAt = 900_000
	w := newWorld(200_000, late)
	control := &queue.Controller{Store: w.store(), Clock: w.clock, Log: discard}
	five := 5
	for _, step := range []struct {
		request queue.ControlRequest
		want    string
	}{
		{queue.ControlRequest{Action: "set", OpensAt: "1970-01-01T00:05:00Z"}, "scheduled [opens_at]"},
		{queue.ControlRequest{Action: "clear"}, "scheduled []"}, // It has not opened.
		{queue.ControlRequest{Action: "set", OpensAt: "1970-01-01T00:03:20Z", Windows: &five}, "open [opens_at windows]"},
		{queue.ControlRequest{Action: "clear"}, "open [opens_at]"},
	} {
		step.request.Sale, step.request.By = "gig", "arn:a"
		answer, err := control.Handle(t.Context(), step.request)
		if got := fmt.Sprint(answer.State, " ", answer.Overridden); err != nil || got != step.want {
			t.Errorf("%+v: %s, %v, want %s", step.request, got, err, step.want)
		}
	}
}

// What an apply has ended stays ended where another sets the argument back, and all else that operators changed holds.
func TestAnApplyEndsOverridesForGood(t *testing.T) {
	w := newWorld(200_000, sale())
	k := w.keeper("a")
	control := &queue.Controller{Store: w.store(), Clock: w.clock, Log: discard}
	rate, five, ttl, moment := 0.5, 5, int64(90), "1970-01-01T01:00:00Z"
	for _, request := range []queue.ControlRequest{
		{Action: "pause"}, {Action: "set", Rate: &rate, Windows: &five, WindowTTL: &ttl, ClaimTTL: &ttl, ClosesAt: moment},
	} {
		request.Sale, request.By = "gig", "arn:a"
		if _, err := control.Handle(t.Context(), request); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		change func(*queue.Sale)
		want   string // What is overridden once the argument is back.
	}{
		{func(*queue.Sale) {}, "[claim_ttl closes_at paused rate window_ttl windows]"},
		{func(s *queue.Sale) { s.Windows = 4 }, "[claim_ttl closes_at paused rate window_ttl]"},
		{func(s *queue.Sale) { s.ClaimTTL, s.WindowTTL = 80, 80 }, "[closes_at paused rate]"},
		{func(s *queue.Sale) { s.ClosesAt, s.Rate = 9_000_000, 3 }, "[paused]"},
		{func(s *queue.Sale) { s.Paused = true }, "[]"},
	} {
		changed := sale()
		step.change(&changed)
		for _, applied := range []queue.Sale{changed, sale()} {
			w.putSale(applied)
			w.clock.pass(3 * time.Second)
			w.mustLead(t, k)
		}
		answer, err := control.Handle(t.Context(), queue.ControlRequest{Action: "show", Sale: "gig"})
		if got := fmt.Sprint(answer.Overridden); err != nil || got != step.want || answer.By != "arn:a" {
			t.Errorf("overridden are %s, want %s: %+v, %v", got, step.want, answer, err)
		}
	}
}
