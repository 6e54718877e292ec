package queue

import (
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/config"
	"github.com/burstline/terraform-provider-serverless/functions/queue"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

const (
	// boardShards is the least number of items that say the same of a sale: each
	// answers 6,000 eventually consistent reads a second (DynamoDB Developer Guide,
	// "DynamoDB burst and adaptive capacity": 3,000 read units), and a new table
	// 24,000 in all.
	boardShards = 8
	shardUnits  = 3000
)

// fromStatusTable reports whether fans read the status from a table.
func (m *Model) fromStatusTable() bool {
	return textOf(m.Site, "status_from", pages.FromSite) == pages.FromTable
}

// boardShards is how many items hold each sale's status: enough for all that the
// table takes at once, in one call of the keeper's.
func (m *Model) boardShards() int {
	return min(max(intOf(m.Site, "warm_reads", 0)/shardUnits, boardShards), queue.MaxBoardShards)
}

// statusTable is the table that fans read, where they do.
func (r *room) statusTable() {
	if !r.m.fromStatusTable() {
		return
	}
	t := r.Table("status", blueprint.Table{Key: queue.BoardKey, Warm: blueprint.Throughput{Reads: intOf(r.m.Site, "warm_reads", 0)}})
	r.board = &t
}

// publishReaders is the function that publishes the fans' credential beside the
// page, where they read a table. It looks each minute, so that a sale that is
// changed while it is open has them at once.
func (r *room) publishReaders() {
	if r.board == nil {
		return
	}
	const key = "readers"
	role := r.AssumableRole("reader", key, r.board.GetOnly(queue.BoardKey, queue.BoardAttribute))
	f := r.function(key, blueprint.Function{
		MemoryMB: 256, Timeout: shortTimeout,
		Environment: config.Environ(queue.ReadersConfig{
			Base: r.base, Tables: queue.Tables{Sales: r.salesTable.Name()}, ReaderRoleARN: role.ARN(), ReaderRoleID: role.ID(), StatusTable: r.board.Name(), StatusTableARN: r.board.ARN(),
			BoardShards: r.m.boardShards(), Bucket: r.pages.Name(), KMSKeyARN: r.Settings().KMSKeyARN,
		}),
		Grants: [][]blueprint.Grant{
			role.Assume(), role.RevokeSessions(), r.salesTable.Scan(), r.pages.List(),
			r.pages.Put(queue.ReadersObject), r.pages.Get(queue.ReadersObject), r.pages.Delete(queue.ReadersObject),
		},
	})
	r.EveryMinute(key+"-tick", f, "{}")
}

// Sizes in bytes of what a fan's page asks of the status table.
const (
	// credentialBytes is readers.json, most of it AWS's session token.
	credentialBytes = 1900
	// boardAnswer is what DynamoDB's answer is beside the line: 380 of headers, with
	// those for browsers, and the names in its JSON.
	boardAnswer = 410
	lineOfBoard = 95 // The status in one line, without gaps.
	// preflights are the answers to what a browser asks before its first read of
	// another origin. Chromium keeps one for two hours, Safari for ten minutes
	// (MDN, Access-Control-Max-Age), so that of those who wait for twenty minutes
	// the half asks twice that Safari is taken to have.
	preflights, preflightBytes = 1.5, 500
	// hesitating is the share of fans who look at the page of an open sale for longer
	// than it waits for them to join: it reads by itself then what joining brings. So
	// does each page that is opened before the sale, of which a forecast knows nothing.
	hesitating = 0.1
)

// unbrought is the share of fans whose page reads the first status by itself, and
// what it reads the table with: all, where joining does not bring it.
func (r *room) unbrought() float64 {
	if r.board == nil || r.m.byIdentity() || !r.m.hasPage() || r.sales[0].DrawFrom != 0 {
		return 1
	}
	return hesitating
}

// asks is what it costs that pages ask for the status.
func (r *room) asks(polls float64, wait time.Duration, fans float64) {
	if r.board == nil {
		r.PerEvent(blueprint.Load{Unit: "poll", Count: fans * polls, Over: wait}, r.serves(1, statusBytes+objectHeaders))
		return
	}
	unbrought := r.unbrought()
	r.PerEvent(blueprint.Load{Unit: "poll", Count: fans * (polls - 1 + unbrought), Over: wait}, blueprint.Eventually(r.board.Gets(1, lineOfBoard)), r.board.Answers(1, boardAnswer+lineOfBoard))
	r.PerEvent(blueprint.Load{Unit: "visit", Count: fans, Over: wait}, r.serves(unbrought, credentialBytes+objectHeaders), r.board.Answers(preflights, preflightBytes))
}
