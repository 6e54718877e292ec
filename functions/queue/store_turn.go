package queue

import (
	"context"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// ReadFan returns a fan's record, and whether there is one.
func (s *Store) ReadFan(ctx context.Context, sale, id string, consistent bool) (Fan, bool, error) {
	item, err := s.get(ctx, s.Tables.Fans, FansKey, FanKey(sale, id), consistent)
	if err != nil || len(item) == 0 {
		return Fan{}, false, err
	}
	return readFan(sale, id, item), true, nil
}

// MarkSeen notes that a waiting fan was there.
func (s *Store) MarkSeen(ctx context.Context, fan Fan, now int64) (bool, error) {
	return s.update(ctx, s.Tables.Fans, FansKey, FanKey(fan.Sale, fan.ID), "SET #seen = :now", condition{stillWaits, with(fan.atPlace(), ":now", now)})
}

// hasWindow is the condition that a fan has the window of its last call.
const hasWindow = "#attempt = :attempt AND #called = :called AND attribute_not_exists(#done)"

func (f Fan) inWindow() dynamodb.Item {
	return dynamodb.Item{":attempt": dynamodb.Number(int64(f.Attempt)), ":called": dynamodb.Number(f.Called)}
}

// hold changes a fan's record and the window that it has, both or neither. A probe has none.
func (s *Store) hold(ctx context.Context, fan Fan, now, until int64, window, record string, values dynamodb.Item, where string) (bool, error) {
	ofFan := fan.inWindow()
	for name, value := range values {
		ofFan[name] = value
	}
	with(with(ofFan, ":now", now), ":until", until)
	where = hasWindow + " AND #until >= :now" + where
	if fan.Window == 0 {
		return s.update(ctx, s.Tables.Fans, FansKey, FanKey(fan.Sale, fan.ID), record, condition{where, ofFan})
	}
	refused, err := s.transact(ctx,
		changing(s.Tables.Windows, WindowsKey, windowID(fan.Sale, fan.Window), window, condition{"#fan = :fan AND #called = :called AND #until >= :now", dynamodb.Item{
			":fan": dynamodb.String(fan.ID), ":called": dynamodb.Number(fan.Called), ":now": dynamodb.Number(now), ":until": dynamodb.Number(until),
		}}),
		changing(s.Tables.Fans, FansKey, FanKey(fan.Sale, fan.ID), record, condition{where, ofFan}))
	return err == nil && refused == nil, err
}

// Claim takes the window that the fan was called to.
func (s *Store) Claim(ctx context.Context, fan Fan, now, until int64) (bool, error) {
	const claim = "SET #until = :until, #claimed = :now"
	return s.hold(ctx, fan, now, until, claim, claim, nil, " AND attribute_not_exists(#claimed)")
}

// Renew keeps a claimed window for longer. It counts from what the fan's record said when it was read.
func (s *Store) Renew(ctx context.Context, fan Fan, now, until int64) (bool, error) {
	values := dynamodb.Item{":next": dynamodb.Number(int64(fan.Renewed) + 1)}
	where := " AND attribute_exists(#claimed) AND attribute_not_exists(#renewed)"
	if fan.Renewed > 0 {
		values[":renewed"] = dynamodb.Number(int64(fan.Renewed))
		where = " AND attribute_exists(#claimed) AND #renewed = :renewed"
	}
	return s.hold(ctx, fan, now, until, "SET #until = :until", "SET #until = :until, #renewed = :next", values, where)
}

// End ends a fan's wait, or frees the window, which nobody has afterwards. Where the window ran out and somebody else has it, only the fan's record is changed.
func (s *Store) End(ctx context.Context, fan Fan, done Done) (bool, error) {
	record := "SET #done = :done"
	if fan.waiting() {
		values := fan.atPlace()
		values[":done"] = dynamodb.String(string(done))
		return s.update(ctx, s.Tables.Fans, FansKey, FanKey(fan.Sale, fan.ID), record, condition{stillWaits, values})
	}
	values := fan.inWindow()
	values[":done"] = dynamodb.String(string(done))
	if fan.Window != 0 {
		refused, err := s.transact(ctx,
			changing(s.Tables.Windows, WindowsKey, windowID(fan.Sale, fan.Window), "REMOVE #fan, #line, #place, #called, #until, #claimed, #told",
				condition{"#fan = :fan AND #called = :called", dynamodb.Item{":fan": dynamodb.String(fan.ID), ":called": dynamodb.Number(fan.Called)}}),
			changing(s.Tables.Fans, FansKey, FanKey(fan.Sale, fan.ID), record, condition{hasWindow, values}))
		if err != nil || refused == nil {
			return err == nil, err
		}
	}
	where := hasWindow
	if done == Purchased { // Bought is bought, though the window ran out meanwhile.
		where = "#attempt = :attempt AND #called = :called AND (attribute_not_exists(#done) OR #done = :expired)"
		values[":expired"] = dynamodb.String(string(Expired))
	}
	return s.update(ctx, s.Tables.Fans, FansKey, FanKey(fan.Sale, fan.ID), record, condition{where, values})
}

// Redeem notes that a fan's pass was used, and says whether it was the first time.
func (s *Store) Redeem(ctx context.Context, fan Fan, now int64) (bool, error) {
	return s.update(ctx, s.Tables.Fans, FansKey, FanKey(fan.Sale, fan.ID), "SET #redeemed = :now",
		condition{hasWindow + " AND attribute_not_exists(#redeemed)", with(fan.inWindow(), ":now", now)})
}

// Assign tells a fan who was called where to go, and gives the window until a time.
func (s *Store) Assign(ctx context.Context, fan Fan, purchaseURL string, now, until int64) (bool, error) {
	return s.hold(ctx, fan, now, until, "SET #until = :until", "SET #until = :until, #purchase_url = :url", dynamodb.Item{":url": dynamodb.String(purchaseURL)}, "")
}
