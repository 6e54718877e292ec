package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// ReadFans returns the records of fans by id. Those without one are not in it.
func (s *Store) ReadFans(ctx context.Context, sale string, ids []string, consistent bool) (map[string]Fan, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = FanKey(sale, id)
	}
	found, err := s.getMany(ctx, s.Tables.Fans, FansKey, keys, consistent)
	fans := make(map[string]Fan, len(found))
	for key, item := range found {
		fans[lastPart(key)] = readFan(sale, lastPart(key), item)
	}
	return fans, err
}

// TakeRange takes the next n places of a line, for ever, and the number of the block that holds them. If the answer is lost they belong to nobody.
func (s *Store) TakeRange(ctx context.Context, sale, line string, n int) (block, first int64, err error) {
	change := "ADD #block :one, #place :n"
	changed, err := s.Client.UpdateReturning(ctx, &dynamodb.UpdateItem{
		TableName: s.Tables.Line, Key: dynamodb.Item{LineKey: dynamodb.String(counterID(sale, line))}, UpdateExpression: change,
		ExpressionAttributeNames:  dynamodb.Names(change),
		ExpressionAttributeValues: dynamodb.Item{":one": dynamodb.Number(1), ":n": dynamodb.Number(int64(n))},
	})
	if err != nil {
		return 0, 0, fmt.Errorf("update item in %s: %w", s.Tables.Line, err)
	}
	block, last := changed["block"].Int(), changed["place"].Int()
	if block < 1 || last < int64(n) {
		return 0, 0, errors.New("the counter's answer has no range")
	}
	return block, last - int64(n) + 1, nil
}

// PutBlock writes a block unless it stands: there is only one of a number.
func (s *Store) PutBlock(ctx context.Context, block Block) error {
	_, err := s.put(ctx, s.Tables.Line, blockItem(block), condition{text: "attribute_not_exists(#id)"})
	return err
}

// ReadBlocks returns blocks of a line by number, strongly consistent. Those that are missing are not in it.
func (s *Store) ReadBlocks(ctx context.Context, sale, line string, numbers []int64) (map[int64]Block, error) {
	ids, of := make([]string, len(numbers)), make(map[string]int64, len(numbers))
	for i, number := range numbers {
		ids[i] = blockID(sale, line, number)
		of[ids[i]] = number
	}
	found, err := s.getMany(ctx, s.Tables.Line, LineKey, ids, true)
	blocks := make(map[int64]Block, len(found))
	for id, item := range found {
		blocks[of[id]] = readBlock(sale, line, of[id], item)
	}
	return blocks, err
}

// InsertFans makes records of different keys, each unless its key has one. It says of each what became of it; err is why anything is unknown.
func (s *Store) InsertFans(ctx context.Context, fans []Fan) ([]dynamodb.Insertion, error) {
	items := make([]dynamodb.Item, len(fans))
	for i := range fans {
		items[i] = fanItem(fans[i])
	}
	return dynamodb.Insert(ctx, s.Client, s.Tables.Fans, items, callsAtOnce)
}

// ReplaceFan gives a fan who is over a new place, by a greater attempt. It says whether it did.
func (s *Store) ReplaceFan(ctx context.Context, fan Fan, now int64) (bool, error) {
	return s.put(ctx, s.Tables.Fans, fanItem(fan), condition{
		"attribute_not_exists(#fan) OR #attempt < :attempt AND (attribute_exists(#done) AND #done <> :purchased OR attribute_not_exists(#done) AND #until < :now)",
		dynamodb.Item{":attempt": dynamodb.Number(int64(fan.Attempt)), ":purchased": dynamodb.String(string(Purchased)), ":now": dynamodb.Number(now)},
	})
}

// fromAnotherDevice is the condition that a fan waits in the queue as one who joined once more while places were drawn: who lost a drawn place and came back has a greater
// attempt.
const fromAnotherDevice = "#line = :queue AND #attempt = :first AND attribute_not_exists(#called) AND attribute_not_exists(#done)"

func ofTheQueue() dynamodb.Item {
	return dynamodb.Item{":queue": dynamodb.String(QueueLine), ":first": dynamodb.Number(0)}
}

// ReplaceByDrawn gives a fan who waits in the queue since another device joined, too, the place that was drawn. It says whether it did.
func (s *Store) ReplaceByDrawn(ctx context.Context, fan Fan) (bool, error) {
	return s.put(ctx, s.Tables.Fans, fanItem(fan), condition{fromAnotherDevice, ofTheQueue()})
}

// MoveToDrawn is ReplaceByDrawn for a keeper, which may put no records.
func (s *Store) MoveToDrawn(ctx context.Context, fan Fan) (bool, error) {
	values := with(ofTheQueue(), ":place", fan.Place)
	values[":line"] = dynamodb.String(fan.Line)
	return s.update(ctx, s.Tables.Fans, FansKey, FanKey(fan.Sale, fan.ID), "SET #line = :line, #place = :place", condition{fromAnotherDevice, values})
}
