package votingwindow

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"sync"
)

// KeyBytes is the length of the key of all hashes, in bytes.
const KeyBytes = 32

// Hasher makes the hashes that stand for identifiers and addresses in tables: HMAC-SHA-256 by a key that never leaves SSM and the
// functions' memory, so that nobody who reads a table can try out identifiers, of which there may be few. It may be used from several
// goroutines.
type Hasher struct {
	key  []byte
	pool sync.Pool // Of hash.Hash: after its first use one keeps its key's state.
}

// NewHasher reads a key from its text: the base64 of KeyBytes bytes.
func NewHasher(text string) (*Hasher, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != KeyBytes {
		return nil, fmt.Errorf("read voter key: it is not the base64 of %d bytes", KeyBytes)
	}
	hasher := &Hasher{key: key}
	hasher.pool.New = func() any { return hmac.New(sha256.New, key) }
	return hasher, nil
}

// Voter is the hash of a voter's identifier: 24 characters of base64url, 18 bytes. Among a hundred million voters two have the same with
// a probability of one in 10^27.
func (h *Hasher) Voter(identifier string) string {
	sum := h.sum("voter\n", identifier)
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

// Address is the hash of an IP address: 16 characters of base64url, 12 bytes; empty for none.
func (h *Hasher) Address(address string) string {
	if address == "" {
		return ""
	}
	sum := h.sum("address\n", address)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// Allow is the identifier's entry in an allow list.
func (h *Hasher) Allow(identifier string) [8]byte {
	sum := h.sum("allow\n", identifier)
	return [8]byte(sum[:8])
}

func (h *Hasher) sum(domain, text string) (sum [sha256.Size]byte) {
	mac := h.pool.Get().(hash.Hash) //nolint:forcetypeassert // Nothing else is put there.
	defer h.pool.Put(mac)
	mac.Reset()
	var buffer [len("address\n") + MaxVoterBytes]byte
	_, _ = mac.Write(append(append(buffer[:0], domain...), text...)) // A hash writes without error.
	mac.Sum(sum[:0])
	return sum
}
