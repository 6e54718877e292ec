package provider_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/queue/pass"
)

// TestAccQueueCodes: two sales in one deployment, whose fans need codes and whose
// passes KMS signs. A code is one fan in each sale, whoever has it.
func TestAccQueueCodes(t *testing.T) {
	list := filepath.Join(t.TempDir(), "codes.txt")
	if err := os.WriteFile(list, []byte("12345678\n87654321\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	p := newPresale(t, map[string]any{
		"join_codes": map[string]any{"file": list}, "token": map[string]any{"kms": true, "audience": "shop"}, "site": map[string]any{"enabled": false},
		"sales": map[string]any{"semi": map[string]any{"windows": 1}, "later": map[string]any{"opens_at": clockTime(now.Add(30 * time.Minute))}},
	})
	defer p.gone(p.a)
	p.settled(p.config)
	url := text(t, p.state, "join_url")
	join := func(sale, code string, nonce, want int) ticketed {
		t.Helper()
		joined, status, err := ask[ticketed](t.Context(), url, map[string]any{"sale": sale, "nonce": nonceOf(nonce), "code": code})
		if err != nil || status != want {
			t.Fatalf("join %s by %q: %d %+v, should be %d: %v", sale, code, status, joined, want, err)
		}
		return joined
	}
	first, again := join("semi", "12345678", 1, http.StatusAccepted), join("semi", "12345678", 2, http.StatusAccepted)
	equal(t, "the fan of the same code", again.Fan, first.Fan)
	if other := join("arena", "12345678", 1, http.StatusAccepted); other.Fan == first.Fan {
		t.Error("the same fan is known in two sales")
	}
	equal(t, "the refusal of an unknown code", join("semi", "11111111", 1, http.StatusUnprocessableEntity).Error, "code")
	equal(t, "the refusal before the opening", join("later", "12345678", 1, http.StatusForbidden).Error, "not_open")
	equal(t, "the refusal of no sale", join("final", "12345678", 1, http.StatusNotFound).Error, "no_sale")

	got := p.claim(first.Ticket)
	issuer := text(t, p.state, "issuer")
	shop := &pass.Verifier{Issuer: issuer, Audience: "shop", Sale: "semi", Keys: pass.FetchedFrom(issuer, local.HTTPClient())}
	if claims, err := shop.Verify(t.Context(), got.Token); err != nil || claims.Fan != first.Fan || claims.Window != 1 {
		t.Errorf("the pass says %+v: %v", claims, err)
	}
}
