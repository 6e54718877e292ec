package kinds

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/burstline/terraform-provider-serverless/functions/queue/pass"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// valueOf reads what only functions read.
func valueOf(t *testing.T, name string) string {
	t.Helper()
	out, err := env.AWS.SSM.GetParameter(t.Context(), &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.Parameter.Value)
}

// randomly returns drivers whose randomness is given.
func randomly(random io.Reader) map[string]Driver {
	e := env
	e.Random = random
	return All(e)
}

// TestSecretValue makes a secret of known randomness, and checks that no verb
// reads or writes its value after.
func TestSecretValue(t *testing.T) {
	begin(t)
	given := make([]byte, 32)
	for i := range given {
		given[i] = byte(i)
	}
	target := targetOf(testSecret)
	mark := local.Gate().Meter().Mark()
	attributes, err := randomly(bytes.NewReader(given))["secret"].Create(t.Context(), target, secretCase().spec)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := randomly(iotest.ErrReader(errors.New("no more")))["secret"].Create(t.Context(), target, secretCase().spec); err == nil || !strings.Contains(err.Error(), "no more") {
		t.Errorf("a secret without randomness gave %v", err)
	}
	if _, err := drivers["secret"].Create(t.Context(), targetOf(testSecret), secretCase().spec); !errors.Is(err, ErrPresent) {
		t.Errorf("a second Create gave %v", err)
	}
	update(t, target, secretCase().spec)
	if err := drivers["secret"].Tag(t.Context(), target, map[string]string{"new": "1"}, []string{"old"}); err != nil {
		t.Fatal(err)
	}
	reads := 0
	for _, c := range local.Gate().Meter().Calls(mark) {
		if strings.HasPrefix(c.Operation, "GetParameter") {
			reads++
		}
	}
	if reads > 0 {
		t.Errorf("the value was read %d times", reads)
	}
	const want = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	if got := valueOf(t, testSecret); got != want {
		t.Errorf("the value is %q, want the given bytes in base64, %q", got, want)
	}
	if v := attributes["version"]; !strings.HasPrefix(v, "1 of 20") {
		t.Errorf("the version is %q, want the first one and its time", v)
	}
}

// overwrite does what nobody should.
func overwrite(t *testing.T, value string) error {
	t.Helper()
	_, err := env.AWS.SSM.PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String(testSecret), Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true), Value: &value,
		AllowedPattern: aws.String(patterns[blueprint.Random32]),
	})
	return err
}

// TestSecretOverwritten is a value that somebody has put in its place: the
// version tells, and what depends on the value learns of it.
func TestSecretOverwritten(t *testing.T) {
	begin(t)
	target := made(t, testSecret, secretCase().spec)
	if err := overwrite(t, "BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="); err != nil {
		t.Fatal(err)
	}
	live := observe(t, "secret", target)
	if v := live.Attributes["version"]; !strings.HasPrefix(v, "2 of ") {
		t.Errorf("the version is %q", v)
	}
	attributes, err := drivers["secret"].Update(t.Context(), target, secretCase().spec, live, nil)
	if err != nil || attributes["version"] != live.Attributes["version"] {
		t.Errorf("Update gave %v, %v", attributes, err)
	}
}

// TestSecretProtected deletes a secret only with Force.
func TestSecretProtected(t *testing.T) {
	begin(t)
	target := made(t, testSecret, secretCase().spec)
	target.Force = false
	if err := drivers["secret"].Delete(t.Context(), target); !errors.Is(err, errProtected) {
		t.Errorf("Delete gave %v", err)
	}
	same(t, secretCase().spec, observe(t, "secret", target))
}

// TestSecretLostAnswer: the SDK tries again and finds what its first attempt
// has made.
func TestSecretLostAnswer(t *testing.T) {
	begin(t)
	arm(t, localaws.Fault{Service: "ssm", Operation: "PutParameter", Nth: 1, Kind: localaws.FaultLostAnswer})
	if _, err := drivers["secret"].Create(t.Context(), targetOf(testSecret), secretCase().spec); !errors.Is(err, ErrPresent) {
		t.Errorf("Create gave %v", err)
	}
	same(t, secretCase().spec, observe(t, "secret", targetOf(testSecret)))
}

// arm adds a fault until the test ends.
func arm(t *testing.T, f localaws.Fault) {
	t.Helper()
	if _, err := local.Gate().Faults().Add(f); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(local.Gate().Faults().Clear)
}

// TestSecretRSA makes a key pair, and holds its form to the pattern.
func TestSecretRSA(t *testing.T) {
	begin(t)
	spec := blueprint.SecretSpec{Form: blueprint.RSA2048}
	target := made(t, testSecret, spec)
	same(t, spec, observe(t, "secret", target))
	block, rest := pem.Decode([]byte(valueOf(t, testSecret)))
	if block == nil || len(rest) > 0 {
		t.Fatal("the value is no PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok || key.N.BitLen() != 2048 {
		t.Fatalf("the key is a %T", parsed)
	}
	shows(t, &key.PublicKey, target.Attributes)
	if seen := observe(t, "secret", targetOf(testSecret)).Attributes; !maps.Equal(seen, target.Attributes) {
		t.Errorf("Create gave attributes %v, Observe %v", target.Attributes, seen)
	}
}

// shows fails the test where the attributes are not those of the public key, as
// those read them who check passes.
func shows(t *testing.T, key *rsa.PublicKey, a Attributes) {
	t.Helper()
	if a["modulus"] != pass.Modulus(key) || a["key_id"] != pass.KeyID(key) {
		t.Errorf("the attributes are %v, want the modulus %s and the id %s", a, pass.Modulus(key), pass.KeyID(key))
	}
}

// TestSecretRSAOverwritten: whoever puts another key in its place leaves a public
// half that is not the key's. It counts as no such key, and is made anew.
func TestSecretRSAOverwritten(t *testing.T) {
	begin(t)
	spec := blueprint.SecretSpec{Form: blueprint.RSA2048}
	target := made(t, testSecret, spec)
	other, _, err := newSecret(rand.Reader, blueprint.RSA2048)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := env.AWS.SSM.PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String(testSecret), Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true), Value: &other, AllowedPattern: aws.String(patterns[blueprint.RSA2048]),
		Description: aws.String(description + modulusNote + target.Attributes["modulus"]),
	}); err != nil {
		t.Fatal(err)
	}
	live := observe(t, "secret", target)
	if got := differences(spec, live); !slices.Equal(got, []string{"form"}) || live.Attributes["modulus"] != "" {
		t.Errorf("what differs is %v, and the attributes are %v", got, live.Attributes)
	}
}

// TestSecretsTogether reads more secrets than one filter takes with two calls
// and one for each that is there.
func TestSecretsTogether(t *testing.T) {
	begin(t)
	var targets []*Target
	for i := range parametersPerCall + 1 {
		targets = append(targets, targetOf(testSecret+"-"+string(rune('a'+i%26))+string(rune('a'+i/26))))
	}
	made(t, targets[0].Name, secretCase().spec)
	made(t, targets[parametersPerCall].Name, secretCase().spec)
	mark := local.Gate().Meter().Mark()
	seen, err := drivers["secret"].ObserveAll(t.Context(), targets)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range seen {
		if (o != nil) != (i == 0 || i == parametersPerCall) {
			t.Errorf("secret %d is %+v", i, o)
		}
	}
	if n := local.Gate().Meter().Since(mark).Total(); n != 4 {
		t.Errorf("it took %d calls, want 2 for the lists and 2 for the tags", n)
	}
}
