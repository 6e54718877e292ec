// Command bench measures the product and prints the figures, as ratios within
// one run wherever time is involved, and writes them to a JSON file.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// figure is one line of the report. Bar is what it should hold to; nil where
// there is no bar.
type figure struct {
	Name  string   `json:"name"`
	Value float64  `json:"value"`
	Unit  string   `json:"unit"`
	Bar   *float64 `json:"bar"`
	Holds *bool    `json:"holds"`
}

// bench collects figures.
type bench struct {
	root      string
	realFiles int // Objects that a pipeline takes in on the local AWS.
	figures   []figure
}

// add notes a figure without a bar.
func (b *bench) add(name string, value float64, unit string) {
	b.figures = append(b.figures, figure{Name: name, Value: value, Unit: unit})
	fmt.Printf("%-36s %12.4g %s\n", name, value, unit) //nolint:forbidigo // a program for people
}

// atMost notes a figure that must not be above the bar.
func (b *bench) atMost(name string, value float64, unit string, bar float64) {
	b.against(name, value, unit, bar, value <= bar)
}

// atLeast notes a figure that must not be below the bar.
func (b *bench) atLeast(name string, value float64, unit string, bar float64) {
	b.against(name, value, unit, bar, value >= bar)
}

func (b *bench) against(name string, value float64, unit string, bar float64, holds bool) {
	b.figures = append(b.figures, figure{name, value, unit, &bar, &holds})
	verdict := "holds"
	if !holds {
		verdict = "MISSED"
	}
	fmt.Printf("%-36s %12.4g %-22s bar %g: %s\n", name, value, unit, bar, verdict) //nolint:forbidigo // a program for people
}

func main() {
	root := flag.String("root", ".", "root of the checkout")
	out := flag.String("out", "build/bench.json", "file for the figures")

	growth := flag.Bool("growth", false, "measure configurations with 1, 10 and 50 systems instead, and write them into the guide")
	realFiles := flag.Int("objects", 100_000, "objects that a pipeline takes in on the local AWS, which takes about four milliseconds for each")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *root, *out, *realFiles, *growth); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

func run(ctx context.Context, root, out string, realFiles int, growth bool) error {
	absolute, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	b := &bench{root: absolute, realFiles: realFiles}
	measures := []func(context.Context) error{on(b, true, b.engine), on(b, false, b.provider), b.coldStarts, b.recorder, b.votes, b.count, b.cost, b.votesCost, b.queueCost, b.queueColdStart, b.pipelineFunctions, b.pipelineAllocations, b.pipelineCost, on(b, true, b.pipelineUpload), b.forecast, b.lines}
	if growth {
		measures = []func(context.Context) error{on(b, false, b.growth)}
	}
	for _, measure := range measures {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(b.figures, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(text, '\n'), 0o644) //nolint:gosec // a report, readable by all
}

// on measures on a local AWS of its own, whose functions are usable at once where
// ready is true. A call that AWS would refuse fails it.
func on(b *bench, ready bool, measure func(context.Context, *localaws.Local) error) func(context.Context) error {
	return func(ctx context.Context) error {
		local, err := localaws.Start(ctx, localaws.Options{Venv: filepath.Join(b.root, "build", "venv"), FunctionsReady: ready})
		if err != nil {
			return err
		}
		return errors.Join(measure(ctx, local), local.Gate().Verdict(), local.Close())
	}
}
