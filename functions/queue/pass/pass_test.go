package pass_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/queue/pass"
)

const (
	issuer   = "https://tickets.example"
	audience = "arena/final"
)

// opened is when the passes of these tests are made.
var opened = time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)

// keys are two, since making them takes a while.
var keys = sync.OnceValue(func() [2]*pass.RSAKey {
	var out [2]*pass.RSAKey
	for i := range out {
		private, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		if out[i], err = pass.ParseRSAKey(encoded(private)); err != nil {
			panic(err)
		}
	}
	return out
})

func encoded(private *rsa.PrivateKey) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func claims() pass.Claims {
	return pass.Claims{
		Issuer: issuer, Audience: audience, Fan: "Hm0kYwq8n6u0VY3xJ0fQ1g", ID: "uXzR5c1h8s2J3k4l5m6n7o", Sale: "final", Window: 7,
		IssuedAt: opened.Unix(), NotBefore: opened.Unix(), Expires: opened.Add(10 * time.Minute).Unix(),
	}
}

func with(change func(*pass.Claims)) pass.Claims {
	c := claims()
	change(&c)
	return c
}

func signed(t testing.TB, key pass.Key, c pass.Claims) string {
	t.Helper()
	token, err := pass.NewSigner(key).Sign(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// forged signs any header and body with a real key.
func forged(t testing.TB, key pass.Key, header, body string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(body))
	digest := sha256.Sum256([]byte(text))
	signature, err := key.SignSHA256(t.Context(), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func body(t testing.TB, c any) string {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func verifier() *pass.Verifier {
	return &pass.Verifier{
		Issuer: issuer, Audience: audience, Sale: "final", Keys: pass.Fixed{keys()[0].ID(): keys()[0].Public()},
		Now: func() time.Time { return opened.Add(time.Minute) },
	}
}

// TestSign holds a pass to what others read in it: API Gateway wants kid, iss, aud
// and exp, and the shop the rest.
func TestSign(t *testing.T) {
	token := signed(t, keys()[0], claims())
	parts := strings.Split(token, ".")
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"alg":"RS256","kid":"` + keys()[0].ID() + `","typ":"JWT"}`; string(header) != want {
		t.Errorf("the header is %s, want %s", header, want)
	}
	said, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"iss":"https://tickets.example","aud":"arena/final","sub":"Hm0kYwq8n6u0VY3xJ0fQ1g","jti":"uXzR5c1h8s2J3k4l5m6n7o",` +
		`"iat":1803895200,"nbf":1803895200,"exp":1803895800,"sale":"final","window":7}`
	if string(said) != want {
		t.Errorf("it says  %s\nwant     %s", said, want)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(keys()[0].Public(), crypto.SHA256, digest[:], signature); err != nil {
		t.Error(err)
	}
	if got, err := verifier().Verify(t.Context(), token); err != nil || got != claims() {
		t.Errorf("Verify gave %+v, %v", got, err)
	}
}

func TestSignRefuses(t *testing.T) {
	for name, c := range map[string]pass.Claims{
		"no issuer":   with(func(c *pass.Claims) { c.Issuer = "" }),
		"no audience": with(func(c *pass.Claims) { c.Audience = "" }),
		"no fan":      with(func(c *pass.Claims) { c.Fan = "" }),
		"no id":       with(func(c *pass.Claims) { c.ID = "" }),
		"no sale":     with(func(c *pass.Claims) { c.Sale = "" }),
		"no end":      with(func(c *pass.Claims) { c.Expires = 0 }),
		"too long":    with(func(c *pass.Claims) { c.Audience = strings.Repeat("a", 2000) }),
	} {
		t.Run(name, func(t *testing.T) {
			if token, err := pass.NewSigner(keys()[0]).Sign(t.Context(), c); err == nil {
				t.Errorf("it was signed: %s", token)
			}
		})
	}
	broken := errors.New("no such key")
	if _, err := pass.NewSigner(failing{broken}).Sign(t.Context(), claims()); !errors.Is(err, broken) {
		t.Errorf("a key that does not sign gave %v", err)
	}
}

type failing struct{ err error }

func (failing) ID() string { return "kms" }

func (f failing) SignSHA256(context.Context, []byte) ([]byte, error) { return nil, f.err }

// TestVerifyRefuses tries every way in that is none.
func TestVerifyRefuses(t *testing.T) {
	own, other := keys()[0], keys()[1]
	good := signed(t, own, claims())
	header := func(rest string) string { return `{"alg":"RS256","typ":"JWT"` + rest + `}` }
	kid := `,"kid":"` + own.ID() + `"`
	public, err := x509.MarshalPKIXPublicKey(own.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		token, why string
	}{
		"over":                 {signed(t, own, with(func(c *pass.Claims) { c.Expires = opened.Add(time.Minute).Unix() })), "expired"},
		"not yet":              {signed(t, own, with(func(c *pass.Claims) { c.NotBefore = opened.Add(2 * time.Minute).Unix() })), "not valid yet"},
		"made in the future":   {signed(t, own, with(func(c *pass.Claims) { c.IssuedAt = opened.Add(time.Hour).Unix() })), "used before issued"},
		"another sale":         {signed(t, own, with(func(c *pass.Claims) { c.Sale = "semi" })), `for the sale "semi"`},
		"another audience":     {signed(t, own, with(func(c *pass.Claims) { c.Audience = "arena/semi" })), "aud"},
		"another issuer":       {signed(t, own, with(func(c *pass.Claims) { c.Issuer = "https://tickets.example.org" })), "iss"},
		"no window":            {signed(t, own, with(func(c *pass.Claims) { c.Window = 0 })), "names no window"},
		"another's key":        {signed(t, other, claims()), "not among those"},
		"another's signature":  {forged(t, other, header(kid), body(t, claims())), "verification error"},
		"other claims":         {strings.Join([]string{strings.Split(good, ".")[0], base64.RawURLEncoding.EncodeToString([]byte(body(t, with(func(c *pass.Claims) { c.Window = 8 })))), strings.Split(good, ".")[2]}, "."), "verification error"},
		"no key named":         {forged(t, own, header(""), body(t, claims())), "not among those"},
		"key's name no text":   {forged(t, own, header(`,"kid":7`), body(t, claims())), "not among those"},
		"unsigned":             {base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"`+kid+`}`)) + "." + strings.Split(good, ".")[1] + ".", "none"},
		"signed by the public": {confused(public, own.ID(), strings.Split(good, ".")[1]), "HS256"},
		"no end":               {forged(t, own, header(kid), `{"iss":"`+issuer+`","aud":"`+audience+`","sub":"x","jti":"y","sale":"final","window":1}`), "exp"},
		"no id":                {forged(t, own, header(kid), body(t, with(func(c *pass.Claims) { c.ID = "" }))), "must be given"},
		"end is no number":     {forged(t, own, header(kid), strings.Replace(body(t, claims()), `"exp":1803895800`, `"exp":"never"`, 1)), "malformed"},
		"no token":             {"", "malformed"},
		"half a token":         {good[:len(good)/2], "malformed"},
		"padded":               {good + "=", "malformed"},
		"too long":             {good + strings.Repeat("a", 2048), "bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := verifier().Verify(t.Context(), c.token)
			if !errors.Is(err, pass.ErrRefused) || !strings.Contains(err.Error(), c.why) {
				t.Errorf("Verify gave %v, want a refusal with %q", err, c.why)
			}
			if got != (pass.Claims{}) {
				t.Errorf("a refused pass says %+v", got)
			}
		})
	}
}

// confused signs by HMAC with the public key, for a verifier that lets the token
// choose the algorithm.
func confused(public []byte, id, claims string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","kid":"`+id+`"}`)) + "." + claims
	mac := hmac.New(sha256.New, public)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestVerifierIsWhole(t *testing.T) {
	token := signed(t, keys()[0], claims())
	for name, change := range map[string]func(*pass.Verifier){
		"no issuer":   func(v *pass.Verifier) { v.Issuer = "" },
		"no audience": func(v *pass.Verifier) { v.Audience = "" },
		"no keys":     func(v *pass.Verifier) { v.Keys = nil },
	} {
		v := verifier()
		change(v)
		if _, err := v.Verify(t.Context(), token); err == nil || errors.Is(err, pass.ErrRefused) {
			t.Errorf("%s: Verify gave %v, want an error that blames the verifier", name, err)
		}
	}
	v := verifier()
	v.Sale = ""
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("a verifier for every sale: %v", err)
	}
	v.Now = func() time.Time { return opened.Add(10*time.Minute + 4*time.Second) }
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, pass.ErrRefused) {
		t.Errorf("four seconds late: %v", err)
	}
	v.Leeway = 5 * time.Second
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("four seconds late, with a leeway of five: %v", err)
	}
}

// TestRedeem lets each pass in once.
func TestRedeem(t *testing.T) {
	used, broken := map[string]bool{}, error(nil)
	v := verifier()
	v.Redeem = func(_ context.Context, c pass.Claims) error {
		if used[c.ID] {
			return pass.ErrRedeemed
		}
		used[c.ID] = true
		return broken
	}
	first, second := signed(t, keys()[0], claims()), signed(t, keys()[0], with(func(c *pass.Claims) { c.ID = "second" }))
	if _, err := v.Verify(t.Context(), signed(t, keys()[1], claims())); err == nil || len(used) > 0 {
		t.Errorf("a pass that is not good was redeemed: %v, %v", used, err)
	}
	if _, err := v.Verify(t.Context(), first); err != nil {
		t.Error(err)
	}
	if _, err := v.Verify(t.Context(), first); !errors.Is(err, pass.ErrRefused) || !errors.Is(err, pass.ErrRedeemed) {
		t.Errorf("the second time gave %v", err)
	}
	broken = errors.New("table is throttled")
	if got, err := v.Verify(t.Context(), second); !errors.Is(err, broken) || errors.Is(err, pass.ErrRefused) || got.ID != "" {
		t.Errorf("a redemption that failed gave %+v, %v", got, err)
	}
}

func TestBypass(t *testing.T) {
	base := pass.Bypass{Issuer: issuer, Audience: audience, Sale: "final", Bearer: "press-07", From: opened, For: time.Hour}
	c, err := base.Claims(opened, strings.NewReader("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	want := pass.Claims{
		Issuer: issuer, Audience: audience, Sale: "final", Fan: "press-07", ID: "MDEyMzQ1Njc4OWFiY2RlZg", VIP: true,
		IssuedAt: opened.Unix(), NotBefore: opened.Unix(), Expires: opened.Add(time.Hour).Unix(),
	}
	if c != want {
		t.Errorf("it says %+v\nwant    %+v", c, want)
	}
	token, v := signed(t, keys()[0], c), verifier()
	if got, err := v.Verify(t.Context(), token); err != nil || !got.VIP {
		t.Errorf("Verify gave %+v, %v", got, err)
	}
	v.NoVIP = true
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, pass.ErrRefused) {
		t.Errorf("a verifier without bypass passes gave %v", err)
	}
	if c, err := base.Claims(opened, nil); err != nil || len(c.ID) != 22 || c.ID == want.ID {
		t.Errorf("without given randomness the id is %q, %v", c.ID, err)
	}
	for name, change := range map[string]func(*pass.Bypass){
		"no sale":        func(b *pass.Bypass) { b.Sale = "" },
		"no bearer":      func(b *pass.Bypass) { b.Bearer = "" },
		"a mail address": func(b *pass.Bypass) { b.Bearer = "anna@example.com" },
		"for ever":       func(b *pass.Bypass) { b.For = 8 * 24 * time.Hour },
		"for no time":    func(b *pass.Bypass) { b.For = 0 },
		"over":           func(b *pass.Bypass) { b.From = opened.Add(-2 * time.Hour) },
	} {
		b := base
		change(&b)
		if c, err := b.Claims(opened, nil); err == nil {
			t.Errorf("%s: got %+v", name, c)
		}
	}
	if _, err := base.Claims(opened, strings.NewReader("short")); err == nil {
		t.Error("an id was made of too little randomness")
	}
}

// TestEdge makes passes for the edge, and holds the two sorts apart.
func TestEdge(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	signer, err := pass.NewEdgeSigner("1", secret)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign(t.Context(), claims())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := verifier().VerifyEdge(token, map[string][]byte{"1": secret}); err != nil || got != claims() {
		t.Errorf("VerifyEdge gave %+v, %v", got, err)
	}
	for name, tried := range map[string]func() error{
		"at a service": func() error { _, err := verifier().Verify(t.Context(), token); return err },
		"an API's pass at the edge": func() error {
			_, err := verifier().VerifyEdge(signed(t, keys()[0], claims()), map[string][]byte{"1": secret, keys()[0].ID(): secret})
			return err
		},
		"another key": func() error {
			_, err := verifier().VerifyEdge(token, map[string][]byte{"1": []byte(strings.Repeat("x", 32))})
			return err
		},
		"an unknown key":  func() error { _, err := verifier().VerifyEdge(token, map[string][]byte{"2": secret}); return err },
		"a key too short": func() error { _, err := verifier().VerifyEdge(token, map[string][]byte{"1": secret[:31]}); return err },
		"too long":        func() error { _, err := verifier().VerifyEdge(strings.Repeat("a", 3000), nil); return err },
	} {
		if err := tried(); !errors.Is(err, pass.ErrRefused) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	if _, err := pass.NewEdgeSigner("1", secret[:31]); err == nil {
		t.Error("a key of 31 bytes was taken")
	}
}

func TestParseRSAKey(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"no PEM": []byte("secret words"), "too small": encoded(small), "nothing": nil} {
		if _, err := pass.ParseRSAKey(text); err == nil || strings.Contains(err.Error(), "secret words") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzVerify reads any text as a token. Nothing but what was signed is let in.
func FuzzVerify(f *testing.F) {
	good := signed(f, keys()[0], claims())
	secret := []byte("0123456789abcdef0123456789abcdef")
	f.Add(good)
	f.Add(good + ".")
	f.Add("..")
	f.Add("e30.e30.")
	f.Add(forged(f, keys()[1], `{"alg":"RS256","kid":"`+keys()[0].ID()+`"}`, `{"aud":[]}`))
	f.Fuzz(func(t *testing.T, token string) {
		if c, err := verifier().Verify(t.Context(), token); err == nil && (token != good || c != claims()) {
			t.Errorf("%q was let in as %+v", token, c)
		}
		if _, err := verifier().VerifyEdge(token, map[string][]byte{"1": secret}); err == nil {
			t.Errorf("%q was let in at the edge", token)
		}
		if id, c, err := pass.Decode(token); err == nil && (len(token) > pass.MaxToken || token == good && (id != keys()[0].ID() || c != claims())) {
			t.Errorf("%q reads as %s, %+v", token, id, c)
		}
	})
}
