package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Source builds bundles from a checkout of the provider, with the Go toolchain,
// for users who change the functions.
type Source struct {
	// Dir is the root of the checkout.
	Dir string

	mu    sync.Mutex
	built map[string][]byte // zips by system and architecture
}

// SHA256 builds the bundle, once a process, and returns its hex digest.
func (s *Source) SHA256(ctx context.Context, system, architecture string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := system + " " + architecture
	if zip, ok := s.built[key]; ok {
		return Digest(zip), nil
	}
	bootstrap, err := Build(ctx, s.Dir, system, architecture)
	if err != nil {
		return "", err
	}
	zip, err := Zip(bytes.NewReader(bootstrap))
	if err != nil {
		return "", err
	}
	if s.built == nil {
		s.built = map[string][]byte{}
	}
	s.built[key] = zip
	return Digest(zip), nil
}

// Content returns a bundle that SHA256 has built.
func (s *Source) Content(_ context.Context, sha256 string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, zip := range s.built {
		if Digest(zip) == sha256 {
			return zip, nil
		}
	}
	return nil, fmt.Errorf("the checkout %s does not build to the planned functions (SHA-256 %s): it has changed since the plan, or another one was planned. Plan again", s.Dir, sha256)
}

// Build compiles the bootstrap of a system. The bytes depend on the source and
// on the Go version alone: not on the folder, the caches, the time or the
// settings of the user.
func Build(ctx context.Context, root, system, architecture string) ([]byte, error) {
	arch, err := goArch(architecture)
	if err != nil {
		return nil, err
	}
	pkg := "./functions/" + Folder(system) + "/bootstrap"
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(pkg))); err != nil {
		return nil, fmt.Errorf("%s is no checkout of this provider with functions of %s: %w", root, system, err)
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		return nil, fmt.Errorf("building functions from source needs the Go toolchain, and there is no \"go\" on the PATH: install Go from go.dev/dl, or leave out source to use the prebuilt functions")
	}
	out, err := os.CreateTemp("", "bootstrap-*")
	if err != nil {
		return nil, fmt.Errorf("build functions of %s: %w", system, err)
	}
	defer os.Remove(out.Name()) //nolint:errcheck // a temporary file
	if err := out.Close(); err != nil {
		return nil, fmt.Errorf("build functions of %s: %w", system, err)
	}
	cmd := exec.CommandContext(ctx, goTool, "build", "-trimpath", "-buildvcs=false", "-tags=lambda.norpc", "-ldflags=-s -w -buildid=", "-o", out.Name(), pkg) //nolint:gosec // the go tool, on a package of the checkout
	cmd.Dir = root
	// What is empty would be taken from the file that "go env -w" writes: a comma
	// is a list of no experiments.
	cmd.Env = append(environment(os.Environ()), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=-mod=readonly", "GOEXPERIMENT=,", "GOFIPS140=off", "GO111MODULE=on", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("build functions of %s: %w", system, ctx.Err())
		}
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return nil, fmt.Errorf("the functions of %s do not build:\n%s", system, strings.TrimSpace(stderr.String()))
		}
		return nil, fmt.Errorf("build functions of %s: %w", system, err)
	}
	return os.ReadFile(out.Name())
}

// environment leaves out the variables that Build sets itself.
func environment(from []string) []string {
	var out []string
	for _, v := range from {
		switch name, _, _ := strings.Cut(v, "="); name {
		case "GOOS", "GOARCH", "CGO_ENABLED", "GOAMD64", "GOARM64", "GOFLAGS", "GOEXPERIMENT", "GOFIPS140", "GO111MODULE", "GOWORK":
		default:
			out = append(out, v)
		}
	}
	return out
}
