package queue

import (
	"context"
	"net/url"
	"strings"
)

// The query's parameters, and what stands for them in a purchase URL, in which a fan brings passes to the shop.
const (
	tokenParameter = "token"
	edgeParameter  = "edge"
)

// EdgePlace stands in a purchase URL where the edge's pass is to be.
const EdgePlace = "{" + edgeParameter + "}"

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

// purchaseURL is where a fan goes with the passes: each in its place, or added to the query where it has none.
func (p signedPasses) purchaseURL(sale Sale, fan Fan) string {
	text := sale.PurchaseURL
	if fan.PurchaseURL != "" {
		text = fan.PurchaseURL
	}
	added := map[string]string{}
	for name, value := range map[string]string{tokenParameter: p.token, edgeParameter: p.edge} {
		place := "{" + name + "}"
		switch {
		case value == "":
		case strings.Contains(text, place):
			text = strings.ReplaceAll(text, place, url.QueryEscape(value))
		default:
			added[name] = value
		}
	}
	to, err := url.Parse(text)
	if len(added) == 0 || err != nil { // It was checked.
		return text
	}
	query := to.Query()
	for name, value := range added {
		query.Set(name, value)
	}
	to.RawQuery = query.Encode()
	return to.String()
}
