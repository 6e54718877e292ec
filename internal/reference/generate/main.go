// Command generate writes the reference in docs anew. It runs in the module's
// root.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/burstline/terraform-provider-serverless/internal/reference"
)

func main() {
	if err := generate(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(ctx context.Context) error {
	files, err := reference.Render(ctx, ".")
	if err != nil {
		return err
	}
	return reference.Write("docs", files)
}
