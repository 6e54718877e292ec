package queue_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
)

// signed keeps what was signed.
type signed struct{ claims queue.Claims }

func (s *signed) Sign(_ context.Context, c queue.Claims) (string, error) {
	s.claims = c
	return "a.b.c", nil
}

// oneSale is a store with one sale.
type oneSale struct{ sale queue.Sale }

func (s oneSale) ReadSale(_ context.Context, id string) (queue.Sale, queue.Control, error) {
	if id != s.sale.ID {
		return queue.Sale{}, queue.Control{}, queue.ErrNoSale
	}
	return s.sale, queue.Control{}, nil
}

type fixed time.Time

func (f fixed) Now() time.Time                     { return time.Time(f) }
func (fixed) After(time.Duration) <-chan time.Time { return nil }

func TestBypass(t *testing.T) {
	now := time.Date(2027, 5, 22, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		request queue.BypassRequest
		says    string // Of the error; empty for a pass.
		from    int64
	}{
		"now":         {queue.BypassRequest{Sale: "gig", Bearer: "press-7", Seconds: 3600, By: "arn"}, "", now.Unix()},
		"later":       {queue.BypassRequest{Sale: "gig", Bearer: "press-7", Seconds: 3600, By: "arn", From: "2027-05-22T09:00:00Z"}, "", now.Unix() + 3600},
		"over":        {queue.BypassRequest{Sale: "gig", Bearer: "press-7", Seconds: 60, By: "arn", From: "2027-05-22T07:00:00Z"}, "is over already", 0},
		"too long":    {queue.BypassRequest{Sale: "gig", Bearer: "press-7", Seconds: 8 * 24 * 3600, By: "arn"}, "is not possible", 0},
		"no time":     {queue.BypassRequest{Sale: "gig", Bearer: "press-7", Seconds: 60, By: "arn", From: "nine"}, "no RFC 3339 time", 0},
		"an address":  {queue.BypassRequest{Sale: "gig", Bearer: "anna@example.com", Seconds: 60, By: "arn"}, "no name for the bearer", 0},
		"nobody asks": {queue.BypassRequest{Sale: "gig", Bearer: "press-7", Seconds: 60}, "by must be the ARN", 0},
		"no sale":     {queue.BypassRequest{Sale: "other", Bearer: "press-7", Seconds: 60, By: "arn"}, "no such sale", 0},
	} {
		t.Run(name, func(t *testing.T) {
			keeps := &signed{}
			b := queue.Bypass{
				Sales:  &queue.Sales{Store: oneSale{queue.Sale{ID: "gig", OpensAt: 1, WindowTTL: 60, ClaimTTL: 60, PurchaseURL: "https://tickets.example.com/{token}"}}, Clock: fixed(now)},
				Passes: keeps, Issued: queue.Passes{Issuer: "https://tickets.example.com"}, Base: queue.Base{System: "queue", Name: "arena"}, Clock: fixed(now),
				Log: slog.New(slog.DiscardHandler), Metrics: telemetry.NewMetrics(io.Discard, telemetry.Source{}),
			}
			got, err := b.Handle(t.Context(), c.request)
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) || keeps.claims.ID != "" {
					t.Errorf("got %+v, %v; want %q", got, err, c.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			k := keeps.claims
			if k.Audience != "arena/gig" || k.Fan != "press-7" || !k.VIP || k.Window != 0 || k.NotBefore != c.from || k.Expires != c.from+c.request.Seconds || k.ID == "" {
				t.Errorf("signed %+v", k)
			}
			if got.PurchaseURL != "https://tickets.example.com/a.b.c" || got.ID != k.ID {
				t.Errorf("got %+v", got)
			}
		})
	}
}
