package forecast

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"
)

// Sizes of the chart, in pixels.
const (
	chartWidth  = 800
	chartLeft   = 80
	chartRight  = 16
	panelHeight = 96
	panelGap    = 44
	chartTop    = 56
	chartFoot   = 36
	chartPoints = 200
)

// line is one line of a panel.
type line struct {
	class, label string
	of           func(Sample, time.Duration) int
}

// panel is one of the charts below each other.
type panel struct {
	title string
	lines []line
	// limit is drawn across: the account's, or from where results are frozen.
	limit int
}

// perSecond is a count within a sample as a rate.
func perSecond(n int, each time.Duration) int { return n / int(each/time.Second) }

func (r *Result) panels() []panel {
	out := []panel{
		{title: "messages a second", lines: []line{
			{"arrived", "arrived", func(s Sample, each time.Duration) int { return perSecond(s.Arrived, each) }},
			{"accepted", "accepted", func(s Sample, each time.Duration) int { return perSecond(s.Accepted, each) }},
			{"recorded", "recorded", func(s Sample, each time.Duration) int { return perSecond(s.Recorded, each) }},
		}},
		{title: "messages waiting", lines: []line{{"accepted", "", func(s Sample, _ time.Duration) int { return s.Waiting }}}},
		{title: "executions at once", limit: r.Concurrency, lines: []line{{"accepted", "", func(s Sample, _ time.Duration) int { return s.Concurrency }}}},
	}
	if r.Published {
		out = append(out, panel{title: "age of the results, seconds", limit: int(r.FrozenAge / time.Second), lines: []line{{"age", "", func(s Sample, _ time.Duration) int { return int(s.Age / time.Second) }}}})
	}
	return out
}

// style is legible on light and on dark pages. Lines differ in their dashes too.
const style = `text{font:12px system-ui,sans-serif;fill:#68707a}.title{font-size:15px;font-weight:600}` +
	`.axis{stroke:#8c959f;stroke-width:1;fill:none}.grid{stroke:#8c959f;stroke-width:1;opacity:.25}.limit{stroke:#d1242f;stroke-dasharray:6 4;fill:none}` +
	`polyline{fill:none;stroke-width:1.6;stroke-linejoin:round}.arrived{stroke:#8c959f;stroke-dasharray:5 3}.accepted{stroke:#2f81f7}.recorded{stroke:#2da44e;stroke-dasharray:2 2}.age{stroke:#bf6a02}` +
	`@media (prefers-color-scheme:dark){text{fill:#9aa4af}}`

// SVG draws the forecast over time, with a title and a description for those who
// do not see it. The same result gives the same bytes.
func (r *Result) SVG(title string) string {
	samples, each := r.Timeline(chartPoints)
	panels := r.panels()
	height := chartTop + len(panels)*(panelHeight+panelGap) - panelGap + chartFoot
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc">`+"\n", chartWidth, height)
	fmt.Fprintf(&b, `<title id="title">%s</title>`+"\n", html.EscapeString(title))
	fmt.Fprintf(&b, `<desc id="desc">%s</desc>`+"\n", html.EscapeString(r.Summary()))
	fmt.Fprintf(&b, "<style>%s</style>\n", style)
	fmt.Fprintf(&b, `<text class="title" x="%d" y="22">%s</text>`+"\n", chartLeft, html.EscapeString(title))
	top := chartTop
	for _, p := range panels {
		p.draw(&b, samples, each, top)
		top += panelHeight + panelGap
	}
	minutes(&b, time.Duration(len(samples))*each, top-panelGap)
	b.WriteString("</svg>\n")
	return b.String()
}

func (p panel) draw(b *strings.Builder, samples []Sample, each time.Duration, top int) {
	greatest := max(1, p.limit)
	for _, l := range p.lines {
		for _, s := range samples {
			greatest = max(greatest, l.of(s, each))
		}
	}
	ceiling := nice(greatest)
	bottom := top + panelHeight
	fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`+"\n", chartLeft, top-8, p.title)
	at := chartWidth - chartRight
	for i := len(p.lines) - 1; i >= 0; i-- {
		if l := p.lines[i]; l.label != "" {
			fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text><polyline class="%s" points="%d,%d %d,%d"/>`+"\n", at, top-8, l.label, l.class, at-84, top-12, at-60, top-12)
			at -= 100
		}
	}
	fmt.Fprintf(b, `<path class="grid" d="M%d %dH%d"/><path class="axis" d="M%d %dV%dH%d"/>`+"\n", chartLeft, top, chartWidth-chartRight, chartLeft, top, bottom, chartWidth-chartRight)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text><text x="%d" y="%d" text-anchor="end">0</text>`+"\n", chartLeft-6, top+4, grouped(ceiling), chartLeft-6, bottom+4)
	if p.limit > 0 {
		y := tenths(bottom*10 - panelHeight*10*p.limit/ceiling)
		fmt.Fprintf(b, `<path class="limit" d="M%d %sH%d"/>`+"\n", chartLeft, y, chartWidth-chartRight)
	}
	for _, l := range p.lines {
		fmt.Fprintf(b, `<polyline class="%s" points="`, l.class)
		for i, s := range samples {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(across(i, max(1, len(samples)-1)))
			b.WriteByte(',')
			b.WriteString(tenths(bottom*10 - panelHeight*10*l.of(s, each)/ceiling))
		}
		b.WriteString("\"/>\n")
	}
}

// minutes labels the time below the panels.
func minutes(b *strings.Builder, length time.Duration, bottom int) {
	all := max(1, int(length/time.Second))
	every := 60
	for all/every > 12 {
		every *= 2
	}
	for s := 0; s <= all; s += every {
		fmt.Fprintf(b, `<text x="%s" y="%d" text-anchor="middle">%d</text>`+"\n", across(s, all), bottom+16, s/60)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">minutes after the opening</text>`+"\n", chartWidth-chartRight, bottom+32)
}

// across is the horizontal place of i of all.
func across(i, all int) string {
	return tenths(chartLeft*10 + (chartWidth-chartLeft-chartRight)*10*i/all)
}

// tenths writes tenths of a pixel. Whole numbers alone are computed with, so that
// every machine draws the same.
func tenths(n int) string {
	if n%10 == 0 {
		return strconv.Itoa(n / 10)
	}
	return strconv.Itoa(n/10) + "." + strconv.Itoa(n%10)
}

// nice is the next round number: 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6 or 8 times a
// power of ten, as far as that is whole.
func nice(n int) int {
	for power := 1; ; power *= 10 {
		for _, k := range []int{10, 12, 15, 20, 25, 30, 40, 50, 60, 80} {
			if k*power%10 == 0 && k*power/10 >= n {
				return k * power / 10
			}
		}
	}
}

// grouped writes a number with thousands apart.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// clock writes a time in minutes and seconds: 5:14.
func clock(d time.Duration) string {
	return fmt.Sprintf("%d:%02d", int(d/time.Minute), int(d%time.Minute/time.Second))
}
