package systems_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/burstline/terraform-provider-serverless/internal/preflight"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// An expected load changes no part: a plan need not know it, and an apply does
// nothing for it. All that it makes AWS do has a price.
func TestLoad(t *testing.T) {
	for _, system := range systems.All {
		if system.Load == nil {
			continue
		}
		with := described(t, system, map[string]any{"expected_load": system.Load})
		if with.Event == nil || with.Event.Units <= 0 || len(with.PerEvent) == 0 {
			t.Errorf("%s: the example's load makes no event: %+v", system.Name, with.Event)
		}
		billed := map[string]bool{}
		for _, l := range preflight.Cost(with, preflight.Builtin(), "us-east-1").Lines {
			action, _, _ := strings.Cut(l.Why, " ")
			billed[action] = true
		}
		for _, u := range slices.Concat(with.PerEvent, with.PerMonth) {
			for _, o := range u.Operations {
				if u.Count*o.Count > 0 && !billed[string(o.Action)] {
					t.Errorf("%s: no line bills %s for each %s", system.Name, o.Action, u.Unit)
				}
			}
		}
		if !bytes.Equal(with.Render(), described(t, system, nil).Render()) {
			t.Errorf("%s: the expected load changes the parts", system.Name)
		}
	}
}

// costs is a place in a document where a system's cost stands.
var costs = regexp.MustCompile("(?s)(<!-- cost of ([a-z_]+) -->\n).*?(<!-- end of cost -->)")

// TestGoldenCosts writes what every system's example costs into the guide, so
// that no figure there can be out of date.
func TestGoldenCosts(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "guides", "cost.md")
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	want := costs.ReplaceAllFunc(have, func(old []byte) []byte {
		parts := costs.FindSubmatch(old)
		system, known := systems.Find(string(parts[2]))
		if !known || system.Load == nil {
			t.Fatalf("%s shows what %s costs, which is no system with a load", file, parts[2])
		}
		shown[system.Name] = true
		e := preflight.Cost(described(t, system, map[string]any{"expected_load": system.Load}), preflight.Builtin(), "us-east-1")
		return fmt.Appendf(nil, "%s\n%s\n%s", parts[1], table(e), parts[3])
	})
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(have) != string(want) {
		t.Errorf("a cost in %s is not as computed: run \"make generate\"", file)
	}
	for _, system := range systems.All {
		if system.Load != nil && !shown[system.Name] {
			t.Errorf("the guide does not show what %s costs: put \"<!-- cost of %s -->\" and \"<!-- end of cost -->\" into %s", system.Name, system.Name, file)
		}
	}
}

// table renders an estimate for people.
func table(e preflight.Estimate) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Idle **$%.2f** a month, one event **$%.2f**, **$%.2f** per million of its %ss; prices of %s, %s.\n\n", e.Idle, e.Load.PerEvent, e.Load.PerMillion, e.Load.Unit, e.Region, e.Date)
	b.WriteString("| for each | dimension | parts | quantity | $ | |\n|---|---|---|---:|---:|---|\n")
	for i := 0; i < len(e.Lines); {
		// The lines of one dimension stand together.
		l, quantity, amount := e.Lines[i], 0.0, 0.0
		var parts []string
		for ; i < len(e.Lines) && e.Lines[i].Dimension == l.Dimension && e.Lines[i].Period == l.Period; i++ {
			quantity += e.Lines[i].Quantity
			amount += e.Lines[i].Amount
			if part := e.Lines[i].Part; !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s %s | %.4f | %s |\n", l.Period, l.Dimension, strings.Join(parts, ", "), readable(quantity), l.Unit, amount, l.Basis)
	}
	return b.String()
}

// readable writes a quantity with three decimals where it is small.
func readable(quantity float64) string {
	if quantity < 100 {
		return strconv.FormatFloat(quantity, 'f', 3, 64)
	}
	return strconv.FormatFloat(quantity, 'f', 0, 64)
}
