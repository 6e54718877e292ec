// Package localtest runs the tests of a package against one local AWS.
package localtest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// Main starts the local AWS, hands it to use, which may prepare what all tests of the package need, runs the tests, and ends it.
// It returns the exit code for TestMain: not zero, too, where a request was one that AWS would refuse, unless a test
// expected it (Gate.Expect), whatever its caller made of the answer, or where nobody knows by which action AWS judges one. What is to
// hold of a run of all tests is checked by whole, which is not called where -run or -skip leave some out, or where one failed.
func Main(m *testing.M, options localaws.Options, use func(*localaws.Local) error, whole ...func(*localaws.Local) error) (code int) {
	failed := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	local, err := localaws.Start(context.Background(), options)
	if err != nil {
		return failed(err)
	}
	defer func() {
		if err := local.Close(); err != nil {
			code = failed(err)
		}
	}()
	if err := use(local); err != nil {
		return failed(err)
	}
	code = m.Run()
	if err := local.Gate().Verdict(); err != nil {
		code = failed(err)
	}
	if err := local.Proof().Verdict(); err != nil {
		code = failed(err)
	}
	if code != 0 || !all() {
		return code
	}
	for _, check := range whole {
		if err := check(local); err != nil {
			code = failed(err)
		}
	}
	return code
}

// all tells whether every test was run.
func all() bool {
	for _, name := range []string{"test.run", "test.skip"} {
		if f := flag.Lookup(name); f == nil || f.Value.String() != "" {
			return false
		}
	}
	return true
}
