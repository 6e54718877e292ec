// Package probe is how a semantic monitor marks what it sends, so that whoever receives it can tell it from the real thing.
package probe

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

const (
	// Header is of every request of a monitor; its value is the probe's id.
	Header = "X-Serverless-Probe"
	// Attribute is the SQS message attribute with the probe's id.
	Attribute = "probe"
)

// codeLength is the length of a code in base64url, cut to 132 bits.
const codeLength = 22

// Code marks a fan of a waiting room's sale as a probe, by the key that only monitor and waiting room know:
// base64url(HMAC-SHA-256(key, "probe", sale, nonce; a line feed between))[:22].
func Code(key []byte, sale, nonce string) string {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte("probe\n" + sale + "\n" + nonce)) // A hash writes without error.
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))[:codeLength]
}
