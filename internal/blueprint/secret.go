package blueprint

// SecretForm is what a secret's value is made of.
type SecretForm string

// The forms.
const (
	// Random32 is 32 random bytes in standard base64.
	Random32 SecretForm = "random-32"
	// RSA2048 is an RSA private key of 2,048 bits, as PEM of PKCS #8. Its public half
	// is known; see KeyID and Modulus.
	RSA2048 SecretForm = "rsa-2048"
)

// Secret says what a value should be that nobody but functions ever reads.
type Secret struct {
	// Form of the value; empty for Random32.
	Form SecretForm
	// Replaceable marks a value that may be lost or deleted without force_destroy:
	// a key that signs nothing but what is soon over.
	Replaceable bool
}

// SecretSpec is the spec of a SecureString parameter whose value is born with
// it. The value is in no spec: it is never read back and never overwritten.
type SecretSpec struct {
	Form SecretForm `json:"form" fixed:"true"`
	// KMSKeyARN is fixed, since another key would take reading the value and
	// writing it again.
	KMSKeyARN string `json:"kms_key" fixed:"true"`
}

// Kind implements Spec.
func (SecretSpec) Kind() string { return "secret" }

// secretPath is where the parameters of secrets are. Manifests are beside it,
// under slugs, which are shorter.
const secretPath = "/serverless/secrets/" //nolint:gosec // a place of secrets, and none itself

// SecretHandle refers to a secret.
type SecretHandle struct {
	Handle
	kms string
}

// Secret describes a secret. Unless it is replaceable it bears data: what was
// made with the value has no meaning without it.
func (b *Builder) Secret(key string, s Secret) SecretHandle {
	if s.Form == "" {
		s.Form = Random32
	}
	h := b.add(key, secretPath+b.name(key), SecretSpec{Form: s.Form, KMSKeyARN: b.settings.KMSKeyARN})
	h.part.Data = !s.Replaceable
	return SecretHandle{Handle: h, kms: b.settings.KMSKeyARN}
}

// ARN returns the parameter's ARN. Its name begins with the ARN's own slash.
func (s SecretHandle) ARN() string { return arn("ssm", "parameter"+s.Name()) }

// Version returns a reference to a text that changes whenever the value does.
func (s SecretHandle) Version() string { return Ref(s.Key(), "version") }

// KeyID returns a reference to the thumbprint of an RSA2048 key's public half
// (RFC 7638), by which a set of public keys names it.
func (s SecretHandle) KeyID() string { return Ref(s.Key(), "key_id") }

// Modulus returns a reference to an RSA2048 key's modulus in base64url (RFC 7518,
// section 6.3.1.1). Its exponent is 65,537.
func (s SecretHandle) Modulus() string { return Ref(s.Key(), "modulus") }

// Read grants reading the value (Systems Manager User Guide, "AWS KMS
// encryption for AWS Systems Manager Parameter Store SecureString parameters").
func (s SecretHandle) Read() []Grant {
	return append([]Grant{{Actions: []string{"ssm:GetParameter"}, Resources: []string{s.ARN()}}}, useKey(s.kms, "kms:Decrypt")...)
}
