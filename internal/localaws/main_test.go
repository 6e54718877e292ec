package localaws

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// local is the one local AWS of this package's tests; each test resets it.
var local *Local

const testRegion = "eu-central-1"

// leak is a variable of this process that no function may see.
const leak = "LOCALAWS_TEST_LEAK"

// Leak and SetLocal are for TestMain, which cannot be in this package: what it calls imports it.
const Leak = leak

func SetLocal(l *Local) { local = l }

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
