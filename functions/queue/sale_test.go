package queue_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

// sale opens at 100,000 and has three windows.
func sale() queue.Sale {
	return queue.Sale{
		ID: "gig", OpensAt: 100_000, Windows: 3, WindowTTL: 300, ClaimTTL: 60, PurchaseURL: "https://tickets.example/buy",
	}
}

func TestStates(t *testing.T) {
	with := func(change func(*queue.Sale)) queue.Sale {
		s := sale()
		change(&s)
		return s
	}
	drawn := with(func(s *queue.Sale) { s.DrawFrom = 50_000 })
	for name, c := range map[string]struct {
		sale  queue.Sale
		stage queue.DrawStage
		now   int64
		want  queue.State
	}{
		"before":                      {sale(), "", 99_999, queue.Scheduled},
		"at the opening":              {sale(), "", 100_000, queue.Open},
		"before the pre-queue":        {drawn, "", 49_999, queue.Scheduled},
		"in the pre-queue":            {drawn, "", 50_000, queue.Gathering},
		"pre-queue's last moment":     {drawn, "", 99_999, queue.Gathering},
		"opened, not drawn":           {drawn, "", 100_000, queue.Drawing},
		"drawn, not all placed":       {drawn, queue.DrawDrawn, 100_000, queue.Drawing},
		"drawn":                       {drawn, queue.DrawPlaced, 100_000, queue.Open},
		"first come, first served":    {with(func(s *queue.Sale) { s.DrawFrom, s.PreQueue = 50_000, queue.FIFO }), "", 100_000, queue.Open},
		"paused":                      {with(func(s *queue.Sale) { s.Paused = true }), "", 100_000, queue.Paused},
		"paused before the opening":   {with(func(s *queue.Sale) { s.Paused = true }), "", 99_999, queue.Scheduled},
		"last moment":                 {with(func(s *queue.Sale) { s.ClosesAt = 200_000 }), "", 199_999, queue.Open},
		"closed":                      {with(func(s *queue.Sale) { s.ClosesAt = 200_000 }), "", 200_000, queue.Closed},
		"closed, still paused":        {with(func(s *queue.Sale) { s.ClosesAt, s.Paused = 200_000, true }), "", 200_000, queue.Closed},
		"closed by hand":              {with(func(s *queue.Sale) { s.State = queue.Closed }), "", 100_000, queue.Closed},
		"opened by hand":              {with(func(s *queue.Sale) { s.State = queue.Open }), "", 1, queue.Open},
		"held open after its closing": {with(func(s *queue.Sale) { s.ClosesAt, s.State = 200_000, queue.Open }), "", 300_000, queue.Open},
	} {
		if got := c.sale.StateAt(queue.Draw{Stage: c.stage}, c.now); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestControlHoldsAgainstWhatItWasSetAgainst(t *testing.T) {
	control := queue.Control{
		Paused:  &queue.Override[bool]{To: true, Of: false},
		Windows: &queue.Override[int]{To: 9, Of: 3},
		Rate:    &queue.Override[float64]{To: 2, Of: 1}, // The configured rate is 0 by now.
		OpensAt: &queue.Override[int64]{To: 90_000, Of: 100_000},
	}
	inForce := sale().Effective(control)
	if !inForce.Paused || inForce.Windows != 9 || inForce.Rate != 0 || inForce.OpensAt != 90_000 || inForce.WindowTTL != 300 {
		t.Errorf("%+v", inForce)
	}
	// Moved beyond a closing time that came with an apply.
	closes := sale()
	closes.ClosesAt = 80_000
	closes.OpensAt = 70_000
	late := queue.Control{OpensAt: &queue.Override[int64]{To: 90_000, Of: 70_000}}
	if got := closes.Effective(late).OpensAt; got != 70_000 {
		t.Errorf("opens at %d", got)
	}
	// That takes nothing else back.
	late.Paused, late.Windows, late.ClosesAt = &queue.Override[bool]{To: true, Of: false}, &queue.Override[int]{To: 1, Of: 3}, &queue.Override[int64]{To: 75_000, Of: 80_000}
	if got := closes.Effective(late); !got.Paused || got.Windows != 1 || got.OpensAt != 70_000 || got.ClosesAt != 75_000 {
		t.Errorf("%+v", got)
	}
}

func TestReadSale(t *testing.T) {
	good, _ := json.Marshal(sale())
	read, control, err := queue.ReadSale("gig", string(good), `{"paused":{"to":true,"of":false},"by":"arn:x","at":7}`)
	if err != nil || read.OpensAt != 100_000 || read.ID != "gig" || control.Paused == nil || !control.Paused.To || control.By != "arn:x" || control.At != 7 {
		t.Errorf("%+v %+v %v", read, control, err)
	}
	if _, _, err := queue.ReadSale("gig", string(good), "junk"); err != nil {
		t.Errorf("a control that cannot be read: %v", err)
	}
	for want, change := range map[string]func(*queue.Sale){
		"not after it opens":  func(s *queue.Sale) { s.ClosesAt = s.OpensAt },
		"not before the sale": func(s *queue.Sale) { s.DrawFrom = s.OpensAt },
		"pre_queue":           func(s *queue.Sale) { s.PreQueue = "random" },
		"windows are":         func(s *queue.Sale) { s.Windows = queue.MaxWindows + 1 },
		"rate is":             func(s *queue.Sale) { s.Rate = -1 },
		"window_ttl":          func(s *queue.Sale) { s.WindowTTL = 9 },
		"claim_ttl":           func(s *queue.Sale) { s.ClaimTTL = 0 },
		"heartbeat":           func(s *queue.Sale) { s.Heartbeat = 19 },
		"max_renewals":        func(s *queue.Sale) { s.MaxRenewals = -1 },
		"state is":            func(s *queue.Sale) { s.State = queue.Paused },
		"purchase_url":        func(s *queue.Sale) { s.PurchaseURL = "http://tickets.example" },
		"beacon":              func(s *queue.Sale) { s.Beacon = &queue.Beacon{URL: "https://api.drand.sh"} },
	} {
		wrong := sale()
		change(&wrong)
		text, _ := json.Marshal(wrong)
		if _, _, err := queue.ReadSale("gig", string(text), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for id, want := range map[string]bool{"a": true, "0-gig": true, strings.Repeat("a", 31): true, "": false, "-a": false, "A": false, "a/b": false, "a_b": false, strings.Repeat("a", 32): false} {
		if queue.ValidSale(id) != want {
			t.Errorf("id %q: %v", id, !want)
		}
	}
}
