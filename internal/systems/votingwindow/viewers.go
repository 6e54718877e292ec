package votingwindow

import (
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

// fromStatusTable reports whether viewers read results from a table.
func (m *Model) fromStatusTable() bool {
	return textOf(m.Site, "results_from", pages.FromSite) == pages.FromTable
}

// statusTable is the table that viewers read, where they do.
func (w *window) statusTable() {
	if !w.m.fromStatusTable() {
		return
	}
	t := w.Table("status", blueprint.Table{Key: votingwindow.StatusKey, Warm: blueprint.Throughput{Reads: intOf(w.m.Site, "warm_reads", 0)}})
	w.status = &t
}

// publishViewers is the function that publishes the viewers' credential beside
// the page, where they read a table.
func (w *window) publishViewers() {
	if w.status == nil {
		return
	}
	const key = "viewers"
	role := w.AssumableRole("viewer", key, w.status.GetOnly(votingwindow.StatusKey, votingwindow.StatusAttribute))
	w.handOut(key, role, votingwindow.ViewersObject, votingwindow.ViewersConfig{
		Base: w.base, Window: w.rules, TalliesTable: w.tallies.Name(), ViewerRoleARN: role.ARN(), ViewerRoleID: role.ID(),
		StatusTable: w.status.Name(), StatusTableARN: w.status.ARN(), ResultsBucket: w.results.Name(), KMSKeyARN: w.Settings().KMSKeyARN,
	})
}

// Sizes in bytes, and spans, of what viewers' pages ask.
const (
	// objectHeaders are those of S3's answers: 12, those for browsers among them. Of
	// the distribution they are those of HTTP/2, which it speaks with every
	// browser: 22 of 770 bytes, compressed (RFC 7541) to 450 in a connection's first
	// answer, for which each is taken, and to 140 in the next.
	objectHeaders = 450
	// lineHead is what stands before the figures in a line of the status table,
	// boardAnswer what DynamoDB's answer is beside it: 380 of headers, with those
	// for browsers, and the names in its JSON.
	lineHead, boardAnswer = 50, 410
	// preflights are the answers to what a browser asks before its first read of
	// another origin. Chromium keeps one for two hours, Safari for ten minutes
	// (MDN, Access-Control-Max-Age), so that some ask twice.
	preflights, preflightBytes = 2, 500
	// A page asks every quickPoll for half a minute and every slowPoll after; see
	// the guide on the page.
	quickPoll, slowPoll, quickFor = 5 * time.Second, 15 * time.Second, 30 * time.Second
	// edgeHits is the share of polls that the distribution answers itself: an
	// object of four seconds is asked for by many in each.
	edgeHits = 0.99
)

// viewers is what the pages ask: each once for itself, and for results as often
// as the page does. Of a status table's results the first are the object's.
func (w *window) viewers(n float64, open, closing time.Duration, figures float64) {
	if n == 0 {
		return
	}
	choices := int64(len(w.rules.Choices()))
	results := objectHeaders + float64(votingwindow.ResultsBytes(w.rules, int64(composite.Expected(w.m.ExpectedLoad, "votes", 0))/choices))
	watched := open + closing
	polls := quickFor.Seconds()/quickPoll.Seconds() + max(0, watched-quickFor).Seconds()/slowPoll.Seconds()
	switch refresh := intOf(w.m.Site, "refresh_seconds", 0); {
	case orText(w.m.Results, resultsLive) == resultsAfterClose:
		polls = closing.Seconds() / slowPoll.Seconds()
	case refresh > 0:
		polls = watched.Seconds() / float64(refresh)
	}
	visit := blueprint.Load{Unit: "visit", Count: n, Over: watched}
	objects := polls
	if w.status != nil {
		objects = min(1, polls)
		read := blueprint.Load{Unit: "read of the status", Count: n * (polls - objects), Over: watched}
		line := lineHead + figures
		w.PerEvent(read, blueprint.Eventually(w.status.Gets(1, line)), w.status.Answers(1, boardAnswer+line))
		w.PerEvent(visit, w.serves(1, credentialBytes), w.status.Answers(preflights, preflightBytes))
	}
	if w.door.Credentials != "" {
		w.PerEvent(visit, w.serves(1, credentialBytes))
	}
	w.PerEvent(blueprint.Load{Unit: "poll", Count: n * objects, Over: watched}, w.serves(1, results))
	w.PerEvent(visit, w.serves(2, w.pageBytes/2+objectHeaders))
}

// serves is what it costs to serve n objects of the site.
func (w *window) serves(n, bytes float64) []blueprint.Operation {
	if w.cdn != nil {
		return w.cdn.Serves(n, bytes, edgeHits)
	}
	return w.results.Serves(n, bytes)
}

// shows is what it costs to write the status table while results are live. Each
// round says something new while votes come.
func (w *window) shows(live, every time.Duration, figures float64) {
	if w.status == nil {
		return
	}
	w.PerEvent(blueprint.Load{Unit: "showing of the status", Count: live.Seconds() / every.Seconds(), Over: live},
		w.status.Puts(votingwindow.StatusShards, lineHead+figures))
}
