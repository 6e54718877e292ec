package queue

import (
	"github.com/burstline/terraform-provider-serverless/functions/internal/dynamodb"
)

// Key attributes of the tables, all of type string.
const (
	SalesKey   = "sale" // The sales table: one item per sale.
	FansKey    = "fan"  // The fans table: one item per fan and sale, FanKey.
	LineKey    = "id"   // The line table: counters, blocks, arrivals, draws.
	WindowsKey = "id"   // The windows table: one item per window that a fan has.
	StateKey   = "id"   // The state table: the keepers' progress, their lease, the status.
)

// ExpiresAttribute is the attribute of fans, blocks and arrivals by which DynamoDB deletes them (time to live, seconds since 1970).
const ExpiresAttribute = "expires"

// Attributes of the sales table.
const (
	ConfigAttribute  = "config"  // The sale as the provider configures it: a Sale in JSON.
	ControlAttribute = "control" // What operators changed: a Control in JSON. No apply writes it.
)

// Done is why a fan waits no longer and has no window.
type Done string

// The reasons. All but Purchased may join again, with a greater attempt, for a new place.
const (
	Purchased Done = "purchased"
	Expired   Done = "expired" // The window ran out, claimed or not. Until somebody writes so, Fan.Until tells.
	Left      Done = "left"
	Ghost     Done = "ghost"   // Did not answer near the front.
	Revoked   Done = "revoked" // An operator took back the place or the window.
)

// Fan is a fan's record. Its place is written once for an attempt. Times are milliseconds since 1970.
type Fan struct {
	Sale        string
	ID          string
	Line        string
	Place       int64
	Joined      int64  // When SQS took the message.
	Attempt     int    // How often this fan had joined before.
	Seen        int64  // When last seen near the front; 0 where never.
	Window      int    // From 1; 0 where none was called, or a probe was, which takes none.
	Called      int64  // When called; 0 where not.
	Until       int64  // When the window is free again.
	Claimed     int64  // When claimed; 0 where not.
	Renewed     int    // How often.
	Done        Done   // Empty while the fan waits or has a window.
	Redeemed    int64  // When the pass was used; 0 where not.
	PurchaseURL string // Where an external assigner sends the fan; empty for the sale's.
	Probe       bool
	Expires     int64 // Seconds since 1970; 0 for never.
}

// waiting says whether a fan is in line.
func (f Fan) waiting() bool { return f.Done == "" && f.Called == 0 }

// over says whether a fan may join again: done, or with a window that ran out.
func (f Fan) over(now int64) bool {
	return f.Done != "" && f.Done != Purchased || f.Done == "" && f.Called != 0 && f.Until < now
}

func fanItem(fan Fan) dynamodb.Item {
	item := dynamodb.Item{
		FansKey: dynamodb.String(FanKey(fan.Sale, fan.ID)), "line": dynamodb.String(fan.Line), "place": dynamodb.Number(fan.Place),
		"joined": dynamodb.Number(fan.Joined), "attempt": dynamodb.Number(int64(fan.Attempt)),
	}
	if fan.Probe {
		item["probe"] = dynamodb.Number(1)
	}
	dynamodb.SetNumber(item, ExpiresAttribute, fan.Expires)
	return item
}

func readFan(sale, id string, item dynamodb.Item) Fan {
	return Fan{
		Sale: sale, ID: id, Line: item["line"].Text(), Place: item["place"].Int(), Joined: item["joined"].Int(),
		Attempt: int(item["attempt"].Int()), Seen: item["seen"].Int(), Window: int(item["window"].Int()),
		Called: item["called"].Int(), Until: item["until"].Int(), Claimed: item["claimed"].Int(),
		Renewed: int(item["renewed"].Int()), Done: Done(item["done"].Text()), Redeemed: item["redeemed"].Int(),
		PurchaseURL: item["purchase_url"].Text(), Probe: item["probe"].Int() != 0, Expires: item[ExpiresAttribute].Int(),
	}
}

// Block is a row of places of a line, as a placer took it. A fan's record is the truth: an entry whose record names another place is a gap.
type Block struct {
	Sale    string
	Line    string
	Number  int64 // From 1.
	First   int64 // The place of the first of Fans.
	Fans    []string
	At      int64 // When the places were taken, by the placer's clock.
	Expires int64
}

func blockItem(block Block) dynamodb.Item {
	item := dynamodb.Item{
		LineKey: dynamodb.String(blockID(block.Sale, block.Line, block.Number)), "first": dynamodb.Number(block.First),
		"fans": dynamodb.Strings(block.Fans), "at": dynamodb.Number(block.At),
	}
	dynamodb.SetNumber(item, ExpiresAttribute, block.Expires)
	return item
}

func readBlock(sale, line string, number int64, item dynamodb.Item) Block {
	return Block{
		Sale: sale, Line: line, Number: number, First: item["first"].Int(), Fans: item["fans"].Texts(), At: item["at"].Int(),
	}
}

// end is the place of the block's last fan.
func (b Block) end() int64 { return b.First + int64(len(b.Fans)) - 1 }
