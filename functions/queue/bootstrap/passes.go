package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass/kmskey"
)

// signer signs passes in the name of the system.
type signer struct {
	by interface {
		Sign(ctx context.Context, c pass.Claims) (string, error)
	}
	base   queue.Base
	passes queue.Passes
}

// signing makes a signer with the key in SSM, or with that in KMS, and one of the edge's passes, which is nil where there are none.
func signing(ctx context.Context, aws aws.Config, base queue.Base, passes queue.Passes, from queue.PassKey, edge queue.EdgeKey) (services, atEdge queue.Signer, err error) {
	if err := from.Check(); err != nil {
		return nil, nil, err
	}
	if edge.EdgeKeyParameter != "" {
		text, err := queue.ReadSecret(ctx, aws, edge.EdgeKeyParameter)
		if err != nil {
			return nil, nil, err
		}
		by, err := pass.NewEdgeSigner(edge.EdgeKeyID, []byte(text))
		if err != nil {
			return nil, nil, err
		}
		atEdge = &signer{by, base, passes}
	}
	if from.PassKeyARN != "" {
		return &signer{pass.NewSigner(kmskey.New(aws, from.PassKeyARN, from.PassKeyID)), base, passes}, atEdge, nil
	}
	text, err := queue.ReadSecret(ctx, aws, from.PassKeyParameter)
	if err != nil {
		return nil, nil, err
	}
	key, err := pass.ParseRSAKey([]byte(text))
	if err != nil {
		return nil, nil, err
	}
	return &signer{pass.NewSigner(key), base, passes}, atEdge, nil
}

// Sign implements queue.Signer.
func (s *signer) Sign(ctx context.Context, c queue.Claims) (string, error) {
	c.Issuer, c.Audience = s.passes.Issuer, s.passes.AudienceOf(s.base, c.Sale)
	return s.by.Sign(ctx, pass.Claims(c))
}

// verifier checks passes of all sales of the system.
type verifier struct {
	keys   pass.Fixed
	base   queue.Base
	passes queue.Passes
}

// verifying makes a verifier with the published keys.
func verifying(cfg queue.ServiceConfig) (*verifier, error) {
	var set pass.JWKS
	if err := json.Unmarshal([]byte(cfg.PassKeys), &set); err != nil {
		return nil, fmt.Errorf("read PASS_KEYS: %w", err)
	}
	keys, err := set.RSA()
	if err != nil {
		return nil, fmt.Errorf("read PASS_KEYS: %w", err)
	}
	return &verifier{keys, cfg.Base, cfg.Passes}, nil
}

// Verify implements queue.Verifier. A fan's pass may be over: its bearer bought a moment too late, or the window was renewed since, of which the shop gets no new pass.
// The fan's record tells what can be done by it then. Of a bypass pass there is none.
func (v *verifier) Verify(ctx context.Context, token string) (queue.Claims, error) {
	// The sale decides what the pass must be for; a sale that is made up fails by the signature.
	_, says, err := pass.Decode(token)
	if err != nil {
		return queue.Claims{}, queue.ErrPass
	}
	good := pass.Verifier{Issuer: v.passes.Issuer, Audience: v.passes.AudienceOf(v.base, says.Sale), Sale: says.Sale, Keys: v.keys}
	if last := time.Unix(says.Expires-1, 0); !says.VIP && time.Now().After(last) {
		good.Now = func() time.Time { return last }
	}
	c, err := good.Verify(ctx, token)
	if errors.Is(err, pass.ErrRefused) {
		return queue.Claims{}, queue.ErrPass
	}
	return queue.Claims(c), err
}
