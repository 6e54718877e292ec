package queue

import (
	"context"
	"fmt"
	"strconv"

	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// Window is one of a sale's windows. Times are milliseconds since 1970.
type Window struct {
	Number  int // From 1.
	Fan     string
	Place   Place
	Called  int64
	Until   int64 // From then on it is free.
	Claimed int64 // 0 where it is not.
	Told    bool  // The ticketing service was told, where it assigns the windows itself.
}

// free says whether a window can be called.
func (w Window) free(now int64) bool { return w.Fan == "" || w.Until < now }

// scanWorth is how many items a scan of the windows may come across for each that is wanted before a read of every single one is taken: DynamoDB bills single
// items as if each had 4 KB, in which there is room for thirty windows (DynamoDB Developer Guide, "DynamoDB read and write operations").
const scanWorth = 8

// ReadWindows returns the windows from 1 to a number, eventually consistent: a keeper reads all of them again and again, and what it
// does by them is conditional. Those that nobody ever had are not in it.
func (s *Store) ReadWindows(ctx context.Context, sale string, to int) (map[int]Window, error) {
	windows, all, err := s.scanWindows(ctx, sale, to)
	if err != nil || all {
		return windows, err
	}
	ids := make([]string, to)
	for i := range ids {
		ids[i] = windowID(sale, i+1)
	}
	found, err := s.getMany(ctx, s.Tables.Windows, WindowsKey, ids, false)
	for _, item := range found {
		window := readWindow(item)
		windows[window.Number] = window
	}
	return windows, err
}

// scanWindows goes through the windows of all sales. It gives up, and all is false, where other sales have so many that this would cost more than it spares.
func (s *Store) scanWindows(ctx context.Context, sale string, to int) (windows map[int]Window, all bool, err error) {
	windows, budget := make(map[int]Window, to), max(to, 1)*scanWorth
	for item, err := range dynamodb.Items(ctx, s.Client.Scan, &dynamodb.Scan{TableName: s.Tables.Windows, Limit: budget + 1}) {
		if err != nil {
			return nil, false, fmt.Errorf("scan %s: %w", s.Tables.Windows, err)
		}
		if budget--; budget < 0 {
			return windows, false, nil
		}
		if window := readWindow(item); window.Number <= to && item[WindowsKey].Text() == windowID(sale, window.Number) {
			windows[window.Number] = window
		}
	}
	return windows, true, nil
}

// readWindow is a window by its item.
func readWindow(item dynamodb.Item) Window {
	number, _ := strconv.Atoi(lastPart(item[WindowsKey].Text())) // windowID made it.
	return Window{
		Number: number, Fan: item["fan"].Text(), Place: Place{item["line"].Text(), item["place"].Int()},
		Called: item["called"].Int(), Until: item["until"].Int(), Claimed: item["claimed"].Int(), Told: item["told"].Int() != 0,
	}
}

// Calling is what became of a call.
type Calling int

// What can become of it.
const (
	NotCalled   Calling = iota // Nobody knows, where there is an error with it.
	Called                     // The fan has the window.
	WindowTaken                // Somebody else has it.
	FanGone                    // The fan waits no longer at this place.
)

// stillWaits is the condition that a fan waits at a place by an attempt, with the values that it needs.
const stillWaits = "#line = :line AND #place = :place AND #attempt = :attempt AND attribute_not_exists(#called) AND attribute_not_exists(#done)"

func (f Fan) atPlace() dynamodb.Item {
	return dynamodb.Item{":line": dynamodb.String(f.Line), ":place": dynamodb.Number(f.Place), ":attempt": dynamodb.Number(int64(f.Attempt))}
}

// with adds values to some.
func with(values dynamodb.Item, name string, n int64) dynamodb.Item {
	values[name] = dynamodb.Number(n)
	return values
}

// Call gives a free window to a waiting fan, both or neither.
func (s *Store) Call(ctx context.Context, fan Fan, window int, now, until int64) (Calling, error) {
	values := with(with(with(fan.atPlace(), ":window", int64(window)), ":now", now), ":until", until)
	refused, err := s.transact(ctx,
		changing(s.Tables.Windows, WindowsKey, windowID(fan.Sale, window),
			"SET #fan = :fan, #line = :line, #place = :place, #called = :now, #until = :until REMOVE #claimed, #told",
			condition{"attribute_not_exists(#fan) OR #until < :now", dynamodb.Item{
				":fan": dynamodb.String(fan.ID), ":line": values[":line"], ":place": values[":place"], ":now": values[":now"], ":until": values[":until"],
			}}),
		changing(s.Tables.Fans, FansKey, FanKey(fan.Sale, fan.ID), "SET #window = :window, #called = :now, #until = :until", condition{stillWaits, values}))
	switch {
	case err != nil:
		return NotCalled, err
	case refused == nil:
		return Called, nil
	case refused[1]:
		return FanGone, nil
	default:
		return WindowTaken, nil
	}
}

// CallProbe calls a probe, which takes no window.
func (s *Store) CallProbe(ctx context.Context, fan Fan, now, until int64) (bool, error) {
	return s.update(ctx, s.Tables.Fans, FansKey, FanKey(fan.Sale, fan.ID), "SET #called = :now, #until = :until",
		condition{stillWaits, with(with(fan.atPlace(), ":now", now), ":until", until)})
}

// MarkGhost ends the wait of a fan who was not seen since it was read.
func (s *Store) MarkGhost(ctx context.Context, fan Fan) (bool, error) {
	values := fan.atPlace()
	values[":ghost"] = dynamodb.String(string(Ghost))
	text := stillWaits + " AND attribute_not_exists(#seen)"
	if fan.Seen != 0 {
		text, values[":seen"] = stillWaits+" AND #seen = :seen", dynamodb.Number(fan.Seen)
	}
	return s.update(ctx, s.Tables.Fans, FansKey, FanKey(fan.Sale, fan.ID), "SET #done = :ghost", condition{text, values})
}

// MarkExpired notes at a fan that its window ran out, unless it was renewed, or the fan is somewhere else by now.
func (s *Store) MarkExpired(ctx context.Context, sale string, window Window, now int64) (bool, error) {
	return s.update(ctx, s.Tables.Fans, FansKey, FanKey(sale, window.Fan), "SET #done = :expired",
		condition{"#window = :window AND #called = :called AND #until < :now AND attribute_not_exists(#done)", dynamodb.Item{
			":expired": dynamodb.String(string(Expired)), ":window": dynamodb.Number(int64(window.Number)), ":called": dynamodb.Number(window.Called), ":now": dynamodb.Number(now),
		}})
}

// MarkTold notes at a window that the ticketing service was told of its fan.
func (s *Store) MarkTold(ctx context.Context, sale string, window Window) (bool, error) {
	return s.update(ctx, s.Tables.Windows, WindowsKey, windowID(sale, window.Number), "SET #told = :yes",
		condition{"#fan = :fan AND #called = :called", dynamodb.Item{
			":fan": dynamodb.String(window.Fan), ":called": dynamodb.Number(window.Called), ":yes": dynamodb.Number(1),
		}})
}

// Counter returns the last block and the last place that were taken of a line, strongly consistent.
func (s *Store) Counter(ctx context.Context, sale, line string) (block, place int64, err error) {
	item, err := s.get(ctx, s.Tables.Line, LineKey, counterID(sale, line), true)
	return item["block"].Int(), item["place"].Int(), err
}
