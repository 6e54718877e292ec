package verifydraw

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/cloudflare/circl/sign/bls"
)

// Chain is what drand tells of a beacon's chain (drand documentation, "HTTP API", /info). All of it makes the chain's hash, so that whoever knows the hash knows
// the key.
type Chain struct {
	PublicKey string   `json:"public_key"`   // Compressed, in hex.
	Period    int64    `json:"period"`       // Between two rounds, in seconds.
	Genesis   int64    `json:"genesis_time"` // Of round 1, in seconds since 1970.
	GroupHash string   `json:"groupHash"`    // In hex.
	Scheme    string   `json:"schemeID"`     // How rounds are signed: SchemeG1 or SchemeG2.
	Metadata  Metadata `json:"metadata"`
}

// Metadata is what does not concern the signatures.
type Metadata struct {
	BeaconID string `json:"beaconID"`
}

// The schemes in which a signature is checked by the round alone (drand documentation, "Cryptography").
const (
	SchemeG1 = "bls-unchained-g1-rfc9380" // Keys on G2, signatures on G1: that of drand's quicknet.
	SchemeG2 = "pedersen-bls-unchained"   // Keys on G1, signatures on G2.
)

// defaultBeacon is the beacon whose id is not in its chain's hash.
const defaultBeacon = "default"

// Hash is the chain's hash, in hex (drand, chain/info.go): SHA-256 of period (uint32), genesis (int64), key, group hash and id, big-endian.
func (c Chain) Hash() (string, error) {
	key, errKey := hex.DecodeString(c.PublicKey)
	group, errGroup := hex.DecodeString(c.GroupHash)
	if err := errors.Join(errKey, errGroup); err != nil {
		return "", fmt.Errorf("read the chain's key and group hash: %w", err)
	}
	sum := sha256.New()
	sum.Write(binary.BigEndian.AppendUint32(nil, uint32(c.Period)))  //nolint:gosec // More than 136 years make another hash.
	sum.Write(binary.BigEndian.AppendUint64(nil, uint64(c.Genesis))) //nolint:gosec // As drand does it.
	sum.Write(key)
	sum.Write(group)
	if c.Metadata.BeaconID != defaultBeacon {
		sum.Write([]byte(c.Metadata.BeaconID))
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Check says why a chain is not the one of a hash in hex, or why its rounds cannot be checked.
func (c Chain) Check(hash string) error {
	own, err := c.Hash()
	switch {
	case err != nil:
		return err
	case own != hash:
		return fmt.Errorf("what the beacon says of its chain makes the hash %s, not %s", own, hash)
	case c.Period <= 0 || c.Genesis <= 0:
		return errors.New("the beacon's chain has no period or no beginning")
	case c.Scheme != SchemeG1 && c.Scheme != SchemeG2:
		return fmt.Errorf("the beacon's chain signs as %q; take one that signs as %s or %s, such as drand's quicknet", c.Scheme, SchemeG1, SchemeG2)
	}
	return nil
}

// RoundAt returns the first round at or after a time, and when it comes, both in milliseconds since 1970.
func (c Chain) RoundAt(at int64) (round, comes int64) {
	seconds := max(0, (at+999)/1000-c.Genesis)
	round = (seconds+c.Period-1)/c.Period + 1
	return round, c.Comes(round)
}

// Comes is when a round comes, in milliseconds since 1970.
func (c Chain) Comes(round int64) int64 { return (c.Genesis + (round-1)*c.Period) * 1000 }

// Signed says whether a signature, in hex, is the chain's own of a round: BLS on the curve BLS12-381 of the SHA-256 of the round's number, big-endian.
func (c Chain) Signed(round int64, signature string) bool {
	key, errKey := hex.DecodeString(c.PublicKey)
	raw, errSignature := hex.DecodeString(signature)
	if errKey != nil || errSignature != nil {
		return false
	}
	message := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(round))) //nolint:gosec // Rounds are positive.
	switch c.Scheme {
	case SchemeG1:
		return signed[bls.KeyG2SigG1](key, message[:], raw)
	case SchemeG2:
		return signed[bls.KeyG1SigG2](key, message[:], raw)
	}
	return false
}

func signed[K bls.KeyGroup](key, message, signature []byte) bool {
	var public bls.PublicKey[K]
	return public.UnmarshalBinary(key) == nil && bls.Verify(&public, message, signature)
}
