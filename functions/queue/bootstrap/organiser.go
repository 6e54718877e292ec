package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass"
)

// organiser knows who the organiser's tokens are about: JWTs, signed with RS256 by a key that the issuer publishes.
type organiser struct {
	keys   *pass.Fetched
	parser *jwt.Parser
}

func newOrganiser(issuer, audience string) *organiser {
	return &organiser{pass.FetchedFrom(issuer, nil), jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}), jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithStrictDecoding(),
	)}
}

// Subject implements queue.Identities.
func (o *organiser) Subject(ctx context.Context, token string) (string, error) {
	var claims jwt.RegisteredClaims
	var failed error
	_, err := o.parser.ParseWithClaims(token, &claims, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		key, err := o.keys.Key(ctx, id)
		if err != nil && !errors.Is(err, pass.ErrUnknownKey) {
			failed = err
		}
		return key, err
	})
	switch {
	case failed != nil:
		return "", fmt.Errorf("read the organiser's keys: %w", failed)
	case err != nil:
		return "", queue.ErrToken
	default:
		return claims.Subject, nil
	}
}
