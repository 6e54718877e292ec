package pass

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// MaxToken is the longest token, in bytes, that is made or read. It is part of a
// URL, which CloudFront takes up to 8,192 bytes of (CloudFront Developer Guide,
// "Quotas", maximum length of a URL).
const MaxToken = 2048

// Key signs. Its private half may be anywhere.
type Key interface {
	// ID names the key in the header of each pass and among the published keys.
	ID() string
	// SignSHA256 signs a SHA-256 digest with RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2).
	SignSHA256(ctx context.Context, digest []byte) ([]byte, error)
}

// Signer makes passes for APIs and services, signed with RS256.
type Signer struct{ key Key }

// NewSigner returns a signer with that key.
func NewSigner(key Key) *Signer { return &Signer{key} }

// Sign returns the pass with those claims.
func (s *Signer) Sign(ctx context.Context, c Claims) (string, error) {
	text, err := unsigned(jwt.SigningMethodRS256, s.key.ID(), c)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256([]byte(text))
	signature, err := s.key.SignSHA256(ctx, digest[:])
	if err != nil {
		return "", fmt.Errorf("sign a pass: %w", err)
	}
	return finished(text, signature)
}

// EdgeSigner makes passes for CloudFront functions, which know no RSA. Who holds
// its key can make passes too: it is in a key value store, and nowhere else.
type EdgeSigner struct {
	id  string
	key []byte
}

// edgeKeySize is the least size of a key for HS256, in bytes (RFC 7518, section
// 3.2).
const edgeKeySize = 32

// NewEdgeSigner returns a signer with a key of at least 32 bytes, which the store
// has under id.
func NewEdgeSigner(id string, key []byte) (*EdgeSigner, error) {
	if id == "" || len(key) < edgeKeySize {
		return nil, fmt.Errorf("the key %q of edge passes has %d bytes; it needs a name and at least %d", id, len(key), edgeKeySize)
	}
	return &EdgeSigner{id, key}, nil
}

// Sign returns the edge's pass with those claims.
func (s *EdgeSigner) Sign(_ context.Context, c Claims) (string, error) {
	text, err := unsigned(jwt.SigningMethodHS256, s.id, c)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(text))
	return finished(text, mac.Sum(nil))
}

// unsigned returns header and claims as they are signed.
func unsigned(method jwt.SigningMethod, key string, c Claims) (string, error) {
	if err := c.complete(); err != nil {
		return "", fmt.Errorf("sign a pass: %w", err)
	}
	token := &jwt.Token{Method: method, Claims: c, Header: map[string]any{"alg": method.Alg(), "kid": key, "typ": "JWT"}}
	text, err := token.SigningString()
	if err != nil {
		return "", fmt.Errorf("encode a pass: %w", err)
	}
	return text, nil
}

func finished(text string, signature []byte) (string, error) {
	token := text + "." + base64.RawURLEncoding.EncodeToString(signature)
	if len(token) > MaxToken {
		return "", fmt.Errorf("sign a pass: it would have %d bytes, and at most %d are taken; make issuer and audience shorter", len(token), MaxToken)
	}
	return token, nil
}

// complete checks that nothing is missing by which a pass is refused later.
func (c Claims) complete() error {
	if c.Issuer == "" || c.Audience == "" || c.Fan == "" || c.ID == "" || c.Sale == "" || c.Expires == 0 {
		return errors.New("iss, aud, sub, jti, sale and exp must be given")
	}
	return nil
}

// RSAKey is a key whose private half is in memory.
type RSAKey struct {
	id      string
	private *rsa.PrivateKey
}

// minimumRSA is the least size of a key for RS256, in bits (RFC 7518, section 3.3).
const minimumRSA = 2048

// ParseRSAKey reads an RSA private key of at least 2,048 bits, as PEM of PKCS #8.
// No error shows any of it.
func ParseRSAKey(pem []byte) (*RSAKey, error) {
	private, err := jwt.ParseRSAPrivateKeyFromPEM(pem)
	if err != nil {
		return nil, errors.New("the key of passes is no RSA private key in PEM")
	}
	if bits := private.N.BitLen(); bits < minimumRSA {
		return nil, fmt.Errorf("the key of passes has %d bits; RS256 needs %d", bits, minimumRSA)
	}
	return &RSAKey{KeyID(&private.PublicKey), private}, nil
}

// ID implements Key: the thumbprint of the public half.
func (k *RSAKey) ID() string { return k.id }

// Public returns the public half.
func (k *RSAKey) Public() *rsa.PublicKey { return &k.private.PublicKey }

// SignSHA256 implements Key.
func (k *RSAKey) SignSHA256(_ context.Context, digest []byte) ([]byte, error) {
	return rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, digest)
}
