package verifydraw_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/queue/verifydraw"
)

// The sums were computed apart, with Python's hashlib.
func TestOrderIsFixed(t *testing.T) {
	seed, err := verifydraw.Seed(strings.Repeat("07", 32), strings.Repeat("01", 32), strings.Repeat("02", 32))
	if err != nil || seed != "24d1f3065a96ad030a044d3a3c77d592f2947e742e3cc69cf593fe2e1a67d535" {
		t.Errorf("seed %s, %v", seed, err)
	}
	list := []string{"ann", "bob", "cai", "dee", "eve"}
	order, err := verifydraw.Order(seed, list)
	if err != nil || strings.Join(order, " ") != "bob dee cai eve ann" || !slices.IsSorted(list) {
		t.Errorf("%v, %v", order, err)
	}
	if _, err := verifydraw.Order("07", list); err == nil {
		t.Error("a short seed draws")
	}
	if _, err := verifydraw.Seed("0", "0", ""); err == nil {
		t.Error("half bytes make a seed")
	}
}

func TestVerifyFindsWhatDoesNotFit(t *testing.T) {
	list := verifydraw.ListText([]string{"ann", "bob", "cai"})
	good := verifydraw.Proof{
		Sale: "gig", Secret: strings.Repeat("07", 32), Count: 3, ListSHA256: verifydraw.Sum(list), ListedAt: "2023-08-23T15:14:30Z",
		Beacon: "https://api.drand.sh", Chain: quicknetHash, ChainInfo: quicknet, Round: 123, RoundAt: "2023-08-23T15:15:33Z",
		Signature: round123, Randomness: verifydraw.Sum(unhex(t, round123)),
	}
	good.Commitment = verifydraw.Sum([]byte(strings.Repeat("\a", 32)))
	good.Seed, _ = verifydraw.Seed(good.Secret, good.ListSHA256, good.Randomness)
	encode := func(p verifydraw.Proof) []byte {
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if _, order, err := verifydraw.Verify(encode(good), list); err != nil || len(order) != 3 {
		t.Fatalf("%v %v", order, err)
	}
	for want, change := range map[string]func(p *verifydraw.Proof, list *[]byte){
		"committed":          func(p *verifydraw.Proof, _ *[]byte) { p.Secret = strings.Repeat("08", 32) },
		"sum was published":  func(_ *verifydraw.Proof, list *[]byte) { *list = verifydraw.ListText([]string{"ann", "bob", "dee"}) },
		"4 were drawn":       func(p *verifydraw.Proof, _ *[]byte) { p.Count = 4 },
		"sorted":             func(_ *verifydraw.Proof, list *[]byte) { *list = verifydraw.ListText([]string{"bob", "ann", "cai"}) },
		"sum of its sign":    func(p *verifydraw.Proof, _ *[]byte) { p.Signature = "01" },
		"tell of the beacon": func(p *verifydraw.Proof, _ *[]byte) { p.ChainInfo = verifydraw.Chain{} },
		"makes the hash":     func(p *verifydraw.Proof, _ *[]byte) { p.ChainInfo.Genesis -= 300 },
		"does not come at":   func(p *verifydraw.Proof, _ *[]byte) { p.RoundAt = "2023-08-23T15:15:36Z" },
		"not that of the ch": func(p *verifydraw.Proof, _ *[]byte) { p.Signature = round657413 },
		"before round 123":   func(p *verifydraw.Proof, _ *[]byte) { p.ListedAt = p.RoundAt },
		"of no round":        func(p *verifydraw.Proof, _ *[]byte) { p.BeaconMissed = true },
		"not the one that t": func(p *verifydraw.Proof, _ *[]byte) { p.Seed = strings.Repeat("00", 32) },
	} {
		p, list := good, slices.Clone(list)
		change(&p, &list)
		if _, _, err := verifydraw.Verify(encode(p), list); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, _, err := verifydraw.Verify([]byte(`{"sale":"gig","luck":1}`), list); err == nil {
		t.Error("an unknown member passes")
	}
}
