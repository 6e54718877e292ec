// Command demo does the product's main job from end to end on the local AWS: it
// deploys a voting window with Terraform, casts votes over HTTP, good and bad
// ones, watches the tally, lets the window close, compares the ledger with what
// it sent, recounts, destroys, and shows that nothing is left.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	root := flag.String("root", ".", "root of the checkout")
	architecture := flag.String("architecture", "x86_64", "architecture of this machine, for the functions")
	keep := flag.Bool("keep", false, "leave everything running and print the addresses")
	votes := flag.Int("votes", 2000, "how many votes to cast")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	absolute, err := filepath.Abs(*root)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:gocritic // nothing has begun
	}
	d := &demo{root: absolute, architecture: *architecture, keep: *keep, votes: *votes, began: time.Now()}
	if err := d.run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "\nThe demo failed: %v\n", err)
		stop()
		os.Exit(1)
	}
}
