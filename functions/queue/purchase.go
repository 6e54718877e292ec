package queue

import (
	"context"
	"net/url"
	"strings"
)

const (
	// tokenPlace stands in a purchase URL where the pass is to be.
	tokenPlace = "{token}"
	// tokenParameter of the query brings it where it has no place.
	tokenParameter = "token"
	// EdgeParameter of the query brings the edge's pass.
	EdgeParameter = "edge"
)

// signedPasses are what a fan goes to the shop with.
type signedPasses struct {
	token string // For APIs and services.
	edge  string // For the edge; empty where that has none.
}

// signBoth signs the same claims for services and, where edge is a signer, for the edge.
func signBoth(ctx context.Context, services, edge Signer, claims Claims) (p signedPasses, err error) {
	if p.token, err = services.Sign(ctx, claims); err != nil || edge == nil {
		return p, err
	}
	p.edge, err = edge.Sign(ctx, claims)
	return p, err
}

// purchaseURL is where a fan goes with the passes. The edge looks for its own in the query.
func (p signedPasses) purchaseURL(sale Sale, fan Fan) string {
	text := sale.PurchaseURL
	if fan.PurchaseURL != "" {
		text = fan.PurchaseURL
	}
	placed := strings.Contains(text, tokenPlace)
	if placed {
		text = strings.ReplaceAll(text, tokenPlace, url.QueryEscape(p.token))
	}
	to, err := url.Parse(text)
	if placed && p.edge == "" || err != nil { // It was checked.
		return text
	}
	query := to.Query()
	if !placed {
		query.Set(tokenParameter, p.token)
	}
	if p.edge != "" {
		query.Set(EdgeParameter, p.edge)
	}
	to.RawQuery = query.Encode()
	return to.String()
}
