package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/internal/telemetry"
)

const (
	// publishLive is how old the status may be while a sale goes on, in milliseconds, though nothing changed.
	publishLive = 5000
	contentJSON = "application/json"
	// cacheLive and cacheIdle let a CDN answer those who ask, and a change be seen within five seconds.
	cacheLive = "max-age=2"
	cacheIdle = "max-age=5"
)

const (
	// PublishEvery is how often the figures of a sale are told at most: nobody asks more often (AskLeast), and each time costs as many writes as there are shards. A
	// change of the sale's state is told at once.
	PublishEvery = AskLeast * time.Second
	// ObjectEvery is how often the status is written to its object where fans read the board: it is for those who cannot.
	ObjectEvery = 15 * time.Second
)

// StatusObject is the key of the object that holds a sale's status.
func StatusObject(sale string) string { return "status/" + sale + ".json" }

// publish writes the status where it says something new, or is old.
func (r *round) publish(ctx context.Context) error {
	status, err := r.status(ctx)
	if err != nil {
		return err
	}
	if r.published == nil { // A new keeper goes by what is there.
		former, err := r.Store.ReadStatus(ctx, r.sale.ID, 0)
		if err != nil {
			return err
		}
		r.published, r.at = &former, former.At
	}
	live := r.state != Scheduled && r.state != Closed
	news, age := r.published.isNews(status), r.now-r.at
	if !news && !r.unshown && (age < PublishEvery.Milliseconds() || r.published.says(status) && (!live || age < publishLive)) {
		return nil
	}
	status.At = r.now
	status.Version = max(r.published.Version+1, r.now) // Only rises, whoever publishes.
	if !r.leased() {
		return errLeaseLost
	}
	r.unshown = true
	if err := r.show(ctx, status, news, live); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	r.unshown = false
	r.published, r.at = &status, r.now
	if !live { // Metrics cost where nothing happens.
		return nil
	}
	return r.Metrics.Emit(r.Clock.Now(), telemetry.Metric{Name: "Published", Unit: telemetry.Count, Value: 1},
		telemetry.Metric{Name: "Waiting", Unit: telemetry.Count, Value: float64(status.Waiting)}, telemetry.Metric{Name: "Open", Unit: telemetry.Count, Value: float64(status.Open)})
}

// show writes a status wherever it is read.
func (r *round) show(ctx context.Context, status Status, news, live bool) error {
	faults := []error{r.Store.PutStatus(ctx, status, r.Shards)}
	if r.Board != nil {
		faults = append(faults, r.Board.WriteOf(ctx, status.Sale, status.Compact()))
	}
	if r.Board == nil || news || r.now >= r.objectAt+ObjectEvery.Milliseconds() {
		faults = append(faults, r.putObject(ctx, status, live))
	}
	return errors.Join(faults...)
}

func (r *round) putObject(ctx context.Context, status Status, live bool) error {
	body, err := json.Marshal(status)
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	cache := cacheIdle
	if live {
		cache = cacheLive
	}
	r.objectAt = r.now
	return r.Objects.PutObject(ctx, StatusObject(r.sale.ID), body, contentJSON, cache)
}

// isNews says whether another status tells of more than figures that move all the time.
func (s Status) isNews(other Status) bool {
	drawn := (s.Draw == nil) != (other.Draw == nil) || s.Draw != nil && other.Draw != nil && *s.Draw != *other.Draw
	return drawn || s.State != other.State || s.OpensAt != other.OpensAt || s.ClosesAt != other.ClosesAt || s.DrawFrom != other.DrawFrom || s.Windows != other.Windows
}

// says whether a status says what another does, but for when.
func (s Status) says(other Status) bool {
	s.At, s.Version, other.At, other.Version = 0, 0, 0, 0
	one, errOne := json.Marshal(s)
	two, errTwo := json.Marshal(other)
	return errOne == nil && errTwo == nil && string(one) == string(two)
}

// status is what everybody may know now.
func (r *round) status(ctx context.Context) (Status, error) {
	p := r.progress
	p.called(0, r.now)
	status := Status{
		Sale: r.sale.ID, State: r.state, OpensAt: r.sale.OpensAt, ClosesAt: r.sale.ClosesAt, DrawFrom: r.sale.DrawFrom,
		Front: p.Front, Open: r.open, Windows: r.sale.Windows, Pace: p.pace(paceOver, r.now), PaceNow: p.pace(paceNow, r.now), Near: r.near(),
		Ask: AskEvery{Far: AskMost, Near: max(AskLeast, r.sale.Heartbeat/3)},
	}
	if r.draw.Stage != "" {
		status.Draw = &DrawStatus{
			Count: r.draw.Count, Commitment: r.draw.Commitment, ListSHA256: r.draw.ListSHA256, Round: r.draw.Round, Seed: r.draw.Seed,
		}
	}
	if status.Front.Line == "" {
		status.Front.Line = QueueLine
		if r.sale.Draws() {
			status.Front.Line = DrawLine
		}
	}
	if r.state == Scheduled || r.state == Gathering || r.state == Closed {
		return status, nil
	}
	ends, err := r.readEnds(ctx)
	if err != nil {
		return Status{}, err
	}
	if err := r.findGaps(ctx, ends); err != nil {
		return Status{}, err
	}
	status.Waiting = ends.drawn + ends.place - ends.ordinal(status.Front)
	for _, gap := range coarsen(p.Gaps) {
		status.Waiting -= gap.Count
		status.Gaps = append(status.Gaps, [3]any{gap.Line, gap.Place, gap.Count})
	}
	status.Waiting = max(0, status.Waiting)
	if status.Near > 0 && r.state == Open {
		p.askUpTo(ends.ordinal(status.Front)+status.Near, r.now, r.sale)
	}
	return status, nil
}

// findGaps goes on through the line behind the front, a hundred blocks in a round or as far as the next that is there, and notes the places of blocks that
// will never be there. It stays behind what placers may still write.
func (r *round) findGaps(ctx context.Context, ends lines) error {
	p := r.progress
	kept := p.Gaps[:0:0]
	for _, gap := range p.Gaps {
		if p.Front.Line == "" || before(p.Front, Place{gap.Line, gap.Place}) {
			kept = append(kept, gap)
		}
	}
	p.Gaps = kept
	var numbers []int64
	var blocks map[int64]Block
	for from, n := p.Scout.Block+1, int64(readAtOnce); len(blocks) == 0; from, n = from+n, blocksAfar {
		if from > ends.last {
			return nil // Nobody is behind what is missing.
		}
		numbers = numbers[:0]
		for number := from; number < from+n && number <= ends.last; number++ {
			numbers = append(numbers, number)
		}
		var err error
		if blocks, err = r.Store.ReadBlocks(ctx, r.sale.ID, QueueLine, numbers); err != nil {
			return err
		}
	}
	for _, number := range numbers {
		block, found := blocks[number]
		if !found {
			continue
		}
		if !r.tooLate(block.At) {
			break
		}
		if gap := (Gap{QueueLine, block.First - 1, block.First - 1 - p.Scout.Place}); gap.Count > 0 && before(p.Front, Place{gap.Line, gap.Place}) {
			p.Gaps = append(p.Gaps, gap)
		}
		p.Scout = scout{number, block.end()}
	}
	return nil
}

// PutStatus writes a status to all its shards, unless a later one stands there.
func (s *Store) PutStatus(ctx context.Context, status Status, shards int) error {
	text, err := json.Marshal(status)
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	return each(shards, func(shard int) error {
		_, err := s.put(ctx, s.Tables.State, dynamodb.Item{
			StateKey: dynamodb.String(statusID(status.Sale, shard)), "status": dynamodb.String(string(text)), "version": dynamodb.Number(status.Version),
		}, condition{"attribute_not_exists(#id) OR #version < :version", dynamodb.Item{":version": dynamodb.Number(status.Version)}})
		return err
	})
}

// ReadStatus returns a sale's status, eventually consistent; the zero Status where there is none.
func (s *Store) ReadStatus(ctx context.Context, sale string, shard int) (Status, error) {
	item, err := s.get(ctx, s.Tables.State, StateKey, statusID(sale, shard), false)
	if err != nil || len(item) == 0 {
		return Status{}, err
	}
	var status Status
	if err := json.Unmarshal([]byte(item["status"].Text()), &status); err != nil {
		return Status{}, fmt.Errorf("read the status of sale %s: %w", sale, err)
	}
	return status, nil
}

const leaseID = "lease"

// TakeLease takes or renews the lease for holder where nobody else holds it at now, and says whether it did.
func (s *Store) TakeLease(ctx context.Context, holder string, now, until time.Time) (bool, error) {
	return s.put(ctx, s.Tables.State, leaseItem(holder, until), condition{"attribute_not_exists(#id) OR #until <= :now OR #holder = :holder",
		dynamodb.Item{":now": dynamodb.Number(ms(now)), ":holder": dynamodb.String(holder)}})
}

// ReleaseLease ends the lease if holder has it.
func (s *Store) ReleaseLease(ctx context.Context, holder string) error {
	_, err := s.put(ctx, s.Tables.State, leaseItem(holder, time.UnixMilli(0)), condition{"#holder = :holder", dynamodb.Item{":holder": dynamodb.String(holder)}})
	return err
}

func leaseItem(holder string, until time.Time) dynamodb.Item {
	return dynamodb.Item{StateKey: dynamodb.String(leaseID), "holder": dynamodb.String(holder), "until": dynamodb.Number(ms(until))}
}
