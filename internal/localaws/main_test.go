package localaws

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// local is the one local AWS of this package's tests; each test resets it.
var local *Local

const testRegion = "eu-central-1"

// leak is a variable of this process that no function may see.
const leak = "LOCALAWS_TEST_LEAK"

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	if err := os.Setenv(leak, "1"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var err error
	if local, err = Start(context.Background(), Options{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := local.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}()
	return m.Run()
}

// fresh empties the local AWS, and returns a configuration for its root and the mark of this moment.
func fresh(t *testing.T) (aws.Config, Mark) {
	t.Helper()
	if err := local.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		local.Gate().Faults().Clear()
		if t.Failed() {
			t.Logf("the local AWS wrote:\n%s", local.Logs())
		}
	})
	cfg := local.Config(testRegion, "test")
	cfg.AppID = t.Name()
	return cfg, local.Gate().Meter().Mark()
}

// must fails the test where a call that only prepares it fails.
func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
