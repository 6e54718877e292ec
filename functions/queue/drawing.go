package queue

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/queue/verifydraw"
)

const (
	// drawBlock is how many places a block of the draw has.
	drawBlock = 100
	// drawAtOnce is how many blocks of the draw one round writes and sends.
	drawAtOnce = 500
	// comeIn is how long after the opening those who joined before it still come to the list: most join in its last seconds, and a queue gathers batches for a second
	// and hands out a crowd's more slowly than it comes.
	comeIn = 10 * time.Second
	// beaconLead is how long before its round the list is published at least.
	beaconLead = 5 * time.Second
	// beaconPatience is how long after its time a round is waited for. Then the draw is made without it, and says so: fans wait.
	beaconPatience = 2 * time.Minute
	// sendAtOnce is how many messages one call sends.
	sendAtOnce = 10
)

// DrawStore is where a draw is kept.
type DrawStore interface {
	// ReadDraw returns a sale's draw, strongly consistent; the zero Draw where there is none.
	ReadDraw(ctx context.Context, sale string) (Draw, error)
	// PutDraw writes a draw where the one before it, of Version one less, stands, and says whether it did.
	PutDraw(ctx context.Context, sale string, draw Draw) (bool, error)
	// ReadArrivals returns all who came before the draw, strongly consistent, some of them more than once.
	ReadArrivals(ctx context.Context, sale string) ([]string, error)
	// PutBlock writes a block unless it stands.
	PutBlock(ctx context.Context, block Block) error
}

// Beacons are public sources of randomness.
type Beacons interface {
	// Chain returns what makes the hash of a beacon's chain, having checked that it does.
	Chain(ctx context.Context, beacon Beacon) (verifydraw.Chain, error)
	// Signature returns that of a round that has come, in hex. It is not checked.
	Signature(ctx context.Context, beacon Beacon, round int64) (string, error)
}

// ListObject is the key of the object with the closed list of a sale's draw, one fan's id a line.
func ListObject(sale string) string { return "draw/" + sale + ".txt" }

// ProofObject is the key of the object with what else is needed to draw again: a verifydraw.Proof.
func ProofObject(sale string) string { return "draw/" + sale + ".json" }

func blocksOf(places int64) int64 { return (places + drawBlock - 1) / drawBlock }

// advance takes the draw one step further where one is due. Each step is written where the one before it stands, and can be taken again: what it does before
// is the same however often it is done.
func (r *round) advance(ctx context.Context) error {
	d := *r.draw
	opened := r.state == Drawing
	switch d.Stage {
	case "":
		secret := r.Random()
		d.Stage, d.Secret, d.Commitment = DrawCommitted, hex.EncodeToString(secret), verifydraw.Sum(secret)
	case DrawCommitted:
		if !opened || r.now >= r.sale.OpensAt && r.now < r.sale.OpensAt+comeIn.Milliseconds() {
			return nil
		}
		d.Stage, d.ClosedAt = DrawClosed, r.now
	case DrawClosed:
		if !r.tooLate(d.ClosedAt) { // Who was on the way to the list when it closed arrives.
			return nil
		}
		if err := r.closeList(ctx, &d); err != nil {
			return fmt.Errorf("close the list: %w", err)
		}
	case DrawListed:
		if drawn, err := r.seed(ctx, &d); err != nil || !drawn {
			return err
		}
	case DrawDrawn:
		if err := r.placeDrawn(ctx, &d); err != nil {
			return fmt.Errorf("place the drawn: %w", err)
		}
	default:
		return nil
	}
	// Also where the lease ran out meanwhile, as it may over a list of a million: another keeper does the same, and the first that is done goes on.
	d.Version++
	written, err := r.Store.PutDraw(ctx, r.sale.ID, d)
	if err != nil {
		return err
	}
	if !written {
		return errOvertaken
	}
	r.Log.InfoContext(ctx, "draw", "sale", r.sale.ID, "stage", d.Stage, "count", d.Count, "blocks", d.Blocks)
	*r.draw = d
	return nil
}

// closeList reads who came, writes the list down, and names the beacon's round.
func (r *round) closeList(ctx context.Context, d *Draw) error {
	list, err := r.Store.ReadArrivals(ctx, r.sale.ID)
	if err != nil {
		return err
	}
	slices.Sort(list)
	list = slices.Compact(list)
	text := verifydraw.ListText(list)
	if err := r.Objects.PutObject(ctx, ListObject(r.sale.ID), text, "text/plain", "max-age=60"); err != nil {
		return err
	}
	r.list = list
	d.Stage, d.Count, d.ListSHA256, d.ListedAt = DrawListed, int64(len(list)), verifydraw.Sum(text), r.now
	if r.sale.Beacon == nil {
		return nil
	}
	at := max(r.sale.OpensAt+r.sale.Beacon.RoundAfter*1000, r.now+beaconLead.Milliseconds())
	chain, err := r.Beacons.Chain(ctx, *r.sale.Beacon)
	if err == nil {
		d.Chain = chain
		d.Round, d.RoundAt = chain.RoundAt(at)
		return nil
	}
	if r.now < d.ClosedAt+beaconPatience.Milliseconds() {
		return fmt.Errorf("ask the beacon which round comes: %w", err)
	}
	d.Missed = true
	return nil
}

// seed makes the seed when the beacon's round has come, and says whether it did.
func (r *round) seed(ctx context.Context, d *Draw) (bool, error) {
	switch {
	case d.Round == 0 || d.Missed:
	case r.sale.Beacon == nil: // It was taken away since.
		d.Missed = true
	case r.now < d.RoundAt:
		return false, nil
	default:
		err := r.ask(ctx, d)
		if err == nil {
			break
		}
		if r.now < d.RoundAt+beaconPatience.Milliseconds() {
			return false, fmt.Errorf("ask the beacon for round %d: %w", d.Round, err)
		}
		d.Missed = true
	}
	var err error
	if d.Seed, err = verifydraw.Seed(d.Secret, d.ListSHA256, d.Randomness); err != nil {
		return false, err
	}
	d.Stage = DrawDrawn
	proof := verifydraw.Proof{
		Sale: r.sale.ID, Secret: d.Secret, Commitment: d.Commitment, Count: d.Count, ListSHA256: d.ListSHA256, ListedAt: clockText(d.ListedAt),
		Round: d.Round, Randomness: d.Randomness, Signature: d.Signature, BeaconMissed: d.Missed, Seed: d.Seed,
	}
	if b := r.sale.Beacon; b != nil {
		proof.Beacon, proof.Chain, proof.ChainInfo = b.URL, b.Chain, d.Chain
	}
	if d.Round != 0 {
		proof.RoundAt = clockText(d.RoundAt)
	}
	body, err := json.Marshal(proof) //nolint:gosec // The secret is public from here on, which proves the draw.
	if err != nil {
		return false, fmt.Errorf("encode the draw's proof: %w", err)
	}
	return true, r.Objects.PutObject(ctx, ProofObject(r.sale.ID), body, contentJSON, "max-age=60")
}

// ask takes the round's randomness, which is the sum of its signature, if the signature is the chain's own: anything else would make a draw that nobody can
// verify.
func (r *round) ask(ctx context.Context, d *Draw) error {
	signature, err := r.Beacons.Signature(ctx, *r.sale.Beacon, d.Round)
	if err != nil {
		return err
	}
	raw, err := hex.DecodeString(signature)
	if err != nil || !d.Chain.Signed(d.Round, signature) {
		return errors.New("its signature is not that of the chain")
	}
	d.Randomness, d.Signature = verifydraw.Sum(raw), signature
	return nil
}

// placeDrawn writes the next blocks of the draw, and sends them to the placers, who make the records.
func (r *round) placeDrawn(ctx context.Context, d *Draw) error {
	if r.list == nil {
		text, err := r.Objects.GetObject(ctx, ListObject(r.sale.ID))
		if err != nil {
			return err
		}
		if verifydraw.Sum(text) != d.ListSHA256 {
			return errors.New("the list that was published is not the one that was closed: put it back, or nobody can be drawn")
		}
		r.list = strings.Fields(string(text))
	}
	if r.order == nil {
		var err error
		if r.order, err = verifydraw.Order(d.Seed, r.list); err != nil {
			return err
		}
	}
	order := r.order
	from, to := d.Blocks, min(d.Blocks+drawAtOnce, blocksOf(d.Count))
	err := each(int(to-from), func(i int) error {
		at := (from + int64(i)) * drawBlock
		return r.Store.PutBlock(ctx, Block{
			Sale: r.sale.ID, Line: DrawLine, Number: from + int64(i) + 1, First: at + 1, Fans: order[at:min(at+drawBlock, d.Count)],
			At: d.ListedAt, Expires: r.expires(d.ListedAt),
		})
	})
	if err != nil {
		return err
	}
	var bodies []string
	for number := from + 1; number <= to; number++ {
		body, err := Message{Sale: r.sale.ID, Block: number}.encode()
		if err != nil {
			return err
		}
		bodies = append(bodies, body)
	}
	err = each((len(bodies)+sendAtOnce-1)/sendAtOnce, func(i int) error {
		return r.Joins.SendBatch(ctx, bodies[i*sendAtOnce:min((i+1)*sendAtOnce, len(bodies))])
	})
	if err != nil {
		return err
	}
	if d.Blocks = to; to == blocksOf(d.Count) {
		d.Stage, r.list, r.order = DrawPlaced, nil, nil
	}
	return nil
}

// ReadArrivals returns all who came before the draw, strongly consistent, some of them more than once.
func (s *Store) ReadArrivals(ctx context.Context, sale string) ([]string, error) {
	var fans []string
	err := s.scan(ctx, &dynamodb.Scan{
		TableName: s.Tables.Line, ConsistentRead: true,
		FilterExpression:          "begins_with(#id, :arrivals)",
		ExpressionAttributeNames:  map[string]string{"#id": LineKey},
		ExpressionAttributeValues: dynamodb.Item{":arrivals": dynamodb.String(arrivalsPrefix(sale))},
	}, func(item dynamodb.Item) { fans = append(fans, item["fans"].Texts()...) })
	return fans, err
}
