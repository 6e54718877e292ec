package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

const (
	// KeyHeader has the caller's key, in small letters as HTTP APIs give it.
	KeyHeader = "x-api-key"
	// A key has at least as many characters as 128 random bits in base64, since its digest is quick to make.
	minKeyBytes = 22
	maxKeyLong  = 256
	// maxKeys bounds how many keys there are: each request is compared with all.
	maxKeys = 1000
)

// Secrets read secrets by their ARNs.
type Secrets interface {
	Get(ctx context.Context, arn string) (string, error)
}

// KeyAuthorizer is a Lambda authorizer of an HTTP API, which itself has no API keys (API Gateway Developer Guide, "Choose between REST APIs and HTTP APIs"). A secret
// has the keys' names with their SHA-256 in hex and, where they have any, their scopes:
//
//	{"partner": {"sha256": "…", "scopes": ["bookings"]}}
type KeyAuthorizer struct {
	Secrets Secrets
	Keys    string // The secret's ARN.
	Log     *slog.Logger
}

// KeyRequest is what an HTTP API asks an authorizer (API Gateway Developer Guide, "Control access to HTTP APIs with AWS Lambda authorizers", payload format version
// 2.0), as far as it looks at it.
type KeyRequest struct {
	Headers map[string]string `json:"headers"`
}

// Verdict is its answer, of the simple kind.
type Verdict struct {
	IsAuthorized bool              `json:"isAuthorized"`
	Context      map[string]string `json:"context,omitempty"`
}

type knownKey struct {
	SHA256 string   `json:"sha256"`
	Scopes []string `json:"scopes"`
}

// Handle says whether a request's key is one of those that are known, and whose.
func (a *KeyAuthorizer) Handle(ctx context.Context, request KeyRequest) (Verdict, error) {
	given := request.Headers[KeyHeader]
	if len(given) < minKeyBytes || len(given) > maxKeyLong {
		return Verdict{}, nil
	}
	text, err := a.Secrets.Get(ctx, a.Keys)
	if err != nil {
		a.Log.ErrorContext(ctx, "read the keys", "error", err)
		return Verdict{}, errors.New("the keys cannot be read")
	}
	keys, err := readKeys(text)
	if err != nil {
		a.Log.ErrorContext(ctx, "read the keys", "error", err)
		return Verdict{}, errors.New("the keys cannot be read")
	}
	digest := sha256.Sum256([]byte(given))
	whose := ""
	for name, key := range keys { // All of them, so that the time does not tell which it was near to.
		if subtle.ConstantTimeCompare(digest[:], key.digest) == 1 {
			whose = name
		}
	}
	if whose == "" {
		return Verdict{}, nil
	}
	return Verdict{true, map[string]string{"name": whose, "scopes": strings.Join(keys[whose].scopes, " ")}}, nil
}

type readKey struct {
	digest []byte
	scopes []string
}

// readKeys reads what the secret has. Errors tell nothing of it but names.
func readKeys(text string) (map[string]readKey, error) {
	var known map[string]knownKey
	if err := json.Unmarshal([]byte(text), &known); err != nil {
		return nil, errors.New(`they are no JSON object of the form {"name":{"sha256":"…"}}`)
	}
	if len(known) > maxKeys {
		return nil, fmt.Errorf("there are %d, of at most %d", len(known), maxKeys)
	}
	keys := make(map[string]readKey, len(known))
	for name, key := range known {
		digest, err := hex.DecodeString(key.SHA256)
		if err != nil || len(digest) != sha256.Size {
			return nil, fmt.Errorf("the sha256 of %q is no SHA-256 in hex", name)
		}
		keys[name] = readKey{digest, key.Scopes}
	}
	return keys, nil
}
