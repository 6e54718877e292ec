// Package verifydraw makes the order of a draw from what is public after it, so that anybody can do it again: the closed list, the secret whose sum was
// published before anybody joined, and the beacon's round that came after the list's sum was published.
//
// seed = SHA-256(secret, the list's SHA-256, the round's randomness), all as bytes. The fans come in the order of SHA-256(seed, id), the id as text.
//
// What it cannot tell: when commitment and list sum were published. Who wants to know kept the status of that time.
package verifydraw

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Proof is the object that is published with a draw. Sums, secret, randomness and signature are in hex, times RFC 3339.
type Proof struct {
	Sale         string `json:"sale"`
	Secret       string `json:"secret"`
	Commitment   string `json:"commitment"`
	Count        int64  `json:"count"`
	ListSHA256   string `json:"list_sha256"`
	ListedAt     string `json:"listed_at"`
	Beacon       string `json:"beacon,omitempty"`
	Chain        string `json:"chain,omitempty"`
	ChainInfo    Chain  `json:"chain_info,omitzero"` // What makes the chain's hash, and with it the key.
	Round        int64  `json:"round,omitempty"`
	RoundAt      string `json:"round_at,omitempty"`
	Randomness   string `json:"randomness,omitempty"`
	Signature    string `json:"signature,omitempty"`
	BeaconMissed bool   `json:"beacon_missed,omitempty"` // The beacon was silent: who knew the secret and chose the list could know the order.
	Seed         string `json:"seed"`
}

// Sum is the SHA-256 of bytes, in hex.
func Sum(of []byte) string {
	sum := sha256.Sum256(of)
	return hex.EncodeToString(sum[:])
}

// ListText is the object that holds a list, which is sorted: one id a line.
func ListText(list []string) []byte {
	var text bytes.Buffer
	for _, id := range list {
		text.WriteString(id)
		text.WriteByte('\n')
	}
	return text.Bytes()
}

// Seed makes the seed, in hex, of secret, list sum and randomness in hex; the last is empty where there was no beacon.
func Seed(secret, list, randomness string) (string, error) {
	var all []byte
	for what, text := range map[string]string{"secret": secret, "list sum": list, "randomness": randomness} {
		if _, err := hex.DecodeString(text); err != nil {
			return "", fmt.Errorf("read the %s: %w", what, err)
		}
	}
	all, err := hex.DecodeString(secret + list + randomness)
	if err != nil {
		return "", fmt.Errorf("make the seed: %w", err)
	}
	return Sum(all), nil
}

// Order is a list in the order that a seed, in hex, gives it. The list is left as it is.
func Order(seed string, list []string) ([]string, error) {
	raw, err := hex.DecodeString(seed)
	if err != nil || len(raw) != sha256.Size {
		return nil, errors.New("read the seed: it is no SHA-256 in hex")
	}
	type drawn struct {
		sum [sha256.Size]byte
		id  string
	}
	all := make([]drawn, len(list))
	for i, id := range list {
		all[i] = drawn{sha256.Sum256(append(raw[:len(raw):len(raw)], id...)), id}
	}
	slices.SortFunc(all, func(a, b drawn) int {
		if order := bytes.Compare(a.sum[:], b.sum[:]); order != 0 {
			return order
		}
		return strings.Compare(a.id, b.id)
	})
	order := make([]string, len(all))
	for i := range all {
		order[i] = all[i].id
	}
	return order, nil
}

// Verify draws again, and returns the order, or all that does not fit. proof and list are the objects as they were published.
//
// The randomness is the SHA-256 of the round's signature (drand documentation, "Specification"), the signature the chain's own, and the time the round's. What
// is left to see is that the chain is one that is trusted, such as drand's quicknet.
func Verify(proof, list []byte) (Proof, []string, error) {
	var p Proof
	decoder := json.NewDecoder(bytes.NewReader(proof))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return Proof{}, nil, fmt.Errorf("read the proof: %w", err)
	}
	var faults []error
	fault := func(wrong bool, format string, values ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, values...))
		}
	}
	ids := strings.Fields(string(list))
	secret, err := hex.DecodeString(p.Secret)
	fault(err != nil || len(secret) != sha256.Size || Sum(secret) != p.Commitment, "the secret is not the one that was committed to")
	fault(Sum(list) != p.ListSHA256, "the list is not the one whose sum was published")
	fault(int64(len(ids)) != p.Count, "the list has %d fans, and %d were drawn", len(ids), p.Count)
	fault(!slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) || !bytes.Equal(ListText(ids), list), "the list is not sorted, one id a line, each once")
	if p.Round != 0 && !p.BeaconMissed {
		signature, err := hex.DecodeString(p.Signature)
		fault(err != nil || p.Signature == "" || Sum(signature) != p.Randomness, "the randomness of round %d is not the sum of its signature", p.Round)
		faults = append(faults, p.ofChain())
		listed, errListed := time.Parse(time.RFC3339Nano, p.ListedAt)
		comes, errComes := time.Parse(time.RFC3339Nano, p.RoundAt)
		fault(errListed != nil || errComes != nil || !listed.Before(comes), "the list was not published before round %d", p.Round)
	} else {
		fault(p.Randomness != "", "there is randomness of no round")
	}
	seed, err := Seed(p.Secret, p.ListSHA256, p.Randomness)
	fault(err != nil || seed != p.Seed, "the seed is not the one that these make: %s", seed)
	if err := errors.Join(faults...); err != nil {
		return p, nil, fmt.Errorf("verify the draw of sale %s: %w", p.Sale, err)
	}
	order, err := Order(p.Seed, ids)
	return p, order, err
}

// ofChain says why a proof's round is not one of the beacon's chain.
func (p Proof) ofChain() error {
	if p.ChainInfo == (Chain{}) {
		return errors.New("the proof does not tell of the beacon's chain, by which its round is checked")
	}
	if err := p.ChainInfo.Check(p.Chain); err != nil {
		return err
	}
	comes, err := time.Parse(time.RFC3339Nano, p.RoundAt)
	switch {
	case err != nil || comes.UnixMilli() != p.ChainInfo.Comes(p.Round):
		return fmt.Errorf("round %d does not come at %s", p.Round, p.RoundAt)
	case !p.ChainInfo.Signed(p.Round, p.Signature):
		return fmt.Errorf("the signature of round %d is not that of the chain", p.Round)
	}
	return nil
}
