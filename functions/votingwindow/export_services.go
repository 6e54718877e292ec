package votingwindow

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awsjson"
)

const (
	// uploadPart is the least size of a part but the last (S3 User Guide, "Amazon S3 multipart upload limits"); 10,000 of them are 50 GB.
	uploadPart = 5 << 20
	// uploadsAtOnce is how many parts of one object are on their way, with as many in memory.
	uploadsAtOnce = 2
	// uploadAbort bounds the time for taking back a part of an upload that failed.
	uploadAbort = 5 * time.Second
)

// Upload writes an object of any length as it is read, in little memory. Where reading fails there is no object, or the one that
// was there.
func (b *Bucket) Upload(ctx context.Context, key, contentType string, body io.Reader) error {
	uploads := transfermanager.New(b.Client, func(o *transfermanager.Options) {
		o.PartSizeBytes, o.MultipartUploadThreshold, o.Concurrency, o.FailTimeout = uploadPart, uploadPart, uploadsAtOnce, uploadAbort
	})
	cache := cachePrivate
	_, err := uploads.UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket: &b.Name, Key: &key, Body: body, ContentType: &contentType, CacheControl: &cache,
	})
	if err != nil {
		return fmt.Errorf("upload object %s to %s: %w", key, b.Name, err)
	}
	return nil
}

// SigningKey is an asymmetric KMS key, of the spec ECC_NIST_P256, for SIGN_VERIFY.
type SigningKey struct {
	client awsjson.Client
	arn    string
}

// NewSigningKey uses the key with an ARN.
func NewSigningKey(cfg aws.Config, arn string) *SigningKey {
	return &SigningKey{awsjson.Client{Config: cfg, Service: "kms", Target: "TrentService", Retryer: cfg.Retryer()}, arn}
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
