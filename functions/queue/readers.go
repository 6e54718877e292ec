package queue

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/burstline/terraform-provider-serverless/functions/internal/session"
	"github.com/burstline/terraform-provider-serverless/functions/internal/status"
)

const (
	// ReadersObject is the public object beside the page with which fans read the status table themselves.
	ReadersObject = "readers.json"
	// BoardKey is the status table's partition key; BoardAttribute is all that fans may see of its items.
	BoardKey       = status.Key
	BoardAttribute = status.Attribute
	// MaxBoardShards is what one call writes.
	MaxBoardShards = 25

	// readersLead before fans can join there are credentials, and readersStay after a sale has closed.
	readersLead = 30 * time.Minute
	readersStay = 10 * time.Minute
)

// PublishedReaders is readers.json.
type PublishedReaders = status.Published

// SalesReader reads all sales.
type SalesReader interface {
	// ReadSales returns all sales as they are in force, the ids of those of which EndOverrides would take something away, and an error for those that cannot be
	// read.
	ReadSales(ctx context.Context) (sales []Sale, ended []string, err error)
}

// Readers publishes short-lived credentials beside the page, with which fans read the status table and can do nothing else. A tick comes each minute;
// while no sale is near or open there is no object.
type Readers struct {
	Sales       SalesReader
	Publication *session.Publication
}

// Handle is one tick. With the event `{"revoke":true}` it first refuses all credentials that were issued before.
func (r *Readers) Handle(ctx context.Context, event json.RawMessage) (session.Answer, error) {
	return r.Publication.Handle(ctx, event, r.due)
}

// due says whether there should be credentials now. A sale that cannot be read keeps no other from having them.
func (r *Readers) due(ctx context.Context) (bool, error) {
	sales, _, err := r.Sales.ReadSales(ctx)
	now := ms(r.Publication.Clock.Now())
	for _, sale := range sales {
		if sale.isWatched(now) {
			return true, nil
		}
	}
	return false, err
}

// isWatched says whether pages may read the sale's status from the table.
func (s Sale) isWatched(now int64) bool {
	switch s.State {
	case Open:
		return true
	case Closed:
		return false
	default:
		return now >= s.JoinsFrom()-readersLead.Milliseconds() && (s.ClosesAt == 0 || now < s.ClosesAt+readersStay.Milliseconds())
	}
}

// ReaderSessions are what readers.json has: sessions of the readers' role that may read the status table's items.
func ReaderSessions(cfg aws.Config, c ReadersConfig) *session.Publication {
	return status.Readers{
		Object: ReadersObject, Name: "readers", RoleARN: c.ReaderRoleARN, Table: c.StatusTable, TableARN: c.StatusTableARN, Shards: c.BoardShards, KMSKeyARN: c.KMSKeyARN,
	}.Sessions(cfg)
}

// Compact writes a status in one line for the status table, as short as can be, since every fan pays for each byte of it ten times and more:
//
//	1900000004000 open 1900000000000 1900028800000 - - q1204 48796 50 50 3.5 3.42 525 120 20 q1300+2
//
// These are the time, the state, when the sale opens and closes and when its pre-queue opened, how many were drawn, the front, who waits, windows that a fan has and
// windows, both paces, how many are near the front, both spans of asking, and the gaps: the letter of the line, the last place, how many. A dash is nothing.
// Nothing in it need be escaped in JSON.
func (s Status) Compact() string {
	drawn := "-"
	if s.Draw != nil {
		drawn = strconv.FormatInt(s.Draw.Count, 10)
	}
	fields := []string{
		strconv.FormatInt(s.At, 10), string(s.State), orDash(s.OpensAt), orDash(s.ClosesAt), orDash(s.DrawFrom), drawn,
		letter(s.Front.Line) + strconv.FormatInt(s.Front.Place, 10), strconv.FormatInt(s.Waiting, 10), strconv.Itoa(s.Open), strconv.Itoa(s.Windows),
		strconv.FormatFloat(s.Pace, 'f', -1, 64), strconv.FormatFloat(s.PaceNow, 'f', -1, 64),
		strconv.FormatInt(s.Near, 10), strconv.FormatInt(s.Ask.Far, 10), strconv.FormatInt(s.Ask.Near, 10),
	}
	for _, gap := range s.gaps() {
		fields = append(fields, letter(gap.Line)+strconv.FormatInt(gap.Place, 10)+"+"+strconv.FormatInt(gap.Count, 10))
	}
	return strings.Join(fields, " ")
}

func orDash(n int64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

// letter is that of a line.
func letter(line string) string { return line[:min(1, len(line))] }
