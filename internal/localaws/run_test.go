package localaws_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/localtest"
)

func TestMain(m *testing.M) {
	if err := os.Setenv(localaws.Leak, "1"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(localtest.Main(m, localaws.Options{}, func(l *localaws.Local) error {
		localaws.SetLocal(l)
		return nil
	}))
}
