package votingwindow

import (
	"fmt"
	"strings"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/status"
)

const (
	// StatusKey is the status table's partition key; StatusAttribute is all that viewers may see of its items.
	StatusKey       = status.Key
	StatusAttribute = status.Attribute
	// StatusShards is how many items say the same: 600,000 reads a second, which is three million viewers each of whom asks every five
	// seconds, in four calls of 25 items. It is the same for all windows, so that pages that are open know it whatever is applied.
	StatusShards = 100
	// statusEvery is how often the shards are written where nothing new is to be said. A page takes those whose time is a minute ago for
	// left behind, and a handover of publishers takes up to leaseFor.
	statusEvery = 30 * time.Second
)

// Compact writes results in one line for the status table, as short as can be, since all viewers pay for each byte every few seconds:
//
//	5 open 1900000004 1900000000 1900000600 vote/anna=7,bruno=5 outfit/red=3,gold=9
//
// These are the version, the status, as_of, opens_at and closes_at in seconds since 1970, the latter two with a fraction where they have one, and
// the figures of each question; none where the figures are kept back. Totals are the sums. Nothing in it need be escaped in JSON.
func (r Results) Compact(window Window) (string, error) {
	var line strings.Builder
	fmt.Fprintf(&line, "%d %s", r.Version, r.Status)
	for i, text := range []string{r.AsOf, r.OpensAt, r.ClosesAt} {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return "", fmt.Errorf("write results in one line: %w", err)
		}
		if i == 0 {
			at = at.Truncate(time.Second) // Nobody looks at more.
		}
		line.WriteString(" " + seconds(at))
	}
	if r.Questions == nil {
		return line.String(), nil
	}
	for _, question := range window.Questions {
		ids := strings.Split(question, "/")
		separator := " " + ids[0] + "/"
		for _, id := range ids[1:] {
			fmt.Fprintf(&line, "%s%s=%d", separator, id, r.Questions[ids[0]].Answers[id])
			separator = ","
		}
	}
	return line.String(), nil
}

// seconds writes a moment in seconds since 1970, with milliseconds where there are some.
func seconds(at time.Time) string {
	ms := at.UnixMilli()
	if ms%1000 == 0 {
		return fmt.Sprint(ms / 1000)
	}
	return fmt.Sprintf("%d.%03d", ms/1000, ms%1000)
}
