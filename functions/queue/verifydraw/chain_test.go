package verifydraw_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/cloudflare/circl/sign/bls"

	"github.com/burstline/terraform-provider-serverless/functions/queue/verifydraw"
)

// quicknet is drand's public network, as its relays describe it.
var quicknet = verifydraw.Chain{
	PublicKey: "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
	Period:    3, Genesis: 1692803367, GroupHash: "f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e",
	Scheme: verifydraw.SchemeG1, Metadata: verifydraw.Metadata{BeaconID: "quicknet"},
}

const (
	quicknetHash = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"
	// Rounds that the network has signed.
	round123    = "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92"
	round657413 = "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b"
)

func TestDrandsOwnRounds(t *testing.T) {
	if err := quicknet.Check(quicknetHash); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		name, signature string
		round           int64
		signed          bool
	}{
		{"a round", round123, 123, true},
		{"another", round657413, 657413, true},
		{"the round before", round123, 122, false},
		{"a round of another number", round657413, 123, false},
		{"no point of the curve", "00" + round123[2:], 123, false},
		{"nothing", "", 123, false},
		{"no hex", "x", 123, false},
	} {
		if signed := quicknet.Signed(c.round, c.signature); signed != c.signed {
			t.Errorf("%s: %v", c.name, signed)
		}
	}
	if verifydraw.Sum(unhex(t, round657413)) != "fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587" {
		t.Error("the randomness is not the signature's sum")
	}
	for at, want := range map[int64][2]int64{
		1692803367_000: {1, 1692803367_000}, 1692803367_001: {2, 1692803370_000}, 1692803370_000: {2, 1692803370_000}, 1: {1, 1692803367_000},
	} {
		if round, comes := quicknet.RoundAt(at); [2]int64{round, comes} != want {
			t.Errorf("at %d: round %d at %d", at, round, comes)
		}
	}
}

func TestAChainIsTheOneOfItsHash(t *testing.T) {
	for want, change := range map[string]func(c *verifydraw.Chain){
		"makes the hash":        func(c *verifydraw.Chain) { c.Genesis++ },
		", not 52db9ba70e":      func(c *verifydraw.Chain) { c.Metadata.BeaconID = "default" },
		"key and group hash":    func(c *verifydraw.Chain) { c.PublicKey = "x" },
		"such as drand's quick": func(c *verifydraw.Chain) { c.Scheme = "pedersen-bls-chained" },
	} {
		c := quicknet
		change(&c)
		if err := c.Check(quicknetHash); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// Keys on the other group, as the networks before quicknet have them.
func TestRoundsOfAnOlderScheme(t *testing.T) {
	key, err := bls.KeyGen[bls.KeyG1SigG2]([]byte(strings.Repeat("k", 32)), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey().MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	round := sha256.Sum256([]byte{0, 0, 0, 0, 0, 0, 1, 0})
	signature := hex.EncodeToString(bls.Sign(key, round[:]))
	c := verifydraw.Chain{PublicKey: hex.EncodeToString(public), Scheme: verifydraw.SchemeG2}
	if !c.Signed(256, signature) || c.Signed(257, signature) {
		t.Error("the signature is not that of round 256 alone")
	}
	if c.Scheme = "pedersen-bls-chained"; c.Signed(256, signature) {
		t.Error("a scheme that is not known passes")
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
