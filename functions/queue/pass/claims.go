// Package pass makes and checks passes: the tokens with which a fan whose place
// was called goes from the waiting room to the shop. A pass is a JWT, signed with
// RS256 for APIs and services, or with HS256 for the edge (RFC 7519).
//
// A service that sells imports this package for its Verifier. It needs no AWS.
package pass

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims are what a pass says. Times are seconds since 1970, as a JWT has them
// (RFC 7519, section 2, "NumericDate").
type Claims struct {
	// Issuer is the URL below which the keys are published.
	Issuer string `json:"iss"`
	// Audience is what the pass is for: "NAME/SALE" unless the sale says otherwise.
	Audience string `json:"aud"`
	// Fan is the fan's id; of a bypass pass, whom it was made for.
	Fan string `json:"sub"`
	// ID is another one for each pass: who lets a pass in once keeps it.
	ID        string `json:"jti"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	// Expires is when the fan's window ends.
	Expires int64 `json:"exp"`
	// Sale is the sale's id.
	Sale string `json:"sale"`
	// Window is the number of the fan's window, from 1; 0 for a bypass pass.
	Window int `json:"window,omitempty"`
	// VIP marks a bypass pass, whose bearer has not waited.
	VIP bool `json:"vip,omitempty"`
}

// Claims implements jwt.Claims.
var _ jwt.Claims = Claims{}

// GetExpirationTime implements jwt.Claims.
func (c Claims) GetExpirationTime() (*jwt.NumericDate, error) { return date(c.Expires), nil }

// GetIssuedAt implements jwt.Claims.
func (c Claims) GetIssuedAt() (*jwt.NumericDate, error) { return date(c.IssuedAt), nil }

// GetNotBefore implements jwt.Claims.
func (c Claims) GetNotBefore() (*jwt.NumericDate, error) { return date(c.NotBefore), nil }

// GetIssuer implements jwt.Claims.
func (c Claims) GetIssuer() (string, error) { return c.Issuer, nil }

// GetSubject implements jwt.Claims.
func (c Claims) GetSubject() (string, error) { return c.Fan, nil }

// GetAudience implements jwt.Claims.
func (c Claims) GetAudience() (jwt.ClaimStrings, error) {
	if c.Audience == "" {
		return nil, nil
	}
	return jwt.ClaimStrings{c.Audience}, nil
}

func date(seconds int64) *jwt.NumericDate {
	if seconds == 0 {
		return nil
	}
	return jwt.NewNumericDate(time.Unix(seconds, 0))
}

// NewID returns an id for a pass: 16 random bytes in base64url.
func NewID(random io.Reader) (string, error) {
	id := make([]byte, 16)
	if _, err := io.ReadFull(random, id); err != nil {
		return "", fmt.Errorf("make the id of a pass: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(id), nil
}

// MaxBypass is the longest that a bypass pass is good for. Nobody can take one
// back before it is over, other than by leaving its key out of what is published.
const MaxBypass = 7 * 24 * time.Hour

// bearers are whom bypass passes may be made for. A pass is seen by whoever it
// is shown to: a name for the list at the door, and no address.
var bearers = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Bypass says who is let past a sale's line.
type Bypass struct {
	Issuer, Audience, Sale string
	// Bearer is whom the pass is for: letters, digits, ".", "_" and "-", at most 64.
	Bearer string
	// From and For are when the pass is good: For at most MaxBypass.
	From time.Time
	For  time.Duration
}

// Claims returns what the bypass pass says, with an id from random; crypto/rand
// where random is nil.
func (b Bypass) Claims(now time.Time, random io.Reader) (Claims, error) {
	if random == nil {
		random = rand.Reader
	}
	switch {
	case b.Issuer == "" || b.Audience == "" || b.Sale == "":
		return Claims{}, errors.New("a bypass pass needs issuer, audience and sale")
	case !bearers.MatchString(b.Bearer):
		return Claims{}, fmt.Errorf("%q is no name for the bearer of a bypass pass; give letters, digits, dots, dashes and underscores, at most 64", b.Bearer)
	case b.For < time.Second || b.For > MaxBypass:
		return Claims{}, fmt.Errorf("a bypass pass for %s is not possible; give a second to %s", b.For, MaxBypass)
	case b.From.Add(b.For).Before(now):
		return Claims{}, fmt.Errorf("a bypass pass that ends at %s is over already", b.From.Add(b.For).Format(time.RFC3339))
	}
	id, err := NewID(random)
	if err != nil {
		return Claims{}, err
	}
	return Claims{
		Issuer: b.Issuer, Audience: b.Audience, Sale: b.Sale, Fan: b.Bearer, ID: id, VIP: true,
		IssuedAt: now.Unix(), NotBefore: b.From.Unix(), Expires: b.From.Add(b.For).Unix(),
	}, nil
}
