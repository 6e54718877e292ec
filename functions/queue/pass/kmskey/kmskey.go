// Package kmskey signs passes with a key whose private half never leaves KMS.
package kmskey

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
	"github.com/burstline/terraform-provider-serverless/functions/queue/pass"
)

// Key is a KMS key of the spec RSA_2048. Each pass is one call of kms:Sign.
type Key struct {
	client  awscall.Client
	arn, id string
}

var _ pass.Key = (*Key)(nil)

// New returns the key with that ARN, which is published under id: the thumbprint
// of its public half.
func New(cfg aws.Config, arn, id string) *Key {
	return &Key{awscall.Client{Config: cfg, Service: "kms", Target: "TrentService", JSON: "1.1"}, arn, id}
}

// ID implements pass.Key.
func (k *Key) ID() string { return k.id }

// SignSHA256 implements pass.Key (KMS API Reference, Sign).
func (k *Key) SignSHA256(ctx context.Context, digest []byte) ([]byte, error) {
	var signed struct{ Signature []byte }
	if err := k.client.Call(ctx, "Sign", map[string]any{
		"KeyId": k.arn, "Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256",
	}, &signed); err != nil {
		return nil, fmt.Errorf("sign with the key %s: %w", k.arn, err)
	}
	return signed.Signature, nil
}
