package kinds

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
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
