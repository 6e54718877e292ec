// Command demo does the product's main job from end to end on the local AWS: it
// deploys a voting window with Terraform, casts votes over HTTP, good and bad
// ones, watches the tally, lets the window close, compares the ledger with what
// it sent, recounts, destroys, and shows that nothing is left.
package main

import (
	"context"
	"flag"

	"github.com/burstline/terraform-provider-serverless/internal/demo"
)

func main() {
	votes := flag.Int("votes", 2000, "how many votes to cast")
	demo.Main("live-vote", func(ctx context.Context, d *demo.Demo) error {
		return (&evening{Demo: d, votes: *votes}).run(ctx)
	})
}
