package exportcheck

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
)

// PublicKey reads a public key as public-key.pem has it: PKIX in PEM, of the curve NIST P-256. Take it from whom you trust: one that comes with the
// files proves only that they belong together.
func PublicKey(text []byte) (*ecdsa.PublicKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("read public key: it is not one PEM block of the type PUBLIC KEY")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("read public key: it is not of the curve NIST P-256, which exports are signed on")
	}
	return key, nil
}

// checkSignature proves that the manifest was signed by the key.
func checkSignature(files fs.FS, encoded []byte, manifest votingwindow.Manifest, key *ecdsa.PublicKey) error {
	if manifest.Signature != votingwindow.SignatureECDSA {
		return fmt.Errorf("%s: the export has signature %q, not %s: it was made without a signing key", votingwindow.ManifestFile,
			manifest.Signature, votingwindow.SignatureECDSA)
	}
	text, err := small(files, votingwindow.SignatureFile)
	if err != nil {
		return err
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(string(bytes.TrimSuffix(text, []byte("\n"))))
	if err != nil {
		return fmt.Errorf("%s is not base64: %w", votingwindow.SignatureFile, err)
	}
	digest := sha256.Sum256(encoded)
	if !ecdsa.VerifyASN1(key, digest[:], signature) {
		return fmt.Errorf("%s is not a signature of this %s by this key: the manifest was changed, or another key signed it",
			votingwindow.SignatureFile, votingwindow.ManifestFile)
	}
	return nil
}
