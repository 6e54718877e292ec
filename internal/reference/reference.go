// Package reference renders the reference in docs: the provider's index page
// and one page for each resource and data source, from the schema's descriptions
// and the examples. The guides beside it are written by hand and left alone.
package reference

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/burstline/terraform-provider-serverless/internal/localaws/tfcli"
)

// tfplugindocs renders the pages. Go builds it once and keeps it.
const tfplugindocs = "github.com/hashicorp/terraform-plugin-docs/cmd/tfplugindocs@v0.25.0"

// templates are the pages that say more than schema and example, below the
// module's root.
const templates = "internal/reference/templates"

// guides and images are the folders of docs that are made by hand.
const (
	guides = "guides"
	images = "images"
)

// Render renders the reference of the module at root and returns its files by
// their slashed paths below docs. It builds the provider and asks it, through
// Terraform or OpenTofu, for its schema.
func Render(ctx context.Context, root string) (map[string][]byte, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("find the module: %w", err)
	}
	// tfplugindocs takes its target relative to the module only.
	work, err := os.MkdirTemp("", "reference-")
	if err != nil {
		return nil, fmt.Errorf("render the reference: %w", err)
	}
	defer os.RemoveAll(work) //nolint:errcheck // a temporary folder
	provider := filepath.Join(work, "terraform-provider-serverless")
	if err := run(ctx, root, "go", "build", "-o", provider, "."); err != nil {
		return nil, err
	}
	schema, err := schemaOf(ctx, work, provider)
	if err != nil {
		return nil, err
	}
	file, pages := filepath.Join(work, "schema.json"), filepath.Join(work, "docs")
	if err := os.WriteFile(file, schema, 0o600); err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	into, err := filepath.Rel(root, pages)
	if err != nil {
		return nil, fmt.Errorf("render the reference: %w", err)
	}
	if err := run(ctx, root, "go", "run", tfplugindocs, "generate", "--provider-dir", root, "--provider-name", "serverless",
		"--rendered-provider-name", "Serverless", "--providers-schema", file, "--website-source-dir", templates, "--rendered-website-dir", into); err != nil {
		return nil, err
	}
	return Read(pages)
}

// schemaOf asks the provider for its schema, in the form that tfplugindocs
// takes: under the provider's name without host and namespace, which differ
// between Terraform and OpenTofu.
func schemaOf(ctx context.Context, work, provider string) ([]byte, error) {
	dir := filepath.Join(work, "schema")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("ask for the schema: %w", err)
	}
	const config = "terraform {\n  required_providers {\n    serverless = {\n      source = \"burstline/serverless\"\n    }\n  }\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(config), 0o600); err != nil {
		return nil, fmt.Errorf("ask for the schema: %w", err)
	}
	w, err := tfcli.New(dir, provider)
	if err != nil {
		return nil, err
	}
	if _, err := w.Run(ctx, "init", "-no-color"); err != nil {
		return nil, err
	}
	var out, errs bytes.Buffer
	cmd := w.Command(ctx, "providers", "schema", "-json")
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("ask for the schema: %w\n%s", err, errs.String())
	}
	var all struct {
		Version   string                     `json:"format_version"`
		Providers map[string]json.RawMessage `json:"provider_schemas"`
	}
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	for _, one := range all.Providers {
		all.Providers = map[string]json.RawMessage{"serverless": one}
	}
	return json.Marshal(all)
}

// run runs a command; a failure carries what it wrote.
func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // go, with arguments of this package
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w\n%s", name, args, err, out)
	}
	return nil
}

// Read returns the files of a reference below dir, by their slashed paths. The
// guides and images are none of it.
func Read(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == guides || name == images):
			return filepath.SkipDir
		case entry.IsDir():
			return nil
		}
		content, err := os.ReadFile(path) //nolint:gosec // below the caller's folder
		files[filepath.ToSlash(name)] = content
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the reference in %s: %w", dir, err)
	}
	return files, nil
}

// Write makes the reference in dir be these files, and leaves the guides and images alone.
func Write(dir string, files map[string][]byte) error {
	old, err := Read(dir)
	if err != nil {
		return err
	}
	for name := range old {
		if _, stays := files[name]; !stays {
			if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
				return fmt.Errorf("remove an old page: %w", err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // pages for everybody
			return fmt.Errorf("write a page: %w", err)
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil { //nolint:gosec // pages for everybody
			return fmt.Errorf("write a page: %w", err)
		}
	}
	return nil
}
