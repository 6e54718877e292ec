package queue

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
	"github.com/burstline/terraform-provider-serverless/functions/queue/verifydraw"
)

// DrawStage is how far a draw is.
type DrawStage string

// The stages, in their order.
const (
	DrawCommitted DrawStage = "committed" // The secret is made and its SHA-256 published.
	DrawClosed    DrawStage = "closed"    // Nobody comes to the list any more; those who were on their way to it arrive.
	DrawListed    DrawStage = "listed"    // The list, its SHA-256 and the beacon's round are published.
	DrawDrawn     DrawStage = "drawn"     // The seed and with it the order is known.
	DrawPlaced    DrawStage = "placed"    // All places are written down.
)

// Draw is how far a sale's draw is. Times are milliseconds since 1970, sums are SHA-256 in hex.
type Draw struct {
	Stage      DrawStage
	Secret     string // 32 random bytes, in hex; public when the order is known.
	Commitment string // The sum of Secret's bytes.
	ClosedAt   int64
	Count      int64
	ListSHA256 string // As ListSum makes it.
	ListedAt   int64
	Chain      verifydraw.Chain // The beacon's; the zero one where there is none.
	Round      int64            // Of the beacon; 0 where there is none.
	RoundAt    int64            // When the round comes.
	Randomness string           // The round's, in hex; empty where there is none.
	Signature  string
	Missed     bool   // The beacon did not answer for so long that the draw was made without it.
	Seed       string // As Seed makes it.
	Blocks     int64  // How many blocks were written and sent.
	Version    int64
}

// listOpen says whether fans who come before the opening come to the list.
func (d Draw) listOpen() bool { return d.Stage == "" || d.Stage == DrawCommitted }

// ReadDraw returns a sale's draw, strongly consistent; the zero Draw where there is none.
func (s *Store) ReadDraw(ctx context.Context, sale string) (Draw, error) {
	item, err := s.get(ctx, s.Tables.Line, LineKey, drawID(sale), true)
	if err != nil {
		return Draw{}, err
	}
	draw := Draw{
		Stage: DrawStage(item["stage"].Text()), Secret: item["secret"].Text(), Commitment: item["commitment"].Text(),
		ClosedAt: item["closed_at"].Int(), Count: item["count"].Int(), ListSHA256: item["list_sha"].Text(),
		ListedAt: item["listed_at"].Int(), Round: item["round"].Int(), RoundAt: item["round_at"].Int(),
		Randomness: item["randomness"].Text(), Signature: item["signature"].Text(), Missed: item["missed"].Int() != 0,
		Seed: item["seed"].Text(), Blocks: item["blocks"].Int(), Version: item["version"].Int(),
	}
	if chain := item["chain"].Text(); chain != "" {
		if err := json.Unmarshal([]byte(chain), &draw.Chain); err != nil {
			return Draw{}, fmt.Errorf("read the chain of the draw of %s: %w", sale, err)
		}
	}
	return draw, nil
}

// PutDraw writes a draw where the one before it, of Version one less, stands, and says whether it did.
func (s *Store) PutDraw(ctx context.Context, sale string, draw Draw) (bool, error) {
	item := dynamodb.Item{LineKey: dynamodb.String(drawID(sale)), "stage": dynamodb.String(string(draw.Stage)), "version": dynamodb.Number(draw.Version)}
	for attribute, text := range map[string]string{
		"secret": draw.Secret, "commitment": draw.Commitment, "list_sha": draw.ListSHA256, "randomness": draw.Randomness,
		"signature": draw.Signature, "seed": draw.Seed,
	} {
		dynamodb.SetString(item, attribute, text)
	}
	for attribute, n := range map[string]int64{
		"closed_at": draw.ClosedAt, "count": draw.Count, "listed_at": draw.ListedAt, "round": draw.Round, "round_at": draw.RoundAt, "blocks": draw.Blocks,
	} {
		dynamodb.SetNumber(item, attribute, n)
	}
	if draw.Chain != (verifydraw.Chain{}) {
		chain, err := json.Marshal(draw.Chain)
		if err != nil {
			return false, fmt.Errorf("encode the chain of the draw of %s: %w", sale, err)
		}
		item["chain"] = dynamodb.String(string(chain))
	}
	if draw.Missed {
		item["missed"] = dynamodb.Number(1)
	}
	if draw.Version == 1 {
		return s.put(ctx, s.Tables.Line, item, condition{text: "attribute_not_exists(#id)"})
	}
	return s.put(ctx, s.Tables.Line, item, condition{"#version = :former", dynamodb.Item{":former": dynamodb.Number(draw.Version - 1)}})
}

// PutArrivals keeps those who came before the draw, under an id that nobody else has.
func (s *Store) PutArrivals(ctx context.Context, sale, id string, fans []string, expires int64) error {
	item := dynamodb.Item{LineKey: dynamodb.String(arrivalsPrefix(sale) + id), "fans": dynamodb.Strings(fans)}
	dynamodb.SetNumber(item, ExpiresAttribute, expires)
	_, err := s.put(ctx, s.Tables.Line, item, condition{text: "attribute_not_exists(#id)"})
	return err
}
