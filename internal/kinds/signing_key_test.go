package kinds

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// described returns a key with that id or alias.
func described(t *testing.T, id string) *types.KeyMetadata {
	t.Helper()
	out, err := env.AWS.KMS.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: &id})
	if err != nil {
		t.Fatal(err)
	}
	return out.KeyMetadata
}

// TestSigningKeySigns signs with the key by its alias, in both specs.
func TestSigningKeySigns(t *testing.T) {
	for spec, algorithm := range map[blueprint.KeySpec]types.SigningAlgorithmSpec{
		blueprint.ECCP256: types.SigningAlgorithmSpecEcdsaSha256, blueprint.RSAKey2048: types.SigningAlgorithmSpecRsassaPkcs1V15Sha256,
	} {
		begin(t)
		made(t, testSigner, with(signerBase(), func(s *blueprint.SigningKeySpec) { s.KeySpec = spec }))
		out, err := env.AWS.KMS.Sign(t.Context(), &kms.SignInput{KeyId: aws.String(testSigner), Message: []byte("export"), SigningAlgorithm: algorithm})
		if err != nil || len(out.Signature) == 0 {
			t.Errorf("%s: signing gave %v", spec, err)
		}
	}
}

// TestSigningKeyPublic reads the public half of an RSA key, as it is checked by.
func TestSigningKeyPublic(t *testing.T) {
	begin(t)
	target := made(t, testSigner, rsaSigner())
	out, err := env.AWS.KMS.GetPublicKey(t.Context(), &kms.GetPublicKeyInput{KeyId: aws.String(testSigner)})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParsePKIXPublicKey(out.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public, ok := parsed.(*rsa.PublicKey)
	if !ok {
		t.Fatalf("the public half is a %T", parsed)
	}
	shows(t, public, target.Attributes)
	// Disabled while nobody knew its public half.
	if _, err := env.AWS.KMS.DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: aws.String(target.Attributes["id"])}); err != nil {
		t.Fatal(err)
	}
	target = targetOf(testSigner)
	update(t, target, rsaSigner())
	shows(t, public, target.Attributes)
}

func rsaSigner() blueprint.SigningKeySpec {
	s := signerBase()
	s.KeySpec = blueprint.RSAKey2048
	return s
}

// TestSigningKeyAgain destroys a key and makes another under its name while the
// first waits for its deletion.
func TestSigningKeyAgain(t *testing.T) {
	begin(t)
	first := made(t, testSigner, signerBase())
	remove(t, "signing_key", first)
	old := described(t, first.Attributes["id"])
	days := time.Until(aws.ToTime(old.DeletionDate)).Hours() / 24
	if old.KeyState != types.KeyStatePendingDeletion || days < 6.9 || days > 7.1 {
		t.Errorf("the destroyed key is %s and goes in %.1f days, want 7", old.KeyState, days)
	}
	absent(t, "signing_key", targetOf(testSigner))
	second := made(t, testSigner, signerBase())
	if second.Attributes["id"] == first.Attributes["id"] {
		t.Error("the new key is the old one")
	}
	if state := described(t, first.Attributes["id"]).KeyState; state != types.KeyStatePendingDeletion {
		t.Errorf("the old key is %s again", state)
	}
	if got := aws.ToString(described(t, testSigner).KeyId); got != second.Attributes["id"] {
		t.Errorf("the alias leads to %s, want %s", got, second.Attributes["id"])
	}
}

// TestSigningKeyBehindOurBack does to a key what people do, and repairs it.
func TestSigningKeyBehindOurBack(t *testing.T) {
	begin(t)
	target := made(t, testSigner, signerBase())
	id := target.Attributes["id"]
	for name, c := range map[string]struct {
		do   func() error
		want []string
	}{
		"disabled": {func() error {
			_, err := env.AWS.KMS.DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: &id})
			return err
		}, []string{"enabled"}},
		"deletion scheduled": {func() error {
			_, err := env.AWS.KMS.ScheduleKeyDeletion(t.Context(), &kms.ScheduleKeyDeletionInput{KeyId: &id, PendingWindowInDays: aws.Int32(30)})
			return err
		}, []string{"enabled"}},
		"alias deleted": {func() error {
			_, err := env.AWS.KMS.DeleteAlias(t.Context(), &kms.DeleteAliasInput{AliasName: aws.String(testSigner)})
			return err
		}, []string{"alias"}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.do(); err != nil {
				t.Fatal(err)
			}
			if got := differences(signerBase(), observe(t, "signing_key", target)); !slices.Equal(got, c.want) {
				t.Errorf("what differs is %v, want %v", got, c.want)
			}
			update(t, target, signerBase())
			if target.Attributes["id"] != id {
				t.Errorf("the key is %s now, it was %s", target.Attributes["id"], id)
			}
		})
	}
}

// TestSigningKeyCutOff is an apply that ends between the key and its alias: the
// next one goes on with the same key, and a destroy finds it.
func TestSigningKeyCutOff(t *testing.T) {
	for name, f := range map[string]localaws.Fault{
		"answer lost": {Service: "kms", Operation: "CreateKey", Nth: 1, Kind: localaws.FaultLostAnswer},
		"no alias":    {Service: "kms", Operation: "CreateAlias", Nth: 1, Retries: true, Kind: localaws.FaultError, Code: "AccessDeniedException", Status: 400},
	} {
		t.Run(name, func(t *testing.T) {
			begin(t)
			arm(t, f)
			if _, err := drivers["signing_key"].Create(t.Context(), targetOf(testSigner), signerBase()); err == nil || errors.Is(err, ErrPresent) {
				t.Fatalf("Create gave %v", err)
			}
			out, err := env.AWS.KMS.ListKeys(t.Context(), &kms.ListKeysInput{})
			if err != nil || len(out.Keys) != 1 {
				t.Fatalf("there are %d keys, %v; the SDK must not repeat the call", len(out.Keys), err)
			}
			target := targetOf(testSigner)
			if got := differences(signerBase(), observe(t, "signing_key", target)); !slices.Equal(got, []string{"alias"}) {
				t.Errorf("what differs is %v", got)
			}
			update(t, target, signerBase())
			if id := aws.ToString(out.Keys[0].KeyId); target.Attributes["id"] != id {
				t.Errorf("it went on with key %s, want %s", target.Attributes["id"], id)
			}
			if _, err := env.AWS.KMS.DeleteAlias(t.Context(), &kms.DeleteAliasInput{AliasName: aws.String(testSigner)}); err != nil {
				t.Fatal(err)
			}
			remove(t, "signing_key", targetOf(testSigner))
			if state := described(t, target.Attributes["id"]).KeyState; state != types.KeyStatePendingDeletion {
				t.Errorf("after the destroy the key is %s", state)
			}
		})
	}
}

// TestSigningKeyDeleteCutOff is a destroy that ends between its two calls.
func TestSigningKeyDeleteCutOff(t *testing.T) {
	begin(t)
	target := made(t, testSigner, signerBase())
	arm(t, localaws.Fault{Service: "kms", Operation: "DeleteAlias", Nth: 1, Retries: true, Kind: localaws.FaultError, Code: "AccessDeniedException", Status: 400})
	if err := drivers["signing_key"].Delete(t.Context(), target); err == nil {
		t.Fatal("Delete succeeded without its second call")
	}
	local.Gate().Faults().Clear()
	remove(t, "signing_key", target)
	absent(t, "signing_key", target)
	absent(t, "signing_key", targetOf(testSigner))
}

// TestForeignSigningKey leaves a key alone to which only the alias points.
func TestForeignSigningKey(t *testing.T) {
	begin(t)
	out, err := env.AWS.KMS.CreateKey(t.Context(), &kms.CreateKeyInput{})
	if err != nil {
		t.Fatal(err)
	}
	foreign := aws.ToString(out.KeyMetadata.KeyId)
	point := func() {
		t.Helper()
		if _, err := env.AWS.KMS.CreateAlias(t.Context(), &kms.CreateAliasInput{AliasName: aws.String(testSigner), TargetKeyId: &foreign}); err != nil {
			t.Fatal(err)
		}
	}
	point()
	if _, err := drivers["signing_key"].Create(t.Context(), targetOf(testSigner), signerBase()); !errors.Is(err, ErrPresent) {
		t.Errorf("Create gave %v", err)
	}
	remove(t, "signing_key", targetOf(testSigner))
	if state := described(t, testSigner).KeyState; state != types.KeyStateEnabled {
		t.Errorf("the foreign key is %s", state)
	}
	if _, err := env.AWS.KMS.DeleteAlias(t.Context(), &kms.DeleteAliasInput{AliasName: aws.String(testSigner)}); err != nil {
		t.Fatal(err)
	}
	// Ours is gone, and somebody has given its alias to another key.
	target := made(t, testSigner, signerBase())
	remove(t, "signing_key", target)
	point()
	if _, err := drivers["signing_key"].Observe(t.Context(), target); err == nil || errors.Is(err, ErrAbsent) || !strings.Contains(err.Error(), "delete that alias") {
		t.Errorf("Observe gave %v", err)
	}
}
