package pass

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// Where an issuer publishes, below its URL (OpenID Connect Discovery 1.0, section
// 4). The keys may be anywhere; these are beside the configuration.
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	KeysPath      = "/.well-known/jwks.json"
)

// JWK is the public half of a key (RFC 7517, section 4; RFC 7518, section 6.3.1).
type JWK struct {
	KeyType   string `json:"kty"`
	Use       string `json:"use,omitempty"`
	Algorithm string `json:"alg,omitempty"`
	ID        string `json:"kid"`
	Modulus   string `json:"n"`
	Exponent  string `json:"e"`
}

// JWKS are the public halves of all keys whose passes are good (RFC 7517,
// section 5).
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// exponent is 65,537 in base64url, the public exponent of every key that
// crypto/rsa and KMS make.
const exponent = "AQAB"

// PublicKey describes a key for RS256 by its id and its modulus in base64url.
func PublicKey(id, modulus string) JWK {
	return JWK{KeyType: "RSA", Use: "sig", Algorithm: "RS256", ID: id, Modulus: modulus, Exponent: exponent}
}

// Modulus returns a key's modulus in base64url, without zeros before it (RFC
// 7518, section 6.3.1.1).
func Modulus(key *rsa.PublicKey) string { return base64.RawURLEncoding.EncodeToString(key.N.Bytes()) }

// KeyID returns the thumbprint of a key, by which passes name it (RFC 7638).
func KeyID(key *rsa.PublicKey) string {
	e := base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())
	sum := sha256.Sum256([]byte(`{"e":"` + e + `","kty":"RSA","n":"` + Modulus(key) + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// JSON returns the document that is published at KeysPath.
func (s JWKS) JSON() string { return document(s) }

// RSA returns the keys that passes may be signed with, by id. Keys of other types
// and uses are left out (RFC 7517, section 5).
func (s JWKS) RSA() (map[string]*rsa.PublicKey, error) {
	keys := map[string]*rsa.PublicKey{}
	for _, k := range s.Keys {
		if k.KeyType != "RSA" || k.ID == "" || k.Use != "" && k.Use != "sig" || k.Algorithm != "" && k.Algorithm != "RS256" {
			continue
		}
		key, err := k.rsa()
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", k.ID, err)
		}
		keys[k.ID] = key
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key for RS256")
	}
	return keys, nil
}

func (k JWK) rsa() (*rsa.PublicKey, error) {
	n, err := base64.RawURLEncoding.DecodeString(k.Modulus)
	if err != nil {
		return nil, errors.New("its modulus is not in base64url")
	}
	e, err := base64.RawURLEncoding.DecodeString(k.Exponent)
	if err != nil || len(e) == 0 || len(e) > 4 {
		return nil, errors.New("its exponent is not in base64url, or too long")
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	// Longer keys than these cost the verifier, not the one who publishes them.
	if bits := key.N.BitLen(); bits < minimumRSA || bits > 8192 {
		return nil, fmt.Errorf("it has %d bits", bits)
	}
	if key.E < 3 || key.E%2 == 0 {
		return nil, fmt.Errorf("its exponent is %d", key.E)
	}
	return key, nil
}

// Discovery is what an issuer says of itself (OpenID Connect Discovery 1.0,
// section 3). There is nobody to log in with: it says where the keys are.
type Discovery struct {
	Issuer        string   `json:"issuer"`
	Keys          string   `json:"jwks_uri"`
	ResponseTypes []string `json:"response_types_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	Claims        []string `json:"claims_supported"`
}

// NewDiscovery returns the document of an issuer.
func NewDiscovery(issuer string) Discovery {
	return Discovery{
		Issuer: issuer, Keys: issuer + KeysPath, ResponseTypes: []string{"id_token"}, SubjectTypes: []string{"public"}, Algorithms: []string{"RS256"},
		Claims: []string{"iss", "aud", "sub", "jti", "iat", "nbf", "exp", "sale", "window", "vip"},
	}
}

// JSON returns the document that is published at DiscoveryPath.
func (d Discovery) JSON() string { return document(d) }

// document encodes what holds nothing but texts.
func document(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts can be encoded
	}
	return string(text)
}

// Generations are the keys of passes that exist while that generation signs, which
// is one of them: the one before it, whose passes are not over, and the next one,
// which everybody who keeps published keys has by the time it signs. API Gateway
// keeps them for two hours (API Gateway Developer Guide, "Control access to HTTP
// APIs with JWT authorizers"). Generations begin with 1. Two at once, where a key
// was stolen, leave it out.
func Generations(current int) []int {
	all := []int{current, current + 1}
	if current > 1 {
		all = append([]int{current - 1}, all...)
	}
	return all
}
