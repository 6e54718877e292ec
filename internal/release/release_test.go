// Package release_test tries a snapshot of a release as a registry and a user
// would: its files, their sums, and an apply with the zip of this platform.
package release_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/tfcli"
)

const (
	dist    = "../../build/dist"
	project = "terraform-provider-serverless"
	// maxZip is the greatest zip in bytes that is pleasant to fetch in a pipeline.
	maxZip = 60_000_000
)

// snapshot is the version of the snapshot that "make test-all" has made.
func snapshot(t *testing.T) string {
	t.Helper()
	if os.Getenv("SERVERLESS_TEST_ALL") == "" {
		t.Skip("a snapshot for all platforms takes minutes: \"make test-all\" makes it and runs this")
	}
	b, err := os.ReadFile(filepath.Join(dist, "metadata.json"))
	if err != nil {
		t.Fatalf("there is no snapshot; run \"make release-snapshot\": %v", err)
	}
	var metadata struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(b, &metadata); err != nil || metadata.Version == "" {
		t.Fatalf("the snapshot does not tell its version: %v\n%s", err, b)
	}
	return metadata.Version
}

// The files are those that the Terraform Registry asks for (Terraform
// Registry, "Publishing providers", "Manually preparing a release").
func TestFiles(t *testing.T) {
	version := snapshot(t)
	prefix := project + "_" + version
	var want []string
	for _, system := range []string{"darwin", "linux", "windows"} {
		for _, arch := range []string{"amd64", "arm64"} {
			want = append(want, prefix+"_"+system+"_"+arch+".zip")
		}
	}
	var have []string
	found, err := filepath.Glob(filepath.Join(dist, "*.zip"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range found {
		have = append(have, filepath.Base(file))
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Fatalf("zips: want -, have +:\n%s", diff)
	}
	for _, name := range want {
		archive, err := zip.OpenReader(filepath.Join(dist, name))
		if err != nil {
			t.Fatal(err)
		}
		var inside []string
		for _, f := range archive.File {
			inside = append(inside, f.Name)
		}
		binary := project + "_v" + version
		if strings.Contains(name, "_windows_") {
			binary += ".exe"
		}
		if diff := cmp.Diff([]string{"LICENSE", binary}, inside); diff != "" {
			t.Errorf("%s holds: want -, have +:\n%s", name, diff)
		}
		if err := archive.Close(); err != nil {
			t.Error(err)
		}
		info, err := os.Stat(filepath.Join(dist, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s has %.1f MB", name, float64(info.Size())/1e6)
		if info.Size() > maxZip {
			t.Errorf("%s has %d bytes, should have at most %d", name, info.Size(), maxZip)
		}
	}

	manifest := "../../.goreleaser/terraform-registry-manifest.json"
	sums := map[string]string{prefix + "_manifest.json": sum(t, manifest)}
	for _, name := range want {
		sums[name] = sum(t, filepath.Join(dist, name))
	}
	if diff := cmp.Diff(sums, listed(t, filepath.Join(dist, prefix+"_SHA256SUMS"))); diff != "" {
		t.Errorf("sums: want -, have +:\n%s", diff)
	}
	b, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	var protocol struct {
		Version  int `json:"version"`
		Metadata struct {
			Versions []string `json:"protocol_versions"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(b, &protocol); err != nil || protocol.Version != 1 || !slices.Equal(protocol.Metadata.Versions, []string{"6.0"}) {
		t.Errorf("the manifest says %+v, %v", protocol, err)
	}
}

func sum(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// listed reads a file of sums: name → hex SHA-256.
func listed(t *testing.T, file string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		digest, name, _ := strings.Cut(lines.Text(), "  ")
		out[name] = digest
	}
	return out
}

// A user's init takes the zip from a mirror; apply and destroy work with what is
// in it alone.
func TestApply(t *testing.T) {
	version := snapshot(t)
	local, err := localaws.Start(t.Context(), localaws.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(local.Gate().Verdict(), local.Close()); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	name := fmt.Sprintf("%s_%s_%s_%s.zip", project, version, runtime.GOOS, runtime.GOARCH)
	packed, err := os.ReadFile(filepath.Join(dist, name))
	if err != nil {
		t.Fatal(err)
	}
	mirror := filepath.Join(dir, "mirror")
	for _, host := range tfcli.Hosts {
		write(t, filepath.Join(mirror, host, "burstline", "serverless", name), packed)
	}
	work := filepath.Join(dir, "work")
	examples, err := filepath.Glob("../../examples/live-vote/*.tf")
	if err != nil || len(examples) == 0 {
		t.Fatalf("there is no example: %v", err)
	}
	for _, file := range examples {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(work, filepath.Base(file)), text)
	}
	// A version with a suffix is taken only by its name.
	write(t, filepath.Join(work, "version_override.tf"), fmt.Appendf(nil, "terraform {\n  required_providers {\n    serverless = {\n      source  = \"burstline/serverless\"\n      version = %q\n    }\n  }\n}\n", version))
	w, err := tfcli.NewFromMirror(work, mirror,
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_SESSION_TOKEN=", "AWS_PROFILE=", "AWS_CONFIG_FILE="+filepath.Join(dir, "none"), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "none"),
		"TF_VAR_endpoint="+local.Endpoint(), "TF_VAR_architecture="+architecture(), "TF_VAR_force_destroy=true",
		"TF_VAR_opens_at="+time.Now().Add(time.Hour).Format(time.RFC3339), "TF_VAR_closes_at="+time.Now().Add(2*time.Hour).Format(time.RFC3339))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init"}, {"apply", "-auto-approve"}, {"plan", "-detailed-exitcode"}} {
		if _, err := w.Run(t.Context(), append(args, "-no-color", "-input=false")...); err != nil {
			t.Fatal(err)
		}
	}
	config := local.Config("eu-central-1", "test")
	if there, err := localaws.Inventory(t.Context(), config); err != nil || len(there) < 30 {
		t.Errorf("the apply made %d objects, %v", len(there), err)
	}
	binary := filepath.Join(work, ".terraform", "providers", hostOf(t, work), "burstline", "serverless", version, runtime.GOOS+"_"+runtime.GOARCH, project+"_v"+version)
	if out, err := exec.CommandContext(t.Context(), binary, "--version").Output(); err != nil || string(out) != project+" version "+version+"\n" {
		t.Errorf("the provider says %q, %v", out, err)
	}
	if _, err := w.Run(context.WithoutCancel(t.Context()), "destroy", "-auto-approve", "-no-color", "-input=false"); err != nil {
		t.Fatal(err)
	}
	if left, err := localaws.Inventory(t.Context(), config); err != nil || len(left) > 0 {
		t.Errorf("destroy left %q, %v", left, err)
	}
}

// hostOf is the registry that the tool took the provider to be from.
func hostOf(t *testing.T, work string) string {
	t.Helper()
	found, err := os.ReadDir(filepath.Join(work, ".terraform", "providers"))
	if err != nil || len(found) != 1 {
		t.Fatalf("init installed from %v, %v", found, err)
	}
	return found[0].Name()
}

func architecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
