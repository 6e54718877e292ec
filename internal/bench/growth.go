package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/burstline/terraform-provider-serverless/internal/localaws"
)

// sizes are the numbers of systems in one configuration.
var sizes = []int{1, 10, 50}

// growthBlock is where the guide shows what was measured.
var growthBlock = regexp.MustCompile(`(?s)(<!-- measured -->\n).*?(<!-- end of measured -->)`)

// growth measures whole commands on configurations of several sizes, and writes
// them into the guide.
func (b *bench) growth(ctx context.Context, local *localaws.Local) error {
	c := commandBench{local: local, binary: filepath.Join(b.root, "build", "bin", "terraform-provider-serverless")}
	var all []measured
	for _, n := range sizes {
		m, err := c.measure(ctx, n)
		if err != nil {
			return fmt.Errorf("%d systems: %w", n, err)
		}
		for i, name := range commandNames {
			b.add(fmt.Sprintf("growth.%s_%d_s", name, n), m.seconds[i], "s, for orientation")
		}
		b.add(fmt.Sprintf("growth.memory_%d_mb", n), m.memory, "MB, peak")
		all = append(all, m)
	}
	guide := filepath.Join(b.root, "docs", "guides", "speed.md")
	text, err := os.ReadFile(guide) //nolint:gosec // our own document
	if err != nil {
		return err
	}
	replaced := growthBlock.ReplaceAll(text, []byte("${1}"+growthText(all)+"${2}"))
	return os.WriteFile(guide, replaced, 0o644) //nolint:gosec // a document, readable by all
}

// growthText renders a table and a Mermaid chart.
func growthText(all []measured) string {
	var out strings.Builder
	out.WriteString("| systems | parts | " + strings.Join(commandNames, " | ") + " | memory |\n|---|---|" + strings.Repeat("---|", len(commandNames)+1) + "\n")
	parts := len(example(strings.Repeat("0", 64), 14).Parts)
	for i, n := range sizes {
		fmt.Fprintf(&out, "| %d | %d |", n, n*parts)
		for _, seconds := range all[i].seconds {
			fmt.Fprintf(&out, " %.1f s |", seconds)
		}
		fmt.Fprintf(&out, " %.0f MB |\n", all[i].memory)
	}
	out.WriteString("\n```mermaid\nxychart-beta\n  title \"seconds by number of systems: " + strings.Join(commandNames, ", ") + "\"\n")
	fmt.Fprintf(&out, "  x-axis %s\n  y-axis \"s\"\n", strings.ReplaceAll(fmt.Sprint(sizes), " ", ", "))
	for i := range commandNames {
		var line []string
		for _, m := range all {
			line = append(line, fmt.Sprintf("%.1f", m.seconds[i]))
		}
		fmt.Fprintf(&out, "  line [%s]\n", strings.Join(line, ", "))
	}
	out.WriteString("```\n")
	return out.String()
}
