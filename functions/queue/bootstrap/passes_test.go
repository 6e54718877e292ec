package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awsconfig"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass"
)

var private = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// passKey is the key of passes as SSM has it, published its public half.
func passKey(t *testing.T) string {
	t.Helper()
	key, err := private()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func published(t *testing.T) string {
	t.Helper()
	key, err := private()
	if err != nil {
		t.Fatal(err)
	}
	return pass.JWKS{Keys: []pass.JWK{pass.PublicKey(pass.KeyID(&key.PublicKey), pass.Modulus(&key.PublicKey))}}.JSON()
}

// TestPasses: turn signs what service takes, and nothing else is taken.
func TestPasses(t *testing.T) {
	account, err := awsconfig.FromEnvironment(map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL": endpointOf(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	turn, none, err := signing(t.Context(), account, base, issued, queue.PassKey{PassKeyParameter: "/pass"}, queue.EdgeKey{})
	if err != nil || none != nil {
		t.Fatal(none, err)
	}
	_, edge, err := signing(t.Context(), account, base, issued, queue.PassKey{PassKeyParameter: "/pass"}, queue.EdgeKey{EdgeKeyParameter: "/key", EdgeKeyID: "2"})
	if err != nil {
		t.Fatal(err)
	}
	service, err := verifying(queue.ServiceConfig{Base: base, Passes: issued, PassKeys: published(t)})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	good := queue.Claims{Fan: "fan", ID: "one", Sale: "final", Window: 3, IssuedAt: now, NotBefore: now, Expires: now + 60}
	for name, c := range map[string]struct {
		change func(*queue.Claims)
		want   error
	}{
		"good": {func(*queue.Claims) {}, nil},
		// The window may have been renewed since: the fan's record tells.
		"over":           {func(c *queue.Claims) { c.IssuedAt, c.NotBefore, c.Expires = now-600, now-600, now-1 }, nil},
		"not good yet":   {func(c *queue.Claims) { c.NotBefore = now + 30 }, queue.ErrPass},
		"bypass":         {func(c *queue.Claims) { c.Window, c.VIP = 0, true }, nil},
		"a bypass, over": {func(c *queue.Claims) { c.Window, c.VIP, c.Expires = 0, true, now-1 }, queue.ErrPass},
	} {
		t.Run(name, func(t *testing.T) {
			claims := good
			c.change(&claims)
			token, err := turn.Sign(t.Context(), claims)
			if err != nil {
				t.Fatal(err)
			}
			got, err := service.Verify(t.Context(), token)
			if !errors.Is(err, c.want) {
				t.Fatalf("verify: %v, want %v", err, c.want)
			}
			if c.want == nil && (got.Issuer != issued.Issuer || got.Audience != "arena/final" || got.Fan != "fan" || got.Window != claims.Window || got.VIP != claims.VIP) {
				t.Errorf("it says %+v", got)
			}
		})
	}
	atEdge, err := edge.Sign(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := service.Verify(t.Context(), atEdge); !errors.Is(err, queue.ErrPass) {
		t.Errorf("service takes the edge's pass: %v", err)
	}
	shop := &pass.Verifier{Issuer: issued.Issuer, Audience: "arena/final"}
	if got, err := shop.VerifyEdge(atEdge, map[string][]byte{"2": []byte(ticketKey)}); err != nil || got.Fan != "fan" || got.ID != "one" || got.Window != 3 {
		t.Errorf("the edge's pass says %+v: %v", got, err)
	}
	if _, err := service.Verify(t.Context(), "no.pass.atall"); !errors.Is(err, queue.ErrPass) {
		t.Errorf("no pass: %v", err)
	}
}

// TestOrganiser takes the tokens of one issuer for one audience, and nothing else.
func TestOrganiser(t *testing.T) {
	keys := published(t)
	there := true
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !there {
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = w.Write([]byte(keys))
	}))
	t.Cleanup(issuer.Close)
	key, err := private()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	good := jwt.RegisteredClaims{Issuer: issuer.URL, Audience: jwt.ClaimStrings{"tickets"}, Subject: "anna", ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute))}
	for name, c := range map[string]struct {
		change func(*jwt.RegisteredClaims)
		want   error
	}{
		"good":             {func(*jwt.RegisteredClaims) {}, nil},
		"over":             {func(c *jwt.RegisteredClaims) { c.ExpiresAt = jwt.NewNumericDate(now.Add(-time.Minute)) }, queue.ErrToken},
		"for ever":         {func(c *jwt.RegisteredClaims) { c.ExpiresAt = nil }, queue.ErrToken},
		"another issuer":   {func(c *jwt.RegisteredClaims) { c.Issuer = "https://evil.example" }, queue.ErrToken},
		"another audience": {func(c *jwt.RegisteredClaims) { c.Audience = jwt.ClaimStrings{"shop"} }, queue.ErrToken},
	} {
		t.Run(name, func(t *testing.T) {
			claims := good
			c.change(&claims)
			token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
			token.Header["kid"] = pass.KeyID(&key.PublicKey)
			text, err := token.SignedString(key)
			if err != nil {
				t.Fatal(err)
			}
			subject, err := newOrganiser(issuer.URL, "tickets").Subject(t.Context(), text)
			if !errors.Is(err, c.want) || (subject == "anna") != (c.want == nil) {
				t.Errorf("it is about %q, %v; want %v", subject, err, c.want)
			}
			there = false
			defer func() { there = true }()
			if _, err := newOrganiser(issuer.URL, "tickets").Subject(t.Context(), text); err == nil || errors.Is(err, queue.ErrToken) {
				t.Errorf("without the keys: %v", err)
			}
		})
	}
}
