package votingwindow

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// SigningKey is an asymmetric KMS key, of the spec ECC_NIST_P256, for SIGN_VERIFY.
type SigningKey struct {
	client awscall.Client
	arn    string
}

// NewSigningKey uses the key with an ARN.
func NewSigningKey(cfg aws.Config, arn string) *SigningKey {
	return &SigningKey{awscall.Client{Config: cfg, Service: "kms", Target: "TrentService", JSON: "1.1"}, arn}
}

// ID is the key's ARN.
func (k *SigningKey) ID() string { return k.arn }

// Sign signs a SHA-256 digest: ECDSA, ASN.1 DER (KMS API Reference, Sign, Signature).
func (k *SigningKey) Sign(ctx context.Context, digest []byte) ([]byte, error) {
	var signed struct{ Signature []byte }
	err := k.client.Call(ctx, "Sign", map[string]any{
		"KeyId": k.arn, "Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256",
	}, &signed)
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", k.arn, err)
	}
	return signed.Signature, nil
}

// PublicKey is the key to check signatures by: PKIX, DER (KMS API Reference, GetPublicKey, PublicKey).
func (k *SigningKey) PublicKey(ctx context.Context) ([]byte, error) {
	var found struct{ PublicKey []byte }
	if err := k.client.Call(ctx, "GetPublicKey", map[string]string{"KeyId": k.arn}, &found); err != nil {
		return nil, fmt.Errorf("get public key of %s: %w", k.arn, err)
	}
	return found.PublicKey, nil
}

// BallotsInOrder visits all ballots, strongly consistent, in an order that stands as long as the table does.
func (s *Store) BallotsInOrder(ctx context.Context, visit func(Ballot) error) error {
	return s.each(ctx, s.Ballots, func(found item) error { return visit(ReadBallot(found)) })
}

// EntriesInOrder visits all entries of the ledger, strongly consistent, in an order that stands as long as the table does.
func (s *Store) EntriesInOrder(ctx context.Context, visit func(Entry) error) error {
	return s.each(ctx, s.Ledger, func(found item) error { return visit(ReadEntry(found)) })
}
