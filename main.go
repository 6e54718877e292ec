// Command terraform-provider-serverless serves the provider to Terraform and
// OpenTofu; started by a person with a command's name, it is the operator's
// tool.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/burstline/terraform-provider-serverless/internal/operator"
	"github.com/burstline/terraform-provider-serverless/internal/provider"
)

// version is set at release.
var version = "dev"

// memoryLimit, in bytes, is where the garbage collector begins to work harder:
// pipelines run on small machines, and Terraform starts a process for every
// provider block. It is no hard limit.
const memoryLimit = 56 << 20

func main() {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-debug") && !strings.HasPrefix(os.Args[1], "--debug") {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		// The first interrupt lets a command finish what it has begun; the second
		// ends the process.
		context.AfterFunc(ctx, stop)
		code := operator.Run(ctx, version, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	debugger := flag.Bool("debug", false, "serve to a debugger, and print how Terraform reaches it")
	flag.Parse()
	err := providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{
		Address: "registry.terraform.io/" + provider.Address, Debug: *debugger, ProtocolVersion: 6,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
