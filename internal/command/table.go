package command

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Table writes rows in columns, as texts of answers have them.
func Table(write func(row func(cells ...any))) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	write(func(cells ...any) {
		texts := make([]string, len(cells))
		for i, cell := range cells {
			texts[i] = fmt.Sprint(cell)
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(texts, "\t"), "\t")) //nolint:errcheck // a builder takes everything
	})
	w.Flush() //nolint:errcheck,gosec // likewise
	return b.String()
}
