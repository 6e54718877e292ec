package queue

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass"
)

// BypassRequest is the event: `{"sale":"gig","bearer":"press-7","seconds":3600,"by":"arn…"}`.
type BypassRequest struct {
	Sale    string `json:"sale"`
	Bearer  string `json:"bearer"`         // Whom the pass is for: a name for the list at the door.
	From    string `json:"from,omitempty"` // From when it is good, as RFC 3339; empty for now.
	Seconds int64  `json:"seconds"`        // For how long, at most a week.
	By      string `json:"by"`             // Who asks for it: an ARN.
}

// Bypassed is the answer. Whoever has the token goes to the shop.
type Bypassed struct {
	Sale        string `json:"sale"`
	Bearer      string `json:"bearer"`
	ID          string `json:"id"`
	From        string `json:"from"`
	Until       string `json:"until"`
	Token       string `json:"token"`
	PurchaseURL string `json:"purchase_url"`
}

// Bypass makes passes for those who need not wait. They take no window, and are counted apart.
type Bypass struct {
	Sales   *Sales
	Passes  Signer
	Edge    Signer // Of the edge's passes; nil for none.
	Issued  Passes
	Base    Base
	Clock   clock.Clock
	Log     *slog.Logger
	Metrics *telemetry.Metrics
}

// Handle makes one pass.
func (b *Bypass) Handle(ctx context.Context, request BypassRequest) (Bypassed, error) {
	if request.By == "" || len(request.By) > maxByBytes {
		return Bypassed{}, fmt.Errorf("by must be the ARN of who asks for it, of at most %d bytes", maxByBytes)
	}
	sale, err := b.Sales.InForce(ctx, request.Sale)
	if err != nil {
		return Bypassed{}, fmt.Errorf("sale %q: %w", request.Sale, err)
	}
	now := b.Clock.Now()
	from := now
	if request.From != "" {
		if from, err = time.Parse(time.RFC3339, request.From); err != nil {
			return Bypassed{}, fmt.Errorf("from %q is no RFC 3339 time such as 2027-05-22T18:30:00Z", request.From)
		}
	}
	claims, err := pass.Bypass{
		Issuer: b.Issued.Issuer, Audience: b.Issued.AudienceOf(b.Base, sale.ID), Sale: sale.ID, Bearer: request.Bearer, From: from, For: time.Duration(request.Seconds) * time.Second,
	}.Claims(now, nil)
	if err != nil {
		return Bypassed{}, err
	}
	passes, err := signBoth(ctx, b.Passes, b.Edge, Claims(claims))
	if err != nil {
		return Bypassed{}, err
	}
	b.Log.InfoContext(ctx, "bypass", "sale", sale.ID, "bearer", request.Bearer, "pass", claims.ID, "by", request.By)
	if err := b.Metrics.Emit(now, telemetry.Metric{Name: "Bypassed", Unit: telemetry.Count, Value: 1}); err != nil {
		b.Log.WarnContext(ctx, "emit metrics", "error", err)
	}
	return Bypassed{
		Sale: sale.ID, Bearer: request.Bearer, ID: claims.ID, From: clockText(claims.NotBefore * 1000), Until: clockText(claims.Expires * 1000), Token: passes.token,
		PurchaseURL: passes.purchaseURL(sale, Fan{}),
	}, nil
}
