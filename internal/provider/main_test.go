package provider_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/localtest"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/tfcli"
)

// local is the one local AWS of this package's tests. Each test works in an
// account of its own, so that they can run at the same time.
var local *localaws.Local

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// atOnce is how many tests run at the same time, unless -parallel says so: much
// of their time they wait, for schedules, visibility timeouts and windows that
// close.
const atOnce = 4

// collectAt is how much garbage, in percent of what lives, there is before it is
// collected: at Go's 100 that takes a fifth of the processor's time. Beyond so
// many bytes it is collected all the same.
const (
	collectAt      = 400
	collectedAbove = 1 << 30
)

func run(m *testing.M) (code int) {
	debug.SetGCPercent(collectAt)
	debug.SetMemoryLimit(collectedAbove)
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", strconv.Itoa(atOnce)); err != nil {
			panic(err) // package testing has it
		}
	}
	failed := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "provider-test-")
	if err != nil {
		return failed(err)
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			code = failed(err)
		}
	}()
	if err := environment(dir); err != nil {
		return failed(err)
	}
	return localtest.Main(m, localaws.Options{}, func(l *localaws.Local) error {
		local = l
		return nil
	}, func(*localaws.Local) error { return deployedByPolicy() })
}

// environment gives Terraform and the provider nothing of the developer's own
// settings.
func environment(dir string) error {
	tool, err := tfcli.Find()
	if err != nil {
		return err
	}
	rc := filepath.Join(dir, "terraformrc")
	if err := os.WriteFile(rc, nil, 0o600); err != nil {
		return fmt.Errorf("write an empty CLI configuration: %w", err)
	}
	host := "registry.terraform.io"
	if filepath.Base(tool) == "tofu" {
		host = "registry.opentofu.org"
	}
	for name, value := range map[string]string{
		"TF_ACC_TERRAFORM_PATH": tool, "TF_ACC_PROVIDER_HOST": host, "TF_CLI_CONFIG_FILE": rc, "CHECKPOINT_DISABLE": "1", "TF_ACC_TEMP_DIR": dir,
		"AWS_CONFIG_FILE": filepath.Join(dir, "no-config"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(dir, "no-credentials"),
		"AWS_EC2_METADATA_DISABLED": "true",
	} {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	for _, name := range []string{
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_ENDPOINT_URL", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy",
	} {
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("unset %s: %w", name, err)
		}
	}
	return nil
}
