// Command generate builds the functions of every system and packs them into
// the archives that the provider embeds.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/burstline/terraform-provider-serverless/internal/bundle"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

func main() {
	root := flag.String("root", ".", "root of the checkout")
	architectures := flag.String("architectures", strings.Join(bundle.Architectures, ","), "architectures to build for, separated by commas")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := bundle.Generate(ctx, *root, filepath.Join(*root, "internal", "bundle", "prebuilt"), systems.Names(), strings.Split(*architectures, ","))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
