package kinds

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// publicExponent is the public exponent of every RSA key that crypto/rsa and KMS
// make, and how a JSON Web Key has it.
const (
	publicExponent     = 65537
	publicExponentText = "AQAB"
)

// publicAttributes are what a set of public keys says of an RSA key: "modulus" in
// base64url (RFC 7518, section 6.3.1.1), and "key_id", the thumbprint (RFC 7638).
func publicAttributes(key *rsa.PublicKey) (Attributes, error) {
	if key.E != publicExponent {
		return nil, fmt.Errorf("the key's public exponent is %d, not %d", key.E, publicExponent)
	}
	return attributesOfModulus(base64.RawURLEncoding.EncodeToString(key.N.Bytes())), nil
}

func attributesOfModulus(modulus string) Attributes {
	thumbprint := sha256.Sum256([]byte(`{"e":"` + publicExponentText + `","kty":"RSA","n":"` + modulus + `"}`))
	return Attributes{"modulus": modulus, "key_id": base64.RawURLEncoding.EncodeToString(thumbprint[:])}
}

// merged are all of these attributes.
func merged(all ...Attributes) Attributes {
	out := Attributes{}
	for _, a := range all {
		maps.Copy(out, a)
	}
	return out
}

// attributes reads the public half of an RSA key, which never changes, where it is
// not recorded.
func (k signingKey) attributes(ctx context.Context, t *Target, key *types.KeyMetadata) (Attributes, error) {
	id := Attributes{"id": aws.ToString(key.KeyId)}
	if key.KeySpec != types.KeySpecRsa2048 {
		return id, nil
	}
	if t.Attributes["id"] == id["id"] && t.Attributes["modulus"] != "" {
		return maps.Clone(t.Attributes), nil
	}
	out, err := k.AWS.KMS.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: key.KeyId})
	switch code(err) {
	case "DisabledException", invalidState, keyMissing:
		return id, nil // Update reads it once the key lives again.
	}
	if err != nil {
		return nil, step("read the public half", err)
	}
	parsed, err := x509.ParsePKIXPublicKey(out.PublicKey)
	if err != nil {
		return nil, step("read the public half", err)
	}
	public, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the public half of the key %s is a %T", id["id"], parsed)
	}
	more, err := publicAttributes(public)
	return merged(id, more), err
}
