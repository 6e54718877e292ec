// Package tfcli runs the real Terraform or OpenTofu with a built provider, as a
// user does: plain init from a local mirror, plan, apply, destroy.
package tfcli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// mirrorVersion is the version under which the built provider is installed.
const mirrorVersion = "0.0.1"

// ToolVariable names the tool to use: terraform or tofu.
const ToolVariable = "SERVERLESS_TEST_TOOL"

// Find returns the path of the tool that ToolVariable names, or of terraform,
// or else of tofu.
func Find() (string, error) {
	names := []string{"terraform", "tofu"}
	if name := os.Getenv(ToolVariable); name != "" {
		names = []string{name}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf(`no %s is on the PATH: run "make terraform" or "make tofu"`, strings.Join(names, " or "))
}

// Workspace is a folder with a configuration in which commands are run.
type Workspace struct {
	// Dir holds the configuration and the state.
	Dir string
	// Env is added to the environment of the commands.
	Env []string
	// Out gets the output of the commands as it comes; nil for none.
	Out io.Writer

	tool string
}

// Hosts are the registries that a provider's address without one means, by tool.
var Hosts = []string{"registry.terraform.io", "registry.opentofu.org"}

// New prepares a workspace in dir whose provider is the given binary.
func New(dir, provider string, env ...string) (*Workspace, error) {
	mirror := filepath.Join(dir, ".mirror")
	for _, host := range Hosts {
		into := filepath.Join(mirror, host, "burstline", "serverless", mirrorVersion, runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(into, 0o755); err != nil { //nolint:gosec // executables that the user runs
			return nil, fmt.Errorf("make provider mirror: %w", err)
		}
		link := filepath.Join(into, "terraform-provider-serverless_v"+mirrorVersion)
		absolute, err := filepath.Abs(provider)
		if err != nil {
			return nil, fmt.Errorf("make provider mirror: %w", err)
		}
		if err := os.Symlink(absolute, link); err != nil && !os.IsExist(err) {
			return nil, fmt.Errorf("make provider mirror: %w", err)
		}
	}
	return NewFromMirror(dir, mirror, env...)
}

// NewFromMirror prepares a workspace in dir that installs our provider from a
// folder in the layout of a filesystem mirror, and nothing of it from elsewhere.
func NewFromMirror(dir, mirror string, env ...string) (*Workspace, error) {
	tool, err := Find()
	if err != nil {
		return nil, err
	}
	w := &Workspace{Dir: dir, tool: tool}
	rc := filepath.Join(dir, ".terraformrc")
	const ours = `["registry.terraform.io/burstline/*", "registry.opentofu.org/burstline/*"]`
	config := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n    include = %s\n  }\n  direct {\n    exclude = %s\n  }\n}\n", mirror, ours, ours)
	if err := os.WriteFile(rc, []byte(config), 0o600); err != nil {
		return nil, fmt.Errorf("write CLI configuration: %w", err)
	}
	w.Env = append([]string{"TF_CLI_CONFIG_FILE=" + rc, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1"}, env...)
	return w, nil
}

// Command returns the tool with arguments, ready to be started.
func (w *Workspace) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, w.tool, args...) //nolint:gosec // terraform, as the user installed it
	cmd.Dir = w.Dir
	cmd.Env = append(os.Environ(), w.Env...)
	cmd.Stdout, cmd.Stderr = w.Out, w.Out
	return cmd
}

// Run runs one command and returns its output too. A failure carries it.
func (w *Workspace) Run(ctx context.Context, args ...string) (string, error) {
	var output bytes.Buffer
	cmd := w.Command(ctx, args...)
	var out io.Writer = &output
	if w.Out != nil {
		out = io.MultiWriter(&output, w.Out)
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return output.String(), fmt.Errorf("%s %v: %w\n%s", filepath.Base(w.tool), args, err, output.String())
	}
	return output.String(), nil
}

// Outputs returns the configuration's outputs.
func (w *Workspace) Outputs(ctx context.Context) (map[string]any, error) {
	cmd := w.Command(ctx, "output", "-json")
	cmd.Stdout, cmd.Stderr = nil, nil
	b, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("read outputs: %w", err)
	}
	var raw map[string]struct {
		Value any `json:"value"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, fmt.Errorf("read outputs: %w", err)
	}
	out := map[string]any{}
	for name, v := range raw {
		out[name] = v.Value
	}
	return out, nil
}
