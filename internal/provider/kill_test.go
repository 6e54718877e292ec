package provider_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/tfcli"
	"github.com/burstline/terraform-provider-serverless/internal/systems/votingwindow"
)

// kills is how often the real command line is killed; greatestKill the last
// call of its apply at which that happens, of about a hundred.
const (
	kills        = 2
	greatestKill = 90
)

// TestKillNine applies examples/live-vote with the real command line, kills the
// provider's process in the middle, and applies again.
func TestKillNine(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	random := rand.New(rand.NewPCG(seed, 1))
	provider, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for range kills {
		nth := 1 + random.IntN(greatestKill)
		t.Run(fmt.Sprint(nth), func(t *testing.T) { killed9(t, provider, filepath.Join(examples, "live-vote"), nth) })
	}
}

func killed9(t *testing.T, provider, example string, nth int) {
	t.Parallel()
	a := anotherAccount()
	dir := t.TempDir()
	files, err := filepath.Glob(filepath.Join(example, "*.tf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there is no configuration in %s: %v", example, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	a.may(t, a.deployPolicy(t, home, "live-vote")...)
	w, err := tfcli.New(dir, provider,
		"AWS_ACCESS_KEY_ID="+a.deployer().key, "AWS_SECRET_ACCESS_KEY="+a.deployer().secret, "TF_VAR_endpoint="+local.Endpoint(), "TF_VAR_region="+home,
		"TF_VAR_architecture="+hostArchitecture(), "TF_VAR_force_destroy=true",
		"TF_VAR_opens_at=2099-05-22T20:15:00Z", "TF_VAR_closes_at=2099-05-22T20:25:00Z")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Run(t.Context(), "init", "-no-color"); err != nil {
		t.Fatal(err)
	}
	engine, err := a.engine(home)
	if err != nil {
		t.Fatal(err)
	}
	var over atomic.Bool
	var pid atomic.Int64
	armed, err := local.Gate().Faults().Add(localaws.Fault{
		Kind: localaws.FaultKill, TakesEffect: true, Nth: nth,
		// Who the caller is, is asked before the manifest says which process it is.
		Match: func(c localaws.Call) bool {
			return c.AccessKey == a.deployer().key && c.Service != "sts" && !over.Load()
		},
		Kill: func() {
			over.Store(true)
			// The claim says which process is at work.
			m, err := engine.Manifest(t.Context(), votingwindow.System, "live-vote")
			if err != nil || m == nil || m.Claim == nil {
				return // killed before its claim, or after its work: nobody is at work
			}
			pid.Store(int64(m.Claim.PID))
			if p, err := os.FindProcess(m.Claim.PID); err == nil {
				_ = p.Kill()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, first := w.Run(t.Context(), "apply", "-auto-approve", "-no-color", "-input=false")
	over.Store(true)
	if !armed.Fired() {
		t.Fatalf("the apply made fewer than %d calls:\n%s", nth, out)
	}
	hit := armed.Hits()[0]
	t.Logf("killed process %d at call %d, %s %s of %s", pid.Load(), nth, hit.Service, hit.Operation, hit.Resource)
	if pid.Load() != 0 && first == nil {
		t.Errorf("the apply succeeded though its provider was killed:\n%s", out)
	}
	if out, err := w.Run(t.Context(), "apply", "-auto-approve", "-no-color", "-input=false"); err != nil {
		t.Fatalf("apply again: %s", err)
	} else if !strings.Contains(out, "Apply complete!") {
		t.Errorf("apply again says:\n%s", out)
	}
	m, err := engine.Manifest(t.Context(), votingwindow.System, "live-vote")
	if err != nil || m.Status != deploy.Ready || m.Claim != nil {
		t.Errorf("the manifest is %+v (%v), it should be ready and unclaimed", m, err)
	}
	var exit *exec.ExitError
	if out, err := w.Run(t.Context(), "plan", "-detailed-exitcode", "-no-color", "-input=false"); errors.As(err, &exit) {
		t.Errorf("the second plan ends with %d, not with 0:\n%s", exit.ExitCode(), out)
	} else if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Run(t.Context(), "destroy", "-auto-approve", "-no-color", "-input=false"); err != nil {
		t.Fatal(err)
	}
	if err := a.expectInventory(home); err != nil {
		t.Error(err)
	}
}
