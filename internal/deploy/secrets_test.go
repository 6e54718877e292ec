package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// secretive is a made-up system of the kinds that cannot be made again as they
// were, with an alarm that notifies a topic of its own.
func secretive(t *testing.T) *blueprint.Builder {
	t.Helper()
	file := filepath.Join(t.TempDir(), "voters.txt")
	if err := os.WriteFile(file, []byte("12345678\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := settings()
	s.Alarms, s.AlarmTopic, s.AlarmEmails = true, true, []string{"ops@example.com"}
	b := blueprint.NewBuilder(s)
	bucket := b.Bucket("lists", blueprint.Bucket{})
	secret := b.Secret("voter-key", blueprint.Secret{})
	signer := b.SigningKey("signer", blueprint.SigningKey{Description: "Signs exports."})
	list := b.HashedList("allow-list", bucket, "allow.bin", secret, blueprint.HashedList{File: file, SHA256: "2634c3097f98e36865f0c572009c4ffd73316bc8b88ccfe8d196af35f46e2394"})
	b.AlarmNotEmpty("dead-letters", b.Queue("dead", blueprint.Queue{Visibility: time.Minute}), "dead letters")
	b.Output("signer", signer.ARN())
	b.Output("entries", list.Entries())
	return b
}

// TestSecretiveSystem applies, loses a secret, and destroys.
func TestSecretiveSystem(t *testing.T) {
	e, account := newEngine(t, 3)
	b := secretive(t)
	res := succeeded(t, e.Apply(t.Context(), input(b, true)))
	if res.Outputs["entries"] != "1" || !strings.Contains(res.Outputs["signer"], ":key/") || !strings.HasSuffix(res.Outputs[blueprint.AlarmTopicOutput], ":one-tiny-alarm-topic-euc1") {
		t.Errorf("the outputs are %v", res.Outputs)
	}
	mark := local.Gate().Meter().Mark()
	seen := succeeded(t, e.Observe(t.Context(), input(b, false)))
	if n := total(callsOf(mark, account)); n != e.ObserveCalls(b.Blueprint()) || len(seen.Drift) != 0 {
		t.Errorf("observing made %d calls, the kinds declare %d; drift %v", n, e.ObserveCalls(b.Blueprint()), seen.Drift)
	}

	name := res.Manifest.Parts["voter-key"].Name
	if _, err := e.AWS.SSM.DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: &name}); err != nil {
		t.Fatal(err)
	}
	seen = succeeded(t, e.Observe(t.Context(), input(b, false)))
	if line := seen.Drift["voter-key"]; !Missing(line) || !strings.Contains(line, "means nothing any more") || len(seen.Drift) != 1 {
		t.Errorf("without the secret the drift is %q", seen.Drift)
	}
	planned := Plan(b.Blueprint(), Prior{Digests: seen.Digests, Drift: seen.Drift, ForceDestroy: true})
	if !planned.Made["voter-key"] || planned.Digests["allow-list"] != nil {
		t.Errorf("the plan makes %v and says %v of the list, which it should leave open", planned.Made, planned.Digests["allow-list"])
	}
	again := input(b, false)
	again.Drift = seen.Drift
	succeeded(t, e.Apply(t.Context(), again))
	if seen = succeeded(t, e.Observe(t.Context(), input(b, false))); len(seen.Drift) != 0 {
		t.Errorf("after the apply the drift is %q", seen.Drift)
	}

	gone := succeeded(t, e.Destroy(t.Context(), input(b, false)))
	if len(gone.Lingering) != 1 || !strings.Contains(gone.Lingering[0], `signing key "signer" (alias/one-tiny-signer-euc1, `) || !strings.Contains(gone.Lingering[0], "7 days") {
		t.Errorf("what lingers is %q", gone.Lingering)
	}
	if left := inventory(t, account); len(left) != 0 {
		t.Errorf("destroy left %q", left)
	}
	succeeded(t, e.Apply(t.Context(), input(b, true))) // under the same names at once
	succeededGone(t, e, account, b)
}

// TestProtectedSecret is not destroyed without force_destroy.
func TestProtectedSecret(t *testing.T) {
	e, account := newEngine(t, 3)
	s := settings()
	s.ForceDestroy = false
	b := blueprint.NewBuilder(s)
	b.Secret("voter-key", blueprint.Secret{})
	succeeded(t, e.Apply(t.Context(), input(b, true)))
	res := e.Destroy(t.Context(), input(b, false))
	if len(res.Failures) != 1 || !strings.Contains(res.Failures[0].Detail, `secret "voter-key"`) {
		t.Errorf("the destroy gave %v", res.Failures)
	}
	if left := inventory(t, account); len(left) == 0 {
		t.Error("the secret is gone")
	}
}

// TestSecretiveFaults lets each call of an apply fail once, or its answer get
// lost: the next apply comes to the same end, and a destroy leaves nothing.
func TestSecretiveFaults(t *testing.T) {
	b := secretive(t)
	for name, fault := range map[string]localaws.Fault{
		"refused":     {Kind: localaws.FaultError, Code: "AccessDeniedException", Message: "not authorized to perform this", Status: 403, Retries: true},
		"answer lost": {Kind: localaws.FaultLostAnswer, Retries: true},
	} {
		t.Run(name, func(t *testing.T) {
			const most = 200
			for n := 1; n < most; n++ {
				e, account := newEngine(t, 1)
				fault.Nth = n
				armed := armParts(t, account, fault)
				first := e.Apply(t.Context(), input(b, true))
				if !armed.Fired() {
					succeeded(t, first)
					if n <= 15 {
						t.Errorf("an apply has %d calls; the parts alone take more", n-1)
					}
					return // there is no such call any more
				}
				again := input(b, !first.Exists)
				succeeded(t, e.Apply(t.Context(), again))
				if keys := len(listed(t, e)); keys != 1 {
					t.Errorf("call %d (%v): there are %d keys, want 1", n, armed.Hits()[0].Operation, keys)
				}
				if seen := succeeded(t, e.Observe(t.Context(), input(b, false))); len(seen.Drift) != 0 {
					t.Errorf("call %d (%v): the drift is %q", n, armed.Hits()[0].Operation, seen.Drift)
				}
				succeededGone(t, e, account, b)
			}
			t.Errorf("an apply has %d calls and more", most)
		})
	}
}

// TestSecretiveCutOff destroys what an apply has left that failed at each of
// its calls, without another apply in between.
func TestSecretiveCutOff(t *testing.T) {
	b := secretive(t)
	for _, operation := range []string{"CreateKey", "CreateAlias", "PutParameter", "CreateTopic", "Subscribe", "PutObject"} {
		for nth := 1; nth <= 2; nth++ {
			e, account := newEngine(t, 1)
			armed := armParts(t, account, localaws.Fault{Operation: operation, Nth: nth, Kind: localaws.FaultLostAnswer, Retries: true})
			e.Apply(t.Context(), input(b, true))
			if armed.Fired() {
				succeeded(t, e.Destroy(t.Context(), input(b, false)))
				if left := inventory(t, account); len(left) != 0 {
					t.Errorf("%s, call %d: the destroy left %q", operation, nth, left)
				}
			}
		}
	}
}

// armParts adds a fault for one account's calls about parts: the manifest's own
// are tried elsewhere.
func armParts(t *testing.T, account string, f localaws.Fault) *localaws.Armed {
	t.Helper()
	var over atomic.Bool
	t.Cleanup(func() { over.Store(true) })
	f.Match = func(c localaws.Call) bool {
		return c.AccessKey == account && !over.Load() && !strings.HasPrefix(c.Resource, "/serverless/"+tiny.Slug)
	}
	armed, err := local.Gate().Faults().Add(f)
	if err != nil {
		t.Fatal(err)
	}
	return armed
}

func listed(t *testing.T, e *Engine) []string {
	t.Helper()
	out, err := e.AWS.KMS.ListKeys(t.Context(), &kms.ListKeysInput{})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, k := range out.Keys {
		ids = append(ids, aws.ToString(k.KeyId))
	}
	return ids
}
