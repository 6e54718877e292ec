package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"sync"
	"testing"
	"time"

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
	turn, err := signing(t.Context(), account, base, issued, queue.PassKey{PassKeyParameter: "/pass"})
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
		"good":   {func(*queue.Claims) {}, nil},
		"over":   {func(c *queue.Claims) { c.Expires = now - 1 }, queue.ErrPass},
		"bypass": {func(c *queue.Claims) { c.Window, c.VIP = 0, true }, queue.ErrPass},
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
			if c.want == nil && (got.Issuer != issued.Issuer || got.Audience != "arena/final" || got.Fan != "fan" || got.Window != 3) {
				t.Errorf("it says %+v", got)
			}
		})
	}
	if _, err := service.Verify(t.Context(), "no.pass.atall"); !errors.Is(err, queue.ErrPass) {
		t.Errorf("no pass: %v", err)
	}
}
