package pass

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// ErrRefused is what every pass that is not good is refused with. The error says
// more, for logs; a bearer needs to know no more than that.
var ErrRefused = errors.New("the pass is refused")

// ErrRedeemed is a pass that was let in before.
var ErrRedeemed = errors.New("it was used already")

// Verifier checks passes for a service.
type Verifier struct {
	// Issuer and Audience are those of the passes that are good; both are needed.
	Issuer, Audience string
	// Sale is the sale's id; empty takes every sale of the audience.
	Sale string
	// Keys are those of the issuer: FetchedFrom(issuer, nil).
	Keys Keys
	// NoVIP refuses bypass passes.
	NoVIP bool
	// Leeway is by how much clocks may differ.
	Leeway time.Duration
	// Redeem, where it is set, lets each pass in once: it keeps the id of a good
	// pass until the pass is over, and returns ErrRedeemed where it had it. Other
	// errors refuse the pass too, since nobody knows then.
	Redeem func(ctx context.Context, c Claims) error
	// Now is the time; time.Now where it is nil.
	Now func() time.Time
}

// Verify returns what a good pass says. An error is ErrRefused where the pass is
// at fault, and another one where keys or Redeem failed.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	if v.Issuer == "" || v.Audience == "" || v.Keys == nil {
		return Claims{}, errors.New("a verifier of passes needs issuer, audience and keys")
	}
	if len(token) > MaxToken {
		return Claims{}, refused(fmt.Errorf("it has %d bytes", len(token)))
	}
	var c Claims
	var failed error
	_, err := v.parser(jwt.SigningMethodRS256).ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		key, err := v.Keys.Key(ctx, id)
		if err != nil && !errors.Is(err, ErrUnknownKey) {
			failed = err
		}
		return key, err
	})
	if failed != nil {
		return Claims{}, failed
	}
	if err != nil {
		return Claims{}, refused(err)
	}
	if err := v.admits(c); err != nil {
		return Claims{}, refused(err)
	}
	if v.Redeem == nil {
		return c, nil
	}
	switch err := v.Redeem(ctx, c); {
	case errors.Is(err, ErrRedeemed):
		return Claims{}, refused(err)
	case err != nil:
		return Claims{}, fmt.Errorf("redeem a pass: %w", err)
	}
	return c, nil
}

// VerifyEdge checks an edge's pass with the keys of the store, as the edge does.
// No key of an edge's pass may be given to a service that is not trusted to make
// passes.
func (v *Verifier) VerifyEdge(token string, keys map[string][]byte) (Claims, error) {
	if v.Issuer == "" || v.Audience == "" {
		return Claims{}, errors.New("a verifier of passes needs issuer and audience")
	}
	if len(token) > MaxToken {
		return Claims{}, refused(fmt.Errorf("it has %d bytes", len(token)))
	}
	var c Claims
	_, err := v.parser(jwt.SigningMethodHS256).ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		if key := keys[id]; len(key) >= edgeKeySize {
			return key, nil
		}
		return nil, ErrUnknownKey
	})
	if err == nil {
		err = v.admits(c)
	}
	if err != nil {
		return Claims{}, refused(err)
	}
	return c, nil
}

// parser takes one algorithm alone: whoever may choose it signs with the public
// key (RFC 8725, section 3.1).
func (v *Verifier) parser(method jwt.SigningMethod) *jwt.Parser {
	now := v.Now
	if now == nil {
		now = time.Now
	}
	return jwt.NewParser(
		jwt.WithValidMethods([]string{method.Alg()}), jwt.WithIssuer(v.Issuer), jwt.WithAudience(v.Audience), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithLeeway(v.Leeway), jwt.WithTimeFunc(now), jwt.WithStrictDecoding(),
	)
}

// admits checks what a good signature alone does not say.
func (v *Verifier) admits(c Claims) error {
	switch {
	case v.Sale != "" && c.Sale != v.Sale:
		return fmt.Errorf("it is for the sale %q", c.Sale)
	case c.VIP && v.NoVIP:
		return errors.New("it is a bypass pass")
	case !c.VIP && c.Window < 1:
		return errors.New("it names no window")
	}
	return c.complete()
}

func refused(err error) error { return fmt.Errorf("%w: %w", ErrRefused, err) }

// Decode reads what a token says, whoever signed it: for people who look at one,
// never to let anybody in.
func Decode(token string) (keyID string, c Claims, err error) {
	if len(token) > MaxToken {
		return "", Claims{}, fmt.Errorf("the token has %d bytes, at most %d are read", len(token), MaxToken)
	}
	parser := jwt.NewParser(jwt.WithStrictDecoding())
	parsed, parts, err := parser.ParseUnverified(token, &c)
	if err != nil {
		return "", Claims{}, fmt.Errorf("read a token: %w", err)
	}
	body, err := parser.DecodeSegment(parts[1])
	if err != nil {
		return "", Claims{}, fmt.Errorf("read a token: %w", err)
	}
	// Whoever shows what a token says must not leave out a part of it.
	strict := json.NewDecoder(bytes.NewReader(body))
	strict.DisallowUnknownFields()
	c = Claims{}
	if err := strict.Decode(&c); err != nil {
		return "", Claims{}, fmt.Errorf("the token is no pass: %w", err)
	}
	if _, err := strict.Token(); !errors.Is(err, io.EOF) {
		return "", Claims{}, errors.New("the token is no pass: more follows its claims")
	}
	keyID, _ = parsed.Header["kid"].(string)
	return keyID, c, nil
}
