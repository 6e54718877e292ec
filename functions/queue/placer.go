package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/parallel"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

// PlacerStore is where a placer reads and writes. Every write is conditional, or gives numbers that nobody else has.
type PlacerStore interface {
	// ReadFans returns the records of fans by id. Those without one are not in it.
	ReadFans(ctx context.Context, sale string, ids []string, consistent bool) (map[string]Fan, error)
	// ReadDraw returns a sale's draw, strongly consistent; the zero Draw where there is none.
	ReadDraw(ctx context.Context, sale string) (Draw, error)
	// ReadBlocks returns blocks of a line by number, strongly consistent. Those that are missing are not in it.
	ReadBlocks(ctx context.Context, sale, line string, numbers []int64) (map[int64]Block, error)
	// TakeRange takes the next n places of a line, for ever, and the number of the block that holds them. If the answer is lost they belong to nobody.
	TakeRange(ctx context.Context, sale, line string, n int) (block, first int64, err error)
	// PutBlock writes a block unless it stands.
	PutBlock(ctx context.Context, block Block) error
	// InsertFans makes records, each unless its fan has one, and says of each what became of it. err is why anything is unknown.
	InsertFans(ctx context.Context, fans []Fan) ([]dynamodb.Insertion, error)
	// ReplaceFan gives a fan who is over a new place, by a greater attempt. It says whether it did.
	ReplaceFan(ctx context.Context, fan Fan, now int64) (bool, error)
	// ReplaceByDrawn gives a fan who waits in the queue since another device joined, too, the place that was drawn. It says whether it did.
	ReplaceByDrawn(ctx context.Context, fan Fan) (bool, error)
	// PutArrivals keeps those who came before the draw, under an id that nobody else has.
	PutArrivals(ctx context.Context, sale, id string, fans []string, expires int64) error
}

// Placer gives each fan a place in a line.
//
// A batch takes one range of places from the line's counter, writes it down as a block, and then makes the fans' records, each unless there is
// one. A place is what the record says, so it is written once, whatever is delivered how often in whatever order; what another batch meant
// to write is a gap. Within a batch fans are in the order in which SQS took them; among batches by when the counter was asked, so that a fan can be before
// another who came earlier by as long as messages wait for their batch.
//
// The counter is written once for a batch of up to a hundred, so that 20,000 joins a second are 200 writes a second: DynamoDB takes a thousand on one
// item (DynamoDB Developer Guide, "Best practices for designing and using partition keys effectively").
type Placer struct {
	Sales     *Sales
	Store     PlacerStore
	Clock     clock.Clock
	NewID     func() string // An id that nobody else has.
	Retention time.Duration // From joining until a record expires; 0 for never.
	Log       *slog.Logger
	Metrics   *telemetry.Metrics
}

// arrival is one message.
type arrival struct {
	id      string
	sent    int64 // Milliseconds since 1970, by SQS's clock.
	first   bool  // SQS has delivered it to nobody before, as far as it knows.
	message Message
	err     error // Why it must come again.
}

// Handle places one batch and names the messages that must come again. A message that is none fails until its queue sets it aside.
func (p *Placer) Handle(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
	ctx, cancel := clock.ToAnswer(ctx)
	defer cancel()
	arrivals := make([]arrival, len(event.Records))
	groups := map[string][]*arrival{} // By sale and line.
	for i, record := range event.Records {
		arrivals[i] = readArrival(record)
		arrival := &arrivals[i]
		if arrival.err == nil {
			groups[arrival.message.Sale] = append(groups[arrival.message.Sale], arrival)
		}
	}
	var placed int
	for id, group := range groups {
		err := parallel.Guarded(func() error {
			n, err := p.sale(ctx, id, group)
			placed += n
			return err
		})
		if err == nil {
			continue
		}
		for _, arrival := range group {
			arrival.err = cmp.Or(arrival.err, err)
		}
	}
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, arrival := range arrivals {
		if arrival.err != nil {
			p.Log.WarnContext(ctx, "place", "message", arrival.id, "error", arrival.err)
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: arrival.id})
		}
	}
	err := p.Metrics.Emit(p.Clock.Now(), telemetry.Metric{Name: "Placed", Unit: telemetry.Count, Value: float64(placed)},
		telemetry.Metric{Name: "Failed", Unit: telemetry.Count, Value: float64(len(response.BatchItemFailures))})
	if err != nil {
		p.Log.WarnContext(ctx, "emit metrics", "error", err)
	}
	return response, nil
}

func readArrival(record events.SQSMessage) arrival {
	read := arrival{id: record.MessageId}
	if read.message, read.err = readMessage(record.Body); read.err != nil {
		read.err = fmt.Errorf("read message: %w", read.err)
		return read
	}
	read.first = record.Attributes["ApproximateReceiveCount"] == "1"
	read.sent, read.err = strconv.ParseInt(record.Attributes["SentTimestamp"], 10, 64)
	return read
}

// sale places the arrivals of one sale, and returns how many got a place.
func (p *Placer) sale(ctx context.Context, id string, group []*arrival) (placed int, err error) {
	sale, err := p.Sales.InForce(ctx, id)
	if err != nil {
		return 0, err
	}
	lines := map[string][]*arrival{}
	var early []*arrival
	for _, arrival := range group {
		switch {
		case arrival.message.Block != 0:
			arrival.err = p.drawn(ctx, sale, arrival)
		case arrival.message.Probe:
			lines[ProbeLine] = append(lines[ProbeLine], arrival)
		case sale.Draws() && arrival.sent < sale.OpensAt:
			early = append(early, arrival)
		default:
			lines[QueueLine] = append(lines[QueueLine], arrival)
		}
	}
	if len(early) > 0 {
		kept, err := p.keep(ctx, sale, early)
		switch {
		case err != nil:
			for _, arrival := range early {
				arrival.err = err
			}
		case !kept: // The list is closed: they came after it.
			lines[QueueLine] = append(lines[QueueLine], early...)
		}
	}
	for line, arrivals := range lines {
		n, err := p.place(ctx, sale, line, arrivals)
		placed += n
		for _, arrival := range arrivals {
			arrival.err = cmp.Or(arrival.err, err)
		}
	}
	return placed, nil
}

// keep writes down those who came before the draw, while its list is open. It says whether it did. Nothing is written later than an invocation may take,
// for which the keeper waits between closing the list and reading it.
func (p *Placer) keep(ctx context.Context, sale Sale, early []*arrival) (bool, error) {
	draw, err := p.Store.ReadDraw(ctx, sale.ID)
	if err != nil || !draw.listOpen() {
		return false, err
	}
	fans := make([]string, len(early))
	for i, arrival := range early {
		fans[i] = arrival.message.Fan
	}
	slices.Sort(fans)
	return true, p.Store.PutArrivals(ctx, sale.ID, p.NewID(), slices.Compact(fans), p.expires(sale.OpensAt))
}

// drawn makes the records of one block of the draw.
func (p *Placer) drawn(ctx context.Context, sale Sale, arrival *arrival) error {
	number := arrival.message.Block
	blocks, err := p.Store.ReadBlocks(ctx, sale.ID, DrawLine, []int64{number})
	if err != nil {
		return err
	}
	block, found := blocks[number]
	if !found {
		return fmt.Errorf("there is no block %d of the draw", number)
	}
	records := block.records(p.expires(block.At))
	done, err := p.Store.InsertFans(ctx, records)
	return errors.Join(err, each(len(done), func(i int) (err error) {
		if done[i] == dynamodb.Taken { // By this block's own delivery before, or by who came from another device meanwhile.
			_, err = p.Store.ReplaceByDrawn(ctx, records[i])
		}
		return err
	}))
}

// records are the records of a block of the draw.
func (b Block) records(expires int64) []Fan {
	fans := make([]Fan, len(b.Fans))
	for i, id := range b.Fans {
		fans[i] = Fan{Sale: b.Sale, ID: id, Line: b.Line, Place: b.First + int64(i), Joined: b.At, Expires: expires}
	}
	return fans
}

// place gives those a place who have none, and returns how many. At each arrival it notes why it must come again.
func (p *Placer) place(ctx context.Context, sale Sale, line string, arrivals []*arrival) (int, error) {
	first := firsts(arrivals)
	standing, err := p.standing(ctx, sale.ID, first)
	if err != nil {
		return 0, err
	}
	now := ms(p.Clock.Now())
	fresh := slices.DeleteFunc(first, func(arrival *arrival) bool {
		fan, found := standing[arrival.message.Fan]
		return found && (!fan.over(now) || fan.Attempt >= arrival.message.Attempt)
	})
	if len(fresh) == 0 {
		return 0, nil
	}
	block := Block{Sale: sale.ID, Line: line, At: now, Expires: p.expires(now), Fans: make([]string, len(fresh))}
	if block.Number, block.First, err = p.Store.TakeRange(ctx, sale.ID, line, len(fresh)); err != nil {
		return 0, err
	}
	var inserted, replaced []Fan
	for i, arrival := range fresh {
		message := arrival.message
		block.Fans[i] = message.Fan
		fan := Fan{
			Sale: sale.ID, ID: message.Fan, Line: line, Place: block.First + int64(i), Joined: arrival.sent, Attempt: message.Attempt,
			Probe: message.Probe, Expires: p.expires(arrival.sent),
		}
		if _, found := standing[message.Fan]; found {
			replaced = append(replaced, fan)
		} else {
			inserted = append(inserted, fan)
		}
	}
	// Before the records: the keeper finds fans by their blocks.
	if err := p.Store.PutBlock(ctx, block); err != nil {
		return 0, err
	}
	return p.write(ctx, inserted, replaced, now, arrivals)
}

// standing are the records of the fans who are likely to have one, by id: whose message comes again, or who join anew. A record is written once whether it was
// read or not; whoever has one all the same leaves a gap. That is why the read may be eventually consistent, for half the price, too.
func (p *Placer) standing(ctx context.Context, sale string, arrivals []*arrival) (map[string]Fan, error) {
	var ids []string
	for _, arrival := range arrivals {
		if !arrival.first || arrival.message.Attempt > 0 {
			ids = append(ids, arrival.message.Fan)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return p.Store.ReadFans(ctx, sale, ids, false)
}

// patience is for records whose fans have their places. Sent back to the queue they would come again after its visibility time-out, minutes later, and get places behind
// all who came meanwhile.
var patience = dynamodb.Patience{First: 100 * time.Millisecond, Most: 3200 * time.Millisecond, For: 6400 * time.Millisecond}

// write makes the records, and notes at the arrivals of each whose record may not stand that they must come again.
func (p *Placer) write(ctx context.Context, inserted, replaced []Fan, now int64, arrivals []*arrival) (placed int, err error) {
	unsure := map[string]bool{}
	done, insertErr := dynamodb.InsertPatiently(ctx, p.Clock, patience, inserted, p.Store.InsertFans)
	for i, insertion := range done {
		switch insertion {
		case dynamodb.Inserted:
			placed++
		case dynamodb.Unknown:
			unsure[inserted[i].ID] = true
		}
	}
	stands := make([]bool, len(replaced))
	replaceErr := each(len(replaced), func(i int) error {
		written, err := p.Store.ReplaceFan(ctx, replaced[i], now)
		stands[i] = written
		return err
	})
	for i := range replaced {
		if stands[i] {
			placed++
		} else { // Somebody else was faster, or the answer was lost: the next delivery finds out.
			unsure[replaced[i].ID] = true
		}
	}
	if len(unsure) == 0 {
		return placed, nil
	}
	again := cmp.Or(errors.Join(insertErr, replaceErr), errAgain)
	for _, arrival := range arrivals {
		if unsure[arrival.message.Fan] {
			arrival.err = again
		}
	}
	return placed, nil
}

var errAgain = errors.New("the fan's record changed at the same moment")

// firsts are the arrivals without those of a fan who is there twice, of whom the greatest attempt counts, and the earliest of it; by when SQS took them.
func firsts(arrivals []*arrival) []*arrival {
	ordered := slices.Clone(arrivals)
	slices.SortFunc(ordered, func(a, b *arrival) int {
		return cmp.Or(cmp.Compare(a.message.Fan, b.message.Fan), -cmp.Compare(a.message.Attempt, b.message.Attempt), inOrder(a, b))
	})
	ordered = slices.CompactFunc(ordered, func(a, b *arrival) bool { return a.message.Fan == b.message.Fan })
	slices.SortFunc(ordered, inOrder)
	return ordered
}

func inOrder(a, b *arrival) int { return cmp.Or(cmp.Compare(a.sent, b.sent), cmp.Compare(a.id, b.id)) }

func (p *Placer) expires(at int64) int64 { return expiresAfter(p.Retention, at) }

// expiresAfter is when a record of a time in milliseconds expires, in seconds; 0 for never, as where the retention is 0.
func expiresAfter(retention time.Duration, at int64) int64 {
	if retention == 0 {
		return 0
	}
	return (at + retention.Milliseconds()) / 1000
}
