// Package bootstrap starts a function: a system's functions are one program, in which the handler's name is the function's.
package bootstrap

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awsconfig"
)

// startTimeout bounds what a function reads at a cold start: Lambda lets an environment's start take ten seconds (Lambda Developer Guide,
// "Lambda execution environment lifecycle").
const startTimeout = 9 * time.Second

// Handlers are a program's handlers by name, as _HANDLER gives it. Each builds only what it uses: clients cost at every cold start. The context
// ends with the start; what is built must not keep it.
type Handlers map[string]func(ctx context.Context, environ map[string]string, aws aws.Config) (any, error)

// Serve builds the handler that the process's environment names, and serves it until Lambda ends the process. Where it cannot be built, it
// says so on standard error and exits with 1.
func (h Handlers) Serve() {
	handle, err := h.Build(environment(os.Environ()))
	if err != nil {
		slog.New(slog.NewJSONHandler(os.Stderr, nil)).Error("start", "error", err)
		os.Exit(1)
	}
	lambda.Start(handle)
}

// Build builds the handler that an environment names. Errors say which.
func (h Handlers) Build(environ map[string]string) (any, error) {
	name := environ["_HANDLER"]
	build, ok := h[name]
	if !ok {
		return nil, fmt.Errorf("there is no handler %q: _HANDLER is one of %s", name, strings.Join(slices.Sorted(maps.Keys(h)), ", "))
	}
	cfg, err := awsconfig.FromEnvironment(environ)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	handle, err := build(ctx, environ, cfg)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return handle, nil
}

func environment(lines []string) map[string]string {
	environ := make(map[string]string, len(lines))
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		environ[name] = value
	}
	return environ
}
