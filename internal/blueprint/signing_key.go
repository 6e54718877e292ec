package blueprint

// KeySpec names what a KMS key is made of, in KMS's own words.
type KeySpec string

// The specs of signing keys.
const (
	ECCP256 KeySpec = "ECC_NIST_P256"
	// RSAKey2048 signs what authorizers of API Gateway check. Its public half is
	// known; see KeyID and Modulus.
	RSAKey2048 KeySpec = "RSA_2048"
)

// SigningKey says what a key pair should be whose private half never leaves KMS.
type SigningKey struct {
	// Spec of the key; empty for ECCP256.
	Spec KeySpec
	// Description is for people.
	Description string
	// Data marks a key that must not be lost: what it signs has to be signed by
	// the same key for ever.
	Data bool
}

// SigningKeySpec is the spec of an asymmetric KMS key for signing and its alias.
type SigningKeySpec struct {
	KeySpec     KeySpec `json:"key_spec" fixed:"true"`
	Description string  `json:"description"`
	// Alias leads to the key by its name: "alias/tv-vote-export-euc1".
	Alias   string `json:"alias"`
	Policy  Policy `json:"policy"`
	Enabled bool   `json:"enabled"`
	// System and SystemName are whose the key is: keys have random ids, so that
	// a deployer is held to his own by their tags.
	System     string `json:"-"`
	SystemName string `json:"-"`
}

// Kind implements Spec.
func (SigningKeySpec) Kind() string { return "signing_key" }

// SigningKeyHandle refers to a signing key.
type SigningKeyHandle struct{ Handle }

// aliasPrefix begins the name of every alias (KMS API Reference, CreateAlias).
const aliasPrefix = "alias/"

// SigningKey describes a signing key. Its key policy leaves permissions to IAM
// (KMS Developer Guide, "Default key policy").
func (b *Builder) SigningKey(key string, k SigningKey) SigningKeyHandle {
	if k.Spec == "" {
		k.Spec = ECCP256
	}
	name := aliasPrefix + b.name(key)
	h := b.add(key, name, SigningKeySpec{
		KeySpec: k.Spec, Description: k.Description, Alias: name, Enabled: true,
		Policy: NewPolicy(Statement{
			Sid: "EnableIAM", Effect: "Allow", Action: []string{"kms:*"}, Resource: []string{"*"},
			Principal: map[string][]string{"AWS": {"arn:" + Partition() + ":iam::" + Account() + ":root"}},
		}),
		System: b.settings.System.Name, SystemName: b.settings.Name,
	})
	h.part.Data = k.Data
	return SigningKeyHandle{h}
}

// ID returns a reference to the key's id, which changes when the key is made
// anew under its old alias.
func (k SigningKeyHandle) ID() string { return Ref(k.Key(), "id") }

// ARN returns the key's ARN, by its id.
func (k SigningKeyHandle) ARN() string { return arn("kms", "key/"+k.ID()) }

// KeyID returns a reference to the thumbprint of an RSA key's public half
// (RFC 7638), by which a set of public keys names it.
func (k SigningKeyHandle) KeyID() string { return Ref(k.Key(), "key_id") }

// Modulus returns a reference to an RSA key's modulus in base64url (RFC 7518,
// section 6.3.1.1). Its exponent is 65,537.
func (k SigningKeyHandle) Modulus() string { return Ref(k.Key(), "modulus") }

// Sign grants signing with the key.
func (k SigningKeyHandle) Sign() []Grant {
	return []Grant{{Actions: []string{"kms:Sign"}, Resources: []string{k.ARN()}}}
}

// PublicKey grants reading the public key, with which anybody can verify.
func (k SigningKeyHandle) PublicKey() []Grant {
	return []Grant{{Actions: []string{"kms:GetPublicKey"}, Resources: []string{k.ARN()}}}
}
