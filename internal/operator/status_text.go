package operator

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// maxLine bounds what is shown of a log line: a screen's width or two.
const maxLine = 200

// write writes the report for people: what is wrong first.
func (r *report) write(w io.Writer) error {
	var b bytes.Buffer
	verdict := "all is well"
	switch {
	case len(r.Wrong) > 0:
		verdict = "needs attention"
	case len(r.Unread) > 0:
		verdict = "not all could be read"
	}
	fmt.Fprintf(&b, "%s %s in account %s, region %s: %s\n", r.System, r.Name, r.Account, r.Region, verdict)
	for _, line := range r.Wrong {
		fmt.Fprintf(&b, "  ! %s\n", line)
	}
	for _, line := range r.Unread {
		fmt.Fprintf(&b, "  ? %s\n", line)
	}
	b.WriteByte('\n')
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(label, format string, args ...any) {
		fmt.Fprintf(table, label+"\t"+format+"\n", args...) //nolint:errcheck // Flush tells
	}
	row("state", "%s, written by provider %s", r.State, r.Provider)
	switch {
	case r.AtWork == nil:
		row("at work", "nobody")
	case r.AtWork.Alive:
		row("at work", "%s (%s) since %s", r.AtWork.Who, r.AtWork.Operation, r.AtWork.Since.Format(time.RFC3339))
	default:
		row("at work", "%s (%s) since %s, without a sign of life", r.AtWork.Who, r.AtWork.Operation, r.AtWork.Since.Format(time.RFC3339))
	}
	for _, fact := range r.Facts {
		row(fact.Name, "%s", fact.Value)
	}
	row("functions", "SHA-256 %s", r.FunctionsSHA256)
	for _, key := range slices.Sorted(maps.Keys(r.Functions)) {
		f := r.Functions[key]
		row("  "+key, "version %s%s", orDash(f.LiveVersion), f.errorsText())
	}
	row("parts", "%d, %d differ, %d to be changed by this version", r.Parts, len(r.Drift), len(r.Pending))
	for _, key := range slices.Sorted(maps.Keys(r.Drift)) {
		row("  "+key, "%s", r.Drift[key])
	}
	if len(r.Overrides) > 0 {
		row("overrides", "%d", len(r.Overrides))
	}
	for _, argument := range slices.Sorted(maps.Keys(r.Overrides)) {
		o := r.Overrides[argument]
		row("  "+argument, "%s instead of %s, by %s at %s", o.Value, orDash(o.InsteadOf), orDash(o.By), orDash(o.At))
	}
	row("queues", "%d", len(r.Queues))
	for _, key := range slices.Sorted(maps.Keys(r.Queues)) {
		q := r.Queues[key]
		row("  "+key, "%d waiting, %d in flight, %d delayed", q.Visible, q.InFlight, q.Delayed)
	}
	ringing := 0
	for _, a := range r.Alarms {
		if a.State == "ALARM" {
			ringing++
		}
	}
	row("alarms", "%d, %d ringing", len(r.Alarms), ringing)
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := b.WriteTo(w)
	return err
}

func (f functionStatus) errorsText() string {
	if f.Errors == 0 {
		return ""
	}
	more := ""
	if f.Errors == maxErrors {
		more = " or more"
	}
	line := strings.Join(strings.Fields(f.LastError), " ")
	if len(line) > maxLine {
		line = strings.ToValidUTF8(line[:maxLine], "") + "..."
	}
	return fmt.Sprintf(", %d%s errors in the last %d minutes: %s", f.Errors, more, int(errorsWithin/time.Minute), line)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
